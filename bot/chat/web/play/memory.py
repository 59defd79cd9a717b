"""What the room shows after a restart: which requests, in the store; how they stand, looked up there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.chat.web.play.room import MOST_OPEN, MOST_SHOWN, Room
from bot.chat.web.play.screen import WebScreen
from bot.chat.web.visitors import PLATFORM
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import IdentityId, RequestId
from bot.presentation.card_request import card_of
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.records import RequestRecord
from bot.service.store import Store
from bot.service.watched import Watched

log = logging.getLogger(__name__)

KEPT = "web: the room"
"""Where the store keeps (``put``, ``get``) which requests are shown."""
AGAIN = 5.0
"""Seconds, when the store could not be written."""
TIDY_EVERY = 600.0
"""Seconds: retention takes away what is old."""


@dataclass(slots=True)
class Memory:
    room: Room
    screen: WebScreen
    store: Store
    dispatcher: Dispatcher
    title_of: Callable[[RequestRecord], str]
    clock: Clock
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def recall(self) -> None:
        """Show what was shown before, as far as the store can be read."""
        try:
            await self._recall()
        except StoreUnavailable as error:
            log.warning("the room is empty: %s", error.cause)

    async def forget(self) -> None:
        """Show no longer what is not kept any more."""
        for request in self.room.requests:
            record = await self.store.request(request)
            if record is None or record.gone is not None:
                self.room.remove(request)

    async def _recall(self) -> None:
        kept = await self.store.get(KEPT)
        wanted = [RequestId(str(each)) for each in kept] if isinstance(kept, list) else []
        for request in wanted[-(MOST_SHOWN + MOST_OPEN) :]:
            record = await self.store.request(request)
            if record is not None and record.platform == PLATFORM and record.gone is None:
                await self._show(record)

    async def run(self) -> None:
        """Until cancelled: note what is shown, and show no longer what is not kept any more."""
        self.room.changed = self._changed.set
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._note(), name="noting the room")
            tasks.create_task(self._tidy(), name="tidying the room")

    async def _note(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.store.put(KEPT, list(self.room.requests))
            except StoreUnavailable as error:
                log.info("the room is not noted: %s", error.cause)
                await self.clock.sleep(AGAIN)
                self._changed.set()

    async def _tidy(self) -> None:
        while True:
            await self.clock.sleep(TIDY_EVERY)
            try:
                await self.forget()
            except StoreUnavailable as error:
                log.info("the room is tidied another time: %s", error.cause)

    async def name_of(self, identity: IdentityId) -> str:
        """As the store knows them; "" for nobody."""
        people = await self.store.find_people(identity)
        return next((person.names[0] for person in people if person.names), "")

    async def _show(self, record: RequestRecord) -> None:
        watched = Watched.of(record, await self.store.jobs_of(record.id))
        await watched.read_results(self.store)
        situation = watched.situation(
            self.dispatcher, title=self.title_of(record), offers=self.screen.offers(record)
        )
        await self.screen.draw(record, card_of(situation))
