"""Unfinished pictures, in memory for a while: pages fetch them by address."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from bot.domain.ids import RequestId
from bot.service.parcels.preview import preview_jpeg

MOST_KEPT = 64
MOST_BYTES = 24 * 1024 * 1024
"""A page may fetch one a moment after a newer one has come."""


@dataclass(eq=False, slots=True)
class _Picture:
    content: bytes
    small: asyncio.Task[bytes | None] | None = None


class Unfinished:
    """Those that came last, of all requests."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[tuple[RequestId, str], _Picture] = OrderedDict()

    def put(self, request: RequestId, content: bytes) -> str:
        """The address at which it can be fetched for now."""
        mark = hashlib.sha256(content).hexdigest()[:16]
        self._pictures.setdefault((request, mark), _Picture(content))
        self._pictures.move_to_end((request, mark))
        while len(self._pictures) > 1 and self._is_full():
            self._pictures.popitem(last=False)
        return f"/previews/{request}/{mark}.jpg"

    async def jpeg(self, request: RequestId, mark: str) -> bytes | None:
        """None for one that is not kept any more, or cannot be decoded. Made once, however many ask."""
        found = self._pictures.get((request, mark))
        if found is None:
            return None
        if found.small is None:
            # In no group: whoever asked first may go, and others wait for the same. It raises nothing.
            found.small = asyncio.create_task(preview_jpeg(found.content), name=f"preview of {request}")
        return await asyncio.shield(found.small)

    def _is_full(self) -> bool:
        size = sum(len(picture.content) for picture in self._pictures.values())
        return len(self._pictures) > MOST_KEPT or size > MOST_BYTES
