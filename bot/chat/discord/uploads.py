"""Attachments of commands: fetched at once, as their addresses do not last, and never more than is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from bot.domain.errors import ImageRefused
from bot.domain.text import Text
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, too_large

DOWNLOAD_SECONDS = 30.0


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


async def fetch(upload: Upload, download: Download) -> InputImage:
    """The picture, checked. Raises ImageRefused, before anything is fetched where its size says so."""
    upload.check()
    try:
        content = await download(upload)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ImageRefused(
            Text("“{name}” cannot be fetched from Discord. Send it again.", name=upload.filename),
            cause=repr(error),
        ) from error
    return await check_image(content, upload.filename)


async def download(session: aiohttp.ClientSession, upload: Upload) -> bytes:
    """What lies there, up to a little more than is taken. Raises aiohttp's errors and TimeoutError."""
    async with asyncio.timeout(DOWNLOAD_SECONDS), session.get(upload.url, raise_for_status=True) as answer:
        content = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > MAX_IMAGE_BYTES:
                break  # check_image says that it is too large
        return bytes(content)
