"""Admission, refusals, debts, and what operators may type."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import DAY, HOUR, MINUTE, about
from bot.domain.errors import ParameterError, QuotaUsedUp
from bot.domain.ids import QuotaDay
from bot.domain.quota import (
    Allowance,
    Cost,
    Shortage,
    Standing,
    Use,
    Window,
    admit,
    carry,
    carry_from,
    check_allowance,
    check_amount,
    left_jobs,
    left_seconds,
    next_reset,
    overshoot,
    refusal,
)

NOW = 1_800_000_000_000
RESET = next_reset(NOW, "Europe/Berlin")
TODAY = QuotaDay("2027-01-15")


def standing(
    seconds: float | None = None, most: int | None = None, window: Window = Window.DAY, **use: float
) -> Standing:
    return Standing(Allowance(seconds, most), Use(**use), RESET, window)  # type: ignore[arg-type]


def shortage(how: Standing, seconds: float, jobs: int = 1) -> Shortage:
    found = admit(how, Cost(seconds, jobs))
    assert found is not None
    return found


class TestAdmission:
    @pytest.mark.parametrize(
        ("how", "seconds"),
        [
            (standing(), 1e12),
            (standing(100), 100),
            (standing(100, settled=60, reserved=30), 10),
            (standing(100, carried=90), 10),
            (standing(100, carried=90, granted=90), 100),
            (standing(0, granted=10), 10),
            (standing(100, granted=-90), 10),
            (standing(1, settled=0.1 + 0.2, reserved=0.6), 0.1),  # a sum of tenths is not quite one
            (standing(1e9, settled=1e9 - 1), 1),
        ],
    )
    def test_what_fits_is_admitted(self, how: Standing, seconds: float) -> None:
        assert admit(how, Cost(seconds, 1)) is None

    @pytest.mark.parametrize(
        ("how", "seconds", "left", "never"),
        [
            (standing(0), 1, 0, True),
            (standing(0), 0, 0, True),
            (standing(100, settled=60, reserved=30), 10.001, 10, False),
            (standing(100, settled=100), 0.01, 0, False),
            (standing(100, settled=100), 0, 0, False),  # thought to be free, yet a job
            (standing(100, settled=130), 1, 0, False),
            (standing(100, carried=100), 1, 0, False),
            (standing(100, granted=-100), 1, 0, False),
            (standing(100, granted=-1e9), 1, 0, False),
            (standing(100), 101, 100, True),
            (standing(100, granted=50), 151, 150, True),
            (standing(0, granted=50), 51, 50, True),
        ],
    )
    def test_what_does_not_is_short_of_seconds(
        self, how: Standing, seconds: float, left: float, never: bool
    ) -> None:
        assert how.allowance.gpu_seconds is not None
        assert shortage(how, seconds) == Shortage(
            "gpu_seconds", how.allowance.gpu_seconds, left, seconds, RESET, never
        )

    @pytest.mark.parametrize(
        ("limit", "used", "wanted", "left", "never"),
        [
            (0, 0, 1, 0, True),
            (10, 8, 3, 2, False),
            (10, 10, 1, 0, False),
            (10, 12, 1, 0, False),
            (4, 0, 5, 4, True),
        ],
    )
    def test_jobs_have_a_limit_of_their_own(
        self, limit: int, used: int, wanted: int, left: int, never: bool
    ) -> None:
        how = standing(None, limit, jobs=used)
        assert shortage(how, 1, wanted) == Shortage("jobs", limit, left, wanted, RESET, never)
        assert left_jobs(how) == left

    def test_both_limits_hold_at_once(self) -> None:
        assert admit(standing(100, 10, settled=50, jobs=5), Cost(50, 5)) is None
        assert shortage(standing(100, 10, settled=50, jobs=5), 51, 5).what == "gpu_seconds"
        assert shortage(standing(100, 10, settled=50, jobs=5), 50, 6).what == "jobs"

    @pytest.mark.parametrize("how", [standing(0, 0), standing(10, 1, settled=99, jobs=7), standing()])
    def test_a_repeat_that_costs_nothing_is_always_admitted(self, how: Standing) -> None:
        assert admit(how, Cost(0, 0)) is None

    @pytest.mark.parametrize("seconds", [math.nan, math.inf, -1.0])
    def test_a_cost_that_is_none_is_a_bug(self, seconds: float) -> None:
        with pytest.raises(ValueError, match="no cost"):
            admit(standing(100), Cost(seconds, 1))

    def test_what_is_left_is_never_shown_as_less_than_nothing(self) -> None:
        assert left_seconds(standing(100, settled=30, reserved=20, carried=10, granted=5)) == 45
        assert left_seconds(standing(100, settled=300)) == 0
        assert left_seconds(standing()) is None
        assert left_jobs(standing()) is None


class TestRefusal:
    def said(self, how: Standing, seconds: float, jobs: int = 1) -> str:
        error = refusal(shortage(how, seconds, jobs), "Europe/Berlin", RESET - 3 * HOUR)
        assert isinstance(error, QuotaUsedUp)
        return str(error.text)

    def test_it_says_which_limit_how_much_is_left_and_when_there_is_more(self) -> None:
        assert self.said(standing(600, settled=585), 24) == (
            "This needs about 24 GPU seconds, and 15 of your 600 a day are left. There is more at "
            "00:00 Europe/Berlin, in 3 h. A smaller request may fit."
        )
        assert self.said(standing(None, 20, jobs=19), 5, 4) == (
            "You asked for 4, and 1 of your 20 pictures a day are left. There are more at "
            "00:00 Europe/Berlin, in 3 h."
        )

    def test_it_does_not_say_wait_where_waiting_does_not_help(self) -> None:
        for text in (self.said(standing(60), 95), self.said(standing(None, 4), 5, 5)):
            assert "whole day has" in text
            assert "00:00" not in text
        assert "no GPU time" in self.said(standing(0), 5)
        assert "0 a day" in self.said(standing(None, 0), 5)
        assert "50 are left" in self.said(standing(0, granted=50), 60)

    def test_it_knows_the_rolling_window(self) -> None:
        text = self.said(standing(600, window=Window.ROLLING, settled=600), 5)
        assert "in 24 hours" in text
        assert "come back at 00:00" in text

    @given(st.floats(0.01, 1e6), st.floats(0, 1e6))
    def test_it_never_says_that_enough_is_not_enough(self, limit: float, used: float) -> None:
        how = standing(limit, settled=used)
        wanted = max(0.0, limit - used) + 0.001
        found = shortage(how, wanted)
        args = refusal(found, "UTC", NOW).text.args
        assert float(str(args["left"])) < float(str(args["wanted"]))

    @pytest.mark.parametrize(
        ("wait", "words"),
        [
            (-DAY, "less than a minute"),
            (0, "less than a minute"),
            (MINUTE, "1 min"),
            (MINUTE + 1, "2 min"),
            (89 * MINUTE, "89 min"),
            (90 * MINUTE, "2 h"),
            (3 * HOUR, "3 h"),
            (25 * HOUR, "25 h"),
            (3 * DAY, "3 days"),
        ],
    )
    def test_waits_in_words(self, wait: int, words: str) -> None:
        assert str(about(wait)) == words


class TestDebt:
    def test_a_job_within_its_reserve_owes_nothing(self) -> None:
        assert overshoot(standing(100, settled=90), measured=10, reserved=12) == 0

    def test_a_job_beyond_its_reserve_owes_nothing_while_the_limit_holds(self) -> None:
        assert overshoot(standing(100, settled=90), measured=50, reserved=10) == 0

    def test_only_what_is_beyond_the_limit_is_owed(self) -> None:
        assert overshoot(standing(100, settled=120), measured=50, reserved=10) == 20

    def test_no_more_than_this_job_took_too_long(self) -> None:
        assert overshoot(standing(100, settled=500), measured=50, reserved=10) == 40
        assert overshoot(standing(100, settled=500), measured=10, reserved=10) == 0

    def test_what_others_have_reserved_counts(self) -> None:
        assert overshoot(standing(100, settled=60, reserved=50), measured=60, reserved=50) == 10

    def test_a_grant_pays(self) -> None:
        assert overshoot(standing(100, settled=120, granted=15), measured=50, reserved=10) == 5

    def test_the_unlimited_owe_nothing(self) -> None:
        assert overshoot(standing(None, settled=1e9), measured=1e9, reserved=1) == 0

    def test_it_is_spread_over_the_days_that_follow(self) -> None:
        assert carry(250, 100, QuotaDay("2027-02-27")) == (
            ("2027-02-27", 100),
            ("2027-02-28", 100),
            ("2027-03-01", 50),
        )

    def test_days_that_owe_already_take_less(self) -> None:
        owed = {QuotaDay("2027-01-15"): 100.0, QuotaDay("2027-01-16"): 70.0}
        assert carry(50, 100, TODAY, carried=owed) == (("2027-01-16", 30), ("2027-01-17", 20))

    def test_the_first_day_to_pay_is_still_to_come(self) -> None:
        reserved = QuotaDay("2026-12-30")
        assert carry_from(reserved, reserved) == "2026-12-31"
        assert carry_from(reserved, QuotaDay("2026-12-31")) == "2027-01-01"
        # The clock was set back between reserve and settle.
        assert carry_from(QuotaDay("2026-12-31"), reserved) == "2027-01-01"

    @pytest.mark.parametrize("limit", [0, -1])
    def test_from_nothing_nothing_can_be_paid(self, limit: float) -> None:
        assert carry(50, limit, TODAY) == ()

    @pytest.mark.parametrize("nothing", [0.0, -5.0, 1e-9, math.nan])
    def test_no_overshoot_no_entries(self, nothing: float) -> None:
        assert carry(nothing, 100, TODAY) == ()

    @given(st.floats(0, 1e6), st.floats(0.01, 1e6), st.integers(1, 40))
    def test_it_is_paid_in_full_as_far_as_the_days_reach(self, owed: float, limit: float, most: int) -> None:
        entries = carry(owed, limit, TODAY, most_days=most)
        assert len(entries) <= most
        assert all(0 < part <= limit for _, part in entries)
        assert sorted({day for day, _ in entries}) == [day for day, _ in entries]
        paid = math.fsum(part for _, part in entries)
        assert paid == pytest.approx(min(owed, limit * most), abs=1e-5)


class TestWhatOperatorsType:
    @pytest.mark.parametrize("seconds", [0, 1, -1, 0.5, 1e9, -1e9])
    def test_amounts(self, seconds: float) -> None:
        check_amount(seconds)

    @pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 1.1e9, -1.1e9, 1e300])
    def test_what_is_no_amount(self, seconds: float) -> None:
        with pytest.raises(ParameterError, match="no amount of GPU seconds"):
            check_amount(seconds)

    @pytest.mark.parametrize(
        "allowance", [Allowance(), Allowance(0, 0), Allowance(1e9, 10**9), Allowance(0.5, None)]
    )
    def test_limits(self, allowance: Allowance) -> None:
        check_allowance(allowance)

    @pytest.mark.parametrize(
        ("allowance", "which"),
        [
            (Allowance(-1), "gpu_seconds"),
            (Allowance(math.nan), "gpu_seconds"),
            (Allowance(math.inf), "gpu_seconds"),
            (Allowance(None, -1), "jobs"),
            (Allowance(1, 10**12), "jobs"),
        ],
    )
    def test_what_is_no_limit(self, allowance: Allowance, which: str) -> None:
        with pytest.raises(ParameterError, match="no daily limit") as caught:
            check_allowance(allowance)
        assert caught.value.parameter == which


def test_a_lower_limit_than_what_was_used_leaves_nothing_and_gives_nothing_back() -> None:
    how = standing(600, settled=500)
    lowered = replace(how, allowance=Allowance(100))
    assert left_seconds(lowered) == 0
    assert shortage(lowered, 1).left == 0
