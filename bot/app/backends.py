"""Connected ComfyUI servers, or our own engine where none is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.comfy.watch import Patience
from bot.config import ComfyServer, Settings, check_url
from bot.domain.errors import OutputError
from bot.domain.text import Text

if TYPE_CHECKING:
    from bot.sketch import EngineSettings


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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes with the process. Raises OutputError where there is no place for one."""
    try:
        temporary = TemporaryDirectory(prefix="fairbrush-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _cannot_start(error) from error
    with temporary as name:
        yield Path(name)


@asynccontextmanager
async def open_backend(
    settings: Settings,
    url: str | None = None,
    *,
    engine: EngineSettings | None = None,
    scratch: Callable[[], AbstractContextManager[Path]] = temporary_folder,
) -> AsyncIterator[Opened]:
    """Connect to the configured server, or start the embedded engine when there is none.

    A configured server never falls back to the engine: a sketch must not pass for a picture.
    ``scratch`` makes the folder in which the engine keeps its files. Raises OutputError when the engine
    cannot start.
    """
    server = configured_server(settings, url)
    embedded = server is None
    async with AsyncExitStack() as stack:
        if server is None:
            folder = stack.enter_context(scratch())
            server = ComfyServer(name="sketch", url=await start_engine(stack, engine, folder))
        client = ComfyClient(server.url, headers=server.plain_headers())
        patience = Patience(no_life=settings.queue.job_timeout)
        backend = await stack.enter_async_context(ComfyBackend(client, name=server.name, patience=patience))
        yield Opened(backend, server.url, embedded)


async def start_engine(stack: AsyncExitStack, settings: EngineSettings | None, folder: Path) -> str:
    """Run the sketch engine as long as ``stack`` is open; its address. Raises OutputError."""
    # A server of one's own needs none of it, and it takes a while to load.
    from bot.sketch import EngineSettings, SketchEngine

    try:
        engine = await stack.enter_async_context(SketchEngine(folder, settings or EngineSettings()))
    except OSError as error:
        raise _cannot_start(error) from error
    return engine.url


def _cannot_start(error: OSError) -> OutputError:
    return OutputError(
        Text(
            "The built-in engine cannot start: {reason}. It needs a temporary folder that can be written "
            "(TMPDIR), and a free port on 127.0.0.1.",
            reason=error.strerror or error,
        ),
        cause=repr(error),
    )
