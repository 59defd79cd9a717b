"""Where the replies of requests are now: they move while somebody looks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.chat.telegram.address import Address
from bot.chat.telegram.latest import Latest
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import RequestId
from bot.service.records import RequestRecord

log = logging.getLogger(__name__)

REMEMBERED = 5_000


class Places:
    """What was stored with a request, and what has become of it since: whoever follows a request holds on to
    the address that it had at first."""

    def __init__(self, moved: Callable[[RequestId, str], Awaitable[None]]) -> None:
        """``moved``: the reply of a request has another address from now on."""
        self._moved = moved
        self._now: Latest[tuple[RequestId, str], Address] = Latest(REMEMBERED)
        self._upgraded: Latest[int, int] = Latest(REMEMBERED)

    def of(self, request: RequestRecord) -> Address | None:
        if request.reply is None:
            return None
        found = self._now.get((request.id, request.reply)) or Address.from_text(request.reply)
        if found is None or (new := self._upgraded.get(found.chat)) is None:
            return found
        return found.moved_to(new)

    def upgraded(self, group: int, supergroup: int) -> None:
        """Telegram has said that a group is a supergroup now: so are all replies there."""
        self._upgraded.put(group, supergroup)

    async def begin(self, request: RequestRecord, address: Address) -> bool:
        """Whether it is written down that something new is about to be sent; else it must not be."""
        assert request.reply is not None
        if await self._write(request, address):
            self._now.put((request.id, request.reply), address)
            return True
        return False

    async def move(self, request: RequestRecord, address: Address) -> None:
        """From now on, even if that cannot be written down."""
        assert request.reply is not None
        if self.of(request) != address:
            self._now.put((request.id, request.reply), address)
            await self._write(request, address)

    async def _write(self, request: RequestRecord, address: Address) -> bool:
        try:
            await self._moved(request.id, address.to_text())
        except StoreUnavailable as error:
            log.warning("where the reply of %s is cannot be written down: %s", request.id, error.cause)
            return False
        return True
