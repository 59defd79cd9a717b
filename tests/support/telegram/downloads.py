"""Fetching files: prepared by ``getFile``, then to be had at their path for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.discord.faults import HangUp
from tests.support.telegram.failures import ApiError, Json, not_found
from tests.support.telegram.files import Files, Stored

if TYPE_CHECKING:
    from tests.support.telegram.faults import Faults

HOUR_MS = 3600 * 1000


class Downloads:
    """``folder``: where a local server lays files; None: they are fetched over HTTP."""

    def __init__(self, files: Files, faults: Faults, now: Callable[[], int]) -> None:
        self._files, self._faults, self._now = files, faults, now
        self._until: dict[str, int] = {}
        self.folder: Path | None = None

    def prepare(self, file_id: str) -> Json:
        """``getFile``. Raises :class:`ApiError`."""
        file = self._files.fetched(file_id)
        self._until[file.path] = self._now() + HOUR_MS
        return file.reference() | {"file_path": self._laid(file) if self.folder else file.path}

    def _laid(self, file: Stored) -> str:
        assert self.folder is not None
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        return str(path)

    async def serve(self, path: str, request: web.Request) -> web.StreamResponse:
        """The bytes of a prepared file. Nothing is given out past its hour."""
        try:
            await self._faults.meet("download", path, after=False)
            file = self._files.by_path.get(path)
            if file is None or self._now() > self._until.get(path, 0):
                raise not_found()
            gate = file.gate
            if isinstance(gate, asyncio.Event):
                await gate.wait()
        except HangUp:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        file.fetched += 1
        self._files.downloads.append(path)
        if file.cut_at is None:
            return web.Response(body=file.data, content_type="application/octet-stream")
        response = web.StreamResponse(headers={"Content-Length": str(len(file.data))})
        await response.prepare(request)
        await response.write(file.data[: file.cut_at])
        if request.transport is not None:
            request.transport.abort()
        return response
