"""The table of methods, and what those of sending and editing have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.support.telegram import entities
from tests.support.telegram.calls import Call
from tests.support.telegram.chats import Chat, chat_not_found
from tests.support.telegram.failures import bad
from tests.support.telegram.html import Marked
from tests.support.telegram.messages import Message

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

Handler = Callable[[Call], Any] | Callable[[Call], Awaitable[Any]]


def chat_of(world: TelegramWorld, call: Call, name: str = "chat_id") -> Chat:
    """The chat that a request names. Raises :class:`ApiError`."""
    text = call.text(name)
    if not text:
        raise bad("chat_id is empty")
    if text.startswith("@"):
        for chat in world.chats.values():
            if chat.username and chat.username.lower() == text[1:].lower():
                return chat
        raise chat_not_found()
    try:
        number = int(text)
    except ValueError:
        raise chat_not_found() from None
    chat = world.chats.get(number)
    if chat is None:
        raise chat_not_found()
    return chat


def message_of(chat: Chat, number: int, what: str) -> Message:
    """A message that can be seen. ``what``: "message to edit" … Raises :class:`ApiError`."""
    message = chat.by_id.get(number)
    if message is None or message.deleted:
        raise bad(f"{what} not found")
    return message


def words_of(call: Call) -> Marked:
    """The text of a message. Raises :class:`ApiError`."""
    text = call.text("text")
    if not text:
        raise bad("message text is empty")
    marked = entities.sent(
        text, call.text("parse_mode"), call.parsed("entities"), most=entities.TEXT, what="Message"
    )
    if not marked.text:
        raise bad("text must be non-empty")
    return marked


def caption_of(call: Call) -> Marked:
    said = call.text("caption"), call.text("parse_mode"), call.parsed("caption_entities")
    return entities.sent(*said, most=entities.CAPTION, what="Message caption")
