"""ComfyUI over HTTP: one method a route, answers as types, every failure as one of our errors.

Nothing here retries or waits for a run; that is :mod:`bot.comfy.backend`'s.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from bot.comfy import failures
from bot.comfy.snapshots import HistoryEntry, QueueSnapshot, parse_history, parse_queue
from bot.comfy.transport import CHUNK_BYTES, FILE, LARGE, SMALL, Transport
from bot.domain.errors import ProtocolError
from bot.domain.ids import ClientId, NodeId, PromptId
from bot.domain.outputs import OutputFile
from bot.domain.text import Text
from bot.service.threads import in_thread
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph

FLUSH_BYTES = 1024 * 1024
"""Collected before the disk is asked: a picture is one write, a video stays out of memory."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The server took the graph. ``dropped`` are output nodes that did not validate and will not run."""

    number: float
    dropped: frozenset[NodeId]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it came: bytes on disk and the server's word for its type."""

    size: int
    mime: str


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    type: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True, slots=True)
class SystemStats:
    """``/system_stats``; sizes in bytes. Absent words are empty, absent sizes 0."""

    version: str
    python_version: str
    pytorch_version: str
    os: str
    devices: tuple[Device, ...]


class ComfyClient:
    """One server. Use as an async context manager, or call :meth:`close`.

    ``base_url`` may hold a path prefix; ``headers`` go with every request (authorisation behind a proxy).
    """

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str] | None = None, timeout_seconds: float = 30.0
    ) -> None:
        self._transport = Transport(base_url, headers or {}, timeout_seconds)

    @property
    def base(self) -> URL:
        """The server's address, ending in a slash."""
        return self._transport.base

    @property
    def http(self) -> aiohttp.ClientSession:
        """For the websocket, which shares headers and connections with the requests."""
        return self._transport.http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def submit(
        self,
        graph: Graph,
        prompt_id: PromptId,
        client_id: ClientId,
        *,
        extra_data: Mapping[str, Any] | None = None,
        catalogue: Callable[[], Awaitable[Catalogue | None]] | None = None,
    ) -> Submitted:
        """POST /prompt. Raises :class:`GraphRejected`.

        ``catalogue`` is asked when the server refuses, for the choices that its answer leaves out.
        """
        body = {
            "prompt": graph.to_api(),
            "prompt_id": prompt_id,
            "client_id": client_id,
            **({"extra_data": dict(extra_data)} if extra_data else {}),
        }
        async with self._transport.request(
            "POST", "prompt", json=body, statuses=(400,), times=LARGE
        ) as response:
            answer = await self._transport.json(response)
        if not isinstance(answer, dict):
            raise self._transport.not_comfy("an answer to /prompt that is no object")
        if response.status == HTTPStatus.BAD_REQUEST:
            if "error" not in answer and "node_errors" not in answer:
                raise self._transport.not_comfy(f"400 without an error: {list(answer)[:5]}")
            raise failures.rejected(answer, graph, await catalogue() if catalogue else None)
        if answer.get("prompt_id") != prompt_id:
            raise self._transport.not_comfy("an answer to /prompt without our prompt id")
        number = answer.get("number")
        return Submitted(float(number) if isinstance(number, int | float) else 0.0, _dropped(answer), answer)

    async def history(self, prompt_id: PromptId) -> HistoryEntry | None:
        """How the run ended; None while it has not (or is unknown)."""
        return parse_history(await self._get_json(f"history/{prompt_id}"), prompt_id)

    async def queue(self) -> QueueSnapshot:
        return parse_queue(await self._get_json("queue"))

    async def delete(self, prompt_id: PromptId) -> None:
        """Take a waiting prompt out of the queue. The server says nothing about whether it was there."""
        await self._post("queue", {"delete": [prompt_id]})

    async def interrupt(self, prompt_id: PromptId) -> None:
        """Stop this prompt if it is the one that runs; never whoever's happens to run."""
        await self._post("interrupt", {"prompt_id": prompt_id})

    async def free(self, *, unload_models: bool = True, drop_cache: bool = True) -> None:
        """Ask the server to free memory, which it does between prompts."""
        await self._post("free", {"unload_models": unload_models, "free_memory": drop_cache})

    async def system_stats(self) -> SystemStats:
        data = await self._get_json("system_stats")
        system, devices = (data.get(k) if isinstance(data, dict) else None for k in ("system", "devices"))
        if not isinstance(system, dict):
            raise self._transport.not_comfy("/system_stats without a system")
        listed = devices if isinstance(devices, list) else []
        return SystemStats(
            version=str(system.get("comfyui_version", "")),
            python_version=str(system.get("python_version", "")),
            pytorch_version=str(system.get("pytorch_version", "")),
            os=str(system.get("os", "")),
            devices=tuple(_device(device) for device in listed if isinstance(device, dict)),
        )

    async def object_info(self) -> dict[str, Any]:
        """The raw node catalogue, 1 to 10 MB."""
        data = await self._get_json("object_info", times=LARGE)
        if isinstance(data, dict):
            for described in data.values():
                if isinstance(described, dict) and "input" in described:
                    return data
        raise self._transport.not_comfy("an /object_info without a node class")

    async def upload_image(self, content: bytes, filename: str) -> str:
        """Put an input image on the server; returns the name by which a graph refers to it.

        ``filename`` must be plain ASCII of our making: the server keeps odd ones percent-encoded.
        """
        form = aiohttp.FormData()
        # As a stream: aiohttp warns of large bytes, which it would send in one piece.
        form.add_field(
            "image", io.BytesIO(content), filename=filename, content_type="application/octet-stream"
        )
        async with self._transport.request("POST", "upload/image", data=form, times=FILE) as response:
            answer = await self._transport.json(response)
        name = answer.get("name") if isinstance(answer, dict) else None
        if not isinstance(name, str) or not name:
            raise self._transport.not_comfy("an upload without a name")
        subfolder = answer.get("subfolder")
        return f"{subfolder}/{name}" if isinstance(subfolder, str) and subfolder else name

    async def download(self, file: OutputFile, target: Path) -> Download:
        """Stream one output to ``target`` (created, or emptied first); never whole in memory.

        Raises :class:`ServerUnreachable` when the stream breaks off, :class:`ProtocolError` when the file
        is gone, and OSError as the disk gives it. What was written so far stays for the caller to remove.
        """
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.folder}
        if any("\ud800" <= char <= "\udfff" for value in query.values() for char in value):
            raise ProtocolError(  # bytes that are no text; the server itself could not find it by this
                Text("The ComfyUI server gave the finished file a name that cannot be asked for."),
                cause=f"node {file.node}: {file.filename!r}",
            )
        async with self._transport.request(
            "GET", "view", params=query, statuses=(404,), times=FILE
        ) as response:
            if response.status == HTTPStatus.NOT_FOUND:
                raise ProtocolError(
                    Text("The ComfyUI server says that the finished file is gone. Paint it again."),
                    cause=f"/view 404 for node {file.node} in {file.folder}",
                )
            if response.content_type == "text/html":
                raise self._transport.not_comfy("a web page for /view")
            size, mode, waiting = 0, "wb", bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                waiting += chunk
                size += len(chunk)
                if len(waiting) >= FLUSH_BYTES:
                    await in_thread(_write, target, mode, waiting)
                    mode, waiting = "ab", bytearray()
            await in_thread(_write, target, mode, waiting)
            return Download(size, response.content_type)

    async def _get_json(self, path: str, *, times: int = SMALL) -> Any:
        async with self._transport.request("GET", path, times=times) as response:
            return await self._transport.json(response)

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        async with self._transport.request("POST", path, json=body):
            pass


def _write(target: Path, mode: str, content: bytes | bytearray) -> None:
    """Open, write, close: no file stays open between two chunks, whenever a download is cancelled."""
    with target.open(mode) as stream:
        stream.write(content)


def _dropped(answer: Mapping[str, Any]) -> frozenset[NodeId]:
    errors = answer.get("node_errors")
    return frozenset(
        NodeId(str(output))
        for raw in (errors.values() if isinstance(errors, dict) else ())
        if isinstance(raw, dict) and isinstance(raw.get("dependent_outputs"), list)
        for output in raw["dependent_outputs"]
    )


def _device(raw: Mapping[str, Any]) -> Device:
    def size(key: str) -> int:
        value = raw.get(key)
        return int(value) if isinstance(value, int | float) else 0

    return Device(str(raw.get("name", "")), str(raw.get("type", "")), size("vram_total"), size("vram_free"))
