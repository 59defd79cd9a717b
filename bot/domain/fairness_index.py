"""How evenly those who had to share were served, as one number. Pure.

Jain's index of fairness (R. Jain, D. Chiu, W. Hawe, *A Quantitative Measure of Fairness and Discrimination
for Resource Allocation in Shared Computer Systems*, DEC Research Report TR-301, 1984): for allocations x of
n users

    (x1 + … + xn)² / (n · (x1² + … + xn²))

It is 1 when all are served alike, k/n when k of n get everything, and does not depend on the unit. Where not
everybody is due the same, an x is what was received relative to what was due, as the report has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """Of one user, in GPU seconds: what was received, and what was due by weight while there was work of
    theirs: at each moment the service given to everybody, times weight over the weights of all who had
    work."""

    received: float
    due: float


def jain(allocations: Iterable[float]) -> float | None:
    """Between 1/n and 1; None where nothing was given to anybody. Negative allocations count as none."""
    given = [max(0.0, each) for each in allocations]
    most = max(given, default=0.0)
    if not most > 0.0:
        return None
    # Relative to the largest, so that no square leaves the range of numbers.
    parts = [each / most for each in given]
    return sum(parts) ** 2 / (len(parts) * sum(part * part for part in parts))


def fairness(shares: Iterable[Share], *, least: float = 0.0) -> float | None:
    """The index over users of whom at least ``least`` GPU seconds were due; None with fewer than two.

    A job is painted as a whole. Whoever is due less than one job's length has had one or none, and neither
    is unfair: ``least`` should be the usual length of a job.
    """
    judged = [share for share in shares if share.due > 0.0 and share.due >= least]
    if len(judged) < 2:
        return None
    return jain(share.received / share.due for share in judged)
