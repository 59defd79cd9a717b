"""A bot without a queue: gives what a test put in, remembers what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from bot.domain.errors import NotFound
from bot.domain.ids import IdentityId, JobId, RequestId, ServerName, TemplateName, TierName, UserId
from bot.domain.jobs import JobState
from bot.domain.outputs import MediaKind
from bot.domain.quota import Allowance, Standing, Use, Window
from bot.domain.text import Text
from bot.service.operator import (
    Account,
    CancelResult,
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    JobRuns,
    JobView,
    JobWaits,
    LimitChange,
    Notice,
    QueueView,
    ResultPath,
    ServerView,
    ShellAsk,
    SubmittedJob,
    SubmittedRequest,
    UsageBy,
)
from bot.service.records import Person, UsageRow
from tests.support.cli import DEADLINE_SECONDS

REQUEST = RequestId("abcdefghij")
JOB = JobId("abcdefghij-1")
EVENTS: tuple[JobEvent, ...] = (
    JobWaits(JOB, place=2, eta_seconds=12.5, why=Text("It waits for {what}.", what=Text("a model"))),
    JobRuns(JOB, fraction=0.5, title="KSampler"),
    JobDone(JOB, (ResultPath("/data/a.png", MediaKind.IMAGE),), ("words",), seconds=3.0),
    JobFailed(JobId("abcdefghij-2"), "out_of_memory", Text("The GPU ran out of memory.")),
    JobCancelled(JobId("abcdefghij-3")),
)


def a_job(number: int, state: JobState = JobState.QUEUED, **changes: object) -> JobView:
    given: dict[str, object] = {
        "user": "ann",
        "template": TemplateName("text-to-image"),
        "waited_ms": 1000 * number,
        "eta_seconds": 10.0 * number,
        "place": number if state is JobState.QUEUED else None,
        **changes,
    }
    return JobView(JobId(f"abcdefghij-{number}"), state=state, **given)  # type: ignore[arg-type]


def a_queue() -> QueueView:
    return QueueView(
        paused=True,
        draining=False,
        waiting=2,
        users=2,
        servers=(
            ServerView(
                ServerName("local"),
                "http://127.0.0.1:8188",
                "up",
                since=5,
                model="sdxl.safetensors",
                running=a_job(1, JobState.RUNNING, fraction=0.25),
                staged=a_job(2, JobState.STAGED),
                foreign=1,
            ),
            ServerView(ServerName("big"), "http://gpu:8188", "down", 7, reason=Text("It does not answer.")),
        ),
        jobs=(a_job(3), a_job(4, user="bob", why=Text("Its model is loaded next."))),
        notices=(Notice(9, Text("{template} is quarantined.", template="broken")),),
    )


def an_account(name: str = "ann") -> Account:
    person = Person(
        UserId("discord:1"), (IdentityId("discord:1"),), (name,), TierName("patron"), Allowance(None, 5)
    )
    use = Use(settled=120.0, reserved=30.0, granted=60.0, carried=5.0, jobs=3)
    standing = Standing(Allowance(600.0, None), use, resets_at=1_800_000_000_000, window=Window.ROLLING)
    return Account(person, name, TierName("patron"), standing, notes=(Text("A remark."),))


@dataclass
class FakeOperator:
    """Also a :class:`bot.service.operator.Desk`."""

    view: QueueView = field(default_factory=a_queue)
    events: tuple[JobEvent, ...] = EVENTS
    raises: Exception | None = None
    waits: asyncio.Event | None = None
    """Every call waits for it; watching does after its events."""
    asked: list[tuple[object, ...]] = field(default_factory=list)
    watchers: int = 0

    async def _note(self, *asked: object) -> None:
        self.asked.append(asked)
        if self.waits is not None:
            await self.waits.wait()
        if self.raises is not None:
            raise self.raises

    async def queue(self) -> QueueView:
        await self._note("queue")
        return self.view

    async def servers(self) -> tuple[ServerView, ...]:
        await self._note("servers")
        return self.view.servers

    async def pause(self, actor: str) -> bool:
        await self._note("pause", actor)
        return True

    async def resume(self, actor: str) -> bool:
        await self._note("resume", actor)
        return False

    async def drain(self, actor: str) -> bool:
        await self._note("drain", actor)
        return True

    async def cancel(self, job: str, actor: str) -> CancelResult:
        await self._note("cancel", job, actor)
        if job not in (JOB, REQUEST):
            raise NotFound(Text("There is no job {job}.", job=job), cause="the cause stays here")
        return CancelResult(cancelled=(JOB,), stopping=(JobId("abcdefghij-2"),))

    async def submit(self, ask: ShellAsk) -> tuple[SubmittedRequest, ...]:
        await self._note("submit", ask)
        job = SubmittedJob(JOB, 7, {"prompt_text": "a fox", "steps": 4, "loras": [["x", 0.5]]})
        return (SubmittedRequest(REQUEST, TemplateName("text-to-image"), (job,), (Text("A note."),)),)

    async def watch(self, request: RequestId) -> AsyncGenerator[JobEvent, None]:
        self.asked.append(("watch", request))
        self.watchers += 1
        try:
            for event in self.events:
                yield event
            if self.waits is not None:
                await self.waits.wait()
            if self.raises is not None:
                raise self.raises
        finally:
            self.watchers -= 1

    async def account(self, wanted: str) -> Account:
        await self._note("account", wanted)
        return an_account()

    async def grant(self, wanted: str, seconds: float, *, actor: str, reason: str) -> Account:
        await self._note("grant", wanted, seconds, actor, reason)
        return an_account()

    async def set_limits(
        self, wanted: str, change: LimitChange | None, *, actor: str, reason: str
    ) -> Account:
        await self._note("set_limits", wanted, change, actor, reason)
        return an_account()

    async def reset(self, wanted: str, *, actor: str, reason: str) -> Account:
        await self._note("reset", wanted, actor, reason)
        return an_account()

    async def usage(self, by: UsageBy, *, since: int, until: int) -> tuple[UsageRow, ...]:
        await self._note("usage", by, since, until)
        return (UsageRow("ann", 3, 2, 1, 0, 12.5, 3.0, 1.5),)


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop go on until ``condition`` holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of events
            await asyncio.sleep(0.005)
