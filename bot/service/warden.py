"""Looking after the servers: up or not, what they offer, who else works there."""

from __future__ import annotations

import asyncio
import logging
import operator
from collections.abc import Awaitable

from bot.domain.errors import BackendError, StoreUnavailable
from bot.domain.ids import ServerName
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.notices import Notices
from bot.service.servers import Server, ServerState
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.service.threads import in_thread
from bot.templates.catalogue import Catalogue

log = logging.getLogger(__name__)

HEARTBEAT = 15.0
"""Seconds between looks at a server that is up: what strangers do there, and whether it still answers."""
FIRST_PROBE, LONGEST_PROBE = 1.0, 30.0
"""Seconds between probes of a server that is not up; doubled each time."""
STALLED_AGAIN = 600.0
"""Seconds after which a server that ran nothing is tried again, though nothing tells of a restart."""


class Warden:
    """One task a server."""

    def __init__(
        self, dispatcher: Dispatcher, shelf: Shelf, store: Store, notices: Notices, clock: Clock
    ) -> None:
        self._dispatcher = dispatcher
        self._shelf = shelf
        self._store = store
        self._notices = notices
        self._clock = clock
        self._changed = asyncio.Lock()
        self._seen: dict[ServerName, Catalogue] = {}
        """The latest catalogue of each server, which may be equal to the one in use."""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for server in self._dispatcher.servers.values():
                tasks.create_task(self.look_after(server), name=f"warden of {server.name}")

    async def look_after(self, server: Server) -> None:
        pause = FIRST_PROBE
        while True:
            if server.state is ServerState.UP:
                pause = FIRST_PROBE
                await self._clock.sleep(HEARTBEAT)
                await self._leniently(self._heartbeat(server))
                continue
            back = await self._leniently(self._try(server))
            server.tried.set()
            if not back:
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PROBE)

    async def _leniently(self, look: Awaitable[bool]) -> bool:
        """A full disk does not end the looking after; the next look tries again."""
        try:
            return await look
        except StoreUnavailable as error:
            self._notices.tell(error.text)
            return False

    async def _heartbeat(self, server: Server) -> bool:
        """Whether it is still up."""
        if server.state is not ServerState.UP:
            return False  # an attempt found out while we slept
        try:
            queue = await server.backend.queue()
            await self._forget_strays(server)
            await self._look_at_offer(server)
        except BackendError as error:
            if not server.active:
                # Otherwise the run that is there decides: it is more patient, and knows more.
                self._dispatcher.take_out(server, error)
            return False
        ours = {active.prompt_id for active in server.active.values()}
        server.foreign = sum(prompt not in ours for prompt in (*queue.running, *queue.pending))
        if server.connections != server.backend.connections:
            server.connections = server.backend.connections
            if not server.active:
                server.model = ""  # it may have been restarted
        await self._dispatcher.line.fail_stranded()
        return True

    async def _try(self, server: Server) -> bool:
        """Whether a server that was not up is now."""
        try:
            await server.backend.health()
            if server.state is ServerState.WEDGED and await self._still_stuck(server):
                return False
            await self._forget_strays(server)
            await self._look_at_offer(server)
        except BackendError as error:
            log.info("server %s does not answer yet: %s", server.name, error.cause)
            if server.state is ServerState.STARTING:
                self._dispatcher.take_out(server, error)
            server.reason = error.text
            return False
        was_out = server.state is not ServerState.STARTING
        server.state, server.reason, server.since = ServerState.UP, None, self._clock.now()
        server.stuck, server.stalled_at = frozenset(), None
        server.connections = server.backend.connections
        if was_out:
            self._notices.tell(Text("Server {name} is back.", name=server.name), about=server.name)
        self._dispatcher.wake()
        return True

    async def _still_stuck(self, server: Server) -> bool:
        queue = await server.backend.queue()
        if server.stuck.intersection((*queue.running, *queue.pending)):
            return True
        if server.stalled_at is None or queue.running:
            return False
        # It lets prompts wait and runs none; without any it only looks idle. Has it been restarted?
        again = self._clock.monotonic() - server.stalled_at >= STALLED_AGAIN
        return server.backend.connections == server.connections and not again

    async def _look_at_offer(self, server: Server) -> None:
        """Models and nodes may come and go while a server runs."""
        catalogue = await server.backend.catalogue()
        if catalogue is self._seen.get(server.name):
            return
        self._seen[server.name] = catalogue
        if await in_thread(operator.eq, catalogue, server.catalogue):
            return  # read anew, and nothing is new
        server.catalogue = catalogue
        async with self._changed:
            offers = {s.name: s.catalogue for s in self._dispatcher.servers.values()}
            known = {name: offer for name, offer in offers.items() if offer is not None}
            await self._shelf.use_catalogues(known)
            await self._dispatcher.line.relane(offers)

    async def _forget_strays(self, server: Server) -> None:
        """Attempts of ours that this server may still have, though their jobs are over or elsewhere: it must
        not paint for nobody."""
        for prompt_id in tuple(server.strays):
            await server.backend.forget(prompt_id)
            server.strays.discard(prompt_id)
        attempts = self._dispatcher.attempts
        for attempt in await self._store.open_attempts():
            if attempt.server != server.name or attempt.job in server.active or attempts.cares_for(attempt):
                continue
            job = await self._store.job(attempt.job)
            if job is not None and job.state is JobState.QUEUED:
                continue  # when its turn comes, this very attempt is asked about first
            if attempts.cares_for(attempt):
                continue  # its turn came while we looked
            await server.backend.forget(attempt.prompt_id)
            await self._store.lose(attempt.prompt_id, self._clock.now())
            attempts.memory.lost(attempt.job, server.name)
