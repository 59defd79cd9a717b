"""Questions, which Telegram has instead of forms: the answer is a reply, or what is said next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.questions import Questions
from bot.chat.telegram.scenes import Scene
from bot.domain.text import Text
from bot.presentation.actions import OnExample
from bot.presentation.cards import Button, Card, CardState, Code, Style
from bot.presentation.forms import Form
from bot.presentation.specs import CommandSpec


@dataclass(frozen=True, slots=True)
class Asking:
    """``now``: UTC milliseconds."""

    outcomes: Outcomes
    questions: Questions
    now: Callable[[], int]

    async def ask(self, scene: Scene, card: Card, about: Mapping[str, Any]) -> None:
        """Ask whoever did something; the answer is for ``about``."""
        chat, user, event = scene.address.chat, scene.address.user, scene.event
        if not await self.questions.ask(chat, user, event, about, self.now()):
            return

        async def asked(message: int) -> None:
            await self.questions.asked(chat, user, event, message, self.now())

        await self.outcomes.ask(scene, card, asked)


def needs(spec: CommandSpec) -> tuple[bool, bool]:
    """Whether a command paints from words alone, or with a picture alone; without them it asks."""
    required = {option.name for option in spec.options if option.required}
    return "prompt" in required, "image" in required


def words_question(*, given: bool) -> Card:
    """``given``: there is a picture already."""
    if given:
        return Card(
            CardState.QUESTION,
            Text("What shall it become?"),
            lines=(Text("Answer this message with a few words, and your picture is painted again."),),
        )
    return Card(
        CardState.QUESTION,
        Text("What shall I paint?"),
        lines=(Text("Answer this message with a few words, like: a lighthouse at dusk --ar 3:2"),),
    )


def picture_question(*, words: bool) -> Card:
    """``words``: some belong to it."""
    line = (
        Text("Answer this message with a picture, and a few words below it.")
        if words
        else Text("Answer this message with a picture, as a photo or a file.")
    )
    return Card(CardState.QUESTION, Text("Which picture?"), lines=(line,))


def offer(words: str) -> Card:
    """What was said without a command is painted at one tap."""
    paint = Button(OnExample(), Text("Paint it"), "🖌️", Style.PRIMARY)
    return Card(CardState.QUESTION, Text("Shall I paint that?"), prompt_text=words, buttons=((paint,),))


def form_question(form: Form) -> Card:
    lines = [
        Text("Answer this message with new words. The rest stays, unless you say flags, like --steps 30.")
    ]
    if form.line:
        lines.append(Text("Now it is: {line}", line=Code(form.line)))
    return Card(CardState.QUESTION, form.title, lines=tuple(lines))
