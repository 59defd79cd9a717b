"""Updates, from the moment they are written down until they are handled: none lost, none handled twice in
one life, and each person's in each chat in their order."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from bot.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Updates that are handled at a time."""
PATIENCE = 0.5
"""Seconds after which one that is still handled does not count among them: it waits for a crowded chat, or a
slow file, and others have their turn meanwhile."""
AHEAD = 2_000
"""Updates that wait in memory; further ones wait on the disk alone."""
AGAIN = 1.0
"""Seconds until something is written down anew that could not be."""

Raw = Mapping[str, Any]
Handle = Callable[[Raw], Awaitable[None]]
Lane = tuple[int, int | str]


class UpdateStore(Protocol):
    """What is used of :class:`bot.service.store.Store`."""

    async def keep_updates(
        self, updates: Sequence[tuple[int, str]], at: int
    ) -> tuple[tuple[int, str], ...]: ...

    async def waiting_updates(self, limit: int) -> tuple[tuple[int, str], ...]: ...

    async def update_done(self, update_id: int, at: int) -> None: ...

    async def last_update(self) -> int | None: ...


class Inbox:
    """One for the bot, whichever way its updates come."""

    def __init__(
        self,
        store: UpdateStore,
        handle: Handle,
        *,
        now: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        seen: Callable[[Raw], None] = lambda _: None,
        at_once: int = AT_ONCE,
        ahead: int = AHEAD,
        patience: float = PATIENCE,
    ) -> None:
        """``handle``: everything that follows from one update; it may see one again after a restart.
        ``seen``: a look at each as it is taken up, before it is its turn; never waits, never raises.
        ``now``: UTC milliseconds."""
        self._store = store
        self._handle = handle
        self._seen = seen
        self._now = now
        self._sleep = sleep
        self._ahead = ahead
        self._patience = patience
        self._slots = asyncio.Semaphore(at_once)
        self._lanes: dict[Lane, deque[tuple[int, Raw]]] = {}
        self._taken: set[int] = set()
        self._more = True
        """There may be updates on the disk that are not in memory."""
        self._fetching = False
        self._ended: set[int] = set()
        """Done while the disk was read: they may be among what it gave."""
        self._due = asyncio.Event()
        self._due.set()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Until cancelled. Begins with what an earlier process left."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while True:
                await self._due.wait()
                self._due.clear()
                try:
                    await self._fetch()
                except StoreUnavailable as error:
                    log.warning("updates that wait cannot be read yet: %s", error.cause)
                    self._due.set()
                    await self._sleep(AGAIN)

    async def take(self, updates: Sequence[Raw]) -> None:
        """When it returns, they are on the disk. Raises StoreUnavailable: then none of them is."""
        numbered = [(number, update) for update in updates if (number := number_of(update)) is not None]
        written = [(number, json.dumps(update, ensure_ascii=False)) for number, update in numbered]
        fresh = {number for number, _ in await self._store.keep_updates(written, self._now())}
        full = len(self._taken) + len(fresh) > self._ahead
        if self._tasks is None or self._more or self._fetching or full:
            self._more = True
            self._due.set()
            return
        for number, update in numbered:
            # The disk may have been read since they were written.
            if number in fresh and number not in self._taken and number not in self._ended:
                self._enter(number, update)

    @property
    def held(self) -> int:
        """Updates in memory that are not done."""
        return len(self._taken)

    async def last(self) -> int | None:
        return await self._store.last_update()

    async def _fetch(self) -> None:
        """Take up what waits on the disk, as far as there is room."""
        if not self._more or len(self._taken) > self._ahead // 2:
            return
        self._more, self._fetching = False, True
        self._ended.clear()
        try:
            found = await self._store.waiting_updates(self._ahead)
        except StoreUnavailable:
            self._more = True
            raise
        finally:
            self._fetching = False
        self._more = self._more or len(found) >= self._ahead
        for number, text in found:
            if number not in self._taken and number not in self._ended:
                self._enter(number, _read(text))

    def _enter(self, number: int, update: Raw) -> None:
        assert self._tasks is not None
        self._taken.add(number)
        self._seen(update)
        lane = lane_of(update)
        if lane in self._lanes:
            self._lanes[lane].append((number, update))
            return
        self._lanes[lane] = deque([(number, update)])
        self._tasks.create_task(self._work_off(lane), name=f"updates of {lane[0]}")

    async def _work_off(self, lane: Lane) -> None:
        waiting = self._lanes[lane]
        while waiting:
            number, update = waiting[0]
            await self._in_turn(number, update)
            waiting.popleft()
            self._taken.discard(number)
            if self._fetching:
                self._ended.add(number)
            if self._more and len(self._taken) <= self._ahead // 2:
                self._due.set()
        del self._lanes[lane]

    async def _in_turn(self, number: int, update: Raw) -> None:
        assert self._tasks is not None
        async with self._slots:
            work = self._tasks.create_task(self._one(number, update), name=f"update {number}")
            await asyncio.wait({work}, timeout=self._patience)
        await work

    async def _one(self, number: int, update: Raw) -> None:
        try:
            await self._handle(update)
        except Exception:
            # It would only stumble again, and with it every start of the bot.
            log.exception("stumbled over update %s", number)
        await self._done(number)

    async def _done(self, number: int) -> None:
        while True:
            try:
                return await self._store.update_done(number, self._now())
            except StoreUnavailable as error:
                log.warning("that update %s is done is not written yet: %s", number, error.cause)
                await self._sleep(AGAIN)


def number_of(update: object) -> int | None:
    """None for what is no update."""
    number = update.get("update_id") if isinstance(update, Mapping) else None
    return number if type(number) is int and 0 <= number < 1 << 63 else None


def lane_of(update: Raw) -> Lane:
    """What must stay in order: what one person does in one chat. A picture that somebody sends slowly holds
    up nobody else in a group, and no press of a button, which wants its answer at once; the pieces of an
    album are one thing."""
    body = next((value for key, value in update.items() if key != "update_id"), None)
    found = body if isinstance(body, Mapping) else {}
    if "callback_query" in update:
        return 0, str(found.get("id"))
    chat = _id(found.get("chat"))
    if album := found.get("media_group_id"):
        return chat, str(album)
    return chat, _id(found.get("sender_chat")) or _id(found.get("from"))


def _in(found: object, field: str) -> object:
    return found.get(field) if isinstance(found, Mapping) else None


def _id(found: object) -> int:
    return _number(_in(found, "id"))


def _number(found: object) -> int:
    return found if type(found) is int else 0


def _read(text: str) -> Raw:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
