"""One ComfyUI server as the service layer sees it: post, watch, fetch."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from bot.comfy import failures
from bot.comfy.client import ComfyClient, SystemStats
from bot.comfy.drive import Drive
from bot.comfy.prepare import runnable
from bot.comfy.run import Run
from bot.comfy.session import Session
from bot.comfy.submit import submit_once
from bot.comfy.transport import NotConnected, NothingBehind
from bot.comfy.watch import Patience, Watch
from bot.domain.errors import BackendError, GraphRejected, ServerUnreachable
from bot.domain.events import EndEvent, Failed, Interrupted, RunEvent
from bot.domain.ids import ClientId, PromptId
from bot.domain.outputs import OutputFile
from bot.service.ports import DeviceMemory, Health, ServerQueue, Submission
from bot.templates.catalogue import Catalogue

CATALOGUE_SECONDS = 300.0
"""A catalogue older than this is asked for again: models are added while a server runs."""
FIRST_TRY_SECONDS = 3.0
LATER_TRY_SECONDS = 0.5
"""How long a run waits for a websocket before it goes on without one."""
TRANSFER_TRIES = 4
FORGET_TRIES = 5
FORGET_SECONDS = 0.2
"""Between two tries to be rid of a prompt: an interrupt between queue and first node goes nowhere."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A catalogue, when it was read, and on which connection: a restarted server may have new nodes."""

    since: float
    connection: int
    catalogue: Catalogue


class ComfyBackend:
    """One server, as :class:`bot.service.ports.Backend`. An async context manager."""

    def __init__(
        self,
        client: ComfyClient,
        *,
        name: str = "comfyui",
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
        client_id: ClientId | None = None,
    ) -> None:
        """``client_id``: by which the server knew us before a restart; without it fresh ones are used."""
        self.name = name
        self.client = client
        self.session = Session(client, client_id=client_id)
        self._patience = patience or Patience()
        self._clock = clock
        self._drives: dict[PromptId, Drive] = {}
        self._catalogue: _Known | None = None
        self._catalogue_lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._listener = tasks.create_task(self.session.stay_connected(), name=f"websocket of {self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.cancel()
        # The body's exception is not handed on: a task group would wrap it into a group.
        await self._stack.__aexit__(None, None, None)

    async def run(
        self, submission: Submission, on_event: Callable[[RunEvent], None], *, submitted: bool = False
    ) -> EndEvent:
        run = Run(submission.prompt_id, submission.graph, submission.outputs)
        with self.session.subscribe(run) as subscription:
            drive = Drive(
                self.client, self.session, subscription, Watch(self._patience, self._clock()), self._clock
            )
            self._drives[submission.prompt_id] = drive
            try:
                first = self.session.connections == 0
                await self.session.first_try(FIRST_TRY_SECONDS if first else LATER_TRY_SECONDS)
                if submitted:
                    subscription.nudge()  # it may be over already
                    return await drive.to_the_end(on_event)
                if drive.cancel_wished:
                    return Interrupted()
                subscription.ask = subscription.hinted = False  # nothing to ask about before the POST
                if (refused := await self._submit(submission, drive)) is None:
                    return await drive.to_the_end(on_event)
                # Accepted without what was asked for: nobody shall paint, or pay, for the rest.
                drive.wish_to_cancel()
                await drive.to_the_end(lambda _: None)
                return Failed(refused)
            except BackendError as error:
                return Failed(error)
            finally:
                del self._drives[submission.prompt_id]

    async def cancel(self, prompt_id: PromptId) -> None:
        if (drive := self._drives.get(prompt_id)) is not None:
            drive.wish_to_cancel()

    async def fetch(self, file: OutputFile, target: Path) -> str:
        # The picture is painted and on the server's disk: a restart is worth waiting for.
        trying = _again(patience=self._patience.unreachable)
        return (await trying(self.client.download, file, target)).mime

    async def upload_image(self, content: bytes, suffix: str) -> str:
        name = f"fairbrush-{uuid.uuid4().hex}{suffix}"
        return await _again(patience=0.0)(self.client.upload_image, content, name)

    async def catalogue(self) -> Catalogue:
        async with self._catalogue_lock:
            now, connection = self._clock(), self.session.connections
            known = self._catalogue
            if known is None or known.connection != connection or now - known.since > CATALOGUE_SECONDS:
                data = await self.client.object_info()
                known = _Known(now, connection, await asyncio.to_thread(Catalogue.from_object_info, data))
                self._catalogue = known
            return known.catalogue

    async def system_stats(self) -> SystemStats:
        return await self.client.system_stats()

    @property
    def client_id(self) -> ClientId:
        return self.session.client_id

    @property
    def connections(self) -> int:
        return self.session.connections

    async def queue(self) -> ServerQueue:
        listed = await self.client.queue()
        return ServerQueue(listed.running, listed.pending)

    async def health(self) -> Health:
        stats = await self.client.system_stats()
        devices = tuple(DeviceMemory(d.name, d.vram_total, d.vram_free) for d in stats.devices)
        return Health(stats.version, devices)

    async def free(self) -> None:
        await self.client.free()

    async def forget(self, prompt_id: PromptId) -> None:
        await self.cancel(prompt_id)  # should it be followed after all, its end is a wish, not a loss
        for _ in range(FORGET_TRIES):
            await self.client.delete(prompt_id)
            # An interrupt may be asked only of who runs: servers before it took an id would stop anybody.
            if prompt_id in (listed := await self.client.queue()).running:
                await self.client.interrupt(prompt_id)
            elif prompt_id not in listed:
                return
            await asyncio.sleep(FORGET_SECONDS)

    async def _submit(self, submission: Submission, drive: Drive) -> GraphRejected | None:
        """Post the graph; the error when the server took it without an output that is wanted."""
        graph = runnable(submission.graph)
        try:
            async with drive.while_wanted():
                submitted = await submit_once(
                    lambda: self.client.submit(
                        graph,
                        submission.prompt_id,
                        self.session.client_id,
                        extra_data={"preview_method": "auto"} if submission.previews else None,
                        catalogue=self._choices,
                    ),
                    self.client,
                    submission.prompt_id,
                    patience=self._patience,
                    clock=self._clock,
                    given_up=lambda: drive.cancel_wished,
                )
        except TimeoutError:
            return None  # a cancel did not wait for the answer; what may have arrived is stopped
        except GraphRejected:
            self._catalogue = None  # what it offers may have changed since we asked
            raise
        wanted = submission.outputs or {node.id for node in graph}
        if submitted is not None and submitted.dropped & wanted:
            return failures.rejected(submitted.body, graph, await self._choices())
        return None

    async def _choices(self) -> Catalogue | None:
        """The catalogue for an error message; None rather than an error about the error."""
        try:
            return await self.catalogue()
        except BackendError:
            return None


def _again(*, patience: float) -> AsyncRetrying:
    """Transfers that break off are repeated a few times; while there is no server at all, for ``patience``
    seconds."""
    broken = 0

    def enough(state: RetryCallState) -> bool:
        nonlocal broken
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, NotConnected | NothingBehind):
            return (state.seconds_since_start or 0.0) >= patience
        broken += 1
        return broken >= TRANSFER_TRIES

    return AsyncRetrying(
        retry=retry_if_exception_type(ServerUnreachable),
        stop=enough,
        wait=wait_random_exponential(multiplier=0.1, max=2.0),
        reraise=True,
    )
