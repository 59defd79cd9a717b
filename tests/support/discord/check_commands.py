"""The rules for commands that a bot registers.

Source: https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

import unicodedata
from typing import Any

from tests.support.discord.check_modals import check_choice_value
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form, Path

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
LIMITS = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}
"""Commands of each type, globally and in each guild."""

MAX_OPTIONS, MAX_CHOICES, MAX_CHARACTERS = 25, 25, 8000
SUBCOMMAND, GROUP = 1, 2
WITH_CHOICES = frozenset({3, 4, 10})
WITH_BOUNDS = frozenset({4, 10})

# fmt: off
LOCALES = frozenset(
    {
        "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl",
        "no", "pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi",
        "th", "zh-CN", "ja", "zh-TW", "ko"
    }
)
# fmt: on


def check_command(form: Form, path: Path, value: Any) -> Json:
    """One command, as it is registered."""
    command = form.mapping(path, value)
    kind = command.get("type") or CHAT_INPUT
    if not form.choice((*path, "type"), kind, frozenset(LIMITS)):
        return command
    if kind == CHAT_INPUT:
        _name(form, path, command)
        _description(form, path, command)
        _options(form, path, command.get("options"), depth=0)
    else:
        form.text((*path, "name"), command.get("name"), 1, 32, needed=True)
        _localized(form, path, command, "name", 32)
        if command.get("description"):
            words = "Context menu commands cannot have description"
            form.add((*path, "description"), "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED", words)
        if command.get("options"):
            words = "Context menu commands cannot have options"
            form.add((*path, "options"), "APPLICATION_COMMAND_OPTIONS_NOT_ALLOWED", words)
    for key in ("contexts", "integration_types"):
        if command.get(key) is not None:
            form.items((*path, key), command[key], 1, 3)
    if not form.errors and letters(command) > MAX_CHARACTERS:
        form.add(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MAX_CHARACTERS})")
    return command


def letters(command: Json) -> int:
    """Names, descriptions and values, all options and choices included; the longest translation counts."""
    total = len(str(command["value"])) if "value" in command else 0
    for key in ("name", "description"):
        translations = (command.get(f"{key}_localizations") or {}).values()
        total += max(map(len, [command.get(key) or "", *translations]))
    for key in ("options", "choices"):
        total += sum(map(letters, command.get(key) or []))
    return total


def is_name(text: str) -> bool:
    """Letters, digits, ``-_'`` of any script, in lower case where there is one."""
    return text == text.lower() and all(_is_name_letter(letter) for letter in text)


def _is_name_letter(letter: str) -> bool:
    if letter in "-_'" or unicodedata.category(letter)[0] in "LN":
        return True
    return unicodedata.name(letter, "").startswith(("DEVANAGARI", "THAI"))


def _name(form: Form, path: Path, value: Json) -> None:
    texts = [((*path, "name"), form.text((*path, "name"), value.get("name"), 1, 32, needed=True))]
    texts += _localized(form, path, value, "name", 32)
    for where, text in texts:
        if text and not is_name(text):
            form.add(
                where,
                "APPLICATION_COMMAND_INVALID_NAME",
                "Command name is invalid. Must match the regex "
                "^[-_'\\p{L}\\p{N}\\p{sc=Deva}\\p{sc=Thai}]{1,32}$, and be all lowercase.",
            )


def _description(form: Form, path: Path, value: Json) -> None:
    form.text((*path, "description"), value.get("description"), 1, 100, needed=True)
    _localized(form, path, value, "description", 100)


def _localized(form: Form, path: Path, value: Json, key: str, most: int) -> list[tuple[Path, str]]:
    name = f"{key}_localizations"
    found = []
    for locale, text in form.mapping((*path, name), value.get(name)).items():
        where = (*path, name, locale)
        if locale not in LOCALES:
            form.add(where, "BASE_TYPE_CHOICES", f"Value must be one of ({', '.join(sorted(LOCALES))}).")
        found.append((where, form.text(where, text, 1, most, needed=True)))
    return found


def _options(form: Form, path: Path, value: Any, *, depth: int) -> None:
    where = (*path, "options")
    options = form.items(where, value, 0, MAX_OPTIONS)
    seen: set[str] = set()
    optional = False
    for index, each in enumerate(options):
        here = (*where, index)
        option = form.mapping(here, each)
        _option(form, here, option, depth=depth)
        if option.get("name") in seen:
            words = "Option names must be unique"
            form.add((*here, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", words)
        seen.add(option.get("name", ""))
        if option.get("required") and optional:
            words = "Required options must be placed before non-required options"
            form.add(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        optional = optional or not option.get("required")
    nested = {option.get("type") in (SUBCOMMAND, GROUP) for option in options if isinstance(option, dict)}
    if len(nested) > 1:
        words = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        form.add(where, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", words)


def _option(form: Form, path: Path, option: Json, *, depth: int) -> None:
    _name(form, path, option)
    _description(form, path, option)
    nesting = {0: {SUBCOMMAND, GROUP}, 1: {SUBCOMMAND}, 2: set()}[depth]
    plain = frozenset(range(3, 12)) if depth != 1 else frozenset()
    if not form.choice((*path, "type"), option.get("type"), frozenset(nesting) | plain):
        return
    kind = option["type"]
    if kind == GROUP:
        _options(form, path, option.get("options"), depth=1)
    elif kind == SUBCOMMAND:
        _options(form, path, option.get("options"), depth=2)
    elif kind in WITH_CHOICES:
        _choices(form, path, option)
    if kind in WITH_BOUNDS:
        low, high = option.get("min_value"), option.get("max_value")
        for key, bound in (("min_value", low), ("max_value", high)):
            form.number((*path, key), bound, -(2**53), 2**53)
        if low is not None and high is not None and low > high:
            words = "min_value must not be greater than max_value"
            form.add((*path, "min_value"), "APPLICATION_COMMAND_OPTION_VALUE_RANGE_INVALID", words)
    if kind == 3:
        form.number((*path, "min_length"), option.get("min_length"), 0, 6000)
        form.number((*path, "max_length"), option.get("max_length"), 1, 6000)


def _choices(form: Form, path: Path, option: Json) -> None:
    where = (*path, "choices")
    choices = form.items(where, option.get("choices"), 0, MAX_CHOICES)
    if choices and option.get("autocomplete"):
        words = "Autocomplete options cannot have choices"
        form.add(path, "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", words)
    for key in ("name", "value"):
        found = [choice.get(key) for choice in choices if isinstance(choice, dict)]
        if len(found) != len({repr(each) for each in found}):
            words = f"Option choice {key}s must be unique"
            form.add(where, f"APPLICATION_COMMAND_OPTIONS_CHOICE_{key.upper()}_ALREADY_EXISTS", words)
    for index, value in enumerate(choices):
        here = (*where, index)
        choice = form.mapping(here, value)
        form.text((*here, "name"), choice.get("name"), 1, 100, needed=True)
        _localized(form, here, choice, "name", 100)
        check_choice_value(form, (*here, "value"), choice.get("value"), option["type"])
