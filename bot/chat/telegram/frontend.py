"""What people do in Telegram goes to the reception, and what follows from it is shown.

An update may come here once more after a restart: what is asked for is known by its message or its press, and
is accepted once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.chat.telegram.address import Address
from bot.chat.telegram.originals import is_original
from bot.chat.telegram.outcomes import Outcomes, Scene
from bot.chat.telegram.questions import Questions
from bot.chat.telegram.reading import read
from bot.chat.telegram.updates import (
    Chat,
    ChatKind,
    FileKind,
    FileRef,
    Incoming,
    Membership,
    Pressed,
    Sender,
    SenderKind,
)
from bot.chat.telegram.updates import Command as TypedCommand
from bot.chat.telegram.uploads import Uploads
from bot.chat.telegram.words import identity_of, name_of, read_call
from bot.domain.errors import FairbrushError, FlagError, NotAccepting, NotAllowed
from bot.domain.text import Text
from bot.presentation.actions import Action, OnExample, OnPicture, OnRequest, Verb, decode
from bot.presentation.card_denied import error_card
from bot.presentation.cards import Button, Card, CardState, Code, Command, Style
from bot.presentation.flags import CHAT, Ask, parse_line
from bot.presentation.help_cards import start_card
from bot.presentation.language import Languages
from bot.presentation.nearest import nearest
from bot.presentation.specs import Commands
from bot.service.gate import Asker
from bot.service.outcomes import Call, Nothing, Outcome, Tell
from bot.service.reception import Reception, refusal

log = logging.getLogger(__name__)

DEEP_LINK = "job_"
"""``t.me/<bot>?start=job_<id>`` brings a result."""
ALBUM_SECONDS = 1.5
"""The pieces of an album come one after the other, within about this time."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One moment's commands. ``names``: of ours by Telegram's, which knows no dashes."""

    commands: Commands
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in. ``chats``: where the bot answers; empty: anywhere. ``group_admins``: whoever looks
    after a group in Telegram may cancel and block there."""

    admins: frozenset[int] = frozenset()
    chats: frozenset[int] = frozenset()
    group_admins: bool = True


@dataclass(frozen=True, slots=True)
class Updates:
    """What follows from each update. ``username``: the bot's own."""

    reception: Reception
    outcomes: Outcomes
    questions: Questions
    uploads: Uploads
    door: Door
    languages: Languages
    offered: Callable[[], Offered]
    username: Callable[[], str]
    looks_after: Callable[[int, int], Awaitable[bool]]
    """Whether somebody looks after a group."""
    sleep: Callable[[float], Awaitable[None]]

    async def handle(self, raw: Mapping[str, Any]) -> None:
        match read(raw):
            case Incoming() as message:
                await self._message(message)
            case Pressed() as pressed:
                await self._pressed(pressed)
            case Membership(inside=True, chat=chat, by=by):
                await self._welcomed(chat, by)

    # Messages

    async def _message(self, message: Incoming) -> None:
        self.uploads.note(message)
        if message.moved_to:
            self.outcomes.screen.upgraded(message.chat.id, message.moved_to)
        # What was edited has been answered before, and what is passed on was said to somebody else.
        if message.edited or message.forwarded or message.sender.kind is SenderKind.BOT:
            return
        command, private = message.command, message.chat.kind is ChatKind.PRIVATE
        if command is not None and command.to and command.to.casefold() != self.username().casefold():
            return
        scene = self._scene(message)
        try:
            if command is None:
                await self._said(message, scene, private=private)
            elif private or command.to or self._known(command.name):
                self._admit(message.chat, message.sender)
                await self.questions.drop(message.chat.id, message.sender.id)
                await self._command(command, message, scene)
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", scene.event, error.code, error.cause)
            await self.outcomes.refuse(scene, refusal(error, scene.asker))
        except Exception:
            log.exception("stumbled over %s", scene.event)
            await self.outcomes.refuse(scene, error_card(_stumbled()))

    def _known(self, name: str) -> str | None:
        return name if name == "start" else self.offered().names.get(name)

    async def _command(self, command: TypedCommand, message: Incoming, scene: Scene) -> None:
        name, rest = self._known(command.name), command.rest
        if name is None:
            raise unknown_command(command.name, list(self.offered().names))
        if name == "start":
            await self._start(rest, scene)
        elif self.offered().commands.paints(name):
            await self._paint(name, rest, message, scene)
        else:
            call = read_call(self.offered().commands, name, rest, message)
            scene = replace(scene, asker=await self._with_rights(scene.asker, message, call))
            await self._follow_up(scene, await self.reception.command(call, scene.asker))

    async def _start(self, payload: str, scene: Scene) -> None:
        if payload.startswith(DEEP_LINK):
            wanted = payload.removeprefix(DEEP_LINK)
            outcome = await self.reception.command(Call(("show",), {"job": wanted}), scene.asker)
            await self._follow_up(scene, outcome)
        else:
            await self._follow_up(scene, Tell(start_card(scene.asker.name.removeprefix("@"))))

    async def _paint(self, command: str, rest: str, message: Incoming, scene: Scene) -> None:
        if message.album:
            await self.sleep(ALBUM_SECONDS)
        files = self.uploads.of(message)
        if not rest and not files:
            await self._ask_for_words(command, scene)
            return
        ask = _with_files(parse_line(rest, CHAT), files)
        scene = self._for(ask, scene)
        images = await self.uploads.fetch_all(files)
        origin = scene.origin(command=command)
        await self._follow_up(scene, await self.reception.paint(ask, scene.asker, origin, images))

    def _for(self, ask: Ask, scene: Scene) -> Scene:
        """Where the reply goes: what only they shall see goes into the chat with them."""
        private = self.reception.is_private(ask, scene.asker)
        return scene.alone() if private and scene.address.is_group else replace(scene, private=private)

    async def _ask_for_words(self, command: str, scene: Scene) -> None:
        card = Card(
            CardState.QUESTION,
            Text("What shall I paint?"),
            lines=(Text("Answer this message with a few words, like: a lighthouse at dusk --ar 3:2"),),
        )
        await self._ask(scene, card, {"command": command})

    async def _ask(self, scene: Scene, card: Card, about: Mapping[str, Any]) -> None:
        chat, user = scene.address.chat, scene.address.user
        now = self.reception.usecases.gate.clock.now()
        await self.questions.ask(chat, user, about, now)
        await self.questions.asked(chat, user, await self.outcomes.ask(scene, card))

    # What is no command

    async def _said(self, message: Incoming, scene: Scene, *, private: bool) -> None:
        replied = message.replied.message if message.replied is not None else 0
        now = self.reception.usecases.gate.clock.now()
        about = await self.questions.answered(message.chat.id, message.sender.id, replied, now, alone=private)
        if about is not None:
            self._admit(message.chat, message.sender)
            await self._answered(about, message, scene)
        elif private:
            self._admit(message.chat, message.sender)
            await self._bare(message, scene)

    async def _bare(self, message: Incoming, scene: Scene) -> None:
        """A message to the bot alone that is no command: its meaning is offered, with one tap."""
        if message.files:
            if message.album and not message.text:
                return  # the piece with the words, if there is one, speaks for all
            file = message.files[0]
            if not file.is_picture:
                await self.uploads.fetch(file)  # raises what is wrong with it
            card = Card(
                CardState.QUESTION,
                Text("What shall it become?"),
                lines=(Text("Answer this message with a few words, and your picture is painted again."),),
            )
            await self._ask(scene, card, {"picture": _file_as_json(file)})
        elif message.text:
            paint = Button(OnExample(), Text("Paint it"), "🖌️", Style.PRIMARY)
            card = Card(
                CardState.QUESTION,
                Text("Shall I paint that?"),
                prompt_text=message.text,
                buttons=((paint,),),
            )
            await self.outcomes.tell(scene, card)

    async def _answered(self, about: Mapping[str, Any], message: Incoming, scene: Scene) -> None:
        if not message.text:
            raise FlagError(Text("Answer with words, please."))
        match about:
            case {"command": str(command)}:
                await self._paint(command, message.text, replace(message, replied=None), scene)
            case {"form": str(form)}:
                outcome = await self.reception.fill(
                    decode(form), {"prompt": message.text}, scene.asker, scene.origin()
                )
                await self._follow_up(scene, outcome)
            case {"picture": dict(file)}:
                key = f"{message.message}"
                fetching = self.uploads.fetch(_file_from_json(file))
                self.reception.cloakroom.hand_in(key, fetching, scene.asker.identity)
                outcome = await self.reception.fill(
                    OnPicture(key), {"prompt": message.text}, scene.asker, scene.origin()
                )
                await self._follow_up(scene, outcome)

    # Buttons

    async def _pressed(self, pressed: Pressed) -> None:
        if pressed.chat is None or not pressed.message:
            return await self.outcomes.toast(pressed.query, None)
        action = decode(pressed.data)
        scene = self._pressed_scene(pressed, pressed.chat)
        if self.reception.is_repeat(action, scene.asker):
            return await self.outcomes.toast(pressed.query, None)
        async with self.outcomes.answering(pressed.query):
            try:
                self._admit(pressed.chat, pressed.sender)
                outcome = await self._press(action, pressed, scene)
            except FairbrushError as error:
                log.info("refused %s: %s (%s)", scene.event, error.code, error.cause)
                await self.outcomes.refuse_press(pressed.query, scene, refusal(error, scene.asker, action))
                return None
            except Exception:
                log.exception("stumbled over %s", scene.event)
                await self.outcomes.refuse_press(pressed.query, scene, error_card(_stumbled()))
                return None
        if isinstance(action, OnRequest) and is_original(action):
            await self.outcomes.original(scene, action)
        else:
            await self._follow_up(scene, outcome)
        return None

    async def _press(self, action: Action | None, pressed: Pressed, scene: Scene) -> Outcome:
        if isinstance(action, OnExample) and action.number is None:
            if not pressed.answered:
                raise FlagError(Text("I cannot see that message any more. Send the words again."))
            ask = parse_line(pressed.answered, CHAT)
            return await self.reception.paint(ask, scene.asker, scene.origin(), {})
        asker = scene.asker
        if isinstance(action, OnRequest) and action.verb is Verb.CANCEL:
            asker = await self._with_group_rights(asker, pressed.chat)
        return await self.reception.press(action, asker, scene.origin())

    # Who and where

    async def _welcomed(self, chat: Chat, by: Sender) -> None:
        if chat.kind is ChatKind.PRIVATE or chat.kind is ChatKind.CHANNEL:
            return
        if self.door.chats and chat.id not in self.door.chats and by.id not in self.door.admins:
            return
        scene = Scene(self._asker(by, chat), Address(chat.id, user=by.id), f"telegram:in:{chat.id}", "")
        card = Card(
            CardState.INFO,
            Text("Hello"),
            lines=(
                Text("Say what you want to see: {command} a lighthouse at dusk", command=Command("imagine")),
                Text("Everybody shares one graphics card, and everybody gets a fair turn."),
            ),
            notes=(
                Text(
                    "In groups I see commands and answers to my messages, and nothing else. To begin with a "
                    "picture, answer it with {command}.",
                    command=Code("/imagine …"),
                ),
            ),
        )
        await self.outcomes.tell(scene, card)

    def _admit(self, chat: Chat, sender: Sender) -> None:
        """Raise NotAccepting and NotAllowed for those for whom the bot does nothing."""
        chats = self.door.chats
        if chats and chat.id not in chats and sender.id not in self.door.admins:
            raise NotAccepting(Text("Its operator has not opened this bot for this chat."))
        if sender.kind is SenderKind.ANONYMOUS:
            raise NotAllowed(
                Text(
                    "You speak as the group, so I cannot tell whose quota it is. Turn off “Remain anonymous” "
                    "in the group's administrators, or ask in a private chat."
                )
            )
        if sender.kind is SenderKind.CHANNEL:
            raise NotAllowed(Text("Channels have no quota. Speak as yourself, or ask in a private chat."))

    def _scene(self, message: Incoming) -> Scene:
        asker = self._asker(message.sender, message.chat)
        address = Address(
            message.chat.id, thread=message.thread, answers=message.message, user=message.sender.id
        )
        event = f"telegram:{message.chat.id}:{message.message}"
        return Scene(asker, address, event, self._language(message.sender, message.chat))

    def _pressed_scene(self, pressed: Pressed, chat: Chat) -> Scene:
        asker = self._asker(pressed.sender, chat)
        address = Address(chat.id, thread=pressed.thread, answers=pressed.message, user=pressed.sender.id)
        card = Address(chat.id, pressed.message, pressed.thread, user=pressed.sender.id, media=pressed.media)
        event = f"telegram:press:{pressed.query}"
        return Scene(asker, address, event, self._language(pressed.sender, chat), card=card)

    def _asker(self, sender: Sender, chat: Chat) -> Asker:
        group = chat.kind is not ChatKind.PRIVATE
        return Asker(
            identity_of(sender.id),
            name_of(sender),
            admin=sender.id in self.door.admins,
            place=f"telegram:chat:{chat.id}" if group else "",
        )

    async def _with_rights(self, asker: Asker, message: Incoming, call: Call) -> Asker:
        """With the rights of a group's own administrators, where a command asks for them."""
        needed = call.words[0] == "admin" or (call.words[0] == "cancel" and bool(call.options))
        return await self._with_group_rights(asker, message.chat) if needed else asker

    async def _with_group_rights(self, asker: Asker, chat: Chat | None) -> Asker:
        if asker.admin or not asker.place or not self.door.group_admins or chat is None:
            return asker
        user = int(asker.identity.removeprefix("telegram:"))
        return replace(asker, moderator=await self.looks_after(chat.id, user))

    def _language(self, sender: Sender, chat: Chat) -> str:
        """One reads one's own language; what a group reads is in the operator's."""
        alone = chat.kind is ChatKind.PRIVATE
        return self.languages.of(sender.language if alone and sender.language else None).code

    async def _follow_up(self, scene: Scene, outcome: Outcome) -> None:
        question = await self.outcomes.carry_out(scene, outcome)
        if question is not None:
            await self._ask(scene, question.card, {"form": question.form})
        elif isinstance(outcome, Nothing):
            return


def unknown_command(name: str, known: Sequence[str]) -> FlagError:
    """With the nearest of those that there are."""
    close = nearest(name, known)
    if close is None:
        return FlagError(
            Text(
                "There is no command {command}. {help} lists those that there are.",
                command=Command(name),
                help=Command("help"),
            )
        )
    return FlagError(
        Text(
            "There is no command {command}. Did you mean {nearest}?",
            command=Command(name),
            nearest=Command(close),
        )
    )


def _with_files(ask: Ask, files: tuple[FileRef, ...]) -> Ask:
    """The first is where it starts from, the others are the template's further pictures, in their order."""
    if not files:
        return ask
    first, *others = files
    more = {f"input_image_{number}": file.key for number, file in enumerate(others, start=2)}
    return replace(ask, image=first.key, values={**ask.values, **more})


def _file_as_json(file: FileRef) -> dict[str, Any]:
    return {"id": file.file_id, "unique": file.unique_id, "kind": file.kind.value, "mime": file.mime}


def _file_from_json(found: Mapping[str, Any]) -> FileRef:
    kind = next((each for each in FileKind if each.value == found.get("kind")), FileKind.DOCUMENT)
    return FileRef(
        str(found.get("id", "")), str(found.get("unique", "")), kind, mime=str(found.get("mime", ""))
    )


def _stumbled() -> FairbrushError:
    return FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
