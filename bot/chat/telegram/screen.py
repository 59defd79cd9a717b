"""Showing cards in Telegram: one message for each request, and at the end its pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Migrated, Refused, Trouble, Unsure
from bot.chat.telegram.delivery import Delivery
from bot.chat.telegram.latest import Latest
from bot.chat.telegram.places import REMEMBERED, Places
from bot.chat.telegram.poster import Poster
from bot.domain.text import Text
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.card_situation import Offers, Rung
from bot.presentation.card_words import eta
from bot.presentation.cards import Card, CardState, Picture
from bot.presentation.language import ENGLISH, Language
from bot.service import courier
from bot.service.nsfw import SPOILER
from bot.service.parcels.limits import JPEG, TELEGRAM, Form, Limits
from bot.service.parcels.pace import PreviewPace
from bot.service.parcels.packing import Packer, ParcelFile
from bot.service.parcels.preview import preview_jpeg
from bot.service.records import RequestRecord
from bot.service.screens import Shown

PLATFORM = "telegram"
ORIGINALS = "originals"
"""Of a request's options: everything as files, nothing as photos."""
PREVIEW_EVERY = 10.0
PREVIEW_SECONDS = 5.0
"""An unfinished picture that takes longer is given up: words go before it."""
SOON = tuple(Text("{eta} left", eta=eta(seconds)) for seconds in (5, 8))
ACTION_EVERY = {"private": 5.0, "group": 60.0}
"""Seconds between two words that a picture comes, in one chat: it is seen for five, and counts as a call."""


class TelegramScreen:
    """:class:`bot.service.screens.Screen` over a bot."""

    platform = PLATFORM

    def __init__(
        self,
        poster: Poster,
        places: Places,
        *,
        packer: Packer,
        offers: Callable[[RequestRecord], Offers],
        monotonic: Callable[[], float],
        language_of: Callable[[RequestRecord], Language] = lambda _: ENGLISH,
        previews: bool = True,
        limits: Limits = TELEGRAM,
    ) -> None:
        """``monotonic``: seconds. ``previews``: show unfinished pictures. ``limits``: a server of one's own
        takes more."""
        self._poster = poster
        self._places = places
        self._packer = packer
        self._offers = offers
        self._monotonic = monotonic
        self._language_of = language_of
        self._previews = previews
        self._limits = limits
        self._pace = PreviewPace(PREVIEW_EVERY)
        self._announced: Latest[int, float] = Latest(REMEMBERED)

    def offers(self, request: RequestRecord) -> Offers:
        # There are no menus on messages here.
        return replace(self._offers(request), details=True)

    def route(self, request: RequestRecord, now: int) -> Route | None:  # noqa: ARG002
        address = self._places.of(request)
        return None if address is None else _route(address)

    def cost(self, shown: Shown) -> int:
        """How many messages Telegram counts: each picture of an album."""
        pictures = len(shown.card.pictures) if shown.deliver else 0
        return pictures + 1 if pictures > 1 else 1

    def forget(self, request: RequestRecord) -> None:
        self._pace.forget(request.id)

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        address = self._places.of(request)
        if address is None:
            return Gone()
        answer = await self._progress(request, address, shown)
        if isinstance(answer, Address):
            await self._places.move(request, answer)
            return await self._announce(answer, shown.card)
        return self._refused(address, answer)

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
                poster=self._poster_for(request),
                places=self._places,
                too_large=lambda: _at(shown, Rung.TOO_LARGE, limits),
                kept=shown.card_if or (lambda _: shown.card),
            )
            return await delivery.bring(address)

    async def original(self, address: Address, picture: Picture) -> Address | Trouble:
        """One picture as the file that it is, in a message of its own; Gone when there is none any more."""
        async with self._packer.pack([picture], replace(self._limits, photo=None), overview=False) as packed:
            if not packed.parcels:
                return Gone()
            return await self._poster.send(address, packed.parcels[0].files[0])

    def upgraded(self, group: int, supergroup: int) -> None:
        """Telegram has said that a group is a supergroup now."""
        self._places.upgraded(group, supergroup)

    async def remove(self, request: RequestRecord) -> Trouble | None:
        """Take the reply away, with its pictures. None when they are gone; Telegram lets bots delete what is
        younger than 48 hours."""
        address = self._places.of(request)
        if address is None:
            return Gone()
        messages = [message for message in (address.message, *address.album) if message]
        return await self._poster.delete(address.chat, messages) if messages else None

    # Progress

    async def _progress(self, request: RequestRecord, address: Address, shown: Shown) -> Address | Trouble:
        poster = self._poster_for(request)
        if not address.message:
            return await poster.say(address, shown.card)
        if shown.preview is not None and self._previews:
            answer = await self._unfinished(poster, request, address, shown)
            if answer is not None:
                return answer
        return await poster.redraw(address, shown.card)

    async def _unfinished(
        self, poster: Poster, request: RequestRecord, address: Address, shown: Shown
    ) -> Address | Trouble | None:
        """With the unfinished picture; None where it is not its turn, or takes too long."""
        if not self._pace.due(request.id, _route(address), self._monotonic()):
            return None
        picture = await preview_jpeg(shown.preview or b"")
        answer: Address | Trouble | None = None
        if picture is not None:
            file = _preview_file(picture, spoiler=bool(request.options.get(SPOILER)))
            try:
                async with asyncio.timeout(PREVIEW_SECONDS):
                    answer = await poster.turn_into(address, shown.card, file)
            except TimeoutError:
                answer = None
        self._pace.tried(request.id, self._monotonic(), arrived=isinstance(answer, Address))
        return None if isinstance(answer, Refused | Transient) else answer

    def _refused(self, address: Address, trouble: Trouble) -> Refusal | None:
        match trouble:
            case RetryAfter() | Transient():
                return trouble
            case Migrated(chat=chat):
                # Its next card is a new message there.
                self._places.upgraded(address.chat, chat)
                return Transient()
            case Gone() | Refused() | Unsure():
                return Gone()

    def _poster_for(self, request: RequestRecord) -> Poster:
        return self._poster.speaking(self._language_of(request))

    async def _announce(self, address: Address, card: Card) -> Refusal | None:
        """Near the end Telegram can say above the chat that a picture comes."""
        soon = card.state is CardState.RUNNING and card.progress is not None and card.progress.eta in SOON
        now, before = self._monotonic(), self._announced.get(address.chat)
        pause = ACTION_EVERY[_route(address).kind]
        if not soon or (before is not None and now - before < pause):
            return None
        self._announced.put(address.chat, now)
        answer = await self._poster.say_that_a_picture_comes(address)
        return answer if isinstance(answer, RetryAfter) else None


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
