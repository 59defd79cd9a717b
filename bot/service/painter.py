"""Jobs into kept pictures: upload what they need, run them, keep what they leave."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from bot.domain.errors import NothingPainted, RunInterrupted
from bot.domain.events import Failed, Finished, Interrupted, RunEvent
from bot.domain.ids import PromptId
from bot.domain.outputs import MediaKind, OutputFile, OutputText, wanted_outputs
from bot.domain.text import Text
from bot.service.images import InputImage
from bot.service.imagine import Job
from bot.service.keep import Folder
from bot.service.ports import Backend, Submission
from bot.service.threads import in_thread


@dataclass(frozen=True, slots=True)
class KeptFile:
    path: Path
    kind: MediaKind


@dataclass(frozen=True, slots=True)
class Picture:
    """A job's result: files on our disk, texts, and what it cost the server."""

    job: Job
    files: tuple[KeptFile, ...]
    texts: tuple[str, ...]
    server_seconds: float | None
    cached: bool


class Painter:
    """Runs jobs on one backend and keeps their results in one folder."""

    def __init__(self, backend: Backend, folder: Folder, *, previews: bool = False) -> None:
        self._backend = backend
        self._folder = folder
        self._previews = previews
        self._uploads: dict[str, str] = {}
        self._upload_lock = asyncio.Lock()
        self._running: dict[PromptId, None] = {}
        self._stopping = False

    async def paint(self, job: Job, on_event: Callable[[RunEvent], None]) -> Picture:
        """Paint one job. Raises BackendError (:class:`RunInterrupted` after a cancel) or OutputError."""
        template = job.request.template
        uploads = {reference: await self._upload(reference, i) for reference, i in job.request.inputs.items()}
        if self._stopping:
            raise self._interrupted("before it was submitted")
        prompt_id = PromptId(str(uuid.uuid4()))
        submission = Submission(
            prompt_id, template.bind(job.values, uploads), frozenset(template.outputs), self._previews
        )
        self._running[prompt_id] = None
        try:
            end = await self._backend.run(submission, on_event)
        finally:
            del self._running[prompt_id]
        match end:
            case Finished():
                return await self._keep(job, end)
            case Failed(error=error):
                raise error
            case Interrupted():
                raise self._interrupted(f"prompt {prompt_id}")
        assert_never(end)

    async def cancel_all(self) -> int:
        """Stop for good: how many pictures the server waits with or paints. Their ``paint`` raises
        RunInterrupted soon, as does every later one; what is finished already is still kept."""
        self._stopping = True
        # The last first: what waits shall not begin because what runs has stopped.
        running = tuple(reversed(self._running))
        for prompt_id in running:
            await self._backend.cancel(prompt_id)
        return len(running)

    def _interrupted(self, cause: str) -> RunInterrupted:
        text = (
            Text("The picture was stopped.")
            if self._stopping
            else Text("Somebody else stopped this picture on the ComfyUI server. Ask for it again.")
        )
        return RunInterrupted(text, cause=cause)

    async def _upload(self, reference: str, image: InputImage) -> str:
        async with self._upload_lock:
            if reference not in self._uploads:
                self._uploads[reference] = await self._backend.upload_image(image.content, image.suffix)
            return self._uploads[reference]

    async def _keep(self, job: Job, end: Finished) -> Picture:
        """All files of the job, or none: a picture that failed leaves nothing behind."""
        files: list[KeptFile] = []
        texts: list[str] = []
        try:
            for output in wanted_outputs(end.outputs, frozenset(job.request.template.outputs)):
                match output:
                    case OutputFile():
                        path = await self._folder.keep(self._backend, output, job.stem)
                        files.append(KeptFile(path, output.kind))
                    case OutputText():
                        texts.append(output.text)
        except BaseException:
            for kept in files:
                with contextlib.suppress(OSError):
                    await in_thread(kept.path.unlink, missing_ok=True)
            raise
        if not files and not texts:
            raise NothingPainted(
                Text(
                    "The workflow ran but left no result. Its output node must save or preview something "
                    "(template {template}).",
                    template=job.request.template.name,
                )
            )
        return Picture(job, tuple(files), tuple(texts), end.server_seconds, end.cached)
