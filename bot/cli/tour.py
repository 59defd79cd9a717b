"""The work of ``fairbrush demo``: three requests of different size and template, and a contact sheet."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from bot.app import Opened, open_backend
from bot.cli import batch
from bot.cli.common import FAILED, INTERRUPTED, load, message_of, on_ctrl_c, say
from bot.cli.contact_sheet import contact_sheet
from bot.cli.progress import display
from bot.comfy.client import ComfyClient
from bot.config import Settings
from bot.domain.errors import BackendError, FairbrushError, UserError
from bot.domain.outputs import MediaKind
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import Job, Painter, Picture
from bot.service.keep import Folder
from bot.sketch import EngineSettings
from bot.templates.loader import TemplateLibrary

LOCAL_COMFYUI = "http://127.0.0.1:8188"
PROBE_SECONDS = 1.0
PACE = 0.12
"""Seconds per step and megapixel: slow enough to watch, fast enough for a first minute."""

FROM_WORDS = (
    "a lighthouse on a cliff at dusk, warm light, calm sea --template text-to-image --ar 3:2 --seed 7",
    "a fox in a snowy forest, northern lights --template flux --ar 2:3 --seed 21",
)
FROM_PICTURE = "the same lighthouse in a storm at night --template image-to-image --seed 11"


async def take(data_dir: Path | None, comfyui: str | None, config_file: Path | None) -> int:
    """Paint the samples; the exit code."""
    settings = load(config_file)
    folder = Folder(data_dir or Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="fairbrush-demo-")))
    await folder.prepare()
    url = comfyui or await _local_server()
    # The demo is the engine's unless a server is named on the spot: a first look needs nobody's GPU.
    demo = settings.model_copy(update={"comfyui": ()})
    async with open_backend(demo, url, engine=EngineSettings(pace=PACE)) as opened:
        say(
            "The built-in sketch engine paints: these are honest sketches, made without a graphics card."
            if opened.embedded
            else f"The ComfyUI server at {opened.url} paints."
        )
        library = await batch.open_library(demo, opened)
        painter = Painter(opened.backend, folder)
        async with on_ctrl_c(lambda: batch.stop(painter)) as stopped:
            pictures, failed = await _paint(painter, library, demo, stopped, embedded=opened.embedded)
    shown = [(path, _caption(picture)) for picture in pictures for path in _images(picture)]
    if shown:
        sheet = folder.path / "contact-sheet.png"
        await asyncio.to_thread(contact_sheet, shown, sheet)
        for path, _ in shown:
            click.echo(str(path))
        click.echo(str(sheet))
        say(_what_next(folder.path, opened))
    if stopped.is_set():
        return INTERRUPTED
    return FAILED if failed or not shown else 0


async def _paint(
    painter: Painter,
    library: TemplateLibrary,
    settings: Settings,
    stopped: asyncio.Event,
    *,
    embedded: bool,
) -> tuple[list[Picture], bool]:
    """The two from words side by side, then the one that starts from the first of them."""
    pictures: list[Picture] = []
    failed = False
    with display(total=1) as shown:
        for lines in (FROM_WORDS, (FROM_PICTURE,)):
            asks = [parse_line(line, SHELL) for line in lines]
            if pictures:
                asks = [replace(ask, image=str(_images(pictures[0])[0])) for ask in asks]
            images = await batch.read_images(asks)
            jobs: list[Job] = []
            for ask in asks:
                try:
                    planned = batch.requests([ask], images, library, settings, embedded=embedded)
                except FairbrushError as error:
                    # A sample that this server cannot paint (no such model) does not stop the others.
                    shown.note(message_of(error))
                    failed = True
                    continue
                jobs += [job for request in planned for job in request.jobs()]
            if stopped.is_set():
                break
            tally = await batch.paint_jobs(painter, jobs, shown, stopped, report=lambda _: None)
            pictures += [picture for picture in tally.pictures if _images(picture)]
            failed = failed or bool(tally.failures)
            if not pictures:
                break
    return pictures, failed


def _images(picture: Picture) -> list[Path]:
    return [kept.path for kept in picture.files if kept.kind is MediaKind.IMAGE]


def _caption(picture: Picture) -> str:
    return f"{picture.job.values.words.get('prompt_text', '')} · seed {picture.job.values.seed}"


async def _local_server() -> str | None:
    """The ComfyUI on this machine, if one answers and the person at the terminal wants it."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    async with ComfyClient(LOCAL_COMFYUI, timeout_seconds=PROBE_SECONDS) as client:
        try:
            stats = await client.system_stats()
        except (BackendError, UserError):
            return None
    question = f"A ComfyUI {stats.version} answers at {LOCAL_COMFYUI}. Let it paint the samples?"
    wanted = await asyncio.to_thread(click.confirm, question, default=False, err=True)
    return LOCAL_COMFYUI if wanted else None


def _what_next(folder: Path, opened: Opened) -> str:
    lines = [
        "",
        f"The pictures and a contact sheet are in {folder}.",
        "",
        "Try next:",
        '  fairbrush imagine "three boats in the fog, woodcut" --ar 16:9 --count 2 --out pictures',
        "  fairbrush templates list",
    ]
    if opened.embedded:
        lines.append(
            '  fairbrush imagine "a lighthouse at dusk" --comfyui http://127.0.0.1:8188   (with your ComfyUI)'
        )
    return "\n".join(lines)
