"""Who did what, when, to whom, and why."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from bot.chat.web.doors import require_operator
from bot.chat.web.operator.frame import HOME, Frame
from bot.chat.web.operator.jobs import number_of
from bot.presentation.card_admin_lists import words_of
from bot.service.admin_records import AdminRecords
from bot.service.store import Store

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class AuditLog:
    frame: Frame
    store: Store
    records: AdminRecords

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{HOME}/audit", self._page)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        chosen = {name: request.query.get(name, "").strip() for name in ("actor", "subject")}
        before = number_of(request.query.get("before", ""))
        page = await self.store.survey_audit(**chosen, before=before, limit=A_PAGE)
        deeds = await self.records.deeds(page.entries)
        return self.frame.show(
            request,
            "audit.html",
            section="audit",
            deeds=[(deed, words_of(deed.action)) for deed in deeds],
            older=page.older and f"{HOME}/audit?{urlencode({**chosen, 'before': page.older})}",
            newest=f"{HOME}/audit?{urlencode(chosen)}" if before is not None else None,
            chosen=chosen,
        )
