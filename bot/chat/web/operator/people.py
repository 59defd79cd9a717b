"""People: who they are, what they used, what they may; and the forms that change it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from bot.chat.web.doors import require_operator
from bot.chat.web.operator.frame import HOME, Frame
from bot.chat.web.operator.jobs import number_of
from bot.domain.quota import left_jobs, left_seconds
from bot.domain.text import Text
from bot.presentation.card_admin import Who, person_card
from bot.presentation.spec_fixed import AUTOMATIC
from bot.service.accounts import Accounts
from bot.service.clock import Clock
from bot.service.operator import Account
from bot.service.store import Store

A_PAGE = 30


@dataclass(frozen=True, slots=True)
class PersonLine:
    """``taken``: percent of the day's GPU time, None where that is not limited."""

    account: Account
    left: float | None
    left_jobs: int | None
    taken: int | None
    blocked: Text | None


@dataclass(frozen=True, slots=True)
class People:
    """``tiers``: names to choose from."""

    frame: Frame
    store: Store
    accounts: Accounts
    clock: Clock
    tiers: tuple[str, ...]

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{HOME}/people", self._list)
        router.add_get(f"{HOME}/people/{{user:.+}}", self._one)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        search, page = request.query.get("search", "").strip(), number_of(request.query.get("page", "")) or 0
        found = await self.store.survey_people(search, offset=page * A_PAGE, limit=A_PAGE)
        lines = [self._line(await self.accounts.account(person.user)) for person in found.found]
        turn = {"before": "", "after": ""}
        if page:
            turn["before"] = f"{HOME}/people?{urlencode({'search': search, 'page': page - 1})}"
        if (page + 1) * A_PAGE < found.total:
            turn["after"] = f"{HOME}/people?{urlencode({'search': search, 'page': page + 1})}"
        return self.frame.show(
            request,
            "people.html",
            section="people",
            lines=lines,
            caption=Text.counted(
                "{count} person", "{count} people, whoever was seen last first", found.total
            ),
            search=search,
            turn=turn,
        )

    async def _one(self, request: web.Request) -> web.StreamResponse:
        """Also of an account that was not seen yet: it may be prepared."""
        require_operator(request)
        account = await self.accounts.account(request.match_info["user"])
        who = Who(
            name=account.name,
            identities=account.person.identities,
            tier=account.tier,
            standing=account.standing,
            own_limits=account.person.allowance is not None,
            known=account.known,
            notes=account.notes,
        )
        return self.frame.show(
            request,
            "person.html",
            section="people",
            line=self._line(account),
            card=person_card(who, now=self.clock.now()),
            tiers=self.tiers,
            automatic=AUTOMATIC,
        )

    def _line(self, account: Account) -> PersonLine:
        standing, left = account.standing, left_seconds(account.standing)
        limit = standing.allowance.gpu_seconds
        taken = None
        if limit is not None and left is not None:
            whole = max(limit + standing.use.granted - standing.use.carried, 0.0)
            taken = round(100 * (1 - left / whole)) if whole else 100
        until = account.person.blocked_until
        blocked = until is not None and until > self.clock.now()
        return PersonLine(
            account,
            left,
            left_jobs(standing),
            taken,
            self.accounts.until(until) if blocked and until is not None else None,
        )
