"""What was sent once need not be uploaded again: Telegram's names for files that it has."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from typing import Any, Protocol

from bot.domain.errors import StoreUnavailable
from bot.service.parcels.packing import ParcelFile

log = logging.getLogger(__name__)

SHELVES = 256
ON_A_SHELF = 40
"""Ten thousand files altogether; on each shelf the oldest go first."""
_OF_CONTENT = re.compile(r".*/([0-9a-f]{32})-[0-9a-f]{12}\.?\w*")


class Remember(Protocol):
    """Small state that outlives the process; the store is one."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...


class FileIds:
    """They hold for one bot only, and for files sent as the same (photo, document …). Best effort: what
    cannot be read or written is uploaded again."""

    def __init__(self, remember: Remember, bot: int) -> None:
        """``bot``: its id."""
        self._remember = remember
        self._bot = bot
        self._lock = asyncio.Lock()

    async def get(self, file: ParcelFile) -> str | None:
        key = _key(file)
        return None if key is None else (await self._read(key)).get(key)

    async def put(self, file: ParcelFile, file_id: str) -> None:
        await self._write(file, file_id)

    async def forget(self, file: ParcelFile) -> None:
        """Telegram does not know it any more."""
        await self._write(file, None)

    async def _write(self, file: ParcelFile, file_id: str | None) -> None:
        key = _key(file)
        if key is None:
            return
        async with self._lock:
            held = await self._read(key)
            if held.get(key) == file_id:
                return
            held.pop(key, None)
            if file_id is not None:
                held[key] = file_id
            newest = dict(list(held.items())[-ON_A_SHELF:])
            try:
                await self._remember.put(self._shelf(key), newest)
            except StoreUnavailable as error:
                log.info("a file's id is not remembered: %s", error.cause)

    async def _read(self, key: str) -> dict[str, str]:
        try:
            found = await self._remember.get(self._shelf(key))
        except StoreUnavailable as error:
            log.info("a file's id cannot be looked up: %s", error.cause)
            return {}
        if not isinstance(found, dict):
            return {}
        return {str(name): value for name, value in found.items() if isinstance(value, str)}

    def _shelf(self, key: str) -> str:
        return f"telegram.files.{self._bot}.{int(key[:8], 16) % SHELVES:02x}"


def _key(file: ParcelFile) -> str | None:
    """Of the content where the name of the stored file tells it, else of the file; None for what is made
    for one message."""
    if file.picture is None:
        return None
    found = _OF_CONTENT.fullmatch(file.picture.path)
    content = found[1] if found else file.picture.path
    named = f"{content} {file.form.value} {file.rung.value}"
    return hashlib.sha256(named.encode()).hexdigest()[:32]
