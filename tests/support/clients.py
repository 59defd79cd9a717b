"""The client under test, impatient, and what it told."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.comfy.watch import Patience
from bot.domain.errors import BackendError
from bot.domain.events import EndEvent, Failed, Finished, Progressed, RunEvent
from bot.domain.ids import ClientId
from bot.domain.outputs import OutputFile
from bot.service.ports import Submission

DEADLINE_SECONDS = 15.0
"""How long one test may wait for anything, on a busy machine; nothing takes this long."""

IMPATIENT: dict[str, float] = {
    "ask_waiting": 0.1,
    "ask_running": 0.3,
    "ask_deaf": 0.03,
    "ask_hinted": 0.02,
    "ask_ended": 0.01,
    "history_late": 0.3,
    "post_settles": 0.1,
    "reconnect_after": 60.0,
    "unreachable": 20.0,
    "unreachable_cancelled": 20.0,
    "no_life": 30.0,
    "interrupt_grace": 20.0,
    "stalled": 20.0,
}


@asynccontextmanager
async def connected(
    url: str,
    *,
    headers: dict[str, str] | None = None,
    timeout_seconds: float = 10.0,
    client_id: str | None = None,
    deadline: float = DEADLINE_SECONDS,
    **patience: float,
) -> AsyncIterator[ComfyBackend]:
    """A backend at ``url``; keyword arguments are fields of :class:`Patience`."""
    client = ComfyClient(url, headers=headers, timeout_seconds=timeout_seconds)
    backend = ComfyBackend(
        client,
        name="under test",
        patience=Patience(**{**IMPATIENT, **patience}),
        client_id=ClientId(client_id) if client_id else None,
    )
    async with asyncio.timeout(deadline), backend:
        yield backend


@dataclass
class Told:
    """A run that goes on in a task, and the events that it told so far."""

    submission: Submission
    events: list[RunEvent] = field(default_factory=list)
    task: asyncio.Task[EndEvent] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, event: RunEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, wanted: Callable[[RunEvent], bool]) -> RunEvent:
        """The first event that is wanted; fails when the run ends without one."""
        assert self.task is not None
        while True:
            for event in self.events:
                if wanted(event):
                    return event
            self._changed.clear()
            waiting = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            if self.task.done() and not any(wanted(event) for event in self.events):
                raise AssertionError(f"ended without it: {self.task.result()} after {self.events}")

    async def until_step(self, step: float) -> RunEvent:
        return await self.until(lambda event: isinstance(event, Progressed) and event.step >= step)

    async def end(self) -> EndEvent:
        assert self.task is not None
        return await self.task

    def check(self) -> None:
        """What holds for the events of every run."""
        fractions = [event.fraction for event in self.events if isinstance(event, Progressed)]
        assert fractions == sorted(fractions)
        assert all(0 <= fraction < 1 for fraction in fractions)


@asynccontextmanager
async def running(
    backend: ComfyBackend, submission: Submission, *, submitted: bool = False
) -> AsyncIterator[Told]:
    """``submission`` under way; cancelled (the watching, not the run) when the block is left early."""
    told = Told(submission)
    told.task = asyncio.create_task(backend.run(submission, told.note, submitted=submitted), name="run")
    try:
        yield told
        told.check()
    finally:
        told.task.cancel()
        await asyncio.wait({told.task})


async def run(backend: ComfyBackend, submission: Submission, *, submitted: bool = False) -> EndEvent:
    """The end of ``submission``; its events are checked on the way."""
    async with running(backend, submission, submitted=submitted) as told:
        return await told.end()


def error_of(end: EndEvent) -> BackendError:
    """The error of a run that must have failed."""
    assert isinstance(end, Failed), end
    return end.error


def file_of(end: EndEvent) -> OutputFile:
    """The first file of a run that must have finished."""
    assert isinstance(end, Finished), end
    file = end.outputs[0]
    assert isinstance(file, OutputFile)
    return file


async def eventually(condition: Callable[[], Any], pause: float = 0.005) -> None:
    """Wait until ``condition`` holds. The test's deadline is the limit."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(pause)


@asynccontextmanager
async def tidy() -> AsyncIterator[None]:
    """Checks that the block leaves no task, no unseen exception and no open transport behind."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    gc.freeze()  # what was there before need not be looked through after
    try:
        yield
        gc.collect()
        await asyncio.sleep(0)
        left = [
            task for task in asyncio.all_tasks() if not task.done() and task is not asyncio.current_task()
        ]
        assert left == [], left
        assert complaints == [], complaints
    finally:
        gc.unfreeze()
        loop.set_exception_handler(None)
