"""The life of a sketch engine: start, serve, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sketch.app import Parts, build_app
from bot.sketch.executor import Executor
from bot.sketch.files import Folders
from bot.sketch.history import History
from bot.sketch.models import SKETCH_MODELS
from bot.sketch.nodes.declare import NodeClass
from bot.sketch.promptqueue import PromptQueue
from bot.sketch.prompts import PromptDesk
from bot.sketch.registry import Registry, core_nodes
from bot.sketch.routes.info import features
from bot.sketch.settings import EngineSettings, unix_ms
from bot.sketch.sockets import Hub, HubOutbox
from bot.sketch.worker import Worker

_SHUTDOWN_SECONDS = 2.0


class SketchEngine:
    """A ComfyUI-compatible server inside this process, painting procedural pictures.

    ::

        async with SketchEngine(data_dir, EngineSettings()) as engine:
            ...  # talk to engine.url

    Painting happens in one thread; the event loop never waits for it. Queue, history and node cache live
    as long as the engine; output files stay, and go on being numbered. ``nodes`` are further node classes;
    ``models`` replaces the model files that the engine says it has.

    Entering raises OSError where ``data_dir`` cannot be written or the port is taken. Leaving stops a
    running prompt at its next step.
    """

    def __init__(
        self,
        data_dir: Path | str,
        settings: EngineSettings | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        nodes: Iterable[NodeClass] = (),
        models: Mapping[str, Sequence[str]] = SKETCH_MODELS,
        clock: Callable[[], int] = unix_ms,
    ) -> None:
        self.settings = settings or EngineSettings()
        self._folders = Folders(Path(data_dir), models)
        self._registry = Registry((*core_nodes(), *nodes))
        self._clock = clock
        self._host = host
        self._port = port
        self._url = ""
        self._stop = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Base address without a trailing slash; known once the engine runs."""
        return self._url

    async def __aenter__(self) -> Self:
        self._folders.prepare()
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop.clear()
        self._life = asyncio.create_task(self._live(started), name="sketch-engine")
        try:
            await asyncio.wait({started, self._life}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait({self._life})
            raise
        if self._life.done():
            await self._life
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._life is not None
        self._stop.set()
        await self._life

    async def _live(self, started: asyncio.Future[None]) -> None:
        """Everything that runs, in one task group, from open port to closed."""
        loop = asyncio.get_running_loop()
        queue = PromptQueue(lambda: hub.post_status())
        hub = Hub(features(self.settings), lambda: queue.remaining)
        history = History(self.settings.history_size)
        executor = Executor(self._registry, self._folders, self.settings, HubOutbox(hub, loop), self._clock)
        worker = Worker(queue, history, hub, executor)
        desk = PromptDesk(self._registry, self._folders, self._clock)
        app = build_app(
            Parts(self.settings, self._folders, self._registry, desk, queue, history, hub, worker, executor)
        )
        app.on_shutdown.append(lambda _: hub.close())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
            self._url = _url(self._host, runner.addresses[0][1])
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(worker.run(), name="sketch-worker"),
                    tasks.create_task(hub.deliver(), name="sketch-sender"),
                ]
                started.set_result(None)
                await self._stop.wait()
                for task in running:
                    task.cancel()
        finally:
            await runner.cleanup()


def _url(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


async def serve(
    data_dir: Path | str,
    settings: EngineSettings | None = None,
    host: str = "127.0.0.1",
    port: int = 8188,
    *,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run an engine until cancelled. ``ready`` is called once with its address. Raises OSError."""
    async with SketchEngine(data_dir, settings, host, port) as engine:
        if ready is not None:
            ready(engine.url)
        await asyncio.Event().wait()
