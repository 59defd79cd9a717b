"""What a running node can do besides computing: tell how far it is, wait, use memory, write files."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from PIL import Image, ImageOps

from bot.sketch.files import Folders, SavePlace, save_place
from bot.sketch.settings import EngineSettings, unix_ms
from bot.sketch.vram import MEGAPIXEL, OutOfMemory

T = TypeVar("T")


class Interrupted(Exception):
    """The prompt was interrupted; raised at a node's checks."""


class Stopped(Exception):
    """The engine is shutting down; raised at a node's checks and in its pauses."""


class Signals:
    """What other threads tell the painter's thread."""

    def __init__(self) -> None:
        self.interrupt = threading.Event()
        self.stop = threading.Event()

    def check(self) -> None:
        """Raise Stopped or Interrupted where that was asked for. An interrupt is used up by this."""
        if self.stop.is_set():
            raise Stopped
        if self.interrupt.is_set():
            self.interrupt.clear()
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait, but not past shutdown. Interrupts do not end it: they count at the next check."""
        if seconds > 0:
            self.stop.wait(seconds)
        if self.stop.is_set():
            raise Stopped


class Reporter(Protocol):
    """Where a node's progress goes."""

    def step(self, node_id: str, value: float, maximum: float, preview: Preview | None) -> None: ...

    def text(self, node_id: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Preview:
    """An encoded preview picture. ``format`` is Pillow's word, JPEG or PNG."""

    format: str
    data: bytes


@dataclass(slots=True)
class Gpu:
    """The pretended GPU: which model it holds. Touched by the painter's thread only."""

    loaded: str = ""


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One run of one node, handed to its function first."""

    node_id: str
    graph: Mapping[str, Any]
    extra_pnginfo: Mapping[str, Any]
    previews: bool
    """Whether samplers should send previews."""

    folders: Folders
    settings: EngineSettings
    signals: Signals = field(repr=False)
    reporter: Reporter = field(repr=False)
    gpu: Gpu = field(repr=False)

    def progress(self, value: float, maximum: float, preview: Preview | None = None) -> None:
        """Report ``value`` of ``maximum``. A check: raises Interrupted or Stopped."""
        self.signals.check()
        self.reporter.step(self.node_id, value, maximum, preview)

    def pause(self, seconds: float) -> None:
        """Wait as a working GPU would. Raises Stopped at shutdown."""
        self.signals.pause(seconds)

    def paced(self, pixels: int, work: Callable[[], T]) -> T:
        """The result of ``work``, no sooner than a sampler step over ``pixels`` takes. Raises Stopped."""
        started = time.monotonic()
        result = work()
        self.pause(self.settings.pace * pixels / MEGAPIXEL - (time.monotonic() - started))
        return result

    def tell(self, text: str) -> None:
        """Show a line of text at the node (binary event 3)."""
        self.reporter.text(self.node_id, text)

    def load(self, model: str) -> None:
        """Take the time that loading ``model`` takes, unless it is the loaded one."""
        if self.gpu.loaded != model:
            self.pause(self.settings.load_seconds)
            self.gpu.loaded = model

    def claim(self, megabytes: float) -> None:
        """Raise OutOfMemory where the GPU has less than that."""
        if megabytes > self.settings.vram_mb:
            raise OutOfMemory

    def preview(self, picture: Image.Image, kind: str = "JPEG") -> Preview:
        """``picture`` as a sampler's preview: fitted to the preview size (small ones are enlarged too)."""
        size = (self.settings.preview_size,) * 2
        fitted = ImageOps.contain(picture, size, Image.Resampling.BILINEAR)
        buffer = io.BytesIO()
        fitted.save(buffer, kind, quality=95)
        return Preview(kind, buffer.getvalue())

    def save_place(self, kind: str, prefix: str, width: int, height: int) -> SavePlace:
        """Where in the output or temp folder to write. Raises OutsideFolder, OSError."""
        folder = self.folders.output if kind == "output" else self.folders.temp
        return save_place(folder, prefix, width, height, unix_ms())
