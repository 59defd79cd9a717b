"""Pictures that people send: fetched from Telegram, and never more than is taken. Albums are put together."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import Bot, error

from bot.chat.telegram.latest import Latest
from bot.chat.telegram.updates import FileKind, FileRef, Incoming
from bot.domain.errors import ImageRefused
from bot.domain.text import Text
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, too_large

MOST_BYTES = 20 * 1024 * 1024
"""What Telegram gives to bots; a server of one's own gives more."""
ALBUMS = 500
"""Albums whose pieces are remembered for a while: they come as messages of their own."""


class Uploads:
    """``most_bytes``: what the server gives."""

    def __init__(self, bot: Bot, *, most_bytes: int = MOST_BYTES) -> None:
        self._bot = bot
        self._most = min(most_bytes, MAX_IMAGE_BYTES)
        self._albums: Latest[tuple[int, str], dict[int, FileRef]] = Latest(ALBUMS)

    def note(self, message: Incoming) -> None:
        """A piece of an album, perhaps of one with a command."""
        if message.album and message.files:
            key = message.chat.id, message.album
            pieces = self._albums.get(key) or {}
            pieces[message.message] = message.files[0]
            self._albums.put(key, pieces)

    def of(self, message: Incoming) -> tuple[FileRef, ...]:
        """What a message is about: its own files with those of its album, else those of what it answers."""
        if message.files:
            return self._album(message.chat.id, message.album) or message.files
        if message.replied is None:
            return ()
        return self._album(message.chat.id, message.replied.album) or message.replied.files

    async def fetch(self, file: FileRef) -> InputImage:
        """Checked. Raises ImageRefused, before anything is fetched where its kind or size says so."""
        name = file.name or "picture"
        if not file.is_picture:
            raise ImageRefused(_no_picture(file))
        if file.size > self._most:
            raise too_large(name, file.size)
        try:
            found = await self._bot.get_file(file.file_id)
            if (found.file_size or 0) > self._most:
                raise too_large(name, found.file_size or 0)
            content = bytes(await found.download_as_bytearray())
        except error.BadRequest as refused:
            if "too big" in refused.message.casefold():
                raise too_large(name, max(file.size, self._most + 1)) from refused
            raise _lost(name, refused) from refused
        except (error.TelegramError, OSError) as failed:
            raise _lost(name, failed) from failed
        return await check_image(content, name)

    async def fetch_all(self, files: Sequence[FileRef]) -> dict[str, InputImage]:
        return {file.key: await self.fetch(file) for file in files}

    def _album(self, chat: int, album: str) -> tuple[FileRef, ...]:
        pieces = self._albums.get((chat, album)) if album else None
        return tuple(pieces[message] for message in sorted(pieces)) if pieces else ()


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
