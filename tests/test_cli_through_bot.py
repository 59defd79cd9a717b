"""``fairbrush imagine`` beside a bot that does what a test says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from bot.cli import following, through_bot
from bot.cli.progress import WAITING_SECONDS, PlainDisplay
from bot.control.failures import Busy
from bot.domain.errors import FairbrushError, QuotaUsedUp, StoreUnavailable
from bot.domain.ids import JobId, RequestId, TemplateName
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.service.operator import (
    CancelResult,
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    JobWaits,
    ResultPath,
    ShellAsk,
    SubmittedJob,
    SubmittedRequest,
)
from tests.support.bot_process import bot_in_thread
from tests.support.cli import COMMAND, DEADLINE_SECONDS, environment, posix_only, running
from tests.support.commands import call, empty_folder, refused
from tests.support.fake_operator import FakeOperator

here = empty_folder()


@dataclass
class Bot(FakeOperator):
    """Each line becomes a request of as many jobs as it asks for; ``course`` says what becomes of them."""

    folder: Path = Path()
    course: Callable[[Bot, SubmittedJob], Sequence[JobEvent]] = lambda bot, job: [bot.done(job)]
    refusals: dict[int, list[FairbrushError]] = field(default_factory=dict)
    """By the number of the call, what it raises before it answers."""
    notes: tuple[Text, ...] = ()
    requests: dict[RequestId, SubmittedRequest] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    dies: bool = False
    """It ends before the last of a request's jobs does."""
    busy: int = 0
    """So many calls to watch are refused."""
    stopped: asyncio.Event | None = None
    waiting: tuple[str, ...] = ()
    """Requests that wait until one is cancelled."""

    async def submit(self, ask: ShellAsk) -> tuple[SubmittedRequest, ...]:
        self.asked.append(("submit", ask))
        number = len(self.requests) + 1
        if refused := self.refusals.get(number):
            raise refused.pop(0)
        words, _, count = ask.line.partition(" --count ")
        jobs = tuple(
            SubmittedJob(JobId(f"r{number}-{index}"), 10 * number + index, {"prompt_text": words})
            for index in range(1, int(count or 1) + 1)
        )
        request = SubmittedRequest(RequestId(f"r{number}"), TemplateName("text-to-image"), jobs, self.notes)
        self.requests[request.id] = request
        return (request,)

    async def cancel(self, job: str, actor: str) -> CancelResult:
        self.asked.append(("cancel", job, actor))
        self.cancelled.append(job)
        if self.stopped is not None:
            self.stopped.set()
        return CancelResult()

    async def watch(self, request: RequestId) -> AsyncGenerator[JobEvent, None]:
        if self.busy:
            self.busy -= 1
            raise Busy(Text("The bot is busy."))
        jobs = self.requests[request].jobs
        if request in self.waiting:
            self.stopped = self.stopped or asyncio.Event()
            for job in jobs:
                yield JobWaits(job.id, place=1, why=Text("You are next."))
            await self.stopped.wait()
            for job in jobs:
                yield JobCancelled(job.id)
            return
        for job in jobs:
            if self.dies and job is jobs[-1]:
                raise asyncio.CancelledError
            for event in self.course(self, job):
                yield event

    def done(self, job: SubmittedJob, **changes: object) -> JobDone:
        path = self.folder / f"{job.id}.png"
        path.write_bytes(str(job.id).encode())
        given: dict[str, object] = {"seconds": 2.0, **changes}
        return JobDone(job.id, (ResultPath(str(path), MediaKind.IMAGE),), **given)  # type: ignore[arg-type]

    def named(self, what: str) -> list[tuple[object, ...]]:
        return [asked for asked in self.asked if asked[0] == what]


@pytest.fixture
def bot(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    with bot_in_thread(here, Bot(folder=tmp_path_factory.mktemp("kept"))) as fake:
        assert isinstance(fake, Bot)
        yield fake


def lines(*written: str) -> str:
    Path("prompts.txt").write_text("\n".join(written), encoding="utf-8")
    return "prompts.txt"


def test_what_was_asked_for_goes_over_whole(here: Path, bot: Bot) -> None:
    Image.new("RGB", (8, 8), "teal").save(here / "photo.png")
    result = call(
        "imagine", "in the rain", "--image", "photo.png", "--denoise", "0.5", "--private", "--ar", "3:2"
    )
    assert result.exit_code == 0, result.stderr
    ((_, ask),) = bot.named("submit")
    assert isinstance(ask, ShellAsk)
    assert ask.images == {"photo.png": (here / "photo.png").read_bytes()}
    for flag in ("in the rain", "--image photo.png", "--private", "--ar 3:2"):
        assert flag in ask.line
    assert ask.who.startswith("shell")
    assert result.stdout == "text-to-image-11.png\n"
    assert (here / "text-to-image-11.png").read_bytes() == b"r1-1"


def test_results_come_in_the_order_in_which_they_were_asked_for(bot: Bot) -> None:
    """However the bot comes to them."""

    def course(bot: Bot, job: SubmittedJob) -> Sequence[JobEvent]:
        others = [other for other in bot.requests[RequestId("r1")].jobs if other.id != job.id]
        if job.id == "r1-1":
            return [bot.done(other) for other in reversed(others)] + [bot.done(job)]
        return []

    bot.course = course
    result = call("imagine", "a fox", "--count", "3", "--out", "new")
    assert result.stdout.splitlines() == [f"new/text-to-image-1{n}.png" for n in (1, 2, 3)]
    assert result.stderr.splitlines()[-1] == "3 of 3 painted (6.0 s of the server's time)."


def test_json(bot: Bot) -> None:
    def course(bot: Bot, job: SubmittedJob) -> Sequence[JobEvent]:
        return {
            "r1-1": [bot.done(job, cached=True, texts=("words",))],
            "r1-2": [JobFailed(job.id, "out_of_memory", Text("The GPU ran out of memory."))],
            "r1-3": [JobFailed(job.id, "out_of_memory", Text("The GPU ran out of memory."))],
            "r1-4": [JobCancelled(job.id)],
        }[job.id]

    bot.course = course
    result = call("imagine", "a fox", "--count", "4", "--json")
    assert result.exit_code == 1
    what = {"template": "text-to-image", "values": {"prompt_text": "a fox"}}
    kept, failed, _, stopped = map(json.loads, result.stdout.splitlines())
    assert kept == {
        **what,
        "files": [{"path": "text-to-image-11.png", "kind": "image"}],
        "texts": ["words"],
        "seed": 11,
        "seconds": 2.0,
        "cached": True,
    }
    assert failed == {**what, "seed": 12, "error": "out_of_memory", "message": "The GPU ran out of memory."}
    assert stopped == {**what, "seed": 14, "error": "interrupted", "message": "The picture was stopped."}
    said = result.stderr.splitlines()
    assert said.count("Error: The GPU ran out of memory.") == 1, "once for all that failed alike"
    assert "[11] a fox: from an earlier request, free of charge (1/4)" in said
    assert said[-1] == "1 of 4 painted (2.0 s of the server's time), 2 failed, 1 stopped."


def test_a_refusal_takes_back_what_was_accepted(bot: Bot) -> None:
    bot.refusals = {3: [QuotaUsedUp(Text("Your 10 seconds are used up."))]}
    result = call("imagine", "--file", lines("a fox", "", "a boat", "# no", "a cat", "a dog"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert bot.cancelled == ["r1", "r2"]
    assert len(bot.named("submit")) == 3
    assert "Nothing is painted: what had been accepted of it is taken back." in result.stderr
    assert result.stderr.endswith("cannot be used. \n  line 5: Your 10 seconds are used up.\n")


def test_a_first_refusal_is_told_as_it_is(bot: Bot) -> None:
    bot.refusals = {1: [StoreUnavailable(Text("The disk is full."))]}
    assert refused("imagine", "a fox", code=1) == "Error: The disk is full."
    assert bot.cancelled == []


def test_a_bot_that_stops_keeps_what_it_accepted(bot: Bot) -> None:
    bot.dies = True
    result = call("imagine", "a fox", "--count", "3")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["text-to-image-11.png", "text-to-image-12.png"]
    assert result.stderr.splitlines()[-1] == (
        "Error: The bot has stopped, or does not answer any more. Start it again, or look into its log. "
        "1 of 3 pictures are not here yet. It waits in its queue, to be painted when it runs again. After "
        "that the same request with --seed 13 costs nothing."
    )
    assert bot.cancelled == []


def test_a_busy_bot_is_asked_again(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through_bot, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(following, "BUSY_SECONDS", 0.0)
    bot.refusals = {1: [Busy(Text("The bot is busy."))] * 2}
    bot.busy = 3
    result = call("imagine", "a fox")
    assert result.stdout == "text-to-image-11.png\n"
    events = {asked[1].event for asked in bot.named("submit")}  # type: ignore[attr-defined]
    assert len(events) == 1, "the same request, asked again"


def test_many_requests_are_followed_a_few_at_a_time(bot: Bot) -> None:
    """A bot answers so many calls at once, and other shells and the operator want some of them."""
    most = 0

    watch = Bot.watch

    async def counted(self: Bot, request: RequestId) -> AsyncGenerator[JobEvent, None]:
        nonlocal most
        self.watchers += 1
        most = max(most, self.watchers)
        try:
            async for event in watch(self, request):
                await asyncio.sleep(0.001)
                yield event
        finally:
            self.watchers -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bot, "watch", counted)
        result = call("imagine", "--file", lines(*(f"a fox {n}" for n in range(60))))
    assert len(result.stdout.splitlines()) == 60
    assert most == through_bot.FOLLOWED


def test_remarks_are_said_once(bot: Bot) -> None:
    bot.notes = (Text("model: another is used."),)
    result = call("imagine", "--file", lines("a fox", "a boat"))
    assert result.stderr.splitlines().count("model: another is used.") == 1


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked_for(here: Path, bot: Bot) -> None:
    (here / "file").write_text("", encoding="utf-8")
    said = refused("imagine", "a fox", "--out", "file/new", code=1)
    assert "file/new is not a folder" in said
    assert bot.named("submit") == []


def test_a_picture_that_cannot_be_fetched_stops_the_rest(bot: Bot) -> None:
    def course(bot: Bot, job: SubmittedJob) -> Sequence[JobEvent]:
        done = bot.done(job)
        Path(done.files[0].path).unlink()
        return [done]

    bot.course, bot.waiting = course, ("r2",)
    result = call("imagine", "--file", lines("a fox", "a boat"))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "-1.png, which the bot painted, cannot be read: No such file or directory." in result.stderr
    assert "The pictures cannot be kept here, so the rest is stopped." in result.stderr
    assert set(bot.cancelled) == {"r1", "r2"}
    assert not list(Path().glob("*.p*"))


def test_a_server_that_is_named_is_asked_itself(bot: Bot) -> None:
    assert "Is it running" in refused("imagine", "a fox", "--comfyui", "http://127.0.0.1:1", code=1)
    assert bot.asked == []


@posix_only
def test_an_interruption_takes_the_pictures_out_of_the_queue(here: Path, bot: Bot) -> None:
    bot.waiting = ("r1",)
    with running("imagine", "a fox", "--count", "2", cwd=here) as shell:
        ended = shell.until(lambda p: p.stderr.count("You are next.") == 2).interrupt().end()
    assert ended.code == 130
    assert bot.cancelled == ["r1"]
    assert ended.stderr.splitlines()[-4:] == [
        "Stopping: taking the pictures out of the bot's queue.",
        "[11] a fox: stopped",
        "[12] a fox: stopped",
        "0 of 2 painted (0.0 s of the server's time), 2 stopped.",
    ]


@posix_only
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_results_that_nobody_takes_stop_the_rest(here: Path, bot: Bot) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with Path("/dev/full").open("w") as full, os.fdopen(writing, "w") as gone:
        for out, said in ((full, "No space left on device."), (gone, "so the rest is stopped.")):
            bot.requests.clear()
            bot.waiting, bot.stopped = ("r2",), None
            done = subprocess.run(
                [*COMMAND, "imagine", "--file", lines("a fox", "a boat")],
                stdout=out,
                stderr=subprocess.PIPE,
                cwd=here,
                env=environment(),
                encoding="utf-8",
                timeout=DEADLINE_SECONDS,
                check=False,
            )
            assert done.returncode == 1
            assert said in done.stderr
            assert "Nobody takes the results any more, so the rest is stopped." in done.stderr
            assert "Traceback" not in done.stderr
    assert bot.cancelled == ["r2", "r2"]


def test_plain_lines_about_waiting_are_few_and_miss_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with PlainDisplay(total=1, clock=lambda: now) as shown:
        bar = shown.bar("a fox")
        for _ in range(100):
            bar.at(None, f"place 1, about {round(100 - now)} s")
            now += 1
        bar.at(None, "its server is silent", urgent=True)
        now += 5
        bar.at(0.25, "Sampler")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 100 // WAITING_SECONDS + 1 + 2
    assert said[-2:] == ["a fox:   0% its server is silent", "a fox:  25% Sampler"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (JobWaits(JobId("a-1"), 3, 12.4, Text("Why not.")), "place 3, about 12 s: Why not."),
        (JobWaits(JobId("a-1"), 3, 7300.0), "place 3, about 2.0 h"),
        (JobWaits(JobId("a-1"), 0), "at the server"),
        (JobWaits(JobId("a-1"), 0, why=Text("It is silent.")), "It is silent."),
        (JobWaits(JobId("a-1"), why=Text("It was lost.")), "waiting: It was lost."),
    ],
)
def test_words_for_waiting(event: JobWaits, words: str) -> None:
    assert following._waiting(event) == words
