"""Messages of words to Telegram: new ones, and what is written on those that are there.

Raises nothing for what Telegram or the network does: every call says how it ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar

from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ChatAction, ParseMode

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Refused, Trouble, Why, changed, made
from bot.chat.telegram.keyboard import keyboard_of
from bot.chat.telegram.latest import Latest
from bot.chat.telegram.markup import without_markup
from bot.chat.telegram.render import CAPTION, TEXT, html_of
from bot.presentation.cards import Button, Card
from bot.presentation.language import ENGLISH, Language
from bot.service.outcomes import Document

T = TypeVar("T")
More = Sequence[Sequence[Button]]
"""Rows of buttons below those of a card."""
Look = tuple[str, InlineKeyboardMarkup | None]
REMEMBERED = 2_000
MOST_DELETED = 100
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Writer:
    """In one language. What is not made twice: :meth:`redraw` and whatever else edits may be called again."""

    def __init__(self, bot: Bot, language: Language = ENGLISH) -> None:
        self._bot = bot
        self.language = language
        self._looks: Latest[tuple[int, int], Look] = Latest(REMEMBERED)
        """What messages say: Telegram refuses edits that change nothing, and counts them."""

    def speaking(self, language: Language) -> Self:
        """The same in another language."""
        other = copy(self)
        other.language = language
        return other

    async def say(self, address: Address, card: Card, more: More = ()) -> Address | Trouble:
        """A new message."""

        async def call(*, markup: bool) -> Message | Trouble:
            text, mode = self.words(card, TEXT, markup=markup)
            return await made(
                self._bot.send_message(
                    text=text,
                    parse_mode=mode,
                    reply_markup=keyboard_of(card, self.language, more),
                    link_preview_options=_NO_PREVIEW,
                    **place_of(address),
                )
            )

        answer = await readable(call)
        if not isinstance(answer, Message):
            return answer
        said = address.at(answer.message_id, media=False)
        self._looks.put((said.chat, said.message), self._look(said, card, more))
        return said

    async def ask(self, address: Address, card: Card) -> Address | Trouble:
        """A question, to be answered by a reply to it: apps open one by themselves."""

        async def call(*, markup: bool) -> Message | Trouble:
            text, mode = self.words(card, TEXT, markup=markup)
            return await made(
                self._bot.send_message(
                    text=text,
                    parse_mode=mode,
                    reply_markup=ForceReply(selective=True),
                    link_preview_options=_NO_PREVIEW,
                    **place_of(address),
                )
            )

        answer = await readable(call)
        return address.at(answer.message_id, media=False) if isinstance(answer, Message) else answer

    async def send_document(self, address: Address, card: Card, document: Document) -> Address | Trouble:
        """A file of ours, with the card below it. A picture is seen as such where Telegram takes it."""
        answer: Address | Trouble = Refused(Why.PICTURE)
        if document.is_picture:
            answer = await self._send_file(address, card, document, self._bot.send_photo, "photo")
        if isinstance(answer, Refused) and answer.why in (Why.PICTURE, Why.OTHER):
            send = partial(self._bot.send_document, disable_content_type_detection=True)
            answer = await self._send_file(address, card, document, send, "document")
        return answer

    async def _send_file(
        self,
        address: Address,
        card: Card,
        document: Document,
        send: Callable[..., Awaitable[Message]],
        kind: str,
    ) -> Address | Trouble:
        async def call(*, markup: bool) -> Message | Trouble:
            caption, mode = self.words(card, CAPTION, markup=markup)
            return await made(
                send(
                    **{kind: InputFile(document.content, filename=document.name)},
                    caption=caption,
                    parse_mode=mode,
                    reply_markup=keyboard_of(card, self.language),
                    **place_of(address),
                )
            )

        answer = await readable(call)
        return address.at(answer.message_id, media=True) if isinstance(answer, Message) else answer

    def fits_below(self, card: Card) -> bool:
        """Whether a picture can have the whole card below it."""
        return self.words(card, CAPTION) == self.words(card, TEXT)

    async def redraw(self, address: Address, card: Card, more: More = ()) -> Address | Trouble:
        """What is written on a message, and its buttons; its picture stays."""

        async def call(*, markup: bool) -> object:
            return await self._written(address, card, more, markup=markup)

        message = address.chat, address.message
        if self._looks.get(message) == self._look(address, card, more):
            return address
        answer = await readable(call)
        if isinstance(answer, Refused) and answer.why in (Why.IS_MEDIA, Why.IS_TEXT):
            address = replace(address, media=answer.why is Why.IS_MEDIA)
            answer = await readable(call)
        if isinstance(answer, Trouble) and answer != Refused(Why.SAME):
            self._looks.drop(message)
            return answer
        self._looks.put(message, self._look(address, card, more))
        return address

    async def _written(self, address: Address, card: Card, more: More, *, markup: bool) -> object:
        text, mode = self.words(card, CAPTION if address.media else TEXT, markup=markup)
        keyboard = keyboard_of(card, self.language, more)
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
        text, _ = self.words(card, CAPTION if address.media else TEXT)
        return text, keyboard_of(card, self.language, more)

    def words(self, card: Card, limit: int, *, markup: bool = True) -> tuple[str, str | None]:
        """A card within ``limit``, and how Telegram is to read it."""
        text = html_of(card, self.language, limit)
        return (text, ParseMode.HTML) if markup else (without_markup(text), None)

    async def delete(self, chat: int, messages: Sequence[int]) -> Trouble | None:
        """None when they are gone, as those are that went before."""
        answer = await changed(self._bot.delete_messages(chat, list(messages)[:MOST_DELETED]))
        return answer if isinstance(answer, Trouble) else None

    async def say_that_a_picture_comes(self, address: Address) -> Trouble | None:
        """A line above the chat, for five seconds."""
        answer = await changed(
            self._bot.send_chat_action(
                address.chat, ChatAction.UPLOAD_PHOTO, message_thread_id=address.thread or None
            )
        )
        return answer if isinstance(answer, Trouble) else None


def place_of(address: Address) -> dict[str, Any]:
    """Where a new message goes, and what it answers: our own reply where there is one."""
    answers = address.message or address.answers
    return {
        "chat_id": address.chat,
        "message_thread_id": address.thread or None,
        "reply_parameters": ReplyParameters(answers, allow_sending_without_reply=True) if answers else None,
    }


async def readable(call: Callable[..., Awaitable[T]], *what: object) -> T:
    """``call`` with markup, and without if Telegram cannot read it: a fault of ours must cost no message."""
    answer = await call(*what, markup=True)
    return await call(*what, markup=False) if answer == Refused(Why.MARKUP) else answer
