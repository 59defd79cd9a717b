"""What somebody sees of their own jobs and quota, and of what can be painted: the same on every platform."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.durations import about
from bot.domain.errors import TemplateNotFound
from bot.domain.text import Text
from bot.presentation.actions import mark
from bot.presentation.card_account import quota_card
from bot.presentation.card_lists import (
    OpenJob,
    Result,
    TemplateEntry,
    queue_card,
    results_card,
    templates_card,
)
from bot.presentation.card_situation import Run, Wait
from bot.presentation.cards import Card
from bot.presentation.help_cards import template_card
from bot.presentation.template_help import template_help
from bot.service.gate import Asker
from bot.service.usecases import MyJob, UseCases

MOST_RESULTS = 50
"""Of one person, to choose from."""


@dataclass(frozen=True, slots=True)
class OwnCards:
    """Made when they are asked for. Each raises what its use case does."""

    usecases: UseCases

    async def queue(self, asker: Asker, page: int = 0) -> Card:
        jobs = [await self._open_job(each) for each in await self.usecases.my_jobs(asker)]
        line = self.usecases.dispatcher.queue
        return queue_card(
            jobs, owner=mark(asker.identity), page=page, waiting=len(line), people=line.backlogged
        )

    async def results(self, asker: Asker, page: int = 0) -> Card:
        """What can be brought back, the latest first."""
        now = self.usecases.gate.clock.now()
        found = [
            Result(
                record.id,
                record.prompt_text,
                self.usecases.shelf.title_of(record.template),
                about(now - record.created_at),
            )
            for record in await self.usecases.my_requests(asker, MOST_RESULTS)
        ]
        return results_card(found, owner=mark(asker.identity), page=page)

    async def quota(self, asker: Asker) -> Card:
        accounts = self.usecases.accounts
        person = await accounts.person(asker.identity, asker.name)
        tier = accounts.tier_of(person, asker.roles)
        standing = await self.usecases.standing(asker)
        now = self.usecases.gate.clock.now()
        return quota_card(standing, tier=tier.name, now=now, linked=len(person.identities))

    def templates(self, page: int = 0, *, place: str = "") -> Card:
        """Those that may be used in ``place`` (:attr:`Asker.place`)."""
        house = self.usecases.gate.moderation.house
        entries = [
            TemplateEntry(each.name, each.title, each.description, each.command, bool(each.media))
            for each in house.offered(self.usecases.shelf.library.enabled(), place)
        ]
        return templates_card(entries, page=page)

    def template(self, name: str) -> Card:
        """One template with everything that can be set. Raises TemplateNotFound and TemplateError."""
        return template_card(template_help(self.usecases.shelf.library.get(name)))

    def help(self, name: str) -> Card:
        """Of a template, or of the first that a command paints with. Raises what :meth:`template` does."""
        known = self.usecases.shelf.library.enabled()
        command = name.removeprefix("/").replace("_", "-").lower()
        of_command = [each.name for each in known if each.command.replace("_", "-") == command]
        named = any(each.name == name for each in known)
        return self.template(of_command[0] if of_command and not named else name)

    def template_marked(self, wanted: str) -> Card:
        """By the mark of its name. Raises TemplateNotFound when it has gone."""
        for each in self.usecases.shelf.library.enabled():
            if mark(each.name) == wanted:
                return self.template(each.name)
        raise TemplateNotFound(Text("That template is not offered any more. Look at the list of templates."))

    async def _open_job(self, mine: MyJob) -> OpenJob:
        record = await self.usecases.store.request(mine.job.request)
        words = "" if record is None else record.prompt_text
        outlook = mine.outlook
        return OpenJob(
            mine.job.id,
            mine.job.state,
            words,
            self.usecases.shelf.title_of(mine.job.work.template),
            None if outlook is None else Wait(outlook.place, outlook.seconds, outlook.why),
            None if mine.fraction is None else Run(mine.fraction),
        )
