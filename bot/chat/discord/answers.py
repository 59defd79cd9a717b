"""The first answer to an interaction, before anything slow: Discord waits three seconds, and no longer."""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import discord

from bot.chat.discord.letters import MOST_ALT, NOBODY
from bot.chat.discord.render import embed_of, view_of
from bot.presentation.language import Language, Languages
from bot.service.outcomes import Document, Tell

log = logging.getLogger(__name__)

T = TypeVar("T")

ALREADY_ACKNOWLEDGED = 40060
"""The answer to an earlier try was lost: it took effect all the same."""
FIRST_TRIES = 2
"""Where the connection is cut. What Discord itself fails at is repeated by the library."""


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


@dataclass(frozen=True, slots=True)
class Sayer:
    """Says what nothing follows. A word that does not come through is no reason to stop anything."""

    languages: Languages

    async def show(self, interaction: discord.Interaction, said: Tell) -> None:
        """Fill the deferred answer, or the card that was pressed on."""
        language = self.language(interaction, private=True)
        for document in _as_far_as_taken(await said.file(language)):
            call = interaction.edit_original_response(
                embeds=[_embed(said, document, language)],
                view=view_of(said.card, language),
                attachments=[_file(document)] if document else [],
                allowed_mentions=NOBODY,
            )
            if await came_through(call):
                return

    async def whisper(self, interaction: discord.Interaction, said: Tell) -> None:
        """For the eyes of whoever pressed, beside a message that stays as it is."""
        language = self.language(interaction, private=True)
        for document in _as_far_as_taken(await said.file(language)):
            call = interaction.followup.send(
                embed=_embed(said, document, language),
                view=view_of(said.card, language) or discord.utils.MISSING,
                file=_file(document) if document else discord.utils.MISSING,
                ephemeral=True,
                allowed_mentions=NOBODY,
            )
            if await came_through(call):
                return

    async def show_alone(self, interaction: discord.Interaction, said: Tell) -> None:
        """The answer has begun before everybody's eyes: it is taken back, for a word to one person."""
        if await came_through(interaction.delete_original_response()):
            await self.whisper(interaction, said)
        else:
            await self.show(interaction, said)

    def language(self, interaction: discord.Interaction, *, private: bool) -> Language:
        """What one person alone reads is in their language, what all read in the guild's."""
        if private or interaction.guild_id is None:
            return self.languages.of(str(interaction.locale))
        # Guilds that have chosen no language of their own say English.
        chosen = interaction.guild_locale
        plain = chosen is None or chosen is discord.Locale.american_english
        return self.languages.of(None if plain else str(chosen))


async def came_through(call: Awaitable[object]) -> bool:
    """Whether Discord took it."""
    try:
        await call
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
        log.info("an answer did not come through: %r", error)
        return False
    return True


def _as_far_as_taken(document: Document | None) -> tuple[Document | None, ...]:
    """Words do not stay away because a picture that goes with them is not taken."""
    return (document, None) if document is not None and document.is_picture else (document,)


def _embed(said: Tell, document: Document | None, language: Language) -> discord.Embed:
    embed = embed_of(said.card, language)
    if document is not None and document.is_picture:
        embed.set_image(url=f"attachment://{document.name}")
    return embed


def _file(document: Document) -> discord.File:
    alt = document.alt[:MOST_ALT] or None
    return discord.File(io.BytesIO(document.content), filename=document.name, description=alt)
