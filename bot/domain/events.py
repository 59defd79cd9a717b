"""What happens to one run, in the words of the core.

A run reports any number of events and ends in exactly one of :data:`EndEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import BackendError
from bot.domain.ids import NodeId
from bot.domain.outputs import Output
from bot.domain.text import Text


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting on the server. ``ahead`` prompts run before this one; None when the server has not said."""

    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The server began to execute the graph."""


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node runs; ``title`` is the node's title in the export, else its class."""

    node: NodeId
    title: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """``fraction`` of the whole graph, 0 <= fraction < 1, never falls. ``step``/``steps``: in ``node``."""

    fraction: float
    node: NodeId
    title: str
    step: float
    steps: float


@dataclass(frozen=True, slots=True)
class Previewed:
    """An unfinished picture, encoded as ``mime`` says."""

    image: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The server does not answer any more; the run may go on there, and is waited for. ``reason`` is for
    the person. Told once until :class:`Reconnected` or the end."""

    reason: Text


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The server answers again, and still knows the run (otherwise its end comes instead)."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Outputs are there. ``server_seconds`` is the server's own execution time, None if it did not tell."""

    outputs: tuple[Output, ...]
    server_seconds: float | None
    cached: bool
    """Whether the server had run the very same graph before and gave the old files again."""


@dataclass(frozen=True, slots=True)
class Failed:
    error: BackendError
    server_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Stopped by somebody: us (a cancel) or another user of the server."""

    server_seconds: float | None = None


EndEvent = Finished | Failed | Interrupted
RunEvent = Queued | Started | NodeStarted | Progressed | Previewed | Disconnected | Reconnected | EndEvent
