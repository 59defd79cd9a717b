"""Each ComfyUI server: whether it answers as one, with what, and how fast if that is asked for."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp

from bot.app import Opened, configured_server, open_backend
from bot.cli.checks import speed
from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Row, Status
from bot.cli.interruption import Interruption
from bot.comfy.client import ComfyClient, Device, SystemStats
from bot.config import Settings
from bot.domain.errors import AuthenticationFailed, FairbrushError, ProtocolError
from bot.domain.ids import ServerName
from bot.templates.catalogue import Catalogue

SECONDS = 25.0
"""For all that one server is asked, its pictures apart: a catalogue of 10 MB over a slow line included."""
WEBSOCKET_SECONDS = 5.0
_GB = 1024**3
_LOOK_BYTES = 64 * 1024
_LOGIN = re.compile(rb'type=["\']?password|\blog ?in\b|sign ?in\b|single sign', re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HEADER = 'headers = { Authorization = "Bearer …" } below its [[comfyui]]'


@dataclass(frozen=True, slots=True)
class Server:
    """What was found. ``catalogue`` is None for one that gave none."""

    name: ServerName
    rows: tuple[Row, ...]
    catalogue: Catalogue | None = None
    embedded: bool = False


async def look(
    settings: Settings,
    comfyui: str | None,
    interruption: Interruption,
    questions: Questions,
    *,
    run: bool = False,
) -> list[Server]:
    """All that are configured, at the same time; the one named ``comfyui``; or the built-in engine."""
    each = [settings.model_copy(update={"comfyui": (server,)}) for server in settings.comfyui]
    if comfyui is not None or not each:
        each = [settings]
    looks = (_look(only, comfyui, interruption, questions, run=run) for only in each)
    return list(await asyncio.gather(*looks))


async def _look(
    settings: Settings, comfyui: str | None, interruption: Interruption, questions: Questions, *, run: bool
) -> Server:
    server = configured_server(settings, comfyui)
    name = ServerName(server.name if server else "engine")
    subject = f"server {server.name}" if server else "server"
    found: list[Row] = []
    catalogue: Catalogue | None = None

    def say(status: Status, message: str) -> None:
        found.append(Row(status, "servers", subject, message))

    async with AsyncExitStack() as stack:
        try:
            scratch = interruption.scratch_folder
            opened = await stack.enter_async_context(open_backend(settings, comfyui, scratch=scratch))
            try:
                async with asyncio.timeout(SECONDS):
                    say(*await _described(opened))
                    catalogue = await opened.backend.catalogue()
                    if not await opened.backend.session.first_try(WEBSOCKET_SECONDS):
                        say(
                            "warning",
                            "Its websocket (/ws) cannot be opened: pictures come, live progress does not. A "
                            "proxy in front must pass websockets on.",
                        )
                    if not opened.embedded:
                        await _clock(opened, questions)
            except TimeoutError:
                say("problem", f"It did not answer all questions within {SECONDS:g} s. Is it overloaded?")
            if run and catalogue is not None:
                for status, message in await speed.tried(opened.backend, settings, catalogue):
                    say(status, message)
        except FairbrushError as error:
            configured = bool(server and server.headers)
            say("problem", await explained(error, opened.backend.client, configured=configured))
    return Server(name, tuple(found), catalogue, embedded=server is None)


async def _described(opened: Opened) -> tuple[Status, str]:
    if opened.embedded:
        return (
            "warning",
            (
                "No ComfyUI server is configured: the built-in engine paints sketches. Name yours below "
                "[[comfyui]] in config.toml, or with --comfyui URL."
            ),
        )
    stats = await opened.backend.system_stats()
    words = described(stats, opened.url)
    if _is_slow(stats):
        return (
            "warning",
            (
                f"{words}. It uses no graphics card: pictures take minutes. Start it without --cpu, with a "
                "PyTorch for your card."
            ),
        )
    return "ok", words


def described(stats: SystemStats, url: str) -> str:
    devices = "; ".join(map(_device, stats.devices)) or "no device named"
    return f"ComfyUI {stats.version or 'of unknown version'} at {url}: {devices}"


def _device(device: Device) -> str:
    if device.type == "cpu" and not device.vram_total:
        return device.name or "cpu"
    total, free = device.vram_total / _GB, device.vram_free / _GB
    kind = "memory" if device.type == "cpu" else "VRAM"
    return f"{device.name}, {total:.1f} GB of {kind}, {free:.1f} GB free"


def _is_slow(stats: SystemStats) -> bool:
    # The sketch engine needs no card, and says what it is.
    return (
        bool(stats.devices) and all(d.type == "cpu" for d in stats.devices) and "sketch" not in stats.version
    )


async def _clock(opened: Opened, questions: Questions) -> None:
    """Its answers have a date; only another machine's says something about this one's clock."""
    client = opened.backend.client
    if client.base.host in ("127.0.0.1", "localhost", "::1"):
        return
    try:
        before = questions.now()
        async with client.http.get(client.base / "queue", allow_redirects=False) as answer:
            questions.compare(answer, before)
    except (aiohttp.ClientError, OSError):
        return


async def explained(error: FairbrushError, client: ComfyClient, *, configured: bool) -> str:
    """The error, and more where a login page stands in front: those come in many forms. ``configured``: there
    are headers for it."""
    said = str(error)
    if isinstance(error, AuthenticationFailed):
        if configured:
            return f"{said} The headers that are configured for it are not accepted."
        return said if "headers = " in said else f"{said} For example:  {_HEADER}"
    if isinstance(error, ProtocolError) and (page := await _page(client)) is not None:
        return page
    return said


async def _page(client: ComfyClient) -> str | None:
    """What a web page in the place of ComfyUI's answer is; None if there is none."""
    try:
        async with client.http.get(client.base / "system_stats", allow_redirects=False) as answer:
            if answer.content_type != "text/html":
                return None
            body = await answer.content.read(_LOOK_BYTES)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    title = _TITLE.search(body.decode("utf-8", "replace"))
    named = f" (“{' '.join(title[1].split())[:80]}”)" if title and title[1].strip() else ""
    if _LOGIN.search(body):
        return (
            f"A login page{named} answers at {client.base}, not ComfyUI. Give the bot what it needs to get "
            f"past it:  {_HEADER}"
        )
    return (
        f"A web page{named} answers at {client.base}, not ComfyUI's programming interface. Check the address "
        f"and its path; if the page asks for a login, give a header:  {_HEADER}"
    )
