"""Pictures that people send: fetched from Telegram, and never more than is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from telegram import Bot, error

from bot.chat.telegram.calls import seconds_of
from bot.chat.telegram.updates import FileKind, FileRef
from bot.domain.errors import ImageRefused
from bot.domain.text import Text
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, too_large

MOST_BYTES = 20 * 1024 * 1024
"""What Telegram gives to bots; a server of one's own gives more."""
AT_ONCE = 4
"""Files that are fetched at a time: each is held in memory."""
TRIES = 3
LONGEST_WAIT = 30.0
"""Seconds; whoever sent the picture waits, too."""


class Uploads:
    """``most_bytes``: what the server gives."""

    def __init__(
        self, bot: Bot, sleep: Callable[[float], Awaitable[None]], *, most_bytes: int = MOST_BYTES
    ) -> None:
        self._bot = bot
        self._sleep = sleep
        self._most = min(most_bytes, MAX_IMAGE_BYTES)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, file: FileRef) -> InputImage:
        """Checked. Raises ImageRefused, before anything is fetched where its kind or size says so."""
        self.refuse(file)
        name = file.name or "picture"
        async with self._slots:
            content = await self._content(file, name)
            return await check_image(content, name)

    def refuse(self, file: FileRef) -> None:
        """Raise ImageRefused for what is no picture that stands still, or is said to be too large."""
        if not file.is_picture:
            raise ImageRefused(_no_picture(file))
        if file.size > self._most:
            raise too_large(file.name or "picture", file.size)

    async def _content(self, file: FileRef, name: str) -> bytes:
        for attempt in range(1, TRIES + 1):
            try:
                found = await self._bot.get_file(file.file_id)
                if (found.file_size or 0) > self._most:
                    raise too_large(name, found.file_size or 0)
                return bytes(await found.download_as_bytearray())
            except error.BadRequest as refused:
                if "too big" in refused.message.casefold():
                    raise too_large(name, max(file.size, self._most + 1)) from refused
                raise _lost(name, refused) from refused
            except (error.TelegramError, OSError) as failed:
                pause = seconds_of(failed) if isinstance(failed, error.RetryAfter) else float(attempt)
                if attempt == TRIES or pause > LONGEST_WAIT or isinstance(failed, error.Forbidden):
                    raise _lost(name, failed) from failed
            await self._sleep(pause)
        raise AssertionError


def _lost(name: str, cause: Exception) -> ImageRefused:
    return ImageRefused(
        Text("“{name}” cannot be fetched from Telegram. Send it again.", name=name), cause=repr(cause)
    )


def _no_picture(file: FileRef) -> Text:
    match file.kind:
        case FileKind.STICKER:
            return Text("That sticker moves. Send a picture that stands still, as a photo or a file.")
        case FileKind.VIDEO | FileKind.ANIMATION:
            return Text("That is a video. Send a picture, as a photo or a file.")
        case FileKind.VOICE | FileKind.AUDIO:
            return Text("That is a sound. Send a picture, as a photo or a file.")
        case _:
            return Text(
                "That file is not a picture. Send one as a photo, or as a file of the kind PNG or JPEG."
            )
