"""What a platform takes, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from bot.domain.outputs import MediaKind

WEBP, JPEG = "image/webp", "image/jpeg"


class Form(Enum):
    """As what a file is sent. Platforms that tell none of them apart have files only."""

    FILE = "file"
    PHOTO = "photo"
    ANIMATION = "animation"
    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """Of pictures that are shown as such. ``sides``: most pixels of width and height together; ``ratio``:
    of the longer side to the shorter, at most. ``formats``: MIME types."""

    file_bytes: int
    sides: int
    ratio: float
    formats: frozenset[str]

    def take(self, mime: str, size: int, width: int, height: int) -> bool:
        return (
            mime in self.formats
            and size <= self.file_bytes
            and min(width, height) > 0
            and width + height <= self.sides
            and max(width, height) <= self.ratio * min(width, height)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """``request_bytes`` bounds the files of one message together, unless it is a single one. ``formats``: to
    which pictures may be encoded (WebP, JPEG). ``forms``: what the platform has besides files."""

    file_bytes: int
    request_bytes: int
    most_files: int = 10
    photo: PhotoLimits | None = None
    formats: frozenset[str] = frozenset({WEBP, JPEG})
    forms: frozenset[Form] = frozenset()

    @property
    def most_bytes(self) -> int:
        """What no file may exceed, whatever its form."""
        return max(self.file_bytes, self.photo.file_bytes if self.photo else 0)

    def form(self, kind: MediaKind, mime: str, size: int, width: int, height: int) -> Form | None:
        """As what such a file can be sent; None: it is too large for all."""
        photo = self.photo
        if kind is MediaKind.IMAGE and photo is not None and photo.take(mime, size, width, height):
            return Form.PHOTO
        if size > self.file_bytes:
            return None
        form = _FORMS.get((kind, mime), Form.FILE)
        return form if form in self.forms else Form.FILE


_FORMS = {
    (MediaKind.ANIMATED, "image/gif"): Form.ANIMATION,
    (MediaKind.VIDEO, "video/mp4"): Form.VIDEO,
    (MediaKind.AUDIO, "audio/mpeg"): Form.AUDIO,
    (MediaKind.AUDIO, "audio/mp4"): Form.AUDIO,
}
"""What Telegram plays in place: GIF and MP4, MP3 and M4A."""

DISCORD = Limits(file_bytes=10 * 1024**2, request_bytes=24 * 1024**2)
"""Where no boost raises it. An interaction tells the limit of its place (``attachment_size_limit``).
The documentation of messages says 25 MiB for a whole request, text and boundaries included; that higher tiers
may exceed it with several files is told nowhere. Ten attachments."""

TELEGRAM = Limits(
    file_bytes=50_000_000,
    request_bytes=50_000_000,
    photo=PhotoLimits(10_000_000, 10_000, 20.0, frozenset({"image/png", JPEG, WEBP})),
    forms=frozenset({Form.PHOTO, Form.ANIMATION, Form.VIDEO, Form.AUDIO}),
)
"""Bot API, ``sendPhoto``, ``sendDocument``, ``sendMediaGroup``; a server of one's own takes 2000 MB. Whether
a megabyte is 10^6 or 2^20 bytes is told nowhere: the smaller is safe."""

TELEGRAM_LOCAL = replace(TELEGRAM, file_bytes=2_000_000_000, request_bytes=2_000_000_000)
"""A server of one's own."""
