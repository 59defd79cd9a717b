"""``/history/{id}`` and ``/queue``, read into types: the server's truth, as against its hints. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from bot.comfy.protocol import ExecutionError, execution_error
from bot.domain.ids import NodeId, PromptId
from bot.domain.outputs import Output, OutputFile, OutputText, media_kind

_LONGEST_RUN_MS = 30 * 24 * 3600 * 1000
"""Longer than any run: a difference above this comes from a clock that was set, or from nonsense."""


class Ending(Enum):
    SUCCESS = auto()
    ERROR = auto()
    INTERRUPTED = auto()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """How a run ended and what it left. ``error`` is given for ``Ending.ERROR`` alone."""

    ending: Ending
    outputs: tuple[Output, ...]
    error: ExecutionError | None
    server_seconds: float | None
    cached: bool
    """Whether every output came from an earlier run of the same graph."""


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """Who runs and who waits, in the order in which they will run."""

    running: tuple[PromptId, ...]
    pending: tuple[PromptId, ...]

    def ahead_of(self, prompt_id: PromptId) -> int | None:
        """How many prompts end before this one begins; None when it is not waiting."""
        if prompt_id not in self.pending:
            return None
        return len(self.running) + self.pending.index(prompt_id)

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


def parse_queue(data: object) -> QueueSnapshot:
    """Read ``GET /queue``. The server lists pending prompts in heap order: run order is (number, id)."""
    running, pending = (
        data.get(f"queue_{which}") if isinstance(data, dict) else None for which in ("running", "pending")
    )
    return QueueSnapshot(
        tuple(prompt_id for _, prompt_id in _items(running)),
        tuple(prompt_id for _, prompt_id in sorted(_items(pending))),
    )


def _items(listed: object) -> Iterator[tuple[float, PromptId]]:
    for item in listed if isinstance(listed, list) else ():
        match item:
            case [int() | float() as number, str(prompt_id), *_]:
                yield number, PromptId(prompt_id)


def parse_history(data: object, prompt_id: PromptId) -> HistoryEntry | None:
    """Read ``GET /history/{id}``; None while the run is not finished (or was never heard of)."""
    entry = data.get(prompt_id) if isinstance(data, dict) else None
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    messages = dict(_messages(status.get("messages")))
    outputs = entry.get("outputs")
    outputs = outputs if isinstance(outputs, dict) else {}
    cached = messages.get("execution_cached", {}).get("nodes")
    ending = _ending(status, messages)
    return HistoryEntry(
        ending=ending,
        outputs=parse_outputs(outputs, _display_nodes(entry.get("meta"))),
        error=execution_error(messages.get("execution_error", {})) if ending is Ending.ERROR else None,
        server_seconds=_seconds(messages),
        cached=bool(outputs) and isinstance(cached, list) and all(node in cached for node in outputs),
    )


def _display_nodes(meta: object) -> Mapping[str, NodeId]:
    """Nodes that came into being while the graph ran, to the node of the graph that made them."""
    return {
        node_id: NodeId(raw["display_node"])
        for node_id, raw in (meta.items() if isinstance(meta, dict) else ())
        if isinstance(raw, dict) and isinstance(raw.get("display_node"), str)
    }


def _ending(status: Mapping[str, Any], messages: Mapping[str, Any]) -> Ending:
    if status.get("status_str") == "success":
        return Ending.SUCCESS
    # Error and interrupt both say status_str "error": only the messages tell them apart.
    if "execution_interrupted" in messages:
        return Ending.INTERRUPTED
    if status.get("status_str") == "error" or "execution_error" in messages:
        return Ending.ERROR
    return Ending.SUCCESS  # very old entries have no status: being in history means it ended


def _messages(listed: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in listed if isinstance(listed, list) else ():
        match item:
            case [str(kind), dict(data)]:
                yield kind, data


def _seconds(messages: Mapping[str, Mapping[str, Any]]) -> float | None:
    start = messages.get("execution_start", {}).get("timestamp")
    ends = (messages.get(f"execution_{how}", {}) for how in ("success", "error", "interrupted"))
    end = next((data["timestamp"] for data in ends if "timestamp" in data), None)
    return seconds_between(start, end)


def seconds_between(start_ms: object, end_ms: object) -> float | None:
    """Seconds between two of the server's timestamps (Unix ms); None where one is missing or they lie."""
    if isinstance(start_ms, int) and isinstance(end_ms, int) and 0 <= end_ms - start_ms < _LONGEST_RUN_MS:
        return (end_ms - start_ms) / 1000
    return None


def parse_outputs(
    outputs: Mapping[str, Any], display: Mapping[str, NodeId] | None = None
) -> tuple[Output, ...]:
    """Everything that nodes left, in order: whatever the key, an object with ``filename`` is a file.

    Keys say little (videos come under ``images``, custom packs add ``gifs``); strings under ``text``
    are kept. ``display`` names the graph's node for outputs of nodes that are not in the graph.
    """
    found: dict[Output, None] = {}
    for node_id, output in outputs.items():
        if not isinstance(output, dict):
            continue
        node = (display or {}).get(node_id, NodeId(node_id))
        flags = output.get("animated")
        animated = isinstance(flags, list) and any(flag is True for flag in flags)
        for key, value in output.items():
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, dict) and isinstance(item.get("filename"), str) and item["filename"]:
                    found[_file(node, item, animated)] = None
                elif key == "text" and isinstance(item, str):
                    found[OutputText(node, item)] = None
    return tuple(found)


def _file(node: NodeId, item: Mapping[str, Any], animated: bool) -> OutputFile:
    filename, subfolder, folder = item["filename"], item.get("subfolder"), item.get("type")
    return OutputFile(
        node,
        filename,
        subfolder if isinstance(subfolder, str) else "",
        folder if isinstance(folder, str) else "output",
        media_kind(filename, animated=animated),
    )
