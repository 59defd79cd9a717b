"""In which order the nodes of a graph run.

The order is ComfyUI's: of the nodes whose inputs are ready, an output node goes first, then one that
feeds an output node directly, then one that feeds such a node, then the one that was found first when
walking up from the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class RunOrder:
    """The nodes still to run. ``sources(node)`` lists what a node reads, in declared order."""

    def __init__(
        self,
        sources: Callable[[str], Iterable[str]],
        is_output: Callable[[str], bool],
        is_done: Callable[[str], bool],
    ) -> None:
        self._sources = sources
        self._is_output = is_output
        self._is_done = is_done
        self._waiting_for: dict[str, set[str]] = {}
        self._feeds: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting_for)

    def add(self, node_id: str) -> None:
        """Want this node and all it needs that is not done."""
        stack, links = [node_id], []
        while stack:
            current = stack.pop()
            if current in self._waiting_for:
                continue
            self._waiting_for[current] = set()
            self._feeds[current] = {}
            for source in self._sources(current):
                if not self._is_done(source):
                    stack.append(source)
                    links.append((source, current))
        for source, reader in links:
            self._connect(source, reader)

    def require(self, reader: str, source: str) -> None:
        """Have ``reader`` wait for ``source`` too: a lazy input that turned out to be needed."""
        if not self._is_done(source):
            self.add(source)
            self._connect(source, reader)

    def _connect(self, source: str, reader: str) -> None:
        self._waiting_for[reader].add(source)
        self._feeds[source][reader] = None

    def next(self) -> str:
        """The node to run now. Raises IndexError when every node waits for another: a cycle."""
        ready = [node for node, sources in self._waiting_for.items() if not sources]
        for distance in range(3):
            for node in ready:
                if self._reaches_output(node, distance):
                    return node
        return ready[0]

    def _reaches_output(self, node: str, distance: int) -> bool:
        if distance == 0:
            return self._is_output(node)
        return any(self._reaches_output(reader, distance - 1) for reader in self._feeds[node])

    def done(self, node_id: str) -> None:
        del self._waiting_for[node_id]
        for reader in self._feeds.pop(node_id):
            self._waiting_for[reader].discard(node_id)
