"""From what a sidecar writes to places that exist in the graph, or the reason why not. Pure."""

from __future__ import annotations

from bot.domain.ids import NodeId
from bot.domain.text import Text
from bot.templates.choices import nearest
from bot.templates.graph import Address, Graph, Node
from bot.templates.sidecar import BindRef


def place(graph: Graph, reference: BindRef) -> Address | Text:
    """The literal that ``reference`` means; a sentence without subject when there is none."""
    found = _short(graph, reference.short) if reference.short else _long(graph, reference)
    if isinstance(found, Text):
        return found
    node = graph.nodes[found.node]
    if (link := node.link(found.input)) is not None:
        return Text(
            "means {address}, which is connected to node {source}; bind the value there instead",
            address=found,
            source=called(graph.nodes[link.node]) if link.node in graph else link.node,
        )
    if not isinstance(node.inputs[found.input], str | int | float | bool):
        return Text("means {address}, which holds no single value", address=found)
    return found


def node_called(graph: Graph, name: str) -> NodeId | Text:
    """The node with this id, else the only one with this title; a sentence without subject otherwise."""
    if (node := graph.get(name)) is not None:
        return node.id
    return _titled(graph, name)


def called(node: Node) -> str:
    """A node as a person finds it again in ComfyUI."""
    return f"{node.id} ({node.title or node.class_type})"


def _long(graph: Graph, reference: BindRef) -> Address | Text:
    node_id = _titled(graph, reference.title) if reference.title else _with_id(graph, reference)
    if isinstance(node_id, Text):
        return node_id
    node = graph.nodes[node_id]
    if reference.class_type and node.class_type != reference.class_type:
        return Text(
            "means node {node}, which is now a {found} and was a {expected}: the export has changed.{hint}",
            node=node_id,
            found=node.class_type,
            expected=reference.class_type,
            hint=_of_class(graph, reference.class_type),
        )
    if reference.input not in node.inputs:
        close = nearest(reference.input, node.inputs)
        return Text(
            "means node {node}, which has no input {input}.{hint}",
            node=called(node),
            input=reference.input,
            hint=Text(" Did you mean {nearest}?", nearest=close) if close else "",
        )
    return Address(node_id, reference.input)


def _with_id(graph: Graph, reference: BindRef) -> NodeId | Text:
    if (node := graph.get(reference.node)) is not None:
        return node.id
    return Text(
        "means node {node}, which is not in the export.{hint}",
        node=reference.node,
        hint=_of_class(graph, reference.class_type),
    )


def _of_class(graph: Graph, class_type: str) -> Text | str:
    same = [called(node) for node in graph if node.class_type == class_type]
    return Text(" Nodes of class {name}: {nodes}", name=class_type, nodes=", ".join(same)) if same else ""


def _titled(graph: Graph, title: str) -> NodeId | Text:
    nodes = [node for node in graph if node.title == title]
    if len(nodes) == 1:
        return nodes[0].id
    if nodes:
        return Text(
            "means a node with the title {title}, but {count} have it: {ids}. Use an id, or rename them",
            title=title,
            count=len(nodes),
            ids=", ".join(node.id for node in nodes),
        )
    close = nearest(title, {node.title for node in graph if node.title})
    return Text(
        "means a node with the title {title}, which is not in the export.{hint}",
        title=title,
        hint=Text(" Did you mean {nearest}?", nearest=close) if close else "",
    )


def _short(graph: Graph, text: str) -> Address | Text:
    """``node.input``: an exact node id first, then titles. Titles and input names both may hold dots."""
    if (address := graph.parse_address(text)) is not None:
        return address
    found = [
        Address(node.id, text[len(node.title) + 1 :])
        for node in graph
        if node.title and text.startswith(node.title + ".") and text[len(node.title) + 1 :] in node.inputs
    ]
    if len(found) == 1:
        return found[0]
    if found:
        return Text(
            "{address} could be any of these: {places}. Use an id, or rename the nodes",
            address=text,
            places=", ".join(map(str, found)),
        )
    close = nearest(
        text, [f"{node.id}.{name}" for node in graph for name in node.inputs if node.is_literal(name)]
    )
    return Text(
        "{address} is no node and input of the export.{hint}",
        address=text,
        hint=Text(" Did you mean {nearest}?", nearest=close) if close else "",
    )
