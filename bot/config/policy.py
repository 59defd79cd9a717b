"""The settings as the rules that the service goes by."""

from __future__ import annotations

from bot.config.model import Settings
from bot.config.model import Tier as TierSettings
from bot.domain.ids import IdentityId, TierName
from bot.domain.quota import Allowance
from bot.domain.tiers import Tier, Tiers


def tiers_of(settings: Settings) -> Tiers:
    """The configured tiers. Roles carry their platform (``discord:456``), as identities do."""
    return Tiers([_tier(TierName(name), tier) for name, tier in settings.tiers.items()])


def _tier(name: TierName, tier: TierSettings) -> Tier:
    return Tier(
        name=name,
        weight=tier.weight,
        max_waiting=tier.max_waiting,
        allowance=Allowance(gpu_seconds=tier.gpu_seconds_per_day, jobs=tier.jobs_per_day),
        max_pixels=tier.max_pixels,
        max_count=tier.max_count,
        roles=frozenset(f"discord:{role}" for role in tier.discord_role_ids),
        members=frozenset(IdentityId(member) for member in tier.user_ids),
    )
