"""Pictures in and out: ``/view`` and ``/upload``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from bot.sketch.routes.base import PARTS, trouble
from bot.sketch.uploads import BadUpload, Upload, mask_writer, store
from bot.sketch.views import NoView, View, channel_bytes, find_view, preview_bytes


async def view(request: web.Request) -> web.StreamResponse:
    try:
        found = find_view(request.app[PARTS].folders, request.query)
    except NoView as reason:
        return web.Response(status=reason.status)
    name = found.path.name.replace('"', "'")
    try:
        if "preview" in request.query:
            data, kind = await asyncio.to_thread(preview_bytes, found.path, request.query["preview"])
        elif (channel := request.query.get("channel", "rgba")) in ("rgb", "a"):
            data, kind = await asyncio.to_thread(channel_bytes, found.path, channel), "image/png"
        else:
            return _file(found, name)
    except (OSError, ValueError) as exc:
        raise trouble() from exc
    headers = {"Content-Disposition": f'filename="{name}"'}
    return web.Response(body=data, content_type=kind, headers=headers)


def _file(found: View, name: str) -> web.FileResponse:
    """The file as it is: with ETag, ranges and HEAD, by aiohttp."""
    headers = {
        "Content-Type": found.content_type,
        "Content-Disposition": f'filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    if found.attachment:
        headers |= {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "Vary": "Sec-Fetch-Dest",
        }
    return web.FileResponse(found.path, headers=headers)


async def upload_image(request: web.Request) -> web.Response:
    return await _upload(request)


async def upload_mask(request: web.Request) -> web.Response:
    return await _upload(request, mask=True)


async def _upload(request: web.Request, *, mask: bool = False) -> web.Response:
    folders = request.app[PARTS].folders
    try:
        form = await request.post()
    except ValueError as exc:  # a body that is not the multipart it says it is
        raise trouble() from exc
    field = form.get("image")
    if field is None or field == "":
        return web.Response(status=400)
    if not isinstance(field, web.FileField):
        raise trouble()
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    upload = Upload(field.file, field.filename, fields)
    try:
        write: Callable[[Upload, Path], None] | None = mask_writer(folders, fields) if mask else None
        answer = await asyncio.to_thread(store, folders, upload, write)
    except BadUpload:
        return web.Response(status=400)
    except (LookupError, TypeError, ValueError, OSError) as exc:
        raise trouble() from exc
    return web.json_response(answer)


ROUTES = (
    web.get("/view", view),
    web.post("/upload/image", upload_image),
    web.post("/upload/mask", upload_mask),
)
