"""One run as a state machine: the server's messages and snapshots in, the core's events out. Pure.

The websocket is a hint. Messages move a run along and may say how it ended; whatever they leave open is
taken from ``/history``: whoever drives a run asks there when :attr:`Run.phase` says so (``ENDED``).
Messages without our prompt id never change the phase.
"""

from __future__ import annotations

from enum import Enum, auto

from bot.comfy import failures
from bot.comfy import protocol as wire
from bot.comfy.progress import Meter, Plan
from bot.comfy.snapshots import Ending, HistoryEntry, QueueSnapshot, parse_outputs, seconds_between
from bot.domain.errors import NodeFailed
from bot.domain.events import (
    Failed,
    Finished,
    Interrupted,
    NodeStarted,
    Previewed,
    Progressed,
    Queued,
    RunEvent,
    Started,
)
from bot.domain.ids import NodeId, PromptId
from bot.domain.outputs import Output, OutputFile
from bot.templates.graph import Graph


class Phase(Enum):
    SUBMITTED = auto()
    """Posted; the server has not yet said that it waits or runs."""
    WAITING = auto()
    RUNNING = auto()
    ENDED = auto()
    """Over, as the socket says; ``/history`` has (or soon has) the outputs."""
    OVER = auto()
    """An end event was given. Nothing follows."""


_MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.SUBMITTED: frozenset({Phase.WAITING, Phase.RUNNING, Phase.ENDED, Phase.OVER}),
    Phase.WAITING: frozenset({Phase.RUNNING, Phase.ENDED, Phase.OVER}),
    Phase.RUNNING: frozenset({Phase.ENDED, Phase.OVER}),
    Phase.ENDED: frozenset({Phase.OVER}),
    Phase.OVER: frozenset(),
}
"""Legal moves: always onwards. A server that says otherwise is late, and is not followed."""


class Run:
    """The state of one submission. Not thread-safe; knows no clock and no I/O.

    ``wanted`` are the output nodes that matter: when the socket has told of success and of every one of
    them, the run is finished without asking. With none named, ``/history`` always has the last word.
    """

    def __init__(self, prompt_id: PromptId, graph: Graph, wanted: frozenset[NodeId] = frozenset()) -> None:
        self.prompt_id = prompt_id
        self.phase = Phase.SUBMITTED
        self._graph = graph
        self._meter = Meter(Plan.of(graph))
        self._outputs: dict[NodeId, tuple[Output, ...]] = {}
        self._made_by: dict[NodeId, NodeId] = {}
        self._current: NodeId | None = None
        self._step: tuple[NodeId, float, float] | None = None
        self._ahead: int | None = None
        self._started_ms: int | None = None
        self._live = False
        self._wanted = wanted
        self._cached = False

    @property
    def fraction(self) -> float:
        return self._meter.fraction

    def disconnected(self) -> None:
        """The socket went: until a message with our id comes again, frames without one are not ours."""
        self._live = False

    def apply(self, message: wire.Message) -> list[RunEvent]:
        """What ``message`` means for this run; nothing when it is about another."""
        if self.phase is Phase.OVER:
            return []
        if isinstance(message, wire.PreviewFrame):
            return self._preview(message)
        if isinstance(message, wire.Status | wire.FeatureFlags | wire.ProgressText | wire.Unknown):
            return []
        if message.prompt_id != self.prompt_id:
            self._live = False
            return []
        self._live = True
        return self._own(message)

    def _own(self, message: wire.RunMessage) -> list[RunEvent]:
        match message:
            case wire.ExecutionStart(timestamp_ms=started):
                self._started_ms = started
                return self._begin()
            case wire.ExecutionCached(nodes=nodes):
                self._meter.cached(nodes)
                self._cached = bool(self._wanted) and self._wanted <= set(nodes)
                return []
            case wire.Executing(node=node, display_node=display):
                return self._begin() + self._enter(self._shown(node, display))
            case wire.Progress(nodes=states):
                return self._begin() + self._steps(states)
            case wire.Executed(node=node, display_node=display, output=output):
                shown = self._shown(node, display)
                self._outputs[node] = parse_outputs({shown: output}) if output else ()
                self._meter.finished(node)
                return []
            case wire.ExecutionSuccess(timestamp_ms=ended) if self._complete():
                seconds = seconds_between(self._started_ms, ended)
                return self._over(Finished(self._collected(), seconds, self._cached))
            case wire.ExecutionSuccess() | wire.EndMark():
                self._move(Phase.ENDED)
                return []
            case wire.ExecutionError() if message.exception_type == "ExecutionBlocked":
                return []  # one output is blocked; the run goes on and may succeed
            case wire.ExecutionError(timestamp_ms=ended):
                return self._over(
                    Failed(self._node_failed(message), seconds_between(self._started_ms, ended))
                )
            case wire.ExecutionInterrupted(timestamp_ms=ended):
                return self._over(Interrupted(seconds_between(self._started_ms, ended)))

    def in_queue(self, queue: QueueSnapshot) -> list[RunEvent]:
        """``/queue`` lists this run: waiting or running."""
        if self.prompt_id in queue.running:
            return self._begin()
        ahead = queue.ahead_of(self.prompt_id)
        if self.phase is Phase.SUBMITTED:
            self._move(Phase.WAITING)
        if self.phase is Phase.WAITING and ahead is not None and ahead != self._ahead:
            self._ahead = ahead
            return [Queued(ahead)]
        return []

    def in_history(self, entry: HistoryEntry) -> list[RunEvent]:
        """``/history`` has this run: it is over, and the entry says how."""
        match entry.ending:
            case Ending.SUCCESS:
                return self._over(
                    Finished(entry.outputs or self._collected(), entry.server_seconds, entry.cached)
                )
            case Ending.INTERRUPTED:
                return self._over(Interrupted(entry.server_seconds))
            case Ending.ERROR:
                error = self._node_failed(entry.error) if entry.error else failures.lost(self.prompt_id)
                return self._over(Failed(error, entry.server_seconds))

    def nowhere(self) -> list[RunEvent]:
        """Neither ``/queue`` nor ``/history`` knows this run.

        When the socket told of its end and of every output, somebody cleared the history: the pictures
        are there all the same. Otherwise the server restarted, or somebody deleted the prompt.
        """
        collected = self._collected()
        if self.phase is Phase.ENDED and any(isinstance(output, OutputFile) for output in collected):
            return self._over(Finished(collected, None, cached=False))
        return self._over(Failed(failures.lost(self.prompt_id)))

    def give_up(self, end: Failed | Interrupted) -> list[RunEvent]:
        """Whoever drives the run stops waiting for it."""
        return self._over(end)

    def _complete(self) -> bool:
        """Whether the socket told of every wanted output, so that ``/history`` has nothing to add."""
        return bool(self._wanted) and self._wanted <= {output.node for output in self._collected()}

    def _collected(self) -> tuple[Output, ...]:
        return tuple(output for outputs in self._outputs.values() for output in outputs)

    def _node_failed(self, error: wire.ExecutionError) -> NodeFailed:
        shown = self._shown(error.node, error.node)
        return failures.node_failed(error, self._title(shown, error.class_type))

    def _begin(self) -> list[RunEvent]:
        if self.phase in (Phase.SUBMITTED, Phase.WAITING):
            self._move(Phase.RUNNING)
            return [Started()]
        return []

    def _enter(self, shown: NodeId) -> list[RunEvent]:
        if shown == self._current:
            return []
        self._current = shown
        return [NodeStarted(shown, self._title(shown))]

    def _steps(self, states: tuple[wire.NodeProgress, ...]) -> list[RunEvent]:
        """At most one event a message, and none when nothing moved: a server tells each step twice."""
        before = self.fraction
        latest: tuple[NodeId, float, float] | None = None
        for state in states:
            shown = self._shown(state.node, state.display_node)
            earlier = self.fraction
            if state.finished and state.node in self._graph:
                self._meter.finished(state.node)
                if self.fraction > earlier:
                    latest = (shown, state.max, state.max)
            elif not state.finished and state.max > 1:  # every node begins as "0 of 1": that is no step
                self._meter.stepped(shown, state.value, state.max)
                latest = (shown, state.value, state.max)
        if latest is None or (latest == self._step and self.fraction == before):
            return []
        self._step = latest
        node, step, steps = latest
        return [Progressed(self.fraction, node, self._title(node), step, steps)]

    def _preview(self, frame: wire.PreviewFrame) -> list[RunEvent]:
        # A server runs one prompt at a time and keeps the order of what it sends, so a frame without an
        # id belongs to us while the last message with an id was ours. It changes nothing but the view.
        mine = frame.prompt_id == self.prompt_id or (
            frame.prompt_id is None and self._live and self.phase is Phase.RUNNING
        )
        return [Previewed(frame.image, frame.mime)] if mine else []

    def _shown(self, node: NodeId, display: NodeId) -> NodeId:
        """The node of the graph that stands for ``node``: some come into being while the graph runs.

        ``progress`` names such a node without saying what made it; other messages say both.
        """
        if node in self._graph:
            return node
        if display in self._graph:
            self._made_by[node] = display
        return self._made_by.get(node, display)

    def _title(self, node_id: NodeId, class_type: str = "") -> str:
        node = self._graph.get(node_id)
        return (node.title or node.class_type) if node else failures.clean(class_type or node_id, 60)

    def _move(self, phase: Phase) -> None:
        if phase is self.phase:
            return
        if phase not in _MOVES[self.phase]:
            raise ValueError(f"{self.prompt_id}: {self.phase.name} to {phase.name} is not a legal move")
        self.phase = phase

    def _over(self, event: RunEvent) -> list[RunEvent]:
        if self.phase is Phase.OVER:
            return []
        self._move(Phase.OVER)
        return [event]
