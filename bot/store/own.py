"""The methods of the store for what belongs to one person, and the two ways into the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.domain.errors import StoreUnavailable
from bot.domain.ids import IdentityId, UserId
from bot.domain.linking import Linking, Regrouped
from bot.domain.strikes import Ladder, Rung, Strike
from bot.domain.text import Text
from bot.store import adult, defaults, inbox, linking, places, strikes
from bot.store.connection import Connection
from bot.store.troubles import explained
from bot.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class Access:
    """Writing in one transaction, and reading at one moment. ``writes`` None: for looking only."""

    def __init__(
        self, path: Path, reads: Connection, writes: Writer | None, clock: Callable[[], int]
    ) -> None:
        self.path = path
        self._reads = reads
        self._writes = writes
        self._clock = clock
        self.on_trouble: Callable[[], None] = lambda: None
        """Called each time that something could not be read or written."""

    async def _write(
        self, unit: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._writes is None:
            raise StoreUnavailable(Text("The database was opened for looking only."))
        try:
            return await self._writes.do(partial(_call, unit, args, kwargs))
        except StoreUnavailable:
            self.on_trouble()
            raise

    async def _read(
        self, look: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._reads.snapshot(partial(_call, look, args, kwargs))
        except sqlite3.Error as error:
            self.on_trouble()
            raise explained(error, self.path) or error from error


class OwnStore(Access):
    """Defaults, blocks in places, linked accounts, and updates that wait."""

    async def defaults(self, user: UserId) -> Mapping[str, str]:
        return await self._read(defaults.defaults, user)

    async def set_default(self, user: UserId, name: str, value: str | None) -> None:
        await self._write(defaults.set_default, user, name, value)

    async def who_set(self, name: str, value: str) -> frozenset[IdentityId]:
        return await self._read(defaults.who_set, name, value)

    async def block_in(
        self, place: str, user: UserId, until: int | None, reason: str, *, actor: str, at: int
    ) -> None:
        await self._write(strikes.block_in, place, user, until, reason, actor, at)

    async def blocked_in(self, place: str, user: UserId, at: int) -> tuple[int | None, str] | None:
        return await self._read(places.blocked_in, place, user, at)

    async def strike(self, new: Strike, ladder: Ladder, reason: str) -> Rung:
        return await self._write(strikes.strike, new, ladder, reason)

    async def strikes_of(self, user: UserId, place: str, ladder: Ladder, at: int) -> int:
        return await self._read(strikes.strikes_of, user, place, ladder, at)

    async def kept_for_adults(self, contents: Sequence[str]) -> Mapping[str, bool]:
        return await self._read(adult.kept_for_adults, tuple(contents))

    async def make_link_code(self, identity: IdentityId, code_hash: str, expires_at: int) -> None:
        await self._write(linking.make_link_code, identity, code_hash, expires_at, self._clock())

    async def use_link_code(self, code_hash: str, identity: IdentityId, at: int) -> Linking:
        return await self._write(linking.use_link_code, code_hash, identity, at)

    async def link(self, identity: IdentityId, to_user: UserId, *, at: int) -> tuple[Regrouped, ...]:
        return await self._write(linking.link, identity, to_user, at)

    async def unlink(self, identity: IdentityId, *, at: int) -> tuple[Regrouped, ...]:
        return await self._write(linking.unlink, identity, at)

    async def keep_updates(self, updates: Sequence[tuple[int, str]], at: int) -> tuple[tuple[int, str], ...]:
        return await self._write(inbox.keep_updates, tuple(updates), at)

    async def waiting_updates(self, limit: int) -> tuple[tuple[int, str], ...]:
        return await self._read(inbox.waiting_updates, limit)

    async def update_done(self, update_id: int, at: int) -> None:
        await self._write(inbox.update_done, update_id, at)

    async def last_update(self) -> int | None:
        return await self._read(inbox.last_update, self._clock())


def _call(
    function: Callable[..., T],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    connection: sqlite3.Connection,
) -> T:
    return function(connection, *args, **kwargs)
