"""Rate limits: buckets, the global one, and the ban of those who do not listen.

Discord publishes no figures; these are what is commonly seen. ``scale`` shrinks every window, so that a
client that waits as it should loses milliseconds instead of seconds. Windows are measured by the event
loop's clock: a client sleeps by it, whatever the time of day is in a test.

Source of headers and rules: https://discord.com/developers/docs/topics/rate-limits
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.discord.failures import ApiError

VIA = {"Via": "1.1 google"}
"""Says that Discord itself answers. Without it discord.py takes a 429 for a ban by the proxy in front."""

HOUR = 3600 * 1000


@dataclass(frozen=True)
class Window:
    """``calls`` in ``seconds``, counted from the first."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class RateLimits:
    """How much is allowed. None: no limit.

    ``token``: per interaction token; ``send``, ``edit``: per channel; ``old_edit``: edits of messages older
    than an hour, per channel; ``commands``: per guild; ``overall``: all that needs the bot's token.
    """

    token: Window | None = Window(5, 5.0)
    send: Window | None = Window(5, 5.0)
    edit: Window | None = Window(5, 5.0)
    delete: Window | None = Window(5, 1.0)
    read: Window | None = Window(30, 30.0)
    old_edit: Window | None = Window(3, 6.0)
    commands: Window | None = Window(20, 20.0)
    overall: Window | None = Window(50, 1.0)
    scale: float = 1.0
    banned_after: int = 10_000
    """Answers with 401, 403 or 429 in ten minutes; then every request is refused by the proxy in front."""

    @classmethod
    def real(cls) -> RateLimits:
        return cls()

    @classmethod
    def quick(cls, scale: float = 0.02) -> RateLimits:
        return cls(scale=scale)

    @classmethod
    def off(cls) -> RateLimits:
        return cls(
            **dict.fromkeys(("token", "send", "edit", "delete", "read", "old_edit", "commands", "overall"))
        )


@dataclass
class Bucket:
    window: Window
    started: float
    used: int = 0


@dataclass
class RateLimiter:
    """``refused``: how often it said 429, by the name of the limit."""

    limits: RateLimits
    time: Callable[[], float]
    wall: Callable[[], int]
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    bad: list[int] = field(default_factory=list)

    def take(self, name: str, major: str) -> dict[str, str]:
        """Use the bucket of a limit and its major parameter: headers for the answer, or raise 429."""
        window: Window | None = getattr(self.limits, name)
        if window is None:
            return {}
        bucket = self._bucket(name, major, window)
        bucket.used += 1
        left = bucket.window.calls - bucket.used
        wait = max(bucket.started + bucket.window.seconds - self.time(), 0.001)
        headers = self._headers(name, bucket, max(left, 0), wait)
        if left < 0:
            raise self._too_many(name, wait, headers, "user")
        return headers

    def take_overall(self) -> None:
        if self.limits.overall is None:
            return
        bucket = self._bucket("overall", "", self.limits.overall)
        bucket.used += 1
        if bucket.used > bucket.window.calls:
            wait = max(bucket.started + bucket.window.seconds - self.time(), 0.001)
            raise self._too_many("overall", wait, {"X-RateLimit-Global": "true"}, "global")

    def take_old_edit(self, channel: str, born: int) -> None:
        """Editing a message that is older than an hour."""
        window = self.limits.old_edit
        if window is None or self.wall() - born <= HOUR:
            return
        bucket = self._bucket("old_edit", channel, window)
        bucket.used += 1
        if bucket.used > bucket.window.calls:
            wait = max(bucket.started + bucket.window.seconds - self.time(), 0.001)
            error = self._too_many("old_edit", wait, {}, "shared")
            error.code = 30046
            error.message = "Maximum number of edits to messages older than 1 hour reached. Try again later."
            raise error

    def note_answer(self, status: int) -> None:
        if status in (401, 403, 429):
            now = self.wall()
            self.bad = [at for at in self.bad if at > now - 600_000] + [now]

    @property
    def banned(self) -> bool:
        return len(self.bad) >= self.limits.banned_after

    def _bucket(self, name: str, major: str, window: Window) -> Bucket:
        scaled = Window(window.calls, window.seconds * self.limits.scale)
        bucket = self.buckets.get((name, major))
        if bucket is None or self.time() >= bucket.started + bucket.window.seconds:
            bucket = self.buckets[name, major] = Bucket(scaled, self.time())
            if len(self.buckets) > 5000:
                now = self.time()
                self.buckets = {
                    key: each
                    for key, each in self.buckets.items()
                    if each.started + each.window.seconds > now
                }
        return bucket

    def _headers(self, name: str, bucket: Bucket, left: int, wait: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(bucket.window.calls),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": f"{self.wall() / 1000 + wait:.3f}",
            "X-RateLimit-Reset-After": f"{math.ceil(wait * 1000) / 1000:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }

    def _too_many(self, name: str, wait: float, headers: dict[str, str], scope: str) -> ApiError:
        self.refused[name] = self.refused.get(name, 0) + 1
        return too_many_requests(wait, headers, scope)


def too_many_requests(wait: float, headers: dict[str, str], scope: str) -> ApiError:
    """A 429. ``wait``: seconds; ``scope``: user, global or shared."""
    rounded = math.ceil(wait * 1000) / 1000
    return ApiError(
        429,
        0,
        "You are being rate limited.",
        {"retry_after": rounded, "global": scope == "global"},
        {**VIA, **headers, "Retry-After": str(math.ceil(rounded)), "X-RateLimit-Scope": scope},
    )
