"""Whether the bot is alive, and whether it is ready: what its checks find, told within bounded time.

Alive: the loop turns, every part runs, the database answers, and what waits for an idle server is begun;
where that does not hold, a restart may help. Ready: a request would be accepted and painted now, and its
result shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

PATIENCE = 2.0
"""Seconds that a check may take; then it has failed."""
FRESH = 1.0
"""Seconds for which a report is given again: however many ask, the checks run once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``reason``: in a sentence, for an operator; "" when there is nothing to say."""

    ok: bool
    reason: str = ""


FINE = Finding(ok=True)
Check = Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Report:
    """What each check found, by its name."""

    findings: Mapping[str, Finding]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings.values())

    def words(self) -> str:
        """What is wrong, on one line; "" when nothing is."""
        wrong = (f"{name}: {found.reason}" for name, found in self.findings.items() if not found.ok)
        return "; ".join(wrong)


class Panel:
    """Checks that are run together. ``clock``: monotonic seconds."""

    def __init__(
        self, checks: Mapping[str, Check], *, clock: Callable[[], float], patience: float = PATIENCE
    ) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._patience = patience
        self._asking = asyncio.Lock()
        self._latest: tuple[float, Report] | None = None

    async def report(self) -> Report:
        """Within ``patience`` seconds, or a little later for whoever asks meanwhile. Raises nothing."""
        async with self._asking:
            if self._latest is None or self._clock() - self._latest[0] >= FRESH:
                report = await self._ask()
                self._latest = self._clock(), report
            return self._latest[1]

    async def _ask(self) -> Report:
        tasks = {
            name: asyncio.create_task(_answer(check), name=f"check of {name}")
            for name, check in self._checks.items()
        }
        if not tasks:
            return Report({})
        try:
            await asyncio.wait(tasks.values(), timeout=self._patience)
        finally:
            # Not waited for: what hangs might not let itself be stopped either.
            for task in tasks.values():
                if not task.done():
                    task.add_done_callback(_looked_at)
                    task.cancel()
        return Report({name: self._found(task) for name, task in tasks.items()})

    def _found(self, task: asyncio.Task[Finding]) -> Finding:
        if not task.done() or task.cancelled():
            return Finding(ok=False, reason=f"no answer within {self._patience:g} s")
        error = task.exception()
        if error is not None:
            # Its words may hold anything.
            return Finding(ok=False, reason=f"the check stumbled ({type(error).__name__})")
        return task.result()


def _looked_at(task: asyncio.Task[Finding]) -> None:
    # Or asyncio reports an error that came too late as one that nobody ever saw.
    if not task.cancelled():
        task.exception()


async def _answer(check: Check) -> Finding:
    return await check()


@dataclass(frozen=True, slots=True)
class Health:
    """``ready`` holds the checks of ``alive`` too: what is not alive is not ready."""

    alive: Panel
    ready: Panel


def make_health(
    alive: Mapping[str, Check], ready: Mapping[str, Check], *, clock: Callable[[], float]
) -> Health:
    return Health(Panel(alive, clock=clock), Panel({**alive, **ready}, clock=clock))
