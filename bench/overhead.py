"""What the whole line costs per picture beyond the engine's own time, beside a bare aiohttp script.

Whole line: flags, template, bind, submit, websocket, history, download, file under its final name. Bare:
POST /prompt, wait on the websocket for the end, GET /view, write. Both on one engine in another process,
taking turns, each on connections that are already open.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp

from bench.support import milliseconds, report, server_process
from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import choose_template, plan
from bot.service.keep import Folder
from bot.service.painter import Painter
from bot.templates.loader import TemplateLibrary, shipped_folder
from bot.templates.sizes import Limits

PICTURES = 40
LINE = "a lighthouse at dusk --size 256x256 --steps 4 --template text-to-image"


async def whole_line(painter: Painter, library: TemplateLibrary) -> tuple[float, float]:
    """One picture; wall seconds and the engine's own."""
    start = time.perf_counter()
    ask = parse_line(LINE, SHELL)
    template = choose_template(library, ask)
    (request,) = plan(ask, template, limits=Limits(), draw=random.randint)
    (job,) = request.jobs()
    picture = await painter.paint(job, lambda _: None)
    taken = time.perf_counter() - start
    assert picture.server_seconds is not None
    return taken, picture.server_seconds


async def bare(
    http: aiohttp.ClientSession, url: str, graph: dict[str, Any], folder: Path
) -> tuple[float, float]:
    """The same by hand, without a single check."""
    client_id = uuid.uuid4().hex
    async with http.ws_connect(f"{url}/ws?clientId={client_id}") as socket:
        await socket.receive()
        start = time.perf_counter()
        body = {"prompt": graph, "client_id": client_id}
        async with http.post(f"{url}/prompt", json=body) as response:
            prompt_id = (await response.json())["prompt_id"]
        image: dict[str, str] = {}
        times: dict[str, int] = {}
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            data = message["data"]
            if data.get("prompt_id") != prompt_id:
                continue
            if "timestamp" in data:
                times[message["type"]] = data["timestamp"]
            if message["type"] == "executed":
                image = data["output"]["images"][0]
            if message["type"] == "executing" and data["node"] is None:
                break
        async with http.get(f"{url}/view", params=image) as response:
            (folder / image["filename"]).write_bytes(await response.read())
        taken = time.perf_counter() - start
    return taken, (times["execution_success"] - times["execution_start"]) / 1000


async def measure(url: str, folder: Path) -> None:
    async with ComfyBackend(ComfyClient(url)) as backend, aiohttp.ClientSession() as http:
        library = TemplateLibrary(shipped_folder(), await backend.catalogue())
        painter = Painter(backend, Folder(folder))
        template = library.get("text-to-image")
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(PICTURES + 2):
            taken, engine = await whole_line(painter, library)
            (request,) = plan(parse_line(LINE, SHELL), template, limits=Limits(), draw=random.randint)
            bare_taken, bare_engine = await bare(http, url, template.bind(request.values).to_api(), folder)
            if number >= 2:  # the first ones warm both up
                ours.append(taken - engine)
                theirs.append(bare_taken - bare_engine)
    line, script = statistics.median(ours), statistics.median(theirs)
    report(
        "overhead",
        "median <= 60 ms and <= 1.5 x the bare script",
        line <= 0.060 and line <= 1.5 * script,
        whole_line=milliseconds(ours),
        baseline_bare_script=milliseconds(theirs),
        ratio=round(line / script, 2),
    )


def main() -> None:
    with server_process("bot", "engine", "--port", "0") as url, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(url, Path(folder)))


if __name__ == "__main__":
    main()
