"""What is wrong with the settings: file, key, reason; all of it at once, and never a secret."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

from bot.config.fields import Refused
from bot.config.model import Settings
from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.presentation.nearest import nearest

KeyPath = tuple[str | int, ...]
"""Where a setting stands: ``("comfyui", 0, "url")``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``source`` is a file or "environment"; ``key`` stands there like this."""

    source: str
    key: str
    reason: Text

    @property
    def text(self) -> Text:
        key = "".join(c if c.isprintable() else "?" for c in self.key)
        said = "{source}: {key}: {reason}" if str(self.reason).endswith("?") else "{source}: {key}: {reason}."
        return Text(said, source=self.source, key=key, reason=self.reason)


class SettingsRefused(ConfigError):
    """The settings are not usable. ``problems`` holds every reason, in the order of the keys."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        # One place a problem, so that each sentence is translated by itself.
        places = "\n".join(f"{{p{index}}}" for index in range(len(self.problems)))
        super().__init__(Text(places, **{f"p{i}": problem.text for i, problem in enumerate(self.problems)}))


def dotted(path: KeyPath) -> str:
    """``comfyui[0].url``"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def known_keys(model: type[BaseModel] = Settings, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that a configuration may hold; ``*`` stands for a number or a free name."""
    for name, field in model.model_fields.items():
        inner = _inner_model(field.annotation)
        if inner is None:
            yield (*prefix, name)
        else:
            entry = ("*",) if _is_container(field.annotation) else ()
            yield from known_keys(inner, (*prefix, name, *entry))


def secret_keys() -> Iterator[tuple[str, ...]]:
    """Every key that holds a secret and may also be given as ``<key>_file``."""
    for key in known_keys():
        section = section_at(key[:-1])
        if section and key[-1] in secret_names(section):
            yield key


def secret_names(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a section that ``<key>_file`` may stand for."""
    return (name for name, field in model.model_fields.items() if field.annotation is SecretStr)


def section_at(path: KeyPath) -> type[BaseModel] | None:
    """The section that ``path`` leads to; None for a single setting, a list or a free name."""
    model: type[BaseModel] = Settings
    container = False
    for part in path:
        if container:
            container = False
            continue
        field = model.model_fields.get(str(part))
        inner = _inner_model(field.annotation) if field else None
        if field is None or inner is None:
            return None
        model, container = inner, _is_container(field.annotation)
    return None if container else model


def unknown_key(path: KeyPath) -> Text:
    """Why there is no such key, with what was probably meant."""
    name = str(path[-1])
    section = section_at(path[:-1])
    siblings = [*section.model_fields, *(f"{n}_file" for n in secret_names(section))] if section else []
    close = nearest(name, siblings)
    # A key below the wrong [header] is the commonest slip in TOML.
    homes = [key[:-1] for key in known_keys() if key[-1] == name]
    if homes and name not in siblings and (close is None or len(path) == 1 or len(homes) == 1):
        if homes[0]:
            # What every operator sets comes first: a server's url before a webhook's.
            headers = sorted(map(_header, homes), key=lambda header: not header.startswith("[["))
            if len(headers) == 1:
                return Text("does not belong here. It is a key of {section}", section=headers[0])
            return Text(
                "does not belong here. It is a key of each of {sections}", sections=", ".join(headers)
            )
        return Text("does not belong here. Write it above the first [section]")
    if close is not None:
        return Text("there is no such key. Did you mean {nearest}?", nearest=close)
    return Text("there is no such key. Known here: {names}", names=", ".join(siblings))


def _header(section: tuple[str, ...]) -> str:
    """How the header of a section is written."""
    if section[-1] != "*":
        return f"[{'.'.join(section)}]"
    field = Settings.model_fields[section[0]]
    several = typing.get_origin(field.annotation) is tuple
    return f"[[{section[0]}]]" if several else f"[{section[0]}.name]"


def explain(error: ErrorDetails) -> Text:
    """Pydantic's error as a sentence of ours. Values are shown only where no secret can stand."""
    context: Mapping[str, object] = error.get("ctx", {})
    refused = context.get("error")
    if isinstance(refused, Refused):
        return refused.reason
    kind = error["type"]
    if kind == "extra_forbidden":
        return unknown_key(error["loc"])
    if kind in ("literal_error", "enum"):
        return Text("must be {expected}", expected=context["expected"])
    for limit, sentence in _LIMITS.items():
        if kind == limit:
            value = next(iter(context.values()))
            whole = isinstance(value, float) and value.is_integer()
            return Text(sentence, limit=f"{value:.0f}" if whole else value)
    return next((reason for prefix, reason in _KINDS.items() if kind.startswith(prefix)), _OTHER)


_LIMITS: Mapping[str, str] = {
    "greater_than_equal": "must be at least {limit}",
    "greater_than": "must be more than {limit}",
    "less_than_equal": "must be at most {limit}",
}
_KINDS: Mapping[str, Text] = {
    "int": Text("must be a whole number"),
    "float": Text("must be a number"),
    "finite": Text("must be a finite number"),
    "string": Text("must be text in quotes"),
    "tuple": Text("must be a list in [brackets]"),
    "list": Text("must be a list in [brackets]"),
    "dict": Text("must be a table"),
    "mapping": Text("must be a table"),
    "model": Text("must be a section of its own"),
}
_OTHER = Text("has a value that cannot stand there")


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in typing.get_args(annotation))
    return next(filter(None, inner), None)


def _is_container(annotation: object) -> bool:
    return typing.get_origin(annotation) in {tuple, dict}
