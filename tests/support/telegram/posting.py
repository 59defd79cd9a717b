"""Messages into chats: made, published, edited, deleted; and which of them the bot hears of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.telegram.chats import CHANNEL, GROUP, PRIVATE, SUPERGROUP, Chat
from tests.support.telegram.failures import Json
from tests.support.telegram.html import sliced
from tests.support.telegram.members import User
from tests.support.telegram.messages import Content, Message

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld


class Posting:
    def __init__(self, world: TelegramWorld) -> None:
        self._world = world
        self._albums = 13_000_000_000

    def next_album(self) -> str:
        self._albums += 1
        return str(self._albums)

    def make(self, chat: Chat, sender: User | None, *, sent_ago: float = 0.0, **about: Any) -> Message:
        """A message that is not there yet. ``sent_ago``: seconds."""
        born = self._world.now() - round(sent_ago * 1000)
        message = Message(chat, chat.next_id(), born, sender, **about)
        if chat.kind == SUPERGROUP and not chat.forum and message.reply_to is not None:
            # Answers make a thread, named by the message that it began with.
            message.thread = message.reply_to.thread or message.reply_to.id
        return message

    def publish(self, message: Message) -> Message:
        chat = message.chat
        chat.by_id[message.id] = message
        message.look(self._world.now(), self._world.clock.monotonic())
        if not message.outgoing and self.hears(message):
            self._tell("channel_post" if chat.kind == CHANNEL else "message", message)
        self._world.changed.fire()
        return message

    def service(self, chat: Chat, by: User | None, what: Json, **about: Any) -> Message:
        """A message that tells what happened."""
        return self.publish(self.make(chat, by, service=what, **about))

    def edit(self, message: Message, content: Content, keyboard: Json | None) -> None:
        """It looks different from now on. Keyboards alone do not make it «edited»."""
        if not content.same_as(message.content):
            message.edited = self._world.now()
        message.content, message.keyboard = content, keyboard
        message.look(self._world.now(), self._world.clock.monotonic())
        if not message.outgoing and self.hears(message):
            self._tell("edited_channel_post" if message.chat.kind == CHANNEL else "edited_message", message)
        self._world.changed.fire()

    def delete(self, message: Message) -> None:
        message.deleted = True
        self._world.changed.fire()

    def _tell(self, kind: str, message: Message) -> None:
        self._world.tell(kind, message.json(), message.chat.id)

    # Privacy mode: https://core.telegram.org/bots/features#privacy-mode

    def hears(self, message: Message) -> bool:
        """Whether the bot is told of a message that somebody else wrote."""
        chat = message.chat
        if chat.kind == PRIVATE:
            return chat.bot.present
        if self._world.bot.id not in chat.members or not chat.bot.present:
            return False
        if chat.kind == CHANNEL:
            return chat.bot.admin
        if message.service is not None or chat.bot.admin or not self._world.privacy:
            return True
        answered = message.reply_to
        return (answered is not None and answered.outgoing) or self._is_meant(message)

    def _is_meant(self, message: Message) -> bool:
        """A command that is not another bot's, or the bot's name in it."""
        words, name = message.content.words, f"@{self._world.bot.username}".lower()
        for entity in words.entities:
            said = sliced(words.text, entity["offset"], entity["length"]).lower()
            if entity["type"] == "bot_command" and entity["offset"] == 0:
                return "@" not in said or said.endswith(name)
            if entity["type"] == "mention" and said == name:
                return True
        return False

    def migrate(self, chat: Chat, by: User) -> Chat:
        """A group becomes a supergroup, with a new id. Its messages stay behind."""
        assert chat.kind == GROUP
        made = self._world.place(SUPERGROUP, chat.title, forum=False)
        made.members = {each: replace(member) for each, member in chat.members.items()}
        self.service(chat, by, {"migrate_to_chat_id": made.id})
        chat.upgraded = made
        self.service(made, by, {"migrate_from_chat_id": chat.id})
        return made
