"""The first answer to an interaction, before anything slow: Discord waits three seconds, and no longer."""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import discord

from bot.chat.discord.address import Address
from bot.chat.discord.render import embed_of, view_of
from bot.chat.discord.screen import NOBODY
from bot.domain.ids import IdentityId
from bot.presentation.language import Language
from bot.service.gate import Asker
from bot.service.outcomes import Document, Tell

log = logging.getLogger(__name__)

ALREADY_ACKNOWLEDGED = 40060
"""The answer to an earlier try was lost: it took effect all the same."""


FIRST_TRIES = 2
T = TypeVar("T")


class TooLate(Exception):
    """The interaction cannot be answered any more (10062): nobody waits for what it asked."""


async def defer(interaction: discord.Interaction, *, ephemeral: bool, update: bool = False) -> int:
    """Say that an answer comes; the id of its message, 0 where Discord does not tell. ``update``: the message
    with the button stays as it is. Raises TooLate."""
    answer = await _first(lambda: interaction.response.defer(ephemeral=ephemeral, thinking=not update))
    return int(answer.message_id or 0) if answer is not None else 0


async def open_modal(interaction: discord.Interaction, modal: discord.ui.Modal) -> None:
    """Raises TooLate."""
    await _first(lambda: interaction.response.send_modal(modal))


async def _first(respond: Callable[[], Awaitable[T]]) -> T | None:
    """Make the first answer; None when an earlier try had been it. Raises TooLate."""
    lost: Exception | None = None
    for _ in range(FIRST_TRIES):
        try:
            return await respond()
        except discord.InteractionResponded:
            return None
        except discord.HTTPException as error:
            if error.code == ALREADY_ACKNOWLEDGED:
                return None
            raise TooLate(f"{error.status} {error.code}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            lost = error  # nobody knows whether it took effect: said once more, Discord tells
    raise TooLate(repr(lost)) from lost


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


async def show_once(interaction: discord.Interaction, said: Tell, language: Language) -> None:
    """Fill the deferred answer, or the card that was pressed on, with a card that nothing follows."""
    await interaction.edit_original_response(
        embeds=[embed_of(said.card, language)],
        view=view_of(said.card, language),
        attachments=[_file(said.document)] if said.document else [],
        allowed_mentions=NOBODY,
    )


async def whisper(interaction: discord.Interaction, said: Tell, language: Language) -> None:
    """A card for the eyes of whoever pressed, beside a message that stays as it is."""
    await interaction.followup.send(
        embed=embed_of(said.card, language),
        view=view_of(said.card, language) or discord.utils.MISSING,
        file=_file(said.document) if said.document else discord.utils.MISSING,
        ephemeral=True,
        allowed_mentions=NOBODY,
    )


def _file(document: Document) -> discord.File:
    return discord.File(io.BytesIO(document.content), filename=document.name)


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
