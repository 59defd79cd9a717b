"""What is learned of jobs and of model loads."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.estimates import UNKNOWN_SECONDS, Estimates
from bot.domain.ids import ServerName, TemplateName
from bot.domain.quantiles import LATEST, Recent
from bot.domain.work import Work

FAST, SLOW = ServerName("fast"), ServerName("slow")
MEGAPIXEL = 1024 * 1024
JOB = Work(TemplateName("sdxl"), "base.safetensors", MEGAPIXEL, 20, "")
GUESSED = replace(JOB, first_guess=12.0)

durations = st.floats(0.01, 10_000)


def learn(estimates: Estimates, *seconds: float, work: Work = JOB, server: ServerName = FAST) -> None:
    for value in seconds:
        estimates.observe(work, server, value, swapped=False)


def load(estimates: Estimates, *seconds: float, work: Work = JOB, server: ServerName = FAST) -> None:
    for value in seconds:
        estimates.observe(work, server, value, swapped=True)


def restarted(estimates: Estimates) -> Estimates:
    again = Estimates()
    again.load(json.loads(json.dumps(estimates.dirty())))
    return again


class TestBeforeAnythingIsMeasured:
    def test_nothing_is_known(self) -> None:
        estimates = Estimates()
        assert estimates.seconds(JOB) is None
        assert estimates.expected(JOB) == estimates.reserve(JOB) == UNKNOWN_SECONDS == 30
        assert estimates.swap_seconds(FAST, JOB.model) == 0

    def test_the_sidecars_guess_holds(self) -> None:
        estimates = Estimates()
        assert estimates.seconds(GUESSED) is None
        assert estimates.expected(GUESSED) == estimates.reserve(GUESSED) == 12

    @pytest.mark.parametrize("guess", [0.0, -3.0, math.nan, math.inf])
    def test_a_guess_that_is_none_is_ignored(self, guess: float) -> None:
        work = replace(JOB, first_guess=guess)
        estimates = Estimates()
        assert estimates.reserve(work) == 30
        assert estimates.split(work, FAST, 40, swapped=True) == (40, 0)
        load(estimates, 40, work=work)
        assert restarted(estimates).swap_seconds(FAST, JOB.model) == 0


class TestRuns:
    def test_what_was_measured_replaces_every_guess(self) -> None:
        estimates = Estimates()
        learn(estimates, 5, work=GUESSED)
        assert estimates.expected(GUESSED) == estimates.reserve(GUESSED) == pytest.approx(5)

    def test_the_reserve_is_what_nine_of_ten_do_not_exceed(self) -> None:
        estimates = Estimates()
        learn(estimates, *(9 * n % 20 + 1 for n in range(20)))  # 1 to 20, well mixed
        assert estimates.expected(JOB) == pytest.approx(10)
        assert estimates.reserve(JOB) == pytest.approx(18)
        assert estimates.seconds(JOB, 0.25) == pytest.approx(5)

    def test_another_size_costs_in_proportion(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        assert estimates.expected(replace(JOB, pixels=4 * MEGAPIXEL)) == pytest.approx(40)
        assert estimates.expected(replace(JOB, steps=10)) == pytest.approx(5)

    def test_the_same_size_counts_for_more_than_proportion(self) -> None:
        estimates = Estimates()
        learn(estimates, *[10] * 20)
        small = replace(JOB, pixels=MEGAPIXEL // 4)
        learn(estimates, 6, 6, 6, work=small)  # loading text and saving costs the same at any size
        assert estimates.expected(small) == pytest.approx(6)

    def test_another_model_of_the_template_is_a_first_guess(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        other = replace(GUESSED, model="other")
        assert estimates.expected(other) == pytest.approx(10)
        assert estimates.expected(replace(other, template=TemplateName("flux"))) == 12

    def test_a_template_without_size_or_steps_is_learned_too(self) -> None:
        upscale = Work(TemplateName("upscale"), "", 0, 0, "")
        estimates = Estimates()
        learn(estimates, 3, 4, 5, work=upscale)
        assert estimates.expected(upscale) == pytest.approx(4)

    @pytest.mark.parametrize("outlier", [0.0011, 100_000.0])
    def test_one_outlier_moves_nothing(self, outlier: float) -> None:
        for before in (2, 5, 11, 40):
            estimates = Estimates()
            learn(estimates, *[10.0] * before, outlier)
            assert estimates.expected(JOB) == pytest.approx(10)
            assert estimates.reserve(JOB) == pytest.approx(10)

    @pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, -math.inf, 0.0005])
    def test_what_is_no_run_is_not_learned(self, seconds: float) -> None:
        estimates = Estimates()
        learn(estimates, seconds)
        load(estimates, seconds)
        assert estimates.seconds(JOB) is None
        assert estimates.dirty() == {}

    @pytest.mark.parametrize(("old", "new"), [(40.0, 10.0), (10.0, 40.0)])
    def test_a_new_card_is_noticed_within_some_jobs(self, old: float, new: float) -> None:
        estimates = Estimates()
        dice = random.Random(7)
        learn(estimates, *(old * dice.uniform(0.9, 1.1) for _ in range(200)))
        learn(estimates, *(new * dice.uniform(0.9, 1.1) for _ in range(5)))
        assert estimates.expected(JOB) == pytest.approx(new, rel=0.12)
        assert estimates.reserve(JOB) == pytest.approx(new, rel=0.12)

    @given(st.integers(), st.floats(0.5, 100), st.floats(0.1, 500))
    def test_it_comes_to_the_truth_from_any_beginning(self, seed: int, truth: float, wrong: float) -> None:
        estimates, dice = Estimates(), random.Random(seed)
        learn(estimates, *[wrong] * 10)
        learn(estimates, *(truth * dice.uniform(0.9, 1.1) for _ in range(LATEST)))
        assert estimates.expected(JOB) == pytest.approx(truth, rel=0.11)
        assert truth * 0.89 < estimates.reserve(JOB) < truth * 1.11
        exceeded = sum(truth * dice.uniform(0.9, 1.1) > estimates.reserve(JOB) for _ in range(500))
        assert exceeded < 150

    @given(st.lists(durations, min_size=1, max_size=100), st.floats(0, 1))
    def test_no_quantile_is_outside_what_was_seen(self, seen: list[float], quantile: float) -> None:
        estimates = Estimates()
        learn(estimates, *seen)
        found = estimates.seconds(JOB, quantile)
        assert found is not None
        latest = seen[-LATEST:]
        assert min(latest) * (1 - 1e-9) <= found <= max(latest) * (1 + 1e-9)
        assert estimates.expected(JOB) <= estimates.reserve(JOB)


class TestLoads:
    def test_a_run_with_a_load_says_nothing_of_the_job(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        load(estimates, *[25] * 20)
        assert estimates.expected(JOB) == pytest.approx(10)

    def test_the_load_is_what_such_a_run_took_longer(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        load(estimates, 24, 25, 31)
        assert estimates.swap_seconds(FAST, JOB.model) == pytest.approx(15)

    def test_it_is_reckoned_anew_when_more_is_known_of_the_job(self) -> None:
        estimates = Estimates()
        load(estimates, 40, work=GUESSED)  # the model's first run always loads it
        assert estimates.swap_seconds(FAST, JOB.model) == pytest.approx(28)
        learn(estimates, 30)  # the guess was wrong
        assert estimates.swap_seconds(FAST, JOB.model) == pytest.approx(10)

    def test_each_server_and_model_loads_in_its_own_time(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        learn(estimates, 10, 10, 10, work=replace(JOB, model="flux"))
        load(estimates, 12)
        load(estimates, 70, work=replace(JOB, model="flux"))
        load(estimates, 40, server=SLOW)
        assert estimates.swap_seconds(FAST, JOB.model) == pytest.approx(2)
        assert estimates.swap_seconds(FAST, "flux") == pytest.approx(60)
        assert estimates.swap_seconds(SLOW, JOB.model) == pytest.approx(30)
        # A model that has never been loaded here: as others are.
        assert estimates.swap_seconds(FAST, "new") == pytest.approx(31)
        assert estimates.swap_seconds(SLOW, "new") == pytest.approx(30)
        assert estimates.swap_seconds(ServerName("third"), "new") == 0

    def test_a_load_is_never_less_than_nothing(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        load(estimates, 4, 4)
        assert estimates.swap_seconds(FAST, JOB.model) == 0

    def test_a_job_never_seen_without_a_load_is_not_unknown(self) -> None:
        estimates = Estimates()
        load(estimates, 8, 9, 10)
        assert estimates.seconds(JOB) is None
        assert estimates.expected(JOB) == pytest.approx(9)
        assert estimates.expected(GUESSED) == 12


class TestSplit:
    def test_a_run_without_a_load_is_all_the_jobs(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        assert estimates.split(JOB, FAST, 25, swapped=False) == (25, 0)

    def test_as_long_as_nothing_is_known_the_guess_is_charged_or_everything(self) -> None:
        estimates = Estimates()
        assert estimates.split(GUESSED, FAST, 40, swapped=True) == (12, 28)
        assert estimates.split(GUESSED, FAST, 9, swapped=True) == (9, 0)
        assert estimates.split(JOB, FAST, 40, swapped=True) == (40, 0)

    def test_then_what_such_jobs_usually_take(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        assert estimates.split(JOB, FAST, 40, swapped=True) == (pytest.approx(10), pytest.approx(30))

    def test_then_what_the_load_leaves_within_what_such_jobs_take(self) -> None:
        estimates = Estimates()
        learn(estimates, *range(10, 21))
        load(estimates, 45, 45, 45)  # 30 more than the usual 15
        for total, charged in [(48, 18), (45, 15), (30, 11), (200, 19), (6, 6)]:
            found, swap = estimates.split(JOB, FAST, total, swapped=True)
            assert (found, swap) == (pytest.approx(charged), pytest.approx(total - charged))

    def test_a_slower_server_is_not_charged_as_the_fast_one(self) -> None:
        estimates = Estimates()
        learn(estimates, *[10] * 30)
        learn(estimates, *[40] * 3, server=SLOW)
        assert estimates.split(JOB, SLOW, 55, swapped=True)[0] == pytest.approx(40)
        assert estimates.split(JOB, FAST, 55, swapped=True)[0] == pytest.approx(10)

    def test_a_run_that_was_stopped_in_its_load_is_charged_nothing(self) -> None:
        estimates = Estimates()
        learn(estimates, 10, 10, 10)
        load(estimates, 30)
        assert estimates.split(JOB, FAST, 15, swapped=True, complete=False) == (0, 15)
        charged, swap = estimates.split(JOB, FAST, 24, swapped=True, complete=False)
        assert (charged, swap) == (pytest.approx(4), pytest.approx(20))
        assert estimates.split(JOB, FAST, 5, swapped=False, complete=False) == (5, 0)

    @pytest.mark.parametrize("total", [math.nan, math.inf, -5.0, 0.0])
    def test_what_is_no_duration_charges_nothing(self, total: float) -> None:
        assert Estimates().split(GUESSED, FAST, total, swapped=True) == (0, 0)

    @given(
        st.lists(durations, max_size=20),
        st.lists(durations, max_size=20),
        st.one_of(st.none(), durations),
        durations,
        st.booleans(),
        st.booleans(),
    )
    def test_the_parts_are_never_negative_and_make_the_whole(
        self,
        runs: list[float],
        loads: list[float],
        guess: float | None,
        total: float,
        swapped: bool,
        complete: bool,
    ) -> None:
        estimates, work = Estimates(), replace(JOB, first_guess=guess)
        learn(estimates, *runs, work=work)
        load(estimates, *loads, work=work)
        charged, swap = estimates.split(work, FAST, total, swapped, complete=complete)
        assert charged >= 0
        assert swap >= 0
        assert charged + swap == pytest.approx(total)


class TestKeeping:
    works = st.builds(
        Work,
        template=st.sampled_from([TemplateName("sdxl"), TemplateName('a "quoted", one')]),
        model=st.sampled_from(["", "base", "flux|dev"]),
        pixels=st.sampled_from([0, 65_536, MEGAPIXEL]),
        steps=st.integers(0, 50),
        needs=st.just(""),
        first_guess=st.one_of(st.none(), durations),
    )

    @given(st.lists(st.tuples(works, st.sampled_from([FAST, SLOW]), durations, st.booleans()), max_size=60))
    def test_it_is_the_same_after_a_restart(self, runs: list[tuple[Work, ServerName, float, bool]]) -> None:
        estimates, stored = Estimates(), {}
        for number, (work, server, seconds, swapped) in enumerate(runs):
            estimates.observe(work, server, seconds, swapped=swapped)
            if number % 7 == 0:
                stored.update(json.loads(json.dumps(estimates.dirty())))
        stored.update(json.loads(json.dumps(estimates.dirty())))
        again = Estimates()
        again.load(stored)
        for work, server, seconds, _ in runs:
            assert again.reserve(work) == estimates.reserve(work)
            assert again.expected(work) == estimates.expected(work)
            assert again.swap_seconds(server, work.model) == estimates.swap_seconds(server, work.model)
            assert again.split(work, server, seconds, swapped=True) == estimates.split(
                work, server, seconds, swapped=True
            )
        # And it goes on learning alike.
        for work, server, seconds, swapped in runs:
            again.observe(work, server, seconds, swapped=swapped)
            estimates.observe(work, server, seconds, swapped=swapped)
            assert again.reserve(work) == estimates.reserve(work)

    def test_only_what_changed_is_to_be_written_down(self) -> None:
        estimates = Estimates()
        learn(estimates, 10)
        first = estimates.dirty()
        assert first
        assert estimates.dirty() == {}
        learn(estimates, 10, work=replace(JOB, template=TemplateName("flux")))
        assert not first.keys() & estimates.dirty().keys()
        estimates.not_saved(first)
        assert estimates.dirty() == first

    @pytest.mark.parametrize(
        "stored",
        [
            {"no json": [1.0]},
            {"{}": [1.0]},
            {"[]": [1.0]},
            {"[1, 2]": [1.0]},
            {'["size", "sdxl"]': [1.0]},
            {'["unknown", "sdxl"]': [1.0]},
            {'["template", "sdxl"]': 5},
            {'["template", "sdxl"]': ["x", None, -1, 0, math.nan, math.inf, []]},
            {'["load", "fast", "base.safetensors"]': [None, 5, [], ["sdxl", -1, None, 3], ["sdxl", 1, 2]]},
        ],
    )
    def test_what_is_not_its_own_is_left_alone(self, stored: dict[str, Any]) -> None:
        estimates = Estimates()
        estimates.load(stored)
        assert estimates.seconds(JOB) is None
        assert estimates.swap_seconds(FAST, JOB.model) == 0

    def test_it_does_not_grow_without_end(self) -> None:
        estimates = Estimates()
        stored: dict[str, Any] = {}
        for number in range(3_000):
            learn(estimates, 10, work=replace(JOB, model=str(number)))
            stored.update(estimates.dirty())
        kept = {key for key, value in stored.items() if value}
        assert len(kept) <= 4_000
        assert estimates.seconds(replace(JOB, model="2999")) == pytest.approx(10)
        # The forgotten ones are told as well, so that they do not come back with the next start.
        assert len(stored) > 10_000
        again = Estimates()
        again.load(stored)
        assert json.loads(json.dumps(again.dirty())) == {}


class TestQuantiles:
    @given(st.lists(durations, min_size=1, max_size=200), st.floats(0, 1))
    def test_sorted_and_in_order_are_the_same_numbers(self, values: list[float], q: float) -> None:
        recent = Recent()
        for value in values:
            recent.add(value)
        kept = recent.values()
        assert kept == values[-len(kept) :]
        assert 1 <= len(recent) <= LATEST
        assert recent.quantile(q) in kept
        assert recent.quantile(0) <= recent.quantile(q) <= recent.quantile(1)

    @given(st.lists(st.floats(1, 1.5), min_size=10, max_size=64), st.floats(0.05, 1))
    def test_without_outliers_a_share_does_not_exceed_it(self, values: list[float], q: float) -> None:
        found = Recent(values).quantile(q)
        assert sum(value <= found for value in values) >= q * len(values) - 1e-9
        assert sum(value < found for value in values) < q * len(values) + 1e-9

    @given(st.lists(st.floats(1, 1.5), min_size=3, max_size=64), st.sampled_from([1e-3, 1e3]))
    def test_one_far_off_is_left_out(self, values: list[float], factor: float) -> None:
        values[0] *= factor
        recent = Recent(values)
        assert 1 <= recent.quantile(0) <= recent.quantile(1) <= 1.5

    def test_chance_is_not_taken_for_a_change(self) -> None:
        dice = random.Random(3)
        recent = Recent()
        shrunk = 0
        for _ in range(5_000):
            before = len(recent)
            recent.add(dice.lognormvariate(0, 0.5))
            shrunk += len(recent) < before
        assert shrunk <= 1
