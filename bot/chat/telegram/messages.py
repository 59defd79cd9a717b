"""What people write: commands, words without one, pictures, and answers to what they were asked."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.chat.telegram.albums import Albums
from bot.chat.telegram.asking import Asking, offer, words_question
from bot.chat.telegram.door import Door
from bot.chat.telegram.greetings import Greetings
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.painting import Painting
from bot.chat.telegram.pictures import Pictures, as_json, from_json
from bot.chat.telegram.questions import Question, Questions
from bot.chat.telegram.scenes import Rights, Scene, Scenes
from bot.chat.telegram.updates import ChatKind, Command, Incoming, SenderKind
from bot.chat.telegram.words import read_call
from bot.domain.errors import FairbrushError, FlagError, TemplateNotFound
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb, decode
from bot.presentation.flags import CHAT, parse_line
from bot.presentation.help_cards import start_card
from bot.presentation.specs import IMAGINE, Commands
from bot.service.call_lines import unknown_command
from bot.service.reception import Reception, refusal

log = logging.getLogger(__name__)

DEEP_LINK = "job_"
"""``t.me/<bot>?start=job_<id>`` brings a result."""
START = "start"
_COMMAND = re.compile(r"/\w+(?:@\w+)?\s*")


@dataclass(frozen=True, slots=True)
class Offered:
    """One moment's commands. ``names``: of ours by Telegram's, which knows no dashes."""

    commands: Commands
    names: Mapping[str, str]

    def known(self, name: str) -> str | None:
        return name if name == START else self.names.get(name)


@dataclass(frozen=True, slots=True)
class Messages:
    """``username``, ``bot``: the bot's own, and its id."""

    reception: Reception
    outcomes: Outcomes
    asking: Asking
    questions: Questions
    painting: Painting
    pictures: Pictures
    albums: Albums
    scenes: Scenes
    door: Door
    rights: Rights
    greetings: Greetings
    offered: Callable[[], Offered]
    username: Callable[[], str]
    bot: int

    async def handle(self, message: Incoming) -> None:
        # What was edited has been answered before.
        if message.edited or message.sender.kind is SenderKind.BOT:
            return
        if message.album:
            speaker = await self.albums.whole(message)
            if speaker is None:
                return
            message = speaker
        if message.forwarded:
            # It was said to somebody else: as a command it means nothing here.
            message = replace(message, command=None)
        command, private = message.command, message.chat.kind is ChatKind.PRIVATE
        if command is not None and not self._is_ours(command, private=private):
            return
        scene = self.scenes.of(message)
        try:
            if command is not None:
                await self._command(command, message, scene)
            elif private or self._is_reply_to_us(message):
                await self._said(message, scene, private=private)
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", scene.event, error.code, error.cause)
            await self.outcomes.tell(scene, refusal(error, scene.asker, event=scene.event))
        except Exception:
            log.exception("stumbled over %s", scene.event)
            await self.outcomes.tell(scene, refusal(stumbled(), scene.asker, event=scene.event))

    def _is_ours(self, command: Command, *, private: bool) -> bool:
        """In groups with several bots, each is silent about what it does not know."""
        if command.to:
            return command.to.casefold() == self.username().casefold()
        return private or self.offered().known(command.name) is not None

    def _is_reply_to_us(self, message: Incoming) -> bool:
        replied = message.replied
        return replied is not None and replied.sender is not None and replied.sender.id == self.bot

    # Commands

    async def _command(self, command: Command, message: Incoming, scene: Scene) -> None:
        offered, user = self.offered(), message.sender.id
        name = offered.known(command.name)
        paints = name is not None and offered.commands.paints(name)
        await self.door.admit(message.chat, message.sender, paints=paints)
        if message.chat.kind is ChatKind.PRIVATE:
            await self.questions.pass_over(message.chat.id, user, self.asking.now())
        spec = None if name is None else offered.commands.get(name)
        if name == START:
            await self._start(command.rest, scene)
        elif spec is None:
            raise unknown_command(command.name, list(offered.names))
        elif paints:
            sources = await self.pictures.of(message, scene.asker)
            await self.greetings.misses(message, len(sources))
            line = command.rest or ("" if sources else self._words_answered(message))
            await self.painting.by_line(spec, line, sources, scene)
        else:
            call = read_call(offered.commands, spec.name, command.rest, message)
            if call.words[0] == "admin" or (call.words[0] == "cancel" and call.options):
                scene = replace(scene, asker=await self.rights.of(scene.asker, message.chat))
                if scene.asker.moderator:
                    call = await self.rights.named(call, message.chat)
            outcome = await self.reception.command(call, scene.asker)
            # What a group's administrators do there is answered there, where they may.
            await self.outcomes.carry_out(scene, outcome, openly=scene.asker.moderator)

    def _words_answered(self, message: Incoming) -> str:
        """What somebody has said may be painted by answering it."""
        if message.replied is None or self._is_reply_to_us(message):
            return ""
        return words_of(message.replied.text)

    async def _start(self, payload: str, scene: Scene) -> None:
        if payload.startswith(DEEP_LINK):
            outcome = await self.reception.shared(payload.removeprefix(DEEP_LINK), scene.asker)
            await self.outcomes.carry_out(scene, outcome)
        else:
            await self.outcomes.tell(scene, start_card(scene.asker.name.removeprefix("@")))

    # What is no command

    async def _said(self, message: Incoming, scene: Scene, *, private: bool) -> None:
        to_us = self._is_reply_to_us(message)
        replied = message.replied.message if to_us and message.replied is not None else 0
        chat, user = message.chat.id, message.sender.id
        question = await self.questions.find(
            chat, user, replied, self.asking.now(), alone=private and not replied
        )
        if question is not None:
            await self.door.admit(message.chat, message.sender)
            await self._answered(question, message, scene)
            await self.questions.close(chat, user, question, self.asking.now())
        elif private and (message.files or message.text):
            await self.door.admit(message.chat, message.sender)
            await self._bare(message, scene)

    async def _answered(self, question: Question, message: Incoming, scene: Scene) -> None:
        """Raises FairbrushError for an answer that is none; then it may be answered once more."""
        match question.about:
            case {"form": str(form)}:
                if not message.text:
                    raise FlagError(Text("Answer with words, please."))
                await self._reworded(form, message.text, scene)
            case {"command": str(command), **more}:
                spec = self.offered().commands.get(command)
                if spec is None:
                    raise TemplateNotFound(
                        Text("This command is not there any more. Look at the list of commands.")
                    )
                own = await self.pictures.of(replace(message, replied=None), scene.asker)
                sources = own or tuple(from_json(more.get("pictures")))
                await self.painting.by_line(spec, message.text, sources, scene)

    async def _reworded(self, form: str, line: str, scene: Scene) -> None:
        action = decode(form)
        if not isinstance(action, OnRequest) or action.verb is not Verb.EDIT:
            raise FlagError(Text("This form is of another version. Open it again."))
        private = self.reception.is_private(parse_line(line, CHAT), scene.asker)
        placed = await self.painting.placed(scene, private=private)
        if placed is not None:
            outcome = await self.reception.reword(action.request, line, scene.asker, placed.origin())
            await self.outcomes.carry_out(placed, outcome)

    async def _bare(self, message: Incoming, scene: Scene) -> None:
        """A message to the bot alone that is no command: its meaning is offered, with one tap."""
        for file in message.files[:1]:
            self.pictures.uploads.refuse(file)
        if message.text:
            await self.outcomes.tell(scene, offer(words_of(message.text)))
            return
        sources = await self.pictures.of(message, scene.asker)
        about = {"command": IMAGINE, "pictures": [as_json(source) for source in sources]}
        await self.asking.ask(scene, words_question(given=True), about)


def words_of(text: str) -> str:
    """Without a command before them: what was passed on may hold one."""
    found = _COMMAND.match(text)
    return text[found.end() :] if found else text


def stumbled() -> FairbrushError:
    return FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
