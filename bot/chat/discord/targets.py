"""What a message holds that somebody opened a menu on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.chat.discord.options import AttachmentRef, TargetMessage, mappings, read_attachment
from bot.domain.ids import RequestId
from bot.presentation.actions import OnRequest, decode

OVERVIEW = "-overview."
"""In the name of a sheet that shows all pictures of a result (:mod:`bot.service.parcels.packing`)."""


def request_of(target: TargetMessage) -> RequestId | None:
    """The request of one of our own messages, as its buttons have it."""
    for custom_id in _custom_ids(target.raw.get("components")):
        action = decode(custom_id)
        if isinstance(action, OnRequest):
            return action.request
    return None


def words_of(target: TargetMessage) -> str:
    content = target.raw.get("content")
    return content.strip() if isinstance(content, str) else ""


def first_picture(target: TargetMessage) -> AttachmentRef | None:
    """The first attached picture, rather than a sheet of several; else the picture of an embed."""
    files = map(read_attachment, mappings(target.raw.get("attachments")))
    pictures = [each for each in files if each is not None and each.content_type.startswith("image/")]
    single = [each for each in pictures if OVERVIEW not in each.filename]
    return next(iter(single or pictures), None) or _embedded(target.raw.get("embeds"))


def _embedded(embeds: object) -> AttachmentRef | None:
    for embed in mappings(embeds):
        for part in ("image", "thumbnail"):
            found = embed.get(part)
            # Discord's copy of the picture: an address of somebody else's choosing is not asked.
            address = found.get("proxy_url") if isinstance(found, Mapping) else None
            if isinstance(address, str):
                return read_attachment({"id": "0", "url": address, "filename": "picture"})
    return None


def _custom_ids(components: Any) -> Iterator[str]:
    for each in mappings(components):
        if isinstance(each.get("custom_id"), str):
            yield each["custom_id"]
        yield from _custom_ids(each.get("components"))
