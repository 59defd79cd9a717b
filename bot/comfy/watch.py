"""When to stop trusting a silent server: a policy over facts and time. Pure; time is an argument.

The websocket may miss anything, so a run is asked about over HTTP after silence; a run that shows no
sign of life for long is interrupted, and what ignores an interrupt is wedged (its worker is dead or a
node blocks for good: ComfyUI goes on answering HTTP in both cases).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds."""

    ask_waiting: float = 2.0
    """Between looks at ``/queue`` while the run waits behind others."""
    ask_running: float = 10.0
    """Silence of a running prompt after which ``/history`` is asked (loading a model is silent too)."""
    ask_deaf: float = 1.0
    """Between looks while there is no websocket, or while the run is being stopped."""
    ask_hinted: float = 0.2
    """At least between looks because the queue moved: ``/queue`` may be large, and moves of others many."""
    ask_ended: float = 0.05
    """Before the first looks for the history of a run that the socket says is over."""
    history_late: float = 5.0
    """How long after the end the history entry may lack before the run counts as lost."""
    post_settles: float = 2.0
    """How long a POST whose answer was lost may still be on its way to the server's queue."""
    reconnect_after: float = 30.0
    """Silence of a running prompt after which the socket itself is suspected (a doubled id goes deaf)."""
    unreachable: float = 60.0
    """No answer to anything for this long: the server is gone."""
    unreachable_cancelled: float = 5.0
    """The same, once the run is not wanted any more: whoever stopped it does not wait for the server."""
    no_life: float = 900.0
    """No message about the run and no movement ahead of it in the queue (``queue.job_timeout``)."""
    interrupt_grace: float = 60.0
    """A node stops only at its next check; silent for this long, it ignores the interrupt."""
    stalled: float = 60.0
    """Prompts wait and none runs: a healthy server takes the next within seconds."""


class Verdict(Enum):
    GO_ON = auto()
    UNREACHABLE = auto()
    NO_LIFE = auto()
    """Interrupt it, then keep watching."""
    WEDGED = auto()
    """It was interrupted and still runs, or it waits and nothing runs."""


@dataclass(slots=True)
class Watch:
    """What is known about one run's liveliness. All times are seconds of one monotonic clock."""

    patience: Patience
    start: float
    _alive: float = field(init=False)
    _asked: float = field(init=False)
    _reached: float = field(init=False)
    _reconnected: float = field(init=False)
    _ended: float | None = None
    _interrupted: float | None = None
    _listed: bool = False
    _stalled: float | None = None

    def __post_init__(self) -> None:
        self._alive = self._asked = self._reached = self._reconnected = self.start

    def heard(self, now: float) -> None:
        """A message about the run."""
        self._alive = self._reached = now

    def moved(self, now: float) -> None:
        """The queue moved on ahead of the run."""
        self._alive = now

    def asked(self, now: float, *, reached: bool, listed: bool = False, stalled: bool = False) -> None:
        """The server was asked. ``listed``: it answered that the run waits or runs; ``stalled``: that it
        waits, and nothing runs."""
        self._asked = now
        if reached:
            self._reached = now
            self._listed = listed
            self._stalled = (self._stalled or now) if stalled else None

    def ended(self, now: float) -> None:
        """The socket says that the run is over."""
        if self._ended is None:
            self._ended = now

    def interrupted(self, now: float) -> None:
        """An interrupt was sent, or could not be; the first one counts."""
        if self._interrupted is None:
            self._interrupted = now

    def reconnected(self, now: float) -> None:
        self._reconnected = now

    def until_ask(self, now: float, *, connected: bool, running: bool, hinted: bool = False) -> float:
        """Seconds until the server should be asked about the run; 0 when that is due.

        ``hinted``: the queue moved, or the run may have ended unheard.
        """
        patience = self.patience
        if self._ended is not None:
            # Growing steps: history comes within milliseconds, or there is something wrong.
            steps = max(patience.ask_ended, (self._asked - self._ended) / 2)
            due = max(self._asked, self._ended) + min(steps, patience.ask_running)
        elif self._interrupted is not None:
            due = self._asked + min(patience.ask_deaf, patience.interrupt_grace / 4)
        elif not connected:
            due = self._asked + patience.ask_deaf
        elif running:
            due = max(self._asked, self._alive) + patience.ask_running
        else:
            due = self._asked + patience.ask_waiting
        if hinted:
            due = min(due, self._asked + patience.ask_hinted)
        limit = max(self._alive + patience.no_life, self._asked + patience.ask_deaf)
        return max(0.0, min(due, limit) - now)

    def history_is_late(self, now: float) -> bool:
        """Whether an ended run without history entry should be taken for forgotten."""
        return self._ended is None or now - self._ended >= self.patience.history_late

    def socket_suspect(self, now: float) -> bool:
        """Whether a run that ``/queue`` calls running has been silent for suspiciously long."""
        return now - max(self._alive, self._reconnected) >= self.patience.reconnect_after

    def verdict(self, now: float, *, unwanted_since: float | None = None) -> Verdict:
        """What to make of all this, right after the server was asked. ``unwanted_since``: when somebody
        wished to cancel the run."""
        if now - self._reached >= self.patience.unreachable:
            return Verdict.UNREACHABLE
        if unwanted_since is not None:
            gone = now - max(self._reached, unwanted_since)
            if gone >= self.patience.unreachable_cancelled:
                return Verdict.UNREACHABLE
        if self._stalled is not None and now - self._stalled >= self.patience.stalled:
            return Verdict.WEDGED
        if self._interrupted is not None:
            silent = now - max(self._interrupted, self._alive)
            ignored = self._listed and silent >= self.patience.interrupt_grace
            return Verdict.WEDGED if ignored else Verdict.GO_ON
        return Verdict.NO_LIFE if now - self._alive >= self.patience.no_life else Verdict.GO_ON
