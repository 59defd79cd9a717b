"""Discord in a box: state, REST, gateway and CDN on loopback, for the real discord.py."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from bot.service.clock import Clock
from tests.support.discord import payloads
from tests.support.discord.cdn import Cdn
from tests.support.discord.commands import Commands
from tests.support.discord.failures import Json
from tests.support.discord.faults import Faults
from tests.support.discord.gateway import Gateway
from tests.support.discord.gateway_sessions import Session
from tests.support.discord.guilds import DM, GROUP_DM, Channel, Guild, Role
from tests.support.discord.ids import Snowflakes
from tests.support.discord.interactions import Interaction
from tests.support.discord.messages import Message
from tests.support.discord.people import Person
from tests.support.discord.permissions import USUAL
from tests.support.discord.pointing import Pauses, hurried, pointed
from tests.support.discord.posting import Posting
from tests.support.discord.ratelimits import RateLimiter, RateLimits
from tests.support.discord.routes_app import AppRoutes
from tests.support.discord.routes_channels import ChannelRoutes
from tests.support.discord.routes_interactions import InteractionRoutes
from tests.support.discord.server import API, Received, Server
from tests.support.discord.signals import Signal
from tests.support.discord.users import MIB, Nitro, User

TOKEN = "MTA.stand-in.token"


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class DiscordWorld:
    """``async with DiscordWorld() as discord``: a server that a bot can log in to with :attr:`token`.

    ``clock``: its ``now`` dates ids, tokens and signed addresses; rate limits follow the event loop.
    ``limits``: :meth:`RateLimits.quick` unless given. ``strict``: hold requests against Discord's
    description (a millisecond each, so not for benches), and fail on leaving if something was not allowed;
    ``check_answers``: the stand-in's own answers too. ``recording``: keep what was received.
    ``point``: discord.py in this process talks to it as long as it lasts. ``pauses``: discord.py does not
    sleep, and rate limits follow the clock.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: RateLimits | None = None,
        token: str = TOKEN,
        strict: bool = True,
        check_answers: bool = False,
        recording: bool = True,
        point: bool = True,
        pauses: Pauses | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.limits = limits or RateLimits.quick()
        self.token, self.strict, self.recording, self.point = token, strict, recording, point
        self.pauses, self.check_answers = pauses, check_answers
        self.now = self.clock.now
        self.ids = Snowflakes(self.now)
        self.bot = User(self.ids.mint(), "Fairbrush", bot=True)
        self.application_id = self.bot.id
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.interactions: dict[str, Interaction] = {}
        self.request_bytes = 25 * MIB
        """Of a whole request. It contradicts what boosted guilds allow a file, in Discord's own words."""
        self.keep_bytes = 100 * MIB
        """Of a file; of larger ones only the size is remembered."""
        self.changed = Signal()
        self.commands = Commands(self.application_id, self.now, self.ids.mint)
        self.faults = Faults(self.clock.sleep, self.changed)
        self.cdn = Cdn(self.now, self.changed, self.faults)
        self.gateway = Gateway(self)
        self.posting = Posting(self)
        self.server = Server(self)
        self.limiter = RateLimiter(self.limits, self.clock.monotonic if pauses else loop_time, self.now)
        self.owner = self.user("owner")
        self._stack = ExitStack()

    # Life

    async def __aenter__(self) -> Self:
        tables = (InteractionRoutes(self), ChannelRoutes(self), AppRoutes(self))
        await self.server.start([route for table in tables for route in table.routes()])
        self.cdn.base = f"{self.server.url}/cdn"
        if self.point:
            self._stack.enter_context(pointed(self.api_url, self.gateway_url, self.cdn.base))
        if self.pauses is not None:
            self._stack.enter_context(hurried(self.pauses))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        await self.server.stop()
        if kind is None and self.strict:
            assert not self.server.violations, self.server.violations
            assert not self.server.unknown, self.server.unknown

    @property
    def api_url(self) -> str:
        return self.server.url + API

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/gateway/"

    def ready(self, session: Session) -> Json:
        """READY for a new session."""
        guilds = [each for each in self.guilds.values() if each.has_bot and session.hears(each.id)]
        return {
            "v": 10,
            "user": payloads.user(self.bot) | {"verified": True, "mfa_enabled": True, "email": None},
            "application": {"id": str(self.application_id), "flags": 0},
            "guilds": [{"id": str(each.id), "unavailable": True} for each in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.gateway_url,
            "shard": [session.shard, session.shards],
            "private_channels": [],
        }

    # People and places

    def user(
        self,
        name: str,
        *,
        nitro: Nitro | bool = False,
        installed: bool = False,
        locale: str = "en-US",
        adult: bool = False,
    ) -> Person:
        """Somebody new. ``installed``: with the app in their own account."""
        paid = nitro if isinstance(nitro, Nitro) else Nitro.FULL if nitro else Nitro.NONE
        person = Person(
            self.ids.mint(), name, nitro=paid, installed=installed, locale=locale, adult=adult, world=self
        )
        self.users[person.id] = person
        return person

    def guild(
        self,
        name: str = "Painters",
        *,
        bot: bool = True,
        bot_permissions: int = USUAL,
        boost_tier: int = 0,
        locale: str = "en-US",
    ) -> Guild:
        """A new guild; the bot is in it unless ``bot`` is False, with a role of its own."""
        # Shards are told apart by the moment of making: no two guilds were made in the same millisecond.
        snowflake = self.ids.mint(ago=3600 + len(self.guilds) / 1000)
        made = Guild(self, snowflake, name, self.owner.id, boost_tier, locale, has_bot=bot)
        made.roles = [
            Role(made.id, "@everyone", USUAL),
            Role(self.ids.mint(), self.bot.name, bot_permissions),
        ]
        made.member(self.owner)
        self.guilds[made.id] = made
        if bot:
            made.add_bot()
        return made

    def dm(self, user: User) -> Channel:
        """Direct messages between the bot and ``user``; there is one such channel."""
        if user.dm is None:
            user.dm = self._private(DM, [user])
        return user.dm

    def group_dm(self, *people: Person) -> Channel:
        """A group without the bot."""
        return self._private(GROUP_DM, list(people))

    def _private(self, kind: int, recipients: list[User]) -> Channel:
        made = Channel(self, self.ids.mint(), "", None, kind, recipients=recipients)
        self.channels[made.id] = made
        return made

    # What has happened

    def calls(self, operation: str | None = None) -> list[Received]:
        """The recorded requests of an operation, oldest first."""
        return [each for each in self.server.received if operation in (None, each.operation)]

    async def until(self, met: Any, *, within: float = 40.0, what: str = "") -> None:
        """Wait until ``met()`` holds; looked at after each request, message and gateway event."""
        await self.changed.until(met, within=within, what=what)
