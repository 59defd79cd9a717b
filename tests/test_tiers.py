"""Who is in which tier."""

from __future__ import annotations

import math

import pytest

from bot.domain.ids import IdentityId, TierName
from bot.domain.quota import Allowance
from bot.domain.tiers import DEFAULT, Tier, Tiers

ANN, BEN, CAT = IdentityId("discord:1"), IdentityId("telegram:2"), IdentityId("discord:3")
PATRON, STAFF, SLOW = TierName("patron"), TierName("staff"), TierName("slow")
NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def tiers() -> Tiers:
    return Tiers(
        [
            Tier(DEFAULT, weight=1, allowance=Allowance(600, 50)),
            Tier(PATRON, weight=3, roles=frozenset({"discord:77"}), members=frozenset({BEN})),
            Tier(STAFF, weight=3, roles=frozenset({"discord:88"}), members=frozenset({ANN})),
            Tier(SLOW, weight=0.5, members=frozenset({ANN, CAT})),
        ]
    )


def test_who_is_named_nowhere_is_in_the_default_tier(tiers: Tiers) -> None:
    tier = tiers.of(None, [IdentityId("discord:9")], frozenset({"discord:1"}))
    assert tier.name == DEFAULT
    assert tier.allowance == Allowance(600, 50)


def test_any_identity_or_role_of_a_person_counts(tiers: Tiers) -> None:
    assert tiers.of(None, [IdentityId("discord:9"), BEN], NOBODY).name == PATRON
    assert tiers.of(None, [IdentityId("discord:9")], frozenset({"discord:88"})).name == STAFF
    assert tiers.of(None, iter([BEN]), NOBODY).name == PATRON


def test_of_several_the_heaviest_counts_then_the_first(tiers: Tiers) -> None:
    assert tiers.of(None, [ANN], NOBODY).name == STAFF
    assert tiers.of(None, [BEN, ANN], NOBODY).name == PATRON
    assert tiers.of(None, [CAT], frozenset({"discord:88"})).name == STAFF


def test_a_light_tier_is_a_tier_too(tiers: Tiers) -> None:
    assert tiers.of(None, [CAT], NOBODY).name == SLOW


def test_an_operators_word_goes_first(tiers: Tiers) -> None:
    assert tiers.of(SLOW, [ANN], frozenset({"discord:77"})).name == SLOW
    assert tiers.of(DEFAULT, [ANN], NOBODY).name == DEFAULT


def test_a_tier_that_has_gone_from_the_config_leaves_the_others(tiers: Tiers) -> None:
    gone = TierName("founder")
    assert tiers.of(gone, [ANN], NOBODY).name == STAFF
    assert tiers.of(gone, [], NOBODY).name == DEFAULT
    assert tiers.missing(gone)
    assert not tiers.missing(STAFF)
    assert not tiers.missing(None)
    assert tiers.get(gone) is None


def test_there_is_always_a_default() -> None:
    tiers = Tiers([Tier(PATRON, weight=2, members=frozenset({BEN}))])
    assert tiers.names() == (PATRON, DEFAULT)
    assert tiers.of(None, [ANN], NOBODY) == Tier(DEFAULT)
    assert Tiers([]).of(PATRON, [BEN], NOBODY).allowance == Allowance(None, None)
    assert tiers.get(PATRON) == tiers.of(None, [BEN], NOBODY)


def test_two_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="same name"):
        Tiers([Tier(PATRON), Tier(PATRON, weight=2)])


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_a_weight_must_be_above_zero(weight: float) -> None:
    with pytest.raises(ValueError, match="patron"):
        Tiers([Tier(PATRON, weight=weight)])
