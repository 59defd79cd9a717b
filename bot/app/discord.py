"""Discord, connected to the service: the parts of :mod:`bot.chat.discord` put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord

from bot.app.front_ends import commands_of, language_of, make_reporter
from bot.app.languages import load_languages
from bot.app.service import Service
from bot.chat.discord.answers import Sayer
from bot.chat.discord.bot import DiscordAccount, DiscordBot
from bot.chat.discord.client import counted
from bot.chat.discord.frontend import Interactions
from bot.chat.discord.offer import Offer, make_offer
from bot.chat.discord.screen import DiscordScreen
from bot.chat.discord.uploads import Uploads, download
from bot.config import Settings
from bot.config.model import Discord
from bot.domain.ids import RequestId
from bot.domain.throttle import discord_policy
from bot.presentation.language import Languages
from bot.service.clock import Clock
from bot.service.threads import in_thread


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
    operator, reception = service.operator, service.reception
    languages = load_languages(settings.language)

    async def reply_of(request: RequestId) -> str | None:
        record = await service.store.request(request)
        return None if record is None else record.reply

    screen = DiscordScreen(
        lambda: clients[-1] if clients else None,
        language_of=language_of(languages),
        packer=service.packer,
        offers=reception.follow_ups.offers,
        moved=service.store.set_reply,
        reply_of=reply_of,
        now=clock.now,
        previews=configured.previews,
        monotonic=clock.monotonic,
    )
    reporter = make_reporter(service, screen, discord_policy(configured.progress_interval), clock)
    account = DiscordAccount(
        token=configured.token.get_secret_value(),
        guilds=configured.guild_ids,
        admins=frozenset(configured.admin_ids),
        allowed_guilds=frozenset(configured.allowed_guild_ids),
        api_base_url=configured.api_base_url if "api_base_url" in configured.model_fields_set else "",
        gateway_url=configured.gateway_url,
    )
    interactions = Interactions(
        reception=reception,
        reporter=reporter,
        admins=account.admins,
        sayer=Sayer(languages),
        uploads=Uploads(download),
    )

    def take(client: discord.Client) -> None:
        clients[:] = [client]

    bot = DiscordBot(
        account,
        interactions=interactions,
        offer=lambda: _offer(settings, service, languages),
        remember=service.store,
        notices=operator.notices,
        use=take,
        sleep=clock.sleep,
        options={"http_trace": counted(partial(service.meters.called, "discord")), **(options or {})},
    )
    service.usecases.shelf.watch(bot.offer_changed)
    return DiscordParts(bot, {"discord": bot.run, "discord cards": reporter.run})


async def _offer(settings: Settings, service: Service, languages: Languages) -> Offer:
    library = service.usecases.shelf.library

    def make() -> Offer:
        return make_offer(
            commands_of(settings, service),
            library.enabled(),
            disabled=library.switched_off(),
            locales=languages.gettexts(str(locale) for locale in discord.Locale),
        )

    return await in_thread(make)
