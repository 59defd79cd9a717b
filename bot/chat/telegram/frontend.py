"""What people do in Telegram goes to the reception, and what follows from it is shown.

An update may come here once more after a restart: what is asked for is known by its message or its press, and
is accepted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.chat.telegram.albums import Albums
from bot.chat.telegram.answers import Answers
from bot.chat.telegram.asking import Asking
from bot.chat.telegram.client import Client
from bot.chat.telegram.door import Door
from bot.chat.telegram.greetings import Greetings
from bot.chat.telegram.messages import Messages, Offered
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.painting import Painting
from bot.chat.telegram.pictures import Pictures
from bot.chat.telegram.presses import Presses
from bot.chat.telegram.questions import Questions
from bot.chat.telegram.reading import read
from bot.chat.telegram.scenes import Rights, Scenes
from bot.chat.telegram.updates import Incoming, Membership, Pressed
from bot.chat.telegram.uploads import Uploads
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.reception import Reception


@dataclass(frozen=True, slots=True)
class Updates:
    """What follows from each update."""

    messages: Messages
    presses: Presses
    greetings: Greetings
    albums: Albums
    answers: Answers

    def seen(self, raw: Mapping[str, Any]) -> None:
        """It has come, and is dealt with when it is its turn."""
        match read(raw):
            case Pressed(query=query):
                self.answers.expect(query)
            case Incoming() as message:
                self.albums.note(message)

    async def handle(self, raw: Mapping[str, Any]) -> None:
        match read(raw):
            case Incoming(moved_to=supergroup, chat=chat) if supergroup:
                await self.greetings.moved(chat, supergroup)
            case Incoming() as message:
                await self.messages.handle(message)
            case Pressed() as pressed:
                await self.presses.handle(pressed)
            case Membership() as membership:
                await self.greetings.arrived(membership)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the bot knows of Telegram. ``username``: its own; ``reads_all``: whether it was made to see all
    that is said in groups; ``tell``: the operator; ``most_bytes``: of a file that the server gives."""

    client: Client
    clock: Clock
    door: Door
    scenes: Scenes
    rights: Rights
    offered: Callable[[], Offered]
    username: Callable[[], str]
    reads_all: Callable[[], bool]
    tell: Callable[[Text], None]
    most_bytes: int


def make_updates(reception: Reception, outcomes: Outcomes, around: Surroundings) -> Updates:
    clock, client = around.clock, around.client
    albums = Albums(clock.monotonic, clock.sleep)
    answers = Answers(client, outcomes.background, clock.sleep)
    questions = Questions(reception.usecases.store)
    asking = Asking(outcomes, questions, clock.now)
    uploads = Uploads(client, clock.sleep, most_bytes=around.most_bytes)
    pictures = Pictures(uploads, albums, reception.follow_ups, client.number)
    painting = Painting(reception, outcomes, asking, pictures)
    greetings = Greetings(outcomes, around.scenes, around.door, around.tell, around.reads_all)
    messages = Messages(
        reception=reception,
        outcomes=outcomes,
        asking=asking,
        questions=questions,
        painting=painting,
        pictures=pictures,
        albums=albums,
        scenes=around.scenes,
        door=around.door,
        rights=around.rights,
        greetings=greetings,
        offered=around.offered,
        username=around.username,
        bot=client.number,
    )
    presses = Presses(
        reception=reception,
        outcomes=outcomes,
        answers=answers,
        asking=asking,
        painting=painting,
        pictures=pictures,
        scenes=around.scenes,
        door=around.door,
        rights=around.rights,
    )
    return Updates(messages, presses, greetings, albums, answers)
