"""What may be asked for on every platform, from the templates that there are."""

from __future__ import annotations

from bot.app.service import Service
from bot.config import Settings
from bot.presentation.specs import Commands, make_commands
from bot.templates.sizes import Limits


def commands_of(settings: Settings, service: Service) -> Commands:
    """With the bounds of the most generous tier. Takes a moment for many models: call it in a thread."""
    tiers = settings.tiers.values()
    widest = Limits(
        max_pixels=max(tier.max_pixels for tier in tiers), max_count=max(tier.max_count for tier in tiers)
    )
    return make_commands(
        service.usecases.shelf.library.enabled(),
        widest,
        tiers=tuple(settings.tiers),
        linking=service.reception.plain.linking,
    )
