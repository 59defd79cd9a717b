"""Interactions, built as Discord builds them, and sent to the bot."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.support.discord import payloads, permissions
from tests.support.discord.failures import Json
from tests.support.discord.guilds import DM, Channel
from tests.support.discord.interactions import Interaction, Kind
from tests.support.discord.users import User

if TYPE_CHECKING:
    from tests.support.discord.messages import Message
    from tests.support.discord.world import DiscordWorld

IN_GUILD, IN_BOT_DM, IN_PRIVATE = 0, 1, 2


def context_of(channel: Channel) -> int:
    if channel.guild is not None:
        return IN_GUILD
    return IN_BOT_DM if channel.kind == DM else IN_PRIVATE


def owners_of(channel: Channel, user: User) -> dict[str, str]:
    """Through which installation the app is used there."""
    found = {}
    if channel.guild is not None and channel.guild.has_bot:
        found["0"] = str(channel.guild.id)
    elif channel.kind == DM:
        found["0"] = "0"
    if user.installed:
        found["1"] = str(user.id)
    return found


class Resolved:
    """Users, channels, roles, messages and files that options and menus point at."""

    def __init__(self, world: DiscordWorld, channel: Channel) -> None:
        self._world = world
        self._channel = channel
        self.json: Json = {}

    def _put(self, kind: str, key: int, value: Json) -> str:
        self.json.setdefault(kind, {})[str(key)] = value
        return str(key)

    def user(self, user: User) -> str:
        guild = self._channel.guild
        if guild is not None and user.id in guild.members:
            member = guild.members[user.id]
            bits = permissions.in_channel(self._channel, member)
            self._put("members", user.id, payloads.member(member, permission_bits=bits, alone=True))
        return self._put("users", user.id, payloads.user(user))

    def channel(self, channel: Channel) -> str:
        return self._put("channels", channel.id, payloads.channel(channel) | {"permissions": "0"})

    def role(self, role: Any) -> str:
        assert self._channel.guild is not None
        return self._put("roles", role.id, payloads.role(role, self._channel.guild))

    def message(self, message: Message) -> str:
        return self._put("messages", message.id, payloads.message(message))

    def attachment(self, file: Any) -> str:
        return self._put("attachments", file.id, payloads.attachment(file, self._world.cdn.url(file)))


def make_interaction(
    world: DiscordWorld,
    kind: Kind,
    user: User,
    channel: Channel,
    *,
    sent_ago: float = 0.0,
    **about: Any,
) -> Interaction:
    """A new one that the bot has not heard of. ``sent_ago``: seconds by which its id is set back."""
    snowflake = world.ids.mint(ago=sent_ago)
    guild_limit = 0 if channel.guild is None else channel.guild.upload_limit
    digest = hashlib.sha256(f"{snowflake}{world.token}".encode()).hexdigest()
    made = Interaction(
        snowflake,
        f"aW50ZXJhY3Rpb246{snowflake:x}{digest}",
        kind,
        user,
        channel,
        world.now(),
        max(user.nitro.value, guild_limit),
        owners_of(channel, user),
        **about,
    )
    world.interactions[made.token] = made
    return made


def send(world: DiscordWorld, interaction: Interaction, data: Json) -> None:
    """Tell the bot, if it has a session. Without one it never hears of it."""
    interaction.payload = payload(world, interaction, data)
    guild = interaction.guild
    interaction.delivered = world.gateway.dispatch(
        "INTERACTION_CREATE", interaction.payload, guild=None if guild is None else guild.id, needs=0
    )


def payload(world: DiscordWorld, interaction: Interaction, data: Json) -> Json:
    channel, user, guild = interaction.channel, interaction.user, interaction.guild
    found: Json = {
        "id": str(interaction.id),
        "application_id": str(world.application_id),
        "type": interaction.kind.value,
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": payloads.channel(channel),
        "locale": user.locale,
        "app_permissions": str(payloads.app_permissions(channel, world.bot)),
        "entitlements": [],
        "authorizing_integration_owners": interaction.owners,
        "context": context_of(channel),
        "attachment_size_limit": interaction.upload_limit,
    }
    if guild is None:
        found["user"] = payloads.user(user)
    else:
        member = guild.members[user.id]
        bits = permissions.in_channel(channel, member)
        found |= {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "member": payloads.member(member, permission_bits=bits),
        }
        found["channel"]["permissions"] = str(bits)
    if interaction.message is not None:
        found["message"] = payloads.message(interaction.message)
    return found
