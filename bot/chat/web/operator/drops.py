"""Workflow files that were handed in and not added yet: kept in memory for a while, within bounds."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from bot.chat.web.doors import CSRF_FIELD, readable, require_csrf
from bot.domain.errors import TemplateError, UserError
from bot.domain.text import Text
from bot.templates.exports import MAX_BYTES, too_large

MOST_FILES, MOST_KEPT = 16, 3 * MAX_BYTES
"""Together, of all operators."""
MOST_READ = 256 * 1024 * 1024
"""Bytes of a request that are read to its end, only so that its sender hears why it is refused; beyond, the
connection is closed."""
_A_FIELD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Drop:
    filename: str
    data: bytes


@dataclass(slots=True)
class Drops:
    _kept: OrderedDict[str, tuple[str, Drop]] = field(default_factory=OrderedDict)

    def keep(self, visitor: str, drop: Drop) -> str:
        key = secrets.token_hex(8)
        self._kept[key] = (visitor, drop)
        while len(self._kept) > MOST_FILES or self._size() > MOST_KEPT:
            self._kept.popitem(last=False)
        return key

    def of(self, visitor: str, key: str) -> Drop:
        """Raises UserError for what is not kept any more, or is somebody else's."""
        whose, drop = self._kept.get(key, ("", None))
        if drop is None or whose != visitor:
            raise UserError(Text("That file is not kept any more. Hand it in once more."))
        return drop

    def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    def _size(self) -> int:
        return sum(len(drop.data) for _, drop in self._kept.values())


async def read_drop(request: web.Request) -> Drop:
    """The file ``file`` of a form. Raises TemplateError for a file that is too large, UserError for a form
    without one, HTTPForbidden for forms that are not our page's, and HTTPBadRequest for what is no form."""
    if not request.content_type.startswith("multipart/"):
        raise web.HTTPBadRequest(text="A form with a file was expected.\n")
    with readable():
        return await _read(request)


async def _read(request: web.Request) -> Drop:
    csrf: str | None = None
    drop: Drop | None = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise web.HTTPBadRequest(text="That is no form.\n")
        if part.name == CSRF_FIELD:
            csrf = (await _content(part, _A_FIELD))[0].decode("utf-8", "replace")
        elif part.name == "file" and drop is None:
            # Before anything is kept: nobody else's page may fill our memory.
            require_csrf(request, csrf)
            data, size = await _content(part, MAX_BYTES)
            if size > MAX_BYTES:
                raise too_large(size)
            drop = Drop(part.filename or "", data)
    require_csrf(request, csrf)
    if drop is None or not drop.filename:
        raise UserError(Text("No file was chosen."))
    if not drop.filename.lower().endswith(".json"):
        raise TemplateError(
            Text("A workflow is a file that ends in .json. In ComfyUI, choose Workflow → Export (API).")
        )
    return drop


async def _content(part: BodyPartReader, most: int) -> tuple[bytes, int]:
    """The first ``most`` bytes, and how many there are; the rest is read and forgotten."""
    kept = bytearray()
    size = 0
    while chunk := await part.read_chunk(1 << 16):
        size += len(chunk)
        if size <= most:
            kept += chunk
        elif size > MOST_READ:
            raise web.HTTPRequestEntityTooLarge(MOST_READ, size)
    return bytes(kept), size
