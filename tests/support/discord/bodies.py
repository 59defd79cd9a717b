"""Bodies of requests: JSON, or a form with JSON and files.

Source: https://discord.com/developers/docs/reference#uploading-files
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.support.discord.failures import ApiError, body_is_no_json

FILE_FIELD = re.compile(r"files\[(\d+)\]")
CHUNK = 1 << 16


@dataclass(frozen=True)
class RawFile:
    """A file as it came. ``content``: None for one too large to keep."""

    filename: str
    content_type: str | None
    content: bytes | None = field(repr=False)
    size: int


@dataclass(frozen=True)
class Body:
    """``json``: None if there was no body. ``total``: bytes of everything."""

    json: Any = None
    files: dict[int, RawFile] = field(default_factory=dict)
    total: int = 0


async def read_body(request: web.Request, keep: int) -> Body:
    """All is read, whatever its size, so that the client hears the answer. ``keep``: bytes of a file."""
    if request.content_type == "multipart/form-data":
        return await _multipart(request, keep)
    raw = await request.read()
    if not raw:
        return Body()
    if request.content_type != "application/json":
        words = 'Expected "Content-Type" header to be one of {"application/json"}.'
        raise ApiError(400, 50035, "Invalid Form Body", {"_misc": [words]})
    return Body(_parse(raw), {}, len(raw))


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise body_is_no_json() from None


async def _multipart(request: web.Request, keep: int) -> Body:
    parsed: Any = None
    files: dict[int, RawFile] = {}
    total = 0
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        match = FILE_FIELD.fullmatch(part.name or "")
        if match is None and part.name != "payload_json":
            raise ApiError(400, 50035, "Invalid Form Body", {"_misc": [f"unknown part {part.name}"]})
        content = bytearray()
        size = 0
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            if match is None or size <= keep:
                content += chunk
        total += size
        if match is None:
            parsed = _parse(bytes(content))
        else:
            kind = part.headers.get("Content-Type")
            files[int(match[1])] = RawFile(
                part.filename or "unknown", kind, bytes(content) if size <= keep else None, size
            )
    return Body({} if parsed is None else parsed, files, total)
