"""What tests break: answers of chosen methods, for a chosen number of times.

Methods are named as in the Bot API (``sendMessage`` …); ``*`` stands for any letters. ``download`` is the
fetching of a file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.support.discord.faults import Fault, HangUp, Held
from tests.support.discord.signals import Signal
from tests.support.telegram.failures import ApiError, Json, by_proxy, conflict, too_many_requests
from tests.support.telegram.updates import OTHER_POLL

WORDS = {
    400: "Bad Request: test",
    401: "Unauthorized",
    403: "Forbidden: test",
    404: "Not Found",
    409: f"Conflict: {OTHER_POLL}",
    429: "Too Many Requests: retry after 1",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass
class Faults:
    """``sleep``: the clock's, for slowness in seconds. ``changed`` is fired at each hit."""

    sleep: Callable[[float], Awaitable[None]]
    changed: Signal
    active: list[Fault] = field(default_factory=list)

    async def meet(self, method: str, chat: str, *, after: bool) -> None:
        """Let the faults of a method happen. Raises :class:`ApiError` or :class:`HangUp`."""
        for fault in list(self.active):
            if fault.after is after and fnmatchcase(method, fault.operation) and fault.where(chat):
                if fault.spent:
                    continue
                fault.hits += 1
                self.changed.fire()
                await fault.act()

    def clear(self) -> None:
        self.active.clear()

    def fail(
        self,
        method: str,
        code: int = 500,
        *,
        times: int | None = 1,
        description: str | None = None,
        parameters: Json | None = None,
        html: bool = False,
        chat: object = None,
    ) -> Fault:
        """The next ``times`` (None: all) requests fail without effect. ``html``: the proxy answers.

        ``chat``: only those for this chat (or its id).
        """
        words = description or WORDS.get(code, "test")
        error = by_proxy(code, words) if html else ApiError(code, words, parameters or {})
        return self._add(method, times, False, chat, lambda: _raise(error))

    def lose_answer(
        self, method: str, *, times: int | None = 1, code: int | None = None, chat: object = None
    ) -> Fault:
        """The request takes effect, its answer is lost: the connection is cut, or ``code`` is said."""
        error = HangUp() if code is None else by_proxy(code, WORDS.get(code, "test"))
        return self._add(method, times, True, chat, lambda: _raise(error))

    def hang_up(self, method: str, *, times: int | None = 1, chat: object = None) -> Fault:
        """The connection is cut before anything happens."""
        return self._add(method, times, False, chat, lambda: _raise(HangUp()))

    def storm(
        self, method: str = "*", *, times: int | None = 1, retry_after: float = 1, chat: object = None
    ) -> Fault:
        """Answers 429."""
        return self._add(method, times, False, chat, lambda: _raise(too_many_requests(retry_after)))

    def conflict(self, *, times: int | None = 1) -> Fault:
        """``getUpdates`` hears that another one polls."""
        return self._add("getUpdates", times, False, None, lambda: _raise(conflict(OTHER_POLL)))

    def slow(
        self,
        method: str,
        seconds: float,
        *,
        times: int | None = None,
        after: bool = False,
        chat: object = None,
    ) -> Fault:
        return self._add(method, times, after, chat, lambda: self.sleep(seconds))

    def hold(
        self, method: str, *, times: int | None = None, after: bool = False, chat: object = None
    ) -> Held:
        """Requests wait, before or after they take effect, until :meth:`Held.release`."""
        held = Held()
        self._add(method, times, after, chat, held.wait)
        return held

    def _add(
        self, method: str, times: int | None, after: bool, chat: object, act: Callable[[], Awaitable[None]]
    ) -> Fault:
        only = "" if chat is None else str(getattr(chat, "id", chat))
        fault = Fault(method, act, times, after, lambda seen: only in ("", seen))
        self.active.append(fault)
        return fault


async def _raise(error: Exception) -> None:
    raise error
