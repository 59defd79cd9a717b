"""What is remembered of a reply while something is shown there; its address is in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.chat.discord.address import Address
from bot.domain.ids import RequestId
from bot.domain.throttle import Route
from bot.service.records import RequestRecord

ReplyKey = tuple[RequestId, str | None]
"""A result may be shown once more, in a reply of its own."""


@dataclass(slots=True)
class Reply:
    """``plain``: embeds are not taken there. ``hanging``: an unfinished picture hangs on it; None: nobody
    knows. ``preview``: the one that was sent last. ``parcels``: messages of its result that were sent, and
    ``further`` their ids, but for that of the first; ``lost``: files that could not be sent."""

    address: Address
    plain: bool = False
    hanging: bool | None = None
    preview: bytes | None = None
    first: Address | None = None
    parcels: int = 0
    lost: int = 0
    further: list[int] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)

    def once(self, what: str) -> bool:
        """Whether this is the first time: the log is told once a request, not once an edit."""
        first = what not in self._told
        self._told.add(what)
        return first

    def route(self, now: int) -> Route:
        """``now``: UTC milliseconds."""
        address = self.address
        if address.token_lives(now):
            return Route("token", str(address.interaction))
        if address.reachable and address.message:
            return Route("old" if address.is_old(now) else "channel", str(address.channel))
        return Route("channel", f"dm-{address.user}")


class Replies:
    """Of all requests that are followed."""

    def __init__(self) -> None:
        self._known: dict[ReplyKey, Reply] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, request: RequestRecord) -> Reply | None:
        """None: it has no address that can be read."""
        key = request.id, request.reply
        if key not in self._known:
            address = None if request.reply is None else Address.from_text(request.reply)
            if address is None:
                return None
            self._known[key] = Reply(address)
        return self._known[key]

    def forget(self, request: RequestRecord, before: Callable[[ReplyKey], None]) -> None:
        key = request.id, request.reply
        before(key)
        self._known.pop(key, None)
