"""The rules for components of messages, old layout and new.

Source: https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.discord.failures import Json
from tests.support.discord.forms import Form, Path
from tests.support.discord.messages import walk

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = frozenset({3, 5, 6, 7, 8})
SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
LABEL, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 18, 19, 21, 22, 23

TOP_OLD = frozenset({ROW})
TOP_NEW = frozenset({ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR, CONTAINER})
IN_CONTAINER = TOP_NEW - {CONTAINER}

LINK, PREMIUM = 5, 6
MAX_ROWS, MAX_ROW_ITEMS, MAX_COMPONENTS, MAX_TEXT = 5, 5, 40, 4000


def check_components(form: Form, value: Any, *, new_layout: bool) -> list[Json]:
    """``value`` as the components of a message."""
    path: Path = ("components",)
    components = form.items(path, value, 0, MAX_COMPONENTS if new_layout else MAX_ROWS)
    for index, component in enumerate(components):
        _one(form, (*path, index), component, TOP_NEW if new_layout else TOP_OLD)
    if form.errors:
        return []
    _whole(form, path, components)
    return [] if form.errors else numbered(components)


def _whole(form: Form, path: Path, components: list[Json]) -> None:
    total = sum(1 for _ in walk(components))
    if total > MAX_COMPONENTS:
        form.add(
            path,
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
            f"The total number of components in this message exceeds the max of {MAX_COMPONENTS}",
        )
    text = sum(len(each["content"]) for each in walk(components) if each["type"] == TEXT_DISPLAY)
    if text > MAX_TEXT:
        form.add(
            path,
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The total text displayed by the message exceeds the max of {MAX_TEXT}",
        )
    seen: set[str] = set()
    for where, custom_id in custom_ids(path, components):
        if custom_id in seen:
            form.add(
                (*where, "custom_id"),
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        seen.add(custom_id)


def custom_ids(path: Path, components: list[Json]) -> Iterator[tuple[Path, str]]:
    """Every custom id, however deep, and where it is."""
    for index, component in enumerate(components):
        yield from _custom_ids_of((*path, index), component)


def _custom_ids_of(where: Path, component: Json) -> Iterator[tuple[Path, str]]:
    if component.get("custom_id"):
        yield where, component["custom_id"]
    yield from custom_ids((*where, "components"), component.get("components", []))
    for key in ("accessory", "component"):
        if key in component:
            yield from _custom_ids_of((*where, key), component[key])


def _one(form: Form, path: Path, value: Any, allowed: frozenset[int]) -> None:
    component = form.mapping(path, value)
    if not form.choice((*path, "type"), component.get("type"), allowed):
        return
    match component["type"]:
        case 1:
            _row(form, path, component)
        case 2:
            _button(form, path, component)
        case 9:
            _section(form, path, component)
        case 10:
            form.text((*path, "content"), component.get("content"), 1, MAX_TEXT, needed=True)
        case 11:
            _media(form, path, component, "media")
        case 12:
            _gallery(form, path, component)
        case 13:
            _media(form, path, component, "file", attached=True)
        case 14:
            form.number((*path, "spacing"), component.get("spacing"), 1, 2)
        case 17:
            items = form.items((*path, "components"), component.get("components"), 1, MAX_COMPONENTS)
            for index, item in enumerate(items):
                _one(form, (*path, "components", index), item, IN_CONTAINER)
        case _:
            select(form, path, component)


def _row(form: Form, path: Path, row: Json) -> None:
    items = form.items((*path, "components"), row.get("components"), 1, MAX_ROW_ITEMS)
    for index, item in enumerate(items):
        _one(form, (*path, "components", index), item, SELECTS | {BUTTON})
    kinds = [item.get("type") for item in items if isinstance(item, dict)]
    if len(kinds) > 1 and SELECTS.intersection(kinds):
        form.add(
            (*path, "components"),
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        )


def _button(form: Form, path: Path, button: Json) -> None:
    form.text((*path, "label"), button.get("label"), 0, 80)
    if not form.choice((*path, "style"), button.get("style"), frozenset(range(1, 7))):
        return
    if not button.get("label") and not button.get("emoji") and button["style"] != PREMIUM:
        form.add(path, "BUTTON_COMPONENT_LABEL_REQUIRED", "A label or an emoji is required")
    emoji = button.get("emoji")
    if emoji and not emoji.get("id") and not any(ord(letter) > 0x1FFF for letter in emoji.get("name") or ""):
        form.add((*path, "emoji", "name"), "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")
    if button["style"] == LINK:
        url = form.text((*path, "url"), button.get("url"), 1, 512, needed=True)
        well_formed_url(form, (*path, "url"), url, ("http", "https", "discord"))
        if button.get("custom_id"):
            form.add(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "Not both")
    elif button["style"] != PREMIUM:
        form.text((*path, "custom_id"), button.get("custom_id"), 1, 100, needed=True)


def select(form: Form, path: Path, menu: Json) -> None:
    """A select menu, in a message or in a modal."""
    form.text((*path, "custom_id"), menu.get("custom_id"), 1, 100, needed=True)
    form.text((*path, "placeholder"), menu.get("placeholder"), 0, 150)
    form.number((*path, "min_values"), menu.get("min_values"), 0, 25)
    form.number((*path, "max_values"), menu.get("max_values"), 1, 25)
    if menu["type"] == STRING_SELECT:
        options(form, (*path, "options"), menu.get("options"), most=25)


def options(form: Form, path: Path, value: Any, *, most: int) -> None:
    """Options of a menu, a radio group or a checkbox group."""
    found = form.items(path, value, 1, most)
    seen: set[str] = set()
    for index, option in enumerate(found):
        where = (*path, index)
        option = form.mapping(where, option)
        form.text((*where, "label"), option.get("label"), 1, 100, needed=True)
        chosen = form.text((*where, "value"), option.get("value"), 1, 100, needed=True)
        form.text((*where, "description"), option.get("description"), 0, 100)
        if chosen in seen:
            form.add(
                (*where, "value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        seen.add(chosen)


def _section(form: Form, path: Path, section: Json) -> None:
    items = form.items((*path, "components"), section.get("components"), 1, 3)
    for index, item in enumerate(items):
        _one(form, (*path, "components", index), item, frozenset({TEXT_DISPLAY}))
    _one(form, (*path, "accessory"), section.get("accessory"), frozenset({BUTTON, THUMBNAIL}))


def _gallery(form: Form, path: Path, gallery: Json) -> None:
    for index, item in enumerate(form.items((*path, "items"), gallery.get("items"), 1, 10)):
        _media(form, (*path, "items", index), item, "media")


def _media(form: Form, path: Path, value: Any, key: str, *, attached: bool = False) -> None:
    item = form.mapping(path, value)
    form.text((*path, "description"), item.get("description"), 0, 1024)
    where = (*path, key, "url")
    url = form.text(where, form.mapping((*path, key), item.get(key)).get("url"), 1, 2048, needed=True)
    well_formed_url(form, where, url, ("attachment",) if attached else ("http", "https", "attachment"))


def well_formed_url(form: Form, path: Path, url: str, schemes: tuple[str, ...]) -> None:
    if not url:
        return
    scheme, separator, rest = url.partition("://")
    if not separator or not rest or " " in url:
        form.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    elif scheme not in schemes:
        shown = ", ".join(repr(each) for each in schemes)
        form.add(
            path, "URL_TYPE_INVALID_SCHEME", f'Scheme "{scheme}" is not supported. Must be one of ({shown}).'
        )


DEFAULTS: dict[int, Json] = {
    THUMBNAIL: {"description": None, "spoiler": False},
    FILE: {"name": None, "size": None, "spoiler": False},
    SEPARATOR: {"divider": True, "spacing": 1},
    CONTAINER: {"accent_color": None, "spoiler": False},
    **{kind: {"min_values": 1, "max_values": 1} for kind in SELECTS},
}
"""What Discord says where the bot said nothing."""


def numbered(components: list[Json]) -> list[Json]:
    """As Discord gives them back: each with an id, without what is null."""
    made: list[Json] = without_nulls(components)
    taken = {each["id"] for each in walk(made) if each.get("id")}
    free = (number for number in range(1, MAX_COMPONENTS * 3) if number not in taken)
    for component in walk(made):
        if not component.get("id"):
            component["id"] = next(free)
        for key, value in DEFAULTS.get(component["type"], {}).items():
            component.setdefault(key, value)
        for item in component.get("items", []):
            item.setdefault("description", None)
            item.setdefault("spoiler", False)
    return made


def without_nulls(value: Any) -> Any:
    """A copy, however deep."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
