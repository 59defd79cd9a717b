"""Driving one run to its end: listen, ask, stop. The websocket hints; ``/history`` and ``/queue`` decide.

:class:`~bot.comfy.run.Run` says what a message means, :class:`~bot.comfy.watch.Watch` when to stop
trusting silence; this module does what they say and decides nothing itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.comfy.client import ComfyClient
from bot.comfy.run import Phase
from bot.comfy.session import Session, Subscription
from bot.comfy.snapshots import QueueSnapshot
from bot.comfy.watch import Verdict, Watch
from bot.domain.errors import BackendError, RunTimedOut, ServerUnreachable, ServerWedged
from bot.domain.events import EndEvent, Failed, Finished, Interrupted, RunEvent
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
        self._cancel_wished = False
        self._stop_sent = False
        self._timed_out = False
        self._last_queue: QueueSnapshot | None = None

    def wish_to_cancel(self) -> None:
        self._cancel_wished = True
        self._subscription.nudge()

    async def to_the_end(self, on_event: Callable[[RunEvent], None]) -> EndEvent:
        """Report events until the run is over; the end is returned, not reported."""
        while True:
            for event in self._subscription.take():
                if isinstance(event, Finished | Failed | Interrupted):
                    return self._why(event)
                on_event(event)
            self._note_signs_of_life()
            if self._cancel_wished and not self._stop_sent:
                await self._stop()
            wait = self._watch.until_ask(
                self._clock(), connected=self._session.connected, running=self._run.phase is Phase.RUNNING
            )
            if self._subscription.ask or wait <= 0:
                self._subscription.ask = False
                self._subscription.push(await self._ask())
                await self._judge()
            elif not self._subscription.has_events:
                await self._subscription.changed(wait)

    def _note_signs_of_life(self) -> None:
        now = self._clock()
        if self._subscription.heard:
            self._subscription.heard = False
            self._watch.heard(now)
        if self._run.phase is Phase.ENDED:
            self._watch.ended(now)
        if self._run.end_mark_seen:
            # The last message of a run: its history is there by now (not so on execution_success).
            self._run.end_mark_seen = False
            self._subscription.ask = True

    async def _ask(self) -> list[RunEvent]:
        """Look at the server; what it says about the run."""
        run = self._run
        try:
            entry = await self._client.history(run.prompt_id)
            if entry is None:
                queue = await self._client.queue()
                if run.prompt_id in queue:
                    return await self._still_there(queue)
                # It may have moved from one to the other between the two looks.
                entry = await self._client.history(run.prompt_id)
        except BackendError as error:
            log.info("cannot ask about prompt %s: %s", run.prompt_id, error.cause)
            self._watch.asked(self._clock(), reached=False)
            return []
        now = self._clock()
        self._watch.asked(now, reached=True)
        if entry is not None:
            return run.in_history(entry)
        if self._stop_sent:
            return run.give_up(Interrupted())  # a deleted prompt leaves no trace
        if run.phase is Phase.ENDED and not self._watch.history_is_late(now):
            return []
        return run.nowhere()

    async def _still_there(self, queue: QueueSnapshot) -> list[RunEvent]:
        now = self._clock()
        self._watch.asked(now, reached=True)
        if queue != self._last_queue:
            self._last_queue = queue
            self._watch.heard(now)
        if self._stop_sent:
            # An interrupt that came while the server was between queue and first node went nowhere.
            await self._stop()
        return self._run.in_queue(queue)

    async def _stop(self) -> None:
        """Take the run out of the queue, or interrupt it; never anybody else's."""
        prompt_id = self._run.prompt_id
        try:
            await self._client.delete(prompt_id)
            await self._client.interrupt(prompt_id)
        except BackendError as error:
            log.info("cannot stop prompt %s: %s", prompt_id, error.cause)
            self._watch.asked(self._clock(), reached=False)
            return
        if not self._stop_sent:
            self._stop_sent = True
            self._watch.interrupted(self._clock())
            # One look at once: what waited is gone now and tells nobody.
            self._subscription.ask = True

    async def _judge(self) -> None:
        """Act on a run that has been silent for too long."""
        run = self._run
        if run.phase is Phase.OVER:
            return
        now, running = self._clock(), run.phase is Phase.RUNNING
        match self._watch.verdict(now, running=running):
            case Verdict.UNREACHABLE:
                self._subscription.push(run.give_up(Failed(self._unreachable())))
            case Verdict.WEDGED:
                self._subscription.push(run.give_up(Failed(self._wedged())))
            case Verdict.NO_LIFE:
                self._timed_out = True
                await self._stop()
            case Verdict.GO_ON if running and self._session.connected and self._watch.socket_suspect(now):
                self._watch.reconnected(now)
                await self._session.reconnect()

    def _why(self, end: EndEvent) -> EndEvent:
        """An interrupt that we sent for want of life is a time-out, not somebody's wish."""
        if self._timed_out and isinstance(end, Interrupted):
            return Failed(self._no_life(), end.server_seconds)
        return end

    def _unreachable(self) -> ServerUnreachable:
        return ServerUnreachable(
            Text(
                "The ComfyUI server at {url} went away while it painted and did not come back.",
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
        return ServerWedged(
            Text(
                "The ComfyUI server at {url} is stuck: it says that it runs this picture, makes no "
                "progress and ignores being stopped. Its operator has to restart it.",
                url=self._client.base,
            ),
            cause=f"prompt {self._run.prompt_id}: interrupt ignored for "
            f"{self._watch.patience.interrupt_grace:.0f} s",
        )
