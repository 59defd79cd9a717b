"""Whatever happens to jobs, in whatever order: the books balance and no job goes where it may not."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from bot.domain.errors import Denied, ServerUnreachable
from bot.domain.ids import JobId, PromptId, QuotaDay, ServerName, UserId
from bot.domain.jobs import MOVES, OPEN, AttemptState, JobState
from bot.domain.quota import Allowance, Window
from bot.domain.text import Text
from bot.service.records import AttemptRecord
from bot.store import acceptance, jobs, ledger, people, reading, retention
from bot.store.migrations import migrate, packaged
from tests.store_support import HOUR, NOON, RULES, Desk, completion, ledger_totals, usage_totals

USERS = ("discord:1", "discord:2", "telegram:3")
LIMIT = 50.0
seconds = st.floats(0.0, 60.0, allow_nan=False)


class Books(RuleBasedStateMachine):
    """The functions of the store on a database in memory; the model is what was admitted."""

    jobs = Bundle("jobs")
    prompts = Bundle("prompts")

    @initialize(window=st.sampled_from(Window), zone=st.sampled_from(["UTC", "Pacific/Auckland"]))
    def begin(self, window: Window, zone: str) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        migrate(self.connection, packaged())
        self.now = NOON
        self.names = itertools.count()
        self.rules = replace(
            RULES,
            allowance=Allowance(LIMIT, 20),
            window=window,
            timezone=zone,
            user_waiting=6,
            all_waiting=12,
        )
        self.desk = Desk(store=None)  # type: ignore[arg-type]

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()

    @rule(hours=st.integers(-2, 30))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(target=jobs, who=st.sampled_from(USERS), count=st.integers(1, 3), reserve=seconds)
    def accept(self, who: str, count: int, reserve: float) -> object:
        draft = self.desk.draft(who, jobs=count, seconds=reserve, at=self.now, rules=self.rules)
        before = self.connection.total_changes
        try:
            accepted = acceptance.accept(self.connection, draft)
        except Denied:
            return multiple()
        use = accepted.standing.use
        assert use.settled + use.reserved + use.carried <= LIMIT + use.granted + 1e-6
        assert use.jobs <= 20
        assert self.connection.total_changes > before
        assert acceptance.accept(self.connection, draft).jobs == accepted.jobs
        return multiple(*(job.id for job in accepted.jobs))

    @rule(target=jobs, source=jobs, who=st.sampled_from(USERS))
    def repeat(self, source: JobId, who: str) -> object:
        draft = self.desk.draft(who, at=self.now, rules=self.rules, kept_from=source)
        self.connection.execute("SAVEPOINT unit")
        try:
            accepted = acceptance.accept(self.connection, draft)
        except Denied:
            self.connection.execute("ROLLBACK TO unit")
            return multiple()
        finally:
            self.connection.execute("RELEASE unit")
        assert reading.results(self.connection, accepted.jobs[0].id)[0]
        return accepted.jobs[0].id

    @rule(target=prompts, job=jobs)
    def stage(self, job: JobId) -> object:
        prompt = PromptId(f"p{next(self.names)}")
        record = AttemptRecord(prompt, job, ServerName("local"), "client", AttemptState.OPEN, self.now)
        was = reading.job(self.connection, job)
        assert was is not None
        assert jobs.stage(self.connection, record) == (was.state is JobState.QUEUED)
        return prompt if was.state is JobState.QUEUED else multiple()

    @rule(prompt=prompts)
    def start(self, prompt: PromptId) -> None:
        jobs.start(self.connection, prompt, self.now)

    @rule(prompt=prompts)
    def requeue(self, prompt: PromptId) -> None:
        jobs.requeue(self.connection, prompt, self.now, "lost")

    @rule(prompt=prompts)
    def reattach(self, prompt: PromptId) -> None:
        jobs.reattach(self.connection, prompt, self.now)

    @rule(prompt=prompts)
    def lose(self, prompt: PromptId) -> None:
        jobs.lose(self.connection, prompt, self.now)

    @rule(prompt=prompts, measured=seconds)
    def complete(self, prompt: PromptId, measured: float) -> None:
        closed = jobs.complete(self.connection, prompt, completion(prompt, measured), self.now)
        assert closed is None or closed.job.state is JobState.DONE

    @rule(job=jobs)
    def fail(self, job: JobId) -> None:
        jobs.fail(self.connection, job, ServerUnreachable(Text("No answer.")), self.now, "gone")

    @rule(job=jobs, used=st.none() | seconds)
    def cancel(self, job: JobId, used: float | None) -> None:
        jobs.cancel(self.connection, job, self.now, "discord:1", used, 0.0)

    @rule(who=st.sampled_from(USERS), amount=st.floats(-20, 20))
    def grant(self, who: str, amount: float) -> None:
        self._known(who)
        ledger.grant(self.connection, UserId(who), amount, QuotaDay("2026-11-18"), "shell", "", self.now)

    @rule(who=st.sampled_from(USERS))
    def reset(self, who: str) -> None:
        self._known(who)
        ledger.reset(
            self.connection, UserId(who), QuotaDay("2026-11-18"), self.rules.window, "shell", "", self.now
        )

    @rule(hours=st.integers(-3, 3))
    def expire(self, hours: int) -> None:
        retention.expire(self.connection, self.now + hours * HOUR, 3, self.now)

    @rule(job=jobs)
    def forget(self, job: JobId) -> None:
        record = reading.job(self.connection, job)
        assert record is not None
        try:
            gone = retention.forget(self.connection, record.request, self.now)
        except Denied:
            return
        assert reading.results(self.connection, job) == ((), ())
        assert {file.path for file in gone}.isdisjoint(retention.known_files(self.connection))

    @rule(who=st.sampled_from(USERS))
    def erase(self, who: str) -> None:
        self._known(who)
        self.connection.execute("SAVEPOINT unit")
        try:
            retention.erase(self.connection, UserId(who), who, self.now)
        except Denied:
            self.connection.execute("ROLLBACK TO unit")
        finally:
            self.connection.execute("RELEASE unit")

    def _known(self, who: str) -> None:
        people.remember_person(self.connection, who, "A name", self.now)  # type: ignore[arg-type]

    @invariant()
    def totals_are_what_the_ledger_says(self) -> None:
        if hasattr(self, "connection"):
            assert usage_totals(self.connection) == ledger_totals(self.connection)

    @invariant()
    def each_job_over_has_one_close_and_each_open_one_none(self) -> None:
        if not hasattr(self, "connection"):
            return
        closes = "SELECT count(*) FROM ledger WHERE job = place AND kind IN ('settle', 'release')"
        reserves = "SELECT count(*) FROM ledger WHERE job = place AND kind = 'reserve'"
        for state, why, closed, reserved in self.connection.execute(
            f"SELECT state, changed_why, ({closes}), ({reserves}) FROM jobs"
        ):
            if state in OPEN:
                assert (closed, reserved) == (0, 1)
            else:
                # Repeats cost nothing and reserve nothing.
                assert closed == reserved <= 1, why

    @invariant()
    def every_change_of_state_is_legal_and_written_down(self) -> None:
        if not hasattr(self, "connection"):
            return
        told: dict[int, list[str]] = {}
        for job, state in self.connection.execute("SELECT job, state FROM job_states ORDER BY number"):
            told.setdefault(job, []).append(state)
        now = dict(self.connection.execute("SELECT place, state FROM jobs").fetchall())
        assert {job: states[-1] for job, states in told.items()} == now
        for states in told.values():
            assert states[0] in ("queued", "done")
            for old, new in itertools.pairwise(states):
                assert JobState(new) in MOVES[JobState(old)]
        counts = {state.value: jobs for state, jobs in reading.counts(self.connection).items() if jobs}
        assert counts == dict(Counter(now.values()))

    @invariant()
    def a_request_is_over_with_its_last_job_and_then_its_delivery_is_due(self) -> None:
        if not hasattr(self, "connection"):
            return
        rows = self.connection.execute(
            "SELECT r.ended_at, d.due_at,"
            "  (SELECT count(*) FROM jobs WHERE request = r.id AND ended_at IS NULL)"
            " FROM requests AS r JOIN deliveries AS d ON d.request = r.id"
        )
        for ended_at, due_at, still_open in rows:
            assert (ended_at is None) == (due_at is None) == (still_open > 0)

    @invariant()
    def files_are_known_as_long_as_somebody_refers_to_them(self) -> None:
        if hasattr(self, "connection"):
            assert self.connection.execute("PRAGMA foreign_key_check").fetchall() == []
            # And no longer: whatever was forgotten, expired or erased first, a repeat or what it repeats.
            referred = self.connection.execute(
                "SELECT file FROM results UNION SELECT file FROM request_inputs"
            )
            assert {path for (path,) in referred} == retention.known_files(self.connection)


Books.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestBooks = Books.TestCase
