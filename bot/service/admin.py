"""Operators' commands in chat, the same on every platform.

Operators may everything. Who looks after a place may cancel and block in that place. Everybody else may
nothing of it. That is asked each time, and again when a question is answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.domain.errors import NotAllowed, ParameterError
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.presentation.actions import Danger, Listing, OnPage, OnQuestion
from bot.presentation.card_admin import told_card
from bot.presentation.cards import Card, Code
from bot.presentation.nearest import nearest
from bot.service.admin_cancel import AdminCancel
from bot.service.admin_people import AdminPeople
from bot.service.admin_questions import Questions, Wish
from bot.service.admin_queue import AdminQueue
from bot.service.admin_records import AdminRecords
from bot.service.admin_templates import AdminTemplates
from bot.service.admin_words import Said
from bot.service.gate import Asker
from bot.service.outcomes import Call, Tell
from bot.service.running import RunningBot


@dataclass(frozen=True, slots=True)
class _Command:
    run: Callable[[Said, Asker], Awaitable[Card | Tell]]
    moderators: bool = False


@dataclass(frozen=True, slots=True)
class _Twice:
    """What is asked about before it is done. ``ask`` may find that there is nothing to do."""

    ask: Callable[[Wish, Asker], Awaitable[Card]]
    do: Callable[[Wish, Asker], Awaitable[Card]]
    moderators: bool = False


class AdminCommands:
    """``admins`` are the operators of all platforms, ``timezone`` is theirs.

    All methods raise FairbrushError: NotAllowed for whoever may not, NotFound, ParameterError and
    TemplateNotFound for what was said, StoreUnavailable.
    """

    def __init__(self, operator: RunningBot, *, admins: frozenset[IdentityId], timezone: str) -> None:
        questions = Questions(operator.clock.now)
        people = AdminPeople(operator, questions, admins)
        self._queue = queue = AdminQueue(operator, questions)
        cancel = AdminCancel(operator, questions)
        templates = AdminTemplates(operator, questions)
        self._records = records = AdminRecords(operator, timezone)
        self._questions = questions
        self._commands: Mapping[tuple[str, ...], _Command] = {
            ("quota", "show"): _Command(people.show),
            ("quota", "grant"): _Command(people.grant),
            ("quota", "set"): _Command(people.set_limits),
            ("quota", "reset"): _Command(people.reset),
            ("tier",): _Command(people.set_tier),
            ("block",): _Command(people.block, moderators=True),
            ("unblock",): _Command(people.unblock, moderators=True),
            ("queue",): _Command(lambda _, asker: queue.show(asker)),
            ("pause",): _Command(
                lambda said, asker: queue.ask_pause(Wish(Danger.PAUSE, reason=said.reason()), asker)
            ),
            ("resume",): _Command(queue.resume),
            ("drain",): _Command(
                lambda said, asker: queue.ask_drain(Wish(Danger.DRAIN, reason=said.reason()), asker)
            ),
            ("cancel",): _Command(cancel.cancel, moderators=True),
            ("usage",): _Command(lambda said, _: records.usage(said)),
            ("templates", "reload"): _Command(lambda _, asker: templates.reload(asker)),
            ("templates", "enable"): _Command(templates.enable),
            ("templates", "disable"): _Command(templates.disable),
            ("servers",): _Command(lambda _said, _asker: queue.servers()),
            ("audit",): _Command(lambda _, asker: records.audit(asker)),
        }
        self._twice: Mapping[Danger, _Twice] = {
            Danger.PAUSE: _Twice(queue.ask_pause, queue.do_pause),
            Danger.DRAIN: _Twice(queue.ask_drain, queue.do_drain),
            Danger.CANCEL: _Twice(cancel.ask, cancel.do, moderators=True),
            Danger.RESET: _Twice(people.ask_reset, people.do_reset),
            Danger.BLOCK: _Twice(people.ask_block, people.do_block, moderators=True),
            Danger.DISABLE: _Twice(templates.ask_disable, templates.do_disable),
        }

    async def run(self, call: Call, asker: Asker) -> Tell:
        """``call.words`` begin with ``admin``."""
        words = call.words[1:]
        command = self._commands.get(words)
        _require(asker, moderators=command is None or command.moderators)
        if command is None:
            raise ParameterError("command", self._unknown(words))
        done = await command.run(Said(call), asker)
        return done if isinstance(done, Tell) else Tell(done)

    async def press(self, action: OnQuestion | OnPage, asker: Asker) -> Card:
        """An answer to one of our questions, or a page of one of our lists."""
        match action:
            case OnPage(listing=Listing.ADMIN_QUEUE, page=page):
                _require(asker)
                return await self._queue.show(asker, page)
            case OnPage(listing=Listing.AUDIT, page=page):
                _require(asker)
                return await self._records.audit(asker, page)
            case OnQuestion(danger=danger) if danger in self._twice:
                return await self._answered(action, self._twice[danger], asker)
        raise ParameterError("button", Text("This button is of another version. Use the commands."))

    async def _answered(self, action: OnQuestion, twice: _Twice, asker: Asker) -> Card:
        _require(asker, moderators=twice.moderators)
        answer = self._questions.read(action, asker.identity)
        if not answer.agreed:
            return told_card(Text("Nothing was changed"))
        return await (twice.ask if answer.lapsed else twice.do)(answer.wish, asker)

    def _unknown(self, words: tuple[str, ...]) -> Text:
        said, known = " ".join(words), sorted(map(" ".join, self._commands))
        if below := [name for name in known if said and name.startswith(f"{said} ")]:
            return Text("Say more: {commands}.", commands=", ".join(below))
        close = nearest(said, known) if said else None
        if close is not None:
            return Text(
                "There is no {command}. Did you mean {nearest}?",
                command=Code(f"admin {said}"),
                nearest=Code(f"admin {close}"),
            )
        return Text("Say what: {commands}.", commands=", ".join(known))


def _require(asker: Asker, *, moderators: bool = False) -> None:
    if asker.admin:
        return
    looks_after = asker.moderator and bool(asker.place)
    if looks_after and moderators:
        return
    if looks_after:
        raise NotAllowed(
            Text("Only the operators of this bot may do that. You can cancel and block, in this place.")
        )
    raise NotAllowed(
        Text("Only the operators of this bot may do that. If you need something, ask one of them.")
    )
