"""The sections of the operator's page, put together."""

from __future__ import annotations

from aiohttp import web

from bot.chat.web.live import Live
from bot.chat.web.operator.audit import AuditLog
from bot.chat.web.operator.board import Board
from bot.chat.web.operator.deeds import Deeds
from bot.chat.web.operator.frame import Frame
from bot.chat.web.operator.jobs import Jobs
from bot.chat.web.operator.people import People
from bot.chat.web.operator.templates import Templates
from bot.chat.web.operator.usage import Usage
from bot.chat.web.pages import Pages
from bot.service.admin_records import AdminRecords
from bot.service.charts import Days
from bot.service.clock import Clock
from bot.service.floor import FloorWatch
from bot.service.new_templates import NewTemplates
from bot.service.plain_commands import PlainCommands
from bot.service.running import RunningBot


class OperatorPage:
    """``routes`` is a part of :class:`~bot.chat.web.site.Site`; ``run`` has to run beside it.
    ``timezone`` is the operator's; ``tiers`` are names to choose from.
    ``open_to_all``: no token is asked for."""

    def __init__(
        self,
        operator: RunningBot,
        plain: PlainCommands,
        *,
        pages: Pages,
        live: Live,
        clock: Clock,
        timezone: str,
        tiers: tuple[str, ...],
        open_to_all: bool = False,
    ) -> None:
        frame = Frame(pages, timezone, open_to_all)
        watch = FloorWatch(operator, lambda now: Days.up_to(now, 1, timezone).since)
        self.board = Board(frame, watch, live, clock)
        usecases, store = operator.usecases, operator.store
        self._parts = (
            self.board,
            Deeds(frame, plain),
            Jobs(frame, store, usecases.shelf, clock),
            Usage(frame, store, usecases.accounts, clock, timezone),
            People(frame, store, usecases.accounts, clock, tiers),
            Templates(frame, operator, NewTemplates(usecases.shelf, store, clock)),
            AuditLog(frame, store, AdminRecords(operator, timezone)),
        )

    def routes(self, router: web.UrlDispatcher) -> None:
        for part in self._parts:
            part.routes(router)

    async def run(self) -> None:
        """Keep open pages fresh."""
        await self.board.run()
