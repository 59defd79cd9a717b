"""Flood limits: how much a bot may send to one chat, to one group in a minute, and to everybody.

Telegram publishes one message a second to a chat (with short bursts), twenty a minute to a group and thirty a
second in all (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this); that edits
count in groups is known and not published. Files of exactly the same size are slowed down by the Bot API
server itself (``Client::on_cmd`` in its sources).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.support.telegram.failures import ApiError, too_many_requests

UPLOAD_BYTES = 100_000
"""Larger uploads of equal size are braked."""
BACKLOG_SECONDS = 5.0
BACKLOG_RETRY = 60
BUCKET_SECONDS = 1.0


@dataclass(frozen=True)
class Window:
    """``calls`` in any ``seconds``."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class FloodLimits:
    """None: no limit. ``chat``: how fast any chat goes on; ``burst`` more at once; ``group``: of groups.

    ``edits``: whether edits count like messages. ``same_size``: the brake on uploads of equal size.
    ``whole_seconds``: how long to wait is said in whole seconds, as the real server does.
    """

    chat: Window | None = Window(1, 1.0)
    burst: int = 4
    group: Window | None = Window(20, 60.0)
    overall: Window | None = Window(30, 1.0)
    edits: bool = True
    same_size: bool = False
    whole_seconds: bool = True

    @classmethod
    def real(cls) -> FloodLimits:
        return cls()

    @classmethod
    def quick(cls, scale: float = 0.02) -> FloodLimits:
        """Shorter windows, for bots that wait by a real clock; waits are said in fractions of seconds."""
        small = [
            replace(each, seconds=each.seconds * scale) for each in (cls.chat, cls.group, cls.overall) if each
        ]
        return cls(chat=small[0], group=small[1], overall=small[2], whole_seconds=False)

    @classmethod
    def off(cls) -> FloodLimits:
        return cls(chat=None, group=None, overall=None)


@dataclass
class Flood:
    """``refused``: how often 429 was said, by the name of the limit: chat, group, overall, test, same_size.

    ``time``: seconds that never jump back.
    """

    limits: FloodLimits
    time: Callable[[], float]
    refused: dict[str, int] = field(default_factory=dict)
    held_until: dict[int, float] = field(default_factory=dict)
    _sent: dict[tuple[str, int], deque[float]] = field(default_factory=dict)
    _buckets: dict[int, tuple[float, float]] = field(default_factory=dict)
    _uploads: dict[int, float] = field(default_factory=dict)

    def hold(self, chat: int, seconds: float) -> None:
        """For so long everything to this chat is refused."""
        self.held_until[chat] = self.time() + seconds

    def take(self, chat: int, *, group: bool, edit: bool, count: int = 1) -> None:
        """``count`` messages to a chat, or an edit there. All limits let it pass, or none is used."""
        if edit and not self.limits.edits:
            return
        now = self.time()
        if now < self.held_until.get(chat, now):
            raise self._refuse("test", self.held_until[chat] - now)
        windows = {("overall", 0): self.limits.overall, ("group", chat): self.limits.group if group else None}
        for (name, key), window in windows.items():
            if window is not None and (wait := self._wait(name, key, window, count, now)) > 0:
                raise self._refuse(name, wait)
        if self.limits.chat is not None:
            self._take_bucket(chat, self.limits.chat, count, now)
        for place, window in windows.items():
            if window is not None:
                self._sent[place].extend([now] * count)

    def _take_bucket(self, chat: int, rate: Window, count: int, now: float) -> None:
        """A bucket that fills steadily and holds a burst. What is more than it holds is owed."""
        whole = rate.calls + self.limits.burst
        level, at = self._buckets.get(chat, (float(whole), now))
        level = min(float(whole), level + (now - at) * rate.calls / rate.seconds)
        missing = min(count, whole) - level
        if missing > 1e-6:
            raise self._refuse("chat", missing * rate.seconds / rate.calls)
        self._buckets[chat] = level - count, now

    def take_upload(self, size: int) -> None:
        """All the files of a request together, bytes."""
        if not self.limits.same_size or size <= UPLOAD_BYTES:
            return
        now = self.time()
        before = self._uploads.get(size, -math.inf)
        if before > now + BACKLOG_SECONDS:
            raise self._refuse("same_size", BACKLOG_RETRY)
        delay = min(max(size * 1e-7, 0.2), 0.9)
        self._uploads[size] = max(before + delay, now - BUCKET_SECONDS)

    def _wait(self, name: str, key: int, window: Window, count: int, now: float) -> float:
        """Seconds until ``count`` more fit; 0: now. More than fit at all wait until the window is empty."""
        sent = self._sent.setdefault((name, key), deque())
        while sent and sent[0] <= now - window.seconds + 1e-9:
            sent.popleft()
        over = len(sent) + count - window.calls
        if over <= 0 or not sent:
            return 0.0
        return sent[min(over, len(sent)) - 1] + window.seconds - now

    def _refuse(self, name: str, wait: float) -> ApiError:
        self.refused[name] = self.refused.get(name, 0) + 1
        return too_many_requests(
            max(1, math.ceil(wait - 1e-6)) if self.limits.whole_seconds else round(wait, 3)
        )
