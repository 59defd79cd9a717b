"""Tiers: named bundles of weight, quota and limits, and who is in which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.domain.ids import IdentityId, TierName
from bot.domain.quota import Allowance

DEFAULT = TierName("default")


@dataclass(frozen=True, slots=True)
class Tier:
    """``members`` and ``roles`` name who is in it, besides those whom an operator put there."""

    name: TierName
    weight: float = 1.0
    """Share of the GPU in relation to other tiers; above 0."""
    max_waiting: int = 10
    """Open jobs of one user."""
    allowance: Allowance = field(default_factory=Allowance)
    max_pixels: int = 2_097_152
    """Of one picture."""
    max_count: int = 4
    """Pictures of one request."""
    roles: frozenset[str] = frozenset()
    members: frozenset[IdentityId] = frozenset()


class Tiers:
    """The configured tiers. ``default`` is there whether it was configured or not.

    Raises ValueError for two tiers of one name, or a weight that is not above 0.
    """

    def __init__(self, tiers: Sequence[Tier]) -> None:
        by_name = {tier.name: tier for tier in tiers}
        if len(by_name) != len(tiers):
            raise ValueError("two tiers have the same name")
        if bad := [tier.name for tier in tiers if not 0 < tier.weight < float("inf")]:
            raise ValueError(f"weights must be above 0: {', '.join(bad)}")
        by_name.setdefault(DEFAULT, Tier(DEFAULT))
        self._by_name = by_name

    def of(self, override: TierName | None, identities: Iterable[IdentityId], roles: frozenset[str]) -> Tier:
        """The tier of a user.

        An operator's ``override`` first, if such a tier exists (see :meth:`missing`); else the one of
        highest weight, then first configured, that names one of ``identities`` or ``roles``; else the
        default. ``roles`` are those of the place where the request was made, they mean nothing elsewhere.
        """
        if override is not None and override in self._by_name:
            return self._by_name[override]
        mine = frozenset(identities)
        named = [t for t in self._by_name.values() if t.members & mine or t.roles & roles]
        # max keeps the first of equals.
        return max(named, key=lambda tier: tier.weight, default=self._by_name[DEFAULT])

    def get(self, name: TierName) -> Tier | None:
        return self._by_name.get(name)

    def missing(self, name: TierName | None) -> bool:
        """Whether a stored name means no tier any more: it was taken out of the config while in use."""
        return name is not None and name not in self._by_name

    def names(self) -> tuple[TierName, ...]:
        """As configured."""
        return tuple(self._by_name)
