"""Files at Telegram: what is sent, how it is named there, and what becomes of pictures.

A file has one ``file_unique_id`` for ever and a ``file_id`` by which the bot sends it again or fetches it.
Pictures are kept in several sizes, JPEG every one; each size is a file of its own.
"""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from PIL import Image

from tests.support.telegram.failures import ApiError, Json, bad, too_big_photo, too_large

MIB = 1 << 20
PHOTO_BYTES = 10 * MIB
UPLOAD_BYTES = 50 * MIB
LOCAL_UPLOAD_BYTES = 2000 * MIB
DOWNLOAD_BYTES = 20 * MIB
PHOTO_SIDES = 10_000
"""Width and height together."""
PHOTO_RATIO = 20
SIZES = (90, 320, 800, 1280, 2560)
"""Longest sides that pictures are kept in, pixels."""

PREFIXES = {
    "photo": "AgACAgIAAx",
    "document": "BQACAgIAAx",
    "animation": "CgACAgIAAx",
    "video": "BAACAgIAAx",
    "voice": "AwACAgIAAx",
    "sticker": "CAACAgIAAx",
    "audio": "CQACAgIAAx",
    "video_note": "DQACAgIAAx",
}
WORDS = {kind: kind.title().replace("_", "") for kind in PREFIXES} | {"voice": "VoiceNote"}
DOCUMENT_LIKE = frozenset({"document", "animation", "video", "audio", "voice", "video_note", "sticker"})


@dataclass(frozen=True)
class Upload:
    """A file of a person or of a test. ``size``: when only that counts, without so many bytes.

    ``seconds``: how long it plays; ``gate``: downloads wait until it is set; ``cut_at``: bytes of them.
    """

    filename: str
    content: bytes = field(repr=False)
    size: int | None = None
    content_type: str | None = None
    width: int = 0
    height: int = 0
    seconds: int = 0
    gate: Any = None
    cut_at: int | None = None

    @classmethod
    def picture(
        cls, size: tuple[int, int] = (64, 48), filename: str = "fox.png", colour: str = "orange"
    ) -> Upload:
        """An image of one colour; what it is encoded as follows from ``filename``."""
        stream = io.BytesIO()
        kind = Image.registered_extensions()["." + filename.rpartition(".")[2].lower()]
        Image.new("RGB", size, colour).save(stream, kind)
        return cls(filename, stream.getvalue(), width=size[0], height=size[1])

    @property
    def length(self) -> int:
        return len(self.content) if self.size is None else self.size

    @property
    def mime(self) -> str:
        return self.content_type or mimetypes.guess_type(self.filename)[0] or "application/octet-stream"


@dataclass(eq=False)
class Stored:
    """A file at Telegram. ``content`` is None when only the size was kept, or until ``make`` has made it."""

    kind: str
    number: int
    file_id: str
    unique_id: str
    filename: str
    mime: str
    size: int
    path: str
    width: int = 0
    height: int = 0
    seconds: int = 0
    content: bytes | None = field(default=None, repr=False)
    make: Callable[[], bytes] | None = field(default=None, repr=False)
    gate: Any = None
    cut_at: int | None = None
    fetched: int = 0

    @property
    def data(self) -> bytes:
        if self.content is None and self.make is not None:
            self.content = self.make()
        assert self.content is not None, f"{self.filename}: only its size was kept"
        return self.content

    @cached_property
    def image(self) -> Image.Image:
        """Decoded."""
        found = Image.open(io.BytesIO(self.data))
        found.load()
        return found

    def reference(self) -> Json:
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": self.size}


@dataclass(eq=False)
class Media:
    """What a message shows. ``file``: as it was sent; ``sizes``: of a photo, smallest first."""

    kind: str
    file: Stored
    sizes: list[Stored] = field(default_factory=list)
    thumbnail: Stored | None = None

    @property
    def unique_id(self) -> str:
        return self.sizes[-1].unique_id if self.sizes else self.file.unique_id

    @property
    def file_id(self) -> str:
        return self.sizes[-1].file_id if self.sizes else self.file.file_id

    def json(self) -> Json:
        """The fields of a message that show it."""
        if self.kind == "photo":
            return {"photo": [_sized(size) for size in self.sizes]}
        file, found = self.file, self.file.reference()
        if self.thumbnail is not None:
            found["thumbnail"] = _sized(self.thumbnail)
        if self.kind == "sticker":
            found |= {"type": "regular", "is_animated": file.mime == "application/x-tgsticker"}
            found |= {"is_video": file.mime == "video/webm", "emoji": "🦊"}
            return {"sticker": found | {"width": file.width or 512, "height": file.height or 512}}
        found["mime_type"] = file.mime
        if self.kind in ("voice", "audio"):
            return {self.kind: found | {"duration": file.seconds}}
        if self.kind == "video_note":
            del found["mime_type"]
            return {"video_note": found | {"length": file.width or 240, "duration": file.seconds}}
        found["file_name"] = file.filename
        if self.kind == "document":
            return {"document": found}
        moving = found | {"width": file.width, "height": file.height, "duration": file.seconds}
        # An animation is shown as a document too, for bots that do not know animations.
        return {self.kind: moving} | ({"document": found} if self.kind == "animation" else {})


def _sized(size: Stored) -> Json:
    return size.reference() | {"width": size.width, "height": size.height}


@dataclass
class Files:
    """``downloads``: paths, as they were fetched. ``keep_bytes``: of larger files only the size is kept."""

    local: bool = False
    keep_bytes: int = 100 * MIB
    by_id: dict[str, Stored] = field(default_factory=dict)
    by_path: dict[str, Stored] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)
    _count: int = 0

    @property
    def upload_bytes(self) -> int:
        return LOCAL_UPLOAD_BYTES if self.local else UPLOAD_BYTES

    def take(self, kind: str, upload: Upload) -> Media:
        """A file that a bot uploads. Raises :class:`ApiError` where Telegram does not take it as that."""
        if upload.length > self.upload_bytes:
            raise too_large()
        if upload.length == 0:
            raise bad("File must be non-empty")
        if kind == "photo":
            return self._photo(upload, strict=True)
        return self.keep(kind, upload)

    def keep(self, kind: str, upload: Upload) -> Media:
        """A file of a person, who may send larger ones."""
        if kind == "photo":
            return self._photo(upload, strict=False)
        width, height = upload.width, upload.height
        if not width and upload.mime.startswith("image/"):
            width, height = _measured(upload) or (0, 0)
        content = upload.content if upload.length <= self.keep_bytes and upload.size is None else None
        file = self._store(kind, upload.filename, upload.mime, upload.length, width, height)
        file.content, file.seconds = content, upload.seconds
        file.gate, file.cut_at = upload.gate, upload.cut_at
        if content is None and upload.size is not None and upload.size <= self.keep_bytes:
            file.make = lambda: upload.content.ljust(upload.length, b"\0")
        media = Media(kind, file)
        if width and content is not None and kind in ("document", "animation"):
            media.thumbnail = self._scaled(file, 320, "document")
        self.media[file.file_id] = media
        return media

    def again(self, kind: str, file_id: str) -> Media:
        """A file that is there already, by its ``file_id``."""
        media = self.media.get(file_id)
        if media is None:
            raise bad("wrong remote file identifier specified: can't unserialize it")
        both = {media.kind, kind}
        if media.kind != kind and not both <= DOCUMENT_LIKE:
            raise bad(f"Can't use file of type {WORDS[media.kind]} as {WORDS[kind]}")
        return media

    def fetched(self, file_id: str) -> Stored:
        """The file that ``getFile`` prepares. Raises :class:`ApiError`."""
        file = self.by_id.get(file_id)
        if file is None:
            raise bad("invalid file_id")
        if file.size > DOWNLOAD_BYTES and not self.local:
            raise ApiError(400, "Bad Request: file is too big")
        return file

    def _photo(self, upload: Upload, *, strict: bool) -> Media:
        if strict and upload.length > PHOTO_BYTES:
            raise too_big_photo(upload.length, PHOTO_BYTES)
        found = _measured(upload)
        if found is None:
            raise bad("IMAGE_PROCESS_FAILED")
        width, height = found
        if width + height > PHOTO_SIDES or max(found) > PHOTO_RATIO * min(found):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        file = self._store("photo", upload.filename, upload.mime, upload.length, width, height)
        file.content, file.gate, file.cut_at = upload.content, upload.gate, upload.cut_at
        sides = [side for side in SIZES if side < max(found)] + [min(max(found), SIZES[-1])]
        media = Media("photo", file, [self._scaled(file, side, "photo") for side in sorted(set(sides))])
        for size in media.sizes:
            self.media[size.file_id] = media
        return media

    def _scaled(self, file: Stored, side: int, kind: str) -> Stored:
        """``file`` as a JPEG whose longer side is ``side``. Its bytes are made when they are asked for."""
        factor = min(1.0, side / max(file.width, file.height, 1))
        width, height = max(1, round(file.width * factor)), max(1, round(file.height * factor))

        def make() -> bytes:
            stream = io.BytesIO()
            file.image.convert("RGB").resize((width, height)).save(stream, "JPEG", quality=87)
            return stream.getvalue()

        # The size is only guessed: bytes are rarely looked at, and making them all would slow every test.
        made = self._store(kind, "photo.jpg", "image/jpeg", max(300, width * height // 8), width, height)
        made.make, made.gate, made.cut_at = make, file.gate, file.cut_at
        return made

    def _store(self, kind: str, filename: str, mime: str, size: int, width: int, height: int) -> Stored:
        self._count += 1
        number = self._count
        unique = f"AQAD{number:012d}"
        folder = {"photo": "photos", "document": "documents"}.get(kind, f"{kind}s")
        suffix = "." + filename.rpartition(".")[2] if "." in filename else ""
        path = f"{folder}/file_{number}{suffix}"
        file_id = f"{PREFIXES[kind]}{number:030d}Y-{unique}"
        stored = Stored(kind, number, file_id, unique, filename, mime, size, path, width, height)
        self.by_id[file_id] = self.by_path[path] = stored
        return stored


def _measured(upload: Upload) -> tuple[int, int] | None:
    """Width and height, or None if that is no picture."""
    try:
        with Image.open(io.BytesIO(upload.content)) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
