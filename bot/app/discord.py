"""Discord, connected to the service: the parts of :mod:`bot.chat.discord` put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from bot.app.service import Service
from bot.chat.discord.bot import DiscordAccount, DiscordBot
from bot.chat.discord.frontend import Interactions
from bot.chat.discord.offer import Offer, make_offer
from bot.chat.discord.render import Language
from bot.chat.discord.screen import DiscordScreen
from bot.chat.discord.uploads import Upload, download
from bot.config import Settings
from bot.config.model import Discord
from bot.domain.ids import RequestId
from bot.domain.throttle import discord_policy
from bot.presentation.card_situation import Offers
from bot.service.clock import Clock
from bot.service.parcels.packing import Packer
from bot.service.reporter import Reporter
from bot.service.threads import in_thread
from bot.templates.sizes import Limits

NOTHING_YET = Offers(upscale=False, variation=False)


@dataclass(frozen=True, slots=True)
class DiscordParts:
    """What has to run, and the bot to look at."""

    bot: DiscordBot
    run: Mapping[str, Callable[[], Awaitable[None]]]


def discord_parts(
    settings: Settings,
    configured: Discord,
    service: Service,
    clock: Clock,
    *,
    options: Mapping[str, Any] | None = None,
) -> DiscordParts:
    """Make the front-end, and let the courier bring results to it. To be called before the service works."""
    clients: list[discord.Client] = []
    operator, language = service.operator, Language()

    async def moved(request: RequestId, address: str) -> None:
        await service.store.set_reply(request, address)

    screen = DiscordScreen(
        lambda: clients[-1],
        language=language,
        packer=Packer(operator.gallery),
        offers=lambda _: NOTHING_YET,
        moved=moved,
        now=clock.now,
    )
    reporter = Reporter(
        screen,
        discord_policy(configured.progress_interval),
        store=service.store,
        dispatcher=service.dispatcher,
        streams=operator.streams,
        title_of=lambda request: service.usecases.shelf.title_of(request.template),
        clock=clock,
    )
    service.courier.register("discord", reporter)
    account = DiscordAccount(
        token=configured.token.get_secret_value(),
        guilds=configured.guild_ids,
        admins=frozenset(configured.admin_ids),
        allowed_guilds=frozenset(configured.allowed_guild_ids),
    )
    interactions = Interactions(
        usecases=service.usecases,
        reporter=reporter,
        admins=account.admins,
        language=language,
        download=_download,
    )

    def take(client: discord.Client) -> None:
        clients[:] = [client]

    bot = DiscordBot(
        account,
        interactions=interactions,
        usecases=service.usecases,
        offer=lambda: _offer(settings, service),
        remember=service.store,
        notices=operator.notices,
        use=take,
        sleep=clock.sleep,
        options=options,
    )
    service.usecases.shelf.on_change = bot.offer_changed
    return DiscordParts(bot, {"discord": bot.run, "discord cards": reporter.run})


async def _offer(settings: Settings, service: Service) -> Offer:
    tiers = settings.tiers.values()
    widest = Limits(
        max_pixels=max(tier.max_pixels for tier in tiers), max_count=max(tier.max_count for tier in tiers)
    )
    templates = service.usecases.shelf.library.enabled()
    return await in_thread(make_offer, templates, widest, tuple(settings.tiers))


async def _download(upload: Upload) -> bytes:
    async with aiohttp.ClientSession() as session:
        return await download(session, upload)
