"""What was asked of people in chats, until they answer: it outlives a restart, and is forgotten later.

Nobody's words are kept with it: only which command, form or file it was about.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

MINUTES = 10
"""How long the next message of that person, alone with the bot, is the answer."""
REPLY_MINUTES = 24 * 60
"""How long a reply to the question itself is."""
MOST_OPEN = 5
"""Questions to one person in one chat; the oldest is forgotten first."""
SHELVES = 64
ON_A_SHELF = 500
"""Persons in chats, those asked last."""
_MINUTE = 60_000


class Remember(Protocol):
    """What is used of :class:`bot.service.store.Store`."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """``event``: what led to it. ``message``: where it was asked; 0 while that is not known. ``about``: what
    the answer is for, as JSON values. ``at``: UTC milliseconds. ``next``: nothing has been said since."""

    event: str
    about: Mapping[str, Any]
    at: int
    message: int = 0
    next: bool = True

    def age(self, now: int) -> float:
        """In minutes."""
        return (now - self.at) / _MINUTE


@dataclass(slots=True)
class Questions:
    """Of each person in each chat."""

    store: Remember
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, chat: int, user: int, event: str, about: Mapping[str, Any], now: int) -> bool:
        """A question is about to be sent. False when it has been: the event comes once more."""
        async with self._writing:
            shelf = await self._shelf(chat, user)
            before = shelf.get(_name(chat, user), [])
            if any(each.event == event and each.message for each in before):
                return False
            others = [replace(each, next=False) for each in before if each.event != event]
            asked = [*others[1 - MOST_OPEN :], Question(event, about, now)]
            await self._put(chat, user, shelf, asked, now)
        return True

    async def asked(self, chat: int, user: int, event: str, message: int, now: int) -> None:
        """It was sent as ``message``; 0: it was not."""
        async with self._writing:
            shelf = await self._shelf(chat, user)
            known = [
                replace(each, message=message) if each.event == event else each
                for each in shelf.get(_name(chat, user), [])
                if message or each.event != event
            ]
            await self._put(chat, user, shelf, known, now)

    async def find(self, chat: int, user: int, replied: int, now: int, *, alone: bool) -> Question | None:
        """The question that a message answers. ``replied``: the message of the bot's that it is a reply to,
        0 for none; ``alone``: what is said here can be meant for nobody else."""
        known = (await self._shelf(chat, user)).get(_name(chat, user), [])
        fresh = [each for each in reversed(known) if each.age(now) < REPLY_MINUTES]
        if replied:
            # Of one that was cut off before it was known where it stands, nobody can tell: it is this one.
            named = next((each for each in fresh if each.message == replied), None)
            return named or next((each for each in fresh if not each.message), None)
        if not alone:
            return None
        return next((each for each in fresh if each.next and each.age(now) < MINUTES), None)

    async def close(self, chat: int, user: int, question: Question, now: int) -> None:
        """It was answered."""
        async with self._writing:
            shelf = await self._shelf(chat, user)
            known = [each for each in shelf.get(_name(chat, user), []) if each.event != question.event]
            await self._put(chat, user, shelf, known, now)

    async def pass_over(self, chat: int, user: int, now: int) -> None:
        """Something else was said: from now on an answer is a reply to the question."""
        known = (await self._shelf(chat, user)).get(_name(chat, user), [])
        if not any(each.next for each in known):
            return
        async with self._writing:
            shelf = await self._shelf(chat, user)
            known = [replace(each, next=False) for each in shelf.get(_name(chat, user), [])]
            await self._put(chat, user, shelf, known, now)

    async def prune(self, now: int) -> None:
        """Forget whom nobody has asked for long: otherwise that is done as others are asked."""
        async with self._writing:
            for number in range(SHELVES):
                found = await self.store.get(_shelf_key(number))
                if isinstance(found, dict) and found:
                    await self._keep(_shelf_key(number), _questions(found), now)

    async def _shelf(self, chat: int, user: int) -> dict[str, list[Question]]:
        return _questions(await self.store.get(_key(chat, user)))

    async def _put(
        self, chat: int, user: int, shelf: dict[str, list[Question]], known: Sequence[Question], now: int
    ) -> None:
        name = _name(chat, user)
        shelf.pop(name, None)
        shelf[name] = list(known)  # last: the oldest go first
        await self._keep(_key(chat, user), shelf, now)

    async def _keep(self, key: str, shelf: Mapping[str, Sequence[Question]], now: int) -> None:
        kept = {
            each: [_written(question) for question in questions if question.age(now) < REPLY_MINUTES]
            for each, questions in list(shelf.items())[-ON_A_SHELF:]
        }
        await self.store.put(key, {each: found for each, found in kept.items() if found})


def _written(question: Question) -> list[object]:
    about = dict(question.about)
    return [question.event, about, question.at, question.message, question.next]


def _questions(found: object) -> dict[str, list[Question]]:
    if not isinstance(found, dict):
        return {}
    return {str(name): _read(each) for name, each in found.items()}


def _read(found: object) -> list[Question]:
    questions: list[Question] = []
    for each in found if isinstance(found, list) else []:
        match each:
            case [str(event), dict(about), int(at), int(message), bool(is_next)]:
                questions.append(Question(event, about, at, message, is_next))
    return questions


def _name(chat: int, user: int) -> str:
    return f"{chat}.{user}"


def _key(chat: int, user: int) -> str:
    return _shelf_key(zlib.crc32(_name(chat, user).encode()) % SHELVES)


def _shelf_key(number: int) -> str:
    return f"telegram.asked.{number:02x}"
