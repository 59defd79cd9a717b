"""ComfyUI's websocket frames as typed messages. Pure.

:func:`parse_text` and :func:`parse_binary` never raise, whatever arrives: what nobody knows becomes
:class:`Unknown` and is counted by the caller. Layouts as observed on 0.3.64 to 0.33.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.ids import NodeId, PromptId

FEATURE_FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
"""Must be the first JSON that a client sends; then previews say which prompt they belong to."""

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
_IMAGE_TYPES = {1: "image/jpeg", 2: "image/png"}
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n", "image/png"), (b"RIFF", "image/webp"))


@dataclass(frozen=True, slots=True)
class Status:
    """The length of the whole server's queue, everybody's prompts counted. ``sid`` only in the first."""

    queue_remaining: int
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    flags: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    prompt_id: PromptId
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    prompt_id: PromptId
    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Executing:
    """A node begins. ``prompt_id`` is None in the one that a server sends on reconnect."""

    prompt_id: PromptId | None
    node: NodeId
    display_node: NodeId


@dataclass(frozen=True, slots=True)
class EndMark:
    """``executing`` with node null: the last message of every run, however it ended."""

    prompt_id: PromptId


@dataclass(frozen=True, slots=True)
class NodeProgress:
    node: NodeId
    display_node: NodeId
    value: float
    max: float
    finished: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Steps of nodes of one prompt: one node (``progress``) or all touched so far (``progress_state``)."""

    prompt_id: PromptId
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    prompt_id: PromptId
    node: NodeId
    display_node: NodeId
    output: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ExecutionSuccess:
    prompt_id: PromptId
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class ExecutionError:
    prompt_id: PromptId
    node: NodeId
    class_type: str
    exception_type: str
    message: str
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class ExecutionInterrupted:
    prompt_id: PromptId
    node: NodeId
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class PreviewFrame:
    """A preview picture. Without metadata a frame says neither prompt nor node."""

    image: bytes
    mime: str
    prompt_id: PromptId | None = None
    node: NodeId | None = None


@dataclass(frozen=True, slots=True)
class ProgressText:
    """A node's own words; carries no prompt id and goes to every client."""

    node: NodeId
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that this client does not know, or that is damaged. ``what`` is short and for counting."""

    what: str


RunMessage = (
    ExecutionStart
    | ExecutionCached
    | Executing
    | EndMark
    | Progress
    | Executed
    | ExecutionSuccess
    | ExecutionError
    | ExecutionInterrupted
)
Message = RunMessage | Status | FeatureFlags | PreviewFrame | ProgressText | Unknown


class _Malformed(Exception):
    """A field is missing or of the wrong form; stays inside this module."""


def parse_text(text: str) -> Message:
    """One JSON frame. Never raises."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return Unknown("not JSON")
    kind = frame.get("type") if isinstance(frame, dict) else None
    if not isinstance(kind, str):
        return Unknown("no type")
    parse = _PARSERS.get(kind)
    if parse is None:
        return Unknown(kind[:40])
    data = frame.get("data")
    if not isinstance(data, dict):
        return Unknown(f"{kind} without data")
    try:
        return parse(data)
    except _Malformed as malformed:
        return Unknown(f"{kind}: {malformed}")


def parse_binary(frame: bytes) -> Message:
    """One binary frame. Never raises."""
    event = _uint(frame, 0)
    if event == PREVIEW:
        image = frame[8:]
        mime = _IMAGE_TYPES.get(_uint(frame, 4) or 0) or _sniff(image)
        return PreviewFrame(image, mime) if image and mime else Unknown("preview frame")
    if event == PREVIEW_WITH_METADATA:
        return _preview_with_metadata(frame)
    if event == TEXT:
        length = _uint(frame, 4)
        if length is None or len(frame) < 8 + length:
            return Unknown("text frame")
        node = frame[8 : 8 + length].decode("utf-8", "replace")
        return ProgressText(NodeId(node), frame[8 + length :].decode("utf-8", "replace"))
    return Unknown("empty frame" if event is None else f"binary event {event}")


def _preview_with_metadata(frame: bytes) -> Message:
    length = _uint(frame, 4)
    if length is None or len(frame) <= 8 + length:
        return Unknown("preview frame")
    try:
        metadata = json.loads(frame[8 : 8 + length])
    except (ValueError, RecursionError):
        return Unknown("preview metadata")
    if not isinstance(metadata, dict):
        return Unknown("preview metadata")
    image = frame[8 + length :]
    told = metadata.get("image_type")
    mime = told if told in _IMAGE_TYPES.values() else _sniff(image)
    prompt_id, node = metadata.get("prompt_id"), metadata.get("node_id")
    if not mime or not isinstance(prompt_id, str):
        return Unknown("preview metadata")
    return PreviewFrame(image, mime, PromptId(prompt_id), NodeId(node) if isinstance(node, str) else None)


def _uint(frame: bytes, offset: int) -> int | None:
    return int.from_bytes(frame[offset : offset + 4], "big") if len(frame) >= offset + 4 else None


def _sniff(image: bytes) -> str:
    return next((mime for magic, mime in _MAGIC if image.startswith(magic)), "")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise _Malformed(key)
    return value


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key)
    # NaN and infinities are legal in Python's JSON and would poison a fraction.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise _Malformed(key)
    return float(value)


def _prompt_id(data: Mapping[str, Any]) -> PromptId:
    return PromptId(_text(data, "prompt_id"))


def _display(data: Mapping[str, Any], key: str, node: NodeId) -> NodeId:
    """The node to show for ``node``, which may have come into being only while the graph ran."""
    display = data.get(key)
    return NodeId(display) if isinstance(display, str) else node


def _timestamp(data: Mapping[str, Any]) -> int | None:
    value = data.get("timestamp")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _status(data: Mapping[str, Any]) -> Message:
    status = data.get("status")
    info = status.get("exec_info") if isinstance(status, dict) else None
    if not isinstance(info, dict):
        raise _Malformed("exec_info")
    sid = data.get("sid")
    return Status(int(_number(info, "queue_remaining")), sid if isinstance(sid, str) else None)


def _executing(data: Mapping[str, Any]) -> Message:
    if data.get("node") is None:
        return EndMark(_prompt_id(data))
    node, prompt_id = NodeId(_text(data, "node")), data.get("prompt_id")
    return Executing(
        PromptId(prompt_id) if isinstance(prompt_id, str) else None,
        node,
        _display(data, "display_node", node),
    )


def _cached(data: Mapping[str, Any]) -> Message:
    nodes = data.get("nodes")
    listed = nodes if isinstance(nodes, list) else []
    return ExecutionCached(_prompt_id(data), tuple(NodeId(n) for n in listed if isinstance(n, str)))


def _progress(data: Mapping[str, Any]) -> Message:
    node = NodeId(_text(data, "node"))
    value, maximum = _number(data, "value"), _number(data, "max")
    return Progress(_prompt_id(data), (NodeProgress(node, node, value, maximum, finished=False),))


def _progress_state(data: Mapping[str, Any]) -> Message:
    nodes = data.get("nodes")
    if not isinstance(nodes, dict):
        raise _Malformed("nodes")
    states = []
    for node_id, raw in nodes.items():
        if not isinstance(raw, dict):
            raise _Malformed("nodes")
        states.append(
            NodeProgress(
                NodeId(node_id),
                _display(raw, "display_node_id", NodeId(node_id)),
                _number(raw, "value"),
                _number(raw, "max"),
                finished=raw.get("state") == "finished",
            )
        )
    return Progress(_prompt_id(data), tuple(states))


def _executed(data: Mapping[str, Any]) -> Message:
    node, output = NodeId(_text(data, "node")), data.get("output")
    return Executed(
        _prompt_id(data),
        node,
        _display(data, "display_node", node),
        output if isinstance(output, dict) else None,
    )


def execution_error(data: Mapping[str, Any]) -> ExecutionError:
    """The data of ``execution_error``, which history keeps too. Absent words become empty."""

    def word(key: str) -> str:
        value = data.get(key)
        return value.strip() if isinstance(value, str) else ""

    return ExecutionError(
        PromptId(word("prompt_id")),
        NodeId(word("node_id")),
        word("node_type"),
        word("exception_type"),
        word("exception_message"),
        _timestamp(data),
    )


def _error(data: Mapping[str, Any]) -> Message:
    _prompt_id(data)
    return execution_error(data)


def _interrupted(data: Mapping[str, Any]) -> Message:
    node = data.get("node_id")
    return ExecutionInterrupted(
        _prompt_id(data), NodeId(node if isinstance(node, str) else ""), _timestamp(data)
    )


_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], Message]] = {
    "status": _status,
    "feature_flags": FeatureFlags,
    "execution_start": lambda d: ExecutionStart(_prompt_id(d), _timestamp(d)),
    "execution_cached": _cached,
    "executing": _executing,
    "progress": _progress,
    "progress_state": _progress_state,
    "executed": _executed,
    "execution_success": lambda d: ExecutionSuccess(_prompt_id(d), _timestamp(d)),
    "execution_error": _error,
    "execution_interrupted": _interrupted,
}
