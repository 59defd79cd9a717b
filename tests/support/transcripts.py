"""Recorded transcripts of real servers (``tests/data/captures``), read for replaying.

Binary frames are described in the recordings, not stored: they are rebuilt with the recorded length and
first bytes, and zeros for the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.comfy import protocol as wire
from bot.domain.ids import PromptId
from bot.templates.graph import Graph, parse_export

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.json"))
VALIDATION_NAMES = sorted(path.stem for path in (CAPTURES / "validation").glob("*.json"))


@dataclass(frozen=True)
class Posted:
    """A prompt that the server accepted, in the order of posting."""

    prompt_id: PromptId
    client_id: str | None
    graph: Graph


@dataclass(frozen=True)
class Frame:
    """One websocket frame as it came, text or bytes."""

    payload: str | bytes

    @property
    def message(self) -> wire.Message:
        return (
            wire.parse_text(self.payload)
            if isinstance(self.payload, str)
            else wire.parse_binary(self.payload)
        )


@dataclass(frozen=True)
class Closed:
    """The socket went."""


@dataclass(frozen=True)
class Looked:
    """Somebody asked the server: ``path`` is ``/queue`` or ``/history/…``, ``body`` the JSON answer."""

    path: str
    body: Any


Step = Frame | Closed | Looked


@dataclass(frozen=True)
class Transcript:
    name: str
    log: tuple[dict[str, Any], ...]

    def posted(self) -> list[Posted]:
        """The accepted prompts, each id once."""
        found: dict[str, Posted] = {}
        for entry in self._http("POST", "/prompt"):
            request, body = entry.get("json") or entry.get("request_json"), entry["body"]
            if entry["status"] == 200 and isinstance(request, dict):
                prompt_id = body["prompt_id"]
                client_id = request.get("client_id")
                graph = parse_export(request["prompt"])
                found.setdefault(
                    prompt_id,
                    Posted(PromptId(prompt_id), client_id if isinstance(client_id, str) else None, graph),
                )
        return list(found.values())

    def rejections(self) -> list[tuple[Graph, dict[str, Any]]]:
        """Graphs that were refused with a JSON body (or accepted in part), and that body."""
        return [
            (parse_export((entry.get("json") or entry["request_json"])["prompt"]), entry["body"])
            for entry in self._http("POST", "/prompt")
            if isinstance(entry["body"], dict)
            and (entry["status"] == 400 or (entry["status"] == 200 and entry["body"].get("node_errors")))
        ]

    def steps(self, client_id: str | None) -> Iterator[Step]:
        """What the client ``client_id`` heard on all its sockets, and what anybody asked over HTTP.

        Without an id: what the first socket heard.
        """
        sockets = self._sockets(client_id)
        for entry in self.log:
            mine = entry.get("ws") in sockets
            match entry["kind"]:
                case "ws_in" if mine:
                    yield Frame(json.dumps(entry["msg"]))
                case "ws_in_binary" if mine:
                    yield Frame(rebuilt_frame(entry))
                case "ws_closed" if mine:
                    yield Closed()
                case "http" if entry["method"] == "GET":
                    path = entry["path"].removeprefix("/api")
                    if path == "/queue" or path.startswith("/history/"):
                        yield Looked(path, entry["body"])

    def raw_messages(self) -> Iterator[dict[str, Any]]:
        for entry in self.log:
            if entry["kind"] == "ws_in":
                yield entry["msg"]

    def _http(self, method: str, path: str) -> Iterator[dict[str, Any]]:
        for entry in self.log:
            if (
                entry["kind"] == "http"
                and entry["method"] == method
                and entry["path"] in (path, f"/api{path}")
            ):
                yield entry

    def _sockets(self, client_id: str | None) -> set[str]:
        sockets: dict[str, str] = {}
        for entry in self.log:
            if entry["kind"] == "ws_connect":
                sockets[entry["ws"]] = parse_qs(urlsplit(entry["url"]).query).get("clientId", [""])[0]
            elif entry["kind"] == "ws_in" and "sid" in entry["msg"].get("data", {}):
                sockets[entry["ws"]] = entry["msg"]["data"]["sid"]
        if client_id is None:
            return set(list(sockets)[:1])
        return {name for name, client in sockets.items() if client == client_id}


def rebuilt_frame(entry: dict[str, Any]) -> bytes:
    """The bytes of a described binary frame: its header and metadata, then as many bytes as it had."""
    event = entry["event_type"].to_bytes(4, "big")
    if "text" in entry:
        node = entry["node_id"].encode()
        frame = event + len(node).to_bytes(4, "big") + node + entry["text"].encode()
    elif "metadata" in entry:
        metadata = json.dumps(entry["metadata"], separators=(",", ":")).encode()
        frame = event + len(metadata).to_bytes(4, "big") + metadata + bytes.fromhex(entry["payload_magic"])
    else:
        frame = bytes.fromhex(entry["first_16_hex"])
    return frame.ljust(entry["bytes"], b"\0")


@cache
def transcript(name: str) -> Transcript:
    """A recording by its stem, ``validation/…`` included."""
    data = json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    return Transcript(name, tuple(data["log"]))
