"""The rules for modals, and for what autocomplete answers.

Source: https://discord.com/developers/docs/components/reference and …/interactions/receiving-and-responding
"""

from __future__ import annotations

from typing import Any

from tests.support.discord import check_components as parts
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form, Path

IN_LABEL = frozenset({3, 4, 5, 6, 7, 8, 19, 21, 22, 23})
TOP = frozenset({parts.ROW, parts.TEXT_DISPLAY, parts.LABEL})

STRING, INTEGER, NUMBER = 3, 4, 10
LARGEST = 2**53


def check_modal(form: Form, data: Any) -> Json:
    """``data`` as a modal."""
    path: Path = ()
    modal = form.mapping(path, data)
    form.text((*path, "title"), modal.get("title"), 1, 45, needed=True)
    form.text((*path, "custom_id"), modal.get("custom_id"), 1, 100, needed=True)
    components = form.items((*path, "components"), modal.get("components"), 1, 5)
    for index, component in enumerate(components):
        _top(form, (*path, "components", index), component)
    if not form.errors:
        seen: set[str] = set()
        for where, custom_id in parts.custom_ids((*path, "components"), components):
            if custom_id in seen:
                form.add(
                    (*where, "custom_id"),
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    "Component custom id cannot be duplicated",
                )
            seen.add(custom_id)
    return modal


def _top(form: Form, path: Path, value: Any) -> None:
    component = form.mapping(path, value)
    if not form.choice((*path, "type"), component.get("type"), TOP):
        return
    match component["type"]:
        case parts.ROW:
            inner = form.items((*path, "components"), component.get("components"), 1, 1)
            for index, item in enumerate(inner):
                _input(form, (*path, "components", index), item, frozenset({parts.TEXT_INPUT}), labelled=True)
        case parts.LABEL:
            form.text((*path, "label"), component.get("label"), 1, 45, needed=True)
            form.text((*path, "description"), component.get("description"), 0, 100)
            _input(form, (*path, "component"), component.get("component"), IN_LABEL, labelled=False)
        case parts.TEXT_DISPLAY:
            form.text((*path, "content"), component.get("content"), 1, parts.MAX_TEXT, needed=True)


def _input(form: Form, path: Path, value: Any, allowed: frozenset[int], *, labelled: bool) -> None:
    item = form.mapping(path, value)
    if not form.choice((*path, "type"), item.get("type"), allowed):
        return
    match item["type"]:
        case parts.TEXT_INPUT:
            _text_input(form, path, item, labelled=labelled)
        case parts.FILE_UPLOAD:
            form.text((*path, "custom_id"), item.get("custom_id"), 1, 100, needed=True)
            form.number((*path, "min_values"), item.get("min_values"), 0, 10)
            form.number((*path, "max_values"), item.get("max_values"), 1, 10)
        case parts.RADIO_GROUP | parts.CHECKBOX_GROUP:
            form.text((*path, "custom_id"), item.get("custom_id"), 1, 100, needed=True)
            parts.options(form, (*path, "options"), item.get("options"), most=10)
        case parts.CHECKBOX:
            form.text((*path, "custom_id"), item.get("custom_id"), 1, 100, needed=True)
        case _:
            parts.select(form, path, item)


def _text_input(form: Form, path: Path, item: Json, *, labelled: bool) -> None:
    form.text((*path, "custom_id"), item.get("custom_id"), 1, 100, needed=True)
    form.choice((*path, "style"), item.get("style"), frozenset({1, 2}))
    if labelled:
        form.text((*path, "label"), item.get("label"), 1, 45, needed=True)
    form.text((*path, "placeholder"), item.get("placeholder"), 0, 100)
    form.number((*path, "min_length"), item.get("min_length"), 0, 4000)
    form.number((*path, "max_length"), item.get("max_length"), 1, 4000)
    most = item.get("max_length") or 4000
    form.text((*path, "value"), item.get("value"), 0, min(most, 4000) if isinstance(most, int) else 4000)


def check_choices(form: Form, data: Any, option_type: int) -> list[Json]:
    """What autocomplete suggests for an option of ``option_type``."""
    path: Path = ("choices",)
    choices = form.items(path, form.mapping((), data).get("choices"), 0, 25)
    for index, value in enumerate(choices):
        where = (*path, index)
        choice = form.mapping(where, value)
        form.text((*where, "name"), choice.get("name"), 1, 100, needed=True)
        check_choice_value(form, (*where, "value"), choice.get("value"), option_type)
    return choices


def check_choice_value(form: Form, path: Path, value: Any, option_type: int) -> None:
    """A choice's value, suggested or registered."""
    if option_type == STRING:
        form.text(path, value, 0, 100, needed=True)
    elif option_type in (INTEGER, NUMBER):
        if value is None:
            form.add(path, "BASE_TYPE_REQUIRED", "This field is required")
        form.number(path, value, -LARGEST, LARGEST)
        if option_type == INTEGER and isinstance(value, float) and not value.is_integer():
            form.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
