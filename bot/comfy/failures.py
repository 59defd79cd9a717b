"""A server's own words of failure, turned into this product's errors. Pure.

The server's messages are free text (paths, markup, mentions): they are cut, freed of control characters
and carried as values, never as part of a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rapidfuzz import fuzz, process

from bot.comfy.protocol import ExecutionError
from bot.domain.errors import GraphProblem, GraphRejected, NodeFailed, OutOfMemory, RunLost
from bot.domain.ids import NodeId, PromptId
from bot.domain.text import Text
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph

_LONGEST_WORDS = 300
_LONGEST_VALUE = 80
_MOST_CHOICES = 12


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
    return error.exception_type.endswith("OutOfMemoryError") or (
        "out of memory" in words and any(w in words for w in ("cuda", "hip", "mps", "xpu", "gpu", "allocat"))
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
            node=clean(title, 60),
            message=_sentence(message or error.exception_type or "no reason given"),
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
    if problems:
        said = Text("{first}", first=describe(problems[0]))
        if len(problems) > 1:
            said = Text("{first} (and {more} more)", first=describe(problems[0]), more=len(problems) - 1)
    else:
        said = Text("{first}", first=_sentence(clean(error.get("message") or "no reason given")))
    return GraphRejected(
        Text("The ComfyUI server refused the workflow: {reason}", reason=said),
        problems,
        cause=clean(f"{error.get('type')}: {error.get('message')} {error.get('details')} {problems}", 2000),
    )


def describe(problem: GraphProblem) -> Text:
    """One problem as a sentence: which node, which input, which value, what would be allowed."""
    named: dict[str, object] = {"node": problem.title, "input": problem.input, "value": problem.value}
    match problem.kind:
        case "missing_node_type":
            return Text(
                "it has no node type “{kind}” (used by “{node}”). Install the custom node pack that "
                "brings it, or use another template.",
                kind=problem.class_type,
                node=problem.title,
            )
        case "value_not_in_list" if problem.nearest:
            return Text(
                "“{node}”: {input} = {value} is not there. Nearest: {nearest}.",
                nearest=problem.nearest,
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
    return Text("“{node}”: {message}", node=problem.title, message=_sentence(problem.message))


def _problems(body: Mapping[str, Any], graph: Graph, catalogue: Catalogue | None) -> Iterator[GraphProblem]:
    error = body.get("error")
    if isinstance(error, dict) and error.get("type") == "missing_node_type":
        info = error.get("extra_info")
        info = info if isinstance(info, dict) else {}
        node_id, class_type = str(info.get("node_id", "")), str(info.get("class_type", ""))
        yield GraphProblem(
            node_id,
            clean(info.get("node_title") or class_type, 60),
            clean(class_type, 60),
            "",
            "missing_node_type",
            message=clean(error.get("message", "")),
        )
    node_errors = body.get("node_errors")
    for node_id, raw in node_errors.items() if isinstance(node_errors, dict) else ():
        errors = raw.get("errors") if isinstance(raw, dict) else None
        for item in errors if isinstance(errors, list) else ():
            if isinstance(item, dict):
                yield _problem(str(node_id), raw, item, graph, catalogue)


def _problem(
    node_id: str,
    raw: Mapping[str, Any],
    item: Mapping[str, Any],
    graph: Graph,
    catalogue: Catalogue | None,
) -> GraphProblem:
    node = graph.get(NodeId(node_id))
    class_type = str(raw.get("class_type") or (node.class_type if node else ""))
    info = item.get("extra_info")
    info = info if isinstance(info, dict) else {}
    name = str(info.get("input_name") or "")
    value = info.get("received_value")
    choices = _choices(info.get("input_config"))
    if choices is None and catalogue is not None and (spec := catalogue.spec(class_type, name)):
        choices = spec.choices
    details = item.get("details")
    return GraphProblem(
        node_id=node_id,
        title=clean((node.title if node else "") or class_type or node_id, 60),
        class_type=class_type,
        input=clean(name, 60),
        kind=str(item.get("type") or ""),
        value=clean(value, _LONGEST_VALUE) if value is not None else "",
        allowed=_allowed(info.get("input_config"), choices),
        nearest=_nearest(value, choices),
        message=clean(f"{item.get('message') or ''}: {details}" if details else item.get("message") or ""),
    )


def _choices(config: object) -> tuple[Any, ...] | None:
    match config:
        case [list(choices), *_]:
            return tuple(choices)
        case ["COMBO", {"options": list(choices)}]:
            return tuple(choices)
    return None


def _allowed(config: object, choices: tuple[Any, ...] | None) -> str:
    if choices is not None:
        rest = len(choices) - _MOST_CHOICES
        listed = ", ".join(clean(c, _LONGEST_VALUE) for c in choices[:_MOST_CHOICES])
        return f"{listed}, … ({rest} more)" if rest > 0 else listed
    match config:
        case [str(), {"min": low, "max": high}]:
            return f"{low} to {high}"
    return ""


def _nearest(value: object, choices: tuple[Any, ...] | None) -> str:
    if not isinstance(value, str) or not choices:
        return ""
    names = [choice for choice in choices if isinstance(choice, str)]
    found = process.extractOne(value, names, scorer=fuzz.WRatio, processor=str.lower, score_cutoff=55)
    return clean(found[0], _LONGEST_VALUE) if found else ""


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."
