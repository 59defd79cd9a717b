"""What goes over the wire to the check of texts, and what comes back. PURE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.domain.errors import CensorFailed
from bot.domain.text import Text
from bot.service.moderation_hook import Question, Verdict

VERSION = 1
MOST_BYTES = 16 * 1024
"""Of an answer; a longer one is no answer."""
MOST_REASON = 200
"""Characters of a reason that are shown."""


def question_json(question: Question) -> bytes:
    """Escaped to ASCII: half a character, as phones send it, is no UTF-8."""
    asked: Mapping[str, Any] = {
        "version": VERSION,
        "texts": list(question.texts),
        "user": question.user,
        "place": question.place,
        "platform": question.platform,
        "template": question.template,
        "command": question.command,
    }
    return json.dumps(asked).encode("ascii")


def read_verdict(body: bytes) -> Verdict:
    """Raises CensorFailed for anything but an object with ``allow`` true or false."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _senseless("no JSON") from error
    if not isinstance(answer, dict):
        raise _senseless("no JSON object")
    allow, reason = answer.get("allow"), answer.get("reason")
    if not isinstance(allow, bool):
        raise _senseless("allow is neither true nor false")
    if reason is not None and not isinstance(reason, str):
        raise _senseless("reason is no text")
    return Verdict(allow, _plain(reason or ""))


def _plain(reason: str) -> str:
    """One line of what can be seen. Long ones are cut first: no more of them is worth looking at."""
    visible = "".join(c if c.isprintable() else " " for c in reason[: 4 * MOST_REASON])
    line = " ".join(visible.split())
    return line if len(line) <= MOST_REASON else f"{line[: MOST_REASON - 1].rstrip()}…"


def _senseless(cause: str) -> CensorFailed:
    return CensorFailed(
        Text('It gave an answer that makes no sense; {{"allow": true}} would be one.'), cause=cause
    )
