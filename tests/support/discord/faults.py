"""What tests break: answers of chosen operations, for a chosen number of times.

Operations are named as in Discord's OpenAPI description (``create_interaction_response``, ``update_message``
…); ``*`` stands for any letters. ``download`` is the CDN.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.support.discord.failures import ApiError
from tests.support.discord.ratelimits import too_many_requests
from tests.support.discord.signals import Signal


class HangUp(Exception):
    """The connection is cut instead of an answer."""


@dataclass(eq=False)
class Held:
    """Requests that wait until the test lets them go. ``waiting``: how many do."""

    when: Callable[[], object] = lambda: True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        self.gate.set()

    async def wait(self) -> None:
        if not self.when():
            return
        self.waiting += 1
        self.arrived.set()
        await self.gate.wait()


@dataclass(eq=False)
class Fault:
    """``act`` is called before the operation, or (``after``) once it has taken effect; it raises or waits."""

    operation: str
    act: Callable[[], Awaitable[None]]
    times: int | None
    after: bool
    where: Callable[[str], bool]
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.times is not None and self.hits >= self.times


@dataclass
class Faults:
    """``sleep``: the clock's, for slowness in seconds. ``changed`` is fired at each hit."""

    sleep: Callable[[float], Awaitable[None]]
    changed: Signal
    active: list[Fault] = field(default_factory=list)

    async def meet(self, operation: str, path: str, *, after: bool) -> None:
        """Let the faults of an operation happen. Raises :class:`ApiError` or :class:`HangUp`."""
        for fault in list(self.active):
            if fault.after is after and fnmatchcase(operation, fault.operation) and fault.where(path):
                if fault.spent:
                    continue
                fault.hits += 1
                self.changed.fire()
                await fault.act()

    def clear(self) -> None:
        self.active.clear()

    def fail(
        self, operation: str, status: int = 500, *, times: int | None = 1, path: str = "", code: int = 0
    ) -> Fault:
        """The next ``times`` (None: all) requests fail without effect. ``path``: only those with it."""
        return self._add(operation, times, False, path, lambda: _raise(_error(status, code)))

    def lose_answer(
        self, operation: str, *, times: int | None = 1, status: int | None = 500, path: str = ""
    ) -> Fault:
        """The request takes effect, its answer is lost: a ``status`` instead, or (None) a cut connection."""
        error = HangUp() if status is None else _error(status, 0)
        return self._add(operation, times, True, path, lambda: _raise(error))

    def hang_up(self, operation: str, *, times: int | None = 1, path: str = "") -> Fault:
        """The connection is cut before anything happens."""
        return self._add(operation, times, False, path, lambda: _raise(HangUp()))

    def storm(
        self,
        operation: str = "*",
        *,
        times: int | None = 1,
        retry_after: float = 0.01,
        everywhere: bool = False,
        via: bool = True,
        path: str = "",
    ) -> Fault:
        """Answers 429. ``everywhere``: the global limit; ``via``: False is a ban by the proxy in front."""
        scope = "global" if everywhere else "shared"
        error = too_many_requests(retry_after, {"X-RateLimit-Global": "true"} if everywhere else {}, scope)
        if not via:
            error.headers.pop("Via")
        return self._add(operation, times, False, path, lambda: _raise(error))

    def slow(
        self, operation: str, seconds: float, *, times: int | None = None, after: bool = False, path: str = ""
    ) -> Fault:
        return self._add(operation, times, after, path, lambda: self.sleep(seconds))

    def hold(
        self,
        operation: str,
        *,
        times: int | None = None,
        after: bool = False,
        path: str = "",
        when: Callable[[], object] = lambda: True,
    ) -> Held:
        """Requests wait, before or after they take effect, until :meth:`Held.release`; those for which
        ``when`` holds at that moment."""
        held = Held(when)
        self._add(operation, times, after, path, held.wait)
        return held

    def _add(
        self, operation: str, times: int | None, after: bool, path: str, act: Callable[[], Awaitable[None]]
    ) -> Fault:
        fault = Fault(operation, act, times, after, lambda seen: path in seen)
        self.active.append(fault)
        return fault


async def _raise(error: Exception) -> None:
    raise error


def _error(status: int, code: int) -> ApiError:
    return ApiError(status, code, f"{status}: test")
