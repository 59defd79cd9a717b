"""A local Telegram with a crowd in it, for benchmarks: people in private chats and groups who type
``/imagine`` at their times.

It runs in the process of the benchmark; the bot is another one. Whatever it measures is seen by the local
Telegram, whose own lateness is therefore in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.telegram import FloodLimits, TelegramWorld
from tests.support.telegram.chats import PRIVATE, Chat
from tests.support.telegram.messages import Message
from tests.support.telegram.people import Person

EVERY_GROUP = 5
"""Of so many chats, one is a group; the others are private."""
IN_GROUP = 5
"""People in each group."""
PROMPTS = ("a lighthouse at dusk", "two foxes in the snow, soft light", "an old harbour, oil on canvas")


@dataclass(frozen=True)
class Place:
    """A chat, and who writes there in turn."""

    chat: Chat
    people: Sequence[Person]

    @property
    def private(self) -> bool:
        return self.chat.kind == PRIVATE


@dataclass(frozen=True)
class Asked:
    """``due``, ``told``: when it should have been, and was, laid out for the bot, in seconds of the loop."""

    place: Place
    message: Message
    update: int
    due: float
    told: float

    @property
    def answer(self) -> Message | None:
        """What the bot answered to it first."""
        written = self.place.chat.by_id.values()
        return next((each for each in written if each.outgoing and each.reply_to is self.message), None)

    @property
    def answered(self) -> float | None:
        """Seconds until it was answered."""
        answer = self.answer
        return None if answer is None else answer.history[0].seen - self.told


@dataclass
class Crowd:
    """``confirmed``: when the bot asked for updates after this one, which makes Telegram forget it, in
    seconds of the loop, by the number of the update."""

    world: TelegramWorld
    places: Sequence[Place]
    asked: list[Asked] = field(default_factory=list)
    confirmed: dict[int, float] = field(default_factory=dict)

    async def ask(self, count: int, seconds: float) -> None:
        """``count`` commands, evenly over ``seconds``, whatever the bot does with them."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(count):
            due = start + number * seconds / count
            await asyncio.sleep(max(0.0, due - loop.time()))
            place = self.places[number % len(self.places)]
            who = place.people[number // len(self.places) % len(place.people)]
            shown = await who.says(place.chat, f"/imagine {PROMPTS[number % len(PROMPTS)]}")
            update = self.world.updates.queue[-1].number
            self.asked.append(Asked(place, shown.raw, update, due, loop.time()))

    async def watch(self) -> None:
        """Note which updates are confirmed, until cancelled."""
        updates, loop = self.world.updates, asyncio.get_running_loop()
        seen = updates.confirmed
        while True:
            await self.world.changed.until(lambda: updates.confirmed > seen, within=1e6)  # noqa: B023
            now, last = loop.time(), updates.confirmed
            self.confirmed.update((number, now) for number in range(seen + 1, last + 1))
            seen = last

    async def all_answered(self, within: float) -> None:
        """Wait until each has an answer, or ``within`` seconds are over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        missing = list(self.asked)
        while missing and loop.time() < deadline:
            await asyncio.sleep(0.25)
            missing = [each for each in missing if each.answer is None]

    @property
    def latest(self) -> float:
        """Seconds by which a command at most was said after its time."""
        return max(each.told - each.due for each in self.asked)

    @property
    def commits(self) -> list[float]:
        """Seconds from each update to its confirmation, in rising order."""
        found = self.confirmed
        return sorted(found[each.update] - each.told for each in self.asked if each.update in found)

    def answers(self, *, private: bool) -> list[float]:
        """Seconds from each command to its first answer, in rising order."""
        here = (each.answered for each in self.asked if each.place.private is private)
        return sorted(seconds for seconds in here if seconds is not None)


@asynccontextmanager
async def local_telegram(chats: int) -> AsyncIterator[Crowd]:
    """With Telegram's usual limits."""
    async with TelegramWorld(limits=FloodLimits.real(), strict=False, recording=False) as world:
        crowd = Crowd(world, [_place(world, number) for number in range(chats)])
        watching = asyncio.create_task(crowd.watch())
        try:
            yield crowd
        finally:
            watching.cancel()


def _place(world: TelegramWorld, number: int) -> Place:
    if number % EVERY_GROUP == EVERY_GROUP - 1:
        people = [world.user(f"member{number}x{each}") for each in range(IN_GROUP)]
        return Place(world.supergroup(f"Painters {number}", *people), people)
    person = world.user(f"person{number}")
    return Place(world.private(person), [person])
