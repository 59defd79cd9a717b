"""The Discord front-end as one part: a connection, commands kept up to date, interactions to their place."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from bot.chat.discord.circumstances import asker_of
from bot.chat.discord.client import DiscordClient, point_at, stay_connected
from bot.chat.discord.frontend import Interactions
from bot.chat.discord.modals import submitted
from bot.chat.discord.offer import Offer
from bot.chat.discord.options import AttachmentRef, Invocation, UserRef, read_options
from bot.chat.discord.sync import Http, Remember, sync_commands
from bot.chat.discord.uploads import Upload
from bot.domain.errors import FairbrushError, NotAccepting, NotFound, StoreUnavailable
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.presentation.flags import Ask
from bot.presentation.specs import Suggestion, ask_from
from bot.service.notices import Notices
from bot.service.outcomes import Call, CallValue

log = logging.getLogger(__name__)

SUGGESTING_SECONDS = 0.75
"""Within a second whoever types is answered, with nothing if need be."""
LONGEST_SUGGESTION = 100
MOST_SEEN = 10_000
"""Ids of interactions, of some minutes: what Discord tells twice, it tells soon."""
SYNC_AGAIN_FIRST, SYNC_AGAIN_LONGEST = 60.0, 3600.0
"""Seconds after which commands that could not be told are told once more."""


@dataclass(frozen=True, slots=True)
class DiscordAccount:
    """How to log in. ``guilds``: where commands are told at once; empty: everywhere."""

    token: str
    guilds: tuple[int, ...] = ()
    admins: frozenset[int] = frozenset()
    allowed_guilds: frozenset[int] = frozenset()
    """Where it answers; empty: anywhere."""
    api_base_url: str = ""
    gateway_url: str = ""
    """Where Discord is; "": where it always is."""


class DiscordBot:
    """Run it, and it stays connected until cancelled."""

    def __init__(
        self,
        account: DiscordAccount,
        *,
        interactions: Interactions,
        offer: Callable[[], Awaitable[Offer]],
        remember: Remember,
        notices: Notices,
        use: Callable[[DiscordClient], None],
        sleep: Callable[[float], Awaitable[None]],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """``use`` is told of every client that is made. ``options``: for discord.py's client."""
        self._account = account
        self._interactions = interactions
        self._make_offer = offer
        self._offer: Offer | None = None
        self._remember = remember
        self._notices = notices
        self._use = use
        self._sleep = sleep
        self._options = dict(options or {})
        self.client: DiscordClient | None = None
        self._times_up = 0
        """Of clients that are gone."""
        self._outdated = False
        self._anew = False
        self._due = asyncio.Event()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.connected = asyncio.Event()
        """Set once it has logged in, and its commands have been told."""

    async def run(self) -> None:
        """Raises AuthenticationFailed for a token that Discord does not know."""
        self._offer = await self._make_offer()
        self._options |= point_at(self._account.api_base_url, self._account.gateway_url)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_commands(tasks), name="commands of discord")

            def take_in(interaction: discord.Interaction) -> None:
                # A task of ours, not of the library's: none goes on when we have ended.
                tasks.create_task(self.handle(interaction), name=f"interaction {interaction.id}")

            await stay_connected(
                lambda: DiscordClient(take_in, self._logged_in, self._joined, **self._options),
                self._account.token,
                use=self._take,
                sleep=self._sleep,
            )

    @property
    def account_name(self) -> str:
        """What Discord calls the bot; "" before it has logged in."""
        user = None if self.client is None else self.client.user
        return "" if user is None else str(user)

    @property
    def trouble(self) -> str:
        """What is wrong with the connection now, for an operator; "" when nothing is."""
        if self.client is None or not self.client.was_up:
            return "not logged in to Discord yet"
        return "" if self.client.up.is_set() else "the connection to Discord's gateway is lost"

    @property
    def reconnects(self) -> int:
        """How often the gateway was connected after the first time."""
        now = 0 if self.client is None else self.client.times_up
        return max(0, self._times_up + now - 1)

    def offer_changed(self) -> None:
        """Templates, or what servers have, are others now: the commands follow."""
        self._outdated = True
        self._due.set()

    def _take(self, client: DiscordClient) -> None:
        if self.client is not None:
            self._times_up += self.client.times_up
        self.client = client
        self._use(client)

    def _logged_in(self) -> None:
        # Beside the connection: a Discord that is slow to take commands must not keep us from answering.
        self._due.set()

    def _joined(self, guild: int) -> None:
        if guild in self._account.guilds:
            # Whatever was told there before: who puts a bot out takes its commands away.
            self._anew = True
            self._due.set()

    async def _keep_commands(self, tasks: asyncio.TaskGroup) -> None:
        pause = SYNC_AGAIN_FIRST
        while True:
            await self._due.wait()
            self._due.clear()
            if self._outdated or self._offer is None:
                self._outdated = False
                self._offer = await self._make_offer()
            if self.client is None or self.client.application_id is None:
                continue
            told = await self._sync(self.client.http, self.client.application_id, self._offer)
            self.connected.set()
            if told:
                pause = SYNC_AGAIN_FIRST
            else:
                tasks.create_task(self._due_in(pause), name="commands of discord, once more")
                pause = min(2 * pause, SYNC_AGAIN_LONGEST)

    async def _due_in(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._due.set()

    async def _sync(self, http: Http, application: int, offer: Offer) -> bool:
        """Whether there is nothing left to be tried again."""
        payloads, guilds = offer.registration.payloads, self._account.guilds
        anew, self._anew = self._anew, False
        try:
            synced = await sync_commands(http, application, guilds, payloads, self._remember, anew=anew)
        except StoreUnavailable as error:
            self._notices.tell(error.text)
            return False
        for note in (*offer.notes, *(problem.text for problem in synced.problems)):
            self._notices.tell(note)
        return not any(problem.may_pass for problem in synced.problems)

    async def handle(self, interaction: discord.Interaction) -> None:
        """One interaction. Whatever goes wrong with it, the others go on."""
        if self._is_told_again(interaction):
            return
        try:
            if self._foreign(interaction):
                await self._send_away(interaction)
            else:
                await self._route(interaction)
        except Exception:
            log.exception("stumbled over interaction %s", interaction.id)
            await self._stumbled(interaction)

    async def _stumbled(self, interaction: discord.Interaction) -> None:
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await self._offer_choices(interaction, ())
            else:
                await self._interactions.stumbled(interaction)
        except Exception:
            log.exception("and could not say so to %s", interaction.id)

    def _is_told_again(self, interaction: discord.Interaction) -> bool:
        """A gateway that resumes may tell something once more; not everything may be done twice."""
        if interaction.id in self._seen:
            return True
        self._seen[interaction.id] = None
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        return False

    async def _send_away(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            await self._offer_choices(interaction, ())
            return
        said = Text("Its operator has not opened this bot for this server.")
        await self._interactions.refuse(interaction, NotAccepting(said))

    def _foreign(self, interaction: discord.Interaction) -> bool:
        allowed = self._account.allowed_guilds
        return bool(allowed) and interaction.guild_id is not None and interaction.guild_id not in allowed

    async def _route(self, interaction: discord.Interaction) -> None:
        data: Any = interaction.data or {}
        kinds = discord.InteractionType
        if interaction.type is kinds.application_command:
            await self._command(interaction, read_options(data))
        elif interaction.type is kinds.autocomplete:
            await self._suggest(interaction, read_options(data))
        elif interaction.type is kinds.component:
            await self._interactions.press(interaction, str(data.get("custom_id", "")))
        elif interaction.type is kinds.modal_submit:
            await self._interactions.fill(interaction, str(data.get("custom_id", "")), submitted(data))

    async def _command(self, interaction: discord.Interaction, invocation: Invocation) -> None:
        offer = self._offer
        if offer is not None and offer.commands.paints(invocation.name):
            await self._imagine(interaction, invocation)
            return
        if invocation.menu is None:
            await self._interactions.call(interaction, _call(invocation))
        elif invocation.target is None:
            said = Text("Discord did not say which message is meant. Try it once more.")
            await self._interactions.refuse(interaction, NotFound(said))
        else:
            await self._interactions.menu(interaction, invocation.menu, invocation.target)

    async def _imagine(self, interaction: discord.Interaction, invocation: Invocation) -> None:
        uploads = {
            value.key: Upload(value.url, value.filename, value.size)
            for value in invocation.options.values()
            if isinstance(value, AttachmentRef)
        }
        read: Ask | FairbrushError
        try:
            read = ask_from(invocation.options)
        except FairbrushError as error:
            read = error
        await self._interactions.imagine(
            interaction, read, uploads, typed=frozenset(invocation.options), command=invocation.name
        )

    async def _suggest(self, interaction: discord.Interaction, invocation: Invocation) -> None:
        found: Sequence[Suggestion] = ()
        if self._offer is not None:
            try:
                async with asyncio.timeout(SUGGESTING_SECONDS):
                    jobs = await self._jobs(interaction, invocation)
                    place = asker_of(interaction, self._account.admins).place
                    house = self._interactions.reception.usecases.gate.moderation.house
                    found = self._offer.suggestions(invocation, jobs, house.allows(place))
            except (TimeoutError, FairbrushError) as error:
                log.info("no suggestions for %s: %r", interaction.id, error)
        await self._offer_choices(interaction, found)

    async def _offer_choices(self, interaction: discord.Interaction, found: Sequence[Suggestion]) -> None:
        choices = [
            discord.app_commands.Choice(name=one.name[:LONGEST_SUGGESTION], value=one.value) for one in found
        ]
        try:
            await interaction.response.autocomplete(choices)
        except (discord.HTTPException, aiohttp.ClientError) as error:
            log.info("suggestions of %s came too late: %r", interaction.id, error)

    async def _jobs(self, interaction: discord.Interaction, invocation: Invocation) -> tuple[Suggestion, ...]:
        """What may be named where a job is asked for."""
        if invocation.focused is None or invocation.focused.name != "job":
            return ()
        asker = asker_of(interaction, self._account.admins)
        return await self._interactions.reception.plain.nameable_jobs(
            (invocation.name, *invocation.subcommands), asker
        )


@dataclass(frozen=True, slots=True)
class _Named:
    """Somebody who was named in a command, as the service knows people."""

    identity: IdentityId
    name: str
    roles: frozenset[str]


def _call(invocation: Invocation) -> Call:
    options: dict[str, CallValue] = {}
    for name, value in invocation.options.items():
        match value:
            case UserRef(id=number, name=called, roles=roles):
                known = frozenset(f"discord:{role}" for role in roles)
                options[name] = _Named(IdentityId(f"discord:{number}"), called or str(number), known)
            case AttachmentRef():
                continue  # none of these commands takes a file
            case _:
                options[name] = value
    return Call((invocation.name, *invocation.subcommands), options)
