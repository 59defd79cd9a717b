"""The engine's other answers: websocket details, output kinds, jobs, discovery, guards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sketch import EngineSettings, SketchEngine
from bot.sketch.executor import Outcome
from bot.sketch.history import History
from bot.sketch.promptqueue import Item, PromptQueue, SameKeyQueued
from tests.support.sketch_client import connected, text_to_image
from tests.support.sketch_nodes import Gate, lab_nodes, slow_graph
from tests.support.sketch_replay import Normaliser, load

TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"
EMPTY_IMAGE = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SketchEngine]:
    async with SketchEngine(tmp_path, nodes=lab_nodes()) as running:
        yield running


@pytest.fixture
async def http(engine: SketchEngine) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(engine.url) as session:
        yield session


# Websocket

FLAGS = '{"type": "feature_flags", "data": {"supports_preview_metadata": true}}'
FIRST_MESSAGES = {
    "nothing sent": [],
    "feature_flags first": [FLAGS],
    "feature_flags second": ['{"type": "hello"}', FLAGS],
    "bad JSON first, then feature_flags": ["not json", FLAGS],
    "JSON list first, then feature_flags": ["[1]", FLAGS],
    "feature_flags without data": ['{"type": "feature_flags"}'],
    "binary frame": [b"abc", FLAGS],
    "3.9 MB text": ["x" * 3_900_000],
}
CASES = {entry["note"]: entry for entry in load("19_") if entry["kind"] == "ws_case"}


@pytest.mark.parametrize("note", FIRST_MESSAGES)
async def test_first_messages_are_answered_as_recorded(http: aiohttp.ClientSession, note: str) -> None:
    got = []
    async with http.ws_connect("/ws?clientId=wsd") as socket:
        for message in FIRST_MESSAGES[note]:
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        # A prompt's status marks the end: what was sent before it has been answered by then.
        await http.post("/queue", json={"clear": True})
        while (message := await socket.receive_json()) != STATUS_WITHOUT_SID:
            got.append(message)
    assert got == CASES[note]["got"]


STATUS_WITHOUT_SID = {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}}}


async def test_a_frame_over_4_mb_closes_the_socket(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws?clientId=wsd") as socket:
        await socket.receive_json()
        with suppress(ConnectionError):  # the recorded client's sending failed too
            await socket.send_str("x" * 5_000_000)
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1009
    assert CASES["5 MB text"]["got"][-1] == "CLOSE 1009"


async def test_plain_get_of_ws_is_refused(http: aiohttp.ClientSession) -> None:
    recorded = next(entry for entry in load("19_") if entry.get("path") == "/ws")
    async with http.get("/ws") as response:
        assert (response.status, await response.text()) == (recorded["status"], recorded["body"])


async def test_a_doubled_client_id_stays_deaf_but_is_closed_at_shutdown(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with SketchEngine(tmp_path) as engine:
            first = await session.ws_connect(f"{engine.url}/ws?clientId=same")
            second = await session.ws_connect(f"{engine.url}/ws?clientId=same")
            await second.receive_json()
            await first.close()
            observer = await session.ws_connect(f"{engine.url}/ws?clientId=other")
            await observer.receive_json()
            await session.post(f"{engine.url}/queue", json={"clear": True})
            assert await observer.receive_json() == STATUS_WITHOUT_SID
        message = await second.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1"}, 200),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example", "Host": "pictures.example"}, 200),
        ({"Origin": "http://[", "Host": "127.0.0.1"}, 403),
    ],
)
async def test_foreign_web_pages_are_kept_out(
    http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    async with http.get("/prompt", headers=headers) as response:
        assert response.status == status


# Outputs

OUTPUTS = [
    entry
    for entry in load("20_")
    if entry["kind"] == "outputs"
    and "prompt" in entry
    and entry["graph"]
    in {
        "SaveImage_batch4",
        "SaveImage_prefix_tokens",
        "SaveImage_prefix_escape",
        "PreviewImage",
        "two_output_nodes",
        "SaveAnimatedWEBP",
        "SaveAnimatedPNG",
        "PreviewAny",
        "SaveImageWebsocket",
    }
]
NOON_OF_THE_RECORDING = 1_795_348_800_000


@pytest.mark.parametrize("entry", OUTPUTS, ids=lambda entry: entry["graph"])
async def test_outputs_are_shown_as_recorded(tmp_path: Path, entry: dict[str, Any]) -> None:
    engine = SketchEngine(tmp_path, nodes=lab_nodes(), clock=lambda: NOON_OF_THE_RECORDING)
    async with engine, connected(engine) as client:
        await client.socket.send_str(FLAGS)
        ran = await client.run(entry["prompt"])
        prompt_id = ran.entry["prompt"][1]
        job = await client.get(f"/api/jobs/{prompt_id}")
    frames = []
    for frame in ran.frames:
        length = int.from_bytes(frame[4:8], "big")
        assert int.from_bytes(frame[:4], "big") == 4
        payload = frame[8 + length :]
        frames.append({"metadata": json.loads(frame[8 : 8 + length]), "payload_magic": payload[:4].hex()})
    recorded_frames = [{key: f[key] for key in ("metadata", "payload_magic")} for f in entry["binary"]]
    ours = {
        "executed_outputs": [data["output"] for data in ran.of("executed")],
        "history_outputs": ran.entry["outputs"],
        "history_meta": ran.entry["meta"],
        "status": ran.entry["status"]["status_str"],
        "jobs_outputs": job["outputs"],
        "preview_output": job.get("preview_output"),
        "outputs_count": job["outputs_count"],
        "binary": frames,
    }
    recorded = {key: recorded_frames if key == "binary" else entry[key] for key in ours}
    assert Normaliser()._value(ours) == Normaliser()._value(recorded)


def test_all_output_recordings_of_known_nodes_are_used() -> None:
    assert len(OUTPUTS) == 9


# Queue, history, jobs


def item(number: float, prompt_id: str) -> Item:
    return Item(number, prompt_id, {}, {}, [])


async def test_queue_order_is_number_then_id() -> None:
    changes: list[int] = []
    queue = PromptQueue(lambda: changes.append(queue.remaining))
    for number, prompt_id in ((3, "a"), (1.5, "z"), (1.5, "b"), (-2, "y"), (10, "c")):
        queue.put(item(number, prompt_id))
    assert [(await queue.take()).prompt_id for _ in range(5)] == ["y", "b", "z", "a", "c"]
    assert changes[:5] == [1, 2, 3, 4, 5]


async def test_the_same_number_and_id_are_queued_and_complained_of() -> None:
    queue = PromptQueue(lambda: None)
    queue.put(item(5, "a"))
    with pytest.raises(SameKeyQueued):
        queue.put(item(5.0, "a"))
    assert [(await queue.take()).prompt_id for _ in range(2)] == ["a", "a"]


async def test_a_duplicate_prompt_id_answers_500_and_runs(tmp_path: Path) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    graph = {"1": EMPTY_IMAGE, "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    gate = Gate()
    gate.limit(1, 0)
    engine = SketchEngine(tmp_path, nodes=lab_nodes(gate))
    async with engine, connected(engine) as client:
        _, first = await client.post(slow_graph(1))
        answers = [await client.post(graph, prompt_id=uuid, number=5) for _ in range(2)]
        assert [status for status, _ in answers] == [200, 500]
        assert answers[1][1] == TROUBLE
        gate.limit(1, None)
        await client.follow(first["prompt_id"])
        ended = [await client.follow(uuid), await client.follow(uuid)]
    assert [ran.entry["prompt"][0] for ran in ended] == [5.0, 5.0]


def history(count: int, size: int = 10_000) -> History:
    made = History(size)
    for number in range(count):
        made.add(item(number, str(number)), Outcome(True))
    return made


def test_history_pages() -> None:
    made = history(5)
    assert list(made.page(None, -1)) == ["0", "1", "2", "3", "4"]
    assert list(made.page(2, -1)) == ["3", "4"]
    assert list(made.page(2, 0)) == ["0", "1"]
    assert list(made.page(None, 3)) == ["3", "4"]
    assert made.page(2, 100_000) == {}
    assert made.page(0, -1) == {}


def test_history_forgets_the_oldest() -> None:
    assert list(history(5, size=3).page(None, -1)) == ["2", "3", "4"]


async def test_history_answers(http: aiohttp.ClientSession) -> None:
    async with http.get("/history", params={"max_items": "x"}) as response:
        assert (response.status, await response.text()) == (500, TROUBLE)
    async with http.get("/history/nope") as response:
        assert (response.status, await response.json()) == (200, {})


async def test_jobs_are_listed_sorted_filtered_and_cut(engine: SketchEngine) -> None:
    async with connected(engine) as client:
        ids = []
        for number in range(3):
            workflow = {"extra_pnginfo": {"workflow": {"id": f"wf-{number % 2}"}}}
            ran = await client.run(text_to_image(seed=number), extra_data=workflow)
            ids.append(ran.entry["prompt"][1])
        await client.run(text_to_image(width=16384, height=16384))
        listed = await client.get("/api/jobs", status="completed")
        assert [job["id"] for job in listed["jobs"]] == ids[::-1]
        assert listed["pagination"] == {"offset": 0, "limit": None, "total": 3, "has_more": False}
        page = await client.get("/api/jobs", status="completed", sort_order="asc", limit="1", offset="1")
        assert [job["id"] for job in page["jobs"]] == [ids[1]]
        assert page["pagination"] == {"offset": 1, "limit": 1, "total": 3, "has_more": True}
        assert [j["id"] for j in (await client.get("/api/jobs", workflow_id="wf-1"))["jobs"]] == [ids[1]]
        assert len((await client.get("/api/jobs", status="failed,cancelled"))["jobs"]) == 1
        assert len((await client.get("/api/jobs", sort_by="execution_duration"))["jobs"]) == 4


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"status": "bogus"}, "Invalid status value(s): bogus. Valid values: "),
        ({"sort_by": "age"}, "sort_by must be 'created_at' or 'execution_duration'"),
        ({"sort_order": "up"}, "sort_order must be 'asc' or 'desc'"),
        ({"limit": "0"}, "limit must be a positive integer"),
        ({"limit": "x"}, "limit must be an integer"),
        ({"offset": "x"}, "offset must be an integer"),
    ],
)
async def test_bad_queries_for_jobs(http: aiohttp.ClientSession, query: dict[str, str], error: str) -> None:
    async with http.get("/api/jobs", params=query) as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith(error)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("x", "Request body must be valid JSON"),
        ("[]", "job_ids must be a list"),
        ('{"job_ids": [5]}', "job_ids contains invalid id(s)"),
    ],
)
async def test_bad_bodies_for_cancelling(http: aiohttp.ClientSession, body: str, error: str) -> None:
    async with http.post("/api/jobs/cancel", data=body) as response:
        assert (response.status, (await response.json())["error"]) == (400, error)


# Discovery and the rest

MISC = [
    entry
    for entry in load("21_")
    if entry["kind"] == "http"
    and entry["path"].split("?")[0]
    not in {
        "/internal/logs",  # the front end's own
        "/internal/folder_paths",
        "/internal/files/output",
        "/experiment/models",
        "/experiment/models/checkpoints",
        "/userdata",
        "/v2/userdata",
        "/upload/image",  # the large upload has a test of its own
    }
]


@pytest.mark.parametrize(
    "entry", MISC, ids=lambda e: f"{e['method']} {e['path']} {e.get('request_json', '')}"
)
async def test_other_requests_get_the_recorded_status_and_kind(
    http: aiohttp.ClientSession, entry: dict[str, Any]
) -> None:
    """Contents differ (models, memory, the front end's lists); status, type and keys do not."""
    path = entry["path"].replace("random-sd15.safetensors", "sketch-xl.safetensors")
    path = path.replace("custom_nodes", "vae")
    kwargs = {"json": entry["request_json"]} if "request_json" in entry else {}
    async with http.request(entry["method"], path, **kwargs) as response:
        raw = await response.read()
    assert response.status == entry["status"]
    theirs = entry["headers"].get("Content-Type")
    if theirs:
        assert response.headers["Content-Type"] == theirs
    if response.content_type == "application/json" and raw and isinstance(entry["body"], dict):
        ours = json.loads(raw)
        if path.startswith(("/system_stats", "/api/system_stats")):
            assert set(ours["system"]) == set(entry["body"]["system"])
            assert set(ours["devices"][0]) == set(entry["body"]["devices"][0])
        elif entry["status"] >= 400 or path.startswith(("/features", "/prompt", "/queue")):
            assert ours == entry["body"]
        else:
            assert set(ours) == set(entry["body"])


async def test_routes_exist_below_api_too(http: aiohttp.ClientSession) -> None:
    for path in ("/queue", "/history", "/object_info/KSampler", "/models", "/embeddings", "/features"):
        async with http.get(path) as plain, http.get(f"/api{path}") as twin:
            assert plain.status == twin.status == 200
            assert await plain.json() == await twin.json()
    async with http.get("/jobs") as response:
        assert response.status == 404
    async with http.ws_connect("/api/ws?clientId=x") as socket:
        assert (await socket.receive_json())["data"]["sid"] == "x"


async def test_the_settings_show(tmp_path: Path) -> None:
    settings = EngineSettings(vram_mb=4096, version="0.3.75", max_upload_size=1000)
    async with SketchEngine(tmp_path, settings) as engine, aiohttp.ClientSession(engine.url) as http:
        stats = await (await http.get("/system_stats")).json()
        assert stats["system"]["comfyui_version"] == "0.3.75"
        assert stats["devices"][0]["vram_total"] == 4096 * 1024 * 1024
        assert (await (await http.get("/features")).json())["max_upload_size"] == 1000
        async with http.post("/prompt", data=b"x" * 2000) as response:
            assert response.status == 413


async def test_many_listeners_hear_the_same(engine: SketchEngine) -> None:
    async with aiohttp.ClientSession(engine.url) as http:
        sockets = [await http.ws_connect("/ws") for _ in range(20)]
        greetings = await asyncio.gather(*(socket.receive_json() for socket in sockets))
        assert len({greeting["data"]["sid"] for greeting in greetings}) == 20
        await http.post("/queue", json={"clear": True})
        heard = await asyncio.gather(*(socket.receive_json() for socket in sockets))
        assert heard == [STATUS_WITHOUT_SID] * 20
        for socket in sockets:
            await socket.close()
