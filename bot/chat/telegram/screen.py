"""Showing cards in Telegram: one message for each request, and at the end its pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Migrated, Refused, Trouble, Unsure
from bot.chat.telegram.delivery import Delivery
from bot.chat.telegram.latest import K, Latest
from bot.chat.telegram.places import REMEMBERED, Places
from bot.chat.telegram.poster import Poster
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.card_situation import Offers, Rung
from bot.presentation.card_words import eta
from bot.presentation.cards import Card, CardState, Picture
from bot.service import courier
from bot.service.parcels.limits import JPEG, TELEGRAM, Form, Limits
from bot.service.parcels.packing import Packer, ParcelFile
from bot.service.parcels.preview import preview_jpeg
from bot.service.records import RequestRecord
from bot.service.reporter import Shown

PLATFORM = "telegram"
ORIGINALS = "originals"
"""Of a request's options: everything as files, nothing as photos."""
PREVIEW_EVERY = 10.0
"""Seconds between two unfinished pictures of a request: each is an upload."""
SOON = tuple(Text("{eta} left", eta=eta(seconds)) for seconds in (5, 8))
ACTION_EVERY = {"private": 5.0, "group": 60.0}
"""Seconds between two words that a picture comes, in one chat: it is seen for five, and counts as a call."""


class TelegramScreen:
    """:class:`bot.service.reporter.Screen` over a bot."""

    platform = PLATFORM

    def __init__(
        self,
        poster: Poster,
        places: Places,
        *,
        packer: Packer,
        offers: Callable[[RequestRecord], Offers],
        monotonic: Callable[[], float],
        limits: Limits = TELEGRAM,
    ) -> None:
        """``limits``: a server of one's own takes more."""
        self._poster = poster
        self._places = places
        self._packer = packer
        self._offers = offers
        self._monotonic = monotonic
        self._limits = limits
        self._over: Latest[tuple[RequestId, str], bool] = Latest(REMEMBERED)
        """Replies in which no progress is shown any more: gone, or nobody knows whether they are there."""
        self._previewed: Latest[RequestId, float] = Latest(REMEMBERED)
        self._announced: Latest[int, float] = Latest(REMEMBERED)

    def offers(self, request: RequestRecord) -> Offers:
        return self._offers(request)

    def route(self, request: RequestRecord, now: int) -> Route | None:  # noqa: ARG002
        address = self._places.of(request)
        return None if address is None else _route(address)

    def cost(self, shown: Shown) -> int:
        """How many messages Telegram counts: each picture of an album."""
        pictures = len(shown.card.pictures) if shown.deliver else 0
        return pictures + 1 if pictures > 1 else 1

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        address = self._places.of(request)
        if address is None or self._over.get(_key(request)):
            return Gone()
        answer = await self._progress(request, address, shown)
        if isinstance(answer, Address):
            await self._places.move(request, answer)
            return await self._announce(answer, shown.card)
        return await self._refused(request, address, answer)

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        address = self._places.of(request)
        if address is None:
            return courier.Nowhere("no address")
        limits = replace(self._limits, photo=None) if request.options.get(ORIGINALS) else self._limits
        # Below an unfinished picture words alone have no place: an overview takes it.
        overview = address.media and len(shown.card.pictures) > 1
        async with self._packer.pack(shown.card.pictures, limits, overview=overview) as packed:
            delivery = Delivery(
                request,
                _at(shown, packed.rung, limits),
                packed.parcels,
                poster=self._poster,
                places=self._places,
                too_large=lambda: _at(shown, Rung.TOO_LARGE, limits),
            )
            return await delivery.bring(address)

    async def original(self, address: Address, picture: Picture) -> courier.Outcome | Refusal:
        """One picture as the file that it is, in a message of its own."""
        async with self._packer.pack([picture], replace(self._limits, photo=None), overview=False) as packed:
            if not packed.parcels:
                return courier.Nowhere("the file is not there any more, or too large")
            answer = await self._poster.send(address, packed.parcels[0].files[0])
        match answer:
            case Address():
                return courier.Sent(f"{answer.chat}/{answer.message}")
            case Unsure():
                return courier.MaybeSent()
            case RetryAfter() | Transient():
                return answer
        return courier.Nowhere("the chat cannot be reached")

    async def remove(self, request: RequestRecord) -> bool:
        """Take the reply away, with its pictures; whether that could be done."""
        address = self._places.of(request)
        if address is None:
            return False
        self._over.put(_key(request), True)
        messages = [message for message in (address.message, *address.album) if message]
        return bool(messages) and await self._poster.delete(address.chat, messages)

    # Progress

    async def _progress(self, request: RequestRecord, address: Address, shown: Shown) -> Address | Trouble:
        if not address.message:
            return await self._poster.say(address, shown.card)
        if shown.preview is not None and self._due(self._previewed, request.id, PREVIEW_EVERY):
            self._previewed.put(request.id, self._monotonic())
            picture = await preview_jpeg(shown.preview)
            if picture is not None:
                file = _preview_file(picture, spoiler=bool(request.options.get("spoiler")))
                return await self._poster.turn_into(address, shown.card, file)
        return await self._poster.redraw(address, shown.card)

    async def _refused(self, request: RequestRecord, address: Address, trouble: Trouble) -> Refusal | None:
        match trouble:
            case RetryAfter() | Transient():
                return trouble
            case Migrated(chat=chat):
                # Its next card is a new message there.
                self._places.upgraded(address.chat, chat)
                return Transient()
            case Gone() | Refused() | Unsure():
                self._over.put(_key(request), True)
                return Gone()

    async def _announce(self, address: Address, card: Card) -> Refusal | None:
        """Near the end Telegram can say above the chat that a picture comes."""
        soon = card.state is CardState.RUNNING and card.progress is not None and card.progress.eta in SOON
        if not soon or not self._due(self._announced, address.chat, ACTION_EVERY[_route(address).kind]):
            return None
        self._announced.put(address.chat, self._monotonic())
        answer = await self._poster.say_that_a_picture_comes(address)
        return answer if isinstance(answer, RetryAfter) else None

    def _due(self, last: Latest[K, float], key: K, every: float) -> bool:
        before = last.get(key)
        return before is None or self._monotonic() - before >= every


def _key(request: RequestRecord) -> tuple[RequestId, str]:
    return request.id, request.reply or ""


def _route(address: Address) -> Route:
    return Route("group" if address.is_group else "private", str(address.chat))


def _at(shown: Shown, rung: Rung, limits: Limits) -> Card:
    """The card that says how the pictures were made to fit."""
    if rung is Rung.ORIGINAL or shown.card_at is None:
        return shown.card
    return shown.card_at(rung, limits.most_bytes)


def _preview_file(content: bytes, *, spoiler: bool) -> ParcelFile:
    return ParcelFile(
        name="preview.jpg",
        content=content,
        size=len(content),
        mime=JPEG,
        form=Form.PHOTO,
        rung=Rung.SMALLER,
        width=0,
        height=0,
        alt="",
        spoiler=spoiler,
        picture=None,
    )
