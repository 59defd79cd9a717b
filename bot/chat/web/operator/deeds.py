"""What an operator does by forms: the same commands as in chat, with the same questions and the same log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aiohttp import web

from bot.chat.web.doors import CSRF_FIELD, read_form, require_csrf, require_operator
from bot.chat.web.operator.frame import HOME, Frame, refusal
from bot.chat.web.visitors import visitor_of
from bot.domain.errors import FairbrushError, ParameterError
from bot.domain.text import Text
from bot.presentation.actions import OnQuestion, decode
from bot.presentation.cards import Card
from bot.service.gate import Asker
from bot.service.outcomes import Call, Tell
from bot.service.plain_commands import PlainCommands

_USER = ("user", "reason")
DEEDS = MappingProxyType(
    {
        "pause": ("reason",),
        "resume": ("reason",),
        "drain": ("reason",),
        "cancel": ("job", "user", "reason"),
        "quota grant": (*_USER, "seconds"),
        "quota set": (*_USER, "seconds", "jobs", "default"),
        "quota reset": _USER,
        "tier": (*_USER, "tier"),
        "block": (*_USER, "duration"),
        "unblock": _USER,
        "templates enable": ("template", "reason"),
        "templates disable": ("template", "reason"),
        "templates reload": (),
    }
)
"""What a form may ask for, and the fields that it may fill: options of the command of that name."""


@dataclass(frozen=True, slots=True)
class Deeds:
    frame: Frame
    plain: PlainCommands

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_post(f"{HOME}/do", self._do)
        router.add_post(f"{HOME}/answer", self._answer)

    async def _do(self, request: web.Request) -> web.StreamResponse:
        """A command. Fields: ``what``, those of :data:`DEEDS`, and ``back``."""
        form = await self._form(request)
        what = form.get("what", "")
        options = {name: value for name in DEEDS.get(what, ()) if (value := form.get(name, "").strip())}
        card = await self._done(Call(("admin", *what.split()), options), visitor_of(request).asker, what)
        return self.frame.back(request, card, form.get("back", HOME))

    async def _done(self, call: Call, asker: Asker, what: str) -> Card:
        try:
            if what not in DEEDS:
                raise ParameterError("what", Text("This form is of another version. Load the page again."))
            told = await self.plain.run(call, asker)
        except FairbrushError as error:
            return refusal(error)
        assert isinstance(told, Tell)
        return told.card

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a question. Fields: ``action`` and ``back``."""
        form = await self._form(request)
        action = decode(form.get("action", ""))
        try:
            if not isinstance(action, OnQuestion):
                raise ParameterError("action", Text("This form is of another version. Load the page again."))
            card = await self.plain.admin.press(action, visitor_of(request).asker)
        except FairbrushError as error:
            card = refusal(error)
        return self.frame.back(request, card, form.get("back", HOME))

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        """The fields that are text. Raises HTTPForbidden for other sites' forms, and for guests."""
        require_operator(request)
        form = await read_form(request)
        require_csrf(request, form.get(CSRF_FIELD))
        return form
