"""Pictures that were handed in with a form that is not filled in yet.

They are kept in memory alone, and not for long: nothing has been accepted by then, and whoever comes back too
late opens the form again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from bot.domain.errors import FairbrushError, NotFound
from bot.domain.text import Text
from bot.service.images import InputImage

log = logging.getLogger(__name__)

MOST_KEPT = 32
"""Pictures of up to some ten megabytes each."""


class Cloakroom:
    """Fetching begins at once, since addresses of attachments do not last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, asyncio.Task[InputImage]] = OrderedDict()

    def hand_in(self, key: str, fetching: Coroutine[Any, Any, InputImage]) -> None:
        """Never waits. What is wrong with the picture is said when it is asked for."""
        task = asyncio.ensure_future(fetching)
        task.add_done_callback(_heard)
        self._kept[key] = task
        while len(self._kept) > MOST_KEPT:
            _, oldest = self._kept.popitem(last=False)
            oldest.cancel()

    async def get(self, key: str) -> InputImage:
        """It stays: a form may be sent off again after a refusal. Raises NotFound, and what fetching it
        raised."""
        task = self._kept.get(key)
        if task is None:
            raise NotFound(Text("The picture of this form is not kept any more. Choose it again."), cause=key)
        return await asyncio.shield(task)


def _heard(task: asyncio.Task[InputImage]) -> None:
    # Nobody may ever come for it.
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, FairbrushError):
        log.error("stumbled over a picture that was handed in", exc_info=error)
