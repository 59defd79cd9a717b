"""The sections of the operator's page, put together."""

from __future__ import annotations

from aiohttp import web

from bot.chat.web.live import Live
from bot.chat.web.operator.board import Board
from bot.chat.web.operator.deeds import Deeds
from bot.chat.web.operator.frame import Frame
from bot.chat.web.pages import Pages
from bot.service.charts import Days
from bot.service.clock import Clock
from bot.service.floor import FloorWatch
from bot.service.plain_commands import PlainCommands
from bot.service.running import RunningBot


class OperatorPage:
    """``routes`` is a part of :class:`~bot.chat.web.site.Site`; ``run`` has to run beside it.
    ``timezone`` is the operator's."""

    def __init__(
        self,
        operator: RunningBot,
        plain: PlainCommands,
        *,
        pages: Pages,
        live: Live,
        clock: Clock,
        timezone: str,
    ) -> None:
        frame = Frame(pages, timezone)
        watch = FloorWatch(operator, lambda now: Days.up_to(now, 1, timezone).since)
        self.board = Board(frame, watch, live, clock)
        self._parts = (self.board, Deeds(frame, plain))

    def routes(self, router: web.UrlDispatcher) -> None:
        for part in self._parts:
            part.routes(router)

    async def run(self) -> None:
        """Keep open pages fresh."""
        await self.board.run()
