"""Unfinished pictures, in memory for as long as they are painted: pages fetch them by address."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from bot.domain.ids import RequestId
from bot.service.parcels.preview import preview_jpeg


@dataclass(eq=False, slots=True)
class _Picture:
    mark: str
    content: bytes
    small: asyncio.Task[bytes | None] | None = None


class Unfinished:
    """The newest of each request."""

    def __init__(self) -> None:
        self._pictures: dict[RequestId, _Picture] = {}

    def put(self, request: RequestId, content: bytes) -> str:
        """The address at which it can be fetched for now."""
        mark = hashlib.sha256(content).hexdigest()[:16]
        known = self._pictures.get(request)
        if known is None or known.mark != mark:
            self._pictures[request] = _Picture(mark, content)
        return f"/previews/{request}/{mark}.jpg"

    async def jpeg(self, request: RequestId, mark: str) -> bytes | None:
        """None for one that is not the newest, or cannot be decoded. Made once, however many ask."""
        found = self._pictures.get(request)
        if found is None or found.mark != mark:
            return None
        if found.small is None:
            found.small = asyncio.create_task(preview_jpeg(found.content), name=f"preview of {request}")
        return await asyncio.shield(found.small)

    def drop(self, request: RequestId) -> None:
        self._pictures.pop(request, None)
