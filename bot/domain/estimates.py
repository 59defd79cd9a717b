"""What a job will take, learned from what such jobs took. Mutable, without I/O; durations in GPU seconds.

Each measured run is kept as a rate, seconds for each of :attr:`Work.units`, in several windows of the
latest observations. An estimate comes from the first of these that has enough of them::

    template + model + size class      (of one server, where the server matters)
    template + model                   (likewise)
    template

A run that had to load its model first teaches nothing about the job, only about the load: see
:meth:`Estimates.swap_seconds`. Before anything was measured, the sidecar's first guess holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping
from dataclasses import astuple, dataclass
from statistics import median
from typing import Any

from bot.domain.ids import ServerName
from bot.domain.quantiles import Recent, is_positive
from bot.domain.work import Work

UNKNOWN_SECONDS = 30.0
"""What is reserved for a job of which nothing is known (design decision 8)."""
RESERVE_QUANTILE = 0.9

_MOST_WINDOWS = 4_000
"""In memory; those that were not added to for longest are forgotten."""
_ENOUGH = 3
"""Observations that make a window better than a wider one."""
_CLASSES_IN_OCTAVE = 4
"""Size classes to each doubling of units: within one they differ by 19 % at most."""
_MOST_LOADS = 16
"""Model loads that are remembered of each server and model."""
_SHORTEST = 0.001
"""Seconds. Quicker runs came out of the server's cache and teach nothing."""

_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Load:
    """A run that began with loading its model: what it was, and its seconds in all."""

    template: str
    units: float
    first_guess: float | None
    seconds: float


class Estimates:
    def __init__(self) -> None:
        self._runs: dict[_Key, Recent] = {}
        self._loads: dict[_Key, list[_Load]] = {}
        self._swaps: dict[_Key, float | None] = {}
        self._dirty: set[_Key] = set()

    def observe(self, work: Work, server: ServerName, seconds: float, *, swapped: bool) -> None:
        """A job ran on ``server`` for ``seconds`` by the server's own clock, the model's load included
        if it was ``swapped`` in. Runs from the server's cache, failed and interrupted ones are not to be
        told; what is no duration is ignored.
        """
        if not is_positive(seconds) or seconds < _SHORTEST:
            return
        self._swaps.clear()
        if swapped:
            self._remember_load(work, server, seconds)
            keys = [_loaded(work)]
        else:
            keys = [*_of_server(work.template, work.model, work.units, server), *_of_all(work)]
        for key in keys:
            window = self._runs.pop(key) if key in self._runs else Recent()
            window.add(seconds / work.units)
            self._runs[key] = window
            self._dirty.add(key)
        self._forget_oldest()

    def seconds(self, work: Work, quantile: float = 0.5) -> float | None:
        """What has been learned of such jobs, without a load; None when nothing was."""
        window = self._best(_of_all(work))
        return None if window is None else window.quantile(quantile) * work.units

    def expected(self, work: Work) -> float:
        """What such a job usually takes: learned, else the sidecar's guess, else ``UNKNOWN_SECONDS``."""
        return self._known_or_guessed(work, 0.5)

    def reserve(self, work: Work) -> float:
        """What nine of ten such jobs do not exceed; else as :meth:`expected`."""
        return self._known_or_guessed(work, RESERVE_QUANTILE)

    def swap_seconds(self, server: ServerName, model: str) -> float:
        """What loading ``model`` adds to a run on ``server``: learned, else as of its others, else 0."""
        known = self._swap(server, model)
        if known is not None:
            return known
        others = [self._swap(server, key[2]) for key in self._loads if key[1] == server]
        return median([swap for swap in others if swap is not None] or [0.0])

    def pace(self, server: ServerName, model: str, templates: Container[str]) -> float | None:
        """GPU seconds for one of :attr:`Work.units` on ``server`` with ``model`` loaded ("": with any), the
        median over ``templates``; None when nothing was learned there."""
        rates = [
            window.quantile(0.5)
            for key, window in self._runs.items()
            if key[0] == "model at" and key[3] == server and key[1] in templates and model in (key[2], "")
        ]
        return median(rates) if rates else None

    def split(
        self,
        work: Work,
        server: ServerName,
        measured_total: float,
        swapped: bool,
        *,
        complete: bool = True,
    ) -> tuple[float, float]:
        """Of a run that took ``measured_total``: what is charged for the job, and what the load took.

        What is left after the learned load, as long as such jobs have been seen to take as little and as
        much on this server. As long as nothing was learned of them the first guess is charged, and without
        one everything. Neither part is negative, and they add up to the whole. Of a run that did not come to
        its end (not ``complete``) the load, which comes first, is taken off and no less than that charged.
        """
        total = measured_total if is_positive(measured_total) else 0.0
        if not swapped:
            return total, 0.0
        charged = min(total, self._without_load(work, server, total, complete=complete))
        return charged, total - charged

    def dirty(self) -> Mapping[str, Any]:
        """JSON values by key: what has changed since the last call. Keys of forgotten windows hold []."""
        changed = {json.dumps(key): self._stored(key) for key in sorted(self._dirty)}
        self._dirty.clear()
        return changed

    def not_saved(self, entries: Mapping[str, Any]) -> None:
        """What :meth:`dirty` gave could not be written: give it again."""
        self._dirty.update(tuple(json.loads(key)) for key in entries)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take up what was persisted. Entries that are not ours are left alone."""
        self._swaps.clear()
        for text, values in stored.items():
            key = _parse_key(text)
            if key is None or not isinstance(values, list):
                continue
            if key[0] == "load":
                if loads := [load for value in values if (load := _parse_load(value))]:
                    self._loads[key] = loads[-_MOST_LOADS:]
            elif rates := [float(value) for value in values if is_positive(value)]:
                self._runs[key] = Recent(rates)
        self._forget_oldest()

    def _remember_load(self, work: Work, server: ServerName, seconds: float) -> None:
        key: _Key = ("load", server, work.model)
        load = _Load(work.template, work.units, _guess(work), seconds)
        self._loads[key] = [*self._loads.pop(key, ()), load][-_MOST_LOADS:]
        self._dirty.add(key)

    def _known_or_guessed(self, work: Work, quantile: float) -> float:
        learned = self.seconds(work, quantile)
        if learned is not None:
            return learned
        if (guess := _guess(work)) is not None:
            return guess
        # Never seen without a load: too long by the load is nearer than nothing.
        loaded = self._runs.get(_loaded(work))
        return UNKNOWN_SECONDS if loaded is None else loaded.quantile(quantile) * work.units

    def _best(self, keys: list[_Key]) -> Recent | None:
        windows = [window for key in keys if (window := self._runs.get(key))]
        enough = (window for window in windows if len(window) >= _ENOUGH)
        return next(enough, windows[0] if windows else None)

    def _here(self, template: str, model: str, units: float, server: str) -> Recent | None:
        """The window for runs on one server, unless too little is known of it."""
        here = self._best(_of_server(template, model, units, server))
        if here is not None and len(here) >= _ENOUGH:
            return here
        return self._best(_levels(template, model, units)) or here

    def _without_load(self, work: Work, server: ServerName, total: float, *, complete: bool) -> float:
        window = self._here(work.template, work.model, work.units, server)
        if window is not None:
            least, usual, most = (window.quantile(q) * work.units for q in (0.1, 0.5, RESERVE_QUANTILE))
        else:
            guess = _guess(work)
            least = usual = most = total if guess is None else guess
        if not complete:
            return max(0.0, min(total - self.swap_seconds(server, work.model), most))
        swap = self._swap(server, work.model)
        return usual if swap is None else max(least, min(total - swap, most))

    def _swap(self, server: str, model: str) -> float | None:
        key = ("load", server, model)
        if key not in self._swaps:
            extra = [
                x for load in self._loads.get(key, ()) if (x := self._extra(load, model, server)) is not None
            ]
            self._swaps[key] = median(extra) if extra else None
        return self._swaps[key]

    def _extra(self, load: _Load, model: str, server: str) -> float | None:
        """What the load took of such a run; judged by what is known now, not by what was known then."""
        window = self._here(load.template, model, load.units, server)
        usual = load.first_guess if window is None else window.quantile(0.5) * load.units
        return None if usual is None else max(0.0, load.seconds - usual)

    def _stored(self, key: _Key) -> list[Any]:
        if key[0] == "load":
            return [list(astuple(load)) for load in self._loads.get(key, ())]
        window = self._runs.get(key)
        return window.values() if window else []

    def _forget_oldest(self) -> None:
        for kept in (self._runs, self._loads):
            while len(kept) > _MOST_WINDOWS:
                oldest = next(iter(kept))
                del kept[oldest]
                self._dirty.add(oldest)


def _guess(work: Work) -> float | None:
    return work.first_guess if is_positive(work.first_guess) else None


def _of_all(work: Work) -> list[_Key]:
    return _levels(work.template, work.model, work.units)


def _levels(template: str, model: str, units: float) -> list[_Key]:
    return [
        ("size", template, model, _size_class(units)),
        ("model", template, model),
        ("template", template),
    ]


def _of_server(template: str, model: str, units: float, server: str) -> list[_Key]:
    return [
        ("size at", template, model, _size_class(units), server),
        ("model at", template, model, server),
    ]


def _loaded(work: Work) -> _Key:
    return ("loaded", work.template, work.model)


def _size_class(units: float) -> str:
    return str(round(_CLASSES_IN_OCTAVE * math.log2(units)))


_LENGTHS = {"size": 4, "model": 3, "template": 2, "size at": 5, "model at": 4, "loaded": 3, "load": 3}


def _parse_key(text: str) -> _Key | None:
    try:
        parts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return tuple(parts) if parts and _LENGTHS.get(parts[0]) == len(parts) else None


def _parse_load(value: object) -> _Load | None:
    match value:
        case [str(template), units, guess, seconds] if is_positive(units) and is_positive(seconds):
            return _Load(template, units, guess if is_positive(guess) else None, seconds)
    return None
