"""Driving one run to its end: listen, ask, stop. The websocket hints; ``/history`` and ``/queue`` decide.

:class:`~bot.comfy.run.Run` says what a message means, :class:`~bot.comfy.watch.Watch` when to stop
trusting silence; this module does what they say and decides nothing itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.comfy.client import ComfyClient
from bot.comfy.run import Phase
from bot.comfy.session import Session
from bot.comfy.snapshots import HistoryEntry, QueueSnapshot
from bot.comfy.subscription import Subscription
from bot.comfy.watch import Verdict, Watch
from bot.domain.errors import BackendError, RunTimedOut, ServerUnreachable, ServerWedged
from bot.domain.events import (
    Disconnected,
    EndEvent,
    Failed,
    Finished,
    Interrupted,
    Reconnected,
    RunEvent,
)
from bot.domain.text import Text

log = logging.getLogger(__name__)


class Drive:
    """One run that is being watched. Make it after subscribing, drive it after posting."""

    def __init__(
        self,
        client: ComfyClient,
        session: Session,
        subscription: Subscription,
        watch: Watch,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._session = session
        self._subscription = subscription
        self._run = subscription.run
        self._watch = watch
        self._clock = clock
        self._timed_out = False
        self._ahead: tuple[frozenset[str], int] | None = None
        self._refusal: BackendError | None = None
        self._refusals = 0
        self._away = False
        self._unwanted_since: float | None = None
        self._limit: asyncio.Timeout | None = None

    @property
    def cancel_wished(self) -> bool:
        return self._unwanted_since is not None

    def wish_to_cancel(self) -> None:
        if self._unwanted_since is None:
            self._unwanted_since = self._clock()
            if self._limit is not None:
                self._limit.reschedule(self._soon())
        self._subscription.nudge()

    @asynccontextmanager
    async def while_wanted(self) -> AsyncIterator[None]:
        """What is asked of the server may take its time; once a cancel is wished, only a little more.

        Raises TimeoutError then: a host that swallows packets must not hold up whoever wants to stop.
        """
        try:
            async with asyncio.timeout_at(self._soon() if self.cancel_wished else None) as self._limit:
                yield
        finally:
            self._limit = None

    def _soon(self) -> float:
        # Half of the patience: a submission that is broken off so is followed by a try to stop it.
        return asyncio.get_running_loop().time() + self._watch.patience.unreachable_cancelled / 2

    async def to_the_end(self, on_event: Callable[[RunEvent], None]) -> EndEvent:
        """Report events until the run is over; the end is returned, not reported."""
        subscription = self._subscription
        while True:
            for event in subscription.take():
                if isinstance(event, Finished | Failed | Interrupted):
                    return self._why(event)
                on_event(event)
            self._note_signs_of_life()
            wait = self._watch.until_ask(
                self._clock(),
                connected=self._session.connected,
                running=self._run.phase is Phase.RUNNING,
                hinted=subscription.hinted,
            )
            if subscription.ask or wait <= 0:
                await self._look()
            elif not subscription.has_events:
                await subscription.changed(wait)

    def _note_signs_of_life(self) -> None:
        now = self._clock()
        if self._subscription.heard:
            self._subscription.heard = False
            self._watch.heard(now)
        if self._run.phase is Phase.ENDED:
            self._watch.ended(now)

    async def _look(self) -> None:
        """Ask the server how the run stands, stop it where that is wished, and judge the silence."""
        self._subscription.ask = self._subscription.hinted = False
        try:
            async with self.while_wanted():
                if self._timed_out or (self.cancel_wished and self._run.phase is not Phase.ENDED):
                    # Again at each look: an interrupt between queue and first node goes nowhere.
                    await self._stop()
                found = await self._find()
        except TimeoutError:
            self._unanswered(self._unreachable())
        except BackendError as error:
            self._unanswered(error)
        else:
            self._answered(found)
        if self._run.phase is not Phase.OVER:
            await self._judge()

    def _unanswered(self, error: BackendError) -> None:
        log.debug("cannot ask about prompt %s: %s", self._run.prompt_id, error.cause)
        self._refusal = error
        self._refusals += 1
        self._watch.asked(self._clock(), reached=False)
        # One answer may get lost while the socket tells all the same.
        if not self._away and (self._refusals > 1 or not self._session.connected):
            self._away = True
            self._subscription.push([Disconnected(self._absence(error))])

    def _answered(self, found: HistoryEntry | QueueSnapshot | None) -> None:
        if self._refusal is not None:
            self._session.hurry()  # it is back
        self._refusal, self._refusals = None, 0
        queue = found if isinstance(found, QueueSnapshot) else None
        self._watch.asked(
            self._clock(),
            reached=True,
            listed=queue is not None,
            stalled=queue is not None and not queue.running,
        )
        events = self._means(found)
        if self._away and self._run.phase is not Phase.OVER:
            self._away = False
            self._subscription.push([Reconnected()])
        self._subscription.push(events)

    async def _find(self) -> HistoryEntry | QueueSnapshot | None:
        """Where the server has the run: among the ended, in the queue, or nowhere. Raises BackendError."""
        prompt_id = self._run.prompt_id
        if (entry := await self._client.history(prompt_id)) is not None:
            return entry
        if prompt_id in (queue := await self._client.queue()):
            return queue
        # It may have moved from one to the other between the two looks.
        return await self._client.history(prompt_id)

    def _means(self, found: HistoryEntry | QueueSnapshot | None) -> list[RunEvent]:
        run, now = self._run, self._clock()
        match found:
            case HistoryEntry():
                return run.in_history(found)
            case QueueSnapshot():
                self._note_queue(found, now)
                return run.in_queue(found)
            case None if run.phase is Phase.ENDED:
                return run.nowhere() if self._watch.history_is_late(now) else []
            case None if self.cancel_wished or self._timed_out:
                return run.give_up(Interrupted())  # a deleted prompt leaves no trace
            case None:
                return run.nowhere()

    def _note_queue(self, queue: QueueSnapshot, now: float) -> None:
        """What moves ahead of a waiting run is life. Prompts that queue up behind a dead worker are not."""
        ahead = queue.ahead_of(self._run.prompt_id)
        state = (frozenset(queue.running), -1 if ahead is None else ahead)
        if self._ahead is None or state[0] != self._ahead[0] or state[1] < self._ahead[1]:
            self._watch.moved(now)
        self._ahead = state

    async def _stop(self) -> None:
        """Take the run out of the queue, and interrupt it if it is the one that runs; never another."""
        prompt_id = self._run.prompt_id
        for stop in (self._client.delete, self._client.interrupt):
            try:
                await stop(prompt_id)
            except BackendError as error:
                log.info("cannot stop prompt %s: %s", prompt_id, error.cause)
        self._watch.interrupted(self._clock())

    async def _judge(self) -> None:
        """Act on a run that has been silent for too long."""
        now = self._clock()
        match self._watch.verdict(now, unwanted_since=self._unwanted_since):
            case Verdict.UNREACHABLE if self.cancel_wished:
                # Nobody can be asked to stop it, and nobody waits for it: whoever comes next forgets it.
                self._subscription.push(self._run.give_up(Interrupted()))
            case Verdict.UNREACHABLE:
                self._give_up(self._refused() or self._unreachable())
            case Verdict.WEDGED:
                await self._stop()  # or it would be painted for nobody after all
                self._give_up(self._wedged())
            case Verdict.NO_LIFE:
                self._timed_out = True
                self._subscription.nudge()
            case Verdict.GO_ON:
                running = self._run.phase is Phase.RUNNING
                if running and self._session.connected and self._watch.socket_suspect(now):
                    self._watch.reconnected(now)
                    await self._session.reconnect()

    def _give_up(self, error: BackendError) -> None:
        self._subscription.push(self._run.give_up(Failed(error)))

    def _why(self, end: EndEvent) -> EndEvent:
        """An interrupt that we sent for want of life is a time-out, not somebody's wish."""
        if self._timed_out and not self.cancel_wished and isinstance(end, Interrupted):
            return Failed(self._no_life(), end.server_seconds)
        return end

    def _refused(self) -> BackendError | None:
        """The answer of a server that answers, but not to us any more: a login, or something else there."""
        return None if isinstance(self._refusal, ServerUnreachable) else self._refusal

    def _absence(self, error: BackendError) -> Text:
        if isinstance(error, ServerUnreachable):
            return Text("The connection to the ComfyUI server was lost; waiting for it to come back.")
        return error.text

    def _unreachable(self) -> BackendError:
        return ServerUnreachable(
            Text(
                "The ComfyUI server at {url} went away in the middle of this picture and did not come back.",
                url=self._client.base,
            ),
            cause=f"prompt {self._run.prompt_id}: no answer for {self._watch.patience.unreachable:.0f} s",
        )

    def _no_life(self) -> RunTimedOut:
        return RunTimedOut(
            Text(
                "The ComfyUI server showed no sign of work on this picture for {seconds} seconds, so it "
                "was stopped.",
                seconds=round(self._watch.patience.no_life),
            ),
            cause=f"prompt {self._run.prompt_id}: no sign of life",
        )

    def _wedged(self) -> ServerWedged:
        if self._run.phase is Phase.RUNNING:
            said = Text(
                "The ComfyUI server at {url} is stuck: it says that it runs this picture, makes no "
                "progress and ignores being stopped. Its operator has to restart it.",
                url=self._client.base,
            )
        else:
            said = Text(
                "The ComfyUI server at {url} is stuck: pictures wait there, and it paints none of them. "
                "Its operator has to restart it.",
                url=self._client.base,
            )
        return ServerWedged(said, cause=f"prompt {self._run.prompt_id}: {self._run.phase.name.lower()}")
