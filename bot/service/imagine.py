"""From what somebody asked for to kept pictures: choose a template, resolve, bind, run, keep.

A request becomes ``count`` jobs, each painted alone with seed + index (a batch would change the noise),
so that every picture can be made again by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from bot.domain.errors import (
    FlagError,
    NothingPainted,
    ParameterError,
    RunInterrupted,
    TemplateNotFound,
)
from bot.domain.events import Failed, Finished, Interrupted, RunEvent
from bot.domain.ids import PromptId
from bot.domain.outputs import MediaKind, OutputFile, OutputText, wanted_outputs
from bot.domain.text import Text
from bot.presentation.flags import Ask
from bot.service.images import InputImage
from bot.service.keep import Folder
from bot.service.ports import Backend, Submission
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import Limits
from bot.templates.template import Template
from bot.templates.values import LoraChoice, ResolvedValues

Draw = Callable[[int, int], int]
_INPUT_IMAGE = "input_image"


@dataclass(frozen=True, slots=True)
class Request:
    """What one line of text asked for, complete and checked. ``inputs`` are its files by reference."""

    template: Template
    values: ResolvedValues
    count: int
    inputs: Mapping[str, InputImage] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        return (Job(self, index, self.values.for_index(index)) for index in range(self.count))


@dataclass(frozen=True, slots=True)
class Job:
    """One picture of a request."""

    request: Request
    index: int
    values: ResolvedValues

    @property
    def stem(self) -> str:
        """File name of its results, without extension: the template, and the seed that makes it again."""
        seed = self.values.seed
        name = self.request.template.name
        return name if seed is None else f"{name}-{seed}"


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


def choose_template(library: TemplateLibrary, ask: Ask, command: str = "imagine") -> Template:
    """The template that was named, else the command's default for what was given (words, or an image).

    Raises :class:`TemplateNotFound` with the nearest names, or when the command has no template at all.
    """
    if ask.template is not None:
        return library.get(ask.template)
    candidates = [template for template in library.enabled() if template.command == command]
    takes_image = [template for template in candidates if _INPUT_IMAGE in template.parameters]
    from_words = [template for template in candidates if not template.media]
    pool = takes_image if ask.image is not None else from_words
    if not pool:
        raise TemplateNotFound(_nothing_for(library, command, ask.image is not None))
    return next((template for template in pool if template.is_default), pool[0])


def _nothing_for(library: TemplateLibrary, command: str, image: bool) -> Text:
    if image:
        return Text("No template here takes an image. Add one, or name one with --template.")
    if not library.enabled():
        return Text(
            "There is no usable template in {folder}. Put a workflow there that was saved with "
            "Workflow → Export (API).",
            folder=library.folder,
        )
    return Text("No template is for {command}. Name one with --template.", command=command)


def plan(
    ask: Ask,
    template: Template,
    *,
    limits: Limits,
    draw: Draw,
    image: InputImage | None = None,
) -> tuple[Request, ...]:
    """The requests that ``ask`` means: one, or one a seed of a seed range.

    Raises :class:`ParameterError` or :class:`FlagError`; nothing has been uploaded or painted by then.
    """
    template.check_count(ask.count, limits)
    inputs: dict[str, InputImage] = {}
    asked: dict[str, object] = dict(ask.values)
    if "prompt_text" in template.parameters:
        asked.setdefault("prompt_text", ask.prompt_text)
    elif ask.prompt_text.strip():
        raise ParameterError(
            "prompt_text", Text("Template {template} takes no text.", template=template.name)
        )
    if ask.negative_text is not None:
        asked["negative_text"] = ask.negative_text
    if ask.size is not None:
        asked["size"] = f"{ask.size[0]}x{ask.size[1]}"
    if ask.aspect is not None:
        asked["aspect"] = f"{ask.aspect[0]:g}:{ask.aspect[1]:g}"
    if image is not None:
        reference = hashlib.sha256(image.content).hexdigest()
        inputs[reference] = image
        asked[_INPUT_IMAGE] = reference
    for name in template.media:
        if name not in asked:
            raise FlagError(
                Text(
                    "Template {template} needs a picture to start from. Give one with --image FILE.",
                    template=template.name,
                )
            )
    loras = tuple(LoraChoice(lora.name, lora.strength) for lora in ask.loras)
    requests = []
    for seed in ask.seeds or (ask.seed,):
        values = template.resolve(
            {**asked, **({} if seed is None else {"seed": seed})},  # type: ignore[dict-item]
            limits=limits,
            draw=draw,
            preset=ask.preset,
            style=ask.style,
            loras=loras,
        )
        requests.append(Request(template, values, ask.count, inputs))
    return tuple(requests)


class Painter:
    """Runs jobs on one backend and keeps their results in one folder."""

    def __init__(self, backend: Backend, folder: Folder, *, previews: bool = False) -> None:
        self._backend = backend
        self._folder = folder
        self._previews = previews
        self._uploads: dict[str, str] = {}
        self._upload_lock = asyncio.Lock()
        self._running: set[PromptId] = set()

    async def paint(self, job: Job, on_event: Callable[[RunEvent], None]) -> Picture:
        """Paint one job. Raises BackendError (:class:`RunInterrupted` after a cancel) or OutputError."""
        template = job.request.template
        uploads = {reference: await self._upload(reference, i) for reference, i in job.request.inputs.items()}
        prompt_id = PromptId(str(uuid.uuid4()))
        submission = Submission(
            prompt_id, template.bind(job.values, uploads), frozenset(template.outputs), self._previews
        )
        self._running.add(prompt_id)
        try:
            end = await self._backend.run(submission, on_event)
        finally:
            self._running.discard(prompt_id)
        match end:
            case Finished():
                return await self._keep(job, end)
            case Failed(error=error):
                raise error
            case Interrupted():
                raise RunInterrupted(Text("The picture was stopped."), cause=f"prompt {prompt_id}")
        assert_never(end)

    async def cancel_all(self) -> int:
        """Stop what is being painted; how many that were. Their ``paint`` raises RunInterrupted soon."""
        running = tuple(self._running)
        for prompt_id in running:
            await self._backend.cancel(prompt_id)
        return len(running)

    async def _upload(self, reference: str, image: InputImage) -> str:
        async with self._upload_lock:
            if reference not in self._uploads:
                self._uploads[reference] = await self._backend.upload_image(image.content, image.suffix)
            return self._uploads[reference]

    async def _keep(self, job: Job, end: Finished) -> Picture:
        files: list[KeptFile] = []
        texts: list[str] = []
        for output in wanted_outputs(end.outputs, frozenset(job.request.template.outputs)):
            match output:
                case OutputFile():
                    path = await self._folder.keep(self._backend, output, job.stem)
                    files.append(KeptFile(path, output.kind))
                case OutputText():
                    texts.append(output.text)
        if not files and not texts:
            raise NothingPainted(
                Text(
                    "The workflow ran but left no result. Its output node must save or preview something "
                    "(template {template}).",
                    template=job.request.template.name,
                )
            )
        return Picture(job, tuple(files), tuple(texts), end.server_seconds, end.cached)
