"""What the client promises, on every server: the embedded engine always, a real one with
``pytest -m live --comfyui URL``. Only nodes that every server has.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.errors import GraphRejected, NodeFailed, ProtocolError, RunLost
from bot.domain.events import (
    EndEvent,
    Finished,
    Interrupted,
    NodeStarted,
    Previewed,
    Progressed,
    Queued,
    Started,
)
from bot.domain.ids import NodeId
from bot.domain.outputs import MediaKind, OutputFile, OutputText, wanted_outputs
from bot.templates.graph import parse_export
from tests.contract.conftest import Stranger, Target
from tests.support.clients import error_of, eventually, run, running
from tests.support.graphs import extended, flat, fresh, submission


def files(end: EndEvent) -> list[OutputFile]:
    assert isinstance(end, Finished), end
    return [output for output in end.outputs if isinstance(output, OutputFile)]


# Running


async def test_a_run_tells_its_story_and_ends_with_its_file(target: Target) -> None:
    async with target.connected() as backend:
        await eventually(lambda: backend.session.connected)
        async with running(backend, submission(flat())) as told:
            end = await told.end()
        [file] = files(end)
        assert (file.node, file.folder, file.kind) == ("3", "output", MediaKind.IMAGE)
        assert file.filename.startswith("contract_")
        assert isinstance(end, Finished)
        assert not end.cached
        assert end.server_seconds is not None
        assert 0 <= end.server_seconds < 60
        assert [event.title for event in told.events if isinstance(event, NodeStarted)] == [
            *("EmptyImage", "ImageScale", "The result")
        ]
        starts = [event for event in told.events if isinstance(event, Queued | Started)]
        assert starts[-1] == Started()


@pytest.mark.parametrize("outputs", [(), ("3",)])
async def test_the_same_graph_again_gives_the_old_files(target: Target, outputs: tuple[str, ...]) -> None:
    graph = flat()
    async with target.connected() as backend:
        first = await run(backend, submission(graph, *outputs))
        again = await run(backend, submission(graph, *outputs))
    assert files(again) == files(first)
    assert isinstance(again, Finished)
    assert again.cached


async def test_a_run_with_sampling_shows_its_steps(target: Target) -> None:
    async with target.connected() as backend, running(backend, submission(target.sampled(steps=6))) as told:
        [file] = files(await told.end())
        assert file.node == "9"
        steps = {
            event.step: event.steps
            for event in told.events
            if isinstance(event, Progressed) and event.node == "3"
        }
        assert set(steps.values()) == {6}
        assert len(steps) > 3


async def test_several_outputs_are_listed_with_their_nodes(target: Target) -> None:
    graph = extended(
        flat(),
        n4={"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "contract_small"}},
        n5={"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    )
    async with target.connected() as backend:
        end = await run(backend, submission(graph))
        assert {(file.node, file.folder) for file in files(end)} == {
            *(("3", "output"), ("4", "output"), ("5", "temp"))
        }
        assert isinstance(end, Finished)
        assert [output.node for output in wanted_outputs(end.outputs, frozenset({NodeId("4")}))] == ["4"]
        assert {output.node for output in wanted_outputs(end.outputs, frozenset())} == {"3", "4"}


async def test_a_batch_is_several_files_in_order(target: Target) -> None:
    async with target.connected() as backend:
        names = [file.filename for file in files(await run(backend, submission(flat(batch=4))))]
    assert len(names) == 4
    assert names == sorted(names)


async def test_a_preview_alone_counts(target: Target, tmp_path: Path) -> None:
    graph = flat().to_api()
    graph["3"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    async with target.connected() as backend:
        end = await run(backend, submission(parse_export(graph)))
        [file] = files(end)
        assert file.folder == "temp"
        assert isinstance(end, Finished)
        assert wanted_outputs(end.outputs, frozenset()) == (file,)
        assert await backend.fetch(file, tmp_path / "a.png") == "image/png"


async def test_a_text_is_an_output(target: Target) -> None:
    words = f"héllo 🦊 {fresh()}\nworld"
    graph = parse_export(
        {
            "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": words}},
            "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
        }
    )
    async with target.connected() as backend:
        end = await run(backend, submission(graph))
    assert isinstance(end, Finished)
    assert end.outputs == (OutputText(NodeId("2"), words),)


@pytest.mark.parametrize(
    ("class_type", "inputs", "kind", "mime"),
    [
        (
            "SaveAnimatedWEBP",
            {"fps": 6.0, "lossless": False, "quality": 80, "method": "default"},
            *(MediaKind.ANIMATED, "image/webp"),
        ),
        ("SaveAnimatedPNG", {"fps": 6.0, "compress_level": 4}, MediaKind.ANIMATED, "image/png"),
        ("SaveWEBM", {"codec": "vp9", "fps": 6.0, "crf": 32.0}, MediaKind.VIDEO, "video/webm"),
    ],
)
async def test_kinds_of_files(
    target: Target, tmp_path: Path, class_type: str, inputs: dict[str, object], kind: MediaKind, mime: str
) -> None:
    graph = flat(batch=3).to_api()
    graph["3"] = {
        "class_type": class_type,
        "inputs": {"images": ["2", 0], "filename_prefix": "contract", **inputs},
    }
    async with target.connected() as backend:
        if class_type not in await backend.catalogue():
            pytest.skip(f"the server has no {class_type}")
        [file] = files(await run(backend, submission(parse_export(graph))))
        assert file.kind is kind
        assert await backend.fetch(file, tmp_path / "file") == mime


async def test_results_that_would_exist_only_on_the_socket_are_saved(target: Target, tmp_path: Path) -> None:
    graph = flat().to_api()
    graph["3"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}}
    async with target.connected() as backend:
        [file] = files(await run(backend, submission(parse_export(graph), "3")))
        assert file.node == "3"
        assert await backend.fetch(file, tmp_path / "a.png") == "image/png"


async def test_previews_arrive_as_pictures_with_their_type(target: Target) -> None:
    graph = target.sampled(steps=6)
    async with target.connected() as backend, running(backend, submission(graph, previews=True)) as told:
        assert files(await told.end())
        previews = [event for event in told.events if isinstance(event, Previewed)]
        version = (await backend.system_stats()).version
    if not previews and version.startswith("0.3."):
        pytest.skip(f"{version} previews only when it was started with --preview-method")
    assert previews
    for preview in previews:
        assert preview.mime == "image/jpeg"
        with Image.open(io.BytesIO(preview.image)) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 512


async def test_two_runs_at_once_keep_apart(target: Target) -> None:
    async with (
        target.connected() as backend,
        running(backend, submission(target.sampled(steps=5))) as first,
        running(backend, submission(flat(size=32))) as second,
    ):
        assert [file.node for file in files(await first.end())] == ["9"]
        assert [file.node for file in files(await second.end())] == ["3"]
        assert {e.node for e in first.events if isinstance(e, NodeStarted)} <= set(
            first.submission.graph.nodes
        )
        assert {e.node for e in second.events if isinstance(e, NodeStarted)} == {"1", "2", "3"}


# Refusals and failures


async def test_a_rejected_graph_names_node_input_value_and_range(target: Target) -> None:
    graph = flat().to_api()
    graph["2"]["inputs"]["upscale_method"] = "bilinar"
    graph["2"]["_meta"] = {"title": "Make it larger"}
    async with target.connected() as backend:
        error = error_of(await run(backend, submission(parse_export(graph))))
    assert isinstance(error, GraphRejected)
    [problem] = error.problems
    assert (problem.node_id, problem.title, problem.input) == ("2", "Make it larger", "upscale_method")
    assert (problem.value, problem.nearest) == ("bilinar", "bilinear")
    assert "“Make it larger”: upscale_method = bilinar is not there. Nearest: bilinear." in str(error)


async def test_a_value_out_of_range_names_the_range(target: Target) -> None:
    async with target.connected() as backend:
        error = error_of(await run(backend, submission(flat(size=-5))))
    assert isinstance(error, GraphRejected)
    assert "“EmptyImage”: width = -5 is out of range; allowed is 1 to 16384." in str(error)


async def test_an_unknown_class_is_named(target: Target) -> None:
    graph = extended(
        flat(), n2={"class_type": "NoSuchNode", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Magic"}}
    )
    async with target.connected() as backend:
        error = error_of(await run(backend, submission(graph)))
    assert isinstance(error, GraphRejected)
    assert "has no node type “NoSuchNode” (used by “Magic”)" in str(error)


async def test_a_graph_without_result_is_refused(target: Target) -> None:
    graph = parse_export({"1": flat().to_api()["1"]})
    async with target.connected() as backend:
        error = error_of(await run(backend, submission(graph)))
    assert isinstance(error, GraphRejected)
    assert "nothing in it saves or shows a result" in str(error)


async def test_one_good_and_one_bad_output(target: Target) -> None:
    """A server accepts this with 200; whether that is good depends on what was wanted."""
    graph = extended(
        flat(),
        n20={"class_type": "SaveImage", "inputs": {"images": ["21", 0], "filename_prefix": "contract"}},
        n21={"class_type": "EmptyImage", "inputs": {"width": -5, "height": 64, "batch_size": 1, "color": 0}},
    )
    async with target.connected() as backend:
        assert [file.node for file in files(await run(backend, submission(graph, "3")))] == ["3"]
        for outputs in ((), ("20",), ("3", "20")):
            error = error_of(await run(backend, submission(graph, *outputs)))
            assert isinstance(error, GraphRejected)
            assert "width = -5 is out of range" in str(error)


async def test_a_node_that_fails_is_named(target: Target) -> None:
    """The server does not look into uploads; the node does when it runs."""
    async with target.connected() as backend:
        name = await backend.upload_image(b"no picture at all", ".png")
        graph = extended(
            flat(), n1={"class_type": "LoadImage", "inputs": {"image": name}, "_meta": {"title": "Start"}}
        )
        error = error_of(await run(backend, submission(graph)))
    assert isinstance(error, NodeFailed)
    assert (error.node_id, error.class_type) == ("1", "LoadImage")
    assert "“Start” failed" in str(error)
    assert error.message


# Stopping


async def test_cancel_of_a_running_prompt(target: Target) -> None:
    async with target.connected() as backend, running(backend, submission(target.long())) as told:
        await told.until_step(2)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)
        while told.submission.prompt_id in await backend.client.queue():  # noqa: ASYNC110 - it cleans up first
            await asyncio.sleep(0.01)


async def test_cancel_of_a_waiting_prompt_leaves_the_running_one(target: Target, stranger: Stranger) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    async with target.connected() as backend, running(backend, submission(flat())) as told:
        assert await told.until(lambda event: isinstance(event, Queued)) == Queued(1)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)
        queue = await backend.client.queue()
        assert told.submission.prompt_id not in queue
        assert other in queue.running


async def test_cancel_of_another_clients_prompt_does_nothing(target: Target, stranger: Stranger) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    async with target.connected() as backend:
        await backend.cancel(other)
        assert files(await run_behind(backend, stranger, other))


async def run_behind(backend: object, stranger: Stranger, other: object) -> EndEvent:
    """A short run that waits until the stranger's own stop of ``other`` lets it through."""
    async with running(backend, submission(flat())) as told:  # type: ignore[arg-type]
        await told.until(lambda event: isinstance(event, Queued))
        assert other in (await stranger.client.queue()).running, "it was left alone"
        await stranger.stop(other)  # type: ignore[arg-type]
        return await told.end()


async def test_an_interrupt_by_somebody_else_is_told_as_such(target: Target, stranger: Stranger) -> None:
    async with target.connected() as backend, running(backend, submission(target.long())) as told:
        await told.until_step(2)
        await stranger.stop(told.submission.prompt_id)
        end = await told.end()
        assert isinstance(end, Interrupted)
        assert end.server_seconds is not None


async def test_a_prompt_deleted_by_somebody_else_is_lost(target: Target, stranger: Stranger) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    async with target.connected() as backend, running(backend, submission(flat())) as told:
        await told.until(lambda event: isinstance(event, Queued))
        await stranger.client.delete(told.submission.prompt_id)
        assert isinstance(error_of(await told.end()), RunLost)


async def test_a_cancel_that_comes_too_late_changes_nothing(target: Target) -> None:
    async with target.connected() as backend, running(backend, submission(flat())) as told:
        await told.until(lambda event: isinstance(event, NodeStarted) and event.node == "3")
        await backend.cancel(told.submission.prompt_id)
        end = await told.end()
        assert isinstance(end, Finished | Interrupted)
        assert isinstance(await run(backend, submission(flat())), Finished), "nor the next"


# Other clients, other processes


async def test_other_clients_work_is_counted_and_changes_nothing(target: Target, stranger: Stranger) -> None:
    """Progress of prompts without a client id goes to everybody."""
    async with target.connected() as backend:
        await eventually(lambda: backend.session.connected)
        graph = target.sampled(steps=4)
        prompt_id = submission(graph).prompt_id
        async with stranger.client.http.post(
            stranger.client.base / "prompt", json={"prompt": graph.to_api(), "prompt_id": prompt_id}
        ) as response:
            assert response.status == 200
        stranger.posted.append(prompt_id)
        async with running(backend, submission(flat())) as told:
            assert [file.node for file in files(await told.end())] == ["3"]
            assert {e.node for e in told.events if isinstance(e, NodeStarted)} == {"1", "2", "3"}
            assert not any(isinstance(event, Previewed) for event in told.events)
        assert await stranger.client.history(prompt_id) is not None
        assert backend.session.ignored["foreign"] > 0


async def test_a_run_that_another_process_posted_is_followed(target: Target, stranger: Stranger) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    posted = submission(graph := flat())
    await stranger.client.submit(graph, posted.prompt_id, posted.prompt_id)  # type: ignore[arg-type]
    stranger.posted.append(posted.prompt_id)
    async with target.connected() as backend, running(backend, posted, submitted=True) as told:
        assert await told.until(lambda event: isinstance(event, Queued)) == Queued(1)
        await stranger.stop(other)
        assert files(await told.end())


async def test_a_run_that_ended_meanwhile_is_found(target: Target, stranger: Stranger) -> None:
    posted = submission(graph := flat())
    await stranger.client.submit(graph, posted.prompt_id, posted.prompt_id)  # type: ignore[arg-type]
    await stranger.until_ended(posted.prompt_id)
    async with target.connected(ask_deaf=60.0, ask_waiting=60.0) as backend:
        await eventually(lambda: backend.session.connected)
        assert files(await run(backend, posted, submitted=True))
        unknown = submission(graph)
        assert isinstance(error_of(await run(backend, unknown, submitted=True)), RunLost)


async def test_an_attached_run_with_its_old_client_id_is_heard(target: Target, stranger: Stranger) -> None:
    posted = submission(target.long())
    await stranger.client.submit(posted.graph, posted.prompt_id, "the-bot-before")  # type: ignore[arg-type]
    stranger.posted.append(posted.prompt_id)
    async with (
        target.connected(client_id="the-bot-before") as backend,
        running(backend, posted, submitted=True) as told,
    ):
        await told.until_step(2)
        await backend.cancel(posted.prompt_id)
        assert isinstance(await told.end(), Interrupted)


async def test_a_reconnect_in_the_middle(target: Target) -> None:
    async with target.connected() as backend, running(backend, submission(target.long())) as told:
        step = await told.until_step(2)
        assert isinstance(step, Progressed)
        await backend.session.reconnect()
        await eventually(lambda: backend.session.connections == 2)
        reached = max(event.step for event in told.events if isinstance(event, Progressed))
        await told.until_step(reached + 2)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)


# Files and facts


async def test_an_uploaded_picture_is_painted_on(target: Target, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), (fresh() % 256, 20, 200)).save(buffer, "PNG")
    async with target.connected() as backend:
        name = await backend.upload_image(buffer.getvalue(), ".png")
        assert name.isascii()
        graph = parse_export(
            {
                "1": {"class_type": "LoadImage", "inputs": {"image": name}},
                "3": {
                    "class_type": "SaveImage",
                    "inputs": {"images": ["1", 0], "filename_prefix": "contract"},
                },
            }
        )
        [file] = files(await run(backend, submission(graph)))
        await backend.fetch(file, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as painted, Image.open(buffer) as given:
        assert painted.size == given.size
        assert painted.convert("RGB").getpixel((5, 5)) == given.getpixel((5, 5))


async def test_a_download_is_a_whole_picture(target: Target, tmp_path: Path) -> None:
    async with target.connected() as backend:
        [file] = files(await run(backend, submission(flat(size=300))))
        download = await backend.client.download(file, tmp_path / "a.png")
    assert download.mime == "image/png"
    assert download.size == (tmp_path / "a.png").stat().st_size
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (600, 600)


@pytest.mark.parametrize(
    ("filename", "subfolder"),
    [("nothere.png", ""), ("../../secret", ""), ("a.png", "../.."), ("ä%20+&?.png", "ö")],
)
async def test_files_that_are_not_there_are_an_error(
    target: Target, tmp_path: Path, filename: str, subfolder: str
) -> None:
    async with target.connected() as backend:
        with pytest.raises(Exception) as caught:
            await backend.fetch(OutputFile(NodeId("3"), filename, subfolder), tmp_path / "a.png")
    assert type(caught.value).__module__ == ProtocolError.__module__
    assert not (tmp_path / "a.png").exists()


async def test_files_in_subfolders_with_odd_names(target: Target, tmp_path: Path) -> None:
    async with target.connected() as backend:
        [file] = files(await run(backend, submission(flat(prefix="contract sub/ünïcode + 100% & more"))))
        assert file.subfolder == "contract sub"
        assert await backend.fetch(file, tmp_path / "a.png") == "image/png"


async def test_the_catalogue_is_read_once(target: Target) -> None:
    async with target.connected() as backend:
        await eventually(lambda: backend.session.connected)
        catalogue = await backend.catalogue()
        assert await backend.catalogue() is catalogue
    spec = catalogue.spec("EmptyImage", "width")
    assert spec is not None
    assert (spec.type, spec.minimum, spec.maximum) == ("INT", 1, 16384)
    save = catalogue.get("SaveImage")
    assert save is not None
    assert save.is_output
    seed = catalogue.spec("KSampler", "seed")
    assert seed is not None
    assert seed.maximum == 2**64 - 1


async def test_the_server_says_what_it_is(target: Target) -> None:
    async with target.connected() as backend:
        stats = await backend.system_stats()
    assert stats.version[:1].isdigit()
    assert stats.devices
    assert stats.devices[0].vram_total > 0


async def test_free_drops_what_is_cached(target: Target) -> None:
    graph = flat()
    async with target.connected() as backend:
        first = await run(backend, submission(graph))
        await backend.free()
        for _ in range(50):  # it takes effect between prompts, when the worker looks
            again = await run(backend, submission(graph))
            if isinstance(again, Finished) and not again.cached:
                break
            await asyncio.sleep(0.05)
    assert isinstance(again, Finished)
    assert not again.cached
    assert files(again) != files(first)
