"""Values on the wire: each type comes back as it was, and nothing else becomes one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.control.calls import CALLS
from bot.control.codec import Malformed, decode, encode
from bot.domain.ids import JobId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.operator import (
    Account,
    CancelResult,
    JobEvent,
    JobView,
    LimitChange,
    Notice,
    QueueView,
    ServerView,
    SubmittedRequest,
)
from bot.service.records import UsageRow


def wire(value: object) -> tuple[Any, list[bytes]]:
    blobs: list[bytes] = []
    return json.loads(json.dumps(encode(value, blobs))), blobs


_words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_plain = _words | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none()
_texts = st.recursive(
    st.builds(lambda args: Text("It is {a}.", **args), st.dictionaries(st.just("a"), _plain)),
    lambda inner: st.builds(lambda word: Text("{a} of them", a=word), inner),
    max_leaves=3,
)
st.register_type_strategy(Text, _texts)
st.register_type_strategy(str, _words)
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))

_TYPES = [
    QueueView,
    ServerView,
    JobView,
    Notice,
    CancelResult,
    Account,
    LimitChange | None,
    UsageRow,
    *get_args(JobEvent),
]


@pytest.mark.parametrize("kind", _TYPES, ids=lambda kind: getattr(kind, "__name__", str(kind)))
def test_every_value_comes_back_as_it_was(kind: Any) -> None:
    @given(st.from_type(kind))
    def check(value: Any) -> None:
        data, blobs = wire(value)
        assert decode(kind, data, blobs) == value

    check()


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_bytes_travel_beside_the_json(contents: list[bytes]) -> None:
    images = {f"{number}.png": content for number, content in enumerate(contents)}
    data, blobs = wire(images)
    assert decode(Mapping[str, bytes], data, blobs) == images


def test_every_call_can_be_read_and_written() -> None:
    for name, call in CALLS.items():
        assert call.answer is not None, name
    assert decode(tuple[SubmittedRequest, ...], []) == ()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_kinds = st.sampled_from([call.answer for call in CALLS.values()])


@given(_kinds, _json)
def test_any_json_is_read_or_refused(kind: Any, data: Any) -> None:
    with suppress(Malformed):
        decode(kind, data)


@dataclass(frozen=True)
class Sample:
    state: JobState
    count: int
    share: float
    id: JobId
    word: Literal["a", "b"]
    why: Text | None = None


GOOD = {"is": "Sample", "state": "queued", "count": 1, "share": 0.5, "id": "x-1", "word": "a", "why": None}


def test_a_sample_is_read() -> None:
    assert decode(Sample, GOOD) == Sample(JobState.QUEUED, 1, 0.5, JobId("x-1"), "a")
    assert decode(Sample, {**GOOD, "share": 2}).share == 2.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"is": "Other"}, "it is no Sample"),
        ({"state": "odd"}, "it.state is none of its words"),
        ({"state": []}, "it.state is none of its words"),
        ({"count": True}, "it.count is no whole number"),
        ({"count": 1.0}, "it.count is no whole number"),
        ({"count": 2**63}, "it.count is no whole number"),
        ({"share": "1"}, "it.share must be a number"),
        ({"share": True}, "it.share must be a number"),
        ({"share": 10**400}, "it.share is no whole number"),
        ({"id": 5}, "it.id must be text"),
        ({"id": "\udc00"}, "it.id is no text"),
        ({"word": "c"}, "it.word is none of its words"),
        ({"word": ["a"]}, "it.word is none of its words"),
        ({"why": "text"}, "it.why must be an object"),
        ({"why": {"text": "x"}}, "it.why is no sentence"),
        ({"why": {"text": 5, "args": {}}}, "it.why must be text"),
        ({"why": {"text": "x", "args": []}}, "it.why must be an object"),
        ({"why": {"text": "x", "args": {"a": {"b": 1}}}}, "it.why is no sentence"),
        ({"more": 1}, "it must hold state, count"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_its_place(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(Sample, {**GOOD, **change})
    assert str(caught.value).startswith(says)


def test_values_of_sentences_travel_as_what_they_show() -> None:
    text = Text(
        "{path} {state} {number} {inner}", path=Path("a/b"), state=JobState.DONE, number=2, inner=Text("x")
    )
    data, _ = wire(text)
    found = decode(Text, data)
    assert str(found) == str(text)
    assert found.args["number"] == 2


def test_only_values_that_are_known_travel() -> None:
    with pytest.raises(TypeError, match="object does not travel"):
        encode(object(), [])
    assert math.isnan(decode(float, json.loads(json.dumps(encode(math.nan, [])))))


def test_a_sentence_that_counts_travels_with_both_its_forms() -> None:
    said = Text.counted("{count} picture", "{count} pictures", 2, who="ann")
    back = decode(Text, json.loads(json.dumps(encode(said, []))))
    assert (back, back.plural, back.count, str(back)) == (said, said.plural, 2, "2 pictures")
    for bad in ({"count": "2"}, {"count": True}, {"many": 3}):
        with pytest.raises(Malformed):
            decode(Text, {**encode(said, []), **bad})
