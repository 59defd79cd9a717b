"""What was asked of somebody in a chat, until they answer: it outlives a restart, and is forgotten later.

Nobody's words are kept with it: only which command, form or file it was about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

MINUTES = 10
"""How long the next message of that person in that chat is the answer."""
REPLY_MINUTES = 24 * 60
"""How long a reply to the question itself is."""
_MINUTE = 60_000


class Remember(Protocol):
    """What is used of :class:`bot.service.store.Store`."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """``messages``: where it was asked; 0 for one of which that is not known."""

    messages: tuple[int, ...]
    about: Mapping[str, Any]
    at: int


@dataclass(frozen=True, slots=True)
class Questions:
    """One for each person in each chat: a later one replaces it."""

    store: Remember

    async def ask(self, chat: int, user: int, about: Mapping[str, Any], now: int) -> None:
        """A question is about to be sent. ``about``: what the answer is for, as JSON values; ``now``: UTC
        milliseconds."""
        found = _read(await self.store.get(_key(chat, user)))
        before = found.messages if found is not None and found.about == about else ()
        await self._put(chat, user, Question((*before, 0), about, now))

    async def asked(self, chat: int, user: int, message: int) -> None:
        """It was sent. Of one that was cut off before this, nobody knows which message it is."""
        found = _read(await self.store.get(_key(chat, user)))
        if found is not None:
            await self._put(chat, user, replace(found, messages=(*found.messages[:-1], message)))

    async def answered(
        self, chat: int, user: int, replied: int, now: int, *, alone: bool
    ) -> Mapping[str, Any] | None:
        """What the question was about that a message answers; it is answered then. ``replied``: the message
        that it is a reply to, 0 for none; ``alone``: what is said here can be meant for nobody else."""
        question = _read(await self.store.get(_key(chat, user)))
        if question is None:
            return None
        minutes = (now - question.at) / _MINUTE
        known = replied in question.messages or 0 in question.messages
        is_reply = bool(replied) and known and minutes < REPLY_MINUTES
        is_next = alone and not replied and minutes < MINUTES
        if not is_reply and not is_next:
            return None
        await self.store.put(_key(chat, user), None)
        return question.about

    async def drop(self, chat: int, user: int) -> None:
        """Something else was said instead."""
        if await self.store.get(_key(chat, user)) is not None:
            await self.store.put(_key(chat, user), None)

    async def _put(self, chat: int, user: int, question: Question) -> None:
        value = {"messages": list(question.messages), "at": question.at, "about": dict(question.about)}
        await self.store.put(_key(chat, user), value)


def _read(found: object) -> Question | None:
    match found:
        case {"messages": list(messages), "at": int(at), "about": dict(about)}:
            return Question(tuple(each for each in messages if isinstance(each, int)), about, at)
    return None


def _key(chat: int, user: int) -> str:
    return f"telegram.asked.{chat}.{user}"
