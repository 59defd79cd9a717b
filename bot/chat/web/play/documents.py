"""Files for one visitor, such as an export of one's own data: in memory, for a while, and fetched by a key
that nobody can guess."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.chat.web.visitors import Visitor
from bot.service.outcomes import Document

KEPT_SECONDS = 15 * 60.0
MOST_KEPT = 64
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    visitor: str
    at: float
    document: Document


class Documents:
    """``monotonic``: seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def put(self, visitor: Visitor, document: Document) -> str:
        """Its address."""
        key = secrets.token_urlsafe(18)
        self._kept[key] = _Kept(visitor.id, self._monotonic(), document)
        self._forget()
        return visitor.at(f"/documents/{key}")

    def get(self, key: str, visitor: Visitor) -> Document | None:
        """What shows a picture may be fetched again; anything else is fetched once."""
        self._forget()
        kept = self._kept.get(key)
        if kept is None or kept.visitor != visitor.id:
            return None
        if not kept.document.is_picture:
            del self._kept[key]
        return kept.document

    def _forget(self) -> None:
        now = self._monotonic()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            size = sum(len(kept.document.content) for kept in self._kept.values())
            # The newest stays however large it is: somebody is about to fetch it.
            full = len(self._kept) > 1 and (size > MOST_BYTES or len(self._kept) > MOST_KEPT)
            if not full and now - oldest.at < KEPT_SECONDS:
                return
            self._kept.popitem(last=False)
