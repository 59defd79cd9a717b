"""Asking again for what was asked before: the line of a request, and its pictures, out of the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bot.domain.errors import NotFound
from bot.domain.text import Text
from bot.presentation.flags import SHELL, Ask, format_flags, parse_line
from bot.service.gallery import Gallery
from bot.service.images import InputImage, check_image
from bot.service.records import RequestRecord

LINE = "line"
"""Where a request's values keep what was typed, in flags that read back as the same."""


def line_of(ask: Ask) -> str:
    return format_flags(ask)


def ask_of(record: RequestRecord) -> Ask:
    """What a request asked for. Raises NotFound when it is not kept any more."""
    line = record.values.get(LINE)
    if not isinstance(line, str):
        raise NotFound(
            Text("What this picture was made with is not kept any more. Ask anew."), cause=record.id
        )
    return replace(parse_line(line, SHELL), template=record.template, private=record.private)


async def images_of(record: RequestRecord, ask: Ask, gallery: Gallery) -> Mapping[str, InputImage]:
    """The pictures that it began with, by the names that the line gives them. Raises OutputError when one
    is gone, and ImageRefused."""
    by_hash = {file.sha256: file for file in record.inputs}
    found: dict[str, InputImage] = {}
    for name, reference in _named(record, ask):
        if (file := by_hash.get(reference)) is not None:
            found[name] = await check_image(await gallery.read(file), name)
    return found


def _named(record: RequestRecord, ask: Ask) -> Iterator[tuple[str, str]]:
    values = record.values.get("values", {})
    if ask.image is not None:
        yield ask.image, str(values.get("input_image", ""))
    for parameter, name in ask.values.items():
        if isinstance(values.get(parameter), str) and parameter.startswith("input_"):
            yield name, str(values[parameter])
