"""Where everything that people do in chats comes in, on every platform: commands, buttons, forms, menus.

A front-end says who did what and where; what comes back is an :data:`~bot.service.outcomes.Outcome` for it to
carry out. Refusals are raised as :class:`~bot.domain.errors.FairbrushError`, to be shown by
:func:`refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from bot.domain.errors import FairbrushError, FlagError, IsPrivate, NotFound, NotYours
from bot.domain.ids import IdentityId, JobId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import (
    Action,
    Danger,
    Listing,
    OnExample,
    OnPage,
    OnPicture,
    OnQuestion,
    OnRequest,
    OnSetting,
    Verb,
    mark,
)
from bot.presentation.card_denied import error_card
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import Card, CardState
from bot.presentation.flags import Ask, parse_line
from bot.presentation.help_cards import EXAMPLES, help_card
from bot.presentation.specs import PRIVATE, Suggestion
from bot.service.acceptance import Receipt
from bot.service.admin import AdminCommands
from bot.service.cloakroom import Cloakroom
from bot.service.defaults import Defaults
from bot.service.follow_up_forms import filled_in
from bot.service.follow_ups import FollowUps
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage
from bot.service.linking import Linking
from bot.service.outcomes import Bring, Call, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.own_cards import OwnCards
from bot.service.privacy import Privacy
from bot.service.usecases import UseCases


class First(Enum):
    """What must be answered at once, before anything is looked up."""

    REPLY = "reply"
    """A new message for everybody comes; for one person's eyes where the message pressed on is."""
    WHISPER = "whisper"
    """A new message for one person's eyes comes."""
    TURN = "turn"
    """The card pressed on becomes another; a new one for one person's eyes where it is everybody's."""
    QUIET = "quiet"
    """The message pressed on shows it by itself."""
    FORM = "form"
    """A form opens."""


_FIRST: Mapping[Verb, First] = {
    Verb.REROLL: First.REPLY,
    Verb.AGAIN: First.REPLY,
    Verb.VARIATION: First.REPLY,
    Verb.UPSCALE: First.REPLY,
    Verb.EDIT: First.FORM,
    Verb.DELETE: First.QUIET,
    Verb.CANCEL: First.QUIET,
    Verb.SHOW: First.WHISPER,
    Verb.ORIGINAL: First.WHISPER,
    Verb.SETTINGS: First.WHISPER,
}


def first_answer(action: Action | None) -> First:
    """Of a button; None: one that nobody knows."""
    match action:
        case OnRequest(verb=verb):
            return _FIRST[verb]
        case OnPage(listing=Listing.PRIVACY, subject="export"):
            return First.WHISPER
        case OnPage() | OnSetting() | OnQuestion():
            return First.TURN
        case OnExample():
            return First.REPLY
        case OnPicture() | None:
            return First.WHISPER


def paints(action: Action) -> bool:
    """Whether a press on it asks for pictures."""
    return first_answer(action) is First.REPLY


def refusal(error: FairbrushError, asker: Asker, action: Action | None = None, *, event: str = "") -> Card:
    """For the eyes of whoever asked. ``event``: by what the log knows it, where the operator may be asked."""
    theirs = None
    if isinstance(error, NotYours) and not isinstance(error, IsPrivate) and isinstance(action, OnRequest):
        theirs = action.request
    job = JobId(event) if event else None
    return error_card(error, owner=mark(asker.identity), theirs=theirs, job=job)


MOST_NAMED = 25
"""Jobs to choose from while typing."""
PRESSED_TWICE = 3.0
"""Seconds within which the same button, pressed again by the same person, is the same press."""


class Presses:
    """Who pressed what a moment ago. In memory alone: a double click does not outlive a restart."""

    def __init__(self) -> None:
        self._at: dict[tuple[IdentityId, Action], float] = {}

    def is_repeat(self, who: IdentityId, action: Action | None, now: float) -> bool:
        """Whether this is the second half of a double click on a button that paints. ``now``: monotonic
        seconds."""
        if action is None or not paints(action):
            return False
        self._at = {key: at for key, at in self._at.items() if now - at < PRESSED_TWICE}
        if (who, action) in self._at:
            return True
        self._at[who, action] = now
        return False


@dataclass(frozen=True, slots=True)
class Reception:
    """All methods raise FairbrushError and nothing else that is foreseen."""

    usecases: UseCases
    cards: OwnCards
    follow_ups: FollowUps
    defaults: Defaults
    privacy: Privacy
    admin: AdminCommands
    linked: Linking
    cloakroom: Cloakroom
    linking: bool = False
    """There is another platform to be linked with."""
    presses: Presses = field(default_factory=Presses)

    def is_repeat(self, action: Action | None, asker: Asker) -> bool:
        """The second half of a double click: to be answered, and to have no effect."""
        return self.presses.is_repeat(asker.identity, action, self.usecases.gate.clock.monotonic())

    # Painting

    def is_private(self, ask: Ask, asker: Asker, typed: frozenset[str] = frozenset()) -> bool:
        """Whether only they see the result: known from memory, since it decides how they are answered."""
        return ask.private or (PRIVATE not in typed and self.is_private_press(asker))

    def is_private_press(self, asker: Asker) -> bool:
        """The same of what a button asks for, which says nothing of it."""
        return self.defaults.private(asker.identity)

    def is_private_form(self, fields: Mapping[str, str], asker: Asker) -> bool:
        """The same of a form that was sent off. What is wrong in one is for their eyes, too."""
        try:
            return self.is_private(filled_in(fields), asker)
        except FairbrushError:
            return True

    async def paint(
        self,
        ask: Ask,
        asker: Asker,
        origin: Origin,
        images: Mapping[str, InputImage],
        *,
        typed: frozenset[str] = frozenset(),
    ) -> Follow:
        """What was typed or chosen, with one's own defaults where it says nothing. ``typed``: see
        :meth:`~bot.service.defaults.Defaults.merge`."""
        person = await self.usecases.accounts.person(asker.identity, asker.name)
        most = self.usecases.accounts.tier_of(person, asker.roles).max_pixels
        merged = await self.defaults.merge(ask, person.user, origin.command, max_pixels=most, typed=typed)
        return _follow(await self.usecases.imagine(merged.ask, asker, origin, images, notes=merged.notes))

    async def paint_from(
        self, picture: str, fields: Mapping[str, str], asker: Asker, origin: Origin
    ) -> Follow:
        """A form about a picture in the cloakroom was sent off."""
        image = await self.cloakroom.get(picture, asker.identity)
        return _follow(await self.follow_ups.edited_picture(fields, image, asker, origin))

    # Commands

    async def command(self, call: Call, asker: Asker) -> Outcome:
        match call.words:
            case ("queue",):
                return Tell(await self.cards.queue(asker))
            case ("cancel",):
                return Tell(await self._cancel(str(call.options.get("job", "")), asker))
            case ("quota",):
                return Tell(await self.cards.quota(asker))
            case ("templates",):
                wanted = str(call.options.get("template", "")).strip()
                return Tell(self.cards.template(wanted) if wanted else self.cards.templates())
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
                return Tell(await self.admin.run(call, asker))
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
        await self.follow_ups.may(OnRequest(Verb.SHOW, record.id), asker)
        return Bring(record.id)

    async def shared(self, wanted: str, asker: Asker) -> Bring:
        """A result by a link that somebody passed on: whoever has it sees what is not private."""
        return Bring((await self.usecases.named(wanted, asker)).id)

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
                    Suggestion(f"{record.id} · {_short(record.prompt_text)}", record.id)
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

    async def press(self, action: Action | None, asker: Asker, origin: Origin) -> Outcome:
        """``origin`` is that of the request that may follow."""
        match action:
            case OnRequest():
                return await self._on_request(action, asker, origin)
            case OnPage():
                return await self._turn(action, asker)
            case OnSetting():
                await self._own(action, asker)
                person = await self.usecases.accounts.person(asker.identity, asker.name)
                return Tell(await self.defaults.press(person.user, action))
            case OnQuestion(danger=Danger.ERASE):
                await self._own(action, asker)
                return Tell(await self.privacy.answered(action, asker))
            case OnQuestion(danger=Danger.UNLINK):
                await self._own(action, asker)
                card = await self.linked.answered(action, asker)
                await self.defaults.load()
                return Tell(card)
            case OnQuestion():
                return Tell(await self.admin.press(action, asker))
            case OnExample(number=int(number)) if number < len(EXAMPLES):
                return await self.paint(parse_line(EXAMPLES[number]), asker, origin, {})
        raise FlagError(Text("This button is of another version, or not one of ours. Use the commands."))

    async def _on_request(self, action: OnRequest, asker: Asker, origin: Origin) -> Outcome:
        if action.verb is Verb.CANCEL:  # moderators may, too
            await self.usecases.cancel(action.job or action.request, asker)
            return Nothing()
        match action.verb:
            case Verb.REROLL | Verb.AGAIN:
                return _follow(await self.follow_ups.again(action, asker, origin))
            case Verb.VARIATION:
                return _follow(await self.follow_ups.vary(action, asker, origin))
            case Verb.UPSCALE:
                return _follow(await self.follow_ups.upscale(action, asker, origin))
            case Verb.EDIT:
                return Open(await self.follow_ups.edit_form(action.request, asker))
            case Verb.DELETE:
                await self.usecases.forget(action.request, asker)
                return Remove(action.request)
            case Verb.SHOW:
                await self.follow_ups.may(action, asker)
                return Bring(action.request)
            case Verb.ORIGINAL:
                await self.follow_ups.may(action, asker)
                return Bring(action.request, max(action.index, 1), action.file)
            case Verb.SETTINGS:
                return Tell(await self.follow_ups.made_with(action.request, asker))

    async def _turn(self, action: OnPage, asker: Asker) -> Outcome:
        await self._own(action, asker)
        match action.listing:
            case Listing.QUEUE:
                return Tell(await self.cards.queue(asker, action.page))
            case Listing.RESULTS:
                return Tell(await self.cards.results(asker, action.page))
            case Listing.QUOTA:
                return Tell(await self.cards.quota(asker))
            case Listing.TEMPLATES:
                return Tell(self.cards.templates(action.page))
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

    async def _own(self, action: OnPage | OnSetting | OnQuestion, asker: Asker) -> None:
        """Raises NotYours for a list, a setting or a question that is somebody else's."""
        if action.owner and action.owner != mark(asker.identity):
            raise NotYours(Text("That is somebody else's. Use the command yourself to see yours."))

    async def reword(self, request: RequestId, line: str, asker: Asker, origin: Origin) -> Follow:
        """The same picture once more, with what ``line`` changes of it: for a platform without forms."""
        return _follow(await self.follow_ups.reworded(request, line, asker, origin))

    # Forms

    async def fill(
        self, action: Action | None, fields: Mapping[str, str], asker: Asker, origin: Origin
    ) -> Follow:
        """A form was sent off, by ``action`` as :class:`~bot.presentation.forms.Form` had it."""
        match action:
            case OnRequest(verb=Verb.EDIT, request=request):
                return _follow(await self.follow_ups.edited(request, fields, asker, origin))
            case OnPicture(key=key):
                return await self.paint_from(key, fields, asker, origin)
        raise FlagError(Text("This form is of another version. Open it again."))


def _short(words: str) -> str:
    return shorten(one_line(words), 60)


def _follow(receipts: tuple[Receipt, ...]) -> Follow:
    return Follow(tuple(receipt.accepted.request for receipt in receipts))
