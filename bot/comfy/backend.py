"""One ComfyUI server as the service layer sees it: post, watch, fetch."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from bot.comfy import failures
from bot.comfy.client import ComfyClient, SystemStats
from bot.comfy.drive import Drive
from bot.comfy.prepare import runnable
from bot.comfy.run import Run
from bot.comfy.session import Session
from bot.comfy.watch import Patience, Watch
from bot.domain.errors import BackendError, ProtocolError, ServerUnreachable
from bot.domain.events import EndEvent, Failed, RunEvent
from bot.domain.ids import PromptId
from bot.domain.outputs import OutputFile
from bot.service.ports import Submission
from bot.templates.catalogue import Catalogue

CATALOGUE_SECONDS = 300.0
"""A catalogue older than this is asked for again: models are added while a server runs."""
FIRST_TRY_SECONDS = 5.0
DOWNLOAD_TRIES = 4


class ComfyBackend:
    """One server, as :class:`bot.service.ports.Backend`. An async context manager."""

    def __init__(
        self,
        client: ComfyClient,
        *,
        name: str = "comfyui",
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.name = name
        self.client = client
        self.session = Session(client)
        self._patience = patience or Patience()
        self._clock = clock
        self._drives: dict[PromptId, Drive] = {}
        self._catalogue: tuple[float, Catalogue] | None = None
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
        await self._stack.__aexit__(kind, error, trace)

    async def run(
        self, submission: Submission, on_event: Callable[[RunEvent], None], *, submitted: bool = False
    ) -> EndEvent:
        run = Run(submission.prompt_id, submission.graph)
        with self.session.subscribe(run) as subscription:
            drive = Drive(
                self.client, self.session, subscription, Watch(self._patience, self._clock()), self._clock
            )
            self._drives[submission.prompt_id] = drive
            try:
                await self.session.first_try(FIRST_TRY_SECONDS)
                if not submitted:
                    await self._submit(submission)
                return await drive.to_the_end(on_event)
            except BackendError as error:
                return Failed(error)
            finally:
                del self._drives[submission.prompt_id]

    async def cancel(self, prompt_id: PromptId) -> None:
        if (drive := self._drives.get(prompt_id)) is not None:
            drive.wish_to_cancel()

    async def fetch(self, file: OutputFile, target: Path) -> str:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ServerUnreachable),
            stop=stop_after_attempt(DOWNLOAD_TRIES),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            reraise=True,
        ):
            with attempt:
                download = await self.client.download(file, target)
        return download.mime

    async def upload_image(self, content: bytes, suffix: str) -> str:
        return await self.client.upload_image(content, f"fairbrush-{uuid.uuid4().hex}{suffix}")

    async def catalogue(self) -> Catalogue:
        async with self._catalogue_lock:
            now = self._clock()
            if self._catalogue is None or now - self._catalogue[0] > CATALOGUE_SECONDS:
                data = await self.client.object_info()
                self._catalogue = now, await asyncio.to_thread(Catalogue.from_object_info, data)
            return self._catalogue[1]

    async def system_stats(self) -> SystemStats:
        return await self.client.system_stats()

    async def free(self) -> None:
        await self.client.free()

    async def _submit(self, submission: Submission) -> None:
        """Post the graph once; again only when the server has certainly not taken it."""
        try:
            await self._post(submission)
        except (ServerUnreachable, ProtocolError) as error:
            # The answer was lost, the request never arrived, or it was a 500 for a graph that was queued
            # all the same: only the server can tell.
            if await self._knows(submission.prompt_id):
                return
            if isinstance(error, ProtocolError):
                raise
            await self._post(submission)

    async def _post(self, submission: Submission) -> None:
        known = self._catalogue[1] if self._catalogue else None
        graph = runnable(submission.graph)
        submitted = await self.client.submit(
            graph,
            submission.prompt_id,
            self.session.client_id,
            extra_data={"preview_method": "auto"} if submission.previews else None,
            catalogue=known,
        )
        wanted = submission.outputs or {node.id for node in graph}
        if submitted.dropped & wanted:
            # Accepted without what was asked for: nobody shall paint, or pay, for the rest.
            await self.client.delete(submission.prompt_id)
            await self.client.interrupt(submission.prompt_id)
            raise failures.rejected(submitted.body, graph, known)

    async def _knows(self, prompt_id: PromptId) -> bool:
        if prompt_id in await self.client.queue():
            return True
        return await self.client.history(prompt_id) is not None
