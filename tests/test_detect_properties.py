"""Whatever a graph looks like, detection answers, and names only literals that exist."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.ids import NodeId
from bot.templates.catalogue import Catalogue
from bot.templates.detect import Detection, detect
from bot.templates.detect_expression import evaluate, only_rounds
from bot.templates.graph import Graph, Node, as_link
from bot.templates.roles import Role
from tests.detect_graphs import CATALOGUE

IDS = [str(number) for number in range(7)]
CLASSES = [*CATALOGUE.classes, "ImpactSwitch", "Reroute", "Any Switch (rgthree)", "Nobody knows me", ""]
NAMES = sorted(
    {name for node_class in CATALOGUE.classes.values() for name in node_class.inputs}
    | {"select", "input1", "any_01", "pipe", "values.a", "values.b", "prompt", "lora_stack", "a", "", "x.y"}
)
EXPRESSIONS = [
    "a",
    "a * 16 + 1",
    "9**9**9",
    "1 << 10**9",
    "a / 0",
    "(" * 150,
    "__import__('os')",
    "1 if a else b",
]

literals = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),  # more than a float holds
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([*EXPRESSIONS, "You are a poet.", "None", "disable", "{prompt}"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
links = st.tuples(st.sampled_from([*IDS, "not there"]), st.integers(-2, 5)).map(list)
inputs = st.dictionaries(st.sampled_from(NAMES), links | links | literals, max_size=9)
CATALOGUES = {"core": CATALOGUE, "none": None, "empty": Catalogue({})}


@st.composite
def random_nodes(draw: st.DrawFn) -> Graph:
    return Graph(
        {
            NodeId(key): Node(
                NodeId(key), draw(st.sampled_from(CLASSES)), draw(inputs), draw(st.text(max_size=4))
            )
            for key in IDS[: draw(st.integers(0, len(IDS)))]
        }
    )


@st.composite
def plausible_nodes(draw: st.DrawFn) -> Graph:
    """Every declared input of core classes filled at random: reaches further than random names do."""
    nodes = {}
    for key in IDS:
        node_class = CATALOGUE.classes[draw(st.sampled_from(sorted(CATALOGUE.classes)))]
        filled = {
            name: draw(links if not spec.is_widget else links | literals)
            for name, spec in node_class.inputs.items()
        }
        nodes[NodeId(key)] = Node(NodeId(key), node_class.name, filled)
    nodes[NodeId("end")] = Node(NodeId("end"), "SaveImage", {"images": ["0", 0], "filename_prefix": "x"})
    return Graph(nodes)


def check(graph: Graph, found: Detection) -> None:
    for role, where in (*found.roles.items(), *found.companions.items()):
        assert where
        assert len(set(where)) == len(where)
        for place in where:
            value = graph.value(place)
            if role is Role.OUTPUT:
                assert as_link(value) is not None
            else:
                assert as_link(value) is None
                assert isinstance(value, str | int | float)
                assert not isinstance(value, bool)
    assert all(node_id in graph for node_id in found.outputs)
    assert all(str(note) for note in found.notes)


@settings(max_examples=80, deadline=None)
@given(graph=random_nodes() | plausible_nodes(), known=st.sampled_from(sorted(CATALOGUES)))
def test_never_raises_and_names_only_literals(graph: Graph, known: str) -> None:
    check(graph, detect(graph, CATALOGUES[known]))


@settings(max_examples=30, deadline=None)
@given(graph=plausible_nodes())
def test_the_answer_does_not_depend_on_anything_else(graph: Graph) -> None:
    assert detect(graph, CATALOGUE) == detect(graph, CATALOGUE)


@pytest.mark.parametrize("catalogue", [CATALOGUE, None], ids=["with catalogue", "offline"])
def test_integers_that_python_refuses_to_write(catalogue: Catalogue | None) -> None:
    huge = {"source": 10**5000, "value": 10**5000, "select": 10**5000, "input1": ["s", 0]}
    for class_type in ("PreviewAny", "PrimitiveInt", "ImpactSwitch", "ComfyNumberConvert"):
        graph = chain("Reroute", 1, **huge)
        nodes = {**graph.nodes, NodeId("0"): Node(NodeId("0"), class_type, huge)}
        found = detect(Graph(nodes), catalogue)
        assert found.outputs == ("o",)


def chain(class_type: str, length: int, **names: Any) -> Graph:
    """``length`` nodes that each read the one before by every given input."""
    nodes = {
        NodeId(str(i)): Node(
            NodeId(str(i)),
            class_type,
            {**names, **{k: [str(i - 1), 0] for k, v in names.items() if v is None}},
        )
        for i in range(length)
    }
    last = str(length - 1)
    sampler = {
        name: [last, 0]
        for name in ("model", "positive", "negative", "latent_image", "steps", "cfg", "seed", "add_noise")
    }
    nodes[NodeId("s")] = Node(NodeId("s"), "KSamplerAdvanced", {**sampler, "denoise": 1.0})
    nodes[NodeId("e")] = Node(NodeId("e"), "CLIPTextEncode", {"text": [last, 0], "clip": [last, 0]})
    nodes[NodeId("o")] = Node(NodeId("o"), "SaveImage", {"images": ["s", 0], "filename_prefix": "x"})
    return Graph(nodes)


@pytest.mark.parametrize("catalogue", [CATALOGUE, None], ids=["with catalogue", "offline"])
@pytest.mark.parametrize(
    ("class_type", "names"),
    [
        ("StringConcatenate", {"string_a": None, "string_b": None, "delimiter": ""}),
        ("StringReplace", {"string": None, "find": "a", "replace": None}),
        ("ComfySwitchNode", {"switch": None, "on_false": None, "on_true": None}),
        ("ComfyMathExpression", {"expression": "a", "values.a": None}),
        ("ComfyAndNode", {"values.value0": None, "values.value1": None}),
        ("LoraLoader", {"model": None, "clip": None, "lora_name": "x"}),
        ("ConditioningCombine", {"conditioning_1": None, "conditioning_2": None}),
        ("LatentUpscale", {"samples": None, "width": None}),
        ("InvertMask", {"mask": None}),
    ],
)
def test_long_chains_and_diamonds_end(
    class_type: str, names: dict[str, Any], catalogue: Catalogue | None
) -> None:
    length = sys.getrecursionlimit() + 300  # no walk along it may be a recursion
    graph = chain(class_type, length, **names)
    check(graph, detect(graph, catalogue))


@pytest.mark.parametrize(
    "expression", [*EXPRESSIONS[2:], "a.b", "[a]", "a" * 400, "lambda: a", "'\\d'", "1 is 1", ""]
)
def test_expressions_that_are_no_arithmetic_have_no_value(expression: str) -> None:
    if expression != "1 if a else b":
        assert evaluate(expression, {"a": 1}) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a & -8", 1000),
        ("max(4, (int(a) // 16) * 16)", 992),
        ("floor(a / 2) + 1 if a > 3 else 0", 501),
        ("not a", False),
    ],
)
def test_arithmetic(expression: str, value: float) -> None:
    assert evaluate(expression, {"a": 1000 if "16" not in expression else 1007}) == value


def test_rounding_is_told_from_another_quantity() -> None:
    assert only_rounds("(a // 4) * 4 + 1", "a", {})
    assert not only_rounds("a * 16 + 1", "a", {})
    assert not only_rounds("a / 2", "a", {})
    assert not only_rounds("b", "a", {})
    assert only_rounds("a // b * b", "a", {"b": 32})
    assert not only_rounds("a // b * b", "b", {"a": 1024})
    assert not only_rounds("a // b * b", "a", {})
