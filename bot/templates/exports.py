"""From the bytes of a file to a graph, with a message for each way in which a file can be wrong. Pure."""

from __future__ import annotations

import json
from typing import Any

from bot.domain.errors import TemplateError
from bot.domain.ids import NodeId
from bot.domain.text import Text
from bot.templates.graph import Graph, Json, parse_export

MAX_BYTES = 20 * 1024 * 1024
"""The largest real exports are a few hundred kilobytes."""

MAX_DEPTH = 64


def read_export(data: bytes) -> Graph:
    """The graph of an API export. Raises :class:`TemplateError`."""
    return parse_export(read_json(data))


def read_json(data: bytes) -> Json:
    """Strict JSON: UTF-8 (a byte order mark is accepted), each key once, real numbers, bounded depth.

    Raises :class:`TemplateError`.
    """
    if len(data) > MAX_BYTES:
        raise too_large(len(data))
    if not data.strip():
        raise TemplateError(Text("The file is empty."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError(
            Text("The file is not UTF-8 text (byte {position}). Export it again.", position=error.start),
            cause=str(error),
        ) from error
    try:
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise TemplateError(
            Text(
                "The file is not valid JSON: {reason} in line {line}, column {column}. Export it again.",
                reason=error.msg,
                line=error.lineno,
                column=error.colno,
            )
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeEncodeError as error:
        raise TemplateError(
            Text("The file holds half a character (a lone surrogate). Export it again.")
        ) from error
    except ValueError as error:
        raise TemplateError(
            Text("The file holds a number that is too large to be one."), cause=str(error)
        ) from error
    _check_depth(found)
    return found


def too_large(size: int) -> TemplateError:
    """The refusal of a file of ``size`` bytes, also for those who look before they read."""
    return TemplateError(
        Text(
            "The file is too large ({size} MB; at most {most} MB). It cannot be a workflow export.",
            size=-(-size // 2**20),
            most=MAX_BYTES // 2**20,
        )
    )


def damage(graph: Graph, outputs: tuple[NodeId, ...]) -> list[Text]:
    """What no server would run: links to nodes that are not there, and circles."""
    needed = set[NodeId]().union(*map(graph.upstream, outputs))
    problems = [
        Text(
            "Node {node}: {input} comes from node {absent}, which is not in the file. Export it again.",
            node=_called(graph, node.id),
            input=name,
            absent=link.node,
        )
        for node in graph
        if node.id in needed
        for name, link in node.links()
        if link.node not in graph
    ]
    circle = _in_circle(graph, needed)
    if circle is not None:
        problems.append(
            Text(
                "Node {node} depends on its own result. Export it again.",
                node=_called(graph, circle),
            )
        )
    return problems


def _in_circle(graph: Graph, needed: set[NodeId]) -> NodeId | None:
    """A node that depends on itself; None when there is none. Takes time in proportion to the links."""
    waits = {node.id: {link.node for _, link in node.links()} & needed for node in graph if node.id in needed}
    free = [node_id for node_id, inputs in waits.items() if not inputs]
    while free:
        done = free.pop()
        for consumer in {consumer.node for consumer in graph.consumers(done)} & waits.keys():
            waits[consumer].discard(done)
            if not waits[consumer]:
                free.append(consumer)
        del waits[done]
    if not waits:
        return None
    # What is left lies in circles or behind them: whoever walks upstream comes round.
    node, seen = next(iter(waits)), set[NodeId]()
    while node not in seen:
        seen.add(node)
        node = next(link.node for _, link in graph.nodes[node].links() if link.node in waits)
    return node


def _called(graph: Graph, node_id: NodeId) -> str:
    node = graph.nodes[node_id]
    return f"{node_id} ({node.title or node.class_type})"


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise TemplateError(
            Text("The file has the key {key} twice in one place. Export it again.", key=twice)
        )
    return found


def _no_constant(word: str) -> None:
    raise TemplateError(Text("The file holds {word}, which is not a number in JSON.", word=word))


def _check_depth(value: Json) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> TemplateError:
    return TemplateError(Text("The file is nested too deeply to be a workflow export."))
