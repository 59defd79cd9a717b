"""What people say that paints nothing: commands about themselves and about what can be painted, the cards
that these lead to, and the operators' own."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import NotFound, NotYours
from bot.domain.jobs import OPEN
from bot.domain.text import Text
from bot.presentation.actions import Danger, Listing, OnPage, OnQuestion, OnRequest, OnSetting, Verb, mark
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import Button, Card, CardState
from bot.presentation.help_cards import help_card
from bot.presentation.specs import Suggestion
from bot.service.admin import AdminCommands
from bot.service.defaults import Defaults
from bot.service.follow_ups import FollowUps
from bot.service.gate import Asker
from bot.service.linking import Linking
from bot.service.outcomes import Bring, Call, Outcome, Tell
from bot.service.own_cards import OwnCards
from bot.service.privacy import Privacy
from bot.service.usecases import UseCases

MOST_NAMED = 25
"""Jobs to choose from while typing."""
_SHORT = 60
"""Characters of the words of a request in a list."""


@dataclass(frozen=True, slots=True)
class PlainCommands:
    """All methods raise FairbrushError and nothing else that is foreseen."""

    usecases: UseCases
    cards: OwnCards
    follow_ups: FollowUps
    defaults: Defaults
    privacy: Privacy
    admin: AdminCommands
    linked: Linking
    linking: bool = False
    """There is another platform to be linked with."""

    async def run(self, call: Call, asker: Asker) -> Outcome:
        match call.words:
            case ("queue",):
                return Tell(await self.cards.queue(asker))
            case ("cancel",):
                return Tell(await self._cancel(str(call.options.get("job", "")), asker))
            case ("quota",):
                return Tell(await self.cards.quota(asker))
            case ("templates",):
                wanted = str(call.options.get("template", "")).strip()
                if wanted:
                    return Tell(self.cards.template(wanted))
                return Tell(self.cards.templates(place=asker.place))
            case ("show",):
                return await self._show(str(call.options.get("job", "")), asker)
            case ("settings",):
                return Tell(await self._settings(call, asker))
            case ("privacy",):
                return Tell(await self.privacy.card(asker))
            case ("link",):
                code = str(call.options.get("code", "")).strip()
                card = await (self.linked.enter(code, asker) if code else self.linked.code(asker))
                await self.defaults.load()  # they go with the person
                return Tell(card)
            case ("unlink",):
                return Tell(await self.linked.question(asker))
            case ("help",):
                wanted = str(call.options.get("template", "")).strip()
                return Tell(self.cards.help(wanted) if wanted else help_card(linking=self.linking))
            case ("admin", *_):
                # Who changes something stands in the audit log by name, whether or not they ever painted.
                await self.usecases.accounts.person(asker.identity, asker.name)
                return await self.admin.run(call, asker)
        raise NotFound(Text("This command is not there any more. Look at the list of commands."))

    async def _cancel(self, wanted: str, asker: Asker) -> Card:
        if not wanted.strip():
            return await self.cards.queue(asker)
        result = await self.usecases.cancel(wanted, asker)
        if result.stopping:
            said = Text("Its server was asked to stop it.")
        elif result.cancelled:
            said = Text("It is taken back.")
        else:
            said = Text("It had ended before.")
        return Card(CardState.INFO, Text("Cancel"), lines=(said,), private=True)

    async def _show(self, wanted: str, asker: Asker) -> Outcome:
        if not wanted.strip():
            return Tell(await self.cards.results(asker))
        record = await self.usecases.named(wanted, asker)
        return await self.show(OnRequest(Verb.SHOW, record.id), asker)

    async def show(self, action: OnRequest, asker: Asker) -> Outcome:
        """A result once more; what is still being painted comes by itself."""
        record = await self.follow_ups.may(action, asker)
        jobs = await self.usecases.store.jobs_of(record.id)
        return Tell(_not_yet(asker)) if any(job.state in OPEN for job in jobs) else Bring(record.id)

    async def _settings(self, call: Call, asker: Asker) -> Card:
        person = await self.usecases.accounts.person(asker.identity, asker.name)
        for name, value in call.options.items():
            await self.defaults.set(person.user, name, value if isinstance(value, bool) else str(value))
        return await self.defaults.card(person.user, owner=mark(asker.identity))

    async def nameable_jobs(self, words: tuple[str, ...], asker: Asker) -> tuple[Suggestion, ...]:
        """What may be meant where a command asks for a job: one's own, the latest first."""
        match words:
            case ("show",):
                return tuple(
                    Suggestion(f"{record.id} · {shorten(one_line(record.prompt_text), _SHORT)}", record.id)
                    for record in await self.usecases.my_requests(asker, MOST_NAMED)
                )
            case ("admin", *_) if asker.admin:
                dispatcher = self.usecases.dispatcher
                jobs = [
                    *dispatcher.queue.in_service,
                    *(each.job for each in dispatcher.queue.upcoming(MOST_NAMED)),
                ]
                return tuple(Suggestion(job, job) for job in jobs)
            case _:
                mine = await self.usecases.my_jobs(asker)
                return tuple(
                    Suggestion(f"{each.job.id} · {each.job.work.template}", each.job.id)
                    for each in reversed(mine)
                )

    # Buttons

    async def set(self, action: OnSetting, asker: Asker) -> Card:
        _own(action, asker)
        person = await self.usecases.accounts.person(asker.identity, asker.name)
        return await self.defaults.press(person.user, action)

    async def answered(self, action: OnQuestion, asker: Asker) -> Card:
        match action.danger:
            case Danger.ERASE:
                _own(action, asker)
                return await self.privacy.answered(action, asker)
            case Danger.UNLINK:
                _own(action, asker)
                card = await self.linked.answered(action, asker)
                await self.defaults.load()  # they go with the person
                return card
            case _:
                return await self.admin.press(action, asker)

    async def turn(self, action: OnPage, asker: Asker) -> Outcome:
        _own(action, asker)
        match action.listing:
            case Listing.QUEUE:
                return Tell(await self.cards.queue(asker, action.page))
            case Listing.RESULTS:
                return Tell(await self.cards.results(asker, action.page))
            case Listing.QUOTA:
                return Tell(await self.cards.quota(asker))
            case Listing.TEMPLATES:
                return Tell(self.cards.templates(action.page, place=asker.place))
            case Listing.TEMPLATE:
                return Tell(self.cards.template_marked(action.subject))
            case Listing.HELP:
                return Tell(help_card(linking=self.linking))
            case Listing.SETTINGS:
                person = await self.usecases.accounts.person(asker.identity, asker.name)
                return Tell(await self.defaults.card(person.user, owner=mark(asker.identity)))
            case Listing.PRIVACY if action.subject == "export":
                return await self.privacy.export(asker)
            case Listing.PRIVACY if action.subject == "erase":
                return Tell(await self.privacy.question(asker))
            case Listing.PRIVACY:
                return Tell(await self.privacy.card(asker))
            case Listing.ADMIN_QUEUE | Listing.AUDIT:
                return Tell(await self.admin.press(action, asker))


def _not_yet(asker: Asker) -> Card:
    queue = Button(OnPage(Listing.QUEUE, 0, mark(asker.identity)), Text("My pictures in line"))
    return Card(
        CardState.INFO,
        Text("It is not painted yet"),
        lines=(Text("It comes where it was asked for, as soon as it is."),),
        buttons=((queue,),),
        private=True,
    )


def _own(action: OnPage | OnSetting | OnQuestion, asker: Asker) -> None:
    """Raise NotYours for a list, a setting or a question that is somebody else's."""
    if action.owner and action.owner != mark(asker.identity):
        raise NotYours(Text("That is somebody else's. Use the command yourself to see yours."))
