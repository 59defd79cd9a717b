"""Jobs into kept pictures, on a backend that does what a test says."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from bot.domain.errors import NothingPainted, OutputError, RunInterrupted, RunLost, ServerUnreachable
from bot.domain.events import Failed, Finished, Interrupted, RunEvent, Started
from bot.domain.ids import NodeId
from bot.domain.outputs import MediaKind, OutputText
from bot.domain.text import Text
from bot.presentation.flags import SHELL, parse_line
from bot.service.images import InputImage
from bot.service.imagine import Job, plan
from bot.service.keep import Folder
from bot.service.painter import KeptFile, Painter
from tests.support.fake_backend import FakeBackend, file, finished
from tests.support.templates import TIER, catalogue, draw_low, shipped

PHOTO = InputImage(b"photo", ".jpg", 64, 64)


def jobs(line: str = "a fox --seed 5", name: str = "text-to-image") -> list[Job]:
    template = shipped(name, catalogue())
    found = plan(parse_line(line, SHELL), template, limits=TIER, draw=draw_low, images={"photo.jpg": PHOTO})
    return [job for request in found for job in request.jobs()]


def ignore(_event: RunEvent) -> None:
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_picture_is_kept_by_its_seed(tmp_path: Path) -> None:
    backend, events = FakeBackend(), []
    picture = await Painter(backend, Folder(tmp_path)).paint(jobs()[0], events.append)
    assert picture.files == (KeptFile(tmp_path / "text-to-image-5.png", MediaKind.IMAGE),)
    assert picture.files[0].path.read_bytes() == b"picture"
    assert (picture.server_seconds, picture.cached) == (2.0, False)
    assert events == [Started()]
    (submission,) = backend.submissions
    assert submission.outputs == {"7"}
    assert 5 in [node.inputs.get("seed") for node in submission.graph]


async def test_every_attempt_has_a_prompt_id_of_its_own(tmp_path: Path) -> None:
    backend = FakeBackend()
    painter = Painter(backend, Folder(tmp_path))
    for _ in range(2):
        await painter.paint(jobs()[0], ignore)
    first, second = backend.submissions
    assert first.prompt_id != second.prompt_id
    assert names(tmp_path) == ["text-to-image-5-2.png", "text-to-image-5.png"]


async def test_all_outputs_of_the_wanted_nodes_are_kept(tmp_path: Path) -> None:
    outputs = (
        file("a.png"),
        file("b.webp"),
        file("preview.png", folder="temp"),
        file("other.png", node="99"),
        OutputText(NodeId("7"), "a caption"),
    )
    backend = FakeBackend(end=lambda _: finished(*outputs))
    picture = await Painter(backend, Folder(tmp_path)).paint(jobs()[0], ignore)
    assert [kept.path.name for kept in picture.files] == ["text-to-image-5.png", "text-to-image-5.webp"]
    assert picture.texts == ("a caption",)


async def test_a_run_that_leaves_nothing(tmp_path: Path) -> None:
    backend = FakeBackend(end=lambda _: Finished((), None, cached=False))
    with pytest.raises(NothingPainted, match="left no result"):
        await Painter(backend, Folder(tmp_path)).paint(jobs()[0], ignore)


async def test_a_failed_run_raises_its_error(tmp_path: Path) -> None:
    error = RunLost(Text("lost"))
    with pytest.raises(RunLost) as caught:
        await Painter(FakeBackend(end=lambda _: Failed(error)), Folder(tmp_path)).paint(jobs()[0], ignore)
    assert caught.value is error


async def test_a_picture_of_several_files_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    written: list[Path] = []

    def disk(target: Path) -> None:
        if written:
            raise OSError(errno.ENOSPC, "full")
        written.append(target)
        target.write_bytes(b"first")

    backend = FakeBackend(end=lambda _: finished(file("a.png"), file("b.png")), disk=disk)
    with pytest.raises(OutputError, match="The disk is full"):
        await Painter(backend, Folder(tmp_path)).paint(jobs()[0], ignore)
    assert written
    assert names(tmp_path) == []


async def test_an_input_picture_is_uploaded_once(tmp_path: Path) -> None:
    backend = FakeBackend()
    painter = Painter(backend, Folder(tmp_path))
    found = jobs("a storm --image photo.jpg --seed 1-3", "image-to-image")
    await asyncio.gather(*(painter.paint(job, ignore) for job in found))
    assert backend.uploads == [".jpg"]
    nodes = [node for submission in backend.submissions for node in submission.graph]
    loaded = [node.inputs["image"] for node in nodes if node.class_type == "LoadImage"]
    assert loaded == ["upload-1.jpg"] * 3


async def test_an_upload_that_failed_is_tried_again_by_the_next_job(tmp_path: Path) -> None:
    class Flaky(FakeBackend):
        async def upload_image(self, content: bytes, suffix: str) -> str:
            name = await super().upload_image(content, suffix)
            if len(self.uploads) == 1:
                raise ServerUnreachable(Text("gone"))
            return name

    painter = Painter(Flaky(), Folder(tmp_path))
    first, second = jobs("a storm --image photo.jpg --seed 1-2", "image-to-image")
    with pytest.raises(ServerUnreachable):
        await painter.paint(first, ignore)
    assert (await painter.paint(second, ignore)).files


async def test_cancelling_stops_what_runs_and_waits(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.gate.clear()
    painter = Painter(backend, Folder(tmp_path))
    painting = [asyncio.create_task(painter.paint(job, ignore)) for job in jobs("a fox --count 2")]
    await backend.until(lambda b: b.running == 2)
    assert await painter.cancel_all() == 2
    results = await asyncio.gather(*painting, return_exceptions=True)
    assert [type(result) for result in results] == [RunInterrupted] * 2
    assert str(results[0]) == "The picture was stopped."
    assert backend.cancelled == [submission.prompt_id for submission in reversed(backend.submissions)]
    assert names(tmp_path) == []


async def test_cancelling_during_an_upload_submits_nothing(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.uploads_gate.clear()
    painter = Painter(backend, Folder(tmp_path))
    (job,) = jobs("a storm --image photo.jpg", "image-to-image")
    painting = asyncio.create_task(painter.paint(job, ignore))
    await backend.until(lambda b: b.uploads)
    assert await painter.cancel_all() == 0
    backend.uploads_gate.set()
    with pytest.raises(RunInterrupted):
        await painting
    assert backend.submissions == []


async def test_cancelling_comes_too_late_for_what_is_being_kept(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.fetch_gate.clear()
    painter = Painter(backend, Folder(tmp_path))
    painting = asyncio.create_task(painter.paint(jobs()[0], ignore))
    await backend.until(lambda b: b.fetching)
    assert await painter.cancel_all() == 0
    backend.fetch_gate.set()
    assert (await painting).files[0].path.is_file()


async def test_a_picture_that_somebody_else_stopped(tmp_path: Path) -> None:
    painter = Painter(FakeBackend(end=lambda _: Interrupted()), Folder(tmp_path))
    with pytest.raises(RunInterrupted, match="Somebody else stopped this picture"):
        await painter.paint(jobs()[0], ignore)
