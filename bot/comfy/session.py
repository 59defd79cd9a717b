"""One websocket to one server: kept open, read without pause, each message handed to the run it names.

A reader that stops stalls the server's delivery to everybody, so nothing here waits for a consumer:
runs take messages at once (:meth:`Run.apply` is pure and quick) and their events are conflated.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from bot.comfy import protocol as wire
from bot.comfy.client import ComfyClient
from bot.comfy.run import Run
from bot.comfy.subscription import Subscription
from bot.domain.ids import ClientId, PromptId

log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 128 * 1024 * 1024
"""Frames from the server have no limit of their own; a node that sends full PNGs passes 4 MiB easily."""
PING_SECONDS = 20.0
"""The server never pings; ours find a dead connection."""
CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 2.0
STABLE_SECONDS = 5.0
"""A connection that lived shorter counts as one that failed, so that the pauses between tries grow."""
TURN_SECONDS = 0.01
"""How long frames that are already here are read before other tasks get a turn."""
MOST_REASONS = 50
OURS_REMEMBERED = 32


class Session:
    """The websocket of one client. :meth:`stay_connected` runs in a task of its owner's.

    Without a ``client_id`` each connection gets a fresh one as long as no run is on its way: a server
    that finds the old socket dead only later would make the same id deaf.
    """

    def __init__(self, client: ComfyClient, *, client_id: ClientId | None = None) -> None:
        self.client_id = client_id or _fresh_id()
        self.ignored: Counter[str] = Counter()
        """Messages that meant nothing to us, by reason; ``foreign`` are about other clients' prompts."""
        self.connections = 0
        self.flags: dict[str, object] = {}
        """What the server can do, as it told on the last connection."""
        self._client = client
        self._fixed_id = client_id is not None
        self._subscriptions: dict[PromptId, Subscription] = {}
        self._ours: deque[PromptId] = deque(maxlen=OURS_REMEMBERED)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._closing = asyncio.Lock()
        self._suspected = False
        self._connected = asyncio.Event()
        self._tried = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the server sends to our socket. It may still be deaf: see :meth:`reconnect`."""
        return self._connected.is_set()

    @contextmanager
    def subscribe(self, run: Run) -> Iterator[Subscription]:
        """Hear of ``run`` from now on; to be entered before its graph is posted.

        Raises ValueError for a prompt that is already being followed.
        """
        if run.prompt_id in self._subscriptions:
            raise ValueError(f"prompt {run.prompt_id} is followed already")
        subscription = Subscription(run)
        self._subscriptions[run.prompt_id] = subscription
        try:
            yield subscription
        finally:
            del self._subscriptions[run.prompt_id]
            self._ours.append(run.prompt_id)

    async def first_try(self, seconds: float) -> bool:
        """Whether there is a connection. If not, one attempt is made now, and given ``seconds`` to end."""
        if not self.connected:
            self._tried.clear()
            self.hurry()
            try:
                async with asyncio.timeout(seconds):
                    await self._tried.wait()
            except TimeoutError:
                pass
        return self.connected

    def hurry(self) -> None:
        """Try to connect now instead of after the pause that failures made longer."""
        self._hurried.set()

    async def reconnect(self) -> None:
        """Close the socket on suspicion; :meth:`stay_connected` opens a new one.

        The reader must not be cancelled for this: aiohttp then hangs up without waiting for the server's
        answer, and the server might find the old socket closed only after the new one has opened.
        """
        if (socket := self._socket) is not None:
            self._suspected = True
            async with self._closing:
                await socket.close()

    async def stay_connected(self) -> None:
        """Connect, read, reconnect with backoff and jitter, until cancelled.

        The old socket is closed fully before a new one opens: when two hold one client id and the older
        closes, the server unregisters the id and the newer goes deaf.
        """
        while True:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((aiohttp.ClientError, OSError)),
                wait=wait_random_exponential(multiplier=0.25, max=10.0),
                sleep=self._pause,
                before_sleep=self._log_failure,
            ):
                with attempt:
                    await self._connect_and_read()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass

    def _log_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.debug("websocket of %s: %r (try %d)", self._client.base, error, state.attempt_number)

    async def _connect_and_read(self) -> None:
        """One connection's life. Raises when it was none or too short; returns when it was lost later."""
        self._hurried.clear()
        if not self._fixed_id and not self._subscriptions:
            self.client_id = _fresh_id()
        url = (self._client.base / "ws").with_query(clientId=self.client_id)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await self._client.http.ws_connect(
                    url,
                    heartbeat=PING_SECONDS,
                    max_msg_size=MAX_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
            began, self._suspected = asyncio.get_running_loop().time(), False
            try:
                await socket.send_json(wire.FEATURE_FLAGS)
                async with asyncio.timeout(CONNECT_SECONDS):
                    greeting = await socket.receive()
                if _message(greeting) is not None:
                    self._welcome(socket)
                    await self._read(socket)
            finally:
                self._gone()
                async with self._closing:  # whoever closes it already has finished then
                    await socket.close()
        finally:
            self._tried.set()
        lived = asyncio.get_running_loop().time() - began
        if lived < STABLE_SECONDS and not self._suspected:
            # A proxy that accepts and hangs up is no connection.
            raise ConnectionResetError("closed soon after it opened")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        clock = asyncio.get_running_loop().time
        turn_ends = clock() + TURN_SECONDS
        async for frame in socket:
            if (message := _message(frame)) is not None:
                self._dispatch(message)
            if clock() >= turn_ends:
                # Frames that are here already are given without a pause: let others have their turn.
                await asyncio.sleep(0)
                turn_ends = clock() + TURN_SECONDS

    def _welcome(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The server's first message came: from now on it addresses this socket."""
        self._socket = socket
        self.connections += 1
        self._connected.set()
        self._tried.set()
        log.debug("websocket of %s: connected", self._client.base)
        for subscription in self._subscriptions.values():
            subscription.nudge()  # what happened while we were away is not repeated

    def _gone(self) -> None:
        self._socket = None
        self._connected.clear()
        for subscription in self._subscriptions.values():
            subscription.run.disconnected()
            subscription.nudge()

    def _dispatch(self, message: wire.Message) -> None:
        match message:
            case wire.Unknown(what=what):
                self._ignore(what)
                return
            case wire.FeatureFlags(flags=flags):
                self.flags = dict(flags)
                return
            case wire.ProgressText() | wire.Executing(prompt_id=None):
                self._ignore("without prompt id")
            case wire.Status() | wire.PreviewFrame(prompt_id=None):
                pass
            case _ if message.prompt_id not in self._subscriptions:
                self._ignore("late" if message.prompt_id in self._ours else "foreign")
        # Every run hears everything: what belongs to another tells it that its own has paused.
        for subscription in self._subscriptions.values():
            subscription.feed(message)

    def _ignore(self, reason: str) -> None:
        if reason not in self.ignored and len(self.ignored) >= MOST_REASONS:
            reason = "other"
        self.ignored[reason] += 1


def _message(frame: aiohttp.WSMessage) -> wire.Message | None:
    """The message in a frame; None for one that closes the socket."""
    if frame.type is aiohttp.WSMsgType.TEXT:
        return wire.parse_text(frame.data)
    if frame.type is aiohttp.WSMsgType.BINARY:
        return wire.parse_binary(frame.data)
    return None


def _fresh_id() -> ClientId:
    return ClientId(str(uuid.uuid4()))
