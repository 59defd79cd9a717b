"""Whatever a server sends becomes a message or is counted as unknown; nothing raises."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.comfy import protocol as wire
from bot.comfy.run import Run
from bot.domain.ids import PromptId
from bot.templates.graph import parse_export
from tests.support.replay import Replay, check_invariants
from tests.support.transcripts import NAMES, Frame, transcript

PROMPT = "0f1f4a2e-0000-4000-8000-000000000001"
JPEG, PNG = b"\xff\xd8\xff\xe0 a jpeg", b"\x89PNG\r\n\x1a\n a png"
TYPES = sorted(
    {
        "status",
        "feature_flags",
        "execution_start",
        "execution_cached",
        "executing",
        "progress",
        "progress_state",
    }
    | {"executed", "execution_success", "execution_error", "execution_interrupted", "made.up"}
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(PROMPT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("prompt_id", "node", "display_node", "nodes", "value", "max", "output", "status", "timestamp", "sid"),
    *("exception_type", "exception_message", "node_id", "node_type", "state", "display_node_id"),
]
data_objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), json_values, max_size=6)


def frame(event: int, *parts: bytes) -> bytes:
    return event.to_bytes(4, "big") + b"".join(parts)


def sized(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def feed(messages: list[wire.Message]) -> Replay:
    """Messages into a run of theirs: nothing that parses may break the state machine."""
    run = Run(PromptId(PROMPT), parse_export({"1": {"class_type": "KSampler", "inputs": {}}}))
    result = Replay(run)
    for message in messages:
        result.events += run.apply(message)
        result.fractions.append(run.fraction)
    check_invariants(result)
    return result


@given(st.binary(max_size=64))
@example(b"")
@example(b"\0\0\0\3\xff\xff\xff\xff")
@example(b"\0\0\0\4\0\0\0\2{}")
def test_any_bytes_are_a_message(payload: bytes) -> None:
    feed([wire.parse_binary(payload)])


@given(st.text(max_size=40) | json_values.map(json.dumps))
@example("[" * 100_000)
@example("9" * 5000)
@example('{"type":"\\ud800","data":{}}')
def test_any_text_is_a_message(payload: str) -> None:
    feed([wire.parse_text(payload)])


@given(st.lists(st.tuples(st.sampled_from(TYPES), data_objects), max_size=8))
@settings(max_examples=40)
def test_any_data_of_any_type_is_a_message(items: list[tuple[str, Any]]) -> None:
    feed([wire.parse_text(json.dumps({"type": kind, "data": data})) for kind, data in items])


REAL = [
    json.loads(step.payload)
    for name in NAMES
    for posted in transcript(name).posted()[:2]
    for step in transcript(name).steps(posted.client_id)
    if isinstance(step, Frame) and isinstance(step.payload, str)
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON value but the whole."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [found for key, inner in children for found in ((*path, key), *places(inner, (*path, key)))]


@given(st.randoms(use_true_random=False), json_values, st.booleans())
@settings(max_examples=40)
def test_damaged_real_messages_are_messages(rng: random.Random, value: Any, remove: bool) -> None:
    message = copy.deepcopy(rng.choice(REAL))
    if "prompt_id" in message["data"]:
        message["data"]["prompt_id"] = PROMPT
    *path, last = rng.choice(places(message))
    holder = message
    for key in path:
        holder = holder[key]
    if remove:
        del holder[last]
    else:
        holder[last] = value
    feed([wire.parse_text(json.dumps(message))])


@given(
    st.sampled_from([step for n in NAMES for step in transcript(n).steps(None) if isinstance(step, Frame)]),
    st.data(),
)
def test_truncated_real_frames_are_messages(step: Frame, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, min(len(step.payload), 400)))
    feed(
        [
            wire.parse_text(step.payload[:cut])
            if isinstance(step.payload, str)
            else wire.parse_binary(step.payload[:cut])
        ]
    )


def test_plain_previews_say_their_type() -> None:
    assert wire.parse_binary(frame(1, b"\0\0\0\1", JPEG)) == wire.PreviewFrame(JPEG, "image/jpeg")
    assert wire.parse_binary(frame(1, b"\0\0\0\2", PNG)) == wire.PreviewFrame(PNG, "image/png")
    assert wire.parse_binary(frame(1, b"\0\0\0\x09", PNG)) == wire.PreviewFrame(PNG, "image/png"), (
        "by its look"
    )
    assert wire.parse_binary(frame(1, b"\0\0\0\x09", b"RIFF....WEBP")) == wire.PreviewFrame(
        b"RIFF....WEBP", "image/webp"
    )


def test_previews_with_metadata_say_whose_they_are() -> None:
    metadata = {"node_id": "3", "prompt_id": PROMPT, "display_node_id": "3", "image_type": "image/png"}
    parsed = wire.parse_binary(frame(4, sized(json.dumps(metadata).encode()), PNG))
    assert parsed == wire.PreviewFrame(PNG, "image/png", PromptId(PROMPT), "3")  # type: ignore[arg-type]


def test_progress_text_names_its_node() -> None:
    assert wire.parse_binary(frame(3, sized(b"12:3"), "héllo".encode())) == wire.ProgressText("12:3", "héllo")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"", "empty frame"),
        (b"\0\0\0", "empty frame"),
        (frame(2, b"anything"), "binary event 2"),
        (frame(1), "preview frame"),
        (frame(1, b"\0\0\0\1"), "preview frame"),
        (frame(1, b"\0\0\0\x07", b"neither"), "preview frame"),
        (frame(3, b"\0\0\0"), "text frame"),
        (frame(3, b"\0\0\0\x09", b"short"), "text frame"),
        (frame(4, b"\0\0"), "preview frame"),
        (frame(4, sized(b'{"prompt_id":"p"}')), "preview frame"),
        (frame(4, b"\0\0\0\x7f", b"short"), "preview frame"),
        (frame(4, sized(b"no json"), JPEG), "preview metadata"),
        (frame(4, sized(b"[]"), JPEG), "preview metadata"),
        (frame(4, sized(b"\xff\xfe"), JPEG), "preview metadata"),
        (frame(4, sized(b'{"node_id":"3"}'), JPEG), "preview metadata"),
        (frame(4, sized(b'{"prompt_id":"p","image_type":"text/html"}'), b"<html>"), "preview metadata"),
    ],
)
def test_damaged_binary_frames_are_unknown(payload: bytes, what: str) -> None:
    assert wire.parse_binary(payload) == wire.Unknown(what)


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        ("", "not JSON"),
        ("<html>", "not JSON"),
        ("[]", "no type"),
        ('{"type":7}', "no type"),
        ('{"type":"crystools.monitor","data":{}}', "crystools.monitor"),
        ('{"type":"status"}', "status without data"),
        ('{"type":"status","data":{}}', "status: exec_info"),
        ('{"type":"progress","data":{"node":"3","max":2,"prompt_id":"p"}}', "progress: value"),
        ('{"type":"progress","data":{"node":"3","value":NaN,"max":2,"prompt_id":"p"}}', "progress: value"),
        ('{"type":"progress","data":{"node":"3","value":1,"max":Infinity,"prompt_id":"p"}}', "progress: max"),
        ('{"type":"progress","data":{"node":"3","value":true,"max":2,"prompt_id":"p"}}', "progress: value"),
        ('{"type":"executing","data":{"node":null}}', "executing: prompt_id"),
        ('{"type":"executed","data":{"output":{}}}', "executed: node"),
        ('{"type":"execution_success","data":{"prompt_id":5}}', "execution_success: prompt_id"),
    ],
)
def test_damaged_messages_are_unknown_by_a_short_reason(payload: str, what: str) -> None:
    assert wire.parse_text(payload) == wire.Unknown(what)


def test_unknown_types_are_cut_short() -> None:
    assert wire.parse_text(json.dumps({"type": "x" * 10_000, "data": {}})) == wire.Unknown("x" * 40)


def test_the_end_mark_is_not_a_node() -> None:
    end = wire.parse_text(json.dumps({"type": "executing", "data": {"node": None, "prompt_id": PROMPT}}))
    assert end == wire.EndMark(PromptId(PROMPT))


def test_executing_on_reconnect_belongs_to_nobody() -> None:
    told = wire.parse_text('{"type":"executing","data":{"node":"1"}}')
    assert isinstance(told, wire.Executing)
    assert told.prompt_id is None


def test_words_of_an_error_are_stripped() -> None:
    data = {"prompt_id": PROMPT, "node_id": "1", "exception_message": "no such thing\n", "timestamp": 12}
    error = wire.parse_text(json.dumps({"type": "execution_error", "data": data}))
    assert isinstance(error, wire.ExecutionError)
    assert (error.message, error.class_type, error.timestamp_ms) == ("no such thing", "", 12)
