"""Pictures to Telegram: in the place of words, in a new message, as an album.

What Telegram does not take as it is goes another way at once: a file that it has forgotten is uploaded, a
photo that it cannot show becomes a document, text that it cannot read goes without its markup. None of it
makes a message twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from telegram import Bot, InputFile, Message

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Refused, Trouble, Why, changed, made
from bot.chat.telegram.file_ids import FileIds
from bot.chat.telegram.keyboard import keyboard_of
from bot.chat.telegram.media import file_id_of, media_of, source
from bot.chat.telegram.render import CAPTION
from bot.chat.telegram.writer import More, Writer, place_of, readable
from bot.domain.throttle import Transient
from bot.presentation.cards import Card
from bot.presentation.language import ENGLISH, Language
from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile

What = InputFile | str


class Poster(Writer):
    """Words and pictures."""

    def __init__(self, bot: Bot, file_ids: FileIds, language: Language = ENGLISH) -> None:
        super().__init__(bot, language)
        self._file_ids = file_ids

    async def turn_into(
        self, address: Address, card: Card, file: ParcelFile, more: More = ()
    ) -> Address | Trouble:
        """Make the message this picture, with the card below it."""

        async def call(as_what: ParcelFile, what: What, *, markup: bool) -> object:
            caption, _ = self.words(card, CAPTION, markup=markup)
            return await changed(
                self._bot.edit_message_media(
                    media=media_of(as_what, what, caption, markup=markup),
                    chat_id=address.chat,
                    message_id=address.message,
                    reply_markup=keyboard_of(card, self.language, more),
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
        said: dict[str, Any] = place_of(address)
        if card is not None:
            said["caption"], said["parse_mode"] = self.words(card, CAPTION, markup=markup)
            said["reply_markup"] = keyboard_of(card, self.language, more)
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
            answer = await readable(call, file, known)
            if not _about_file(answer):
                return answer
            await self._file_ids.forget(file)
        for as_what in (file, replace(file, form=Form.FILE)):
            try:
                with ExitStack() as opened:
                    answer = await readable(call, as_what, source(as_what, opened, attach=attach))
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
            return await made(self._bot.send_media_group(media=media, **place_of(address)))


def _about_file(answer: object) -> bool:
    """Telegram may have forgotten the file, or know it as something else."""
    return isinstance(answer, Refused) and answer.why in (Why.FILE_ID, Why.PICTURE, Why.OTHER)
