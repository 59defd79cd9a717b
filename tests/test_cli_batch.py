"""Many pictures: two at the server at a time, reported in order, given up where there is no use."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.batch import Batch, requests
from bot.cli.common import NobodyReads
from bot.cli.report import Result
from bot.config import Settings, load_settings
from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    FlagError,
    NodeFailed,
    ParameterError,
    RunInterrupted,
    ServerUnreachable,
    ServerWedged,
    WordsBlocked,
)
from bot.domain.events import EndEvent, Failed
from bot.domain.text import Text
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import Job, plan
from bot.service.keep import Folder
from bot.service.painter import Painter, Picture
from bot.templates.loader import TemplateLibrary
from tests.support.fake_backend import FakeBackend, finished
from tests.support.templates import TIER, WORKFLOWS, catalogue, draw_low, shipped

BROKEN_NODE = NodeFailed(Text("“Sampler” failed."), node_id="5", class_type="KSampler", message="")


class Shown:
    """A display that remembers; what it wrote stands in ``told`` in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def bar(self, label: str) -> ShownBar:
        self.told.append(f"begin {label}")
        return ShownBar(self, label)

    def note(self, words: str) -> None:
        self.told.append(words)

    def result(self, write: Callable[[], None]) -> None:
        write()

    def restore(self) -> None: ...

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *_args: object) -> None: ...

    @property
    def errors(self) -> list[str]:
        return [words for words in self.told if words.startswith("Error")]


class ShownBar:
    def __init__(self, shown: Shown, label: str) -> None:
        self.shown = shown
        self.label = label

    def event(self, _event: object) -> None: ...

    def done(self, words: str, *, ok: bool = True) -> None:
        self.shown.told.append(f"end {self.label}: {words} {ok}")

    def stopped(self) -> None:
        self.done("stopped")


class Stage:
    """A batch on a fake backend, and what it reported."""

    def __init__(self, folder: Path, backend: FakeBackend) -> None:
        self.backend = backend
        self.shown = Shown()
        self.results: list[Result] = []
        self.batch = Batch(Painter(backend, Folder(folder)), self.results.append)

    async def paint(self, line: str) -> list[Picture]:
        return await self.batch.paint(jobs(line), self.shown)


def jobs(line: str) -> list[Job]:
    found = plan(parse_line(line, SHELL), shipped("text-to-image", catalogue()), limits=TIER, draw=draw_low)
    return [job for request in found for job in request.jobs()]


def failing_from(number: int, error: BackendError) -> Callable[[int], EndEvent]:
    return lambda n: Failed(error) if n >= number else finished()


async def test_two_at_a_time_and_in_order(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeBackend())
    pictures = await stage.paint("a fox --seed 1-12")
    assert [picture.job.values.seed for picture in pictures] == list(range(1, 13))
    assert stage.results == pictures == stage.batch.tally.pictures
    assert stage.backend.most_running == 2
    assert stage.batch.exit_code == 0
    assert "begin [1] a fox" in stage.shown.told
    assert "end [12] a fox: done in 2.0 s True" in stage.shown.told


async def test_a_failure_does_not_stop_the_others_and_is_told_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeBackend(end=lambda n: Failed(BROKEN_NODE) if n % 2 else finished()))
    pictures = await stage.paint("a fox --seed 1-6")
    assert len(pictures) == 3
    assert len(stage.results) == 6
    assert stage.shown.errors == ["Error: “Sampler” failed."]
    assert stage.batch.exit_code == 1


@pytest.mark.parametrize("kind", [ServerUnreachable, AuthenticationFailed, ServerWedged])
async def test_a_server_that_is_gone_is_told_once_and_not_asked_again(
    tmp_path: Path, kind: type[BackendError]
) -> None:
    stage = Stage(tmp_path, FakeBackend(end=failing_from(1, kind(Text("It is gone.")))))
    await stage.paint("a fox --seed 1-50")
    assert len(stage.backend.submissions) <= 4
    assert stage.shown.errors == ["Error: It is gone."]
    assert len(stage.batch.tally.pictures) == 1
    assert stage.batch.exit_code == 1


async def test_a_full_disk_stops_what_is_being_painted_for_it(tmp_path: Path) -> None:
    def disk(_target: Path) -> None:
        raise OSError(errno.ENOSPC, "full")

    backend = FakeBackend(disk=disk)
    stage = Stage(tmp_path, backend)
    await stage.paint("a fox --seed 1-50")
    assert len(backend.submissions) <= 4
    assert len(stage.shown.errors) == 1
    assert "The disk is full" in stage.shown.errors[0]
    assert stage.batch.exit_code == 1
    assert list(tmp_path.iterdir()) == []


async def test_stopping(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.gate.clear()
    stage = Stage(tmp_path, backend)
    painting = asyncio.create_task(stage.paint("a fox --seed 1-5"))
    await backend.until(lambda b: b.running == 2)
    await stage.batch.stop(stage.shown)
    assert await painting == []
    assert len(backend.cancelled) == len(backend.submissions) == 2
    assert stage.batch.tally.stopped == 2
    assert stage.shown.errors == []
    assert "Stopping: asking the server to cancel. Press Ctrl-C again to leave at once." in stage.shown.told


async def test_stopping_says_what_the_server_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backend = FakeBackend()
    backend.gate.clear()
    stage = Stage(tmp_path, backend)
    painting = asyncio.create_task(stage.paint("a fox"))
    await backend.until(lambda b: b.running)
    await stage.batch.stop(stage.shown)
    await painting
    stage.batch.tell_end()
    assert capsys.readouterr().err == "Stopped: what was running is cancelled on the server.\n"


async def test_stopping_when_nothing_runs_any_more(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.fetch_gate.clear()
    stage = Stage(tmp_path, backend)
    painting = asyncio.create_task(stage.paint("a fox"))
    await backend.until(lambda b: b.fetching)
    await stage.batch.stop(stage.shown)
    backend.fetch_gate.set()
    (picture,) = await painting
    assert picture.files[0].path.is_file()
    assert "Stopping." in stage.shown.told


async def test_somebody_elses_stop_is_an_error(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeBackend(end=lambda _: Failed(RunInterrupted(Text("Somebody stopped it.")))))
    await stage.paint("a fox")
    assert stage.shown.errors == ["Error: Somebody stopped it."]
    assert stage.batch.exit_code == 1


async def test_results_that_nobody_takes_end_the_rest(tmp_path: Path) -> None:
    backend = FakeBackend()
    stage = Stage(tmp_path, backend)

    def report(_result: Result) -> None:
        backend.gate.clear()
        raise NobodyReads(Text("left"))

    batch = Batch(Painter(backend, Folder(tmp_path)), report)
    with pytest.raises(NobodyReads):
        await batch.paint(jobs("a fox --seed 1-50"), stage.shown)
    assert len(backend.submissions) <= 5
    assert backend.running == 0
    assert backend.cancelled
    assert "Nobody takes the results any more, so the rest is stopped." in stage.shown.told


def settings(folder: Path) -> Settings:
    return load_settings(None, environ={}, folder=folder)


def test_requests_are_all_checked_before_the_first_is_painted(tmp_path: Path) -> None:
    library = TemplateLibrary(WORKFLOWS, catalogue())
    asks = [parse_line(line, SHELL) for line in ("a fox", "--template text-to-image")]
    with pytest.raises(FlagError, match="There is no text"):
        requests(asks, {}, library, settings(tmp_path), embedded=False)


@pytest.mark.parametrize("line", ["a b.a.d fox", "a fox --no BAD", 'a fox --set negative_text="so bad"'])
def test_words_that_the_operator_does_not_want_are_refused_in_the_shell_too(
    tmp_path: Path, line: str
) -> None:
    library = TemplateLibrary(WORKFLOWS, catalogue())
    moderated = load_settings(
        None, environ={"FAIRBRUSH__MODERATION__BLOCKED_WORDS": '["bad"]'}, folder=tmp_path
    )
    with pytest.raises(WordsBlocked):
        requests([parse_line(line, SHELL)], {}, library, moderated, embedded=False)


def test_every_line_of_a_file_that_cannot_be_painted_is_named(tmp_path: Path) -> None:
    library = TemplateLibrary(WORKFLOWS, catalogue())
    said = ("a fox", "a boat --steps 9999", "a cat", "a dog --template nosuch", "--template flux")
    asks = [parse_line(line, SHELL) for line in said]
    with pytest.raises(FlagError) as refused:
        requests(asks, {}, library, settings(tmp_path), embedded=False, lines=(2, 3, 5, 8, 13))
    subject, *lines = str(refused.value).splitlines()
    assert subject.startswith("The file cannot be used.")
    assert [line.split(":")[0].strip() for line in lines] == ["line 3", "line 8", "line 13"]
    assert "steps 9999 is out of range" in lines[0]


def test_too_many_of_one_seed_are_refused_with_the_way_to_more(tmp_path: Path) -> None:
    library = TemplateLibrary(WORKFLOWS, catalogue())
    asks = [parse_line("a fox --count 7", SHELL)]
    with pytest.raises(ParameterError) as refused:
        requests(asks, {}, library, settings(tmp_path), embedded=False)
    assert str(refused.value).endswith("at most 4. For more, give a range of seeds: --seed 1-7")
    assert refused.value.parameter == "count"
    more = [parse_line("a fox --seed 1-7", SHELL)]
    assert len(requests(more, {}, library, settings(tmp_path), embedded=False)) == 7


def test_a_remark_about_many_requests_is_made_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = catalogue({"ckpt_name": ("dreamshaper.safetensors",)})
    asks = [parse_line(line, SHELL) for line in ("a fox --seed 1-3", "a boat")]
    found = requests(asks, {}, TemplateLibrary(WORKFLOWS, other), settings(tmp_path), embedded=False)
    assert len(found) == 4
    said = capsys.readouterr().err
    assert said.count("dreamshaper.safetensors is used") == 1
    requests(asks, {}, TemplateLibrary(WORKFLOWS, other), settings(tmp_path), embedded=True)
    assert capsys.readouterr().err == ""
