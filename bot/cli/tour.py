"""The work of ``fairbrush demo --once``: three requests of different size, and a contact sheet."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from bot.app import Opened, open_backend
from bot.cli import batch
from bot.cli.common import FAILED, INTERRUPTED, drive, message_of, put, say
from bot.cli.contact_sheet import contact_sheet
from bot.cli.interruption import Interruption
from bot.cli.progress import Display, display
from bot.comfy.client import ComfyClient
from bot.config import Settings
from bot.domain.errors import BackendError, FairbrushError, OutputError, TemplateError, UserError
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.images import InputImage
from bot.service.imagine import Job
from bot.service.keep import Folder
from bot.service.painter import Painter, Picture
from bot.sketch import EngineSettings
from bot.templates.loader import TemplateLibrary

LOCAL_COMFYUI = "http://127.0.0.1:8188"
PROBE_SECONDS = 1.0
PACE = 0.12
"""Seconds per step and megapixel: slow enough to watch, fast enough for a first minute."""

FROM_WORDS = (
    "a lighthouse on a cliff at dusk, warm light, calm sea --template text-to-image --ar 3:2 --seed 7",
    "a fox in a snowy field, northern lights --template flux --ar 2:3 --seed 5",
)
FROM_PICTURE = "the same lighthouse on a cliff, a storm at night --template image-to-image --seed 7"
SAMPLES = len(FROM_WORDS) + 1


async def take(settings: Settings, data_dir: Path | None, url: str | None, interruption: Interruption) -> int:
    """Paint the samples; the exit code."""
    folder = Folder(data_dir or new_folder(), remedy=Text("Name another folder with --data-dir."))
    await folder.prepare()
    # The demo is the engine's unless a server is named on the spot: a first look needs nobody's GPU.
    demo = settings.model_copy(update={"comfyui": ()})
    engine = EngineSettings(pace=PACE)
    async with open_backend(demo, url, engine=engine, scratch=interruption.scratch_folder) as opened:
        say(
            "The built-in sketch engine paints: these are honest sketches, made without a graphics card."
            if opened.embedded
            else f"The ComfyUI server at {opened.url} paints."
        )
        work = batch.Batch(Painter(opened.backend, folder), report=lambda _: None)
        library = await batch.open_library(demo, opened)
        shown = display(SAMPLES)
        with (
            interruption.tidied_by(folder.discard_unfinished),
            interruption.tidied_by(shown.restore),
            interruption.handled_by(lambda: work.stop(shown)) as interrupted,
        ):
            with shown:
                pictures, complete = await _Samples(library, demo, opened).paint(work, shown)
            work.tell_end()
    files = [(path, _caption(picture)) for picture in pictures for path in _images(picture)]
    if files:
        sheet = await folder.keep_content(partial(contact_sheet, files), "contact-sheet", ".png")
        for path in (*(path for path, _ in files), sheet):
            put(str(path))
        say(what_next(folder.path, embedded=opened.embedded))
    if interrupted.is_set():
        return INTERRUPTED
    return 0 if complete else FAILED


def ask_for_local_server() -> str | None:
    """The ComfyUI on this machine, if one answers and the person at the terminal wants it."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        return None
    found: list[str] = []

    async def probe(_interruption: Interruption) -> int:
        async with ComfyClient(LOCAL_COMFYUI, timeout_seconds=PROBE_SECONDS) as client:
            try:
                found.append((await client.system_stats()).version)
            except (BackendError, UserError):
                return FAILED
        return 0

    if drive(probe) == FAILED:
        return None
    question = f"A ComfyUI {found[0]} answers at {LOCAL_COMFYUI}. Let it paint the samples?"
    try:
        return LOCAL_COMFYUI if click.confirm(question, default=False, err=True) else None
    except click.Abort as error:
        raise KeyboardInterrupt from error


class _Samples:
    """The sample requests, as one server can paint them."""

    def __init__(self, library: TemplateLibrary, settings: Settings, opened: Opened) -> None:
        self._library = library
        self._settings = settings
        self._embedded = opened.embedded

    async def paint(self, work: batch.Batch, shown: Display) -> tuple[list[Picture], bool]:
        """The two from words side by side, then the one that starts from the first of them; and whether
        all of them came to be."""
        jobs = self._jobs([parse_line(line, SHELL) for line in FROM_WORDS], {}, shown)
        pictures = [picture for picture in await work.paint(jobs, shown) if _images(picture)]
        if pictures and not work.stopping:
            first = str(_images(pictures[0])[0])
            ask = replace(parse_line(FROM_PICTURE, SHELL), image=first)
            jobs = self._jobs([ask], await batch.read_images([ask]), shown)
            pictures += [picture for picture in await work.paint(jobs, shown) if _images(picture)]
        return pictures, len(pictures) == SAMPLES

    def _jobs(self, asks: Sequence[Ask], images: Mapping[str, InputImage], shown: Display) -> list[Job]:
        jobs: list[Job] = []
        for ask in asks:
            try:
                jobs += self._planned(ask, images)
            except FairbrushError as error:
                # A sample that this server cannot paint does not stop the others.
                shown.note(message_of(error))
        return jobs

    def _planned(self, ask: Ask, images: Mapping[str, InputImage]) -> list[Job]:
        try:
            return self._plan(ask, images)
        except TemplateError:
            # Not every server has the models of every template: then the usual one paints it.
            return self._plan(replace(ask, template=None), images)

    def _plan(self, ask: Ask, images: Mapping[str, InputImage]) -> list[Job]:
        found = batch.requests([ask], images, self._library, self._settings, embedded=self._embedded)
        return [job for request in found for job in request.jobs()]


def new_folder() -> Path:
    """A temporary one that stays. Raises OutputError."""
    try:
        return Path(tempfile.mkdtemp(prefix="fairbrush-demo-"))
    except OSError as error:
        raise OutputError(
            Text(
                "There is no temporary folder that can be written: {reason}. Name a folder with --data-dir.",
                reason=error.strerror or error,
            )
        ) from error


def _images(picture: Picture) -> list[Path]:
    return [kept.path for kept in picture.files if kept.kind is MediaKind.IMAGE]


def _caption(picture: Picture) -> str:
    return f"{picture.job.values.words.get('prompt_text', '')} · seed {picture.job.values.seed}"


def what_next(folder: Path, *, embedded: bool) -> str:
    """What somebody may try after the samples, who paint into ``folder``."""
    command = _command()
    lines = [
        "",
        f"The pictures and a contact sheet are in {folder.absolute()}",
        "",
        "Try next:",
        f'  {command} imagine "three boats in the fog" --style ink --ar 16:9 --count 2 --out pictures',
        f"  {command} templates list",
    ]
    if embedded:
        lines.append(
            f'  {command} imagine "a lighthouse at dusk" --comfyui {LOCAL_COMFYUI}   (with your ComfyUI)'
        )
    return "\n".join(lines)


def _command() -> str:
    """How this program is called from here: not everybody has it on the path."""
    if shutil.which("fairbrush"):
        return "fairbrush"
    script = Path(sys.argv[0])
    if script.stem == "fairbrush" and script.is_file():
        here = Path.cwd()
        return str(script.relative_to(here) if script.is_relative_to(here) else script)
    return f"{Path(sys.executable).stem} -m bot"
