"""Values of the service layer as JSON, and back, by their types: frozen dataclasses, enums, tuples, texts.

Reading is strict: what arrives from a socket becomes exactly the type that was asked for, or is refused.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from bot.domain.text import Text

_LARGEST = 2**63
"""Whole numbers beyond it fit into no database."""


class Malformed(ValueError):
    """The data is not what the type says. The message names the place, never the value."""


def encode(value: object, blobs: list[bytes]) -> Any:
    """``value`` as JSON values; bytes go to ``blobs`` and are referred to by their index."""
    match value:
        case Enum():
            return encode(value.value, blobs)
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            blobs.append(value)
            return {"blob": len(blobs) - 1}
        case Text():
            said = {"text": value.msgid, "args": {k: _argument(v) for k, v in value.args.items()}}
            return said if value.plural is None else {**said, "many": value.plural, "count": value.count}
        case Mapping():
            return {str(key): encode(item, blobs) for key, item in value.items()}
        case list() | tuple() | frozenset():
            return [encode(item, blobs) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encode(getattr(value, f.name), blobs) for f in dataclasses.fields(value)}
        return {"is": type(value).__name__, **fields}
    raise TypeError(f"{type(value).__name__} does not travel")


def _argument(value: object) -> Any:
    """Values inside a sentence are only ever shown, so anything else may travel as its words."""
    if isinstance(value, Text):
        return encode(value, [])
    if isinstance(value, Enum):
        return _argument(value.value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def decode(kind: Any, data: Any, blobs: Sequence[bytes] = (), place: str = "it") -> Any:
    """``data`` as a value of type ``kind``. Raises :class:`Malformed`."""
    origin = typing.get_origin(kind)
    if kind is Any:
        return _plain(data, place)
    if isinstance(kind, typing.NewType):
        return decode(kind.__supertype__, data, blobs, place)
    if origin in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(kind), data, blobs, place)
    if origin is typing.Literal:
        if isinstance(data, str) and data in typing.get_args(kind):
            return data
        raise Malformed(f"{place} is none of its words")
    if origin is tuple:
        (inner, _ellipsis) = typing.get_args(kind)
        return tuple(decode(inner, item, blobs, place) for item in _expect(list, data, place))
    if origin is not None and issubclass(origin, Mapping):
        _, inner = typing.get_args(kind)
        return {
            _text(key, place): decode(inner, item, blobs, f"{place}.*")
            for key, item in _expect(dict, data, place).items()
        }
    if kind is Text:
        return _sentence(data, place)
    if _is_record(kind):
        return _dataclass(kind, data, blobs, place)
    return _scalar(kind, data, blobs, place)


def decode_fields(kinds: Mapping[str, Any], data: Any, blobs: Sequence[bytes], place: str) -> dict[str, Any]:
    """Exactly these keys, each of its type."""
    found = _expect(dict, data, place)
    if set(found) != set(kinds):
        raise Malformed(f"{place} must hold {', '.join(kinds) or 'nothing'}")
    return {name: decode(kind, found[name], blobs, f"{place}.{name}") for name, kind in kinds.items()}


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not Text


def _dataclass(kind: Any, data: Any, blobs: Sequence[bytes], place: str) -> Any:
    found = dict(_expect(dict, data, place))
    if found.pop("is", None) != kind.__name__:
        raise Malformed(f"{place} is no {kind.__name__}")
    return kind(**decode_fields(_field_types(kind), found, blobs, place))


@cache
def _field_types(kind: Any) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}


def _one_of(kinds: Sequence[Any], data: Any, blobs: Sequence[bytes], place: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    # Dataclasses say which they are; of the rest no union of ours holds more than one.
    named = {str(kind.__name__): kind for kind in kinds if _is_record(kind)}
    if named and isinstance(data, dict) and data.get("is") in named:
        return decode(named[data["is"]], data, blobs, place)
    others = [kind for kind in kinds if kind is not type(None) and kind not in named.values()]
    if len(others) == 1:
        return decode(others[0], data, blobs, place)
    raise Malformed(f"{place} is none of its kinds")


def _sentence(data: Any, place: str) -> Text:
    found = _expect(dict, data, place)
    counts = set(found) == {"text", "args", "many", "count"}
    if set(found) != {"text", "args"} and not counts:
        raise Malformed(f"{place} is no sentence")
    arguments = {
        name: _sentence(value, place) if isinstance(value, dict) else _plain(value, place)
        for name, value in _expect(dict, found["args"], place).items()
    }
    if not counts:
        return Text(_text(found["text"], place), **arguments)
    count = found["count"]
    if not isinstance(count, int) or isinstance(count, bool):
        raise Malformed(f"{place} counts nothing")
    return Text.counted(_text(found["text"], place), _text(found["many"], place), count, **arguments)


def _scalar(kind: type, data: Any, blobs: Sequence[bytes], place: str) -> Any:
    if kind is bytes:
        index = _expect(dict, data, place).get("blob")
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(blobs):
            raise Malformed(f"{place} refers to nothing")
        return blobs[index]
    if issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise Malformed(f"{place} is none of its words") from error
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(_whole(data, place))
    if kind is int:
        return _whole(data, place)
    if kind is str:
        return _text(data, place)
    return _expect(kind, data, place)


def _whole(data: Any, place: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or not -_LARGEST <= data < _LARGEST:
        raise Malformed(f"{place} is no whole number")
    return data


def _text(data: Any, place: str) -> str:
    try:
        _expect(str, data, place).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed(f"{place} is no text") from error
    return str(data)


def _plain(data: Any, place: str) -> Any:
    """Any JSON value whose texts are texts."""
    match data:
        case dict():
            return {_text(key, place): _plain(value, place) for key, value in data.items()}
        case list():
            return [_plain(value, place) for value in data]
        case str():
            return _text(data, place)
        case int() if not isinstance(data, bool):
            return _whole(data, place)
    return data


def _expect(kind: type, data: Any, place: str) -> Any:
    if type(data) is not kind:
        raise Malformed(f"{place} must be {_KINDS.get(kind, kind.__name__)}")
    return data


_KINDS: Mapping[type, str] = types.MappingProxyType(
    {dict: "an object", list: "a list", str: "text", float: "a number", bool: "true or false"}
)
