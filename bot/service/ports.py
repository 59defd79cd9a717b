"""What the service layer needs from the world, as Protocols.

Each method says when it is called, what it raises and whether it may wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.events import EndEvent, RunEvent
from bot.domain.ids import ClientId, NodeId, PromptId
from bot.domain.outputs import OutputFile
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission of one bound graph. ``prompt_id`` is fresh for each attempt and minted by us.

    ``outputs`` are the nodes whose files are wanted; a server that drops one of them has refused the
    graph. Empty: every output node. ``previews``: ask for unfinished pictures.
    """

    prompt_id: PromptId
    graph: Graph
    outputs: frozenset[NodeId] = frozenset()
    previews: bool = False


@dataclass(frozen=True, slots=True)
class ServerQueue:
    """Who runs and who waits on a server, ours and others', in the order in which they will run."""

    running: tuple[PromptId, ...]
    pending: tuple[PromptId, ...]

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """One device of a server; sizes in bytes, 0 where it does not say. Caches fill ``vram_free``: what
    is free says nothing about what would fit."""

    name: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True, slots=True)
class Health:
    """``version`` is ComfyUI's own word, "" where it does not say."""

    version: str
    devices: tuple[DeviceMemory, ...]


class Backend(Protocol):
    """A ComfyUI server. All methods may wait for the network; none blocks the event loop."""

    @property
    def name(self) -> str:
        """The operator's name for this server, for messages and logs."""

    @property
    def client_id(self) -> ClientId:
        """By which the server knows our websocket now: given again after a restart, it lets a run that is
        attached to be heard live. It may change while no run is on its way, unless it was given."""

    @property
    def connections(self) -> int:
        """How often the websocket has been connected. When it has grown, the server may have restarted:
        caches and loaded models may be gone."""

    async def run(
        self, submission: Submission, on_event: Callable[[RunEvent], None], *, submitted: bool = False
    ) -> EndEvent:
        """See one submission through to its end and return that end; never raises for a failed run.

        ``on_event`` is called with each event but the end, in order, in the caller's task; unfinished
        ones (progress, previews) are conflated. ``submitted``: the graph was posted earlier (by a process
        that died, say); attach to it. Cancelling the task stops the watching, not the run.
        """

    async def cancel(self, prompt_id: PromptId) -> None:
        """A user's wish to stop this run, whether it waits or runs; never anybody else's.

        Returns at once. The run's end, awaited elsewhere, confirms it: ``Interrupted``, or ``Finished``
        when it was too late. A server that cannot be reached is not waited for: ``Interrupted`` within
        seconds, though the run may go on there; :meth:`forget` it when the server is back.
        """

    async def fetch(self, file: OutputFile, target: Path) -> str:
        """Stream an output to ``target`` and return its MIME type.

        Raises BackendError, or OSError when the disk refuses; the caller removes what was written.
        """

    async def upload_image(self, content: bytes, suffix: str) -> str:
        """Put an input image on the server; returns what an image input of a graph must hold.

        ``suffix`` is its file extension with the dot. Raises BackendError.
        """

    async def catalogue(self) -> Catalogue:
        """The node catalogue, from memory when it is fresh. Raises BackendError."""

    async def queue(self) -> ServerQueue:
        """Who runs and waits there now. Raises BackendError."""

    async def health(self) -> Health:
        """Whether it answers, by one light request. Raises BackendError."""

    async def free(self) -> None:
        """Have the server unload its models and drop its caches, which it does once nothing runs.
        Raises BackendError."""

    async def forget(self, prompt_id: PromptId) -> None:
        """An attempt that nobody waits for any more, whose run is not followed here: take it out of the
        queue, and interrupt it if, and only if, it is the one that runs. Never touches another's.

        Returns when the server lists it no longer, or after a few tries; a node that runs stops only at
        its next check. Raises BackendError when the server does not answer.
        """
