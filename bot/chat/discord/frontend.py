"""Fairbrush in Discord: interactions in, use cases, cards out.

Every interaction is read from its own data, whoever sent the message that it stands on: buttons work after a
restart and on old messages. The first answer goes out before anything else is done.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import discord

from bot.chat.discord.address import Address
from bot.chat.discord.answers import TooLate, address_of, asker_of, defer, open_modal, show_once, whisper
from bot.chat.discord.modals import edit_modal
from bot.chat.discord.render import Language
from bot.chat.discord.uploads import Download, Upload, fetch
from bot.domain.errors import FairbrushError, FlagError, NotYours
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.presentation.actions import (
    Action,
    Listing,
    OnPage,
    OnRequest,
    Verb,
    decode,
    mark,
    may_press,
    rule_of,
)
from bot.presentation.card_denied import error_card
from bot.presentation.cards import Card, CardState
from bot.presentation.flags import Ask
from bot.presentation.help_cards import help_card
from bot.service.gate import Asker, Origin
from bot.service.own_cards import OwnCards
from bot.service.records import RequestRecord
from bot.service.reporter import Reporter
from bot.service.usecases import Receipt, UseCases

log = logging.getLogger(__name__)


class Interactions:
    """What happens on each kind of interaction. One task each; none raises."""

    def __init__(
        self,
        *,
        usecases: UseCases,
        reporter: Reporter,
        admins: frozenset[int],
        language: Language,
        download: Download,
    ) -> None:
        self._usecases = usecases
        self._cards = OwnCards(usecases)
        self._reporter = reporter
        self._admins = admins
        self._language = language
        self._download = download

    # Commands

    async def imagine(
        self,
        interaction: discord.Interaction,
        ask: Ask | FairbrushError,
        uploads: Mapping[str, Upload],
        *,
        private: bool,
        command: str = "imagine",
    ) -> None:
        """``ask``: what the options say, or what is wrong with them."""

        async def accept(asker: Asker, origin: Origin) -> tuple[Receipt, ...]:
            if isinstance(ask, FairbrushError):
                raise ask
            images = {name: await fetch(upload, self._download) for name, upload in uploads.items()}
            return await self._usecases.imagine(ask, asker, origin, images)

        await self._paint(interaction, accept, private=private, command=command)

    async def queue(self, interaction: discord.Interaction) -> None:
        await self._tell(interaction, self._cards.queue)

    async def quota(self, interaction: discord.Interaction) -> None:
        await self._tell(interaction, self._cards.quota)

    async def templates(self, interaction: discord.Interaction, page: int = 0) -> None:
        async def card(_: Asker) -> Card:
            return self._cards.templates(page)

        await self._tell(interaction, card)

    async def help(self, interaction: discord.Interaction) -> None:
        async def card(_: Asker) -> Card:
            return help_card()

        await self._tell(interaction, card)

    async def cancel(self, interaction: discord.Interaction, wanted: str) -> None:
        async def card(asker: Asker) -> Card:
            if not wanted.strip():
                return await self._cards.queue(asker)
            result = await self._usecases.cancel(wanted, asker)
            said = (
                Text("They had ended before.")
                if not result.cancelled and not result.stopping
                else Text("It is taken back.")
                if not result.stopping
                else Text("Its server was asked to stop it.")
            )
            return Card(CardState.INFO, Text("Cancel"), lines=(said,), private=True)

        await self._tell(interaction, card)

    # Buttons

    async def press(self, interaction: discord.Interaction, custom_id: str) -> None:
        action = decode(custom_id)
        match action:
            case None:
                await self.refuse(
                    interaction,
                    FlagError(
                        Text("This button is of another version, or not one of ours. Use the commands.")
                    ),
                )
            case OnRequest(verb=Verb.EDIT, request=request):
                await self._open_edit(interaction, request)
            case OnRequest(verb=Verb.CANCEL, request=request):
                await self._cancel_by_button(interaction, request)
            case OnRequest(verb=Verb.DELETE, request=request):
                await self._delete(interaction, action, request)
            case OnRequest(verb=Verb.SHOW, request=request):
                await self._show_again(interaction, action, request)
            case OnRequest(verb=Verb.REROLL | Verb.AGAIN, request=request):
                await self._again(interaction, action, request)
            case OnPage(listing=Listing.QUEUE, page=page):
                await self._tell(interaction, lambda asker: self._cards.queue(asker, page))
            case OnPage(listing=Listing.QUOTA):
                await self._tell(interaction, self._cards.quota)
            case OnPage(listing=Listing.TEMPLATES, page=page):
                await self.templates(interaction, page)
            case OnPage(listing=Listing.HELP):
                await self.help(interaction)
            case _:
                await self.refuse(interaction, FlagError(Text("This button has no meaning here.")))

    async def fill(self, interaction: discord.Interaction, custom_id: str, fields: Mapping[str, str]) -> None:
        """A modal was sent off."""
        action = decode(custom_id)
        if not isinstance(action, OnRequest) or action.verb is not Verb.EDIT:
            await self.refuse(interaction, FlagError(Text("This form is of another version. Open it again.")))
            return
        request, words = action.request, fields.get("prompt", "")

        async def accept(asker: Asker, origin: Origin) -> tuple[Receipt, ...]:
            return await self._usecases.again(request, asker, origin, prompt_text=words)

        await self._paint(interaction, accept, private=False)

    # One way each

    async def _paint(
        self,
        interaction: discord.Interaction,
        accept: Callable[[Asker, Origin], Awaitable[tuple[Receipt, ...]]],
        *,
        private: bool,
        command: str = "imagine",
    ) -> None:
        """Answer, accept, and let the reporter follow what was accepted."""
        message = await self._deferred(interaction, ephemeral=private)
        if message is None:
            return
        try:
            address = await address_of(interaction, message, ephemeral=private)
            receipts = await accept(
                self._asker(interaction), self._origin(interaction, address, private=private, command=command)
            )
        except FairbrushError as error:
            log.info("refused %s: %s (%s)", interaction.id, error.code, error.cause)
            await self._show(interaction, error_card(error, owner=self._owner(interaction)))
            return
        for receipt in receipts:
            self._reporter.follow(receipt.accepted.request)

    async def _tell(self, interaction: discord.Interaction, card: Callable[[Asker], Awaitable[Card]]) -> None:
        """A card for the eyes of whoever asked."""
        if await self._deferred(interaction, ephemeral=True) is None:
            return
        try:
            found = await card(self._asker(interaction))
        except FairbrushError as error:
            found = error_card(error, owner=self._owner(interaction))
        await self._show(interaction, found)

    async def refuse(self, interaction: discord.Interaction, error: FairbrushError) -> None:
        async def card(_: Asker) -> Card:
            raise error

        await self._tell(interaction, card)

    async def stumbled(self, interaction: discord.Interaction) -> None:
        """A bug of ours: whoever waits hears of it, where something waits."""
        if interaction.type is discord.InteractionType.autocomplete:
            return
        error = FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
        if interaction.response.is_done():
            await self._show(interaction, error_card(error, owner=self._owner(interaction)))
        else:
            await self.refuse(interaction, error)

    async def _again(self, interaction: discord.Interaction, action: Action, request: RequestId) -> None:
        async def accept(asker: Asker, origin: Origin) -> tuple[Receipt, ...]:
            await self._may(asker, action, request)
            return await self._usecases.again(request, asker, origin)

        ephemeral = bool(interaction.message and interaction.message.flags.ephemeral)
        await self._paint(interaction, accept, private=ephemeral)

    async def _cancel_by_button(self, interaction: discord.Interaction, request: RequestId) -> None:
        if await self._deferred(interaction, ephemeral=False, update=True) is None:
            return
        try:
            await self._usecases.cancel(request, self._asker(interaction))
        except FairbrushError as error:
            theirs = request if isinstance(error, NotYours) else None
            card = error_card(error, owner=self._owner(interaction), theirs=theirs)
            await self._quietly(whisper(interaction, card, self._language))

    async def _delete(self, interaction: discord.Interaction, action: Action, request: RequestId) -> None:
        """Take the message away; the result itself goes when retention says so."""
        if await self._deferred(interaction, ephemeral=False, update=True) is None:
            return
        try:
            await self._may(self._asker(interaction), action, request)
        except FairbrushError as error:
            card = error_card(error, owner=self._owner(interaction))
            await self._quietly(whisper(interaction, card, self._language))
            return
        await self._quietly(interaction.delete_original_response())

    async def _show_again(self, interaction: discord.Interaction, action: Action, request: RequestId) -> None:
        """Bring a result that could not be shown where it belonged, for one pair of eyes."""
        message = await self._deferred(interaction, ephemeral=True)
        if message is None:
            return
        try:
            await self._may(self._asker(interaction), action, request)
            address = await address_of(interaction, message, ephemeral=True)
        except FairbrushError as error:
            await self._show(interaction, error_card(error, owner=self._owner(interaction)))
            return
        await self._reporter.bring(request, address.to_text())

    async def _open_edit(self, interaction: discord.Interaction, request: RequestId) -> None:
        asker = self._asker(interaction)
        try:
            record = await self._may(asker, OnRequest(Verb.EDIT, request), request)
            modal = edit_modal(record, self._language)
        except FairbrushError as error:
            await self.refuse(interaction, error)
            return
        try:
            await open_modal(interaction, modal)
        except TooLate as error:
            log.info("form of %s came too late: %s", interaction.id, error)

    async def _may(self, asker: Asker, action: Action, request: RequestId) -> RequestRecord:
        """Raises NotYours and NotFound."""
        record = await self._usecases.request(request, asker)
        person = await self._usecases.accounts.person(asker.identity, asker.name)
        owner = record.user == person.user
        if not may_press(rule_of(action), owner=owner, admin=asker.admin, private=record.private):
            raise NotYours(Text("That is somebody else's picture. You can imagine it as yourself."))
        return record

    # Small things

    async def _deferred(
        self, interaction: discord.Interaction, *, ephemeral: bool, update: bool = False
    ) -> int | None:
        """See :func:`defer`; None when it was too late, and nobody waits any more."""
        try:
            return await defer(interaction, ephemeral=ephemeral, update=update)
        except TooLate as error:
            log.info("interaction %s was answered too late: %s", interaction.id, error)
            return None

    def _asker(self, interaction: discord.Interaction) -> Asker:
        return asker_of(interaction, self._admins)

    def _owner(self, interaction: discord.Interaction) -> str:
        return mark(f"discord:{interaction.user.id}")

    def _origin(
        self, interaction: discord.Interaction, address: Address, *, private: bool, command: str
    ) -> Origin:
        return Origin(
            platform="discord",
            event=f"discord:{interaction.id}",
            reply=address.to_text(),
            private=private,
            command=command,
            options={"file_bytes": interaction.filesize_limit, "guild": interaction.guild_id or 0},
        )

    async def _show(self, interaction: discord.Interaction, card: Card) -> None:
        await self._quietly(show_once(interaction, card, self._language))

    async def _quietly(self, call: Awaitable[None]) -> None:
        """A word that does not come through is no reason to stop anything."""
        try:
            await call
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("an answer did not come through: %r", error)
