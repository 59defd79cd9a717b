"""Plays a recorded session with a real server again, against the engine.

What the recorded client did (connect, close, send, HTTP requests) is done in the recorded order; slow
nodes are held exactly as far as the recording had got, so that each request meets the engine in the state
that the real server was in. What the sockets then receive and what the requests answer is compared,
normalised, with the recording.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.sketch import EngineSettings, SketchEngine
from tests.support.sketch_nodes import LAB_MODELS, Gate, lab_nodes

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
Message = dict[str, Any]


def load(name: str) -> list[Message]:
    """The log of the capture whose file name starts with ``name``."""
    (path,) = CAPTURES.glob(f"{name}*.json")
    log: list[Message] = json.loads(path.read_text(encoding="utf-8"))["log"]
    return log


@dataclass
class Session:
    """One side of the comparison: what sockets got and what requests were answered."""

    sockets: dict[str, list[Message]] = field(default_factory=dict)
    http: list[Message] = field(default_factory=list)


def session_of(log: list[Message]) -> Session:
    """The recorded side."""
    session = Session()
    for entry in log:
        if entry["kind"] == "ws_connect":
            session.sockets[entry["ws"]] = []
        elif entry["kind"] == "ws_in":
            session.sockets[entry["ws"]].append(entry["msg"])
        elif entry["kind"] == "ws_in_binary":
            session.sockets[entry["ws"]].append(_binary_of_record(entry))
        elif entry["kind"] == "http":
            session.http.append({"path": entry["path"], "status": entry["status"], "body": entry["body"]})
    return session


def _binary_of_record(entry: Message) -> Message:
    known = {key: entry[key] for key in ("metadata", "image_type", "node_id", "text") if key in entry}
    known["payload_magic"] = entry.get("payload_magic", "")[:6]
    return {"type": f"binary {entry['event_type']}", "data": known}


def _binary_of_frame(data: bytes) -> Message:
    event, second = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    known: Message = {}
    if event == 1:
        known, payload = {"image_type": second}, data[8:]
    elif event == 4:
        known, payload = {"metadata": json.loads(data[8 : 8 + second])}, data[8 + second :]
    else:
        name, text = data[8 : 8 + second].decode(), data[8 + second :].decode()
        known, payload = {"node_id": name, "text": text}, b""
    return {"type": f"binary {event}", "data": {**known, "payload_magic": payload[:3].hex()}}


class Replay:
    """A laboratory of its own: an engine with the lab's nodes, into which recordings are played."""

    def __init__(self, data_dir: Path, settings: EngineSettings | None = None) -> None:
        self._gate = Gate()
        self._engine = SketchEngine(data_dir, settings, nodes=lab_nodes(self._gate), models=LAB_MODELS)

    async def play(self, *names: str) -> Session:
        """Play the recordings one after another; what the last one brought is returned."""
        session = Session()
        # The engine leaves first: its farewell ends the sockets after everything it had sent.
        async with asyncio.TaskGroup() as readers, aiohttp.ClientSession() as http, self._engine as engine:
            for name in names:
                player = _Player(load(name), http, engine.url, readers, self._gate)
                session = await player.play()
                if name != names[-1]:
                    await player.close_sockets()
        return session


class _Player:
    def __init__(
        self,
        log: list[Message],
        http: aiohttp.ClientSession,
        base: str,
        readers: asyncio.TaskGroup,
        gate: Gate,
    ) -> None:
        self._log = log
        self._http = http
        self._base = base
        self._readers = readers
        self._gate = gate
        self._session = Session()
        self._open: dict[str, aiohttp.ClientWebSocketResponse] = {}
        self._news = asyncio.Condition()
        self._ids: dict[str, str] = {}
        self._seeds: dict[str, int] = {}
        self._sids: dict[str, str] = {}

    async def play(self) -> Session:
        actions = [i for i, entry in enumerate(self._log) if entry["kind"] in _ACTIONS]
        self._gate.blocked = True
        for index in actions:
            await self._catch_up(index)
            await getattr(self, f"_{_ACTIONS[self._log[index]['kind']]}")(self._log[index])
            if self._log[index].get("path") == "/interrupt":
                self._gate.blocked = False
        self._gate.blocked = False
        for seed in self._seeds.values():
            self._gate.limit(seed, None)
        await self._settle()
        return self._session

    async def close_sockets(self) -> None:
        for socket in self._open.values():
            await socket.close()

    async def _catch_up(self, index: int) -> None:
        """Hold the samplers where the recording has them at this entry, and wait for what was seen by then.

        A request is recorded when its answer was read, so ``status`` messages that it caused may stand
        before it: those of the last moments are not waited for.
        """
        entry = self._log[index]
        for prompt_id, seed in self._seeds.items():
            allowed = self._allowed(prompt_id, index)
            self._gate.limit(seed, allowed)
            if entry["kind"] == "ws_connect" and allowed:
                await asyncio.to_thread(self._gate.wait_reached, seed, allowed)
        if entry["kind"] == "ws_connect":
            await self._same_queue(index)
        for name in self._open:
            wanted = [
                seen
                for seen in self._log[:index]
                if seen["kind"] in ("ws_in", "ws_in_binary")
                and seen["ws"] == name
                and (_kind(seen) != "status" or seen["t"] < entry["t"] - _CAUSED_SECONDS)
            ]
            statuses = sum(_kind(seen) == "status" for seen in wanted)
            others = len(wanted) - statuses
            async with self._news, asyncio.timeout(10):
                await self._news.wait_for(partial(self._has, name, statuses, others))

    def _has(self, name: str, statuses: int, others: int) -> bool:
        got = [message["type"] == "status" for message in self._session.sockets[name]]
        return sum(got) >= statuses and len(got) - sum(got) >= others

    async def _same_queue(self, index: int) -> None:
        """A socket is told the length of the queue first: wait until it is as recorded."""
        name = self._log[index]["ws"]
        greeting = next(e for e in self._log[index:] if e["kind"] == "ws_in" and e["ws"] == name)
        async with asyncio.timeout(10):
            while (
                await self._remaining() != greeting["msg"]["data"]["status"]["exec_info"]["queue_remaining"]
            ):
                pass

    async def _remaining(self) -> int:
        answer = await (await self._http.get(f"{self._base}/prompt")).json()
        return int(answer["exec_info"]["queue_remaining"])

    def _allowed(self, prompt_id: str, index: int) -> int | None:
        """How many steps of the prompt the recording had got to at this entry; None: it had ended.

        Before a socket is connected steps pass unseen: up to the one before the next that was seen.
        """
        if any(_ends(entry, prompt_id) for entry in self._log[:index]):
            return None
        upcoming = next((step for entry in self._log[index:] if (step := _progress(entry, prompt_id))), None)
        if self._log[index]["kind"] == "ws_connect" and upcoming is not None:
            return upcoming - 1
        return max((_progress(entry, prompt_id) or 0 for entry in self._log[:index]), default=0)

    async def _connect(self, entry: Message) -> None:
        url = urlsplit(entry["url"])
        name = entry["ws"]
        socket = await self._http.ws_connect(f"{self._base}{url.path}?{url.query}", max_msg_size=0)
        self._open[name] = socket
        self._session.sockets[name] = []
        self._readers.create_task(self._read(name, socket))

    async def _read(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                message = _binary_of_frame(frame.data)
            else:
                message = json.loads(frame.data)
            async with self._news:
                self._session.sockets[name].append(message)
                self._news.notify_all()

    async def _close(self, entry: Message) -> None:
        socket = self._open.pop(entry["ws"])
        await socket.close()

    async def _send(self, entry: Message) -> None:
        await self._open[entry["ws"]].send_json(entry["msg"])

    async def _request(self, entry: Message) -> None:
        body, data = entry.get("request_json", entry.get("json")), entry.get("request_data")
        if body is not None:
            data = json.dumps(self._ours(body))
        if entry["path"] == "/prompt" and isinstance(body, dict):
            self._hold(body, entry)
        path = self._ours(entry["path"])
        params = entry.get("request_params")
        async with self._http.request(
            entry["method"], self._base + path, data=data, params=params
        ) as response:
            raw = await response.read()
            answer: Any = raw.decode()
            if response.content_type == "application/json":
                answer = json.loads(raw)
        if entry["path"] == "/prompt" and entry["status"] == 200 and entry["method"] == "POST":
            self._ids[entry["body"]["prompt_id"]] = answer["prompt_id"]
        self._session.http.append({"path": path, "status": response.status, "body": answer})

    def _hold(self, body: Message, entry: Message) -> None:
        """Nothing of a new prompt runs further than the recording has it."""
        for node in body["prompt"].values():
            if node.get("class_type") == "SlowSampler":
                self._gate.limit(node["inputs"]["seed"], 0)
                self._seeds[entry["body"]["prompt_id"]] = node["inputs"]["seed"]

    def _ours(self, value: Any) -> Any:
        """Recorded ids replaced by those that the engine gave."""
        if isinstance(value, str):
            for theirs, ours in (*self._ids.items(), *self._sids_now().items()):
                value = value.replace(theirs, ours)
            return value
        if isinstance(value, dict):
            return {key: self._ours(inner) for key, inner in value.items()}
        return [self._ours(inner) for inner in value] if isinstance(value, list) else value

    def _sids_now(self) -> dict[str, str]:
        """Recorded and own sids of sockets that got one from the server."""
        recorded = session_of(self._log).sockets
        pairs = {}
        for name, messages in self._session.sockets.items():
            if messages and recorded[name]:
                pairs[recorded[name][0]["data"].get("sid", name)] = messages[0]["data"].get("sid", name)
        return pairs

    async def _settle(self) -> None:
        """Until the engine is idle and has sent everything."""
        async with asyncio.timeout(10):
            while await self._remaining():
                pass
            async with self._http.ws_connect(f"{self._base}/ws?clientId=replay-probe") as probe:
                await probe.receive_json()
                await probe.send_json({"type": "feature_flags", "data": {}})
                while (await probe.receive_json())["type"] != "feature_flags":
                    pass


_ACTIONS = {"ws_connect": "connect", "closed_by_client": "close", "ws_out": "send", "http": "request"}


_CAUSED_SECONDS = 0.05


def _kind(entry: Message) -> str:
    return str(entry["msg"]["type"]) if entry["kind"] == "ws_in" else "binary"


def _progress(entry: Message, prompt_id: str) -> int | None:
    message = entry.get("msg", {})
    if message.get("type") == "progress" and message["data"]["prompt_id"] == prompt_id:
        return int(message["data"]["value"])
    return None


def _ends(entry: Message, prompt_id: str) -> bool:
    message = entry.get("msg", {})
    ends = ("execution_success", "execution_error", "execution_interrupted")
    if message.get("type") == "executing" and message["data"]["node"] is None:
        return bool(message["data"]["prompt_id"] == prompt_id)
    return message.get("type") in ends and bool(message["data"]["prompt_id"] == prompt_id)


class Normaliser:
    """Makes two sessions comparable: ids, times, file numbers, queue numbers, tracebacks."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._first: dict[str, int] = {}

    def session(self, session: Session) -> Session:
        done = Session()
        for answer in session.http:
            done.http.append(self._value(answer))
        for name, messages in session.sockets.items():
            done.sockets[name] = [self._value(message) for message in messages]
        return done

    def _value(self, value: Any, key: str = "") -> Any:
        if key in ("timestamp", "create_time", "execution_start_time", "execution_end_time"):
            assert isinstance(value, int)
            assert value > 1_500_000_000_000
            return "time"
        if key == "traceback":
            assert all(isinstance(line, str) for line in value)
            return "traceback"
        if key == "current_outputs":
            return sorted(value)
        if key == "sid" and re.fullmatch(r"[0-9a-f]{32}", value):
            return "minted sid"
        if key in ("number", "priority") and isinstance(value, int):
            return self._number(value)
        if isinstance(value, dict):
            return {self._text(name): self._value(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            if len(value) >= 2 and isinstance(value[0], int) and _is_uuid(value[1]):
                return [self._number(value[0]), *(self._value(inner) for inner in value[1:])]
            return [self._value(inner) for inner in value]
        if value == "<0 bytes>":
            return ""
        return self._text(value) if isinstance(value, str) else value

    def _number(self, number: int) -> int:
        """Counter values relative to the first one; the sign of front prompts stays."""
        base = self._first.setdefault("number", abs(number))
        return (abs(number) - base) * (1 if number >= 0 else -1)

    def _text(self, text: str) -> str:
        text = re.sub(r"ComfyUI_temp_[a-z]{5}_", "ComfyUI_temp_", text)
        text = re.sub(r"^(.*)_(\d{5})(_?\.\w+)$", self._file, text)
        return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b", self._id, text)

    def _file(self, match: re.Match[str]) -> str:
        prefix, number, rest = match.groups()
        base = self._first.setdefault(prefix, int(number))
        return f"{prefix}_+{int(number) - base}{rest}"

    def _id(self, match: re.Match[str]) -> str:
        return self._names.setdefault(match[0], f"id{len(self._names) + 1}")


def like(recorded: Any, ours: Any) -> Any:
    """``ours`` cut down to what a shortened recording has: fewer keys, and queue items without graphs."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return {key: like(recorded[key], ours[key]) for key in recorded if key in ours}
    if isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) == 2 and len(ours) == 5:
            return ours[:2]
        if len(recorded) == len(ours):
            return [like(theirs, own) for theirs, own in zip(recorded, ours, strict=True)]
    return ours


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and bool(
        re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)
    )
