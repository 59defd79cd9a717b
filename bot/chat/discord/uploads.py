"""Attachments of commands: fetched at once, as their addresses do not last, and never more than is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from bot.domain.errors import ImageRefused
from bot.domain.text import Text
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, too_large

DOWNLOAD_SECONDS = 30.0
MOST_AT_A_TIME = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """Where an attachment lies, and what Discord says of it. ``size`` in bytes."""

    url: str
    filename: str
    size: int

    def check(self) -> None:
        """Raise ImageRefused where its size says already that it is too large."""
        if self.size > MAX_IMAGE_BYTES:
            raise too_large(self.filename, self.size)


Download = Callable[[Upload], Awaitable[bytes]]


class Uploads:
    """A few at a time, until what is made of them is written down: each may be as large as is taken, and
    larger by far once it is unpacked."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._places = asyncio.Semaphore(MOST_AT_A_TIME)

    @asynccontextmanager
    async def fetched(self, uploads: Mapping[str, Upload]) -> AsyncIterator[Mapping[str, InputImage]]:
        """The pictures, checked. Raises ImageRefused."""
        if not uploads:
            yield {}
            return
        async with self._places:
            yield {name: await _fetch(upload, self._download) for name, upload in uploads.items()}

    async def fetch(self, upload: Upload) -> InputImage:
        """Raises ImageRefused."""
        async with self._places:
            return await _fetch(upload, self._download)


async def _fetch(upload: Upload, download: Download) -> InputImage:
    upload.check()  # before anything is fetched
    try:
        content = await download(upload)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ImageRefused(
            Text("“{name}” cannot be fetched from Discord. Send it again.", name=upload.filename),
            # No address: it is signed, and good for whoever reads it in a log.
            cause=f"{type(error).__name__} {getattr(error, 'status', '')}".rstrip(),
        ) from error
    return await check_image(content, upload.filename)


async def download(upload: Upload) -> bytes:
    """What lies there, up to a little more than is taken. Raises aiohttp's errors and TimeoutError."""
    async with (
        asyncio.timeout(DOWNLOAD_SECONDS),
        aiohttp.ClientSession() as session,
        session.get(upload.url, raise_for_status=True) as answer,
    ):
        content = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > MAX_IMAGE_BYTES:
                break  # check_image says that it is too large
        return bytes(content)
