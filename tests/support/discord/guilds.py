"""Guilds, their roles, members and channels. What is changed here reaches the bot as gateway events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.discord import payloads, permissions
from tests.support.discord.users import MIB, Nitro, User
from tests.support.discord.views import Shown

if TYPE_CHECKING:
    from tests.support.discord.messages import Message
    from tests.support.discord.people import Person
    from tests.support.discord.world import DiscordWorld

TEXT, DM, VOICE, GROUP_DM, PUBLIC_THREAD = 0, 1, 2, 3, 11

UPLOAD_LIMITS = {0: 10 * MIB, 1: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}
"""Bytes a file by boost tier of the guild."""


@dataclass(eq=False)
class Role:
    id: int
    name: str
    permissions: int = 0
    mentionable: bool = False


@dataclass(eq=False)
class Member:
    user: User
    guild: Guild = field(repr=False)
    joined: int
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None


@dataclass(eq=False)
class Channel:
    """A place for messages; a thread has a ``parent``, direct messages have no ``guild``."""

    world: DiscordWorld = field(repr=False)
    id: int
    name: str
    guild: Guild | None = field(repr=False, default=None)
    kind: int = TEXT
    nsfw: bool = False
    parent: Channel | None = None
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, tuple[int, int]] = field(default_factory=dict)
    slowmode: float = 0.0
    archived: bool = False
    locked: bool = False
    deleted: bool = False
    messages: dict[int, Message] = field(default_factory=dict, repr=False)
    last_sent: dict[int, int] = field(default_factory=dict, repr=False)

    @property
    def is_thread(self) -> bool:
        return self.parent is not None

    @property
    def public(self) -> list[Message]:
        """All but private answers, oldest first."""
        return [message for message in self.messages.values() if not message.ephemeral]

    @property
    def shown(self) -> list[Shown]:
        """What everybody sees there, oldest first."""
        return [Shown(message) for message in self.public]

    def allow(self, who: User | Role, *bits: int) -> None:
        self._overwrite(who, bits, allowed=True)

    def deny(self, who: User | Role, *bits: int) -> None:
        self._overwrite(who, bits, allowed=False)

    def _overwrite(self, who: User | Role, bits: tuple[int, ...], *, allowed: bool) -> None:
        allow, deny = self.overwrites.get(who.id, (0, 0))
        for bit in bits:
            allow, deny = (allow | bit, deny & ~bit) if allowed else (allow & ~bit, deny | bit)
        self.overwrites[who.id] = (allow, deny)
        self.announce("CHANNEL_UPDATE")

    def thread(self, name: str = "thread", *, archived: bool = False, locked: bool = False) -> Channel:
        made = Channel(
            self.world,
            self.world.ids.mint(),
            name,
            self.guild,
            PUBLIC_THREAD,
            self.nsfw,
            parent=self,
            archived=archived,
            locked=locked,
        )
        self.world.channels[made.id] = made
        if self.guild is not None:
            self.guild.channels.append(made)
        made.announce("THREAD_CREATE", newly_created=True)
        return made

    def delete(self) -> None:
        """With all its messages and threads."""
        self.deleted = True
        for message in self.messages.values():
            message.deleted = True
            message.wake()
        if self.guild is not None:
            self.guild.channels.remove(self)
            for thread in [each for each in self.guild.channels if each.parent is self]:
                thread.delete()
        self.announce("THREAD_DELETE" if self.is_thread else "CHANNEL_DELETE")

    def announce(self, event: str, **more: bool) -> None:
        if self.guild is not None and self.guild.has_bot:
            self.world.gateway.dispatch(event, payloads.channel(self) | more, guild=self.guild.id)


@dataclass(eq=False)
class Guild:
    """A community. ``has_bot``: the bot is a member; without it only apps that users installed are there."""

    world: DiscordWorld = field(repr=False)
    id: int
    name: str
    owner_id: int
    boost_tier: int = 0
    locale: str = "en-US"
    has_bot: bool = True
    unavailable: bool = False
    roles: list[Role] = field(default_factory=list)
    members: dict[int, Member] = field(default_factory=dict, repr=False)
    channels: list[Channel] = field(default_factory=list, repr=False)

    @property
    def everyone(self) -> Role:
        return self.roles[0]

    @property
    def bot_role(self) -> Role:
        """What the bot was given when it was invited."""
        return self.roles[1]

    @property
    def upload_limit(self) -> int:
        return UPLOAD_LIMITS[self.boost_tier]

    def channel(
        self, name: str = "general", *, nsfw: bool = False, kind: int = TEXT, slowmode: float = 0.0
    ) -> Channel:
        made = Channel(self.world, self.world.ids.mint(), name, self, kind=kind, nsfw=nsfw, slowmode=slowmode)
        self.world.channels[made.id] = made
        self.channels.append(made)
        made.announce("CHANNEL_CREATE")
        return made

    def role(self, name: str, *bits: int, mentionable: bool = False) -> Role:
        made = Role(self.world.ids.mint(), name, sum(bits), mentionable)
        self.roles.append(made)
        if self.has_bot:
            data = {"guild_id": str(self.id), "role": payloads.role(made, self)}
            self.world.gateway.dispatch("GUILD_ROLE_CREATE", data, guild=self.id)
        return made

    def member(
        self,
        who: str | Person,
        *,
        roles: tuple[Role, ...] | list[Role] = (),
        nitro: Nitro | bool = False,
        admin: bool = False,
        locale: str = "en-US",
        nick: str | None = None,
    ) -> Person:
        """Somebody new, or somebody from elsewhere, joins. ``admin``: with Manage Server."""
        person = self.world.user(who, nitro=nitro, locale=locale) if isinstance(who, str) else who
        own = [*roles]
        if admin:
            own.append(self.role("admins", permissions.MANAGE_GUILD))
        self.members[person.id] = Member(person, self, self.world.now(), own, nick)
        return person

    def bot_member(self) -> Member:
        return self.members[self.world.bot.id]

    def add_bot(self) -> None:
        self.has_bot = True
        bot = self.world.bot
        self.members[bot.id] = Member(bot, self, self.world.now(), [self.bot_role])
        joined = payloads.whole_guild(self)
        joined.pop("unavailable", None)  # only said of one that it was in before
        self.world.gateway.dispatch("GUILD_CREATE", joined, guild=self.id)

    def remove_bot(self) -> None:
        """It was kicked."""
        self.has_bot = False
        del self.members[self.world.bot.id]
        self.world.gateway.dispatch("GUILD_DELETE", {"id": str(self.id)}, guild=self.id)

    def go_away(self) -> None:
        """An outage."""
        self.unavailable = True
        data = {"id": str(self.id), "unavailable": True}
        self.world.gateway.dispatch("GUILD_DELETE", data, guild=self.id)

    def come_back(self) -> None:
        self.unavailable = False
        self.world.gateway.dispatch("GUILD_CREATE", payloads.whole_guild(self), guild=self.id)

    def update_role(self, role: Role, permission_bits: int) -> None:
        role.permissions = permission_bits
        if self.has_bot:
            data = {"guild_id": str(self.id), "role": payloads.role(role, self)}
            self.world.gateway.dispatch("GUILD_ROLE_UPDATE", data, guild=self.id)
