"""The VRAM guard: what becomes of failed attempts, sizes that do not fit, templates that rest."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import DAY, HOUR, MINUTE
from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    GraphRejected,
    NodeFailed,
    NothingPainted,
    OutOfMemory,
    ProtocolError,
    RunInterrupted,
    RunLost,
    RunTimedOut,
    ServerUnreachable,
    ServerWedged,
)
from bot.domain.guard import (
    Ceilings,
    Quarantine,
    advice,
    is_servers_fault,
    is_templates_fault,
    quarantined,
    retry,
    too_big,
)
from bot.domain.ids import RequestId, ServerName, TemplateName
from bot.domain.text import Text
from bot.domain.work import Work

NOW = 1_800_000_000_000
BIG, SMALL = ServerName("big"), ServerName("small")
SDXL = TemplateName("sdxl")
MEGAPIXEL = 1024 * 1024


def error(kind: type[BackendError]) -> BackendError:
    text = Text("It failed.")
    if issubclass(kind, NodeFailed):
        return kind(text, node_id="3", class_type="KSampler", message="boom")
    return kind(text, ()) if issubclass(kind, GraphRejected) else kind(text)


def all_kinds(kind: type[BackendError] = BackendError) -> set[type[BackendError]]:
    return {kind}.union(*(all_kinds(sub) for sub in kind.__subclasses__()))


def work(pixels: int, model: str = "base", template: TemplateName = SDXL) -> Work:
    return Work(template, model, pixels, 20, "")


def through_json(stored: Any) -> Any:
    return json.loads(json.dumps(stored))


class TestRetry:
    @pytest.mark.parametrize("kind", [RunLost, ServerUnreachable, AuthenticationFailed, ServerWedged])
    def test_a_job_outlives_its_server_but_not_three_of_them(self, kind: type[BackendError]) -> None:
        assert [retry(error(kind), lost, 0) for lost in range(5)] == ["requeue"] * 3 + ["fail"] * 2

    def test_interrupted_by_somebody_it_is_tried_once_more(self) -> None:
        assert [retry(error(RunInterrupted), lost, 0) for lost in (1, 2, 3)] == ["requeue", "fail", "fail"]

    def test_out_of_memory_it_is_tried_once_more_with_the_memory_freed(self) -> None:
        verdicts = [retry(error(OutOfMemory), 0, times) for times in (1, 2, 3)]
        assert verdicts == ["free_and_retry", "fail", "fail"]
        # Having been lost before takes nothing away from that.
        assert retry(error(OutOfMemory), 2, 1) == "free_and_retry"

    @pytest.mark.parametrize(
        "kind", [ProtocolError, GraphRejected, NodeFailed, RunTimedOut, NothingPainted, BackendError]
    )
    def test_what_would_fail_again_fails(self, kind: type[BackendError]) -> None:
        assert retry(error(kind), 0, 0) == "fail"

    @pytest.mark.parametrize("kind", sorted(all_kinds(), key=lambda kind: kind.__name__))
    def test_no_failure_is_tried_for_ever(self, kind: type[BackendError]) -> None:
        assert retry(error(kind), 3, 2) == "fail"

    @pytest.mark.parametrize(
        ("kind", "servers", "templates"),
        [
            (ServerUnreachable, True, False),
            (AuthenticationFailed, True, False),
            (ProtocolError, True, False),
            (ServerWedged, True, False),
            (RunLost, True, False),
            (RunTimedOut, True, False),
            (NodeFailed, False, True),
            (GraphRejected, False, True),
            (NothingPainted, False, True),
            (OutOfMemory, False, False),
            (RunInterrupted, False, False),
            (BackendError, False, False),
        ],
    )
    def test_whose_fault_it_was(self, kind: type[BackendError], servers: bool, templates: bool) -> None:
        assert is_servers_fault(error(kind)) is servers
        assert is_templates_fault(error(kind)) is templates

    def test_every_kind_of_failure_has_been_thought_of(self) -> None:
        # Adapters refine some of them for their own use.
        tree = {kind.__name__ for kind in all_kinds() if kind.__module__ == BackendError.__module__}
        assert tree == {
            "AuthenticationFailed",
            "BackendError",
            "GraphRejected",
            "NodeFailed",
            "NothingPainted",
            "OutOfMemory",
            "ProtocolError",
            "RunInterrupted",
            "RunLost",
            "RunTimedOut",
            "ServerUnreachable",
            "ServerWedged",
        }


class TestAdvice:
    def test_out_of_memory_names_a_size_that_works(self) -> None:
        said = str(advice(error(OutOfMemory), 1536 * 640))
        assert "960x960" in said
        assert "0.98 megapixels" in said
        assert "charged" not in said, "every card of a failure says so by itself"

    @pytest.mark.parametrize("largest", [None, 0])
    def test_without_one_just_a_smaller_one(self, largest: int | None) -> None:
        assert str(advice(error(OutOfMemory), largest)).endswith("Ask for a smaller size.")
        assert "smaller" in str(too_big(work(MEGAPIXEL), largest).text)

    def test_other_failures_speak_for_themselves(self) -> None:
        assert str(advice(error(NodeFailed), 5)) == "It failed."

    @given(st.integers(1, 10**9))
    def test_the_size_it_names_is_no_larger_than_what_worked(self, largest: int) -> None:
        said = str(too_big(work(10**10), largest).text)
        found = re.search(r"(\d+)x(\d+)", said)
        assert found is not None
        assert 0 < int(found[1]) * int(found[2]) <= largest


class TestCeilings:
    def twice(self, pixels: int, at: int = NOW) -> Ceilings:
        ceilings = Ceilings()
        ceilings.out_of_memory(BIG, work(pixels), at)
        ceilings.out_of_memory(BIG, work(pixels), at + 1)
        return ceilings

    def test_one_failure_may_be_the_fault_of_what_else_was_in_memory(self) -> None:
        ceilings = Ceilings()
        ceilings.out_of_memory(BIG, work(MEGAPIXEL), NOW)
        assert ceilings.allows(BIG, work(9 * MEGAPIXEL), NOW)

    def test_a_job_and_its_unchanged_retry_make_a_ceiling(self) -> None:
        ceilings = self.twice(4 * MEGAPIXEL)
        assert ceilings.ceiling(BIG, work(1), NOW) == 4 * MEGAPIXEL
        assert not ceilings.allows(BIG, work(4 * MEGAPIXEL), NOW)
        assert not ceilings.allows(BIG, work(5 * MEGAPIXEL), NOW)
        assert ceilings.allows(BIG, work(4 * MEGAPIXEL - 1), NOW)

    def test_two_sizes_make_one_at_the_larger_and_a_third_lowers_it(self) -> None:
        ceilings = Ceilings()
        for pixels, ceiling in [(4, None), (3, 4), (2, 3), (9, 3), (2, 2)]:
            ceilings.out_of_memory(BIG, work(pixels * MEGAPIXEL), NOW)
            found = ceilings.ceiling(BIG, work(1), NOW)
            assert found == (None if ceiling is None else ceiling * MEGAPIXEL)

    def test_a_retry_that_succeeds_takes_the_failure_back(self) -> None:
        ceilings = Ceilings()
        for minute in range(10):
            ceilings.out_of_memory(BIG, work(MEGAPIXEL), NOW + minute)
            ceilings.succeeded(BIG, work(MEGAPIXEL), NOW + minute)
        assert ceilings.allows(BIG, work(MEGAPIXEL), NOW)

    def test_a_success_lifts_what_is_not_larger_only(self) -> None:
        ceilings = self.twice(2 * MEGAPIXEL)
        ceilings.succeeded(BIG, work(MEGAPIXEL), NOW)
        assert not ceilings.allows(BIG, work(2 * MEGAPIXEL), NOW)
        ceilings.succeeded(BIG, work(3 * MEGAPIXEL), NOW)
        assert ceilings.allows(BIG, work(2 * MEGAPIXEL), NOW)

    def test_servers_templates_and_models_are_apart(self) -> None:
        ceilings = self.twice(MEGAPIXEL)
        assert ceilings.allows(SMALL, work(MEGAPIXEL), NOW)
        assert ceilings.allows(BIG, work(MEGAPIXEL, model="small"), NOW)
        assert ceilings.allows(BIG, work(MEGAPIXEL, template=TemplateName("flux")), NOW)
        assert not ceilings.allows(BIG, work(MEGAPIXEL), NOW)

    def test_it_is_forgotten_after_a_week(self) -> None:
        ceilings = self.twice(MEGAPIXEL)
        assert not ceilings.allows(BIG, work(MEGAPIXEL), NOW + 7 * DAY - 1)
        assert ceilings.allows(BIG, work(MEGAPIXEL), NOW + 7 * DAY + 1)
        # An old failure does not add to a new one.
        ceilings.out_of_memory(BIG, work(MEGAPIXEL), NOW + 8 * DAY)
        assert ceilings.allows(BIG, work(MEGAPIXEL), NOW + 8 * DAY)

    def test_a_clock_that_was_years_ahead_leaves_no_ceiling_for_years(self) -> None:
        ceilings = self.twice(MEGAPIXEL, at=NOW + 900 * DAY)
        assert ceilings.allows(BIG, work(MEGAPIXEL), NOW)
        assert not self.twice(MEGAPIXEL, at=NOW + HOUR).allows(BIG, work(MEGAPIXEL), NOW)

    def test_a_template_without_a_size_has_no_ceiling(self) -> None:
        ceilings = self.twice(0)
        ceilings.succeeded(BIG, work(0), NOW)
        assert ceilings.allows(BIG, work(0), NOW)
        assert ceilings.dirty() == {}

    def test_the_largest_that_worked_is_remembered_for_advice(self) -> None:
        ceilings = Ceilings()
        assert ceilings.largest(BIG, work(4 * MEGAPIXEL), NOW) is None
        for pixels in (MEGAPIXEL, 2 * MEGAPIXEL, MEGAPIXEL // 2):
            ceilings.succeeded(BIG, work(pixels), NOW)
        assert ceilings.largest(BIG, work(4 * MEGAPIXEL), NOW) == 2 * MEGAPIXEL
        assert ceilings.largest(BIG, work(2 * MEGAPIXEL), NOW) is None
        assert ceilings.largest(BIG, work(4 * MEGAPIXEL), NOW + 8 * DAY) is None
        ceilings.succeeded(BIG, work(MEGAPIXEL), NOW + 8 * DAY)
        assert ceilings.largest(BIG, work(4 * MEGAPIXEL), NOW + 8 * DAY) == MEGAPIXEL
        ceilings.out_of_memory(BIG, work(MEGAPIXEL), NOW + 8 * DAY)
        assert ceilings.largest(BIG, work(4 * MEGAPIXEL), NOW + 8 * DAY) is None

    def test_only_what_changed_is_to_be_written_down(self) -> None:
        ceilings = self.twice(2 * MEGAPIXEL)
        assert len(ceilings.dirty()) == 1
        assert ceilings.dirty() == {}
        ceilings.succeeded(BIG, work(MEGAPIXEL), NOW)
        first = ceilings.dirty()
        assert len(first) == 1
        ceilings.succeeded(BIG, work(MEGAPIXEL), NOW + MINUTE)
        assert ceilings.dirty() == {}
        ceilings.not_saved(first)
        assert ceilings.dirty() == first

    @given(
        st.lists(
            st.tuples(
                st.booleans(), st.sampled_from([BIG, SMALL]), st.integers(1, 9), st.integers(0, 20 * DAY)
            ),
            max_size=40,
        ),
        st.integers(1, 9),
    )
    def test_it_is_the_same_after_a_restart(
        self, runs: list[tuple[bool, ServerName, int, int]], asked: int
    ) -> None:
        ceilings, stored = Ceilings(), {}
        for ok, server, pixels, at in runs:
            (ceilings.succeeded if ok else ceilings.out_of_memory)(server, work(pixels), NOW + at)
            stored.update(through_json(ceilings.dirty()))
        again = Ceilings()
        again.load(stored)
        for server in (BIG, SMALL):
            for at in (NOW, NOW + 10 * DAY, NOW + 20 * DAY):
                assert again.ceiling(server, work(asked), at) == ceilings.ceiling(server, work(asked), at)
                assert again.largest(server, work(asked), at) == ceilings.largest(server, work(asked), at)

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=60))
    def test_it_never_refuses_what_has_just_worked(self, runs: list[tuple[bool, int]]) -> None:
        ceilings = Ceilings()
        for ok, pixels in runs:
            (ceilings.succeeded if ok else ceilings.out_of_memory)(BIG, work(pixels), NOW)
            if ok:
                assert ceilings.allows(BIG, work(pixels), NOW)
            ceiling = ceilings.ceiling(BIG, work(1), NOW)
            assert ceiling is None or (False, ceiling) in runs

    @pytest.mark.parametrize(
        "stored",
        [
            {"no json": {}},
            {"[]": {}},
            {'["a", "b"]': {"strikes": [], "worked": [1, 2]}},
            {'["big", "sdxl", "base"]': None},
            {'["big", "sdxl", "base"]': {"strikes": [[None, 1], ["x"], 3], "worked": [1, 2]}},
            {'["big", "sdxl", "base"]': {"strikes": [[-5, 1], [-5, 1]], "worked": [1, 2]}},
        ],
    )
    def test_what_is_not_its_own_is_left_alone(self, stored: dict[str, Any]) -> None:
        ceilings = Ceilings()
        ceilings.load(stored)
        assert ceilings.allows(BIG, work(MEGAPIXEL), 1)

    def test_it_does_not_grow_without_end(self) -> None:
        ceilings = Ceilings()
        for number in range(5_000):
            ceilings.succeeded(BIG, work(MEGAPIXEL, model=str(number)), NOW)
        ceilings.dirty()
        ceilings.not_saved({json.dumps([BIG, SDXL, str(n)]): None for n in range(5_000)})
        kept = [value for value in ceilings.dirty().values() if value["worked"][0]]
        assert len(kept) == 4_000


class TestQuarantine:
    def fail(self, quarantine: Quarantine, *requests: str, at: int = NOW) -> list[int | None]:
        return [quarantine.failed(SDXL, RequestId(request), at) for request in requests]

    def test_three_requests_in_a_row_send_a_template_to_rest(self) -> None:
        quarantine = Quarantine()
        until = NOW + 10 * MINUTE
        assert self.fail(quarantine, "a", "b", "c") == [None, None, until]
        assert quarantine.until(SDXL, NOW) == quarantine.until(SDXL, until - 1) == until
        assert quarantine.until(SDXL, until) is None
        assert quarantine.until(TemplateName("flux"), NOW) is None

    def test_one_request_however_many_its_jobs_does_not(self) -> None:
        assert self.fail(Quarantine(), "a", "a", "a", "b", "a", "b") == [None] * 6

    def test_a_success_between_them_starts_anew(self) -> None:
        quarantine = Quarantine()
        self.fail(quarantine, "a", "b")
        quarantine.succeeded(SDXL)
        assert self.fail(quarantine, "a", "b") == [None, None]

    def test_each_further_failure_doubles_the_rest_up_to_a_day(self) -> None:
        quarantine, at = Quarantine(), NOW
        self.fail(quarantine, "a", "b")
        lengths = []
        for number in range(12):
            [until] = self.fail(quarantine, str(number), at=at)
            assert until is not None
            lengths.append((until - at) // MINUTE)
            at = until
        assert lengths == [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440, 1440]

    def test_jobs_that_were_under_way_when_the_rest_began_add_nothing(self) -> None:
        quarantine = Quarantine()
        self.fail(quarantine, "a", "b", "c")
        assert self.fail(quarantine, "d", "e", "f", at=NOW + MINUTE) == [None] * 3
        # Nor does what is left of their requests when the rest is over.
        assert self.fail(quarantine, "c", "d", "e", at=NOW + HOUR) == [None] * 3
        assert self.fail(quarantine, "g", at=NOW + HOUR) == [NOW + HOUR + 20 * MINUTE]

    def test_an_operator_or_a_success_ends_it_all(self) -> None:
        for end in (Quarantine.lift, Quarantine.succeeded):
            quarantine = Quarantine()
            self.fail(quarantine, "a", "b", "c")
            end(quarantine, SDXL)
            assert quarantine.until(SDXL, NOW) is None
            assert self.fail(quarantine, "d", "e", "f") == [None, None, NOW + 10 * MINUTE]

    def test_a_clock_that_was_years_ahead_lets_nothing_rest_for_years(self) -> None:
        quarantine = Quarantine()
        self.fail(quarantine, "a", "b", "c", at=NOW + 900 * DAY)
        assert quarantine.until(SDXL, NOW) is None
        quarantine = Quarantine()
        self.fail(quarantine, "a", "b", "c", at=NOW + HOUR)
        assert quarantine.until(SDXL, NOW) is not None

    def test_the_refusal_says_for_how_long(self) -> None:
        refused = quarantined(SDXL, NOW + 2 * HOUR, NOW)
        assert "rests for 2 h" in str(refused.text)
        assert "not your fault" in str(refused.text)

    @given(st.lists(st.tuples(st.sampled_from("abcdefgh-!"), st.integers(0, 40 * MINUTE)), max_size=40))
    def test_it_is_the_same_after_a_restart(self, happened: list[tuple[str, int]]) -> None:
        quarantine, stored, at = Quarantine(), {}, NOW
        for what, later in happened:
            at += later
            if what == "-":
                quarantine.succeeded(SDXL)
            elif what == "!":
                quarantine.lift(SDXL)
            else:
                quarantine.failed(SDXL, RequestId(what), at)
            stored.update(through_json(quarantine.dirty()))
        again = Quarantine()
        again.load(stored)
        assert again.until(SDXL, at) == quarantine.until(SDXL, at)
        for request in "xyz":
            later = at + 2 * DAY
            assert again.failed(SDXL, RequestId(request), later) == quarantine.failed(
                SDXL, RequestId(request), later
            )
        assert again.dirty() == quarantine.dirty()

    @pytest.mark.parametrize(
        "stored",
        [{"sdxl": None}, {"sdxl": {}}, {"sdxl": {"requests": "abc", "level": 1, "since": 0, "until": 9}}],
    )
    def test_what_is_not_its_own_is_left_alone(self, stored: dict[str, Any]) -> None:
        quarantine = Quarantine()
        quarantine.load(stored)
        assert quarantine.until(SDXL, 1) is None

    def test_what_could_not_be_written_is_given_again(self) -> None:
        quarantine = Quarantine()
        self.fail(quarantine, "a")
        first = quarantine.dirty()
        assert first
        assert quarantine.dirty() == {}
        quarantine.not_saved(first)
        assert quarantine.dirty() == first
