"""What is known about each ComfyUI server: whether it takes work, and what it is at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.fairqueue import Waiting
from bot.domain.ids import JobId, PromptId, ServerName
from bot.domain.text import Text
from bot.domain.work import Work
from bot.service.ports import Backend
from bot.templates.catalogue import Catalogue

STAGE_AHEAD = 2.0
"""Seconds before the predicted end of the running job at which the next is staged: enough for uploads and a
POST, so that the GPU never idles, and little enough that order stays ours (a staged job is not recalled)."""
MOST_KEEPING = 8
"""Finished jobs whose files are still being fetched; a slow disk or network must not pile up more."""


class ServerState(StrEnum):
    STARTING = "starting"
    """Not heard of yet since we began."""
    UP = "up"
    DOWN = "down"
    WEDGED = "wedged"
    """It answers, runs nothing and ignores interrupts; its operator has to restart it."""


@dataclass(eq=False, slots=True)
class Active:
    """One job at one server. Times are monotonic seconds."""

    item: Waiting
    work: Work
    prompt_id: PromptId
    expected: float
    """GPU seconds from its start to its end, a swap included."""
    started: float | None = None
    swapped: bool = False
    """Whether the server had to load its model first."""
    fraction: float = 0.0
    title: str = ""
    ahead: int = 0
    """Prompts that run before it on that server, while it waits there."""
    cancel_by: str = ""

    def remaining(self, now: float) -> float:
        """Seconds until its end, by what is expected and how far it is; 0 when it is overdue."""
        if self.started is None:
            return self.expected
        elapsed = now - self.started
        if self.fraction > 0.1:  # earlier, loading a model passes for slow progress
            return elapsed * (1.0 / self.fraction - 1.0)
        return max(0.0, self.expected - elapsed)


@dataclass(eq=False, slots=True)
class Server:
    """One server, with what our process knows of it."""

    name: ServerName
    backend: Backend
    url: str
    state: ServerState = ServerState.STARTING
    since: int = 0
    reason: Text | None = None
    catalogue: Catalogue | None = None
    model: str = ""
    """Key of the model that is loaded; "" while unknown."""
    foreign: int = 0
    freeing: bool = False
    """Its memory is being freed: nothing may be sent meanwhile."""
    keeping: int = 0
    connections: int = 0
    stuck: frozenset[PromptId] = frozenset()
    """What it claimed to run when it was found wedged."""
    stalled_at: float | None = None
    """When it was found to let prompts wait and run none; monotonic. Seen from outside, it is idle then."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it has been asked for the first time, whatever came of it."""
    strays: set[PromptId] = field(default_factory=set)
    """Cancelled while it could not be asked: to be forgotten when it is back."""
    active: dict[JobId, Active] = field(default_factory=dict)
    """Jobs that hold a slot, the running one first."""

    def wants_more(self, now: float) -> bool:
        """Whether a job may be sent: none is there, or the only one is about to end."""
        if self.state is not ServerState.UP or self.freeing or self.keeping >= MOST_KEEPING:
            return False
        if not self.active:
            return True
        if len(self.active) > 1:
            return False
        (only,) = self.active.values()
        return only.started is not None and only.remaining(now) <= STAGE_AHEAD

    def next_look(self, now: float) -> float | None:
        """Seconds until :meth:`wants_more` may turn true by the passing of time alone."""
        if self.state is not ServerState.UP or len(self.active) != 1:
            return None
        (only,) = self.active.values()
        if only.started is None or (ahead := only.remaining(now) - STAGE_AHEAD) <= 0.0:
            return None  # it may already: then only what comes in line changes anything
        return max(0.05, ahead)

    @property
    def running(self) -> Active | None:
        return next((active for active in self.active.values() if active.started is not None), None)

    @property
    def staged(self) -> Active | None:
        return next((active for active in self.active.values() if active.started is None), None)

    def busy_for(self, now: float) -> float:
        """Seconds of work that it has already, strangers' counted like our own."""
        ours = sum(active.remaining(now) for active in self.active.values())
        typical = max((active.expected for active in self.active.values()), default=10.0)
        return ours + self.foreign * typical


def up(servers: Iterable[Server]) -> tuple[Server, ...]:
    return tuple(server for server in servers if server.state is ServerState.UP)
