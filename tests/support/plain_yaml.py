"""Reads the plain part of YAML that our own files are written in, and refuses the rest.

Mappings and lists by indentation, plain and double-quoted scalars, comments, anchors and aliases. No flow
style but ``[]`` and ``{}``, no tags, no block scalars, and nothing that YAML 1.1 and 1.2 read differently: a
plain ``yes``, ``on``, ``012`` or ``1:30`` is an error here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_KEY = re.compile(r'("(?:[^"\\]|\\.)*"|[A-Za-z0-9_.-]+):(?: +(.*))?$')
_AMBIGUOUS = re.compile(r"(?i)(y|n|yes|no|on|off|~|null|0[0-9xo].*|[0-9]+(:[0-9]+)+|\.inf|\.nan)")


class NotPlain(Exception):
    pass


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str


def read_yaml(text: str) -> Any:
    """The value of a document. Raises NotPlain with the line."""
    reader = _Reader(text)
    value = reader.block(0)
    if reader.lines:
        raise NotPlain(reader.lines[0])
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = [line for number, raw in enumerate(text.splitlines(), 1) if (line := _line(number, raw))]
        self.anchors: dict[str, Any] = {}

    def block(self, indent: int) -> Any:
        if not self.lines or self.lines[0].indent != indent:
            raise NotPlain(self.lines[:1])
        return self._list(indent) if self.lines[0].text.startswith("- ") else self._mapping(indent)

    def _list(self, indent: int) -> list[Any]:
        found: list[Any] = []
        while self.lines and self.lines[0].indent == indent and self.lines[0].text.startswith("- "):
            line = self.lines.pop(0)
            rest = line.text[2:]
            if _KEY.match(rest):
                self.lines.insert(0, _Line(line.number, indent + 2, rest))
                found.append(self._mapping(indent + 2))
            else:
                found.append(self._scalar(rest, line))
        return found

    def _mapping(self, indent: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.lines and self.lines[0].indent == indent:
            line = self.lines.pop(0)
            match = _KEY.match(line.text)
            if match is None:
                raise NotPlain(line)
            key = json.loads(match[1]) if match[1].startswith('"') else match[1]
            if key in found:
                raise NotPlain(f"{key} twice: {line}")
            found[key] = self._value(match[2] or "", line)
        return found

    def _value(self, rest: str, line: _Line) -> Any:
        anchor = re.match(r"&([\w-]+) *", rest)
        if anchor:
            rest = rest[anchor.end() :]
        if rest:
            value = self._scalar(rest, line)
        elif self.lines and self.lines[0].indent > line.indent:
            value = self.block(self.lines[0].indent)
        else:
            value = None
        if anchor:
            self.anchors[anchor[1]] = value
        return value

    def _scalar(self, text: str, line: _Line) -> Any:
        if text.startswith("*"):
            return self.anchors[text[1:]]
        if text in ("[]", "{}"):
            return json.loads(text)
        if text.startswith('"'):
            return json.loads(text)
        if text in ("true", "false"):
            return text == "true"
        if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
            return int(text)
        if re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
            return float(text)
        if _AMBIGUOUS.fullmatch(text) or text[0] in "&!|>'%@`{}[],?" or ": " in text or text.endswith(":"):
            raise NotPlain(line)
        return text


def _line(number: int, raw: str) -> _Line | None:
    if "\t" in raw:
        raise NotPlain(f"a tab in line {number}")
    text = raw.rstrip()
    bare = re.sub(r"(^|\s)#.*$", "", text) if '"' not in text else text
    bare = bare.rstrip()
    if not bare or bare.lstrip().startswith("#"):
        return None
    return _Line(number, len(bare) - len(bare.lstrip()), bare.lstrip())
