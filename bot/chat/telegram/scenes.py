"""Who did something, and where: what is made of it goes there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.chat.telegram.address import Address
from bot.chat.telegram.updates import Chat, ChatKind, Incoming, Pressed, Sender
from bot.chat.telegram.words import Named, identity_of, name_of
from bot.domain.errors import NotFound
from bot.domain.text import Text
from bot.presentation.language import Languages
from bot.service.gate import Asker, Origin
from bot.service.outcomes import Call

PLATFORM = "telegram"
_USER = "user"
"""The option that names somebody."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``address``: where a reply to it goes; ``event``: unique; ``card``: the message that was pressed on,
    where it surely has that button: somebody may forge a press on what is another's.
    ``language``: the code of what is read there, ``own`` of what the person reads."""

    asker: Asker
    address: Address
    event: str
    language: str
    own: str
    card: Address | None = None
    private: bool = False

    def origin(self, *, command: str = "imagine") -> Origin:
        return Origin(
            platform=PLATFORM,
            event=self.event,
            reply=self.address.to_text(),
            private=self.private,
            command=command,
            options={"language": self.language},
        )

    def alone(self) -> Scene:
        """With the person alone."""
        return replace(self, address=self.address.direct(), card=None, private=True, language=self.own)


@dataclass(frozen=True, slots=True)
class Scenes:
    """``admins``: the operators' ids."""

    admins: frozenset[int]
    languages: Languages

    def of(self, message: Incoming) -> Scene:
        chat, sender = message.chat, message.sender
        address = Address(chat.id, thread=message.thread, answers=message.message, user=sender.id)
        return self._scene(sender, chat, address, f"{PLATFORM}:{chat.id}:{message.message}")

    def of_press(self, pressed: Pressed, chat: Chat) -> Scene:
        user = pressed.sender.id
        address = Address(chat.id, thread=pressed.thread, answers=pressed.message, user=user)
        card = None
        if pressed.data in pressed.buttons:
            card = Address(chat.id, pressed.message, pressed.thread, user=user, media=pressed.media)
        scene = self._scene(pressed.sender, chat, address, f"{PLATFORM}:press:{pressed.query}")
        return replace(scene, card=card)

    def of_arrival(self, chat: Chat, by: Sender) -> Scene:
        """Somebody brought the bot into a group: what is said there answers nothing."""
        return self._scene(by, chat, Address(chat.id, user=by.id), f"{PLATFORM}:in:{chat.id}")

    def _scene(self, sender: Sender, chat: Chat, address: Address, event: str) -> Scene:
        own = self.languages.of(sender.language or None).code
        # One reads one's own language; what a group reads is in the operator's.
        language = own if chat.kind is ChatKind.PRIVATE else self.languages.default.code
        return Scene(self._asker(sender, chat), address, event, language, own)

    def _asker(self, sender: Sender, chat: Chat) -> Asker:
        return Asker(
            identity_of(sender.id),
            name_of(sender),
            admin=sender.id in self.admins,
            place="" if chat.kind is ChatKind.PRIVATE else f"{PLATFORM}:chat:{chat.id}",
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """Whoever looks after a group in Telegram may cancel and block there, where the operator lets them.
    ``looks_after``: by the ids of a group and a person. ``find``: the id of whoever in a group has a user
    name; None for whom the bot does not know."""

    granted: bool
    looks_after: Callable[[int, int], Awaitable[bool]]
    find: Callable[[int, str], Awaitable[int | None]]

    async def of(self, asker: Asker, chat: Chat) -> Asker:
        if asker.admin or not asker.place or not self.granted:
            return asker
        user = int(asker.identity.removeprefix(f"{PLATFORM}:"))
        return replace(asker, moderator=await self.looks_after(chat.id, user))

    async def named(self, call: Call, chat: Chat) -> Call:
        """With those who were mentioned by their user names, which Telegram does not tell bots the ids of: in
        this group alone, for its administrators may know of nobody else. Raises NotFound."""
        options = dict(call.options)
        for name, value in call.options.items():
            if name == _USER and isinstance(value, str) and value.startswith("@"):
                found = await self.find(chat.id, value.removeprefix("@"))
                if found is None:
                    raise NotFound(
                        Text(
                            "I do not know {name} in this group. Answer a message of theirs instead.",
                            name=value,
                        )
                    )
                options[name] = Named(identity_of(found), value)
        return replace(call, options=options)
