"""Interactions: one act of a user, which the bot answers once at once and for a quarter of an hour after.

Source: https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.discord import failures
from tests.support.discord.failures import Json
from tests.support.discord.ids import made_at
from tests.support.discord.signals import Signal

if TYPE_CHECKING:
    from tests.support.discord.guilds import Channel, Guild
    from tests.support.discord.messages import Message
    from tests.support.discord.users import User

FIRST_RESPONSE_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
MAX_FOREIGN_FOLLOWUPS = 5


class Kind(enum.Enum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(enum.Enum):
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


ON_A_MESSAGE = frozenset({Answer.DEFERRED_UPDATE, Answer.UPDATE})

ANSWERS = {
    Kind.COMMAND: frozenset({Answer.MESSAGE, Answer.DEFERRED_MESSAGE, Answer.MODAL}),
    Kind.COMPONENT: frozenset({Answer.MESSAGE, Answer.DEFERRED_MESSAGE, Answer.MODAL}) | ON_A_MESSAGE,
    Kind.AUTOCOMPLETE: frozenset({Answer.CHOICES}),
    Kind.MODAL: frozenset({Answer.MESSAGE, Answer.DEFERRED_MESSAGE}),
}


@dataclass(eq=False)
class Interaction:
    """``sent``: when the bot was told, UTC milliseconds. The id may say an earlier moment: from there the
    token ages, while the first response is due from ``sent`` on."""

    id: int
    token: str
    kind: Kind
    user: User
    channel: Channel
    sent: int
    upload_limit: int
    owners: dict[str, str]
    """Which installation of the app this is about: ``0`` a guild's id, ``1`` a user's."""
    command_type: int | None = None
    option_type: int | None = None
    """What kind of option autocomplete is about."""
    message: Message | None = None
    """The one whose component was used, or from which the modal came."""
    parent: Interaction | None = None
    """The one that a modal answered."""
    target_user: User | None = None
    target_message: Message | None = None
    payload: Json = field(default_factory=dict, repr=False)

    delivered: bool = False
    answer: Answer | None = None
    answered_at: int | None = None
    answered_seen: float | None = None
    """Seconds of the event loop."""
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    expired: bool = False
    signal: Signal = field(default_factory=Signal, repr=False)

    @property
    def guild(self) -> Guild | None:
        return self.channel.guild

    @property
    def foreign(self) -> bool:
        """Whether the app is there only because the user has it."""
        return "0" not in self.owners

    def answers(self) -> frozenset[Answer]:
        """The types that may answer it."""
        if self.kind is Kind.MODAL and self.message is not None:
            return ANSWERS[self.kind] | ON_A_MESSAGE
        return ANSWERS[self.kind]

    def check_first(self, now: int) -> None:
        """Raise unless the first response may come ``now``."""
        if self.answer is not None:
            raise failures.already_acknowledged()
        if now - self.sent > FIRST_RESPONSE_SECONDS * 1000:
            raise failures.unknown_interaction()

    def check_token(self, now: int) -> None:
        """Raise unless the token works ``now`` for edits and follow-ups."""
        if self.expired or now - made_at(self.id) > TOKEN_SECONDS * 1000:
            raise failures.invalid_webhook_token()
        if self.answer is None or self.answer in (Answer.CHOICES, Answer.MODAL):
            raise failures.unknown_webhook()

    def owns(self, message: Message) -> bool:
        return message is self.original or message in self.followups
