"""What ``fairbrush imagine`` tells: the cost before, each result, the summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli.common import put, put_json
from bot.cli.progress import duration
from bot.domain.errors import FairbrushError, RunInterrupted
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.service.estimate import estimate_seconds
from bot.service.imagine import Job
from bot.service.painter import Picture

SKETCH_SECONDS = 1.5
"""Of the built-in engine for one megapixel, measured on one core of a laptop."""
_MEGAPIXEL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    job: Job
    error: FairbrushError


Result = Picture | Failure
Report = Callable[[Result], None]


@dataclass(slots=True)
class Tally:
    """What came of a run of the command."""

    pictures: list[Picture] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, result: Result) -> None:
        if isinstance(result, Picture):
            self.pictures.append(result)
        else:
            self.failures.append(result)

    @property
    def stopped(self) -> int:
        return sum(isinstance(failure.error, RunInterrupted) for failure in self.failures)


def cost(jobs: Sequence[Job], *, embedded: bool) -> str | None:
    """What several pictures will cost, as far as anybody can say; None for a single one."""
    if len(jobs) < 2:
        return None
    if embedded:
        seconds = sum(SKETCH_SECONDS * _pixels(job) / _MEGAPIXEL for job in jobs)
        return f"{len(jobs)} pictures, about {duration(seconds)} on the built-in engine."
    known = [guess for guess in map(estimate_seconds, jobs) if guess is not None]
    if not known:
        return f"{len(jobs)} pictures. How long they take is not known: no template has estimate_seconds."
    about = f"about {duration(sum(known))} of GPU time by the templates' own estimates"
    if len(known) < len(jobs):
        return f"{len(jobs)} pictures, {about} for {len(known)} of them; the other templates have none."
    return f"{len(jobs)} pictures, {about}."


def _pixels(job: Job) -> int:
    width, height = job.values.values.get("width"), job.values.values.get("height")
    return width * height if isinstance(width, int) and isinstance(height, int) else _MEGAPIXEL


def as_paths(result: Result) -> None:
    """One path a line; texts that a workflow shows as they are."""
    if isinstance(result, Picture):
        for kept in result.files:
            put(str(kept.path))
        for text in result.texts:
            put(text)


def as_json(result: Result) -> None:
    """One object a picture, whatever came of it; ``JSON_HELP`` of ``bot.cli.help`` says what it holds."""
    values = result.job.values
    what = (values.template, values.seed, values.values)
    if isinstance(result, Failure):
        put_json(failed_json(*what, result.error.code, result.error.text))
        return
    files = [(kept.path, kept.kind) for kept in result.files]
    put_json(painted_json(*what, files, result.texts, result.server_seconds, cached=result.cached))


def painted_json(
    template: str,
    seed: int | None,
    values: Mapping[str, object],
    files: Sequence[tuple[Path, MediaKind]],
    texts: Sequence[str],
    seconds: float | None,
    *,
    cached: bool,
) -> dict[str, object]:
    return {
        "files": [{"path": str(path), "kind": kind} for path, kind in files],
        "texts": list(texts),
        **_what(template, seed, values),
        "seconds": seconds,
        "cached": cached,
    }


def failed_json(
    template: str, seed: int | None, values: Mapping[str, object], code: str, text: Text
) -> dict[str, object]:
    return {**_what(template, seed, values), "error": code, "message": str(text)}


def _what(template: str, seed: int | None, values: Mapping[str, object]) -> dict[str, object]:
    return {"template": template, "seed": seed, "values": dict(values)}


def summary(tally: Tally, total: int) -> str:
    """One line at the end of several pictures."""
    files = sum(len(picture.files) for picture in tally.pictures)
    seconds = sum(picture.server_seconds or 0.0 for picture in tally.pictures)
    failed = len(tally.failures) - tally.stopped
    left = total - len(tally.pictures) - len(tally.failures)
    words = f"{len(tally.pictures)} of {total} painted"
    if files:
        words += f" ({files} file{'s' * (files != 1)}, {seconds:.1f} s of the server's time)"
    for count, what in ((failed, "failed"), (tally.stopped, "stopped"), (left, "not begun")):
        if count:
            words += f", {count} {what}"
    return f"{words}."
