"""Bodies of requests: a form, with or without files, JSON, or the query of the address.

Source: https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from tests.support.telegram.failures import bad
from tests.support.telegram.files import Upload

CHUNK = 1 << 16


@dataclass(frozen=True)
class Body:
    """``arguments``: all of them as texts, objects as JSON. ``files``: by their name in the form."""

    arguments: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.length for file in self.files.values())


async def read_body(request: web.Request, keep: int) -> Body:
    """All is read, whatever its size, so that the client hears the answer. ``keep``: bytes of a file."""
    arguments = dict(request.query)
    if request.content_type == "multipart/form-data":
        return await _multipart(request, arguments, keep)
    raw = await request.read()
    if not raw:
        return Body(arguments)
    if request.content_type == "application/json":
        try:
            said = json.loads(raw)
        except ValueError:
            raise bad("object expected") from None
        return Body(arguments | {key: _text(value) for key, value in said.items()})
    return Body(arguments | {key: str(value) for key, value in (await request.post()).items()})


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _multipart(request: web.Request, arguments: dict[str, str], keep: int) -> Body:
    files: dict[str, Upload] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content, size = bytearray(), 0
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            if size <= keep:
                content += chunk
        name = part.name or ""
        if part.filename is None:
            arguments[name] = bytes(content).decode()
        else:
            kept = bytes(content) if size <= keep else b""
            files[name] = Upload(
                part.filename, kept, size if size > keep else None, part.headers.get("Content-Type")
            )
    return Body(arguments, files)
