"""``/queue`` and ``/history`` as types: run order, endings, outputs; nothing that a server says raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.comfy.snapshots import (
    Ending,
    QueueSnapshot,
    parse_history,
    parse_outputs,
    parse_queue,
    seconds_between,
)
from bot.domain.ids import NodeId, PromptId
from bot.domain.outputs import MediaKind, OutputFile, OutputText
from tests.support.transcripts import NAMES, transcript

P = PromptId("0f1f4a2e-0000-4000-8000-000000000001")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def history(**entry: Any) -> dict[str, Any]:
    return {P: entry}


def status(word: str, *messages: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"status_str": word, "completed": word == "success", "messages": [list(m) for m in messages]}


@given(json_values)
@example({"queue_running": [[True, "x"]], "queue_pending": [[float("nan"), "a"], [1, "b"], ["c"], 5]})
def test_any_queue_is_read(data: Any) -> None:
    parse_queue(data)


ENTRY = {
    "outputs": {"9": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}], "text": ["x"]}},
    "status": status(
        "success",
        ("execution_start", {"timestamp": 10}),
        ("execution_cached", {"nodes": ["9"]}),
        ("execution_error", {"node_id": "9"}),
    ),
    "meta": {"9": {"display_node": "9"}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [found for key, inner in children for found in ((*path, key), *places(inner, (*path, key)))]


@given(st.sampled_from(places(ENTRY)), json_values)
@settings(max_examples=60)
@example(("status", "messages", 0, 1, "timestamp"), 10**400)
def test_any_history_entry_is_read(path: tuple[Any, ...], value: Any) -> None:
    entry = json.loads(json.dumps(ENTRY))
    holder = entry
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    parse_history({P: entry}, P)


@given(json_values)
def test_any_answer_about_history_is_read(data: Any) -> None:
    parse_history(data, P)
    parse_history({P: data}, P)


def test_pending_prompts_are_sorted_into_run_order() -> None:
    """The server lists a heap: lower numbers run first, equal ones by id."""
    queue = parse_queue(
        {
            "queue_running": [[4, "r", {}, {}, []]],
            "queue_pending": [
                [9, "d", {}, {}, []],
                [-221, "a", {}, {}, []],
                [7.5, "c", {}, {}, []],
                [7.5, "b", {}, {}, []],
            ],
        }
    )
    assert queue == QueueSnapshot((PromptId("r"),), tuple(PromptId(p) for p in "abcd"))
    assert [queue.ahead_of(PromptId(p)) for p in "rabcdx"] == [None, 1, 2, 3, 4, None]
    assert PromptId("r") in queue
    assert PromptId("d") in queue
    assert PromptId("x") not in queue


def test_the_recorded_order_of_a_queue_is_the_order_in_which_it_ran() -> None:
    log = transcript("14a_priority").log
    [ran] = [entry["execution_order"] for entry in log if entry["kind"] == "summary"]
    queues = [entry["body"] for entry in log if entry["kind"] == "http" and entry["path"] == "/queue"]
    assert queues
    for body in queues:
        queue = parse_queue(body)
        order = [*queue.running, *queue.pending]
        assert order == [P for P in ran if P in order] or not set(order) <= set(ran)


def test_an_unfinished_or_unknown_run_has_no_history() -> None:
    assert parse_history({}, P) is None
    assert parse_history({"another": {"status": status("success")}}, P) is None


def test_error_and_interrupt_differ_by_their_messages_alone() -> None:
    start = ("execution_start", {"timestamp": 1000})
    interrupted = parse_history(
        history(status=status("error", start, ("execution_interrupted", {"timestamp": 2500})), outputs={}), P
    )
    assert interrupted is not None
    assert (interrupted.ending, interrupted.error, interrupted.server_seconds) == (
        Ending.INTERRUPTED,
        None,
        1.5,
    )
    failed = parse_history(
        history(
            status=status("error", start, ("execution_error", {"node_id": "3", "timestamp": 1200})),
            outputs={},
        ),
        P,
    )
    assert failed is not None
    assert failed.ending is Ending.ERROR
    assert failed.error is not None
    assert failed.error.node == "3"


def test_a_blocked_output_is_no_failure() -> None:
    entry = parse_history(
        history(status=status("success", ("execution_error", {"node_id": "3"})), outputs={}), P
    )
    assert entry is not None
    assert entry.ending is Ending.SUCCESS


def test_an_error_without_words_is_still_an_error() -> None:
    entry = parse_history(history(status={"status_str": "error", "messages": []}, outputs={}), P)
    assert entry is not None
    assert entry.ending is Ending.ERROR
    assert entry.error is not None
    assert entry.error.message == ""


def test_cached_means_every_output_came_from_before() -> None:
    image = {"images": [{"filename": "a.png"}]}
    cached = ("execution_cached", {"nodes": ["4", "9"]})
    for outputs, expected in (({"9": image}, True), ({"9": image, "10": image}, False), ({}, False)):
        entry = parse_history(history(status=status("success", cached), outputs=outputs), P)
        assert entry is not None
        assert entry.cached is expected


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (1000, 2500, 1.5),
        (1000, 1000, 0.0),
        (2000, 1000, None),
        (None, 1, None),
        ("1", 2, None),
        (0, 10**30, None),
    ],
)
def test_the_servers_own_seconds(start: Any, end: Any, seconds: float | None) -> None:
    assert seconds_between(start, end) == seconds


def test_files_are_found_under_any_key() -> None:
    outputs = parse_outputs(
        {
            "5": {
                "gifs": [
                    {"filename": "v.mp4", "subfolder": "s", "type": "output", "format": "video/h264-mp4"}
                ]
            },
            "6": {
                "result": ["x.glb", {"filename": "m.glb", "type": "output"}, None],
                "3d": {"filename": "n.stl"},
            },
            "7": {"text": "a single string", "images": None, "animated": True},
            "8": None,
        }
    )
    assert outputs == (
        OutputFile(NodeId("5"), "v.mp4", "s", "output", MediaKind.VIDEO),
        OutputFile(NodeId("6"), "m.glb", "", "output", MediaKind.MODEL_3D),
        OutputFile(NodeId("6"), "n.stl", "", "output", MediaKind.MODEL_3D),
        OutputText(NodeId("7"), "a single string"),
    )


def test_the_same_file_under_two_keys_is_one_output() -> None:
    item = {"filename": "a.png", "subfolder": "", "type": "temp"}
    assert len(parse_outputs({"1": {"a_images": [item], "images": [item]}})) == 1


def test_outputs_of_expanded_nodes_belong_to_the_node_that_made_them() -> None:
    entry = parse_history(
        history(
            outputs={"7.0.0.2": {"images": [{"filename": "a.png"}]}},
            meta={"7.0.0.2": {"node_id": "7.0.0.2", "display_node": "7", "real_node_id": "7.0.0.2"}},
            status=status("success"),
        ),
        P,
    )
    assert entry is not None
    assert [output.node for output in entry.outputs] == ["7"]


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_history_entry_has_an_ending(name: str) -> None:
    for entry in transcript(name).log:
        if (
            entry["kind"] == "http"
            and entry["path"].startswith("/history/")
            and isinstance(entry["body"], dict)
        ):
            for prompt_id, raw in entry["body"].items():
                if "status" in raw:
                    parsed = parse_history(entry["body"], PromptId(prompt_id))
                    assert parsed is not None
                    assert parsed.server_seconds is not None
                    assert bool(parsed.outputs) <= (parsed.ending is Ending.SUCCESS)
