"""Which node runs when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sketch.cache import signatures
from bot.sketch.files import Folders
from bot.sketch.ordering import RunOrder
from bot.sketch.registry import Registry, core_nodes


def run_order(reads: dict[str, list[str]], outputs: list[str], done: set[str] | None = None) -> list[str]:
    finished = set(done or ())
    order = RunOrder(lambda n: reads[n], lambda n: n in outputs, lambda n: n in finished)
    for output in outputs:
        order.add(output)
    ran = []
    while order:
        node = order.next()
        assert set(reads[node]) <= finished
        ran.append(node)
        finished.add(node)
        order.done(node)
    return ran


TEXT_TO_IMAGE = {
    "3": ["4", "6", "7", "5"],
    "4": [],
    "5": [],
    "6": ["4"],
    "7": ["4"],
    "8": ["3", "4"],
    "9": ["8"],
}


def test_the_recorded_order_of_a_text_to_image_graph() -> None:
    assert run_order(TEXT_TO_IMAGE, ["9"]) == ["4", "5", "7", "6", "3", "8", "9"]


def test_an_output_goes_as_soon_as_it_can() -> None:
    reads = {"a": [], "b": ["a"], "preview": ["a"], "save": ["b"]}
    assert run_order(reads, ["save", "preview"]) == ["a", "preview", "b", "save"]


def test_what_is_done_is_not_run_again_but_a_cached_output_is_visited() -> None:
    assert run_order(TEXT_TO_IMAGE, ["9"], {"3", "4", "8"}) == ["9"]
    assert run_order(TEXT_TO_IMAGE, ["9"], set(TEXT_TO_IMAGE)) == ["9"]


def test_a_lazy_input_is_waited_for_once_it_is_required() -> None:
    done: set[str] = set()
    order = RunOrder(lambda n: {"a": ["b"], "b": [], "s": []}[n], lambda n: n == "s", lambda n: n in done)
    order.add("s")
    assert order.next() == "s"
    order.require("s", "a")
    for expected in ("b", "a", "s"):
        assert order.next() == expected
        done.add(expected)
        order.done(expected)
    assert not order


def test_a_cycle_is_an_error() -> None:
    order = RunOrder(lambda n: {"a": ["b"], "b": ["a"]}[n], lambda n: n == "a", lambda _: False)
    order.add("a")
    with pytest.raises(IndexError):
        order.next()


@given(st.lists(st.sets(st.integers(0, 20)), min_size=1, max_size=20), st.data())
def test_every_needed_node_runs_once_after_what_it_reads(links: list[set[int]], data: st.DataObject) -> None:
    reads = {str(i): [str(s) for s in sorted(sources) if s < i] for i, sources in enumerate(links)}
    outputs = data.draw(st.lists(st.sampled_from(sorted(reads)), unique=True, min_size=1))
    needed, stack = set[str](), list(outputs)
    while stack:
        node = stack.pop()
        if node not in needed:
            needed.add(node)
            stack += reads[node]
    ran = run_order(reads, outputs)
    assert len(ran) == len(set(ran))
    assert set(ran) == needed


# Cache signatures

INVERT = {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}
EMPTY = {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}


@pytest.fixture
def sign(tmp_path: Path) -> Any:
    folders = Folders(tmp_path, {})
    folders.prepare()
    registry = Registry(core_nodes())
    return lambda graph: signatures(graph, registry, folders)


def test_signatures_depend_on_inputs_above_and_not_on_ids(sign: Any) -> None:
    first = sign({"1": EMPTY, "2": INVERT})
    assert sign({"2": INVERT, "1": EMPTY}) == first
    moved = sign({"7": EMPTY, "8": {"class_type": "ImageInvert", "inputs": {"image": ["7", 0]}}})
    assert (moved["7"], moved["8"]) == (first["1"], first["2"])
    wider = json.loads(json.dumps({"1": EMPTY, "2": INVERT}))
    wider["1"]["inputs"]["width"] = 16
    assert not set(sign(wider).values()) & set(first.values())
    ignored = json.loads(json.dumps({"1": EMPTY, "2": INVERT}))
    ignored["1"]["inputs"]["unknown"] = 5
    assert sign(ignored) == first


def test_signatures_survive_what_validation_never_looked_at(sign: Any) -> None:
    """Nodes that no output needs are not validated: cycles, links into nothing, no inputs at all."""
    graph = {
        "1": EMPTY,
        "loop": {"class_type": "ImageInvert", "inputs": {"image": ["loop", 0]}},
        "a": {"class_type": "ImageInvert", "inputs": {"image": ["b", 0]}},
        "b": {"class_type": "ImageInvert", "inputs": {"image": ["a", 0]}},
        "lost": {"class_type": "ImageInvert", "inputs": {"image": ["99", 0]}},
        "odd": {"class_type": "ImageInvert", "inputs": {"image": [[], {}]}},
        "bare": {"class_type": "EmptyImage"},
    }
    signed = sign(graph)
    assert set(signed) == set(graph)
    assert len(set(signed.values())) == len(graph)


def test_a_deep_graph_is_signed(sign: Any) -> None:
    graph = {"0": EMPTY}
    for index in range(1, 3000):
        graph[str(index)] = {"class_type": "ImageInvert", "inputs": {"image": [str(index - 1), 0]}}
    assert len(set(sign(graph).values())) == 3000
