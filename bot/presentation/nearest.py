"""Which known name was probably meant. PURE."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that begins like ``name``, else the closest by typing errors; None when none is close.

    Typing errors are counted with neighbouring letters swapped as one (optimal string alignment).
    """
    # Only a mistake needs it, and its import takes time.
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    known = sorted(set(names))
    longer = [other for other in known if other.startswith(name)]
    if longer:
        return min(longer, key=len)
    found = process.extractOne(name, known, scorer=OSA.normalized_similarity, score_cutoff=0.5)
    if found is not None:
        return found[0]
    return max((other for other in known if len(other) > 1 and name.startswith(other)), key=len, default=None)
