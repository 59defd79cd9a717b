"""The engine as a whole: life, cache, errors, memory, time, files."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from PIL import Image

from bot.sketch import EngineSettings, SketchEngine, serve
from bot.sketch.files import Folders
from bot.sketch.noderun import Gpu, NodeRun, Signals, Stopped
from tests.support.sketch_client import Client, connected, text_to_image
from tests.support.sketch_nodes import Gate, lab_nodes, slow_graph


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SketchEngine]:
    async with SketchEngine(tmp_path) as running:
        yield running


@pytest.fixture
async def client(engine: SketchEngine) -> AsyncIterator[Client]:
    async with connected(engine) as made:
        yield made


# Pictures


async def test_the_same_prompt_gives_the_same_bytes(client: Client) -> None:
    first = await client.run(text_to_image())
    await client.http.post("/free", json={"free_memory": True})
    second = await client.run(text_to_image())
    assert second.cached == []
    assert first.files != second.files
    assert await client.bytes_of(first.files[0]) == await client.bytes_of(second.files[0])


async def test_a_batch_begins_with_the_picture_made_alone(client: Client) -> None:
    alone = await client.run(text_to_image())
    batch = await client.run(text_to_image(batch_size=3))
    assert [item["filename"] for item in batch.files] == [f"t_0000{n}_.png" for n in (2, 3, 4)]
    pictures = [np.asarray(await client.picture(item)) for item in (*alone.files, *batch.files)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
    assert not np.array_equal(pictures[2], pictures[3])


async def test_the_graph_and_the_clients_words_are_in_the_png(client: Client) -> None:
    graph = text_to_image(seed="5")
    extra = {"extra_pnginfo": {"workflow": {"id": "w", "nodes": []}, "note": "é"}}
    ran = await client.run(graph, extra_data=extra)
    picture = await client.picture(ran.files[0])
    assert picture.format == "PNG"
    assert json.loads(picture.info["prompt"]) == ran.entry["prompt"][2]
    assert json.loads(picture.info["prompt"])["3"]["inputs"]["seed"] == 5
    assert json.loads(picture.info["workflow"]) == {"id": "w", "nodes": []}
    assert json.loads(picture.info["note"]) == "é"


async def test_every_saved_picture_carries_the_mark(client: Client) -> None:
    """A plain white picture comes out with something in its lower right corner."""
    white = {"width": 256, "height": 256, "batch_size": 1, "color": 0xFFFFFF}
    graph: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": white}}
    for index, saver in enumerate(("SaveImage", "PreviewImage", "SaveAnimatedPNG", "SaveAnimatedWEBP")):
        inputs: dict[str, Any] = {"images": ["1", 0], "filename_prefix": f"p{index}"}
        if saver.startswith("SaveAnimated"):
            inputs |= {"fps": 6, "compress_level": 4, "lossless": True, "quality": 80, "method": "default"}
        graph[f"s{index}"] = {"class_type": saver, "inputs": inputs}
    ran = await client.run(graph)
    assert len(ran.files) == 4
    for item in ran.files:
        pixels = np.asarray((await client.picture(item)).convert("RGB"))
        assert pixels[:128, :128].min() == 255
        assert pixels[192:, 128:].min() < 200


async def test_animations_have_their_frames_and_metadata(client: Client) -> None:
    empty = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}}
    graph: dict[str, Any] = {"1": empty, "i": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}}
    graph["2"] = {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["i", 0]}}
    inputs = {"images": ["2", 0], "filename_prefix": "a", "fps": 4.0}
    webp = {"lossless": True, "quality": 80, "method": "fastest"}
    graph["3"] = {"class_type": "SaveAnimatedWEBP", "inputs": {**inputs, **webp}}
    graph["4"] = {"class_type": "SaveAnimatedPNG", "inputs": {**inputs, "compress_level": 4}}
    ran = await client.run(graph)
    for item in ran.files:
        with Image.open(io.BytesIO(await client.bytes_of(item))) as image:
            assert image.n_frames == 2
            image.seek(image.n_frames - 1)
            image.load()
            assert image.info["duration"] == 250
            text = image.info.get("prompt") or image.getexif()[0x0110].removeprefix("prompt:")
            assert json.loads(text) == ran.entry["prompt"][2]


# Cache, laziness, robustness


async def test_a_changed_input_file_runs_its_readers_again(client: Client, tmp_path: Path) -> None:
    def put(colour: tuple[int, int, int]) -> None:
        Image.new("RGB", (64, 64), colour).save(tmp_path / "input" / "x.png")

    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    put((255, 0, 0))
    await client.run(graph)
    assert (await client.run(graph)).cached == ["1", "2"]
    put((0, 255, 0))
    ran = await client.run(graph)
    assert (ran.cached, ran.ran()) == ([], ["1", "2"])
    assert (await client.picture(ran.files[0])).getpixel((4, 4)) == (0, 255, 0)


async def test_only_the_last_prompts_results_are_kept(client: Client) -> None:
    await client.run(text_to_image(seed=1))
    await client.run(text_to_image(seed=2))
    assert (await client.run(text_to_image(seed=1))).cached == ["4", "5", "6", "7"]


async def test_equal_nodes_run_once(client: Client) -> None:
    """The second one is taken from the cache, and told of without an output of its own."""
    graph = text_to_image(negative="a lighthouse at dusk")
    ran = await client.run(graph)
    assert ran.ran() == ["4", "5", "7", "3", "8", "9"]
    assert [data["node"] for data in ran.of("executed")] == ["6", "9"]
    assert ran.of("executed")[0]["output"] is None


@pytest.mark.parametrize(
    ("switch", "expected"), [(True, ["s", "t", "s", "p"]), (False, ["s", "f", "s", "p"])]
)
async def test_a_switch_runs_only_its_chosen_side(client: Client, switch: bool, expected: list[str]) -> None:
    graph = {
        "t": {"class_type": "PrimitiveString", "inputs": {"value": "yes"}},
        "f": {"class_type": "PrimitiveString", "inputs": {"value": "no"}},
        "s": {
            "class_type": "ComfySwitchNode",
            "inputs": {"switch": switch, "on_false": ["f", 0], "on_true": ["t", 0]},
        },
        "p": {"class_type": "PreviewAny", "inputs": {"source": ["s", 0]}},
    }
    ran = await client.run(graph)
    assert ran.entry["outputs"] == {"p": {"text": ["yes" if switch else "no"]}}
    assert ran.ran() == expected


async def test_a_node_that_no_output_needs_does_no_harm(client: Client) -> None:
    """On the real server one without inputs ends the worker; here it is left alone."""
    graph = text_to_image()
    graph["50"] = {"class_type": "EmptyImage"}
    graph["51"] = {"class_type": "ImageInvert", "inputs": {"image": ["99", 0]}}
    ran = await client.run(graph)
    assert ran.entry["status"]["status_str"] == "success"
    assert (await client.run(graph)).cached[-1] == "9"


async def test_a_bad_output_is_dropped_and_told_of(client: Client) -> None:
    graph = text_to_image()
    graph["20"] = {"class_type": "PreviewImage", "inputs": {"images": ["99", 0]}}
    status, answer = await client.post(graph)
    assert (status, list(answer["node_errors"])) == (200, ["20"])
    ran = await client.follow(answer["prompt_id"])
    assert ran.entry["prompt"][4] == ["9"]
    assert set(ran.entry["outputs"]) == {"9"}


# Errors


async def test_a_file_that_is_no_picture_fails_at_run_time(client: Client, tmp_path: Path) -> None:
    (tmp_path / "input" / "x.png").write_bytes(b"hello")
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    error = (await client.run(graph)).error
    assert (error["node_id"], error["exception_type"]) == ("1", "PIL.UnidentifiedImageError")
    assert error["current_inputs"] == {"image": ["x.png"]}
    assert (await client.run(text_to_image())).entry["status"]["completed"]


async def test_a_prefix_that_leaves_the_folder_is_a_failure(client: Client, tmp_path: Path) -> None:
    ran = await client.run(text_to_image(filename_prefix="../../escape"))
    assert ran.error["node_id"] == "9"
    assert ran.entry["outputs"] == {}
    assert [p.name for p in tmp_path.iterdir() if p.name not in ("input", "output", "temp")] == []


async def test_a_literal_where_a_link_belongs_fails_at_run_time(client: Client) -> None:
    ran = await client.run(text_to_image(model=5))
    assert (ran.error["node_id"], ran.error["exception_type"]) == ("3", "AttributeError")


@pytest.mark.parametrize("changes", [{"width": 4096, "height": 4096}, {"batch_size": 4096}])
async def test_out_of_memory_is_told_as_torch_tells_it(client: Client, changes: dict[str, int]) -> None:
    error = (await client.run(text_to_image(**changes))).error
    assert error["exception_type"] == "torch.OutOfMemoryError"
    assert error["exception_message"].startswith("Allocation on device 0 would exceed allowed memory.")
    assert "batch_size" in error["exception_message"]
    assert (await client.run(text_to_image())).entry["status"]["completed"]


async def test_huge_empty_images_do_not_eat_the_machine(client: Client) -> None:
    huge = {"width": 16384, "height": 16384, "batch_size": 4096, "color": 0}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": huge},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    assert (await client.run(graph)).error["exception_type"] == "torch.OutOfMemoryError"


# Time


class Clockwork(Signals):
    """Signals that note pauses instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def node_run(tmp_path: Path, settings: EngineSettings, signals: Signals) -> NodeRun:
    folders = Folders(tmp_path, {})
    return NodeRun("1", {}, {}, False, folders, settings, signals, None, Gpu())  # type: ignore[arg-type]


def test_a_step_lasts_as_long_as_the_pace_says(tmp_path: Path) -> None:
    signals = Clockwork()
    run = node_run(tmp_path, EngineSettings(pace=20.0), signals)
    assert run.paced(512 * 1024, lambda: "done") == "done"
    assert signals.pauses == [pytest.approx(10.0, abs=0.5)]
    assert signals.pauses[0] < 10.0


def test_a_model_is_loaded_once_until_another_comes(tmp_path: Path) -> None:
    signals = Clockwork()
    run = node_run(tmp_path, EngineSettings(load_seconds=3.0), signals)
    for model in ("a", "a", "b", "a"):
        run.load(model)
    assert signals.pauses == [3.0, 3.0, 3.0]


def test_a_pause_ends_at_shutdown() -> None:
    signals = Signals()
    signals.stop.set()
    with pytest.raises(Stopped):
        signals.pause(1000.0)


async def test_unloading_models_makes_them_load_again(tmp_path: Path) -> None:
    """Cached loaders do not load; the sampler does. /free unload_models alone keeps the cache."""
    async with (
        SketchEngine(tmp_path, EngineSettings(load_seconds=0.001)) as engine,
        connected(engine) as client,
    ):
        await client.run(text_to_image())
        await client.http.post("/free", json={"unload_models": True})
        assert (await client.run(text_to_image(seed=2))).cached == ["4", "5", "6", "7"]


# Life


async def test_the_loop_is_free_while_painting(tmp_path: Path) -> None:
    gate = Gate()
    gate.limit(1, 0)
    async with SketchEngine(tmp_path, nodes=lab_nodes(gate)) as engine, connected(engine) as client:
        _, answer = await client.post(slow_graph(1))
        await asyncio.to_thread(gate.wait_reached, 1, 0)
        assert (await client.get("/prompt"))["exec_info"]["queue_remaining"] == 1
        gate.limit(1, None)
        assert len((await client.follow(answer["prompt_id"])).of("progress")) == 100


async def test_shutdown_in_the_middle_of_a_run(tmp_path: Path) -> None:
    gate = Gate()
    gate.limit(1, 3)
    async with aiohttp.ClientSession() as http:
        async with SketchEngine(tmp_path, nodes=lab_nodes(gate)) as engine:
            watcher = await http.ws_connect(f"{engine.url}/ws?clientId=w")
            for seed in (1, 2):
                await http.post(f"{engine.url}/prompt", json={"prompt": slow_graph(seed), "client_id": "w"})
            await asyncio.to_thread(gate.wait_reached, 1, 3)
        while (message := await watcher.receive()).type is aiohttp.WSMsgType.TEXT:
            assert json.loads(message.data)["type"] != "execution_success"
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(f"{engine.url}/prompt")


async def test_shutdown_during_a_long_pause(tmp_path: Path) -> None:
    async with SketchEngine(tmp_path, EngineSettings(pace=1e6)) as engine, connected(engine) as client:
        await client.post(text_to_image())
        while (await client.socket.receive_json())["type"] != "executing":
            pass


async def test_shutdown_with_a_client_that_does_not_read(tmp_path: Path) -> None:
    """Its full socket holds up all sending, as on the real server, but not the engine's end."""
    settings = EngineSettings(previews="auto")
    engine = SketchEngine(tmp_path, settings)
    async with engine:
        host, port = engine.url.removeprefix("http://").split(":")
        stalled = socket.create_connection((host, int(port)))
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        stalled.sendall(
            b"GET /ws?clientId=stalled HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        async with aiohttp.ClientSession(engine.url) as http:
            body = {"prompt": text_to_image(steps=200), "client_id": "stalled"}
            await http.post("/prompt", json=body)
            while (await (await http.get("/prompt")).json())["exec_info"]["queue_remaining"]:
                pass
    stalled.close()


async def test_a_restart_forgets_all_but_the_files(tmp_path: Path) -> None:
    async with SketchEngine(tmp_path) as engine, connected(engine) as client:
        first = await client.run(text_to_image())
        (tmp_path / "temp" / "left").touch()
    async with SketchEngine(tmp_path) as engine, connected(engine) as client:
        assert await client.get("/history") == {}
        assert list((tmp_path / "temp").iterdir()) == []
        second = await client.run(text_to_image())
        assert second.cached == []
        assert (first.entry["prompt"][0], second.entry["prompt"][0]) == (0, 0)
        assert [ran.files[0]["filename"] for ran in (first, second)] == ["t_00001_.png", "t_00002_.png"]


async def test_a_taken_port_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with SketchEngine(tmp_path / "a") as engine:
        port = int(engine.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=r"(?i)address.*in use|only one usage"):
            async with SketchEngine(tmp_path / "b", port=port):
                pass
    assert {task.get_name() for task in asyncio.all_tasks()} & {"sketch-engine", "sketch-worker"} == set()


async def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        async with SketchEngine(tmp_path / "file" / "data"):
            pass


async def test_serve_runs_until_cancelled(tmp_path: Path) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(serve(tmp_path, port=0, ready=told.put_nowait))
    url = await told.get()
    async with aiohttp.ClientSession(url) as http:
        assert "sketch engine" in await (await http.get("/")).text()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_two_engines_side_by_side(tmp_path: Path) -> None:
    async with (
        SketchEngine(tmp_path / "a") as a,
        SketchEngine(tmp_path / "b") as b,
        connected(a) as on_a,
        connected(b) as on_b,
    ):
        ran = await asyncio.gather(on_a.run(text_to_image()), on_b.run(text_to_image()))
        one, two = await on_a.bytes_of(ran[0].files[0]), await on_b.bytes_of(ran[1].files[0])
    assert one == two
