"""The real bot, killed at random moments while a crowd asks it for pictures, and started again each time.

Against the embedded engine, which dies with it, or against one in a process of its own, behind a proxy that
notes what is posted. Which moments and which wishes follows from a seed; how they meet, from the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit

from tests.support.chaos_actors import Engine, Process, Witness, until
from tests.support.chaos_check import Audit, Server
from tests.support.chaos_crowd import Book, Overseer, Phone, User
from tests.support.chaos_photo import NOTHING, Photo, after_kill, photograph
from tests.support.faults import FaultProxy
from tests.support.templates import WORKFLOWS

STARTUP_SECONDS = 1.5
"""About what a start takes: kills in it are spread over this time."""
BAD_SIGNS = ("Traceback", "stumbled", "never awaited", "never retrieved", "was destroyed", "bug")
ENGINE_DEATHS = ("server_unreachable", "run_lost", "protocol")
"""What may end a job whose server was killed under it again and again."""


@dataclass(frozen=True)
class Plan:
    seed: int
    kills: int
    engines: int = 0
    """In processes of their own; 0: the embedded one, which dies with the bot."""
    users: int = 20
    pause: float = 1.0
    """Longest pause between two wishes of a user, seconds."""
    waiting: int = 4
    """Most open jobs of a user."""
    pace: float = 2.0
    """Of the engine: seconds per step and megapixel."""
    engine_dies: bool = True
    """Whether engines apart are killed now and then, too."""
    moments: tuple[str, ...] = ()
    """Of the first kills; those of all others are drawn."""


@dataclass
class Story:
    """What happened. ``faults`` should be empty."""

    plan: Plan
    folder: Path
    book: Book
    server: Server | None = None
    may_fail: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """Sudden deaths of the bot; orderly stops that came to their end do not count."""
        return self.moments.total() - self.moments["stopped"]

    def outcomes(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.folder / "fairbrush.db")) as database:
            return dict(database.execute("SELECT state, count(*) FROM jobs GROUP BY state"))


class Chaos:
    """One run of a plan in one folder."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.story = Story(plan, folder / "data", Book())
        self._plan = plan
        self._folder = folder
        self._dice = random.Random(plan.seed)
        self._phone = Phone(self.story.folder)
        self._photo: Photo = NOTHING
        self._lives = 0
        self._bot: Process | None = None
        self._engines: list[Engine] = []
        self._witnesses: list[Witness] = []
        self._finding: asyncio.Task[None] | None = None

    async def run(self) -> Story:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            for number in range(self._plan.engines):
                await stack.enter_async_context(self._engine_apart(number))
            self._write_config()
            stack.push_async_callback(self._end)
            closing_time = asyncio.Event()
            async with asyncio.TaskGroup() as crowd:
                for user in self._crowd(closing_time):
                    crowd.create_task(user.live(), name=user.name)
                crowd.create_task(
                    Overseer(self._phone, self.story.book, closing_time).live(), name="overseer"
                )
                while self.story.kills < self._plan.kills:
                    await self._life()
                closing_time.set()
                self._start()
                await self._ready()
            await self._close_down()
        self.story.seconds = time.monotonic() - began
        return self.story

    @asynccontextmanager
    async def _engine_apart(self, number: int) -> AsyncIterator[None]:
        engine = Engine(self._folder, f"engine{number}", self._plan.pace)
        await engine.start()
        try:
            async with FaultProxy(engine.url) as proxy:
                self._engines.append(engine)
                self._witnesses.append(Witness(proxy))
                yield
        finally:
            await engine.kill()

    def _write_config(self) -> None:
        tier = {"max_waiting": self._plan.waiting, "gpu_seconds_per_day": 100_000}
        servers = [
            {"name": engine.name, "url": witness.url}
            for engine, witness in zip(self._engines, self._witnesses, strict=True)
        ]
        config = {
            "data_dir": "data",
            "workflows_dir": str(WORKFLOWS),
            "queue": {"shutdown_seconds": 2.0},
            "tiers": {"default": tier},
            **({"comfyui": servers} if servers else {}),
        }
        (self._folder / "config.toml").write_text(tomlkit.dumps(config), encoding="utf-8")

    def _crowd(self, closing_time: asyncio.Event) -> list[User]:
        plan, book = self._plan, self.story.book
        return [
            User(
                f"user{number}",
                random.Random(f"{plan.seed}/{number}"),
                self._phone,
                book,
                closing_time,
                plan.pause,
            )
            for number in range(plan.users)
        ]

    # Lives and deaths

    def _start(self) -> None:
        self._lives += 1
        pace = () if self._engines else ("--pace", str(self._plan.pace))
        self._bot = Process(self._folder, f"bot-{self._lives}", "run", "--config", "config.toml", *pace)
        self._finding = asyncio.get_running_loop().create_task(self._phone.find())

    async def _ready(self) -> None:
        assert self._bot is not None
        if not await self._bot.until_it_says("ready: "):
            raise AssertionError(f"life {self._lives} did not start: {self._bot.complained}")

    async def _life(self) -> None:
        name = self._choose()
        self._start()
        await self._moments()[name]()
        await self._end()
        self.story.moments[name] += 1
        for engine in self._engines:
            if not engine.alive:
                await asyncio.sleep(self._dice.uniform(0, 0.5))
                await engine.start()
        self._look()

    async def _end(self) -> None:
        """Kill whatever still lives, and have every answer heard that was on its way."""
        if self._bot is None or self._finding is None:
            return
        self._bot.kill()
        await self._bot.ended()
        self._phone.hang_up()
        self._finding.cancel()
        await asyncio.sleep(0.05)
        for witness in self._witnesses:
            witness.swallow = False
        signs = [sign for sign in BAD_SIGNS if sign in self._bot.complained]
        if signs:
            self.story.faults.append(f"stumbled: life {self._lives} says: {self._bot.complained[-2000:]}")
        self._bot = None

    def _look(self) -> None:
        now = photograph(self.story.folder) if (self.story.folder / "fairbrush.db").exists() else NOTHING
        found = after_kill(self._photo, now, self.story.book, self._posted_ids(), self.story.folder)
        self.story.faults += [f"after life {self._lives}: {fault}" for fault in found]
        self._photo = now

    def _posted_ids(self) -> tuple[str, ...]:
        return tuple(prompt_id for witness in self._witnesses for prompt_id in witness.posted)

    def _moments(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "starting": self._starting,
            "working": self._working,
            "answered": lambda: self._when(self.story.book.answered),
            "cancelling": lambda: self._when(self.story.book.cancelling),
            "fetching": self._fetching,
            "stopping": self._stopping,
            "stopped": self._stopped,
            "posting": self._posting,
            "posted": self._posted,
            "engine first": self._engine_first,
            "engine alone": self._engine_alone,
        }

    def _choose(self) -> str:
        if self._lives < len(self._plan.moments):
            return self._plan.moments[self._lives]
        weights = {"starting": 20, "working": 40, "answered": 8, "cancelling": 6, "fetching": 10}
        if os.name == "posix":
            weights |= {"stopping": 6, "stopped": 4}
        if self._engines:
            weights |= {"posting": 6, "posted": 6}
            if self._plan.engine_dies:
                weights |= {"engine first": 5, "engine alone": 5}
        return self._dice.choices(tuple(weights), tuple(weights.values()))[0]

    async def _starting(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.02, STARTUP_SECONDS))

    async def _working(self) -> None:
        await self._ready()
        await asyncio.sleep(self._dice.uniform(0, 1.5))

    async def _when(self, event: asyncio.Event) -> None:
        """As soon as it happens, or after a while without it."""
        await self._ready()
        event.clear()
        await asyncio.wait([waiter := asyncio.ensure_future(event.wait())], timeout=2.0)
        waiter.cancel()
        await asyncio.sleep(self._dice.choice((0, 0.002, 0.01)))

    async def _fetching(self) -> None:
        """A picture is on its way to the disk."""
        await self._ready()
        pictures, deadline = self.story.folder / "pictures", time.monotonic() + 2.0
        while time.monotonic() < deadline:
            if any(pictures.glob("*.part")):
                await asyncio.sleep(self._dice.choice((0, 0.001, 0.004, 0.01)))
                return
            await asyncio.sleep(0.001)

    async def _stopping(self) -> None:
        """It is asked to stop, and killed before it has."""
        await self._working()
        assert self._bot is not None
        self._bot.ask_to_stop()
        await asyncio.sleep(self._dice.uniform(0, 0.6))

    async def _stopped(self) -> None:
        await self._working()
        await self._stop_in_order()

    async def _posting(self) -> None:
        """A graph has left the bot and does not arrive."""
        witness = self._dice.choice(self._witnesses)
        witness.swallow = True
        await self._when(witness.seen)

    async def _posted(self) -> None:
        """A graph has arrived; the bot may or may not have heard of it."""
        await self._when(self._dice.choice(self._witnesses).seen)

    async def _engine_first(self) -> None:
        await self._working()
        await self._dice.choice(self._engines).kill()
        await asyncio.sleep(self._dice.uniform(0, 0.5))

    async def _engine_alone(self) -> None:
        """An engine is killed and comes back, empty, under the eyes of the bot."""
        await self._working()
        engine = self._dice.choice(self._engines)
        await engine.kill()
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        await engine.start()
        await asyncio.sleep(self._dice.uniform(0, 2.0))

    async def _stop_in_order(self) -> None:
        assert self._bot is not None
        if os.name != "posix":
            return  # nobody can be asked to stop there without stopping us, too
        self._bot.ask_to_stop()
        code = await self._bot.ended()
        if code != 0:
            self.story.faults.append(f"no good order: life {self._lives} ended with {code} after SIGTERM")

    # The end

    async def _close_down(self) -> None:
        """Let the queue run empty, start once more so that recovery has the last word, look at all."""
        await until(self._is_empty, "an empty queue")
        await self._queue_answers()
        await self._stop_in_order()
        await self._end()
        self._start()
        await self._ready()
        await self._stop_in_order()
        await self._end()
        await self._queue_answers()
        self._look()
        if self._engines:
            painted: list[str] = []
            left: list[str] = []
            for engine in self._engines:
                painted += await engine.painted()
                left += await engine.queued()
            lived = all(engine.lived for engine in self._engines)
            self.story.server = Server(self._posted_ids(), tuple(painted), tuple(left), lived)
            self.story.may_fail = () if lived else ENGINE_DEATHS
        self.story.faults += self.audit().faults()

    def audit(self) -> Audit:
        story = self.story
        return Audit(story.folder, story.book, story.server, story.may_fail)

    def _is_empty(self) -> bool:
        with closing(sqlite3.connect(self.story.folder / "fairbrush.db")) as database:
            query = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'staged', 'running')"
            return bool(database.execute(query).fetchone() == (0,))

    async def _queue_answers(self) -> None:
        """``fairbrush queue``, with a running bot or without."""
        command = Process(self._folder, "queue", "queue", "--json", "--config", "config.toml")
        code = await command.ended()
        if code != 0 or json.loads(command.said)["waiting"] != 0:
            self.story.faults.append(f"queue: exit code {code}: {command.said}{command.complained}")


async def chaos(plan: Plan, folder: Path) -> Story:
    return await Chaos(plan, folder).run()


def summary(stories: Sequence[Story]) -> dict[str, object]:
    """Figures of several runs together."""
    moments: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    crowd: Counter[str] = Counter()
    for story in stories:
        moments.update(story.moments)
        outcomes.update(story.outcomes())
        crowd.update(story.book.counts)
    return {
        "kills": sum(story.kills for story in stories),
        "moments": dict(moments),
        "requests_accepted": sum(len(answer) for story in stories for answer in story.book.answers.values()),
        "outcomes": dict(outcomes),
        "crowd": dict(crowd),
        "seconds": round(sum(story.seconds for story in stories), 1),
        "faults": [fault for story in stories for fault in story.faults],
    }
