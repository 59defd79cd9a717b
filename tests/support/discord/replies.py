"""What comes back to somebody who did something with the bot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.discord.failures import Json
from tests.support.discord.interactions import FIRST_RESPONSE_SECONDS, Answer, Interaction
from tests.support.discord.messages import Attachment, Look
from tests.support.discord.signals import DEADLINE_SECONDS
from tests.support.discord.views import Button, Menu, Modal, Shown

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld


class Reply:
    """An interaction and what the bot made of it so far.

    Attributes of the answer (``content``, ``buttons`` …) are those of :attr:`message` at this moment.
    """

    def __init__(self, world: DiscordWorld, interaction: Interaction) -> None:
        self._world = world
        self.interaction = interaction

    def __repr__(self) -> str:
        return f"<reply to {self.interaction.kind.name} {self.interaction.answer} {self.message}>"

    # How it was answered

    @property
    def answer(self) -> Answer | None:
        """The type of the first response."""
        return self.interaction.answer

    @property
    def seconds(self) -> float | None:
        """From the moment the bot was told to the first response, by the clock of the world."""
        if self.interaction.answered_at is None:
            return None
        return (self.interaction.answered_at - self.interaction.sent) / 1000

    @property
    def failed(self) -> bool:
        """The user's client says "The application did not respond"."""
        late = self._world.now() - self.interaction.sent > FIRST_RESPONSE_SECONDS * 1000
        return self.answer is None and (late or not self.interaction.delivered)

    async def acknowledged(self, within: float = FIRST_RESPONSE_SECONDS) -> Reply:
        """Wait for the first response; fail if it took more than ``within`` seconds of the world's clock."""
        assert self.interaction.delivered, "no session of the bot hears this"
        await self.until(lambda reply: reply.answer, what="a first response")
        assert self.seconds is not None
        assert self.seconds <= within, f"answered after {self.seconds} s"
        return self

    async def until(
        self, met: Callable[[Reply], object], *, within: float = DEADLINE_SECONDS, what: str = ""
    ) -> Reply:
        """Wait until ``met`` holds for this reply; looked at whenever the bot does something with it."""
        await self.interaction.signal.until(
            lambda: met(self), within=within, what=f"{what or 'what was waited for'}; there is {self!r}"
        )
        return self

    async def filled(self) -> Reply:
        """Wait until the answer is more than "thinking"."""
        return await self.until(
            lambda reply: reply.message is not None and not reply.message.loading, what="an answer"
        )

    def expire(self) -> None:
        """The token stops working at once."""
        self.interaction.expired = True

    # What is to be seen

    @property
    def message(self) -> Shown | None:
        original = self.interaction.original
        return None if original is None else Shown(original)

    @property
    def shown(self) -> Shown:
        message = self.message
        assert message is not None, f"nothing to be seen: {self!r}"
        return message

    @property
    def followups(self) -> list[Shown]:
        return [Shown(each) for each in self.interaction.followups]

    @property
    def modal(self) -> Modal:
        assert self.interaction.modal is not None, f"no modal: {self!r}"
        return Modal(self.interaction)

    @property
    def choices(self) -> list[tuple[str, Any]]:
        assert self.interaction.choices is not None, f"no choices: {self!r}"
        return [(each["name"], each["value"]) for each in self.interaction.choices]

    @property
    def content(self) -> str:
        return self.shown.content

    @property
    def embeds(self) -> list[Json]:
        return self.shown.embeds

    @property
    def attachments(self) -> list[Attachment]:
        return self.shown.attachments

    @property
    def buttons(self) -> list[Button]:
        return self.shown.buttons

    @property
    def ephemeral(self) -> bool:
        return self.shown.ephemeral

    @property
    def history(self) -> list[Look]:
        return self.shown.history

    @property
    def text(self) -> str:
        return self.shown.text

    def button(self, name: str) -> Button:
        return self.shown.button(name)

    def menu(self, name: str = ".*") -> Menu:
        return self.shown.menu(name)
