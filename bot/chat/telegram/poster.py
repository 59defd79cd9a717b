"""Messages to Telegram: text, a picture in its place, one that is new, an album.

What Telegram does not take as it is goes another way at once: a file that it has forgotten is uploaded, a
photo that it cannot show becomes a document, text that it cannot read goes without its markup. None of it
makes a message twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeVar

from telegram import Bot, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ChatAction, ParseMode

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Refused, Trouble, Why, changed, made
from bot.chat.telegram.file_ids import FileIds
from bot.chat.telegram.keyboard import keyboard_of
from bot.chat.telegram.language import Language
from bot.chat.telegram.latest import Latest
from bot.chat.telegram.media import file_id_of, media_of, source
from bot.chat.telegram.render import CAPTION, TEXT, html_of
from bot.domain.throttle import Transient
from bot.presentation.cards import Button, Card
from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile

T = TypeVar("T")
More = Sequence[Sequence[Button]]
"""Rows of buttons below those of a card."""
What = InputFile | str
Look = tuple[str, InlineKeyboardMarkup | None]
REMEMBERED = 2_000

_TAG = re.compile(r"<[^>]*>")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Poster:
    """Makes the calls and says how they ended. Raises nothing for what Telegram or the network does."""

    def __init__(self, bot: Bot, language: Language, file_ids: FileIds) -> None:
        self._bot = bot
        self._language = language
        self._file_ids = file_ids
        self._looks: Latest[tuple[int, int], Look] = Latest(REMEMBERED)
        """What messages say: Telegram refuses edits that change nothing, and counts them."""

    # Words

    async def say(self, address: Address, card: Card, more: More = ()) -> Address | Trouble:
        """A new message."""

        async def call(*, markup: bool) -> Message | Trouble:
            text, mode = self._words(card, TEXT, markup=markup)
            return await made(
                self._bot.send_message(
                    text=text,
                    parse_mode=mode,
                    reply_markup=keyboard_of(card, self._language, more),
                    link_preview_options=_NO_PREVIEW,
                    **_place(address),
                )
            )

        answer = await _readable(call)
        if not isinstance(answer, Message):
            return answer
        said = address.at(answer.message_id, media=False)
        self._looks.put((said.chat, said.message), self._look(said, card, more))
        return said

    async def redraw(self, address: Address, card: Card, more: More = ()) -> Address | Trouble:
        """What is written on a message, and its buttons; its picture stays."""

        async def call(*, markup: bool) -> object:
            return await self._written(address, card, more, markup=markup)

        message = address.chat, address.message
        if self._looks.get(message) == self._look(address, card, more):
            return address
        answer = await _readable(call)
        if isinstance(answer, Refused) and answer.why in (Why.IS_MEDIA, Why.IS_TEXT):
            address = replace(address, media=answer.why is Why.IS_MEDIA)
            answer = await _readable(call)
        if isinstance(answer, Trouble) and answer != Refused(Why.SAME):
            self._looks.drop(message)
            return answer
        self._looks.put(message, self._look(address, card, more))
        return address

    async def _written(self, address: Address, card: Card, more: More, *, markup: bool) -> object:
        text, mode = self._words(card, CAPTION if address.media else TEXT, markup=markup)
        keyboard = keyboard_of(card, self._language, more)
        where: dict[str, Any] = {"chat_id": address.chat, "message_id": address.message}
        if address.media:
            return await changed(
                self._bot.edit_message_caption(caption=text, parse_mode=mode, reply_markup=keyboard, **where)
            )
        return await changed(
            self._bot.edit_message_text(
                text=text,
                parse_mode=mode,
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
                **where,
            )
        )

    def _look(self, address: Address, card: Card, more: More) -> Look:
        text, _ = self._words(card, CAPTION if address.media else TEXT)
        return text, keyboard_of(card, self._language, more)

    def _words(self, card: Card, limit: int, *, markup: bool = True) -> tuple[str, str | None]:
        text = html_of(card, self._language, limit)
        return (text, ParseMode.HTML) if markup else (html.unescape(_TAG.sub("", text)), None)

    # One file

    async def turn_into(
        self, address: Address, card: Card, file: ParcelFile, more: More = ()
    ) -> Address | Trouble:
        """Make the message this picture, with the card below it."""

        async def call(as_what: ParcelFile, what: What, *, markup: bool) -> object:
            caption, _ = self._words(card, CAPTION, markup=markup)
            return await changed(
                self._bot.edit_message_media(
                    media=media_of(as_what, what, caption, markup=markup),
                    chat_id=address.chat,
                    message_id=address.message,
                    reply_markup=keyboard_of(card, self._language, more),
                )
            )

        self._looks.drop((address.chat, address.message))
        answer = await self._with_file(file, call, attach=True)
        if isinstance(answer, Trouble) and answer != Refused(Why.SAME):
            return answer
        return replace(address, media=True)

    async def send(
        self, address: Address, file: ParcelFile, card: Card | None = None, more: More = ()
    ) -> Address | Trouble:
        """A new message that holds this file, with the card below it if there is one."""

        async def call(as_what: ParcelFile, what: What, *, markup: bool) -> object:
            return await made(self._sent(address, as_what, what, card, more, markup=markup))

        answer = await self._with_file(file, call, attach=False)
        if isinstance(answer, Message):
            return address.at(answer.message_id, media=True)
        assert isinstance(answer, Trouble)
        return answer

    def _sent(
        self, address: Address, file: ParcelFile, what: What, card: Card | None, more: More, *, markup: bool
    ) -> Awaitable[Message]:
        said: dict[str, Any] = _place(address)
        if card is not None:
            said["caption"], said["parse_mode"] = self._words(card, CAPTION, markup=markup)
            said["reply_markup"] = keyboard_of(card, self._language, more)
        bot, spoiler = self._bot, file.spoiler or None
        match file.form:
            case Form.PHOTO:
                return bot.send_photo(photo=what, has_spoiler=spoiler, **said)
            case Form.VIDEO:
                said |= {"width": file.width or None, "height": file.height or None}
                return bot.send_video(video=what, supports_streaming=True, has_spoiler=spoiler, **said)
            case Form.ANIMATION:
                return bot.send_animation(animation=what, has_spoiler=spoiler, **said)
            case Form.AUDIO:
                return bot.send_audio(audio=what, **said)
            case Form.FILE:
                return bot.send_document(document=what, disable_content_type_detection=True, **said)

    async def _with_file(
        self, file: ParcelFile, call: Callable[..., Awaitable[object]], *, attach: bool
    ) -> object:
        """``call`` with what Telegram has of the file, or with the file; as a document if need be."""
        known = await self._file_ids.get(file)
        if known is not None:
            answer = await _readable(call, file, known)
            if not _about_file(answer):
                return answer
            await self._file_ids.forget(file)
        for as_what in (file, replace(file, form=Form.FILE)):
            try:
                with ExitStack() as opened:
                    answer = await _readable(call, as_what, source(as_what, opened, attach=attach))
            except OSError:
                return Transient()  # it was removed this very moment: next time it is left out
            if answer != Refused(Why.PICTURE):
                break
        if isinstance(answer, Message):
            await self._remember(as_what, answer)
        return answer

    async def _remember(self, file: ParcelFile, message: Message) -> None:
        file_id = file_id_of(message, file.form)
        if file_id is not None:
            await self._file_ids.put(file, file_id)

    # Several files

    async def send_all(self, address: Address, files: Sequence[ParcelFile]) -> tuple[int, ...] | Trouble:
        """New messages that hold these files alone: an album, or a message for a single one. Their ids."""
        if len(files) == 1:
            sent = await self.send(address, files[0])
            return (sent.message,) if isinstance(sent, Address) else sent
        known = [await self._file_ids.get(file) for file in files]
        answer = await self._album(address, files, known)
        if _about_file(answer) and any(known):
            for file in files:
                await self._file_ids.forget(file)
            answer = await self._album(address, files, [None] * len(files))
        if answer == Refused(Why.PICTURE):
            files = [replace(file, form=Form.FILE) for file in files]
            answer = await self._album(address, files, [None] * len(files))
        if isinstance(answer, Trouble):
            return answer
        for file, message in zip(files, answer, strict=False):
            await self._remember(file, message)
        return tuple(message.message_id for message in answer)

    async def _album(
        self, address: Address, files: Sequence[ParcelFile], known: Sequence[str | None]
    ) -> tuple[Message, ...] | Trouble:
        with ExitStack() as opened:
            try:
                media: Any = [
                    media_of(file, file_id or source(file, opened, attach=True), None)
                    for file, file_id in zip(files, known, strict=True)
                ]
            except OSError:
                return Transient()
            return await made(self._bot.send_media_group(media=media, **_place(address)))

    # Small things

    async def delete(self, chat: int, messages: Sequence[int]) -> bool:
        """Whether they are gone. Telegram lets bots delete what is younger than 48 hours."""
        answer = await changed(self._bot.delete_messages(chat, list(messages)[:100]))
        return not isinstance(answer, Trouble)

    async def say_that_a_picture_comes(self, address: Address) -> Trouble | None:
        """A line above the chat, for five seconds."""
        answer = await changed(
            self._bot.send_chat_action(
                address.chat, ChatAction.UPLOAD_PHOTO, message_thread_id=address.thread or None
            )
        )
        return answer if isinstance(answer, Trouble) else None


def _place(address: Address) -> dict[str, Any]:
    """Where a new message goes, and what it answers: our own reply where there is one."""
    answers = address.message or address.answers
    return {
        "chat_id": address.chat,
        "message_thread_id": address.thread or None,
        "reply_parameters": ReplyParameters(answers, allow_sending_without_reply=True) if answers else None,
    }


async def _readable(call: Callable[..., Awaitable[T]], *what: object) -> T:
    """``call`` with markup, and without if Telegram cannot read it: a fault of ours must cost no message."""
    answer = await call(*what, markup=True)
    return await call(*what, markup=False) if answer == Refused(Why.MARKUP) else answer


def _about_file(answer: object) -> bool:
    """Telegram may have forgotten the file, or know it as something else."""
    return isinstance(answer, Refused) and answer.why in (Why.FILE_ID, Why.PICTURE, Why.OTHER)
