"""The graph as it is sent. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.templates.graph import Graph

FILENAME_PREFIX = "fairbrush"


def runnable(graph: Graph) -> Graph:
    """``graph`` with nodes replaced whose results would exist only on the socket.

    ``SaveImageWebsocket`` sends its pictures as preview frames and leaves nothing in ``/history``: one
    dropped socket and they are gone. ``SaveImage`` takes the same input and keeps them.
    """
    nodes = {
        node.id: replace(
            node,
            class_type="SaveImage",
            inputs={"images": node.inputs.get("images"), "filename_prefix": FILENAME_PREFIX},
        )
        if node.class_type == "SaveImageWebsocket"
        else node
        for node in graph
    }
    return Graph(nodes)
