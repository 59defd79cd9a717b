"""What people do in Discord goes to the reception, and what follows from it is shown.

Every interaction is read from its own data, whoever sent the message that it stands on: buttons work after a
restart and on old messages. The first answer goes out before anything else is done.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
import discord

from bot.chat.discord.address import Address
from bot.chat.discord.answers import (
    TooLate,
    address_of,
    asker_of,
    defer,
    is_adult,
    open_modal,
    show_once,
    whisper,
)
from bot.chat.discord.modals import modal_of
from bot.chat.discord.options import TargetMessage
from bot.chat.discord.targets import first_picture, request_of, words_of
from bot.chat.discord.uploads import Download, Upload, fetch
from bot.domain.errors import FairbrushError, NotFound
from bot.domain.text import Text
from bot.presentation.actions import Action, OnRequest, Rule, Verb, decode, rule_of
from bot.presentation.flags import Ask
from bot.presentation.language import Language, Languages
from bot.presentation.specs import Menu
from bot.service.gate import Asker, Origin
from bot.service.outcomes import Bring, Call, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.reception import First, Reception, first_answer, refusal
from bot.service.reporter import Reporter

log = logging.getLogger(__name__)

Work = Callable[[Asker, Origin], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Interactions:
    """What happens on each kind of interaction. One task each; none raises."""

    reception: Reception
    reporter: Reporter
    admins: frozenset[int]
    languages: Languages
    download: Download

    # Commands and menus

    async def imagine(
        self,
        interaction: discord.Interaction,
        ask: Ask | FairbrushError,
        uploads: Mapping[str, Upload],
        *,
        typed: frozenset[str] = frozenset(),
        command: str = "imagine",
    ) -> None:
        """``ask``: what the options say, or what is wrong with them; ``typed``: names of those used."""

        async def paint(asker: Asker, origin: Origin) -> Outcome:
            if isinstance(ask, FairbrushError):
                raise ask
            images = {name: await fetch(upload, self.download) for name, upload in uploads.items()}
            return await self.reception.paint(ask, asker, origin, images, typed=typed)

        asker = asker_of(interaction, self.admins)
        private = not isinstance(ask, Ask) or self.reception.is_private(ask, asker, typed)
        first = First.WHISPER if private else First.REPLY
        await self._answer(interaction, first, paint, private=private, command=command)

    async def call(self, interaction: discord.Interaction, call: Call) -> None:
        await self._answer(interaction, First.WHISPER, lambda asker, _: self.reception.command(call, asker))

    async def menu(self, interaction: discord.Interaction, menu: Menu, target: TargetMessage) -> None:
        """Something is to be done with a message, ours or anybody's."""
        request = request_of(target) if target.author == interaction.application_id else None
        match menu:
            case Menu.EDIT:
                await self._edit_picture(interaction, target)
            case Menu.AGAIN if request is not None:
                await self._pressed(interaction, OnRequest(Verb.AGAIN, request), First.REPLY)
            case Menu.SETTINGS if request is not None:
                await self._pressed(interaction, OnRequest(Verb.SETTINGS, request), First.WHISPER)
            case Menu.AGAIN if words := words_of(target):
                await self.imagine(interaction, Ask(prompt_text=words), {})
            case Menu.AGAIN:
                said = Text("There is neither a picture of mine in that message nor a word to paint.")
                await self.refuse(interaction, NotFound(said))
            case Menu.SETTINGS:
                said = Text("That picture is not one of mine, so I do not know what it was made with.")
                await self.refuse(interaction, NotFound(said))

    async def _edit_picture(self, interaction: discord.Interaction, target: TargetMessage) -> None:
        picture = first_picture(target)
        if picture is None:
            said = Text("There is no picture in that message. Choose one that has a picture.")
            await self.refuse(interaction, NotFound(said))
            return
        key = str(interaction.id)
        upload = Upload(picture.url, picture.filename, picture.size)
        self.reception.cloakroom.hand_in(key, fetch(upload, self.download))
        await self._open(interaction, Open(self.reception.follow_ups.edit_picture_form(key)))

    # Buttons and forms

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        action = decode(custom_id)
        if self.reception.is_repeat(action, asker_of(interaction, self.admins)):
            await self._deferred(interaction, First.QUIET, private=False)
            return
        first = first_answer(action)
        if (
            action is not None
            and first is First.REPLY
            and rule_of(action) is Rule.OWNER_OR_ADMIN
            and _somebody_elses(interaction)
        ):
            first = First.WHISPER  # it will be refused: a private word
        await self._pressed(interaction, action, first)

    async def _pressed(self, interaction: discord.Interaction, action: Action | None, first: First) -> None:
        async def work(asker: Asker, origin: Origin) -> Outcome:
            return await self.reception.press(action, asker, origin)

        private = first is First.REPLY and _only_theirs(interaction)
        await self._answer(interaction, first, work, action=action, private=private)

    async def fill(self, interaction: discord.Interaction, custom_id: str, fields: Mapping[str, str]) -> None:
        """A modal was sent off."""
        action = decode(custom_id)

        async def work(asker: Asker, origin: Origin) -> Outcome:
            return await self.reception.fill(action, fields, asker, origin)

        await self._answer(interaction, First.REPLY, work, action=action, private=_only_theirs(interaction))

    async def refuse(self, interaction: discord.Interaction, error: FairbrushError) -> None:
        async def work(_: Asker, __: Origin) -> Outcome:
            raise error

        await self._answer(interaction, First.WHISPER, work)

    async def stumbled(self, interaction: discord.Interaction) -> None:
        """A bug of ours: whoever waits hears of it, where something waits."""
        if interaction.type is discord.InteractionType.autocomplete:
            return
        error = FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
        if not interaction.response.is_done():
            await self.refuse(interaction, error)
        elif interaction.response.type is discord.InteractionResponseType.deferred_message_update:
            await self._whisper(interaction, Tell(refusal(error, asker_of(interaction, self.admins))))
        else:
            await self._show(interaction, Tell(refusal(error, asker_of(interaction, self.admins))))

    # One way for all

    async def _answer(
        self,
        interaction: discord.Interaction,
        first: First,
        work: Work,
        *,
        action: Action | None = None,
        private: bool = False,
        command: str = "imagine",
    ) -> None:
        """Answer at once, do the work, and carry out what follows."""
        asker = asker_of(interaction, self.admins)
        private = private or first is First.WHISPER
        address = Address.nowhere()
        if first is First.TURN and not _only_theirs(interaction):
            first = First.WHISPER
        if first is not First.FORM:
            message = await self._deferred(interaction, first, private=private)
            if message is None:
                return
            if first in (First.REPLY, First.WHISPER):
                address = await address_of(interaction, message, ephemeral=private)
        try:
            outcome = await work(asker, self._origin(interaction, address, private=private, command=command))
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", interaction.id, error.code, error.cause)
            await self._refused(interaction, first, Tell(refusal(error, asker, action)))
            return
        await self._carry_out(interaction, first, outcome, address)

    async def _refused(self, interaction: discord.Interaction, first: First, said: Tell) -> None:
        match first:
            case First.REPLY | First.WHISPER:
                await self._show(interaction, said)
            case First.QUIET | First.TURN:
                await self._whisper(interaction, said)
            case First.FORM:
                if await self._deferred(interaction, First.WHISPER, private=True) is not None:
                    await self._show(interaction, said)

    async def _carry_out(
        self, interaction: discord.Interaction, first: First, outcome: Outcome, address: Address
    ) -> None:
        match outcome:
            case Tell() if first is First.QUIET:
                await self._whisper(interaction, outcome)
            case Tell():
                await self._show(interaction, outcome)
            case Follow(requests=requests):
                for request in requests:
                    self.reporter.follow(request)
            case Open():
                await self._open(interaction, outcome)
            case Bring(request=request):
                await self.reporter.bring(request, address.to_text())
            case Remove():
                await self._quietly(interaction.delete_original_response())
            case Nothing():
                return

    async def _open(self, interaction: discord.Interaction, outcome: Open) -> None:
        try:
            await open_modal(interaction, modal_of(outcome.form, self._language(interaction, private=True)))
        except TooLate as error:
            log.info("form of %s came too late: %s", interaction.id, error)

    async def _deferred(self, interaction: discord.Interaction, first: First, *, private: bool) -> int | None:
        """See :func:`defer`; None when it was too late, and nobody waits any more."""
        try:
            return await defer(interaction, ephemeral=private, update=first in (First.QUIET, First.TURN))
        except TooLate as error:
            log.info("interaction %s was answered too late: %s", interaction.id, error)
            return None

    def _origin(
        self, interaction: discord.Interaction, address: Address, *, private: bool, command: str
    ) -> Origin:
        return Origin(
            platform="discord",
            event=f"discord:{interaction.id}",
            reply=address.to_text(),
            private=private,
            command=command,
            adult=is_adult(interaction),
            options={
                "file_bytes": interaction.filesize_limit,
                "guild": interaction.guild_id or 0,
                "language": self._language(interaction, private=private).code,
            },
        )

    def _language(self, interaction: discord.Interaction, *, private: bool) -> Language:
        """What one person alone reads is in their language, what all read in the guild's."""
        if private or interaction.guild_id is None:
            return self.languages.of(str(interaction.locale))
        # Guilds that have chosen no language of their own say English.
        chosen = interaction.guild_locale
        plain = chosen is None or chosen is discord.Locale.american_english
        return self.languages.of(None if plain else str(chosen))

    async def _show(self, interaction: discord.Interaction, said: Tell) -> None:
        await self._quietly(show_once(interaction, said, self._language(interaction, private=True)))

    async def _whisper(self, interaction: discord.Interaction, said: Tell) -> None:
        await self._quietly(whisper(interaction, said, self._language(interaction, private=True)))

    async def _quietly(self, call: Awaitable[None]) -> None:
        """A word that does not come through is no reason to stop anything."""
        try:
            await call
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("an answer did not come through: %r", error)


def _somebody_elses(interaction: discord.Interaction) -> bool:
    """Another person's command or button made the message pressed on, as Discord remembers."""
    message = interaction.message
    made_by = None if message is None else message.interaction_metadata
    return made_by is not None and made_by.user.id != interaction.user.id


def _only_theirs(interaction: discord.Interaction) -> bool:
    """The message pressed on is seen by one person alone."""
    message = interaction.message
    return message is not None and message.flags.ephemeral
