"""When the bot comes into a group, when a group changes, and what it does not see there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.chat.telegram.door import Door
from bot.chat.telegram.latest import Latest
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.scenes import Scenes
from bot.chat.telegram.updates import Chat, ChatKind, Incoming, Membership
from bot.domain.text import Text
from bot.presentation.cards import Card, CardState, Code, Command

REMEMBERED = 500
"""Groups that have been told what the bot does not see."""


@dataclass(frozen=True, slots=True)
class Greetings:
    """``tell``: the operator. ``reads_all``: whether the bot was made to see all that is said in groups."""

    outcomes: Outcomes
    scenes: Scenes
    door: Door
    tell: Callable[[Text], None]
    reads_all: Callable[[], bool]
    _explained: Latest[int, bool] = field(default_factory=lambda: Latest(REMEMBERED))

    async def arrived(self, membership: Membership) -> None:
        chat, by = membership.chat, membership.by
        if not membership.came or chat.kind in (ChatKind.PRIVATE, ChatKind.CHANNEL):
            return
        if not await self.door.is_open(chat, by):
            self.tell(
                Text(
                    "The bot was brought into the Telegram group “{title}”, where it answers nobody: its id "
                    "{id} is not in telegram.allowed_chat_ids.",
                    title=chat.title,
                    id=chat.id,
                )
            )
            return
        sees_all = membership.administrator or self.reads_all()
        await self.outcomes.tell(self.scenes.of_arrival(chat, by), hello(sees_all=sees_all))

    async def moved(self, chat: Chat, supergroup: int) -> None:
        """A group has become a supergroup, and has another id now."""
        self.outcomes.screen.upgraded(chat.id, supergroup)
        if await self.door.moved(chat.id, supergroup):
            self.tell(
                Text(
                    "The Telegram group “{title}” has another id now: replace {old} by {new} in "
                    "telegram.allowed_chat_ids. Until then both are let in.",
                    title=chat.title,
                    old=chat.id,
                    new=supergroup,
                )
            )

    async def misses(self, message: Incoming, pictures: int) -> None:
        """Of an album the bot may see no more than the piece with its command: say why, once in a group."""
        chat = message.chat
        if not message.album or pictures != 1 or chat.kind is ChatKind.PRIVATE:
            return
        if self._explained.get(chat.id):
            return
        self._explained.put(chat.id, True)
        self.tell(
            Text(
                "In Telegram groups the bot sees commands and answers to its messages alone, so that it "
                "missed pictures of an album. To change that, let it see everything (@BotFather, "
                "/setprivacy, then bring it into the group anew), or make it an administrator there."
            )
        )
        card = Card(
            CardState.INFO,
            Text("I see one picture of this album"),
            lines=(
                Text("Telegram shows bots in groups only the picture with the command below it."),
                Text(
                    "Send me the album in a private chat, or ask an administrator of this group to make me "
                    "one, so that I see all of it."
                ),
            ),
        )
        await self.outcomes.tell(self.scenes.of(message), card)


def hello(*, sees_all: bool) -> Card:
    """The first words in a group."""
    note = (
        Text("To begin with a picture, answer it with {command}.", command=Code("/imagine …"))
        if sees_all
        else Text(
            "In groups I see commands and answers to my messages, and nothing else. To begin with a picture, "
            "answer it with {command}.",
            command=Code("/imagine …"),
        )
    )
    return Card(
        CardState.INFO,
        Text("Hello"),
        lines=(
            Text("Say what you want to see: {command} a lighthouse at dusk", command=Command("imagine")),
            Text("Everybody shares one graphics card, and everybody gets a fair turn."),
        ),
        notes=(note,),
    )
