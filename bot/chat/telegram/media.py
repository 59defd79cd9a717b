"""Files of a result as Telegram takes them."""

from __future__ import annotations

import io
from contextlib import ExitStack

from telegram import (
    InputFile,
    InputMediaAnimation,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)
from telegram.constants import ParseMode

from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile

Media = InputMediaPhoto | InputMediaDocument | InputMediaVideo | InputMediaAnimation | InputMediaAudio
InAlbum = InputMediaPhoto | InputMediaDocument | InputMediaVideo | InputMediaAudio


def source(file: ParcelFile, opened: ExitStack, *, attach: bool) -> InputFile:
    """Its content, read from the disk while it is sent. ``opened`` closes it. ``attach``: it is spoken of in
    another field of the call. Raises OSError."""
    content = (
        io.BytesIO(file.content)
        if isinstance(file.content, bytes)
        else opened.enter_context(file.content.open("rb"))
    )
    return InputFile(content, filename=file.name, attach=attach, read_file_handle=False)


def media_of(file: ParcelFile, what: InputFile | str, caption: str | None, *, markup: bool = True) -> Media:
    """``what``: its content, or the id under which Telegram has it. ``markup``: the caption is HTML."""
    mode = ParseMode.HTML if markup and caption else None
    spoiler = file.spoiler or None
    match file.form:
        case Form.PHOTO:
            return InputMediaPhoto(what, caption, mode, has_spoiler=spoiler)
        case Form.VIDEO:
            return InputMediaVideo(
                what,
                caption,
                width=file.width or None,
                height=file.height or None,
                supports_streaming=True,
                parse_mode=mode,
                has_spoiler=spoiler,
            )
        case Form.ANIMATION:
            return InputMediaAnimation(what, caption, mode, has_spoiler=spoiler)
        case Form.AUDIO:
            return InputMediaAudio(what, caption, mode)
        case Form.FILE:
            return InputMediaDocument(what, caption, mode, disable_content_type_detection=True)


def file_id_of(message: Message, form: Form) -> str | None:
    """Under which Telegram has what was sent as ``form``; None where it made something else of it."""
    match form:
        case Form.PHOTO:
            return message.photo[-1].file_id if message.photo else None
        case Form.VIDEO:
            return message.video.file_id if message.video else None
        case Form.ANIMATION:
            return message.animation.file_id if message.animation else None
        case Form.AUDIO:
            return message.audio.file_id if message.audio else None
        case Form.FILE:
            # An animation is sent with a document of the same id, for old apps.
            return message.document.file_id if message.document and not message.animation else None
