"""A ComfyUI server without a network that tests play by hand: it runs one prompt at a time, keeps a history,
forgets everything when it is restarted, and outlives the bot that uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.errors import BackendError, RunLost, ServerUnreachable
from bot.domain.events import EndEvent, Failed, Finished, Interrupted, RunEvent, Started
from bot.domain.ids import ClientId, NodeId, PromptId
from bot.domain.outputs import MediaKind, OutputFile
from bot.domain.text import Text
from bot.service.ports import Health, ServerQueue, Submission
from bot.templates.catalogue import Catalogue
from tests.support.templates import catalogue

LOST = RunLost(Text("The server has forgotten this run."), cause="test")


def unreachable() -> ServerUnreachable:
    return ServerUnreachable(Text("The server does not answer."), cause="test")


@dataclass(eq=False)
class FakeRun:
    """One prompt there."""

    submission: Submission
    started: bool = False
    end: EndEvent | None = None
    """None: it waits or runs there."""
    told: EndEvent | None = None
    """What whoever watches it hears as its end."""
    on_event: Callable[[RunEvent], None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, end: EndEvent) -> None:
        """Whoever watches it hears that it is over; what the server says of it stays."""
        self.told = end
        self.changed.set()

    def over(self, end: EndEvent) -> None:
        self.end = end
        self.tell(end)


@dataclass
class FakeServer:
    """``catalogue_`` is what it offers; ``down`` is what every call raises while it is set."""

    name: str = "fake"
    offers: Callable[[], Catalogue] = catalogue
    down: BackendError | None = None
    client_id: ClientId = field(default_factory=lambda: ClientId("client"))
    connections: int = 1
    runs: dict[PromptId, FakeRun] = field(default_factory=dict)
    posted: list[Submission] = field(default_factory=list)
    cancelled: list[PromptId] = field(default_factory=list)
    forgotten: list[PromptId] = field(default_factory=list)
    freed: int = 0
    foreign: list[PromptId] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    picture: Callable[[], bytes] = lambda: b"not really a picture"
    fetch_error: Exception | None = None
    """Raised once by the next fetch."""
    _catalogue: Catalogue | None = None
    _coming: set[PromptId] = field(default_factory=set)

    # What tests do

    @property
    def waiting(self) -> list[FakeRun]:
        """Prompts that have not ended, in the order in which they came."""
        return [run for run in self.runs.values() if run.end is None]

    def start(self) -> FakeRun:
        """Begin the first prompt, if it has not begun."""
        run = self.waiting[0]
        if not run.started:
            run.started = True
            if run.on_event is not None:
                run.on_event(Started())
        return run

    def finish(self, seconds: float = 3.0, *, cached: bool = False) -> FakeRun:
        """End the first prompt with a picture."""
        file = OutputFile(NodeId("7"), "fairbrush_00001_.png", kind=MediaKind.IMAGE)
        return self.end(Finished((file,), seconds, cached))

    def fail(self, error: BackendError, seconds: float | None = None) -> FakeRun:
        return self.end(Failed(error, seconds))

    def end(self, event: EndEvent) -> FakeRun:
        run = self.start()
        run.over(event)
        return run

    def restart(self) -> None:
        """It forgets everything; whoever watches a run hears that it is lost."""
        self.connections += 1
        for run in self.runs.values():
            if run.end is None:
                run.over(Failed(LOST))
        self.runs.clear()

    def crash(self) -> None:
        """It is gone, and so is everything that it knew."""
        self.down = unreachable()
        for run in self.runs.values():
            if run.end is None:
                run.over(Failed(unreachable()))
        self.runs.clear()

    async def until(self, condition: Callable[[FakeServer], object]) -> None:
        """Let others work until ``condition`` holds."""
        async with asyncio.timeout(30):
            while not condition(self):  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.001)

    async def until_waiting(self, count: int) -> None:
        await self.until(lambda server: len(server.waiting) >= count)

    # Backend

    async def run(
        self, submission: Submission, on_event: Callable[[RunEvent], None], *, submitted: bool = False
    ) -> EndEvent:
        # As the real one: known from its first step on, posted a little later.
        self._coming.add(submission.prompt_id)
        await asyncio.sleep(0)
        if submission.prompt_id not in self._coming:
            return Interrupted()
        self._coming.discard(submission.prompt_id)
        if self.down is not None:
            return Failed(self.down)
        if submitted:
            run = self.runs.get(submission.prompt_id)
            if run is None:
                return Failed(LOST)
        else:
            assert submission.prompt_id not in self.runs, "the same id was posted twice"
            self.posted.append(submission)
            run = self.runs[submission.prompt_id] = FakeRun(submission)
        if run.end is not None:
            return run.end
        run.on_event = on_event
        run.changed.clear()
        if run.started:
            on_event(Started())
        await run.changed.wait()
        assert run.told is not None
        return run.told

    async def cancel(self, prompt_id: PromptId) -> None:
        self.cancelled.append(prompt_id)
        self._coming.discard(prompt_id)
        run = self.runs.get(prompt_id)
        if run is not None and run.end is None:
            run.over(Interrupted(1.0 if run.started else None))

    async def fetch(self, file: OutputFile, target: Path) -> str:  # noqa: ARG002
        if self.fetch_error is not None:
            error, self.fetch_error = self.fetch_error, None
            raise error
        target.write_bytes(self.picture())
        return "image/png"

    async def upload_image(self, content: bytes, suffix: str) -> str:
        self._answer()
        self.uploads.append(content)
        return f"upload-{len(self.uploads)}{suffix}"

    async def catalogue(self) -> Catalogue:
        self._answer()
        if self._catalogue is None:
            self._catalogue = self.offers()
        return self._catalogue

    async def queue(self) -> ServerQueue:
        self._answer()
        mine = [prompt_id for prompt_id, run in self.runs.items() if run.end is None]
        everybody = (*self.foreign, *mine)
        return ServerQueue(everybody[:1], everybody[1:])

    async def health(self) -> Health:
        self._answer()
        return Health("0.0.0", ())

    async def free(self) -> None:
        self._answer()
        self.freed += 1

    async def forget(self, prompt_id: PromptId) -> None:
        self._answer()
        self.forgotten.append(prompt_id)
        self.runs.pop(prompt_id, None)

    def _answer(self) -> None:
        if self.down is not None:
            raise self.down
