"""Commands as Discord takes them: the body of a bulk overwrite, within all of its limits.

Limits: https://docs.discord.com/developers/interactions/application-commands
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bot.domain.text import Text
from bot.presentation.card_text import one_line, shorten
from bot.presentation.specs import MENUS, MORE, Audience, CommandSpec, MenuSpec, OptionKind, OptionSpec

Payload = dict[str, Any]
Translate = Callable[[str], str]
"""gettext of one language."""

MOST_COMMANDS, MOST_MENUS = 100, 15
MOST_OPTIONS, MOST_CHOICES = 25, 25
MOST_NAME, MOST_DESCRIPTION = 32, 100
MOST_LETTERS = 8000
"""Of a command: names, descriptions and values of everything in it, of each the longest translation."""
MOST_TEXT = 6000
MOST_NUMBER = 2**53

CHAT_INPUT, MESSAGE = 1, 3
SUBCOMMAND, GROUP = 1, 2
TYPES: Mapping[OptionKind, int] = MappingProxyType(
    {
        OptionKind.TEXT: 3,
        OptionKind.INT: 4,
        OptionKind.BOOL: 5,
        OptionKind.USER: 6,
        OptionKind.FLOAT: 10,
        OptionKind.IMAGE: 11,
    }
)

IN_GUILD, IN_BOT_DM, IN_PRIVATE = 0, 1, 2
BY_GUILD, BY_USER = 0, 1
MANAGE_GUILD = 1 << 5

_WHOLE_SCRIPTS = ("DEVANAGARI", "THAI")
"""Whose every character Discord takes in a name, signs that are no letters among them."""


@dataclass(frozen=True, slots=True)
class Registration:
    """``payloads``: the body of one bulk overwrite. ``notes``: what the operator should know of what was left
    out."""

    payloads: tuple[Payload, ...]
    notes: tuple[Text, ...] = ()


def register(
    commands: Sequence[CommandSpec],
    menus: Sequence[MenuSpec] = MENUS,
    locales: Mapping[str, Translate] = MappingProxyType({}),
) -> Registration:
    """``locales``: gettext functions by Discord's names of languages (``de``, ``pt-BR``)."""
    notes: list[Text] = []
    payloads = []
    for spec in commands[:MOST_COMMANDS]:
        payload = _command(spec, locales)
        if dropped := _fit(payload):
            notes.append(_shortened(spec, dropped))
        payloads.append(payload)
    if left := commands[MOST_COMMANDS:]:
        names = ", ".join(f"/{spec.name}" for spec in left)
        notes.append(
            Text(
                "Discord takes {most} commands; not registered: {names}. Paint with their templates by "
                "/imagine and its option template.",
                most=MOST_COMMANDS,
                names=names,
            )
        )
    payloads += [_menu(menu, locales) for menu in menus[:MOST_MENUS]]
    return Registration(tuple(payloads), tuple(notes))


def letters(payload: Payload) -> int:
    """What Discord counts against :data:`MOST_LETTERS`."""
    total = len(str(payload["value"])) if "value" in payload else 0
    for key in ("name", "description"):
        translations = payload.get(f"{key}_localizations", {}).values()
        total += max(map(len, (payload.get(key, ""), *translations)))
    inside = [*payload.get("options", ()), *payload.get("choices", ())]
    return total + sum(map(letters, inside))


def is_name(name: str) -> bool:
    """Whether Discord takes it for a command or an option."""
    return 1 <= len(name) <= MOST_NAME and name == name.lower() and all(map(_is_letter, name))


def _is_letter(character: str) -> bool:
    if character in "-_'" or unicodedata.category(character)[0] in "LN":
        return True
    return unicodedata.name(character, "").startswith(_WHOLE_SCRIPTS)


def _command(spec: CommandSpec, locales: Mapping[str, Translate]) -> Payload:
    moderators = spec.audience is Audience.MODERATORS
    payload: Payload = {
        "type": CHAT_INPUT,
        **_named(spec.name, spec.description, locales),
        "nsfw": False,
        # Who runs the bot does so where it was invited, or alone with it.
        "contexts": [IN_GUILD, IN_BOT_DM] if moderators else [IN_GUILD, IN_BOT_DM, IN_PRIVATE],
        "integration_types": [BY_GUILD] if moderators else [BY_GUILD, BY_USER],
        # Discord only hides it from others; who may do what is checked when it is used.
        "default_member_permissions": MANAGE_GUILD if moderators else None,
    }
    if inside := _inside(spec, locales):
        payload["options"] = inside
    return payload


def _menu(menu: MenuSpec, locales: Mapping[str, Translate]) -> Payload:
    found = {code: shorten(menu.label.render(say), MOST_NAME) for code, say in locales.items()}
    name = menu.label.render()
    payload: Payload = {
        "type": MESSAGE,
        "name": name,
        "nsfw": False,
        "contexts": [IN_GUILD, IN_BOT_DM, IN_PRIVATE],
        "integration_types": [BY_GUILD, BY_USER],
        "default_member_permissions": None,
    }
    if translated := {code: text for code, text in found.items() if text and text != name}:
        payload["name_localizations"] = translated
    return payload


def _inside(spec: CommandSpec, locales: Mapping[str, Translate]) -> list[Payload]:
    if spec.subcommands:
        return [_subcommand(each, locales) for each in spec.subcommands[:MOST_OPTIONS]]
    found = [_option(option, locales) for option in spec.options if is_name(option.name)]
    _part_translations(found)
    return found[:MOST_OPTIONS]


def _subcommand(spec: CommandSpec, locales: Mapping[str, Translate]) -> Payload:
    kind = GROUP if spec.subcommands else SUBCOMMAND
    payload = {"type": kind, **_named(spec.name, spec.description, locales)}
    if inside := _inside(spec, locales):
        payload["options"] = inside
    return payload


def _option(option: OptionSpec, locales: Mapping[str, Translate]) -> Payload:
    payload: Payload = {
        "type": TYPES[option.kind],
        **_named(option.name, option.description, locales),
        "required": option.required,
    }
    if option.kind is OptionKind.TEXT:
        if option.choices:
            found = [_choice(choice.label, choice.value, locales) for choice in option.choices]
            # Of two that look the same, Discord refuses the whole command.
            payload["choices"] = list({each["name"]: each for each in reversed(found)}.values())[::-1][
                :MOST_CHOICES
            ]
        elif option.autocomplete:
            payload["autocomplete"] = True
        if option.max_length is not None:
            payload["max_length"] = min(max(option.max_length, 1), MOST_TEXT)
    elif option.kind in (OptionKind.INT, OptionKind.FLOAT):
        payload |= _bounds(option)
    return payload


def _bounds(option: OptionSpec) -> Payload:
    """Ends that Discord's numbers cannot reach are left to the template."""
    ends = {"min_value": option.minimum, "max_value": option.maximum}
    found = {key: end for key, end in ends.items() if end is not None and -MOST_NUMBER <= end <= MOST_NUMBER}
    # A template may need more than anybody is allowed: that is said when it is asked for.
    return {} if found.get("min_value", -MOST_NUMBER) > found.get("max_value", MOST_NUMBER) else found


def _choice(label: Text, value: str, locales: Mapping[str, Translate]) -> Payload:
    name = _line(label.render())
    found = {code: _line(label.render(say)) for code, say in locales.items()}
    translated = {code: text for code, text in found.items() if text and text != name}
    return {"name": name, "value": value} | ({"name_localizations": translated} if translated else {})


def _named(name: str, description: Text, locales: Mapping[str, Translate]) -> Payload:
    payload: Payload = {"name": name, "description": _line(description.render()) or name}
    names = {code: say(name).lower() for code, say in locales.items()}
    texts = {code: _line(description.render(say)) for code, say in locales.items()}
    if fit := {code: text for code, text in names.items() if text != name and is_name(text)}:
        payload["name_localizations"] = fit
    if fit := {code: text for code, text in texts.items() if text and text != payload["description"]}:
        payload["description_localizations"] = fit
    return payload


def _line(text: str) -> str:
    return shorten(one_line(text), MOST_DESCRIPTION)


def _part_translations(options: Sequence[Payload]) -> None:
    """Two options of one command may not be called the same in any language."""
    taken: dict[str, set[str]] = {}
    for option in options:
        translated = option.get("name_localizations", {})
        for code in list(translated):
            known = taken.setdefault(code, {each["name"] for each in options})
            if translated[code] in known:
                del translated[code]
            else:
                known.add(translated[code])
        if not translated:
            option.pop("name_localizations", None)


def _fit(payload: Payload) -> list[str]:
    """Make it no longer than Discord takes, losing as little as possible: translations, then the last
    optional options, which flags reach. Names of the options that had to go."""
    if letters(payload) > MOST_LETTERS:
        for part in _parts(payload):
            part.pop("description_localizations", None)
            part.pop("name_localizations", None)
    dropped = []
    options = payload.get("options", [])
    while letters(payload) > MOST_LETTERS:
        last = next((o for o in reversed(options) if not o.get("required") and o["name"] != MORE), None)
        if last is None:
            break
        options.remove(last)
        dropped.append(last["name"])
    return dropped


def _parts(payload: Payload) -> Iterator[Payload]:
    yield payload
    for part in (*payload.get("options", ()), *payload.get("choices", ())):
        yield from _parts(part)


def _shortened(spec: CommandSpec, dropped: Sequence[str]) -> Text:
    return Text(
        "/{command} is longer than Discord takes ({most} characters). No options of their own "
        "have {names}: they are reached by its option {more}, as flags. Shorter "
        "descriptions in the sidecars would help.",
        command=spec.name,
        most=MOST_LETTERS,
        names=", ".join(dropped),
        more=MORE,
    )
