"""The work of ``fairbrush imagine``: read what was asked, check all of it, then paint."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from bot.app import Opened, open_backend
from bot.cli.common import INTERRUPTED, exit_code, load, message_of, on_ctrl_c, say
from bot.cli.progress import Bar, Display, display
from bot.config import Settings
from bot.domain.errors import BackendError, FairbrushError, FlagError, OutputError, RunInterrupted
from bot.domain.text import Text
from bot.presentation.flags import SHELL, Ask, parse_args, parse_line, require_prompt
from bot.service.images import InputImage, read_input_image
from bot.service.imagine import Job, Painter, Picture, Request, choose_template, plan
from bot.service.keep import Folder
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import Limits

STAGED = 2
"""Jobs at the server at a time: one that runs and one that waits, so that the GPU never idles."""
LONGEST_FILE = 1_000_000
MOST_LINES = 1_000
_LABEL = 28


@dataclass(frozen=True, slots=True)
class Options:
    args: tuple[str, ...]
    also_known: tuple[str, ...]
    out: Path
    lines_file: Path | None
    comfyui: str | None
    as_json: bool
    config_file: Path | None


@dataclass(frozen=True, slots=True)
class Failure:
    job: Job
    error: FairbrushError


@dataclass(slots=True)
class Tally:
    """What came of a run of the command."""

    pictures: list[Picture] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


async def paint(options: Options) -> int:
    """Paint everything that was asked for; the exit code."""
    settings = load(options.config_file)
    asks = await read_asks(options)
    images = await read_images(asks)
    folder = Folder(options.out)
    await folder.prepare()
    async with open_backend(settings, options.comfyui) as opened:
        if opened.embedded:
            say("No ComfyUI server is configured: the built-in sketch engine paints.")
        library = await open_library(settings, opened)
        planned = requests(asks, images, library, settings, embedded=opened.embedded)
        jobs = [job for request in planned for job in request.jobs()]
        tell_cost(jobs, opened)
        painter = Painter(opened.backend, folder)
        async with on_ctrl_c(lambda: stop(painter)) as stopped:
            with display(len(jobs)) as shown:
                tally = await paint_jobs(
                    painter, jobs, shown, stopped, report=_as_json if options.as_json else _as_paths
                )
    if len(jobs) > 1:
        say(summary(tally, len(jobs)))
    if stopped.is_set():
        return INTERRUPTED
    return max((exit_code(failure.error) for failure in tally.failures), default=0)


async def read_asks(options: Options) -> list[Ask]:
    """The requests on the command line, or of a file with those of the command line as defaults."""
    base = parse_args(options.args, SHELL, also_known=options.also_known)
    if options.lines_file is None:
        return [base]
    lines = await asyncio.to_thread(_read_lines, options.lines_file)
    asks, problems = [], []
    for number, line in lines:
        try:
            asks.append(_merged(base, parse_line(line, SHELL)))
        except FlagError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise FlagError(
            Text(
                "{file} cannot be used. {problems}", file=options.lines_file, problems="; ".join(problems[:5])
            )
        )
    if not asks:
        raise FlagError(Text("{file} holds no request: write one a line.", file=options.lines_file))
    return asks


def _read_lines(path: Path) -> list[tuple[int, str]]:
    try:
        if str(path) == "-":
            text = sys.stdin.read(LONGEST_FILE + 1)
        else:
            with path.open(encoding="utf-8-sig") as stream:
                text = stream.read(LONGEST_FILE + 1)
    except OSError as error:
        raise FlagError(Text("{file} cannot be read: {reason}.", file=path, reason=error.strerror)) from error
    except UnicodeDecodeError as error:
        raise FlagError(Text("{file} is not a text in UTF-8.", file=path)) from error
    numbered = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    kept = [(n, line) for n, line in numbered if line and not line.startswith("#")]
    if len(text) > LONGEST_FILE or len(kept) > MOST_LINES:
        raise FlagError(Text("{file} is too long: at most {most} requests.", file=path, most=MOST_LINES))
    return kept


def _merged(base: Ask, line: Ask) -> Ask:
    """A line's own flags before those of the command line, whose text goes in front."""
    words = " ".join(part for part in (base.prompt_text, line.prompt_text) if part)
    plain = {
        name: getattr(line, name) if getattr(line, name) is not None else getattr(base, name)
        for name in ("negative_text", "template", "preset", "style", "image")
    }
    shape = line if line.size or line.aspect else base
    seeded = line if line.seed is not None or line.seeds else base
    return replace(
        line,
        prompt_text=words,
        **plain,
        size=shape.size,
        aspect=shape.aspect,
        seed=seeded.seed,
        seeds=seeded.seeds,
        count=line.count if line.count != 1 else base.count,
        loras=line.loras or base.loras,
        values={**base.values, **line.values},
    )


async def read_images(asks: Iterable[Ask]) -> dict[str, InputImage]:
    """Every input image that is named, checked once."""
    paths = dict.fromkeys(ask.image for ask in asks if ask.image is not None)
    return {path: await read_input_image(Path(path)) for path in paths}


async def open_library(settings: Settings, opened: Opened) -> TemplateLibrary:
    """The workflows folder, as this server can run it."""
    catalogue = await opened.backend.catalogue()
    return await asyncio.to_thread(TemplateLibrary, settings.workflows_dir, catalogue)


def limits_of(settings: Settings) -> Limits:
    """The shell goes through the same gate as chat: the default tier's limits."""
    tier = settings.tiers["default"]
    return Limits(max_pixels=tier.max_pixels, max_count=tier.max_count)


def requests(
    asks: Sequence[Ask],
    images: dict[str, InputImage],
    library: TemplateLibrary,
    settings: Settings,
    *,
    embedded: bool,
) -> list[Request]:
    """All requests, complete and checked before the first is painted."""
    planned: list[Request] = []
    for ask in asks:
        template = choose_template(library, ask)
        if "prompt_text" in template.parameters:
            require_prompt(ask)
        image = images[ask.image] if ask.image is not None else None
        found = plan(ask, template, limits=limits_of(settings), draw=_draw, image=image)
        # That a sketch is not painted by the model that the template names is said once, by the engine.
        silent = set(template.fallbacks.values()) if embedded else set()
        for note in dict.fromkeys(note for request in found for note in request.values.notes):
            if note not in silent:
                say(note)
        planned += found
    return planned


def _draw(low: int, high: int) -> int:
    return low + secrets.randbelow(high - low + 1)


def tell_cost(jobs: Sequence[Job], opened: Opened) -> None:
    """Before a run of several pictures: how many, and roughly how long the server will be busy."""
    known = [job.request.template.estimate_seconds for job in jobs]
    seconds = sum(guess for guess in known if guess is not None)
    if len(jobs) < 2 or opened.embedded or not seconds:
        return
    about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    say(f"{len(jobs)} pictures, about {about} of GPU time by the templates' own estimates.")


async def stop(painter: Painter) -> None:
    running = await painter.cancel_all()
    say(
        "Stopping: the running picture is cancelled on the server. Press Ctrl-C again to leave at once."
        if running
        else "Stopping."
    )


async def paint_jobs(
    painter: Painter,
    jobs: Sequence[Job],
    shown: Display,
    stopped: asyncio.Event,
    *,
    report: Callable[[Picture | Failure], None],
) -> Tally:
    """Paint all jobs, two at the server at a time; ``report`` hears of each in the order of the jobs."""
    tally = Tally()
    slots = asyncio.Semaphore(STAGED)

    async def one(job: Job) -> Picture | Failure | None:
        async with slots:
            if stopped.is_set():
                return None
            return await _paint_one(painter, job, shown.bar(_label(job, len(jobs))))

    async with asyncio.TaskGroup() as tasks:
        painting = [tasks.create_task(one(job), name=f"job {n}") for n, job in enumerate(jobs, start=1)]
        for task in painting:
            match await task:
                case Picture() as picture:
                    tally.pictures.append(picture)
                    report(picture)
                case Failure() as failure:
                    tally.failures.append(failure)
                    report(failure)
                    if not (stopped.is_set() and isinstance(failure.error, RunInterrupted)):
                        shown.note(message_of(failure.error))
    return tally


async def _paint_one(painter: Painter, job: Job, bar: Bar) -> Picture | Failure:
    try:
        picture = await painter.paint(job, bar.event)
    except (BackendError, OutputError) as error:
        bar.done("stopped" if isinstance(error, RunInterrupted) else "failed", ok=False)
        return Failure(job, error)
    seconds = f" in {picture.server_seconds:.1f} s" if picture.server_seconds is not None else ""
    bar.done("already painted: the server's earlier result" if picture.cached else f"done{seconds}")
    return picture


def _label(job: Job, total: int) -> str:
    words = job.values.words.get("prompt_text") or job.request.template.title
    line = " ".join(words.split())
    short = line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
    return f"{short} [{job.values.seed}]" if total > 1 and job.values.seed is not None else short


def _as_paths(result: Picture | Failure) -> None:
    if isinstance(result, Picture):
        for kept in result.files:
            click.echo(str(kept.path))
        for text in result.texts:
            click.echo(text)


def _as_json(result: Picture | Failure) -> None:
    values = result.job.values
    shared: dict[str, object] = {
        "template": values.template,
        "seed": values.seed,
        "values": dict(values.values),
    }
    if isinstance(result, Failure):
        told = {**shared, "error": result.error.code, "message": str(result.error)}
    else:
        told = {
            "files": [{"path": str(kept.path), "kind": kept.kind} for kept in result.files],
            "texts": list(result.texts),
            **shared,
            "seconds": result.server_seconds,
            "cached": result.cached,
        }
    click.echo(json.dumps(told, ensure_ascii=False))


def summary(tally: Tally, total: int) -> str:
    """One line at the end of several pictures."""
    files = sum(len(picture.files) for picture in tally.pictures)
    seconds = sum(picture.server_seconds or 0.0 for picture in tally.pictures)
    failed, left = len(tally.failures), total - len(tally.pictures) - len(tally.failures)
    words = f"{len(tally.pictures)} of {total} painted ({files} files, {seconds:.1f} s of the server's time)"
    if failed:
        words += f", {failed} failed"
    if left:
        words += f", {left} not begun"
    return f"{words}."
