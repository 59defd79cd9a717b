"""The work of ``fairbrush imagine``: check all that was asked, then paint."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.app import Opened, open_backend
from bot.cli import through_bot
from bot.cli.asks import refused_lines
from bot.cli.common import INTERRUPTED, ResultsLost, exit_code, load, message_of, say
from bot.cli.interruption import Interruption
from bot.cli.progress import Bar, Display, display
from bot.cli.reach import running_bot
from bot.cli.report import Failure, Report, Result, Tally, as_json, as_paths, cost, summary
from bot.config import Settings
from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    FairbrushError,
    OutputError,
    ParameterError,
    RunInterrupted,
    ServerUnreachable,
    ServerWedged,
    TemplateError,
    UserError,
)
from bot.domain.moderation import BlockedWords
from bot.domain.text import Text
from bot.presentation.flags import Ask, require_prompt
from bot.service.images import InputImage, read_input_image
from bot.service.imagine import Job, Request, choose_template, named_files, plan
from bot.service.keep import Folder
from bot.service.moderation_texts import moderate
from bot.service.painter import Painter, Picture
from bot.service.threads import in_thread
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import Limits

STAGED = 2
"""Jobs at the server at a time: one that runs and one that waits, so that the GPU never idles."""
_LABEL = 28
_HOPELESS = (ServerUnreachable, AuthenticationFailed, ServerWedged, OutputError)
"""What the next picture would meet as well."""


@dataclass(frozen=True, slots=True)
class Options:
    asks: Sequence[Ask]
    out: Path
    comfyui: str | None
    as_json: bool
    config_file: Path | None
    lines: Sequence[int] = ()
    """The number of each ask's line, where they come from a file."""


async def paint(options: Options, interruption: Interruption) -> int:
    """Paint everything that was asked for; the exit code."""
    settings = load(options.config_file)
    images = await read_images(options.asks)
    folder = Folder(options.out)
    await folder.prepare()
    if options.comfyui is None and (bot := await running_bot(settings.data_dir)) is not None:
        return await through_bot.paint(
            bot, options.asks, images, folder, interruption, as_json=options.as_json, lines=options.lines
        )
    async with open_backend(settings, options.comfyui, scratch=interruption.scratch_folder) as opened:
        if opened.embedded:
            say("No ComfyUI server is configured: the built-in sketch engine paints.")
        library = await open_library(settings, opened)
        embedded, lines = opened.embedded, options.lines
        planned = await in_thread(
            requests, options.asks, images, library, settings, embedded=embedded, lines=lines
        )
        jobs = [job for request in planned for job in request.jobs()]
        if (told := cost(jobs, embedded=opened.embedded)) is not None:
            say(told)
        batch = Batch(Painter(opened.backend, folder), as_json if options.as_json else as_paths)
        shown = display(len(jobs))
        with (
            interruption.tidied_by(folder.discard_unfinished),
            interruption.tidied_by(shown.restore),
            interruption.handled_by(lambda: batch.stop(shown)) as interrupted,
        ):
            with shown:
                await batch.paint(jobs, shown)
            batch.tell_end()
    if len(jobs) > 1:
        say(summary(batch.tally, len(jobs)))
    return INTERRUPTED if interrupted.is_set() else batch.exit_code


async def read_images(asks: Iterable[Ask]) -> dict[str, InputImage]:
    """Every input image that is named, checked once."""
    files = dict.fromkeys(file for ask in asks for file in named_files(ask))
    return {file: await read_input_image(Path(file)) for file in files}


async def open_library(settings: Settings, opened: Opened) -> TemplateLibrary:
    """The workflows folder, as this server can run it."""
    catalogue = await opened.backend.catalogue()
    return await in_thread(TemplateLibrary, settings.workflows_dir, catalogue)


def limits_of(settings: Settings) -> Limits:
    """The shell goes through the same gate as chat: the default tier's limits."""
    tier = settings.tiers["default"]
    return Limits(max_pixels=tier.max_pixels, max_count=tier.max_count)


def requests(
    asks: Sequence[Ask],
    images: Mapping[str, InputImage],
    library: TemplateLibrary,
    settings: Settings,
    *,
    embedded: bool,
    lines: Sequence[int] = (),
) -> list[Request]:
    """All requests, complete and checked before the first is painted; each remark is said once.

    Raises the first error, or, for ``lines`` of a file, one FlagError about all that are wrong.
    """
    moderator = BlockedWords(settings.moderation.blocked_words)
    planned: list[Request] = []
    problems: list[tuple[int, FairbrushError]] = []
    for index, ask in enumerate(asks):
        try:
            moderate(ask, moderator)
            planned += _planned(ask, images, library, limits_of(settings))
        except (UserError, TemplateError) as error:
            if not lines:
                raise
            problems.append((lines[index], error))
    if problems:
        raise refused_lines(Text("The file"), problems)
    # That a sketch is not painted by the model that the template names is said once, by the engine.
    notes = dict.fromkeys(
        note
        for request in planned
        for note in request.values.notes
        if not (embedded and note in request.template.fallbacks.values())
    )
    for note in notes:
        say(note)
    return planned


def _planned(
    ask: Ask, images: Mapping[str, InputImage], library: TemplateLibrary, limits: Limits
) -> tuple[Request, ...]:
    template = choose_template(library, ask)
    prompt = template.parameters.get("prompt_text")
    if prompt is not None and getattr(prompt, "required", True):
        require_prompt(ask)
    try:
        return plan(ask, template, limits=limits, draw=_draw, images=images)
    except ParameterError as error:
        if error.parameter != "count" or ask.count < 2 or "seed" not in template.parameters:
            raise
        hint = Text("{reason} For more, give a range of seeds: --seed 1-{n}", reason=error.text, n=ask.count)
        raise ParameterError("count", hint, cause=error.cause) from error


def _draw(low: int, high: int) -> int:
    return low + secrets.randbelow(high - low + 1)


class Batch:
    """Paints jobs, two at the server at a time, and reports each in the order of the jobs."""

    def __init__(self, painter: Painter, report: Report) -> None:
        self.tally = Tally()
        self.stopping = False
        self._painter = painter
        self._report = report
        self._hopeless = False
        self._said: set[str] = set()
        self._asked_to_cancel = 0

    @property
    def exit_code(self) -> int:
        return max((exit_code(failure.error) for failure in self.tally.failures), default=0)

    async def stop(self, shown: Display) -> None:
        """Somebody does not want the rest."""
        self._asked_to_cancel = await self._give_up()
        shown.note(
            "Stopping: asking the server to cancel. Press Ctrl-C again to leave at once."
            if self._asked_to_cancel
            else "Stopping."
        )

    async def paint(self, jobs: Sequence[Job], shown: Display) -> list[Picture]:
        """Paint ``jobs``; those that came to be. Raises ResultsLost, and then the rest is given up."""
        slots = asyncio.Semaphore(STAGED)
        painted: list[Picture] = []
        lost: ResultsLost | None = None

        async def one(job: Job) -> Result | None:
            async with slots:
                if self.stopping or self._hopeless:
                    return None
                return await self._paint_one(job, shown.bar(_label(job, len(jobs))))

        async with asyncio.TaskGroup() as tasks:
            painting = [tasks.create_task(one(job), name=f"job {n}") for n, job in enumerate(jobs, start=1)]
            for task in painting:
                result = await task
                if result is None:
                    continue
                self.tally.add(result)
                if isinstance(result, Picture):
                    painted.append(result)
                else:
                    self._explain(result, shown)
                if lost is None:
                    lost = self._tell(result, shown)
                    if lost is not None and await self._give_up():
                        shown.note("Nobody takes the results any more, so the rest is stopped.")
        if lost is not None:
            raise lost
        return painted

    def tell_end(self) -> None:
        """What the server did about our wish to stop."""
        if self._asked_to_cancel and self.tally.stopped:
            say("Stopped: what was running is cancelled on the server.")
        elif self._asked_to_cancel:
            say("Stopped; what was running had ended by then.")

    async def _give_up(self) -> int:
        self.stopping = True
        return await self._painter.cancel_all()

    async def _paint_one(self, job: Job, bar: Bar) -> Result:
        try:
            picture = await self._painter.paint(job, bar.event)
        except (BackendError, OutputError) as error:
            self._hopeless = self._hopeless or isinstance(error, _HOPELESS)
            if isinstance(error, RunInterrupted):
                bar.stopped()
            else:
                bar.done("failed", ok=False)
            if isinstance(error, OutputError):
                await self._give_up()  # no use in painting what cannot be kept
            return Failure(job, error)
        seconds = f" in {picture.server_seconds:.1f} s" if picture.server_seconds is not None else ""
        bar.done("already painted: the server's earlier result" if picture.cached else f"done{seconds}")
        return picture

    def _tell(self, result: Result, shown: Display) -> ResultsLost | None:
        try:
            shown.result(lambda: self._report(result))
        except ResultsLost as error:
            return error
        return None

    def _explain(self, failure: Failure, shown: Display) -> None:
        """Say why, once for any number of pictures that failed alike."""
        if self.stopping and isinstance(failure.error, RunInterrupted):
            return
        message = message_of(failure.error)
        if message not in self._said:
            self._said.add(message)
            shown.note(message)


def _label(job: Job, total: int) -> str:
    words = job.values.words.get("prompt_text") or job.request.template.title or job.request.template.name
    line = " ".join(words.split())
    short = line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
    # The seed first: it tells apart what begins alike, and ends of lines are cut.
    return f"[{job.values.seed}] {short}" if total > 1 and job.values.seed is not None else short
