"""Who did something, and where: read from an interaction, before anything else is known."""

from __future__ import annotations

import discord

from bot.chat.discord.address import Address
from bot.domain.ids import IdentityId, RequestId
from bot.presentation.actions import OnRequest, decode
from bot.service.gate import Asker


def asker_of(interaction: discord.Interaction, admins: frozenset[int]) -> Asker:
    """Who pressed or typed, with the roles and rights that hold in this guild."""
    user = interaction.user
    roles: frozenset[str] = frozenset()
    if isinstance(user, discord.Member):
        # Only the ids are sent along, whatever the library knows of the guild.
        roles = frozenset(f"discord:{role}" for role in user._roles)
    guild = interaction.guild_id
    return Asker(
        IdentityId(f"discord:{user.id}"),
        user.display_name,
        roles,
        admin=user.id in admins,
        place="" if guild is None else f"discord:guild:{guild}",
        moderator=guild is not None and interaction.permissions.manage_guild,
    )


def is_adult(interaction: discord.Interaction) -> bool:
    """Whether the channel is age-restricted; a thread is as its channel. What Discord does not say is not."""
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        return channel.parent is not None and channel.parent.is_nsfw()
    return isinstance(channel, discord.abc.GuildChannel) and bool(getattr(channel, "nsfw", False))


def only_theirs(interaction: discord.Interaction) -> bool:
    """Whether the message pressed on is seen by one person alone."""
    message = interaction.message
    return message is not None and message.flags.ephemeral


def somebody_elses(interaction: discord.Interaction) -> bool:
    """Whether another person's command or button made the message pressed on, as Discord remembers."""
    message = interaction.message
    made_by = None if message is None else message.interaction_metadata
    return made_by is not None and made_by.user.id != interaction.user.id


def shows(interaction: discord.Interaction, request: RequestId) -> bool:
    """Whether a button of the message pressed on is about that request: what was pressed may be forged."""
    message = interaction.message
    rows = [] if message is None else message.components
    items = [item for row in rows if isinstance(row, discord.ActionRow) for item in row.children]
    actions = [
        decode(item.custom_id) for item in items if isinstance(item, discord.Button) and item.custom_id
    ]
    return any(isinstance(action, OnRequest) and action.request == request for action in actions)


async def address_of(interaction: discord.Interaction, message: int, *, ephemeral: bool) -> Address:
    """Where the reply is. The id of its message is asked for where it is not known yet."""
    if not message:
        message = (await interaction.original_response()).id
    installed = interaction.is_guild_integration() or interaction.guild_id is None
    return Address(
        application=interaction.application_id,
        interaction=interaction.id,
        token=interaction.token,
        channel=interaction.channel_id or 0,
        guild=interaction.guild_id or 0,
        message=message,
        ephemeral=ephemeral,
        reachable=installed and not ephemeral,
        user=interaction.user.id,
    )
