"""Recorded submissions to a real server, sent to the engine's validation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.sketch.files import Folders
from bot.sketch.prompts import PromptDesk, Reply
from bot.sketch.registry import Registry, core_nodes
from bot.sketch.validation import Malformed
from tests.support.sketch_nodes import LAB_MODELS, lab_nodes

CAPTURES = Path(__file__).parent / "data" / "captures"
TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


def recorded(*names: str) -> Iterator[Any]:
    """(request body, status, reply body) of every POST /prompt in these captures."""
    for name in names:
        log = json.loads((CAPTURES / name).read_text(encoding="utf-8"))["log"]
        posts = (e for e in log if e["kind"] == "http" and e["path"] == "/prompt" and e["method"] == "POST")
        for index, entry in enumerate(posts):
            if "Origin" in entry.get("request_headers", {}):
                continue
            body = entry.get("request_json", entry.get("json"))
            if body is None:
                try:
                    body = json.loads(entry["request_data"])
                except ValueError:
                    continue
            yield pytest.param(body, entry["status"], entry["body"], id=f"{Path(name).stem}-{index}")


def normal(value: Any) -> Any:
    """What differs from server to server taken out: ids, queue numbers, tracebacks, tooltips."""
    if isinstance(value, dict):
        cleaned = {}
        for key, inner in value.items():
            if key == "tooltip":
                continue
            cleaned[key] = "…" if key in ("traceback", "prompt_id", "number") else normal(inner)
        return cleaned
    return [normal(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture
def desk(tmp_path: Path) -> PromptDesk:
    folders = Folders(tmp_path, LAB_MODELS)
    folders.prepare()
    return PromptDesk(Registry((*core_nodes(), *lab_nodes())), folders, lambda: 1_700_000_000_000)


VALIDATION = [f"validation/{path.name}" for path in sorted((CAPTURES / "validation").glob("*.json"))]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [*recorded(*VALIDATION, "07_prompt_bodies.json", "24_worker_survival.json", "15_extra_data.json")],
)
def test_a_recorded_submission_gets_the_recorded_answer(
    desk: PromptDesk, body: Any, status: int, answer: Any
) -> None:
    if status == 500:
        assert answer == TROUBLE
        with pytest.raises(Malformed):
            desk.read(body)
        return
    reply = desk.read(body)
    assert reply.status == status
    assert normal(reply.body) == normal(answer)
    assert list(reply.body["node_errors"]) == list(answer["node_errors"])
    assert (reply.item is None) == (status != 200)


def test_every_validation_capture_was_used() -> None:
    assert len(VALIDATION) == 34


GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


def submit(desk: PromptDesk, **changes: Any) -> Reply:
    return desk.read({"prompt": json.loads(json.dumps(GRAPH)), **changes})


def test_the_number_rises_with_rejected_requests_too(desk: PromptDesk) -> None:
    assert submit(desk).body["number"] == 0
    assert desk.read([1]).status == 400
    assert desk.read({"prompt": {}}).status == 400
    assert submit(desk, number=7).body["number"] == 7.0
    assert submit(desk).body["number"] == 3
    assert submit(desk, front=True).body["number"] == -4


def test_extra_data_is_kept_without_secrets(desk: PromptDesk) -> None:
    sent = {"a": 1, "api_key_comfy_org": "x", "auth_token_comfy_org": "y", "client_id": "old"}
    item = submit(desk, extra_data=sent, client_id="c").item
    assert item is not None
    assert item.extra_data == {"a": 1, "client_id": "c", "create_time": 1_700_000_000_000}


def test_a_client_id_that_cannot_be_addressed_is_refused(desk: PromptDesk) -> None:
    """The real server accepts it and ends; the engine answers 400 instead."""
    reply = submit(desk, client_id={"a": 1})
    assert (reply.status, reply.body["error"]["type"]) == (400, "invalid_client_id")
    assert submit(desk, client_id=5).status == 200
    assert submit(desk, client_id=None).status == 200


def test_literals_are_converted_in_the_graph_that_is_kept(desk: PromptDesk) -> None:
    graph: dict[str, Any] = json.loads(json.dumps(GRAPH))
    graph["1"]["inputs"] |= {"width": "12", "height": 12.7, "color": True}
    item = desk.read({"prompt": graph}).item
    assert item is not None
    kept = item.graph["1"]["inputs"]
    assert (kept["width"], kept["height"], kept["color"]) == (12, 12, 1)
    assert all(type(kept[name]) is int for name in ("width", "height", "color"))


def test_a_wrapped_list_is_a_literal(desk: PromptDesk) -> None:
    graph: dict[str, Any] = json.loads(json.dumps(GRAPH))
    graph["1"]["inputs"]["width"] = {"__value__": 16}
    item = desk.read({"prompt": graph}).item
    assert item is not None
    assert item.graph["1"]["inputs"]["width"] == 16


def test_a_node_on_a_cycle_tells_its_other_faults_too(desk: PromptDesk) -> None:
    inputs = {"image": ["2", 0], "upscale_method": "nope", "scale_by": 1.0}
    graph = {
        "1": {"class_type": "ImageScaleBy", "inputs": inputs},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    errors = desk.read({"prompt": graph}).body["node_errors"]
    assert [e["type"] for e in errors["1"]["errors"]] == ["dependency_cycle", "value_not_in_list"]
    assert [e["type"] for e in errors["2"]["errors"]] == ["dependency_cycle"]
    assert "3" not in errors


def test_only_wanted_outputs_are_judged(desk: PromptDesk) -> None:
    graph: dict[str, Any] = json.loads(json.dumps(GRAPH))
    graph["3"] = {"class_type": "PreviewImage", "inputs": {}}
    reply = desk.read({"prompt": graph, "partial_execution_targets": ["2"]})
    assert reply.item is not None
    assert (reply.item.outputs, reply.body["node_errors"]) == (["2"], {})
    none = desk.read({"prompt": graph, "partial_execution_targets": ["77"]})
    assert none.body["error"]["type"] == "prompt_no_outputs"


def test_a_deep_graph_is_an_error_and_no_crash(desk: PromptDesk) -> None:
    graph: dict[str, Any] = {"0": GRAPH["1"]}
    for index in range(1, 5000):
        graph[str(index)] = {"class_type": "ImageInvert", "inputs": {"image": [str(index - 1), 0]}}
    graph["out"] = {"class_type": "PreviewImage", "inputs": {"images": ["4999", 0]}}
    assert desk.read({"prompt": graph}).status == 400


@pytest.mark.parametrize("body", ["text", 5, None, {"prompt": None}, {"prompt": GRAPH, "extra_data": None}])
def test_what_no_client_should_send_is_trouble(desk: PromptDesk, body: Any) -> None:
    with pytest.raises(Malformed):
        desk.read(body)
