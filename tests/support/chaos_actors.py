"""Those who take part when the bot is killed: it and its engine as processes, and a witness between them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.support.cli import COMMAND, environment
from tests.support.commands import unused_port
from tests.support.faults import FaultProxy, Forward, HangUp
from tests.support.nursery import Popen

DEADLINE_SECONDS = 120.0


class Process:
    """``fairbrush …``, whose words go to files: a pipe would have to be read all the time."""

    def __init__(
        self, folder: Path, name: str, *arguments: str, command: Sequence[str] = COMMAND, **env: str
    ) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = Popen(
                [*command, *arguments],
                cwd=folder,
                env=environment(**env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def complained(self) -> str:
        return self._err.read_text(encoding="utf-8", errors="replace")

    async def until_it_says(self, word: str) -> bool:
        """False when it ended without saying so."""
        await until(lambda: word in self.said or self._process.poll() is not None, f"{word}: {self._out}")
        return word in self.said

    def kill(self) -> None:
        self._process.kill()

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def ended(self) -> int:
        await until(lambda: self._process.poll() is not None, f"the end of {self._out}")
        assert self._process.returncode is not None
        return self._process.returncode


async def until(condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Poll until ``condition`` holds. Raises AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        await asyncio.sleep(0.02)


class Witness:
    """Stands between the bot and an engine apart, and notes every graph that is posted."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.posted: list[str] = []
        self.seen = asyncio.Event()
        self.swallow = False
        """Whether the next POST is taken and never handed on: its sender is about to be killed."""
        self._proxy = proxy
        proxy.on("POST", "/prompt", self._note)

    @property
    def url(self) -> str:
        return self._proxy.url

    async def _note(self, request: web.Request, forward: Forward) -> web.StreamResponse:
        prompt_id = (await request.json())["prompt_id"]
        if self.swallow:
            self.seen.set()
            raise HangUp
        reply = await forward()
        self.posted.append(prompt_id)
        self.seen.set()
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


class Engine:
    """The sketch engine in a process of its own, always on the same port."""

    def __init__(self, folder: Path, name: str, pace: float) -> None:
        self.name = name
        self._folder, self._pace = folder, pace
        self._port = unused_port()
        self._lives = 0
        self.url = f"http://127.0.0.1:{self._port}"
        self.process: Process | None = None

    async def start(self) -> None:
        self._lives += 1
        arguments = ("--port", str(self._port), "--pace", str(self._pace), "--data-dir", self.name)
        self.process = Process(self._folder, f"{self.name}-{self._lives}", "engine", *arguments)
        assert await self.process.until_it_says("http"), self.process.complained

    async def kill(self) -> None:
        if self.process is not None and self.process.alive:
            self.process.kill()
            await self.process.ended()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    @property
    def lived(self) -> bool:
        """All the time."""
        return self._lives == 1

    async def painted(self) -> list[str]:
        """Prompt ids in its history that came to a good end."""
        history = await self._get("history")
        return [prompt_id for prompt_id, entry in history.items() if entry["status"]["completed"]]

    async def queued(self) -> list[str]:
        """Prompt ids that run or wait there."""
        queue = await self._get("queue")
        return [item[1] for items in queue.values() for item in items]

    async def _get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/{path}") as answer:
            return await answer.json()
