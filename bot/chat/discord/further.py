"""The messages below a card that hold those files of a result for which it has no room: they go with it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import discord

from bot.chat.discord.address import Address
from bot.chat.discord.circumstances import address_of, only_theirs
from bot.chat.discord.posts import Posts
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import RequestId
from bot.service.usecases import UseCases

log = logging.getLogger(__name__)

ReplyOf = Callable[[RequestId], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Further:
    """Remembers them with the address of a request's reply. ``moved`` takes a new address."""

    reply_of: ReplyOf
    moved: Callable[[RequestId, str], Awaitable[None]]

    async def remember(self, request: RequestId, card: Address, messages: Sequence[int]) -> None:
        """``card``: where the message is to which they belong."""
        try:
            address = Address.from_text(await self.reply_of(request) or "") or card
            await self.moved(request, address.with_further(card.message, messages).to_text())
        except StoreUnavailable as error:
            log.warning("further messages of %s are not remembered: %s", request, error.cause)


async def take_away(interaction: discord.Interaction, request: RequestId, usecases: UseCases) -> None:
    """Delete what belongs to the message that was pressed on, as far as Discord lets us."""
    message = interaction.message
    if message is None:
        return
    try:
        record = await usecases.store.request(request)
    except StoreUnavailable as error:
        log.info("further messages of %s stay: %s", request, error.cause)
        return
    known = None if record is None or record.reply is None else Address.from_text(record.reply)
    if known is None:
        return
    here = await address_of(interaction, message.id, ephemeral=only_theirs(interaction))
    left = await _left(here, known, Posts(lambda: interaction.client), usecases.gate.clock.now())
    if left:
        log.info("%s further messages of %s stay", left, request)


async def _left(here: Address, known: Address, posts: Posts, now: int) -> int:
    """How many could not be deleted. ``known``: the address that the request has."""
    further = known.further_of(here.message)
    if here.reachable:
        return sum([not await posts.delete(here, message) for message in further])
    if known.message == here.message and known.token_lives(now):
        return sum([not await posts.delete_by_token(known, message) for message in further])
    return len(further)
