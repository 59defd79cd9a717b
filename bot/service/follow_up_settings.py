"""What a picture was made with, value by value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.domain.text import Text
from bot.service.records import JobRecord, RequestRecord
from bot.templates.params import MEDIA, Value
from bot.templates.template import Template
from bot.templates.values import ResolvedValues

_FIRST = ("steps", "cfg", "guidance", "denoise", "sampler", "scheduler", "model")
_ELSEWHERE = frozenset({"prompt_text", "negative_text", "seed", "width", "height", "batch_size"})
"""Parameters that are not shown as they are called."""
MOST_ROWS = 24
_MOST_SEEDS = 20


def made_with_values(
    record: RequestRecord, jobs: Sequence[JobRecord], template: Template | None
) -> tuple[tuple[str, str], ...]:
    """Names and values, those first that matter most. ``template`` is that of the request as it was then;
    what it left as exported is shown, too, as long as it is known."""
    values = ResolvedValues.from_json(record.values)
    return tuple(_rows(record, values, jobs, template))[:MOST_ROWS]


def notes_of(record: RequestRecord) -> tuple[Text, ...]:
    if not record.inputs:
        return ()
    began = Text.counted(
        "It began with a picture of its owner's. Whoever uses the line attaches one.",
        "It began with {count} pictures of its owner's. Whoever uses the line attaches them.",
        len(record.inputs),
    )
    return (began,)


def _rows(
    record: RequestRecord, values: ResolvedValues, jobs: Sequence[JobRecord], template: Template | None
) -> Iterator[tuple[str, str]]:
    yield "template", record.template
    seeds = [str(job.seed) for job in sorted(jobs, key=lambda job: job.index) if job.seed is not None]
    if seeds:
        shown = ", ".join(seeds[:_MOST_SEEDS]) + (" …" if len(seeds) > _MOST_SEEDS else "")
        yield "seed", shown
    effective = _effective(values.values, template)
    width, height = effective.get("width"), effective.get("height")
    if width is not None and height is not None:
        yield "size", f"{width} × {height}"
    yield from ((name, text) for name, text in (("preset", values.preset), ("style", values.style)) if text)
    if negative := values.words.get("negative_text"):
        yield "negative", negative
    ordered = [name for name in _FIRST if name in effective]
    for name in (*ordered, *(name for name in effective if name not in (*_FIRST, *_ELSEWHERE))):
        if (value := effective[name]) is not None:
            yield name, _written(value)


def _effective(values: Mapping[str, Value], template: Template | None) -> dict[str, Value]:
    """Values of None are as exported; input files have no value that says anything."""
    if template is None:
        return {name: value for name, value in values.items() if not name.startswith("input_")}
    found: dict[str, Value] = {}
    for name, value in values.items():
        parameter = template.parameters.get(name)
        if parameter is not None and parameter.kind in MEDIA:
            continue
        places = template.bindings.get(name, ())
        exported = template.graph.value(places[0]) if value is None and places else value
        found[name] = exported if isinstance(exported, str | int | float) else None
    return found


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
