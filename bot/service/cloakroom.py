"""Pictures that were handed in with a form that is not filled in yet.

They are kept in memory alone, and not for long: nothing has been accepted by then, and whoever comes back too
late opens the form again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import FairbrushError, NotFound
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.service.images import InputImage

log = logging.getLogger(__name__)

KEPT_SECONDS = 15 * 60.0
MOST_OF_ONE = 2
"""Pictures of one person; of more forms nobody keeps track."""
MOST_BYTES = 64 * 1024 * 1024
"""Of all pictures together."""
MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Kept:
    owner: IdentityId
    picture: asyncio.Task[InputImage]
    lapse: asyncio.TimerHandle

    @property
    def size(self) -> int:
        """Bytes; 0 while it is being fetched, and where that failed."""
        task = self.picture
        if not task.done() or task.cancelled() or task.exception() is not None:
            return 0
        return len(task.result().content)


class Cloakroom:
    """Fetching begins at once, since addresses of attachments do not last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def hand_in(self, key: str, fetching: Coroutine[Any, Any, InputImage], owner: IdentityId) -> None:
        """Never waits. What is wrong with the picture is said when it is asked for."""
        task = asyncio.ensure_future(fetching)
        task.set_name(f"picture {key}")
        task.add_done_callback(self._fetched)
        self._drop(key)
        lapse = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._drop, key)
        self._kept[key] = _Kept(owner, task, lapse)
        theirs = [each for each, kept in self._kept.items() if kept.owner == owner]
        for oldest in theirs[:-MOST_OF_ONE]:
            self._drop(oldest)
        while len(self._kept) > MOST_KEPT:
            self._drop(next(iter(self._kept)))

    async def get(self, key: str, who: IdentityId) -> InputImage:
        """For whom it belongs to alone: keys come back with what people send, and may be guessed. It stays: a
        form may be sent off again after a refusal. Raises NotFound, and what fetching it raised."""
        kept = self._kept.get(key)
        if kept is None or kept.owner != who:
            raise _gone(key)
        await asyncio.wait({kept.picture})
        if kept.picture.cancelled():
            raise _gone(key)
        return kept.picture.result()

    def _fetched(self, task: asyncio.Task[InputImage]) -> None:
        # Nobody may ever come for it.
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, FairbrushError):
            log.error("stumbled over a picture that was handed in", exc_info=error)
        while len(self._kept) > 1 and sum(kept.size for kept in self._kept.values()) > MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.lapse.cancel()
            kept.picture.cancel()


def _gone(key: str) -> NotFound:
    return NotFound(Text("The picture of this form is not kept any more. Choose it again."), cause=key)
