"""Replaying steps of a transcript through a :class:`~bot.comfy.run.Run`, as its driver would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.comfy.run import Phase, Run
from bot.comfy.snapshots import QueueSnapshot, parse_history, parse_queue
from bot.domain.errors import OutOfMemory, RunLost
from bot.domain.events import EndEvent, Failed, Finished, Interrupted, Progressed, RunEvent
from tests.support.transcripts import Closed, Frame, Looked, Posted, Step


@dataclass
class Replay:
    """What came of it. ``fractions`` after each step."""

    run: Run
    events: list[RunEvent] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    _queue: QueueSnapshot | None = None

    @property
    def ends(self) -> list[EndEvent]:
        return [event for event in self.events if isinstance(event, Finished | Failed | Interrupted)]

    @property
    def outcome(self) -> str:
        """One word: finished, interrupted, lost, out of memory, failed; ended or open without an end."""
        match self.ends:
            case []:
                return "ended" if self.run.phase is Phase.ENDED else "open"
            case [Finished()]:
                return "finished"
            case [Interrupted()]:
                return "interrupted"
            case [Failed(error=RunLost())]:
                return "lost"
            case [Failed(error=OutOfMemory())]:
                return "out of memory"
            case [Failed()]:
                return "failed"
        raise AssertionError(f"more than one end: {self.ends}")

    def feed(self, step: Step) -> None:
        match step:
            case Frame():
                self._note(self.run.apply(step.message))
            case Closed():
                self.run.disconnected()
            case Looked():
                self._note(self._look(step))

    def _look(self, look: Looked) -> list[RunEvent]:
        if look.path == "/queue":
            self._queue = parse_queue(look.body)
            return self.run.in_queue(self._queue) if self.run.prompt_id in self._queue else []
        if look.path != f"/history/{self.run.prompt_id}" or "status" not in str(look.body or "status"):
            return []  # about another prompt, or trimmed in the recording
        if (entry := parse_history(look.body, self.run.prompt_id)) is not None:
            return self.run.in_history(entry)
        return self.run.nowhere() if self._queue and self.run.prompt_id not in self._queue else []

    def _note(self, events: list[RunEvent]) -> None:
        self.events += events
        self.fractions.append(self.run.fraction)


def replay(posted: Posted, steps: Iterable[Step]) -> Replay:
    result = Replay(Run(posted.prompt_id, posted.graph))
    for step in steps:
        result.feed(step)
    return result


def check_invariants(result: Replay) -> None:
    """What holds for every run, whatever was heard."""
    assert len(result.ends) <= 1
    if result.ends:
        assert result.events[-1] is result.ends[0], "nothing follows the end"
    assert result.fractions == sorted(result.fractions), "progress never falls"
    assert all(0 <= fraction < 1 for fraction in result.fractions)
    told = [event.fraction for event in result.events if isinstance(event, Progressed)]
    assert told == sorted(told)
    assert all(0 <= fraction < 1 for fraction in told)
