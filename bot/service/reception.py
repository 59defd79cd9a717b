"""Where everything that people do in chats comes in, on every platform: commands, buttons, forms, menus.

A front-end says who did what and where; what comes back is an :data:`~bot.service.outcomes.Outcome` for it to
carry out. Refusals are raised as :class:`~bot.domain.errors.FairbrushError`, to be shown by
:func:`refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.errors import FairbrushError, FlagError, IsPrivate, NotYours
from bot.domain.ids import JobId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import (
    Action,
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
from bot.presentation.cards import Card
from bot.presentation.flags import Ask, parse_line
from bot.presentation.help_cards import EXAMPLES
from bot.presentation.specs import PRIVATE
from bot.service.acceptance import Receipt
from bot.service.cloakroom import Cloakroom
from bot.service.defaults import Defaults
from bot.service.first_answers import Presses
from bot.service.follow_up_forms import filled_in
from bot.service.follow_ups import FollowUps
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage
from bot.service.outcomes import Bring, Call, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.plain_commands import PlainCommands
from bot.service.usecases import UseCases


def refusal(error: FairbrushError, asker: Asker, action: Action | None = None, *, event: str = "") -> Card:
    """For the eyes of whoever asked. ``event``: by what the log knows it, where the operator may be asked."""
    theirs = None
    if isinstance(error, NotYours) and not isinstance(error, IsPrivate) and isinstance(action, OnRequest):
        theirs = action.request
    job = JobId(event) if event else None
    return error_card(error, owner=mark(asker.identity), theirs=theirs, job=job)


@dataclass(frozen=True, slots=True)
class Reception:
    """All methods raise FairbrushError and nothing else that is foreseen."""

    usecases: UseCases
    follow_ups: FollowUps
    defaults: Defaults
    plain: PlainCommands
    cloakroom: Cloakroom
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
        fits = self.usecases.gate.moderation.house.allows(asker.place)
        merged = await self.defaults.merge(
            ask, person.user, origin.command, max_pixels=most, typed=typed, fits=fits
        )
        return _follow(await self.usecases.imagine(merged.ask, asker, origin, images, notes=merged.notes))

    async def paint_from(
        self, picture: str, fields: Mapping[str, str], asker: Asker, origin: Origin
    ) -> Follow:
        """A form about a picture in the cloakroom was sent off."""
        image = await self.cloakroom.get(picture, asker.identity)
        return _follow(await self.follow_ups.edited_picture(fields, image, asker, origin))

    async def command(self, call: Call, asker: Asker) -> Outcome:
        return await self.plain.run(call, asker)

    async def shared(self, wanted: str, asker: Asker) -> Bring:
        """A result by a link that somebody passed on: whoever has it sees what is not private."""
        return Bring((await self.usecases.named(wanted, asker)).id)

    # Buttons

    async def press(self, action: Action | None, asker: Asker, origin: Origin) -> Outcome:
        """``origin`` is that of the request that may follow."""
        match action:
            case OnRequest():
                return await self._on_request(action, asker, origin)
            case OnPage():
                return await self.plain.turn(action, asker)
            case OnSetting():
                return Tell(await self.plain.set(action, asker))
            case OnQuestion():
                return Tell(await self.plain.answered(action, asker))
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
                return await self.plain.show(action, asker)
            case Verb.ORIGINAL:
                await self.follow_ups.may(action, asker)
                return Bring(action.request, max(action.index, 1), action.file)
            case Verb.SETTINGS:
                return Tell(await self.follow_ups.made_with(action.request, asker))

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


def _follow(receipts: tuple[Receipt, ...]) -> Follow:
    return Follow(tuple(receipt.accepted.request for receipt in receipts))
