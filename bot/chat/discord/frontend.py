"""What people do in Discord goes to the reception, and what follows from it is shown.

Every interaction is read from its own data, whoever sent the message that it stands on: buttons work after a
restart and on old messages. The first answer goes out before anything else is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import discord

from bot.chat.discord.address import Address
from bot.chat.discord.answers import Sayer, TooLate, came_through, defer, open_modal
from bot.chat.discord.circumstances import address_of, asker_of, is_adult, only_theirs, shows, somebody_elses
from bot.chat.discord.further import take_away
from bot.chat.discord.modals import modal_of
from bot.chat.discord.options import TargetMessage
from bot.chat.discord.targets import first_picture, request_of, words_of
from bot.chat.discord.uploads import Upload, Uploads
from bot.domain.errors import Blocked, FairbrushError, NotFound, NotYours, WordsBlocked
from bot.domain.text import Text
from bot.presentation.actions import Action, OnRequest, Rule, Verb, decode, rule_of
from bot.presentation.flags import Ask
from bot.presentation.specs import Menu
from bot.service import courier
from bot.service.first_answers import First, first_answer
from bot.service.gate import Asker, Origin
from bot.service.outcomes import Bring, Call, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.reception import Reception, refusal
from bot.service.reporter import Reporter

log = logging.getLogger(__name__)

Work = Callable[[Asker, Origin], Awaitable[Outcome]]

FORM_SECONDS = 1.5
"""Half of what Discord waits."""
_NOBODY_ELSES = (NotYours, Blocked, WordsBlocked)
"""What is said of a person, and not of what they asked for."""
_BESIDE = (
    discord.InteractionResponseType.deferred_message_update,
    discord.InteractionResponseType.modal,
)
"""First answers after which the message pressed on is still what it was."""


@dataclass(frozen=True, slots=True)
class Interactions:
    """What happens on each kind of interaction. One task each; none raises."""

    reception: Reception
    reporter: Reporter
    admins: frozenset[int]
    sayer: Sayer
    uploads: Uploads

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
            async with self.uploads.fetched(uploads) as images:
                return await self.reception.paint(ask, asker, origin, images, typed=typed)

        asker = asker_of(interaction, self.admins)
        private = not isinstance(ask, Ask) or self.reception.is_private(ask, asker, typed)
        first = First.WHISPER if private else First.REPLY
        await self._answer(interaction, first, paint, private=private, command=command)

    async def call(self, interaction: discord.Interaction, call: Call) -> None:
        await self._answer(interaction, First.WHISPER, lambda asker, _: self.reception.command(call, asker))

    async def menu(self, interaction: discord.Interaction, menu: Menu, target: TargetMessage) -> None:
        """Something is to be done with a message, ours or anybody's."""
        ours = interaction.client.user
        request = request_of(target) if ours is not None and target.author == ours.id else None
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
        async def work(asker: Asker, _: Origin) -> Outcome:
            picture = first_picture(target)
            if picture is None:
                raise NotFound(Text("There is no picture in that message. Choose one that has a picture."))
            upload = Upload(picture.url, picture.filename, picture.size)
            upload.check()
            key = str(interaction.id)
            form = self.reception.follow_ups.edit_picture_form(key)
            self.reception.cloakroom.hand_in(key, self.uploads.fetch(upload), asker.identity)
            return Open(form)

        await self._answer(interaction, First.FORM, work)

    # Buttons and forms

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        action = decode(custom_id)
        if self.reception.is_repeat(action, asker_of(interaction, self.admins)):
            await self._deferred(interaction, First.QUIET, private=False)
            return
        await self._pressed(interaction, action, first_answer(action))

    async def _pressed(self, interaction: discord.Interaction, action: Action | None, first: First) -> None:
        async def work(asker: Asker, origin: Origin) -> Outcome:
            return await self.reception.press(action, asker, origin)

        asker = asker_of(interaction, self.admins)
        private = first is First.REPLY and (
            only_theirs(interaction)
            or self.reception.is_private_press(asker)
            or _will_be_refused(interaction, action, asker)
        )
        await self._answer(interaction, first, work, action=action, private=private)

    async def fill(self, interaction: discord.Interaction, custom_id: str, fields: Mapping[str, str]) -> None:
        """A modal was sent off."""
        action = decode(custom_id)

        async def work(asker: Asker, origin: Origin) -> Outcome:
            return await self.reception.fill(action, fields, asker, origin)

        asker = asker_of(interaction, self.admins)
        private = only_theirs(interaction) or self.reception.is_private_form(fields, asker)
        await self._answer(interaction, First.REPLY, work, action=action, private=private)

    async def refuse(self, interaction: discord.Interaction, error: FairbrushError) -> None:
        async def work(_: Asker, __: Origin) -> Outcome:
            raise error

        await self._answer(interaction, First.WHISPER, work)

    async def stumbled(self, interaction: discord.Interaction) -> None:
        """A bug of ours: whoever waits hears of it."""
        error = FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
        if not interaction.response.is_done():
            await self.refuse(interaction, error)
            return
        said = self._refusal(interaction, error)
        beside = interaction.response.type in _BESIDE
        await (self.sayer.whisper(interaction, said) if beside else self.sayer.show(interaction, said))

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
        if first is First.TURN and not only_theirs(interaction):
            first = First.WHISPER
        private = private or first is First.WHISPER
        address = Address.nowhere()
        if first is not First.FORM:
            message = await self._deferred(interaction, first, private=private)
            if message is None:
                return
            if first in (First.REPLY, First.WHISPER):
                address = await address_of(interaction, message, ephemeral=private)
        origin = self._origin(interaction, address, private=private, command=command)
        try:
            outcome = await (_soon(work(asker, origin)) if first is First.FORM else work(asker, origin))
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", interaction.id, error.code, error.cause)
            await self._refused(interaction, first, error, action, private=private)
            return
        await self._carry_out(interaction, first, outcome, address)

    async def _refused(
        self,
        interaction: discord.Interaction,
        first: First,
        error: FairbrushError,
        action: Action | None,
        *,
        private: bool,
    ) -> None:
        said = self._refusal(interaction, error, action)
        match first:
            case First.REPLY if not private and isinstance(error, _NOBODY_ELSES):
                await self.sayer.show_alone(interaction, said)
            case First.REPLY | First.WHISPER:
                await self.sayer.show(interaction, said)
            case First.QUIET | First.TURN:
                await self.sayer.whisper(interaction, said)
            case First.FORM:
                if await self._deferred(interaction, First.WHISPER, private=True) is not None:
                    await self.sayer.show(interaction, said)

    def _refusal(
        self, interaction: discord.Interaction, error: FairbrushError, action: Action | None = None
    ) -> Tell:
        return Tell(refusal(error, asker_of(interaction, self.admins), action, event=str(interaction.id)))

    async def _carry_out(
        self, interaction: discord.Interaction, first: First, outcome: Outcome, address: Address
    ) -> None:
        match outcome:
            case Tell() if first is First.QUIET:
                await self.sayer.whisper(interaction, outcome)
            case Tell():
                await self.sayer.show(interaction, outcome)
            case Follow(requests=requests):
                for request in requests:
                    self.reporter.follow(request)
            case Open():
                await self._open(interaction, outcome)
            case Bring(request=request):
                if isinstance(await self.reporter.bring(request, address.to_text()), courier.Later):
                    said = Text("Discord does not take it just now. Ask for it again in a while.")
                    await self.sayer.show(interaction, self._refusal(interaction, FairbrushError(said)))
            case Remove(request=request) if shows(interaction, request):
                await came_through(interaction.delete_original_response())
                await take_away(interaction, request, self.reception.usecases)
            case Remove() | Nothing():
                return

    async def _open(self, interaction: discord.Interaction, outcome: Open) -> None:
        try:
            await open_modal(
                interaction, modal_of(outcome.form, self.sayer.language(interaction, private=True))
            )
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
                "language": self.sayer.language(interaction, private=private).code,
            },
        )


async def _soon(work: Awaitable[Outcome]) -> Outcome:
    """A form is itself the first answer. Raises FairbrushError when what it holds cannot be found in time."""
    try:
        async with asyncio.timeout(FORM_SECONDS):
            return await work
    except TimeoutError as error:
        said = Text("It took too long to find what belongs into the form. Press once more in a moment.")
        raise FairbrushError(said, cause="no form in time") from error


def _will_be_refused(interaction: discord.Interaction, action: Action | None, asker: Asker) -> bool:
    """As far as Discord remembers whose message it is: the store is asked afterwards."""
    owners = action is not None and rule_of(action) is Rule.OWNER_OR_ADMIN
    return owners and not asker.admin and somebody_elses(interaction)
