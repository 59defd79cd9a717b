"""Which file ``/view`` and ``/upload`` mean, and how a picture is re-encoded for a viewer."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.sketch.files import Folders, OutsideFolder, inside, split_annotation

_DANGEROUS = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "application/javascript",
    "text/css",
    "image/svg+xml",
    "application/xml",
    "text/xml",
}
"""Types that a browser would run: handed out as plain bytes to be saved."""

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class NoView(Exception):
    """There is nothing to show; ``status`` is the answer's."""

    status: int


@dataclass(frozen=True, slots=True)
class View:
    """A file to show. ``attachment``: to be saved, not shown."""

    path: Path
    content_type: str

    @property
    def attachment(self) -> bool:
        return self.content_type == OCTETS


def find_view(folders: Folders, query: Mapping[str, str]) -> View:
    """The file that ``/view``'s parameters name. Raises NoView with 400, 403 or 404.

    A folder in ``filename`` is dropped; the one that counts is ``subfolder``.
    """
    if "filename" not in query:
        raise NoView(404)
    filename, kind = split_annotation(query["filename"])
    if not filename or filename.startswith("/") or ".." in filename:
        raise NoView(400)
    folder = folders.by_type(kind or query.get("type", "output"))
    if folder is None:
        raise NoView(400)
    if "\0" in filename + query.get("subfolder", ""):
        raise NoView(404)
    try:
        path = inside(inside(folder, query.get("subfolder", "")), Path(filename.replace("\\", "/")).name)
    except OutsideFolder as exc:
        raise NoView(403) from exc
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib raises for a name that no disk can hold
        raise NoView(404)
    guessed = mimetypes.guess_type(path.name)[0] or OCTETS
    return View(path, OCTETS if guessed in _DANGEROUS else guessed)


def preview_bytes(path: Path, wanted: str) -> tuple[bytes, str]:
    """The picture re-encoded, and its MIME type. ``wanted`` is e.g. ``webp;90``; unknown formats give WebP.

    Raises OSError or ValueError for a file that is no picture.
    """
    name, _, quality = wanted.partition(";")
    kind = name if name in ("webp", "jpeg") else "webp"
    buffer = io.BytesIO()
    with Image.open(path) as image:
        shown = image.convert("RGB") if kind == "jpeg" else image
        shown.save(buffer, kind, quality=int(quality) if quality.isdecimal() else 90)
    return buffer.getvalue(), f"image/{kind}"


def channel_bytes(path: Path, channel: str) -> bytes:
    """The picture as PNG without its alpha channel (``rgb``), or nothing but it (``a``).

    Raises OSError or ValueError for a file that is no picture.
    """
    buffer = io.BytesIO()
    with Image.open(path) as image:
        if channel == "rgb":
            shown = image.convert("RGB")
        else:
            alpha = image.convert("RGBA").getchannel("A")
            shown = Image.new("RGBA", image.size)
            shown.putalpha(alpha)
        shown.save(buffer, "PNG")
    return buffer.getvalue()
