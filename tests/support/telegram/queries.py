"""Presses of buttons, and how the bot answers them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.telegram.failures import query_too_old
from tests.support.telegram.members import User
from tests.support.telegram.messages import Message

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

ANSWER = 200


@dataclass(eq=False)
class Query:
    """``born``, ``answered_at``: UTC milliseconds. ``alert``: the answer opens a window."""

    world: TelegramWorld = field(repr=False)
    id: str
    person: User
    message: Message
    data: str
    born: int
    answered_at: int | None = None
    text: str = ""
    alert: bool = False
    url: str | None = None
    cache_seconds: int = 0

    @property
    def answered(self) -> bool:
        return self.answered_at is not None

    @property
    def seconds(self) -> float | None:
        """How long the button was seen turning."""
        return None if self.answered_at is None else (self.answered_at - self.born) / 1000

    def expire(self) -> None:
        """As if it was pressed too long ago."""
        self.born -= round(self.world.query_seconds * 1000) + 1000

    def check_open(self) -> None:
        """Raises :class:`ApiError` when it is answered, or too old."""
        if self.answered or self.world.now() - self.born > self.world.query_seconds * 1000:
            raise query_too_old()

    async def until_answered(self, *, within: float = 40.0) -> Query:
        await self.world.until(lambda: self.answered, within=within, what=f"an answer to {self}")
        return self
