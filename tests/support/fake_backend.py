"""A :class:`bot.service.ports.Backend` without a server: it does what a test says, and remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.errors import BackendError
from bot.domain.events import EndEvent, Finished, Interrupted, RunEvent, Started
from bot.domain.ids import ClientId, NodeId, PromptId
from bot.domain.outputs import MediaKind, Output, OutputFile
from bot.service.ports import DeviceMemory, Health, ServerQueue, Submission
from bot.templates.catalogue import Catalogue
from tests.support.templates import catalogue


def file(name: str = "fairbrush_00001_.png", node: str = "7", folder: str = "output") -> OutputFile:
    return OutputFile(NodeId(node), name, folder=folder, kind=MediaKind.IMAGE)


def finished(*outputs: Output) -> Finished:
    return Finished(outputs or (file(),), server_seconds=2.0, cached=False)


@dataclass
class FakeBackend:
    """``end`` says how the run of that number (from 0) ends; ``disk`` writes a finished file.

    While ``gate`` is closed, runs go on until they are cancelled or it opens; ``uploads_gate`` holds up
    uploads alike. Runs that go on are listed by ``queue``, the first as running, behind ``foreign`` ones.
    While ``broken`` is set, every question is answered with it.
    """

    end: Callable[[int], EndEvent] = lambda _number: finished()
    disk: Callable[[Path], object] = lambda target: target.write_bytes(b"picture")
    name: str = "fake"
    client_id: ClientId = field(default_factory=lambda: ClientId("fake-client"))
    connections: int = 1
    foreign: list[PromptId] = field(default_factory=list)
    broken: BackendError | None = None
    freed: int = 0
    forgotten: list[PromptId] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    cancelled: list[PromptId] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    uploads_gate: asyncio.Event = field(default_factory=asyncio.Event)
    fetch_gate: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most_running: int = 0
    fetching: int = 0
    _cancels: dict[PromptId, asyncio.Event] = field(default_factory=dict)
    _open: dict[PromptId, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for gate in (self.gate, self.uploads_gate, self.fetch_gate):
            gate.set()

    async def run(
        self,
        submission: Submission,
        on_event: Callable[[RunEvent], None],
        *,
        submitted: bool = False,  # noqa: ARG002
    ) -> EndEvent:
        number = len(self.submissions)
        self.submissions.append(submission)
        self._cancels[submission.prompt_id] = asyncio.Event()
        self._open[submission.prompt_id] = None
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            on_event(Started())
            await self._gate_or_cancel(submission.prompt_id)
            return Interrupted() if submission.prompt_id in self.cancelled else self.end(number)
        finally:
            self.running -= 1
            self._open.pop(submission.prompt_id, None)

    async def _gate_or_cancel(self, prompt_id: PromptId) -> None:
        waits = {asyncio.ensure_future(event.wait()) for event in (self.gate, self._cancels[prompt_id])}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def cancel(self, prompt_id: PromptId) -> None:
        self.cancelled.append(prompt_id)
        self._cancels[prompt_id].set()

    async def fetch(self, file: OutputFile, target: Path) -> str:  # noqa: ARG002
        self.fetching += 1
        try:
            self.disk(target)
            await self.fetch_gate.wait()
        finally:
            self.fetching -= 1
        return "image/png"

    async def upload_image(self, content: bytes, suffix: str) -> str:  # noqa: ARG002
        self.uploads.append(suffix)
        await self.uploads_gate.wait()
        return f"upload-{len(self.uploads)}{suffix}"

    async def catalogue(self) -> Catalogue:
        return catalogue()

    async def queue(self) -> ServerQueue:
        self._answer()
        listed = (*self.foreign, *self._open)
        return ServerQueue(listed[:1], listed[1:])

    async def health(self) -> Health:
        self._answer()
        return Health("fake", (DeviceMemory("fake:0", 8 * 1024**3, 4 * 1024**3),))

    async def free(self) -> None:
        self._answer()
        self.freed += 1

    async def forget(self, prompt_id: PromptId) -> None:
        self._answer()
        self.forgotten.append(prompt_id)
        if prompt_id in self._open:
            await self.cancel(prompt_id)

    def _answer(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def until(self, condition: Callable[[FakeBackend], object]) -> None:
        """Let others work until ``condition`` holds."""
        async with asyncio.timeout(10):
            while not condition(self):  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)
