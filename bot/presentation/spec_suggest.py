"""What to suggest while somebody types into an option. PURE.

Suggestions are only that: what is typed may be anything, and is read by the same readers as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.errors import FlagError
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.flag_values import read_aspect, read_size
from bot.presentation.spec_index import (
    EMPTY,
    MOST_LETTERS,
    RATIOS,
    Index,
    Pool,
    Suggestion,
    TemplateNames,
    build_index,
    is_plain,
    make_pool,
    shown,
)
from bot.presentation.spec_types import Source
from bot.templates.choosing import likely

__all__ = ["Context", "Index", "Suggestion", "build_index", "suggest"]

MOST = 25

_SHAPES = (
    Text("square"),
    Text("landscape, like a photograph"),
    Text("portrait, like a photograph"),
    Text("wide, like a screen"),
    Text("tall, like a phone"),
    Text("landscape"),
    Text("portrait"),
    Text("nearly square, landscape"),
    Text("nearly square, portrait"),
    Text("very wide, like a film"),
    Text("very tall"),
)
"""Words for :data:`RATIOS`."""


def _any(_: TemplateName) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Context:
    """``options``: what else is filled in so far, by name; ``jobs``: one's own, the latest first; ``usable``:
    which templates may be used where it is typed."""

    index: Index
    command: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    jobs: tuple[Suggestion, ...] = ()
    translate: Callable[[str], str] = str
    usable: Callable[[TemplateName], bool] = _any


def suggest(source: str, typed: object, context: Context, limit: int = MOST) -> tuple[Suggestion, ...]:
    """At most ``limit``, the best first; none for a source that nothing is known about. Never raises."""
    words = "" if typed is None else str(typed)
    match source:
        case Source.ASPECT:
            found = _typed_out(words, _aspects(context.translate), read_aspect, limit)
        case Source.SIZE:
            found = _typed_out(words, _pool(source, context), read_size, limit)
        case Source.JOB:
            jobs = make_pool((job.name, job.value, job.value) for job in context.jobs)
            found = jobs.search(words, limit)
        case Source.LORA:
            found = _loras(words, context, limit)
        case Source.TEMPLATE if context.usable is not _any:
            pool = _pool(source, context)
            every = pool.search(words, len(pool.suggestions))
            found = [each for each in every if context.usable(TemplateName(each.value))][:limit]
        case _:
            found = _pool(source, context).search(words, limit)
    return tuple(found)


def likely_template(context: Context) -> TemplateNames | None:
    """The template that would paint: the one that is named, else the command's default for what is filled in.
    None where that is not clear."""
    index, options = context.index, context.options
    if wanted := str(options.get("template") or "").strip():
        plain = wanted.casefold()
        fitting = (each for name, each in index.templates.items() if name.casefold() == plain)
        return index.templates.get(wanted) or next(fitting, None)
    names = index.commands.get(context.command, ())
    members = [index.templates[name] for name in filter(context.usable, names)]
    members = members or [index.templates[name] for name in names]
    return likely(members, image=bool(options.get("image")), lora=bool(options.get("lora")))


def _pool(source: str, context: Context) -> Pool:
    """Names that the template which would paint knows; else those of all that the command has."""
    if source != Source.TEMPLATE:
        likely = likely_template(context)
        if likely is not None and source in likely.pools:
            return likely.pools[source]
    index = context.index
    command = context.command if context.command in index.commands else ""
    return index.of_command.get((command, source), EMPTY)


def _loras(typed: str, context: Context, limit: int) -> list[Suggestion]:
    """What stands behind the last colon is the strength, and stays."""
    name, colon, strength = typed.rpartition(":")
    if not colon or not strength.strip().lstrip("+-").replace(".", "", 1).isdecimal():
        return _pool(Source.LORA, context).search(typed, limit)
    end = f":{strength.strip()}"
    found = _pool(Source.LORA, context).search(name, limit)
    return [
        Suggestion(shown(each.name + end), each.value + end)
        for each in found
        if len(each.value + end) <= MOST_LETTERS
    ]


def _aspects(translate: Callable[[str], str]) -> Pool:
    said = (words.render(translate) for words in _SHAPES)
    return make_pool((f"{ratio} · {words}", ratio, words) for ratio, words in zip(RATIOS, said, strict=True))


def _typed_out(typed: str, pool: Pool, read: Callable[[str, str], object], limit: int) -> list[Suggestion]:
    """Those whose value begins so, then others; what is typed stands first of all once it can be read."""
    wanted = typed.strip()
    found = [each for each in pool.suggestions if wanted and each.value.startswith(wanted)]
    found += [each for each in pool.search(typed, limit) if each not in found]
    if all(each.value != wanted for each in found) and _can_be_read(wanted, read):
        found.insert(0, Suggestion(wanted, wanted))
    return found[:limit]


def _can_be_read(typed: str, read: Callable[[str, str], object]) -> bool:
    try:
        read("", typed)
    except FlagError:
        return False
    return is_plain(typed)
