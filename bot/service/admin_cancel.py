"""How operators stop anybody's jobs, and moderators those of their own place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import NotAllowed, NotFound, ParameterError
from bot.domain.ids import JobId, RequestId, UserId
from bot.domain.jobs import OPEN
from bot.domain.text import Text
from bot.presentation.actions import Danger
from bot.presentation.card_admin import told_card
from bot.presentation.card_admin_pages import name_of
from bot.presentation.cards import Card, Code, Command
from bot.service.acceptance import PLACE
from bot.service.admin_questions import Questions, Wish
from bot.service.admin_words import Named, Said
from bot.service.gate import Asker
from bot.service.operator import CancelResult
from bot.service.records import AuditEntry, JobRecord, RequestRecord
from bot.service.running import RunningBot

_AT_A_TIME = 1000
"""Requests of one user that are cancelled before it is looked for more; tiers allow far less."""


@dataclass(frozen=True, slots=True)
class AdminCancel:
    operator: RunningBot
    questions: Questions

    async def cancel(self, said: Said, asker: Asker) -> Card:
        wanted, user = said.text("job").lower(), said.maybe_user()
        if _is_user(wanted) and user is None:
            wanted, user = "", Named(wanted, exact=True)
        if bool(wanted) is (user is not None):
            raise ParameterError("job", Text("Say which job or request, or whose: one of the two."))
        if user is None:
            return await self.ask(Wish(Danger.CANCEL, wanted, said.reason()), asker)
        if not asker.admin and not user.exact:
            raise NotFound(Text("Say whom by mentioning them, or by platform and id, like discord:123."))
        person = await self.operator.usecases.accounts.find(user.wanted)
        return await self.ask(Wish(Danger.CANCEL, person.user, said.reason()), asker)

    async def ask(self, wish: Wish, asker: Asker) -> Card:
        """One's own are cancelled at once."""
        if _is_user(wish.subject):
            return await self._ask_about(UserId(wish.subject), wish, asker)
        jobs = [job for job in await self._jobs(wish.subject, asker) if job.state in OPEN]
        if not jobs:
            return told_card(Text("Nothing to cancel: that was over already"))
        people = self.operator.usecases.accounts
        person = await people.person(asker.identity, asker.name)
        if jobs[0].user == person.user:
            return await self.do(wish, asker)
        owner = await people.find(jobs[0].user)
        what = Text(
            "{pictures} of {user}, {template}, is stopped. It is not painted later.",
            pictures=Code(wish.subject),
            user=name_of(owner.names[0] if owner.names else owner.user),
            template=name_of(self.operator.usecases.shelf.title_of(jobs[0].work.template)),
        )
        return self.questions.ask(wish, what, asker.identity)

    async def do(self, wish: Wish, asker: Asker) -> Card:
        if _is_user(wish.subject):
            return await self._cancel_all(UserId(wish.subject), wish, asker)
        await self._jobs(wish.subject, asker)
        result = await self.operator.cancel_for(asker, wish.subject, wish.reason)
        return _cancelled(result)

    async def _ask_about(self, user: UserId, wish: Wish, asker: Asker) -> Card:
        person = await self.operator.usecases.accounts.find(user)
        requests = await self._open_of(person.user, asker)
        name = name_of(person.names[0] if person.names else user)
        if not requests:
            return told_card(Text("{name} has nothing in line", name=name))
        what = Text.counted(
            "What {name} has in line, {count} request, is stopped. It is not painted later.",
            "What {name} has in line, {count} requests, is stopped. They are not painted later.",
            len(requests),
            name=name,
        )
        return self.questions.ask(wish, what, asker.identity)

    async def _cancel_all(self, user: UserId, wish: Wish, asker: Asker) -> Card:
        # Meanwhile their accounts may have been linked.
        user = (await self.operator.usecases.accounts.find(user)).user
        results: list[CancelResult] = []
        seen: set[RequestId] = set()
        # What is at a server stays open until that has stopped it, so the same ones may come again.
        while found := [each for each in await self._open_of(user, asker) if each.id not in seen]:
            for request in found:
                seen.add(request.id)
                results.append(await self.operator.usecases.cancel(request.id, asker))
        detail = f"{len(seen)} requests {wish.reason}".rstrip()
        at = self.operator.clock.now()
        await self.operator.store.audit(AuditEntry(at, asker.identity, "cancel", user, detail))
        return _cancelled(_together(results))

    async def _open_of(self, user: UserId, asker: Asker) -> list[RequestRecord]:
        found = await self.operator.store.requests_of(user, open_only=True, limit=_AT_A_TIME)
        return [each for each in found if asker.admin or each.options.get(PLACE) == asker.place]

    async def _jobs(self, wanted: str, asker: Asker) -> tuple[JobRecord, ...]:
        """Of a job's or request's id. Raises NotFound, and NotAllowed for what a moderator does not look
        after."""
        store = self.operator.store
        job = await store.job(JobId(wanted))
        jobs = (job,) if job is not None else await store.jobs_of(RequestId(wanted))
        if not jobs:
            raise NotFound(
                Text(
                    "There is no job {job}. {command} lists what is in line.",
                    job=wanted,
                    command=Command("admin queue" if asker.admin else "queue"),
                )
            )
        if not asker.admin:
            record = await store.request(jobs[0].request)
            if record is None or record.options.get(PLACE) != asker.place:
                raise NotAllowed(
                    Text("{job} was not asked for in this place, the one that you look after.", job=wanted)
                )
        return jobs


def _is_user(subject: str) -> bool:
    """Users go by platform and id."""
    return ":" in subject


def _together(results: Sequence[CancelResult]) -> CancelResult:
    return CancelResult(
        cancelled=tuple(job for result in results for job in result.cancelled),
        stopping=tuple(job for result in results for job in result.stopping),
        over=tuple(job for result in results for job in result.over),
    )


def _cancelled(result: CancelResult) -> Card:
    lines: list[Text] = []
    if n := len(result.cancelled):
        lines.append(
            Text.counted(
                "{count} was waiting, and is taken back.", "{count} were waiting, and are taken back.", n
            )
        )
    if n := len(result.stopping):
        lines.append(
            Text.counted(
                "{count} is at a server, which was asked to stop it.",
                "{count} are at servers, which were asked to stop them.",
                n,
            )
        )
    if n := len(result.over):
        lines.append(Text.counted("{count} had ended before.", "{count} had ended before.", n))
    done = result.cancelled or result.stopping
    return told_card(Text("Cancelled") if done else Text("Nothing to cancel: that was over already"), *lines)
