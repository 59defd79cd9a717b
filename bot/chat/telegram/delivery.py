"""Bringing one result: the reply becomes the picture, or the words above an album, or moves elsewhere.

An edit may be made again whatever became of the first. What is new may not: before it is sent, it is written
down that it was tried, so that no later process sends it once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Migrated, Refused, Trouble, Unsure, Why
from bot.chat.telegram.originals import original_buttons
from bot.chat.telegram.places import Places
from bot.chat.telegram.poster import Poster
from bot.chat.telegram.writer import More
from bot.domain.jobs import DeliveryState
from bot.domain.text import Text
from bot.domain.throttle import Refusal, RetryAfter, Transient
from bot.presentation.cards import Card
from bot.service import courier
from bot.service.parcels.packing import Parcel, ParcelFile
from bot.service.records import RequestRecord

T = TypeVar("T")
End = courier.Outcome | Refusal
_CHANGES_OF_ADDRESS = 2
"""A group migrates once."""


class Delivery:
    """Of one request, at one try. ``too_large``: its card where not even its smallest form gets through;
    ``kept``: the one for a result that is kept instead, or may have been shown."""

    def __init__(
        self,
        request: RequestRecord,
        card: Card,
        parcels: Sequence[Parcel],
        *,
        poster: Poster,
        places: Places,
        too_large: Callable[[], Card],
        kept: Callable[[DeliveryState], Card],
    ) -> None:
        self._request = request
        self._card = card
        self._parcels = [_pictures(parcel) for parcel in parcels]
        self._files = [file for files in self._parcels for file in files]
        self._overview = next(
            (file for parcel in parcels for file in parcel.files if file.picture is None), None
        )
        self._poster = poster
        self._places = places
        self._too_large = too_large
        self._kept = kept

    async def bring(self, address: Address) -> End:
        if address.trying:
            return await self._unsure(address)
        if len(self._files) > 1 or address.sent:
            return await self._at_first_that_works(self._all(address), self._album)
        if address.message:
            answer = await self._in_place(address)
            if isinstance(answer, RetryAfter | Transient):
                return answer
            if isinstance(answer, Address):
                return await self._arrived(answer)
            if isinstance(answer, Migrated):
                address = self._followed(address, answer)
        return await self._at_first_that_works(self._all(replace(address, message=0, media=False)), self._one)

    # One file, or none

    async def _in_place(self, address: Address) -> Address | Trouble:
        if self._files:
            answer = await self._poster.turn_into(address, self._card, self._files[0], self._more())
            if answer != Refused(Why.TOO_LARGE):
                return answer
            self._leave_out()
        return await self._poster.redraw(address, self._card)

    async def _one(self, place: Address) -> Address | Trouble:
        return await self._new(place, self._send_one)

    async def _send_one(self, place: Address) -> Address | Trouble:
        if self._files:
            answer = await self._poster.send(place, self._files[0], self._card, self._more())
            if answer != Refused(Why.TOO_LARGE):
                return answer
            self._leave_out()
        return await self._poster.say(place, self._card)

    # Several

    async def _album(self, place: Address) -> Address | Trouble:
        """The pictures first; then the reply says what they are, and holds the buttons, which an album
        cannot."""
        left = deque(_without(self._parcels, place.sent))
        while left:
            files = left.popleft()
            answer = await self._new(place, self._sending(files))
            if answer == Refused(Why.TOO_LARGE):
                if len(files) > 1:
                    left.extendleft((files[len(files) // 2 :], files[: len(files) // 2]))
                    continue
                self._leave_out()
                answer = ()
            if isinstance(answer, Trouble):
                return answer
            place = replace(place, sent=place.sent + len(files), album=(*place.album, *answer))
            await self._places.move(self._request, place)
        return await self._summary(place)

    def _sending(
        self, files: Sequence[ParcelFile]
    ) -> Callable[[Address], Awaitable[tuple[int, ...] | Trouble]]:
        return lambda place: self._poster.send_all(place, files)

    async def _summary(self, place: Address) -> Address | Trouble:
        if place.message:
            if place.media and self._overview is not None:
                answer = await self._poster.turn_into(place, self._card, self._overview, self._more())
            else:
                answer = await self._poster.redraw(place, self._card, self._more())
            if isinstance(answer, Address | RetryAfter | Transient):
                return answer
        said = await self._poster.say(replace(place, message=0, media=False), self._card, self._more())
        # The pictures are there, and they are what matters.
        return said if isinstance(said, Address | RetryAfter | Transient) else place

    # Places

    def _all(self, address: Address) -> Iterator[Address]:
        """Where to, one after the other. Never to another topic of the group: it may be about something
        else, for other eyes."""
        if not (self._request.private and address.is_group):
            yield address
        if address.user and address.user != address.chat:
            yield address.direct()

    async def _at_first_that_works(
        self, places: Iterator[Address], send: Callable[[Address], Awaitable[Address | Trouble]]
    ) -> End:
        first = self._places.of(self._request)
        assert first is not None
        for place in places:
            answer = await self._with_new_address(place, send)
            match answer:
                case Address():
                    if first.message and (first.chat, first.message) != (answer.chat, answer.message):
                        await self._poster.redraw(first, _of_another_place(self._card))
                    return await self._arrived(answer)
                case Unsure():
                    return await self._unsure(place)
                case RetryAfter() | Transient():
                    return answer
        await self._places.move(self._request, first)
        if first.message:
            await self._poster.redraw(first, self._kept(DeliveryState.KEPT))
        return courier.Nowhere("neither the chat nor the person can be reached")

    async def _with_new_address(
        self, place: Address, send: Callable[[Address], Awaitable[Address | Trouble]]
    ) -> Address | Trouble:
        for _ in range(_CHANGES_OF_ADDRESS):
            answer = await send(place)
            if not isinstance(answer, Migrated):
                break
            place = self._followed(place, answer)
        return answer

    def _followed(self, place: Address, migrated: Migrated) -> Address:
        self._places.upgraded(place.chat, migrated.chat)
        return place.moved_to(migrated.chat)

    async def _new(self, place: Address, call: Callable[[Address], Awaitable[T | Trouble]]) -> T | Trouble:
        """Make something new, once in the lives of all processes."""
        if not await self._places.begin(self._request, replace(place, trying=True)):
            return Transient()
        answer = await call(place)
        if isinstance(answer, Trouble) and not isinstance(answer, Unsure):
            await self._places.move(self._request, place)
        return answer

    async def _arrived(self, address: Address) -> courier.Outcome:
        await self._places.move(self._request, address)
        return courier.Sent(f"{address.chat}/{address.message or next(iter(address.album), 0)}")

    async def _unsure(self, address: Address) -> End:
        """It is offered instead, where that can be said. Said twice, that does no harm; never said, it would
        leave somebody without a picture."""
        card = self._kept(DeliveryState.UNKNOWN)
        if address.message:
            answer = await self._poster.redraw(address, card)
        else:
            answer = await self._poster.say(address, card)
        if isinstance(answer, RetryAfter | Transient):
            return answer
        return Transient() if isinstance(answer, Unsure) else courier.MaybeSent()

    # Small things

    def _more(self) -> More:
        return original_buttons(self._files)

    def _leave_out(self) -> None:
        self._files = []
        self._card = self._too_large()


def _pictures(parcel: Parcel) -> tuple[ParcelFile, ...]:
    return tuple(file for file in parcel.files if file.picture is not None)


def _without(parcels: Sequence[Sequence[ParcelFile]], first: int) -> Iterator[Sequence[ParcelFile]]:
    """Parcels but for the files that have come through before."""
    for files in parcels:
        left = files[first:]
        first = max(0, first - len(files))
        if left:
            yield left


def _of_another_place(card: Card) -> Card:
    """What is left where a result could not be shown, but somewhere else."""
    line = Text("It could not be shown here, and was sent to whoever asked for it.")
    return replace(card, lines=(line,), rows=(), pictures=(), texts=(), buttons=())
