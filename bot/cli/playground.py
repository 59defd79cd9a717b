"""``fairbrush demo``: a page on which guests paint together, with three samples to begin with."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import uuid
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bot.app.service import Service, open_service, servers_heard_of
from bot.app.web import WebParts, web_parts
from bot.chat.web.play.screen import Place
from bot.chat.web.site import kept_token
from bot.chat.web.visitors import PLATFORM
from bot.cli.common import message_of, put, say
from bot.cli.contact_sheet import contact_sheet
from bot.cli.interruption import Interruption
from bot.cli.log import start_logging
from bot.cli.progress import Bar, Display, display
from bot.cli.tour import FROM_PICTURE, FROM_WORDS, PACE, SAMPLES, new_folder, what_next
from bot.config import Listen, Settings
from bot.config.model import Metrics, Web
from bot.domain.errors import ConfigError, FairbrushError, NoServerCan, TemplateError
from bot.domain.ids import IdentityId
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.clock import Clock
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage, read_input_image
from bot.service.keep import Folder
from bot.service.operator import (
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    JobRuns,
    JobWaits,
    SubmittedRequest,
)
from bot.service.threads import in_thread
from bot.sketch import EngineSettings
from bot.templates.loader import shipped_folder

HOST, PORT = "127.0.0.1", 8765
FIRST_LOOK = 10.0
"""Seconds that a server gets to answer before the samples are asked of it all the same."""
WINDS_DOWN = 3.0
GUESTS = ("Ada", "Bashir", "Chiyo")
"""Who ask for the samples."""
_LABEL = 40


async def open_page(
    settings: Settings,
    data_dir: Path | None,
    url: str | None,
    interruption: Interruption,
    *,
    port: int | None = None,
    browser: bool = True,
) -> int:
    """Serve the page until somebody stops it; the exit code. ``port``: None takes :data:`PORT`, or a free
    one."""
    folder = Folder(data_dir or new_folder(), remedy=Text("Name another folder with --data-dir."))
    await folder.prepare()
    demo = _of_a_demo(settings, folder.path.absolute(), await in_thread(_port, port))
    demo = demo.model_copy(update={"workflows_dir": await in_thread(_own_workflows, demo)})
    start_logging(demo)
    token = await kept_token(demo.data_dir)
    made: list[WebParts] = []

    def front_ends(service: Service) -> Mapping[str, Callable[[], Awaitable[None]]]:
        assert demo.web.listen is not None
        # It listens on this machine alone.
        made.append(web_parts(demo, demo.web.listen, service, Clock(), token=token, open_to_all=True))
        return made[0].run

    engine = EngineSettings(pace=PACE)
    async with (
        open_service(demo, url, engine=engine, front_ends=front_ends) as service,
        made[0].site as site,
        asyncio.TaskGroup() as tasks,
    ):
        with interruption.handled_by(_nothing, bounded=False):
            say(_who_paints(service))
            say(f"The page is open: {site.address}    (Ctrl-C closes it)")
            if browser and _has_screen():
                await asyncio.to_thread(webbrowser.open, site.address)
            samples = tasks.create_task(
                _Samples(service, made[0], folder).paint(interruption), name="samples"
            )
            await interruption.asked.wait()
            samples.cancel()
            await asyncio.wait({samples})
            await service.dispatcher.wind_down(WINDS_DOWN)
            say(f"Closed. The page shows all of it again with  --data-dir {folder.path}")
    return 0


async def _nothing() -> None:
    """The body ends by itself when it is asked to."""


def _of_a_demo(settings: Settings, data_dir: Path, port: int) -> Settings:
    """Nobody's server, accounts or ports, whatever the configuration names: a first look needs none."""
    return settings.model_copy(
        update={
            "data_dir": data_dir,
            "comfyui": (),
            "discord": None,
            "telegram": None,
            "metrics": Metrics(),
            "web": Web(listen=Listen(HOST, port)),
        }
    )


def _own_workflows(demo: Settings) -> Path:
    """Those of the program are copied, so that what guests hand in is not among them."""
    shipped, own = shipped_folder(), demo.data_dir / "workflows"
    if demo.workflows_dir.resolve() != shipped.resolve():
        return demo.workflows_dir
    own.mkdir(parents=True, exist_ok=True)
    for file in shipped.iterdir():
        if file.is_file() and not (own / file.name).exists():
            shutil.copyfile(file, own / file.name)
    return own


def _port(wanted: int | None) -> int:
    """Raises ConfigError where somebody wants one that is taken."""
    port = PORT if wanted is None else wanted
    with socket.socket() as probe:
        if os.name == "posix":
            # As a server would: a port whose last connections are still remembered is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if wanted is None:
                return 0
            said = Text(
                "Port {port} on {host} cannot be used: {reason}. Choose another one with --port, or leave it "
                "out.",
                port=port,
                host=HOST,
                reason=error.strerror or error,
            )
            raise ConfigError(said, cause=repr(error)) from error
    return port


def _has_screen() -> bool:
    """Whether somebody sits here who would see a browser."""
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _who_paints(service: Service) -> str:
    if service.embedded:
        return "The built-in sketch engine paints: these are honest sketches, made without a graphics card."
    urls = ", ".join(server.url for server in service.dispatcher.servers.values())
    return f"The ComfyUI server at {urls} paints."


@dataclass(slots=True)
class _Samples:
    """Three requests of three guests, so that there is something to be seen; also as files."""

    service: Service
    page: WebParts
    folder: Folder
    _files: list[tuple[Path, str]] = field(default_factory=list)

    async def paint(self, interruption: Interruption) -> None:
        await servers_heard_of(self.service, FIRST_LOOK)
        shown = display(SAMPLES)
        with (
            interruption.tidied_by(self.folder.discard_unfinished),
            interruption.tidied_by(shown.restore),
            shown,
        ):
            words = [parse_line(line, SHELL) for line in FROM_WORDS]
            asked = [
                await self._ask(guest, ask, {}, shown) for guest, ask in zip(GUESTS, words, strict=False)
            ]
            kept = await asyncio.gather(*(self._follow(request, shown) for request in asked if request))
            first = next((path for paths in kept for path in paths), None)
            if first is not None:
                ask = replace(parse_line(FROM_PICTURE, SHELL), image=str(first))
                images = {str(first): await read_input_image(first)}
                if (request := await self._ask(GUESTS[-1], ask, images, shown)) is not None:
                    await self._follow(request, shown)
        if self._files:
            sheet = await self.folder.keep_content(
                partial(contact_sheet, self._files), "contact-sheet", ".png"
            )
            for path in (*(path for path, _ in self._files), sheet):
                put(str(path))
            say(what_next(self.folder.path, embedded=self.service.embedded))

    async def _ask(
        self, guest: str, ask: Ask, images: Mapping[str, InputImage], shown: Display
    ) -> SubmittedRequest | None:
        """None where this server cannot paint it, which does not stop the others."""
        try:
            try:
                return await self._submit(guest, ask, images)
            except (TemplateError, NoServerCan):
                # Not every server has the models of every template: then the usual one paints it.
                return await self._submit(guest, replace(ask, template=None), images)
        except FairbrushError as error:
            shown.note(message_of(error))
            return None

    async def _submit(self, guest: str, ask: Ask, images: Mapping[str, InputImage]) -> SubmittedRequest:
        who = IdentityId(f"{PLATFORM}:sample-{guest.lower()}")
        origin = Origin(
            platform=PLATFORM, event=f"{PLATFORM}:{uuid.uuid4().hex}", reply=Place(guest).to_text()
        )
        (receipt,) = await self.service.usecases.imagine(ask, Asker(who, guest), origin, images)
        await self.page.outcomes.follow([receipt.accepted.request])
        return self.service.operator.submitted(receipt)

    async def _follow(self, request: SubmittedRequest, shown: Display) -> list[Path]:
        """Its pictures, as files beside what the bot keeps."""
        job = request.jobs[0]
        words = " ".join(str(job.values.get("prompt_text") or "").split())
        bar = shown.bar(words[:_LABEL])
        paths: list[Path] = []
        async with aclosing(self.service.operator.watch(request.id)) as events:
            async for event in events:
                self._tell(bar, event, shown)
                if isinstance(event, JobDone):
                    stem = f"{request.template}-{job.seed}"
                    for file in event.files:
                        if file.kind is MediaKind.IMAGE:
                            copy = partial(shutil.copyfile, file.path)
                            paths.append(await self.folder.keep_content(copy, stem, Path(file.path).suffix))
        self._files += [(path, f"{words} · seed {job.seed}") for path in paths]
        return paths

    def _tell(self, bar: Bar, event: JobEvent, shown: Display) -> None:
        match event:
            case JobWaits():
                bar.at(None, "waiting")
            case JobRuns(fraction=fraction, title=title):
                bar.at(fraction, title)
            case JobDone(seconds=seconds):
                bar.done("done" if seconds is None else f"done in {seconds:.1f} s")
            case JobFailed(text=text):
                bar.done("failed", ok=False)
                shown.note(str(text))
            case JobCancelled():
                bar.stopped()
