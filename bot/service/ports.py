"""What the service layer needs from the world, as Protocols.

Each method says when it is called, what it raises and whether it may wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.events import EndEvent, RunEvent
from bot.domain.ids import NodeId, PromptId
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


class Backend(Protocol):
    """A ComfyUI server. All methods may wait for the network; none blocks the event loop."""

    @property
    def name(self) -> str:
        """The operator's name for this server, for messages and logs."""

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
        when it was too late.
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
