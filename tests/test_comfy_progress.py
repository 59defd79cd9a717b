"""One fraction for a whole graph: it never falls, and is never whole before the outputs are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfy.progress import CEILING, Meter, Plan
from bot.domain.ids import NodeId
from bot.templates.graph import parse_export

NODES = [NodeId(n) for n in "abcdef"]

values = st.floats(-10, 1e6) | st.integers(-10, 1000)
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("stepped"), st.sampled_from([*NODES, NodeId("absent")]), values, values),
        st.tuples(st.just("finished"), st.sampled_from([*NODES, NodeId("absent")])),
        st.tuples(st.just("cached"), st.sets(st.sampled_from(NODES))),
    ),
    max_size=40,
)


@given(st.dictionaries(st.sampled_from(NODES), st.floats(0.1, 100)), deeds)
def test_the_fraction_never_falls_and_never_reaches_one(
    weights: dict[NodeId, float], done: list[tuple]
) -> None:
    meter = Meter(Plan(weights))
    before = 0.0
    for name, *arguments in done:
        getattr(meter, name)(*arguments)
        assert before <= meter.fraction <= CEILING < 1
        before = meter.fraction


def test_a_finished_graph_is_almost_whole() -> None:
    meter = Meter(Plan(dict.fromkeys(NODES, 1.0)))
    for node in NODES:
        meter.finished(node)
    assert meter.fraction == pytest.approx(CEILING)


def test_steps_count_within_their_node() -> None:
    meter = Meter(Plan({NodeId("a"): 3.0, NodeId("b"): 1.0}))
    meter.stepped(NodeId("a"), 1, 2)
    assert meter.fraction == pytest.approx(CEILING * 1.5 / 4)


def test_a_node_that_starts_over_does_not_turn_back() -> None:
    """Tiled nodes report several bars, one after the other."""
    meter = Meter(Plan({NodeId("a"): 1.0, NodeId("b"): 1.0}))
    meter.stepped(NodeId("a"), 8, 10)
    reached = meter.fraction
    meter.stepped(NodeId("a"), 1, 10)
    assert meter.fraction == reached
    meter.stepped(NodeId("a"), 9, 10)
    assert meter.fraction > reached


def test_cached_nodes_leave_the_bar_to_the_others() -> None:
    meter = Meter(Plan({NodeId("a"): 9.0, NodeId("b"): 1.0}))
    meter.cached({NodeId("a")})
    meter.stepped(NodeId("b"), 1, 2)
    assert meter.fraction == pytest.approx(CEILING / 2)


def test_sampling_weighs_more_than_choosing_a_sampler() -> None:
    graph = parse_export(
        {
            "1": {"class_type": "KSampler", "inputs": {"latent_image": ["2", 0]}},
            "2": {"class_type": "EmptyLatentImage", "inputs": {}},
            "3": {"class_type": "SamplerCustomAdvanced", "inputs": {"latent_image": ["2", 0]}},
            "4": {"class_type": "KSamplerSelect", "inputs": {}},
            "5": {"class_type": "SamplerEulerAncestral", "inputs": {}},
        }
    )
    weights = Plan.of(graph).weights
    assert weights[NodeId("1")] == weights[NodeId("3")] > 10 * weights[NodeId("4")]
    assert weights[NodeId("4")] == weights[NodeId("5")] == weights[NodeId("2")]
