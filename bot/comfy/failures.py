"""A server's own words of failure, turned into this product's errors. Pure.

The server's messages are free text (paths, markup, mentions): they are cut, freed of control characters
and carried as values, never as part of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rapidfuzz import fuzz, process

from bot.comfy.protocol import ExecutionError
from bot.domain.errors import GraphProblem, GraphRejected, NodeFailed, OutOfMemory, RunLost
from bot.domain.ids import PromptId
from bot.domain.text import Text
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph, Node

_LONGEST_WORDS = 300
_LONGEST_VALUE = 80
_LONGEST_LIST = 200
_ALIKE = 70
"""Lowest likeness, of 100, that is worth a suggestion; "nope" and "normal" are at 60."""
_DEVICES = ("cuda", "hip", "mps", "xpu", "gpu", "allocat")
_SURELY_MEMORY = ("cublas_status_alloc_failed", "not enough gpu video memory", "allocation on device")
_NODE_IN_DETAILS = re.compile(r"Node ID '#([^']+)'")


def clean(words: object, limit: int = _LONGEST_WORDS) -> str:
    """First paragraph of free text in one line, without control characters, at most ``limit`` long."""
    line = "".join(c if c.isprintable() else " " for c in str(words).strip().split("\n\n", 1)[0])
    line = " ".join(line.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def lost(prompt_id: PromptId) -> RunLost:
    return RunLost(
        Text(
            "The ComfyUI server no longer knows this picture: it was restarted, or somebody deleted it "
            "from its queue. Nothing was painted; try again."
        ),
        cause=f"prompt {prompt_id} is neither in /queue nor in /history",
    )


def is_out_of_memory(error: ExecutionError) -> bool:
    """PyTorch has a class for it; some nodes raise a plain RuntimeError that only says so."""
    words = error.message.lower()
    return (
        error.exception_type.endswith("OutOfMemoryError")
        or any(sure in words for sure in _SURELY_MEMORY)
        or ("out of memory" in words and any(device in words for device in _DEVICES))
    )


def node_failed(error: ExecutionError, title: str) -> NodeFailed:
    """The error for a node that raised; out of memory has advice of its own."""
    message = clean(error.message)
    cause = (
        f"prompt {error.prompt_id} node {error.node} {error.class_type}: {error.exception_type}: {message}"
    )
    if is_out_of_memory(error):
        return OutOfMemory(
            Text(
                "The graphics card ran out of memory in “{node}”. Ask for a smaller picture or fewer at "
                "once.",
                node=clean(title, 60),
            ),
            node_id=error.node,
            class_type=error.class_type,
            message=message,
            cause=cause,
        )
    return NodeFailed(
        Text(
            "“{node}” failed on the ComfyUI server: {message} That is the workflow's or the server's "
            "fault, not your text's.",
            node=clean(title, 60) or "?",
            message=_sentence(message or clean(error.exception_type, 60) or "no reason given"),
        ),
        node_id=error.node,
        class_type=error.class_type,
        message=message,
        cause=cause,
    )


def rejected(body: Mapping[str, Any], graph: Graph, catalogue: Catalogue | None = None) -> GraphRejected:
    """The error for a graph that a server refused (400), or accepted without a wanted output (200).

    ``catalogue`` supplies the choices that a server leaves out of its answer when they are many.
    """
    problems = tuple(_problems(body, graph, catalogue))
    error = body.get("error")
    error = error if isinstance(error, dict) else {"message": error} if isinstance(error, str) else {}
    said: object
    if problems:
        said = describe(problems[0])
        if len(problems) > 1:
            said = Text("{first} (and {more} more)", first=said, more=len(problems) - 1)
    elif error.get("type") == "prompt_no_outputs":
        said = Text("nothing in it saves or shows a result.")
    else:
        said = _sentence(clean(error.get("message") or "no reason given"))
    # Values stay out of the log: they may be what somebody asked for.
    where = ", ".join(f"{p.node_id}.{p.input} ({p.class_type}) {p.kind}" for p in problems)
    return GraphRejected(
        Text("The ComfyUI server refused the workflow: {reason}", reason=said),
        problems,
        cause=clean(f"{error.get('type')}: {error.get('message')} {where}", 2000),
    )


def describe(problem: GraphProblem) -> Text:
    """One problem as a sentence: which node, which input, which value, what would be allowed."""
    named: dict[str, object] = {"node": problem.title, "input": problem.input, "value": problem.value}
    match problem.kind:
        case "missing_node_type" if problem.class_type:
            return Text(
                "it has no node type “{kind}” (used by “{node}”). Install the custom node pack that "
                "brings it, or use another template.",
                kind=problem.class_type,
                node=problem.title,
            )
        case "value_not_in_list" if problem.nearest and problem.allowed:
            return Text(
                "“{node}”: {input} = {value} is not there. Nearest: {nearest}. Possible: {allowed}.",
                nearest=problem.nearest,
                allowed=problem.allowed,
                **named,
            )
        case "value_not_in_list" if problem.allowed:
            return Text(
                "“{node}”: {input} = {value} is not there. Possible: {allowed}.",
                allowed=problem.allowed,
                **named,
            )
        case "value_not_in_list":
            return Text("“{node}”: {input} = {value} is not there.", **named)
        case "value_smaller_than_min" | "value_bigger_than_max" if problem.allowed:
            return Text(
                "“{node}”: {input} = {value} is out of range; allowed is {allowed}.",
                allowed=problem.allowed,
                **named,
            )
        case "required_input_missing":
            return Text("“{node}” lacks its input {input}.", **named)
        case "exception_during_validation" | "exception_during_inner_validation" if problem.input:
            return Text("“{node}”: its input {input} is connected to a node that is missing.", **named)
    return Text("“{node}”: {message}", node=problem.title, message=_sentence(problem.message))


def _problems(body: Mapping[str, Any], graph: Graph, catalogue: Catalogue | None) -> Iterator[GraphProblem]:
    error = body.get("error")
    if isinstance(error, dict) and error.get("type") in ("missing_node_type", "invalid_prompt"):
        yield _missing_class(error, graph)
    node_errors = body.get("node_errors")
    for node_id, raw in node_errors.items() if isinstance(node_errors, dict) else ():
        errors = raw.get("errors") if isinstance(raw, dict) else None
        for item in errors if isinstance(errors, list) else ():
            if isinstance(item, dict):
                yield _problem(str(node_id), raw, item, graph, catalogue)


def _missing_class(error: Mapping[str, Any], graph: Graph) -> GraphProblem:
    """An unknown class. Before 0.33 the type is ``invalid_prompt`` and only ``details`` name the node."""
    info = error.get("extra_info")
    info = info if isinstance(info, dict) else {}
    named = _NODE_IN_DETAILS.search(str(error.get("details")))
    node_id = str(info.get("node_id") or (named[1] if named else ""))
    node = graph.get(node_id)
    class_type = clean(info.get("class_type") or (node.class_type if node else ""), 60)
    return GraphProblem(
        node_id=node_id,
        title=clean(info.get("node_title") or (node.title if node else "") or class_type or node_id, 60),
        class_type=class_type,
        input="",
        kind="missing_node_type",
        message=clean(error.get("message") or ""),
    )


def _problem(
    node_id: str,
    raw: Mapping[str, Any],
    item: Mapping[str, Any],
    graph: Graph,
    catalogue: Catalogue | None,
) -> GraphProblem:
    node = graph.get(node_id)
    class_type = str(raw.get("class_type") or (node.class_type if node else ""))
    info = item.get("extra_info")
    info = info if isinstance(info, dict) else {}
    kind = str(item.get("type") or "")
    if kind in ("exception_during_validation", "exception_during_inner_validation"):
        # The input that the server names is the one that led here; the fault lies in a link from here.
        name = _dangling_input(node, graph)
    else:
        name = str(info.get("input_name") or "")
    # Checks of a node's own do not repeat the value, but it was ours.
    value = info.get("received_value", node.inputs[name] if node and node.is_literal(name) else None)
    choices = _choices(info.get("input_config"))
    if choices is None and catalogue is not None and (spec := catalogue.spec(class_type, name)):
        choices = spec.choices
    details = item.get("details")
    return GraphProblem(
        node_id=node_id,
        title=clean((node.title if node else "") or class_type or node_id, 60),
        class_type=class_type,
        input=clean(name, 60),
        kind=kind,
        value=clean(value, _LONGEST_VALUE) if value is not None else "",
        allowed=_allowed(info.get("input_config"), choices),
        nearest=_nearest(value, choices),
        message=clean(f"{item.get('message') or ''}: {details}" if details else item.get("message") or ""),
    )


def _dangling_input(node: Node | None, graph: Graph) -> str:
    """The first input of ``node`` that is connected to nothing."""
    return next((name for name, link in node.links() if link.node not in graph), "") if node else ""


def _choices(config: object) -> tuple[Any, ...] | None:
    match config:
        case [list(choices), *_]:
            return tuple(choices)
        case ["COMBO", {"options": list(choices)}]:
            return tuple(choices)
    return None


def _allowed(config: object, choices: tuple[Any, ...] | None) -> str:
    if choices is not None:
        listed: list[str] = []
        room = _LONGEST_LIST
        for choice in choices:
            name = clean(choice, _LONGEST_VALUE)
            room -= len(name)
            if listed and room < 0:
                break
            listed.append(name)
        rest = len(choices) - len(listed)
        return f"{', '.join(listed)}, … ({rest} more)" if rest > 0 else ", ".join(listed)
    match config:
        case [str(), {"min": low, "max": high}]:
            return f"{low} to {high}"
    return ""


def _nearest(value: object, choices: tuple[Any, ...] | None) -> str:
    if not isinstance(value, str) or not choices:
        return ""
    names = [choice for choice in choices if isinstance(choice, str)]
    found = process.extractOne(value, names, scorer=fuzz.WRatio, processor=_stem, score_cutoff=_ALIKE)
    return clean(found[0], _LONGEST_VALUE) if found else ""


def _stem(name: str) -> str:
    """A name for comparing: model files all end alike, and folders are written in two ways."""
    return re.sub(r"\.(safetensors|ckpt|pth?|gguf|sft|bin)$", "", name.lower()).replace("\\", "/")


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."
