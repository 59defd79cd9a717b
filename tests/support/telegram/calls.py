"""A request on its way through a method: its arguments, read as the real server reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tests.support.telegram.bodies import Body
from tests.support.telegram.failures import Json, bad
from tests.support.telegram.files import Files, Media, Upload

ATTACH = "attach://"


@dataclass
class Received:
    """A request, and what was answered. ``at``: UTC milliseconds; ``seen``: seconds of the clock.

    ``json``: its arguments, objects parsed. ``files``: name in the form, file name, bytes.
    """

    method: str
    at: int
    seen: float
    json: Json = field(default_factory=dict)
    files: list[tuple[str, str, int]] = field(default_factory=list)
    code: int = 0
    description: str = ""
    answer: Any = field(default=None, repr=False)

    @property
    def chat_id(self) -> int | None:
        found = self.json.get("chat_id")
        return found if isinstance(found, int) else None


@dataclass
class Call:
    """``local``: files may be named by their path."""

    method: str
    body: Body
    local: bool = False

    def has(self, name: str) -> bool:
        return name in self.body.arguments or name in self.body.files

    def text(self, name: str, default: str = "") -> str:
        return self.body.arguments.get(name, default)

    def integer(self, name: str, default: int = 0, low: int | None = None, high: int | None = None) -> int:
        """What is no number counts as ``default``; what is out of range, as its end."""
        try:
            value = int(self.text(name))
        except ValueError:
            value = default
        if low is not None:
            value = max(low, value)
        return value if high is None else min(high, value)

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def parsed(self, name: str) -> Any:
        """An argument that is JSON. None when it is absent or is none."""
        try:
            return json.loads(self.text(name)) if self.text(name) else None
        except ValueError:
            return None

    def strings(self, name: str) -> list[str] | None:
        value = self.parsed(name)
        return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None

    def whole(self) -> Json:
        """All arguments; those that are JSON are parsed."""
        found: Json = {}
        for name, text in self.body.arguments.items():
            try:
                value = json.loads(text)
            except ValueError:
                value = text
            words = name in ("text", "caption", "data", "callback_query_id")
            found[name] = text if words or isinstance(value, float | str) else value
        return found

    def media(self, files: Files, kind: str, named: str, *, said: str | None = None) -> Media:
        """The file of a parameter: uploaded, or there already. ``said``: of an ``InputMedia``.

        Raises :class:`ApiError`.
        """
        if said is None and named in self.body.files:
            return files.take(kind, self._sized(self.body.files[named]))
        text = self.text(named) if said is None else said
        if text.startswith(ATTACH):
            name = text.removeprefix(ATTACH)
            if name not in self.body.files:
                raise bad("can't parse InputMedia: media not found") if said else bad(_absent(kind))
            return files.take(kind, self._sized(self.body.files[name]))
        if not text:
            raise bad(_absent(kind))
        if text.startswith("file://") and self.local:
            path = Path(url2pathname(urlsplit(text).path))
            return files.take(kind, self._sized(Upload(path.name, path.read_bytes())))
        if "://" in text:
            raise bad("failed to get HTTP URL content")
        return files.again(kind, text)

    def _sized(self, upload: Upload) -> Upload:
        """With what the request says of a film's size and length."""
        said = {name: self.integer(name, 0, 0, 10_000) for name in ("width", "height")}
        seconds = self.integer("duration", 0, 0, 86_400)
        return Upload(
            upload.filename,
            upload.content,
            upload.size,
            upload.content_type,
            upload.width or said["width"],
            upload.height or said["height"],
            upload.seconds or seconds,
        )


def _absent(kind: str) -> str:
    return f"there is no {kind} in the request"
