"""Which templates an operator has switched off: what the bot wrote down, whether it runs or not."""

from __future__ import annotations

import asyncio

from bot.config import Settings
from bot.domain.ids import TemplateName
from bot.service.clock import Clock
from bot.service.shelf import SWITCHED_OFF
from bot.store import open_store


async def switched_off(settings: Settings) -> frozenset[TemplateName]:
    """Empty where there is no database. Raises DatabaseUnusable and StoreUnavailable."""
    if not await asyncio.to_thread(_begun, settings):
        return frozenset()
    async with open_store(settings.database, clock=Clock().now, read_only=True) as store:
        names = await store.get(SWITCHED_OFF)
    return frozenset(TemplateName(str(name)) for name in names) if isinstance(names, list) else frozenset()


def _begun(settings: Settings) -> bool:
    try:
        return settings.database.is_file() and settings.database.stat().st_size > 0
    except OSError:
        return False
