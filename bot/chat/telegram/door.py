"""For whom the bot does something, and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from bot.chat.telegram.updates import Chat, ChatKind, Sender, SenderKind
from bot.domain.errors import NotAccepting, NotAllowed
from bot.domain.text import Text

MOVED = "telegram.moved"
"""Where it is kept which group became which supergroup: the configuration still names the old one."""


class Remember(Protocol):
    """What is used of :class:`bot.service.store.Store`."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...


IsMember = Callable[[int, int], Awaitable[bool]]
"""By the ids of a chat and a person."""


class Door:
    """``chats``: where the bot paints; empty: anywhere. Who is in one of them may come alone, too: what is
    for their eyes only is shown there. Operators may come from everywhere."""

    def __init__(
        self, admins: Iterable[int], chats: Iterable[int], *, is_member: IsMember, remember: Remember
    ) -> None:
        self._admins = frozenset(admins)
        self._named = frozenset(chats)
        self._is_member = is_member
        self._remember = remember
        self._moved: dict[int, int] = {}

    async def load(self) -> None:
        self._moved = await self._read()

    async def is_open(self, chat: Chat, sender: Sender) -> bool:
        """Whether pictures may be asked for there."""
        chats = (self._named - self._moved.keys()) | frozenset(self._moved.values())
        if not self._named or chat.id in self._named | chats or sender.id in self._admins:
            return True
        if chat.kind is not ChatKind.PRIVATE:
            return False
        for group in sorted(each for each in chats if each < 0):
            if await self._is_member(group, sender.id):
                return True
        return False

    async def admit(self, chat: Chat, sender: Sender, *, paints: bool = True) -> None:
        """Raise NotAccepting and NotAllowed for those for whom the bot does nothing. Alone with it, everybody
        may look after what is theirs (``paints``: this is more than that)."""
        if sender.kind is SenderKind.ANONYMOUS:
            raise NotAllowed(
                Text(
                    "You speak as the group, so I cannot tell whose quota it is. Turn off “Remain anonymous” "
                    "in the group's administrators, or ask in a private chat."
                )
            )
        if sender.kind is SenderKind.CHANNEL:
            raise NotAllowed(Text("Channels have no quota. Speak as yourself, or ask in a private chat."))
        theirs = chat.kind is ChatKind.PRIVATE and not paints
        if not theirs and not await self.is_open(chat, sender):
            raise NotAccepting(Text("Its operator has not opened this bot for this chat."))

    async def moved(self, group: int, supergroup: int) -> bool:
        """A group has become a supergroup; whether the configuration names the group."""
        if group not in self._named:
            return False
        self._moved = {**await self._read(), group: supergroup}
        await self._remember.put(MOVED, {str(old): new for old, new in self._moved.items()})
        return True

    async def _read(self) -> dict[int, int]:
        found = await self._remember.get(MOVED)
        if not isinstance(found, dict):
            return {}
        # What the operator no longer names is not let in by its old name either.
        return {
            int(old): new
            for old, new in found.items()
            if old.lstrip("-").isdecimal() and int(old) in self._named and type(new) is int
        }
