"""One websocket to one server: kept open, read without pause, each message handed to the run it names.

A reader that stops stalls the server's delivery to everybody, so nothing here waits for a consumer:
runs take messages at once (:meth:`Run.apply` is pure and quick) and their events are conflated.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from bot.comfy import protocol as wire
from bot.comfy.client import ComfyClient
from bot.comfy.run import Phase, Run
from bot.domain.events import Previewed, Progressed, RunEvent
from bot.domain.ids import ClientId, PromptId

log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 128 * 1024 * 1024
"""Frames from the server have no limit of their own; a node that sends full PNGs passes 4 MiB easily."""
PING_SECONDS = 20.0
"""The server never pings; ours find a dead connection."""
CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 2.0


class Subscription:
    """What one run hears. Events wait here, unfinished ones conflated, until the driver takes them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.heard = False
        """A message about this run came since the driver last looked."""
        self.ask = False
        """Something happened (reconnect, queue change) that makes a look at the server worthwhile."""
        self._events: deque[RunEvent] = deque()
        self._changed = asyncio.Event()

    def feed(self, message: wire.Message) -> None:
        before = self.run.phase
        self.push(self.run.apply(message))
        if getattr(message, "prompt_id", None) == self.run.prompt_id:
            self.heard = True
            if self.run.phase is not before or isinstance(message, wire.EndMark):
                self._changed.set()
        elif (
            isinstance(message, wire.Status)
            and self.run.phase not in (Phase.ENDED, Phase.OVER)
            # Nothing left in the queue and we still think that we run: the end was missed.
            and (self.run.phase is Phase.WAITING or message.queue_remaining == 0)
        ):
            self.nudge()

    def nudge(self) -> None:
        self.ask = True
        self._changed.set()

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    def push(self, events: Iterable[RunEvent]) -> None:
        """Add events that do not come from the socket (a look at the server, giving up)."""
        for event in events:
            self._push(event)

    def take(self) -> Iterator[RunEvent]:
        """The events since the last call, oldest first."""
        while self._events:
            yield self._events.popleft()

    async def changed(self, seconds: float) -> None:
        """Wait until there is something to look at, at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _push(self, event: RunEvent) -> None:
        if isinstance(event, Progressed | Previewed):
            # Only the newest of a kind matters: memory stays flat however fast a server talks.
            kept = [waiting for waiting in self._events if type(waiting) is not type(event)]
            if len(kept) != len(self._events):
                self._events = deque(kept)
        self._events.append(event)
        self._changed.set()


class Session:
    """The websocket of one client id. :meth:`stay_connected` runs in a task of its owner's."""

    def __init__(self, client: ComfyClient, *, client_id: ClientId | None = None) -> None:
        self.client_id = client_id or ClientId(str(uuid.uuid4()))
        self.ignored: Counter[str] = Counter()
        """Messages that meant nothing to us, by reason; ``foreign`` are other clients' prompts."""
        self.connections = 0
        self.flags: dict[str, object] = {}
        self._client = client
        self._subscriptions: dict[PromptId, Subscription] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    @contextmanager
    def subscribe(self, run: Run) -> Iterator[Subscription]:
        """Hear of ``run`` from now on; to be entered before its graph is posted."""
        subscription = Subscription(run)
        self._subscriptions[run.prompt_id] = subscription
        try:
            yield subscription
        finally:
            del self._subscriptions[run.prompt_id]

    async def first_try(self, seconds: float) -> bool:
        """Give the first attempt to connect time to succeed; returns at once when it has failed."""
        try:
            async with asyncio.timeout(seconds):
                await self._tried.wait()
        except TimeoutError:
            pass
        return self.connected

    async def reconnect(self) -> None:
        """Drop the socket on suspicion; :meth:`stay_connected` opens a new one."""
        if self._socket is not None:
            await self._socket.close()

    async def stay_connected(self) -> None:
        """Connect, read, reconnect with backoff and jitter, until cancelled.

        The old socket is closed fully before a new one opens: when two hold one client id and the older
        closes, the server unregisters the id and the newer goes deaf.
        """
        while True:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((aiohttp.ClientError, OSError)),
                wait=wait_random_exponential(multiplier=0.25, max=10.0),
                before_sleep=self._log_failure,
            ):
                with attempt:
                    await self._connect_and_read()

    def _log_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.debug("websocket of %s: %r (try %d)", self._client.base, error, state.attempt_number)

    async def _connect_and_read(self) -> None:
        """One connection's life. Raises when it could not be made; returns when it was lost later."""
        url = (self._client.base / "ws").with_query(clientId=self.client_id)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await self._client.http.ws_connect(
                    url,
                    heartbeat=PING_SECONDS,
                    max_msg_size=MAX_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
            try:
                await socket.send_json(wire.FEATURE_FLAGS)
                await self._read(socket)
            finally:
                self._gone()
                await socket.close()
        finally:
            self._tried.set()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        greeted = False
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                message = wire.parse_text(frame.data)
            elif frame.type is aiohttp.WSMsgType.BINARY:
                message = wire.parse_binary(frame.data)
            else:
                continue
            if not greeted:
                greeted = True
                self._welcome(socket)
            self._dispatch(message)
        if not greeted:
            # A proxy that accepts and hangs up is no connection: let the backoff grow.
            raise ConnectionResetError("closed before the first message")

    def _welcome(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The server's first message: from now on it addresses this socket."""
        self._socket = socket
        self.connections += 1
        self._connected.set()
        self._tried.set()
        for subscription in self._subscriptions.values():
            subscription.nudge()  # what happened while we were away is not repeated

    def _gone(self) -> None:
        self._socket = None
        self._connected.clear()
        for subscription in self._subscriptions.values():
            subscription.run.disconnected()
            subscription.nudge()

    def _dispatch(self, message: wire.Message) -> None:
        if isinstance(message, wire.Unknown):
            self.ignored[message.what] += 1
            return
        if isinstance(message, wire.FeatureFlags):
            self.flags = dict(message.flags)
            return
        prompt_id = getattr(message, "prompt_id", None)
        if prompt_id is not None and prompt_id not in self._subscriptions:
            self.ignored["foreign"] += 1
        elif prompt_id is None and isinstance(message, wire.ProgressText | wire.Executing):
            self.ignored["without prompt id"] += 1
        # Every run hears everything: what belongs to another tells it that its own has paused.
        for subscription in self._subscriptions.values():
            subscription.feed(message)
