"""A bare client for tests of the sketch engine: one socket, one prompt at a time."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from PIL import Image

from bot.sketch import SketchEngine


@dataclass
class Ran:
    """What came of one prompt."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    entry: dict[str, Any] = field(default_factory=dict)

    @property
    def cached(self) -> list[str]:
        """Nodes that needed no run."""
        (message,) = self.of("execution_cached")
        nodes: list[str] = message["nodes"]
        return nodes

    @property
    def files(self) -> list[dict[str, str]]:
        """Every file shown, in order."""
        return [item for ui in self.entry["outputs"].values() for item in ui.get("images", [])]

    @property
    def error(self) -> dict[str, Any]:
        (message,) = self.of("execution_error")
        return message

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.messages if message["type"] == kind]

    def ran(self) -> list[str]:
        """Nodes in the order they were run."""
        return [data["node"] for data in self.of("executing") if data["node"] is not None]


class Client:
    def __init__(
        self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, sid: str
    ) -> None:
        self.http = http
        self.socket = socket
        self.sid = sid

    async def post(self, graph: dict[str, Any], **more: Any) -> tuple[int, Any]:
        body = {"prompt": graph, "client_id": self.sid, **more}
        async with self.http.post("/prompt", json=body) as response:
            raw = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(raw) if is_json else raw

    async def run(self, graph: dict[str, Any], **more: Any) -> Ran:
        """Submit a graph and follow it to its end."""
        status, answer = await self.post(graph, **more)
        assert status == 200, answer
        return await self.follow(answer["prompt_id"])

    async def follow(self, prompt_id: str) -> Ran:
        ran = Ran()
        async for frame in self.socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                ran.frames.append(frame.data)
                continue
            message = json.loads(frame.data)
            ran.messages.append(message)
            data = message["data"]
            if message["type"] == "executing" and data["node"] is None and data["prompt_id"] == prompt_id:
                break
        ran.entry = (await self.get(f"/history/{prompt_id}"))[prompt_id]
        return ran

    async def get(self, path: str, **params: str) -> Any:
        async with self.http.get(path, params=params) as response:
            return await response.json()

    async def bytes_of(self, item: dict[str, str]) -> bytes:
        async with self.http.get("/view", params=item) as response:
            assert response.status == 200
            return await response.read()

    async def picture(self, item: dict[str, str]) -> Image.Image:
        with Image.open(io.BytesIO(await self.bytes_of(item))) as image:
            image.load()
            return image


@asynccontextmanager
async def connected(engine: SketchEngine, client_id: str = "tester") -> AsyncIterator[Client]:
    async with (
        aiohttp.ClientSession(engine.url) as http,
        http.ws_connect(f"/ws?clientId={client_id}", max_msg_size=0) as socket,
    ):
        greeting = await socket.receive_json()
        yield Client(http, socket, greeting["data"]["sid"])


def text_to_image(**changes: Any) -> dict[str, Any]:
    """A small graph; ``changes`` are inputs of its nodes: ``seed``, ``text``, ``width``, ``ckpt_name``..."""
    negative = changes.pop("negative", "")
    graph: dict[str, Any] = {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sketch-xl.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse at dusk", "clip": ["4", 1]}},
        "7": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": negative, "clip": ["4", 1]},
        },
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
                "seed": 1,
                "steps": 4,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "t"}},
    }
    for name, value in changes.items():
        node = next(node for node in graph.values() if name in node["inputs"])
        node["inputs"][name] = value
    return graph
