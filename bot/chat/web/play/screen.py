"""Requests as the room shows them, behind the port that all platforms have."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.chat.web.play.room import Message, Room
from bot.chat.web.play.unfinished import Unfinished
from bot.chat.web.visitors import PLATFORM
from bot.domain.ids import IdentityId
from bot.domain.throttle import Refusal, Route
from bot.presentation.card_situation import Offers
from bot.presentation.cards import Card
from bot.service import courier
from bot.service.nsfw import SPOILER
from bot.service.records import RequestRecord
from bot.service.screens import Shown


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reply is: in the room, or (``only``, ``message``) shown once more to one visitor. ``name``: of
    who asked."""

    name: str = ""
    only: IdentityId | None = None
    message: str = ""

    def to_text(self) -> str:
        return json.dumps([self.name, self.only or "", self.message], ensure_ascii=False)

    @staticmethod
    def from_text(text: str | None) -> Place:
        """In the room for what nobody wrote here."""
        try:
            match json.loads(text or ""):
                case [str(name), str(only), str(message)]:
                    return Place(name, IdentityId(only) if only else None, message)
        except (ValueError, RecursionError):
            pass
        return Place()


class WebScreen:
    """:class:`bot.service.screens.Screen` over the room. ``name_of`` is asked for whoever is not known by
    the reply."""

    platform = PLATFORM

    def __init__(
        self,
        room: Room,
        unfinished: Unfinished,
        *,
        offers: Callable[[RequestRecord], Offers],
        name_of: Callable[[IdentityId], Awaitable[str]],
        now: Callable[[], int],
    ) -> None:
        self._room = room
        self._unfinished = unfinished
        self._offers = offers
        self._name_of = name_of
        self._now = now

    def offers(self, request: RequestRecord) -> Offers:
        # There are no menus on messages here.
        return replace(self._offers(request), details=True)

    def route(self, request: RequestRecord, now: int) -> Route | None:  # noqa: ARG002 - it is always there
        # One each: nobody but this machine limits us, and the next of a route is looked for among all in it.
        return Route("page", str(request.id))

    def cost(self, shown: Shown) -> int:  # noqa: ARG002
        return 1

    def forget(self, request: RequestRecord) -> None:
        """What is remembered of unfinished pictures is bounded by itself."""

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        address = ""
        if shown.preview is not None and shown.card.preview is not None:
            address = self._unfinished.put(request.id, shown.preview)
        await self.draw(request, shown.card, preview=address)
        return None

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        await self.draw(request, shown.card)
        return courier.Sent()

    async def draw(self, request: RequestRecord, card: Card, *, preview: str = "") -> None:
        """Put a card where the request's reply is."""
        place = Place.from_text(request.reply)
        name = place.name or await self._name_of(request.identity)
        message = Message(
            id=place.message or f"m-{request.id}",
            at=request.created_at,
            owner=request.identity,
            author=name,
            card=card,
            request=request.id,
            only=place.only or (request.identity if request.private else None),
            preview=preview,
            hidden=bool(request.options.get(SPOILER)),
        )
        if place.only is not None:
            message.at, message.answer = self._now(), True
            self._room.say(message)
        else:
            self._room.put(message)
