"""The work of ``fairbrush check``: rows of ok, warning and problem, each with what to do."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from bot.app import Opened, configured_server, open_backend
from bot.cli.common import FAILED, load, printable, put, put_json, put_styled
from bot.cli.interruption import Interruption
from bot.cli.reach import running_bot
from bot.cli.tokens import Status, front_ends
from bot.config import Settings, find_config
from bot.domain.errors import FairbrushError
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.service.keep import Folder
from bot.store import condition
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.loader import TemplateLibrary, shipped_folder

LOW_DISK_BYTES = 2 * 1024**3
"""Below this much free space the data folder is close to refusing pictures (about 1,000 large PNGs)."""

Scratch = Callable[[], AbstractContextManager[Path]]
_COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@dataclass(frozen=True, slots=True)
class Row:
    status: Status
    subject: str
    message: str


async def report(
    as_json: bool, comfyui: str | None, config_file: Path | None, interruption: Interruption
) -> int:
    """Print all rows; 1 if any is a problem."""
    settings = load(config_file)
    found = _rows(settings, comfyui, interruption.scratch_folder)
    rows = [_config_row(config_file), *[row async for row in found]]
    if as_json:
        for row in rows:
            put_json(asdict(row))
    else:
        _print(rows)
    return FAILED if any(row.status == "problem" for row in rows) else 0


def _config_row(config_file: Path | None) -> Row:
    used = find_config(config_file, Path.cwd())
    if used is None:
        return Row("ok", "configuration", "No config.toml here: the built-in defaults hold.")
    return Row("ok", "configuration", f"{used} is understood.")


async def _rows(settings: Settings, comfyui: str | None, scratch: Scratch) -> AsyncIterator[Row]:
    servers = list(settings.comfyui) if comfyui is None else []
    if not servers:
        async for row in _server_and_templates(settings, comfyui, scratch):
            yield row
    for number, server in enumerate(servers):
        only = settings.model_copy(update={"comfyui": (server,)})
        async for row in _server_and_templates(only, None, scratch, templates=number == 0):
            yield row
    for name, (status, message) in await front_ends(settings):
        yield Row(status, name, message)
    yield await _bot(settings)
    yield await _database(settings)
    yield await _disk(settings)


async def _server_and_templates(
    settings: Settings, comfyui: str | None, scratch: Scratch, *, templates: bool = True
) -> AsyncIterator[Row]:
    server = configured_server(settings, comfyui)
    subject = f"server {server.name}" if server else "server"
    catalogue: Catalogue | None = None
    embedded = server is None
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(open_backend(settings, comfyui, scratch=scratch))
            yield await _server(opened, subject)
            catalogue = await opened.backend.catalogue()
            if not await opened.backend.session.first_try(5.0):
                yield Row(
                    "warning",
                    subject,
                    "Its websocket (/ws) cannot be opened: pictures come, live progress does not. A proxy in "
                    "front must pass websockets on.",
                )
        except FairbrushError as error:
            yield Row("problem", subject, str(error))
    if templates:
        for row in await asyncio.to_thread(lambda: list(_templates(settings, catalogue, embedded=embedded))):
            yield row


async def _server(opened: Opened, subject: str) -> Row:
    if opened.embedded:
        return Row(
            "warning",
            subject,
            "No ComfyUI server is configured: the built-in engine paints sketches. Name yours below "
            "[[comfyui]] in config.toml, or with --comfyui URL.",
        )
    stats = await opened.backend.system_stats()
    devices = "; ".join(
        f"{device.name}, {device.vram_total / 1024**3:.1f} GB ({device.vram_free / 1024**3:.1f} GB free)"
        for device in stats.devices
    )
    return Row("ok", subject, f"ComfyUI {stats.version} at {opened.url}: {devices or 'no device named'}")


def _templates(settings: Settings, catalogue: Catalogue | None, *, embedded: bool) -> Iterator[Row]:
    try:
        library = TemplateLibrary(settings.workflows_dir)
    except FairbrushError as error:
        yield Row("problem", "templates", str(error))
        return
    if not library.enabled() and not library.disabled():
        yield Row(
            "problem",
            "templates",
            f"{settings.workflows_dir} holds no workflow. Add one:  fairbrush templates add FILE",
        )
    for broken in library.disabled():
        for problem in broken.problems:
            yield Row("problem", f"template {broken.name}", str(problem))
    for template in library.enabled():
        subject = f"template {template.name}"
        if catalogue is None:
            yield Row("warning", subject, "Not checked: no server gave its node catalogue.")
            continue
        # That the engine's models stand in for the template's is its nature, and said once above.
        findings = [f for f in check(template, catalogue) if f.severity == "problem" or not embedded]
        unasked = not template.is_default and _is_shipped(library, template.name)
        lacks_files = all(f.is_file for f in findings if f.severity == "problem")
        for finding in findings:
            if finding.severity == "problem" and unasked and lacks_files:
                # Nobody chose it: that a server has other models than it names is nothing to repair.
                yield Row("warning", subject, f"Comes with Fairbrush, not for this server: {finding.text}")
            else:
                yield Row(finding.severity, subject, str(finding.text))
        if not findings:
            yield Row("ok", subject, f"/{template.command}: the server can run it.")


def _is_shipped(library: TemplateLibrary, name: TemplateName) -> bool:
    """Whether it came with the program and is as it came, wherever it lies now."""
    try:
        return library.sources(name) == TemplateLibrary(shipped_folder()).sources(name)
    except (KeyError, FairbrushError):
        return False


async def _bot(settings: Settings) -> Row:
    """Whether one runs here, and what it says of itself."""
    try:
        client = await running_bot(settings.data_dir)
        view = None if client is None else await client.queue()
    except FairbrushError as error:
        return Row("problem", "bot", str(error))
    if client is None or view is None:
        return Row("ok", "bot", "None runs with this data directory.")
    waiting = f"{view.waiting} job{'s' * (view.waiting != 1)} waiting"
    words = f"Fairbrush {client.address.version} runs (process {client.address.pid}), {waiting}."
    closed = [word for shut, word in ((view.paused, "paused"), (view.draining, "draining")) if shut]
    if closed:
        return Row("warning", "bot", f"{words} It is {' and '.join(closed)}, until  fairbrush queue resume")
    return Row("ok", "bot", words)


async def _database(settings: Settings) -> Row:
    file = settings.database
    if not await asyncio.to_thread(file.exists):
        return Row("ok", "database", "There is none yet; the bot makes it when it starts.")
    try:
        found = await condition(file)
    except FairbrushError as error:
        return Row("problem", "database", str(error))
    size = f"{found.size / 1024**2:.1f} MB"
    if found.version == 0:
        return Row("ok", "database", f"{file} is empty; the bot fills it when it starts.")
    if found.version < found.newest:
        return Row(
            "warning",
            "database",
            f"{file} is sound ({size}) and of version {found.version}; this Fairbrush brings it to "
            f"{found.newest} when the bot starts, after a backup beside it.",
        )
    backup = "no backup beside it" if found.backup is None else f"newest backup: {found.backup.name}"
    return Row("ok", "database", f"{file} is sound: version {found.version}, {size}, {backup}.")


async def _disk(settings: Settings) -> Row:
    folder = settings.data_dir
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        await Folder(folder, remedy=Text("Set data_dir to another folder.")).prepare()
        free = (await asyncio.to_thread(shutil.disk_usage, existing)).free
    except FairbrushError as error:
        return Row("problem", "disk", str(error))
    except OSError as error:
        return Row("warning", "disk", f"How much of it is free cannot be told: {error.strerror}.")
    does = "can be written" if existing == folder else "can be created"
    words = f"data_dir {folder} {does}; {free / 1024**3:.1f} GB are free."
    return Row("warning" if free < LOW_DISK_BYTES else "ok", "disk", words)


def _print(rows: Sequence[Row]) -> None:
    if sys.stdout is not None and sys.stdout.isatty():
        _print_table(rows)
    else:
        width = max(len(row.subject) for row in rows)
        for row in rows:
            put(f"{row.status:<7}  {row.subject:<{width}}  {row.message}")
    counts = [
        f"{count} {word}{'s' * (count != 1)}"
        for word in ("problem", "warning")
        if (count := sum(row.status == word for row in rows))
    ]
    put(f"\n{', '.join(counts)}." if counts else "\nAll is well.")


def _print_table(rows: Sequence[Row]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=28)
    table.add_column(overflow="fold")
    for row in rows:
        # Styled, not markup: subjects and messages hold file and node names of other people's making.
        styled = Styled(row.status, _COLOURS[row.status])
        table.add_row(styled, Styled(printable(row.subject)), Styled(printable(row.message)))
    console = Console()
    with console.capture() as painted:
        console.print(table)
    for line in painted.get().splitlines():
        put_styled(line)
