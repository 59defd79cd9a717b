"""Questions to platforms and hooks: JSON in, and what their answers say of the time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

MOST_BYTES = 1024 * 1024
"""Of an answer; the longest that is asked for, two hundred servers, takes a tenth."""
_SLOW_SECONDS = 5.0
"""An answer that took longer says nothing about clocks."""


@dataclass(slots=True)
class Questions:
    """``now``: UTC seconds of this machine. ``ahead``: by how many seconds it is ahead, by whom was asked."""

    now: Callable[[], float]
    ahead: dict[str, float] = field(default_factory=dict)

    async def get(self, session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
        """Status and JSON of an answer; None in place of what is none, as when a proxy answers.

        Raises aiohttp's errors.
        """
        before = self.now()
        async with session.get(url, allow_redirects=False) as answer:
            self.compare(answer, before)
            content = bytearray()
            async for piece in answer.content.iter_chunked(65536):
                content += piece
                if len(content) > MOST_BYTES:
                    return answer.status, None
            return answer.status, _json(content)

    def compare(self, answer: aiohttp.ClientResponse, before: float) -> None:
        """Note what the answer to a question that was asked at ``before`` says of the time."""
        after = self.now()
        try:
            there = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return
        if 0 <= after - before <= _SLOW_SECONDS:
            # The header has whole seconds, cut off.
            self.ahead[str(answer.url.host)] = (before + after) / 2 - (there + 0.5)


def _json(content: bytes | bytearray) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
