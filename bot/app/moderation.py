"""Moderation, from the settings to its parts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.config import Settings
from bot.domain.ids import IdentityId
from bot.domain.moderation import BlockedWords
from bot.domain.strikes import Ladder
from bot.hook import HttpCensor
from bot.service.clock import Clock
from bot.service.moderation import HouseRules, PlaceRules
from bot.service.moderation_desk import Moderation
from bot.service.moderation_hook import Censor, Judge
from bot.service.moderation_strikes import Strikes
from bot.service.notices import Notices
from bot.service.store import Store

_KEY = "moderation_secret"
"""Of the small state that outlives the process."""


@asynccontextmanager
async def open_censor(settings: Settings) -> AsyncIterator[Censor | None]:
    """The operator's own check, where the settings name one."""
    chosen = settings.moderation
    if not chosen.hook_url:
        yield None
        return
    async with HttpCensor(chosen.hook_url, chosen.plain_hook_headers(), chosen.hook_seconds) as censor:
        yield censor


async def make_moderation(
    settings: Settings,
    store: Store,
    notices: Notices,
    clock: Clock,
    *,
    admins: frozenset[IdentityId],
    censor: Censor | None = None,
) -> Moderation:
    """Raises ConfigError for a blocked word that has nothing to look for."""
    chosen = settings.moderation
    return Moderation(
        house_rules(settings),
        Judge(censor, notices, clock, down=chosen.hook_down, patience=chosen.hook_seconds),
        Strikes(
            store,
            clock,
            Ladder.of(chosen.warnings or 0, chosen.warnings_days, chosen.block_hours),
            admins,
            settings.timezone,
        ),
        b"" if censor is None else await _secret(store),
    )


def house_rules(settings: Settings) -> HouseRules:
    """Raises ConfigError."""
    chosen = settings.moderation
    return HouseRules(
        BlockedWords(chosen.blocked_words),
        chosen.nsfw,
        {
            each.place: PlaceRules(
                BlockedWords(each.blocked_words) if each.blocked_words else None, each.nsfw, each.templates
            )
            for each in chosen.places
        },
    )


async def _secret(store: Store) -> bytes:
    """Of this bot, for good: the hook is to know somebody again after a restart."""
    known = await store.get(_KEY)
    if not isinstance(known, str):
        known = secrets.token_hex(32)
        await store.put(_KEY, known)
    return known.encode()
