"""Files: where they are kept, their signed addresses, and the server that hands them out.

Source: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from aiohttp import web
from PIL import Image

from tests.support.discord.failures import ApiError
from tests.support.discord.faults import Faults
from tests.support.discord.messages import Attachment
from tests.support.discord.signals import Signal

TTL_SECONDS = 24 * 3600.0
"""How long an address works. Discord says only "preset expiry"; a day is what is seen."""

CHUNK = 1 << 16

TYPES = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json; charset=utf-8",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".webm": "video/webm",
    ".webp": "image/webp",
}

PIXEL = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"
    b"\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\5\xfe\2\xfe\xdc\xccY\xe7\0\0\0\0IEND\xaeB`\x82"
)
"""Everybody's avatar."""


@dataclass(eq=False)
class Upload:
    """A file in somebody's hand. ``content`` None: ``size`` zeros, made while they are sent.

    ``gate``, ``cut_at``, ``deleted``: how the CDN will treat it, see :class:`Attachment`.
    """

    filename: str
    content: bytes | None = field(repr=False, default=None)
    content_type: str | None = None
    size: int | None = None
    description: str | None = None
    deleted: bool = False
    cut_at: int | None = None
    gate: asyncio.Event | None = None

    @classmethod
    def picture(
        cls, size: tuple[int, int] = (64, 48), filename: str = "fox.png", color: str = "red"
    ) -> Upload:
        file = io.BytesIO()
        Image.new("RGB", size, color).save(file, format=Image.registered_extensions()[suffix(filename)])
        return cls(filename, file.getvalue())

    @property
    def length(self) -> int:
        return self.size or 0 if self.content is None else len(self.content)


def suffix(filename: str) -> str:
    return PurePosixPath(filename).suffix.lower()


def safe_name(filename: str) -> str:
    """As Discord changes it: no blanks, no path, nothing outside ASCII letters, digits and ``-_.``."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "", re.sub(r"\s+", "_", filename.replace("\\", "/").rsplit("/", 1)[-1]))
    return name.strip(".") or "unknown"


def pixels(content: bytes | None) -> tuple[int, int] | tuple[None, None]:
    if content is None:
        return None, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None, None


@dataclass
class Cdn:
    """``base``: its address. ``downloads``: paths that were asked for; ``changed`` is fired at each."""

    now: Callable[[], int]
    changed: Signal
    faults: Faults
    base: str = ""
    ttl: float = TTL_SECONDS
    files: dict[str, Attachment] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)

    def keep(self, file: Attachment) -> None:
        self.files[file.path] = file

    def url(self, file: Attachment) -> str:
        """A fresh signed address."""
        issued = self.now() // 1000
        expires = issued + round(self.ttl)
        signature = self._sign(file.path, expires, issued)
        return f"{self.base}{quote(file.path)}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def _sign(self, path: str, expires: int, issued: int) -> str:
        return hmac.new(b"cdn", f"{path}{expires:x}{issued:x}".encode(), hashlib.sha256).hexdigest()

    def file_at(self, url: str) -> Attachment | None:
        """Of an address of ours, expired or not."""
        return self.files.get(urlsplit(url).path.removeprefix(urlsplit(self.base).path))

    def _permitted(self, path: str, query: dict[str, str]) -> bool:
        try:
            expires, issued = int(query["ex"], 16), int(query["is"], 16)
        except (KeyError, ValueError):
            return False
        fresh = issued * 1000 <= self.now() + 1000 and self.now() < expires * 1000
        return fresh and hmac.compare_digest(query.get("hm", ""), self._sign(path, expires, issued))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        if path.startswith(("/embed/", "/avatars/", "/icons/")):
            return web.Response(body=PIXEL, content_type="image/png")
        self.downloads.append(path)
        self.changed.fire()
        try:
            await self.faults.meet("download", path, after=False)
        except ApiError as error:
            return web.Response(status=error.status, text=error.message)
        file = self.files.get(path)
        if file is None or file.deleted or not self._permitted(path, dict(request.query)):
            return web.Response(status=404, text="This content is no longer available.")
        response = web.StreamResponse()
        response.content_length = file.size
        response.content_type = (file.content_type or "application/octet-stream").partition(";")[0]
        await response.prepare(request)
        if request.method != "HEAD":
            await self._send(request, response, file)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, file: Attachment) -> None:
        if file.gate is not None:
            await file.gate.wait()
        sent = 0
        end = file.size if file.cut_at is None else min(file.cut_at, file.size)
        while sent < end:
            length = min(CHUNK, end - sent)
            chunk = bytes(length) if file.content is None else file.content[sent : sent + length]
            try:
                await response.write(chunk)
            except ConnectionResetError:
                return  # whoever asked has heard enough
            sent += length
        if end < file.size and request.transport is not None:
            request.transport.abort()


def attachment_of(upload: Upload, snowflake: int, folder: str) -> Attachment:
    width, height = pixels(upload.content)
    name = safe_name(upload.filename)
    return Attachment(
        snowflake,
        folder,
        name,
        upload.length,
        upload.content,
        upload.content_type or TYPES.get(suffix(upload.filename)),
        upload.description,
        title=None if name == upload.filename else PurePosixPath(upload.filename).stem,
        width=width,
        height=height,
        spoiler=name.startswith("SPOILER_"),
        deleted=upload.deleted,
        gate=upload.gate,
        cut_at=upload.cut_at,
    )
