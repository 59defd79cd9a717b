"""Pictures and other files of the page: for whoever may see them, and never as what a browser would run."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from aiohttp import hdrs, web

from bot.chat.web.play.documents import Documents
from bot.chat.web.play.unfinished import Unfinished
from bot.chat.web.visitors import Visitor, Visitors, visitor_of
from bot.domain.errors import IsPrivate, NotFound
from bot.domain.ids import JobId, RequestId
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.service.gallery import Gallery
from bot.service.parcels.pixels import jpeg, thumbnail
from bot.service.records import RequestRecord, ResultFile
from bot.service.store import Store
from bot.service.threads import in_thread

INLINE = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "image/bmp",
        "image/avif",
        "image/apng",
        "video/mp4",
        "video/webm",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/x-wav",
        "audio/flac",
        "audio/x-flac",
        "audio/mp4",
        "audio/aac",
    }
)
"""What browsers show without running anything; all else is saved as a file."""
SIDE = 768
"""Of a small picture, in pixels."""
SMALL_BYTES = 160_000
LIGHT = 120_000
"""Bytes up to which a picture is shown as it is."""
MOST_PIXELS = 100_000_000
MOST_SMALL = 24 * 1024 * 1024
"""Bytes of small pictures that are remembered."""
_AT_ONCE = 2
_KEEP = "private, max-age=86400, immutable"
_SAFE_ID = re.compile(r"[0-9a-z]{1,20}")
_PART_OF_NAME = re.compile(r"[^\w .-]+")


def is_light(size: int, kind: MediaKind) -> bool:
    """Whether a file can be shown on a page as it is."""
    return kind is not MediaKind.IMAGE or size <= LIGHT


@dataclass(slots=True)
class Files:
    """Routes to everything that pages show and that is not theirs alone."""

    visitors: Visitors
    store: Store
    gallery: Gallery
    unfinished: Unfinished
    documents: Documents
    _small: OrderedDict[str, bytes] = field(default_factory=OrderedDict, init=False)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE), init=False)

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get(r"/pictures/{request}/{index:\d{1,3}}/{file:\d{1,3}}", self._picture)
        router.add_get(r"/thumbs/{request}/{index:\d{1,3}}/{file:\d{1,3}}", self._thumbnail)
        router.add_get("/previews/{request}/{mark}.jpg", self._preview)
        router.add_get("/documents/{key}", self._document)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        record, found = await self._found(request)
        mime = found.file.mime.partition(";")[0].strip().lower()
        shown = mime in INLINE and "download" not in request.query
        headers = {
            hdrs.CONTENT_TYPE: mime if mime in INLINE else "application/octet-stream",
            hdrs.CACHE_CONTROL: _KEEP,
        }
        if not shown:
            headers[hdrs.CONTENT_DISPOSITION] = attachment(_name(record, request, found))
        path = self.gallery.path(found.file)
        if not await in_thread(path.is_file):
            raise _gone()
        # It answers ranges, and takes no memory whatever the size.
        return web.FileResponse(path, headers=headers)

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        _, found = await self._found(request)
        if found.kind is not MediaKind.IMAGE:
            raise _gone()
        small = await self._small_of(found)
        if small is None:
            raise web.HTTPSeeOther(request.path.replace("/thumbs/", "/pictures/", 1))
        return web.Response(body=small, content_type="image/jpeg", headers={hdrs.CACHE_CONTROL: _KEEP})

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        wanted = RequestId(request.match_info["request"])
        await self._seen(request, wanted)
        content = await self.unfinished.jpeg(wanted, request.match_info["mark"])
        if content is None:
            raise _gone()
        return web.Response(body=content, content_type="image/jpeg", headers={hdrs.CACHE_CONTROL: _KEEP})

    async def _document(self, request: web.Request) -> web.StreamResponse:
        document = self.documents.get(request.match_info["key"], visitor_of(request))
        if document is None:
            raise _gone()
        picture = document.mime in INLINE and document.is_picture
        headers = {hdrs.CONTENT_TYPE: document.mime if picture else "application/octet-stream"}
        if not picture:
            headers[hdrs.CONTENT_DISPOSITION] = attachment(document.name)
        return web.Response(body=document.content, headers=headers)

    # Who may see what

    async def _found(self, request: web.Request) -> tuple[RequestRecord, ResultFile]:
        record = await self._seen(request, RequestId(request.match_info["request"]))
        files, _ = await self.store.results(JobId(f"{record.id}-{int(request.match_info['index'])}"))
        number = int(request.match_info["file"])
        if not number < len(files):
            raise _gone()
        return record, files[number]

    async def _seen(self, request: web.Request, wanted: RequestId) -> RequestRecord:
        record = await self.store.request(wanted) if _SAFE_ID.fullmatch(wanted) else None
        if record is None or record.gone is not None:
            raise _gone()
        if record.private and not await self._is_theirs(record, self.visitors.beside(request)):
            raise IsPrivate(Text("That picture is private, and somebody else's."))
        return record

    async def _is_theirs(self, record: RequestRecord, visitors: tuple[Visitor, ...]) -> bool:
        if any(visitor.operator or visitor.identity == record.identity for visitor in visitors):
            return True
        # Accounts may be linked.
        for visitor in visitors:
            people = await self.store.find_people(visitor.identity)
            if any(each.user == record.user and visitor.identity in each.identities for each in people):
                return True
        return False

    # Small pictures

    async def _small_of(self, found: ResultFile) -> bytes | None:
        """None where none can be made."""
        key = found.file.path
        async with self._slots:
            if key in self._small:
                self._small.move_to_end(key)
                return self._small[key]
            made = await in_thread(_made_small, self.gallery.path(found.file))
        if made is not None:
            self._small[key] = made
            while sum(map(len, self._small.values())) > MOST_SMALL:
                self._small.popitem(last=False)
        return made


def _made_small(path: Path) -> bytes | None:
    image = thumbnail(path, (SIDE, SIDE), MOST_PIXELS)
    if image is None:
        return None
    for quality in (82, 70, 55):
        if (made := jpeg(image, quality, SMALL_BYTES)) is not None:
            return made.content
    return None


def attachment(name: str) -> str:
    """A header's value under which a file is saved, never shown."""
    plain = _PART_OF_NAME.sub("_", name).strip(". ") or "file"
    ascii_name = plain.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(plain)}"


def _name(record: RequestRecord, request: web.Request, found: ResultFile) -> str:
    index, file = request.match_info["index"], request.match_info["file"]
    stem = f"{record.template}-{record.id}-{index}" + (f"-{file}" if file != "0" else "")
    return stem + PurePosixPath(found.file.path).suffix


def _gone() -> NotFound:
    return NotFound(Text("This file is not kept any more, or never was."))
