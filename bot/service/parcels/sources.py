"""Files of results as they lie on the disk, looked at before they are sent. Blocking; for threads only."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from bot.domain.outputs import MediaKind
from bot.presentation.cards import Picture
from bot.service.keep import safe_suffix
from bot.service.parcels.limits import JPEG, WEBP, Form, Limits
from bot.service.parcels.metadata import without_metadata
from bot.service.parcels.pixels import dimensions

MOST_METADATA = 8 * 1024**2
"""What a picture's metadata is thought to have at most: one that is larger by more than that does not fit
without them either, and is not read for it."""


_SNIFFED = {"image/png": ".png", JPEG: ".jpg", WEBP: ".webp", "image/gif": ".gif"}

_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Source:
    """``mime`` and ``suffix`` by the content where that tells; ``width``, ``height``: 0 where unknown."""

    picture: Picture
    path: Path
    size: int
    mime: str
    suffix: str
    width: int
    height: int

    @property
    def is_picture(self) -> bool:
        """Still or moving, by what it is called or what it is."""
        return self.picture.kind in (MediaKind.IMAGE, MediaKind.ANIMATED) or self.mime in _SNIFFED

    def form(self, limits: Limits, size: int) -> Form | None:
        """As what it can be sent, its pixels as they are."""
        return limits.form(self.picture.kind, self.mime, size, self.width, self.height)


def look_at(picture: Picture, path: Path) -> Source | None:
    """None: it is not there any more, or empty."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError:
        return None
    if not start:
        return None
    mime = _by_content(start) or _plain_mime(picture.mime, path)
    suffix = _SNIFFED.get(mime) or safe_suffix(path.name)
    width, height = picture.width, picture.height
    if picture.kind is MediaKind.IMAGE and not (width and height):
        width, height = dimensions(path)
    return Source(picture, path, size, mime, suffix, width, height)


def stripped(source: Source, limits: Limits) -> bytes | None:
    """Its content without metadata. None: see :func:`without_metadata`, or it is far too large."""
    most = limits.most_bytes + MOST_METADATA
    try:
        with source.path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError:
        return None
    return without_metadata(content) if len(content) <= most else None


def _by_content(start: bytes) -> str | None:
    """Servers name files as their workflows please; people's programs go by the name."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"\xff\xd8\xff"):
        return JPEG
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return WEBP
    return "image/gif" if start[:6] in (b"GIF87a", b"GIF89a") else None


def _plain_mime(told: str, path: Path) -> str:
    """A server's word for it, as far as it is one; else by the name. Nothing that its content denies."""
    mime = told.partition(";")[0].strip().lower()
    if not re.fullmatch(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,80}", mime):
        mime = mimetypes.guess_type(path.name)[0] or _UNKNOWN
    return _UNKNOWN if mime in _SNIFFED else mime
