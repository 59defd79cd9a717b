"""What the bot has learned of its servers and templates, over restarts."""

from __future__ import annotations

from bot.domain.errors import StoreUnavailable
from bot.domain.estimates import Estimates
from bot.domain.guard import Ceilings, Quarantine
from bot.service.course import Guards
from bot.service.store import Store

_ESTIMATES, _CEILINGS, _QUARANTINE = "estimates", "ceilings", "quarantine"


async def recall(store: Store) -> Guards:
    """As it was kept last. Raises StoreUnavailable."""
    guards = Guards(Estimates(), Ceilings(), Quarantine())
    guards.estimates.load(await store.learned(_ESTIMATES))
    guards.ceilings.load(await store.learned(_CEILINGS))
    guards.quarantine.load(await store.learned(_QUARANTINE))
    return guards


async def keep(store: Store, guards: Guards) -> None:
    """What has changed since. Raises StoreUnavailable; then it is kept the next time."""
    await _keep(store, _ESTIMATES, guards.estimates)
    await _keep(store, _CEILINGS, guards.ceilings)
    await _keep(store, _QUARANTINE, guards.quarantine)


async def _keep(store: Store, kind: str, learned: Estimates | Ceilings | Quarantine) -> None:
    if changed := learned.dirty():
        try:
            await store.save_learned(kind, changed)
        except StoreUnavailable:
            learned.not_saved(changed)
            raise
