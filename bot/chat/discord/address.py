"""Where a reply is: what of an interaction must be remembered to go on with it after a restart. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

_EPOCH_MS = 1_420_070_400_000
"""Snowflakes count from 2015."""
TOKEN_MS = 15 * 60_000
"""An interaction's token lives this long."""
TOKEN_MARGIN_MS = 90_000
"""Before its end the token is not used any more: an upload has to come through in time."""
SHOWINGS = 4
OLD_MS = 60 * 60_000
"""Messages older than this have a limit of their own."""


@dataclass(frozen=True, slots=True)
class Address:
    """One reply. ``reachable``: the bot may write to the channel with its own token (it is a member there,
    and the reply is not ephemeral). ``message`` is 0 while it is not known."""

    application: int
    interaction: int
    token: str
    channel: int
    guild: int = 0
    message: int = 0
    ephemeral: bool = False
    reachable: bool = True
    user: int = 0
    """Whom to write to directly when nothing else is left."""
    further: tuple[tuple[int, ...], ...] = ()
    """The ids of a message that shows the result and of those below it with files for which it has no room;
    of the :data:`SHOWINGS` latest ones that have such."""

    @staticmethod
    def nowhere() -> Address:
        """Of what needs no reply."""
        return Address(0, 0, "", 0, reachable=False)

    def to_text(self) -> str:
        """Opaque to everybody else."""
        return json.dumps(
            [
                1,
                self.application,
                self.interaction,
                self.token,
                self.channel,
                self.guild,
                self.message,
                int(self.ephemeral),
                int(self.reachable),
                self.user,
                *([self.further] if self.further else []),
            ],
            separators=(",", ":"),
        )

    @staticmethod
    def from_text(text: str) -> Address | None:
        """None for what another version, or nobody, wrote."""
        try:
            data = json.loads(text)
        except ValueError:
            return None
        match data:
            case [1, int(app), int(interaction), str(token), int(channel), int(guild), int(message), *rest]:
                match rest:
                    case [int(ephemeral), int(reachable), int(user), *more]:
                        return Address(
                            app,
                            interaction,
                            token,
                            channel,
                            guild,
                            message,
                            bool(ephemeral),
                            bool(reachable),
                            user,
                            _further(more),
                        )
        return None

    def token_lives(self, now: int) -> bool:
        """``now``: UTC milliseconds. The library counts from the interaction's id, and so do we."""
        return bool(self.token) and now - created_ms(self.interaction) < TOKEN_MS - TOKEN_MARGIN_MS

    def is_old(self, now: int) -> bool:
        return now - created_ms(self.message or self.interaction) >= OLD_MS

    def with_further(self, card: int, messages: Sequence[int]) -> Address:
        others = [each for each in self.further if each[0] != card]
        return replace(self, further=(*others, (card, *messages))[-SHOWINGS:])

    def further_of(self, card: int) -> tuple[int, ...]:
        return next((messages[1:] for messages in self.further if messages[0] == card), ())

    def with_message(self, message: int) -> Address:
        return replace(self, message=message)


def _further(more: list[object]) -> tuple[tuple[int, ...], ...]:
    match more:
        case [list(showings)]:
            rows = [each for each in showings if isinstance(each, list) and all(type(n) is int for n in each)]
            return tuple(tuple(each) for each in rows if each)
    return ()


def created_ms(snowflake: int) -> int:
    """UTC milliseconds at which Discord made an id."""
    return (snowflake >> 22) + _EPOCH_MS
