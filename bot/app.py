"""Composition root: settings in, connected parts out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.comfy.watch import Patience
from bot.config import ComfyServer, Settings, check_url
from bot.sketch import EngineSettings, SketchEngine


@dataclass(frozen=True, slots=True)
class Opened:
    """A connected backend. ``embedded``: our own sketch engine, in this process, paints."""

    backend: ComfyBackend
    url: str
    embedded: bool


def configured_server(settings: Settings, url: str | None) -> ComfyServer | None:
    """The server to use: ``--comfyui URL``, else the first that the config names, else None.

    Raises :class:`bot.domain.errors.ConfigError` for an address that cannot be one.
    """
    if url is not None:
        return ComfyServer(name="comfyui", url=check_url(url))
    return settings.comfyui[0] if settings.comfyui else None


@asynccontextmanager
async def open_backend(
    settings: Settings,
    url: str | None = None,
    *,
    engine: EngineSettings | None = None,
    engine_data: Path | None = None,
) -> AsyncIterator[Opened]:
    """Connect to the configured server, or start the embedded engine when there is none.

    A configured server never falls back to the engine: a sketch must not pass for a picture.
    ``engine_data`` is where the engine keeps its files; without it they go with the process.
    """
    server = configured_server(settings, url)
    async with AsyncExitStack() as stack:
        if server is None:
            folder = engine_data or Path(
                stack.enter_context(TemporaryDirectory(prefix="fairbrush-", ignore_cleanup_errors=True))
            )
            sketch = await stack.enter_async_context(SketchEngine(folder, engine or EngineSettings()))
            server = ComfyServer(name="sketch", url=sketch.url)
        client = ComfyClient(server.url, headers=server.plain_headers())
        patience = Patience(no_life=settings.queue.job_timeout)
        backend = await stack.enter_async_context(ComfyBackend(client, name=server.name, patience=patience))
        yield Opened(backend, server.url, embedded=server.name == "sketch" and url is None)
