"""Users who ask, ask again, cancel and watch while the bot dies under them, and a book of what they hear."""

from __future__ import annotations

import asyncio
import io
import random
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bot.control import ControlClient
from bot.control.address import Address, read_address
from bot.control.failures import BotGone, WrongToken
from bot.domain.errors import FairbrushError, NotAccepting, NotFound, StoreUnavailable, UserError
from bot.domain.ids import IdentityId, JobId
from bot.service.operator import (
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    Limit,
    LimitChange,
    ShellAsk,
    SubmittedRequest,
)

SIZES = (64, 128, 192, 256)
POOL = 4
"""Different lines that are asked for again and again with their seeds."""
ENLARGED = 2
"""How many times wider and higher the engine's upscaling model makes a picture."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one event asks for."""

    event: str
    user: str
    line: str
    count: int = 1
    requests: int = 1
    """More than one for a range of seeds."""
    words: str = ""
    size: tuple[int, int] | None = None
    """Of each picture; None where a refusal is expected."""
    private: bool = False
    image: bytes | None = None


@dataclass
class Book:
    """All that was said to the crowd. What stands here must be true for ever."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    answers: dict[str, tuple[SubmittedRequest, ...]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    unwanted: set[JobId] = field(default_factory=set)
    """Somebody tried to cancel them."""
    cancelled: set[JobId] = field(default_factory=set)
    """The bot has said that they are cancelled."""
    ends: dict[JobId, JobEvent] = field(default_factory=dict)
    quarrels: list[str] = field(default_factory=list)
    """What contradicts something said before, or should never be said."""
    counts: Counter[str] = field(default_factory=Counter)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    cancelling: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, wish: Wish, answer: tuple[SubmittedRequest, ...]) -> None:
        earlier = self.answers.setdefault(wish.event, answer)
        if _gist(earlier) != _gist(answer):
            self.quarrels.append(f"answered otherwise: {wish.event}: {_gist(earlier)}, then {_gist(answer)}")
        if len(answer) != wish.requests or any(len(request.jobs) != wish.count for request in answer):
            self.quarrels.append(f"answered otherwise: {wish.event} asked for {wish.count} pictures each")
        self.answered.set()

    def end(self, event: JobEvent) -> None:
        earlier = self.ends.setdefault(event.job, event)
        if type(earlier) is not type(event):
            self.quarrels.append(f"answered otherwise: {event.job} ended as {earlier}, then as {event}")


def _gist(answer: tuple[SubmittedRequest, ...]) -> list[tuple[str, int | None]]:
    return [(job.id, job.seed) for request in answer for job in request.jobs]


class Phone:
    """How the crowd reaches whichever bot lives now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._address: Address | None = None
        self._reached = asyncio.Event()

    async def client(self) -> ControlClient:
        await self._reached.wait()
        assert self._address is not None
        return ControlClient(self._address)

    async def find(self) -> None:
        """Wait for a new bot: one that died leaves its address behind."""
        while True:
            found = await asyncio.to_thread(read_address, self._folder)
            if found is not None and found != self._address:
                self._address = found
                self._reached.set()
                return
            await asyncio.sleep(0.02)

    def hang_up(self) -> None:
        self._reached.clear()


@dataclass
class User:
    """One of the crowd. What is asked for follows from ``dice`` alone."""

    name: str
    dice: random.Random
    phone: Phone
    book: Book
    closing: asyncio.Event
    pause: float
    """Longest pause between two wishes, seconds."""
    _events: int = 0

    async def live(self) -> None:
        while not self.closing.is_set():
            wish = self._invent()
            self.book.wishes[wish.event] = wish
            answer = await self._insist(wish)
            if answer is not None:
                await self._go_on(wish, answer)
            await asyncio.sleep(self.dice.uniform(0, self.pause) * (1 if answer else 2))

    async def _go_on(self, wish: Wish, answer: tuple[SubmittedRequest, ...]) -> None:
        choice = self.dice.random()
        if choice < 0.12:
            await self._cancel(answer)
        elif choice < 0.30:
            await self._watch(answer[0])
        elif choice < 0.40:
            # As a front-end does that is not sure whether its event was handled.
            await self._insist(wish)

    # What is wished for

    def _invent(self) -> Wish:
        self._events += 1
        event = f"shell:{self.name}:{self._events}"
        kind = self.dice.choices(("new", "again", "range", "enlarge", "wrong"), (55, 20, 8, 12, 5))[0]
        side = self.dice.choices(SIZES, (5, 3, 1, 1))[0]
        steps, count = self.dice.randint(1, 4), self.dice.choices((1, 2, 3), (6, 3, 1))[0]
        words = f"{self.name} wish {self._events}"
        shape = f"--size {side}x{side} --steps {steps} --count {count} --template text-to-image"
        match kind:
            case "new":
                seed = self.dice.choice(["", f"--seed {self.dice.randrange(2**32)}"])
                return Wish(event, self.name, f"{words} {shape} {seed}", count, 1, words, (side, side))
            case "again":
                return self._again(event)
            case "range":
                first = self.dice.randrange(2**20)
                line = f"{words} {shape} --seed {first}-{first + 1}"
                return Wish(event, self.name, line, count, 2, words, (side, side))
            case "enlarge":
                picture, size = self._picture()
                return Wish(event, self.name, "--template upscale --image in.png", size=size, image=picture)
        return Wish(event, self.name, f"{words} --size 0x64 --template text-to-image")

    def _again(self, event: str) -> Wish:
        """One of a few pictures that everybody wants, some of them for themselves."""
        number, private = self.dice.randrange(POOL), self.dice.random() < 0.4
        words = f"everybody's picture {number}"
        line = f"{words} --seed {number} --size 64x64 --steps 1 --template text-to-image"
        return Wish(
            event,
            self.name,
            f"{line} --private" if private else line,
            words=words,
            size=(64, 64),
            private=private,
        )

    def _picture(self) -> tuple[bytes, tuple[int, int]]:
        width, height = self.dice.randint(8, 40), self.dice.randint(8, 40)
        buffer = io.BytesIO()
        color = (self.dice.randrange(256), self.dice.randrange(256), self.dice.randrange(256))
        Image.new("RGB", (width, height), color).save(buffer, "PNG")
        return buffer.getvalue(), (width * ENLARGED, height * ENLARGED)

    # What is done about it

    async def _insist(self, wish: Wish) -> tuple[SubmittedRequest, ...] | None:
        """Ask with one event until there is an answer; None for a refusal."""
        ask = ShellAsk(
            wish.line,
            IdentityId(f"shell:{self.name}"),
            self.name,
            wish.event,
            {} if wish.image is None else {"in.png": wish.image},
        )
        while True:
            client = await self.phone.client()
            self.book.counts["asked"] += 1
            try:
                answer = await client.submit(ask)
            except (BotGone, WrongToken):
                self.book.counts["answers lost"] += 1
                await asyncio.sleep(self.dice.uniform(0.02, 0.1))
            except (NotAccepting, StoreUnavailable):
                await asyncio.sleep(0.1)  # it is about to stop
            except UserError as error:
                self._refused(wish, error)
                return None
            except FairbrushError as error:
                self.book.quarrels.append(f"stumbled: {wish.event}: {error.code} {error}")
                return None
            else:
                self.book.answer(wish, answer)
                return answer

    def _refused(self, wish: Wish, error: UserError) -> None:
        if wish.event in self.book.answers:
            self.book.quarrels.append(f"answered otherwise: {wish.event} accepted, then {error.code}")
        self.book.refusals[wish.event] = error.code
        self.book.counts[f"refused: {error.code}"] += 1

    async def _cancel(self, answer: tuple[SubmittedRequest, ...]) -> None:
        jobs = [job.id for job in answer[0].jobs]
        whole = self.dice.random() < 0.5
        wanted = answer[0].id if whole else self.dice.choice(jobs)
        self.book.unwanted.update(jobs if whole else [JobId(wanted)])
        while True:
            client = await self.phone.client()
            asyncio.get_running_loop().call_soon(self.book.cancelling.set)
            try:
                result = await client.cancel(wanted, f"shell:{self.name}")
            except (BotGone, WrongToken, StoreUnavailable):
                await asyncio.sleep(self.dice.uniform(0.02, 0.1))
            except FairbrushError as error:
                self.book.quarrels.append(f"stumbled: cancel of {wanted}: {error.code} {error}")
                return
            else:
                self.book.cancelled.update(result.cancelled)
                self.book.counts["cancels"] += 1
                return

    async def _watch(self, request: SubmittedRequest) -> None:
        """Look on until all is over, or the bot dies."""
        client = await self.phone.client()
        try:
            async with aclosing(client.watch(request.id)) as events:
                async for event in events:
                    if isinstance(event, JobDone | JobFailed | JobCancelled):
                        self.book.end(event)
        except (BotGone, WrongToken):
            self.book.counts["watches broken off"] += 1
        except FairbrushError as error:
            self.book.quarrels.append(f"stumbled: watching {request.id}: {error.code} {error}")


FEW = 6
"""Jobs a day of the one user who may have few."""
WHO_HAS_FEW = "user1"


@dataclass
class Overseer:
    """The operator: holds one user short, and looks at the queue again and again."""

    phone: Phone
    book: Book
    closing: asyncio.Event

    async def live(self) -> None:
        change = LimitChange(jobs=Limit(FEW))
        while not self.closing.is_set():
            client = await self.phone.client()
            try:
                if not self.book.counts["limits set"]:
                    await client.set_limits(f"shell:{WHO_HAS_FEW}", change, actor="shell", reason="a trial")
                    self.book.counts["limits set"] += 1
                await client.queue()
                self.book.counts["looks at the queue"] += 1
            except (BotGone, WrongToken, StoreUnavailable, NotFound):
                pass  # the last: the user has not been seen yet
            except FairbrushError as error:
                self.book.quarrels.append(f"stumbled: the operator: {error.code} {error}")
            await asyncio.sleep(0.3)
