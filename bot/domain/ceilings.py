"""Picture sizes that a server's memory cannot hold, learned from its running out of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

from bot.domain.durations import DAY
from bot.domain.errors import TooBigForGpu
from bot.domain.ids import ServerName
from bot.domain.text import Text
from bot.domain.work import Work

_CEILING_LASTS = 7 * DAY
_NEWS_AFTER = DAY
_STRIKES = 2
_MOST_STRIKES = 16
_MOST_KEYS = 4_000

_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Memory:
    """Of one server, template and model: what ran out of memory, and the largest that did not."""

    strikes: list[tuple[int, int]]
    """(pixels, when), the smallest first."""
    worked: int = 0
    worked_at: int = 0


class Ceilings:
    """Sizes that a server cannot do, learned from running out of memory.

    Tell every run that ran out of memory, the first attempt of a job as well as its unchanged retry after
    the memory was freed, and every run that succeeded. A size is refused when runs of that size or smaller
    ran out of memory twice, in a job and its retry or in two jobs, and none as large has succeeded since.
    One failure alone may be the fault of what else was in memory. Forgotten after 7 days.

    Templates without a size (0 pixels) have no ceiling.
    """

    def __init__(self) -> None:
        self._known: dict[_Key, _Memory] = {}
        self._dirty: set[_Key] = set()

    def out_of_memory(self, server: ServerName, work: Work, at: int) -> None:
        if work.pixels <= 0:
            return
        memory = self._change(server, work)
        memory.strikes = sorted([*_live(memory.strikes, at), (work.pixels, at)])[:_MOST_STRIKES]
        if memory.worked >= work.pixels:
            memory.worked = 0

    def succeeded(self, server: ServerName, work: Work, at: int) -> None:
        if work.pixels <= 0:
            return
        known = self._known.get(_key(server, work)) or _Memory([])
        too_many = [strike for strike in known.strikes if strike[0] <= work.pixels]
        largest = work.pixels >= known.worked or not _is_live(known.worked_at, at)
        # The same size again is news only once in a while: not every success is to be written down.
        news = work.pixels != known.worked or abs(at - known.worked_at) > _NEWS_AFTER
        if not too_many and not (largest and news):
            return
        memory = self._change(server, work)
        memory.strikes = [strike for strike in memory.strikes if strike not in too_many]
        if largest:
            memory.worked, memory.worked_at = work.pixels, at

    def allows(self, server: ServerName, work: Work, at: int) -> bool:
        ceiling = self.ceiling(server, work, at)
        return ceiling is None or work.pixels < ceiling

    def ceiling(self, server: ServerName, work: Work, at: int) -> int | None:
        """Pixels of the smallest picture that is refused; None when none is."""
        known = self._known.get(_key(server, work))
        strikes = _live(known.strikes, at) if known and work.pixels > 0 else []
        return strikes[_STRIKES - 1][0] if len(strikes) >= _STRIKES else None

    def largest(self, server: ServerName, work: Work, at: int) -> int | None:
        """Pixels of the largest picture below ``work``'s that has worked lately, for advice."""
        known = self._known.get(_key(server, work))
        if known is None or not _is_live(known.worked_at, at):
            return None
        return known.worked if 0 < known.worked < work.pixels else None

    def dirty(self) -> Mapping[str, Any]:
        """JSON values by key: what has changed since the last call."""
        changed: dict[str, Any] = {}
        for key in sorted(self._dirty):
            memory = self._known.get(key) or _Memory([])
            changed[json.dumps(key)] = {
                "strikes": [list(strike) for strike in memory.strikes],
                "worked": [memory.worked, memory.worked_at],
            }
        self._dirty.clear()
        return changed

    def not_saved(self, entries: Mapping[str, Any]) -> None:
        """What :meth:`dirty` gave could not be written: give it again."""
        self._dirty.update(key for text in entries if (key := _parse_key(text)) is not None)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take up what was persisted; what is not ours is left alone."""
        for text, value in stored.items():
            match _parse_key(text), value:
                case (str(), str(), str()) as key, {
                    "strikes": list(strikes),
                    "worked": [int(worked), int(worked_at)],
                }:
                    pairs = [(p, at) for p, at in _pairs(strikes) if p > 0]
                    self._known[key] = _Memory(sorted(pairs), worked, worked_at)

    def _change(self, server: ServerName, work: Work) -> _Memory:
        key = _key(server, work)
        memory = self._known.pop(key, None) or _Memory([])
        self._known[key] = memory
        self._dirty.add(key)
        while len(self._known) > _MOST_KEYS:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._dirty.add(oldest)
        return memory


def _key(server: ServerName, work: Work) -> _Key:
    return server, work.template, work.model


def _is_live(then: int, at: int) -> bool:
    # A time far ahead was written by a clock that has been set back since.
    return abs(at - then) < _CEILING_LASTS


def _live(strikes: Iterable[tuple[int, int]], at: int) -> list[tuple[int, int]]:
    return [strike for strike in strikes if _is_live(strike[1], at)]


def _pairs(values: Iterable[object]) -> Iterable[tuple[int, int]]:
    for value in values:
        match value:
            case [int(first), int(second)]:
                yield first, second


def _parse_key(text: str) -> _Key | None:
    try:
        parts = json.loads(text)
    except ValueError:
        return None
    match parts:
        case [str(server), str(template), str(model)]:
            return server, template, model
    return None


def too_big(work: Work, largest: int | None = None) -> TooBigForGpu:
    """The error for a job that no server's ceiling allows."""
    return TooBigForGpu(
        Text("That is too big for the graphics card: it ran out of memory. {hint}", hint=smaller(largest)),
        cause=f"{work.template}: {work.pixels} pixels",
    )


def smaller(largest: int | None) -> Text:
    """What to ask for instead. ``largest``: see :meth:`Ceilings.largest`."""
    if not largest:
        return Text("Ask for a smaller size.")
    return Text(
        "Ask for a smaller size: {side}x{side}, or another shape of {megapixels} megapixels, has worked.",
        side=_side(largest),
        megapixels=f"{max(largest / 1e6, 0.01):.2g}",
    )


def _side(pixels: int) -> int:
    """Of a square that fits; sizes are multiples of 64 where that is possible, else of 8."""
    side = isqrt(pixels)
    return side // 64 * 64 or side // 8 * 8 or side
