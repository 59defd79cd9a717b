"""Asking again for what was asked before: the line of a request, and its pictures, out of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.errors import NotFound, OutputError
from bot.domain.text import Text
from bot.presentation.flag_lexer import is_visible
from bot.presentation.flags import SHELL, Ask, format_flags, parse_line, typed_flags
from bot.service.gallery import Gallery
from bot.service.images import InputImage, check_image
from bot.service.imagine import files_of, without_files
from bot.service.records import RequestRecord

_SHAPE, _SIDES = frozenset({"size", "ar"}), frozenset({"width", "height"})
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


def own_ask(record: RequestRecord) -> Ask:
    """The same; of a request that came of a seed range, with its own seed alone."""
    ask = ask_of(record)
    if not ask.seeds:
        return ask
    seed = record.values.get("values", {}).get("seed")
    return replace(ask, seeds=(), seed=seed if isinstance(seed, int) else None)


def line_for(record: RequestRecord) -> str:
    """A line that paints the same once more in any place: with the seed that was drawn, without files, which
    a line in a chat cannot name. Raises NotFound when it is not kept any more."""
    ask, seed = own_ask(record), record.values.get("values", {}).get("seed")
    return format_flags(replace(without_files(ask), seed=seed if isinstance(seed, int) else ask.seed))


def reworded(before: Ask, line: str) -> Ask:
    """What ``line`` says, and where it says nothing, what was asked before. Raises FlagError."""
    new, typed = parse_line(line), typed_flags(line)
    shaped = new if typed & _SHAPE or new.values.keys() & _SIDES else before
    values = {name: value for name, value in before.values.items() if shaped is before or name not in _SIDES}
    return Ask(
        prompt_text=new.prompt_text if is_visible(new.prompt_text) else before.prompt_text,
        negative_text=before.negative_text if new.negative_text is None else new.negative_text,
        template=new.template or before.template,
        preset=new.preset or before.preset,
        style=new.style or before.style,
        aspect=shaped.aspect,
        size=shaped.size,
        seed=new.seed if "seed" in typed else before.seed,
        count=new.count if "count" in typed else before.count,
        loras=new.loras or before.loras,
        values={**values, **new.values},
        image=before.image,
        private=before.private or new.private,
    )


async def images_of(record: RequestRecord, ask: Ask, gallery: Gallery) -> Mapping[str, InputImage]:
    """The pictures that it began with, by the names that ``ask`` gives them. Raises NotFound when one is
    gone, and ImageRefused."""
    values = record.values.get("values", {})
    by_hash = {file.sha256: file for file in record.inputs}
    found: dict[str, InputImage] = {}
    for parameter, name in files_of(ask):
        reference = values.get(parameter)
        if not isinstance(reference, str):
            continue  # the template has no place for it
        file = by_hash.get(reference)
        if file is None:
            raise _input_gone(record)
        try:
            content = await gallery.read(file)
        except OutputError as error:
            raise _input_gone(record, error.cause) from error
        found[name] = await check_image(content, name)
    return found


def _input_gone(record: RequestRecord, cause: str = "no row") -> NotFound:
    text = Text("The picture that this one began with is not kept any more. Ask anew, and attach it again.")
    return NotFound(text, cause=f"{record.id}: {cause}")
