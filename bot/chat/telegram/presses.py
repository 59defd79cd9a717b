"""Buttons. What they mean is in their data, which anybody may forge, on messages of any age."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from bot.chat.telegram.answers import TOAST, Answers
from bot.chat.telegram.asking import Asking, form_question
from bot.chat.telegram.door import Door
from bot.chat.telegram.messages import stumbled, words_of
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.painting import Painting
from bot.chat.telegram.pictures import Pictures
from bot.chat.telegram.render import plain_of
from bot.chat.telegram.scenes import Rights, Scene, Scenes
from bot.chat.telegram.updates import Chat, Pressed
from bot.domain.errors import FairbrushError, FlagError, NotYours
from bot.domain.text import Text
from bot.presentation.actions import Action, Danger, OnExample, OnQuestion, OnRequest, Verb, decode, encode
from bot.presentation.cards import Card
from bot.presentation.flags import CHAT, parse_line
from bot.presentation.help_cards import EXAMPLES
from bot.presentation.specs import IMAGINE
from bot.service.first_answers import First, first_answer, paints
from bot.service.outcomes import Nothing, Outcome, Remove
from bot.service.reception import Reception, refusal

log = logging.getLogger(__name__)

_OF_A_GROUP = frozenset({Danger.CANCEL, Danger.BLOCK})
"""What a group's own administrators may do there."""


@dataclass(frozen=True, slots=True)
class Presses:
    reception: Reception
    outcomes: Outcomes
    answers: Answers
    asking: Asking
    painting: Painting
    pictures: Pictures
    scenes: Scenes
    door: Door
    rights: Rights

    async def handle(self, pressed: Pressed) -> None:
        chat = pressed.chat
        if chat is None or not pressed.message:
            await self.answers.give(pressed.query)
            return
        action = decode(pressed.data)
        scene = self.scenes.of_press(pressed, chat)
        if self.reception.is_repeat(action, scene.asker):
            await self.answers.give(pressed.query)
            return
        try:
            await self.door.admit(chat, pressed.sender, paints=action is None or paints(action))
            await self._follow(action, pressed, chat, scene)
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", scene.event, error.code, error.cause)
            await self._refuse(pressed, scene, refusal(error, scene.asker, action, event=scene.event))
        except Exception:
            log.exception("stumbled over %s", scene.event)
            await self._refuse(pressed, scene, refusal(stumbled(), scene.asker, event=scene.event))
        await self.answers.give(pressed.query)

    async def _follow(self, action: Action | None, pressed: Pressed, chat: Chat, scene: Scene) -> None:
        outcome = await self._outcome(action, pressed, chat, scene)
        if isinstance(outcome, Remove):
            # What cannot be deleted is said over the chat.
            stays = await self.outcomes.remove(scene, outcome.request)
            await self._say(pressed, scene, stays)
            return
        await self.answers.give(pressed.query)
        turn = action is not None and first_answer(action) is First.TURN
        openly = isinstance(action, OnQuestion) and action.danger in _OF_A_GROUP
        form = await self.outcomes.carry_out(scene, outcome, turn=turn, openly=openly)
        if form is not None:
            question = _at_the_presser(scene, pressed)
            await self.asking.ask(question, form_question(form), {"form": encode(form.action)})

    async def _outcome(self, action: Action | None, pressed: Pressed, chat: Chat, scene: Scene) -> Outcome:
        if isinstance(action, OnExample):
            await self._paint(action, pressed, chat, scene)
            return Nothing()
        if isinstance(action, OnRequest) and action.verb is Verb.CANCEL:
            return await self._cancel(action, chat, scene)
        if isinstance(action, OnQuestion) and action.danger in _OF_A_GROUP:
            asker = await self.rights.of(scene.asker, chat)
            return await self.reception.press(action, asker, scene.origin())
        if action is not None and paints(action):
            placed = await self.painting.placed(scene, private=self.reception.is_private_press(scene.asker))
            if placed is None:
                return Nothing()
            return await self.reception.press(action, scene.asker, placed.origin())
        return await self.reception.press(action, scene.asker, scene.origin())

    async def _paint(self, action: OnExample, pressed: Pressed, chat: Chat, scene: Scene) -> None:
        """An example, or what ours answered."""
        if action.number is not None:
            if not action.number < len(EXAMPLES):
                raise FlagError(
                    Text("This button is of another version, or not one of ours. Use the commands.")
                )
            await self.painting.paint(IMAGINE, parse_line(EXAMPLES[action.number], CHAT), (), scene)
            return
        replied = pressed.replied
        if replied is None:
            raise FlagError(Text("I cannot see that message any more. Send the words again."))
        sources = await self.pictures.of_replied(chat.id, replied, scene.asker)
        if replied.album and len(sources) < 2:
            raise FlagError(Text("I do not have the pictures of that album any more. Send it again."))
        await self.painting.paint(IMAGINE, parse_line(words_of(replied.text), CHAT), sources, scene)

    async def _cancel(self, action: OnRequest, chat: Chat, scene: Scene) -> Outcome:
        """Who looks after a group is asked of Telegram for others' pictures alone."""
        try:
            return await self.reception.press(action, scene.asker, scene.origin())
        except NotYours:
            asker = await self.rights.of(scene.asker, chat)
            if not asker.moderator:
                raise
            return await self.reception.press(action, asker, scene.origin())

    # Words to whoever pressed

    async def _refuse(self, pressed: Pressed, scene: Scene, card: Card) -> None:
        """Over the chat if there is still time, with a way on as a message where there is one."""
        language = self.outcomes.poster_in(scene.own).language
        shown = await self.answers.give(pressed.query, plain_of(card, language, TOAST))
        if card.all_buttons or not shown:
            await self.outcomes.whisper(scene, card)

    async def _say(self, pressed: Pressed, scene: Scene, text: Text | None) -> None:
        if text is not None:
            language = self.outcomes.poster_in(scene.own).language
            await self.answers.give(pressed.query, language.label(text)[:TOAST])


def _at_the_presser(scene: Scene, pressed: Pressed) -> Scene:
    """Apps open the field for an answer to those whose message a question replies to: in a group, that is
    better their own than the bot's."""
    replied = pressed.replied
    if replied is None or replied.sender is None or replied.sender.id != pressed.sender.id:
        return scene
    return replace(scene, address=replace(scene.address, answers=replied.message))
