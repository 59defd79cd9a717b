"""The playground: one page on which people paint together, with the commands and cards of the chats."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from bot.chat.web.doors import read_form, require_csrf
from bot.chat.web.live import Live
from bot.chat.web.pages import Pages
from bot.chat.web.play.drawing import hue_of
from bot.chat.web.play.lines import Line, Typed
from bot.chat.web.play.memory import Memory
from bot.chat.web.play.outcomes import Answer, Outcomes
from bot.chat.web.play.room import Room, channel_of
from bot.chat.web.play.screen import Place
from bot.chat.web.play.sent import MOST_LETTERS, MOST_PICTURES, Intake, Sent, read_words
from bot.chat.web.play.suggestions import Suggestions
from bot.chat.web.play.turns import Turns
from bot.chat.web.visitors import PLATFORM, Visitor, Visitors, visitor_of
from bot.domain.errors import FairbrushError
from bot.presentation.actions import Action, OnExample, OnQuestion, OnRequest, decode, mark
from bot.presentation.flags import CHAT, parse_line
from bot.presentation.help_cards import EXAMPLES
from bot.presentation.spec_index import RATIOS
from bot.presentation.specs import IMAGINE
from bot.service.first_answers import paints
from bot.service.gate import Origin
from bot.service.images import MAX_IMAGE_BYTES
from bot.service.reception import Reception

log = logging.getLogger(__name__)

MOST_COUNT = 8
"""Of pictures that the form offers; more can be typed."""
_NAMES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fern", "Gorse", "Hazel", "Ivy", "Juniper", "Linden")
"""For those who do not care what they are called."""
_NONCE = re.compile(r"[0-9a-f-]{8,40}")


@dataclass(slots=True)
class Play:
    """``guests``: whoever reaches the page may paint, not its operators alone."""

    visitors: Visitors
    pages: Pages
    live: Live
    room: Room
    line: Turns
    typed: Typed
    outcomes: Outcomes
    suggestions: Suggestions
    reception: Reception
    memory: Memory
    guests: bool = False
    intake: Intake = field(default_factory=Intake)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Until it is set, those who come wait a moment."""

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self._page)
        router.add_get("/live", self._live)
        router.add_get("/suggest", self._suggest)
        router.add_post("/name", self._name)
        router.add_post("/say", self._say)
        router.add_post("/press", self._press)
        router.add_post("/fill", self._fill)
        router.add_post("/dismiss", self._dismiss)

    # Looking

    async def _page(self, request: web.Request) -> web.Response:
        visitor = visitor_of(request)
        if not self._may_come_in(visitor):
            raise web.HTTPSeeOther("/sign-in")
        await self.ready.wait()
        since = self.room.change
        language = visitor.language
        shown = self.room.seen_by(visitor)
        page = self.pages.answer(
            request,
            "play/room.html",
            since=since,
            messages=[self.room.html(message, language) for message in shown],
            has_asked=any(message.owner == visitor.identity for message in shown),
            line=self.line.fresh(language),
            me=mark(visitor.identity),
            hue=hue_of(visitor.identity),
            another=self.visitors.free(request),
            suggested=_free_name(visitor, {message.author for message in shown}),
            examples=EXAMPLES,
            templates=self.suggestions.templates,
            shapes=RATIOS,
            most_count=MOST_COUNT,
            most_letters=MOST_LETTERS,
            most_bytes=MAX_IMAGE_BYTES,
            most_pictures=MOST_PICTURES,
        )
        # Cards are much alike.
        page.enable_compression()
        return page

    async def _live(self, request: web.Request) -> web.StreamResponse:
        visitor = visitor_of(request)
        if not self._may_come_in(visitor):
            raise _come_in()
        since = request.query.get("since", "")
        change = int(since) if since.isdecimal() and len(since) < 20 else 0
        language = visitor.language
        return await self.live.serve(
            request,
            visitor.id,
            (channel_of(None, language), channel_of(visitor.identity, language)),
            lambda: self.room.since(change, visitor),
            operator=visitor.operator,
        )

    async def _suggest(self, request: web.Request) -> web.Response:
        visitor = self._painter(request)
        line = request.query.get("line", "")[:MOST_LETTERS]
        at = request.query.get("at", "")
        cursor = int(at) if at.isdecimal() and len(at) < 7 else len(line)
        return web.json_response(await self.suggestions.at(line, cursor, visitor))

    # Doing

    async def _name(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        require_csrf(request, form.get("csrf"))
        visitor = visitor_of(request)
        if not self._may_come_in(visitor):
            raise _come_in()
        named = self.visitors.named(visitor, form.get("name", ""))
        response = web.HTTPSeeOther(visitor.at("/"))
        if named.name:
            self.visitors.write(response, named, request)
        raise response

    async def _say(self, request: web.Request) -> web.Response:
        """A line was sent off."""
        visitor = await self._painter_of(request)
        try:
            async with self.intake.reading(request) as sent:
                return web.json_response(await self._said(visitor, sent))
        except FairbrushError as error:
            return self._refused(visitor, error)

    async def _said(self, visitor: Visitor, sent: Sent) -> Answer:
        line = Line.read(sent.fields.get("line", ""))
        event = _event(visitor, sent.fields)
        try:
            ask = self.typed.ask(line)
            if ask is None:
                outcome = await self.typed.command(line, visitor.asker)
            else:
                private = self.reception.is_private(ask, visitor.asker)
                origin = self._origin(visitor, event, private=private, command=line.command)
                outcome = await self.typed.paint(line, ask, sent, visitor.asker, origin)
        except FairbrushError as error:
            return self._refuse(visitor, error, event=event)
        return await self.outcomes.carry_out(visitor, outcome)

    async def _press(self, request: web.Request) -> web.Response:
        visitor = await self._painter_of(request)
        sent = await read_words(request)
        action, on = decode(sent.fields.get("action", "")), sent.fields.get("on", "")
        if self.reception.is_repeat(action, visitor.asker):
            return web.json_response({"done": False})
        event = _event(visitor, sent.fields)
        try:
            outcome = await self.reception.press(
                action,
                visitor.asker,
                self._origin(visitor, event, private=self._is_private_press(visitor, action)),
            )
            answer = await self.outcomes.carry_out(visitor, outcome, action=action, on=on)
        except FairbrushError as error:
            return self._refused(visitor, error, action, event=event)
        if isinstance(action, OnQuestion) and action.agreed:
            await self.memory.forget()  # somebody may have erased what is theirs
        return web.json_response(answer)

    def _is_private_press(self, visitor: Visitor, action: Action | None) -> bool:
        if action is None or not paints(action):
            return False
        if isinstance(action, OnExample) and action.number is not None and action.number < len(EXAMPLES):
            ask = parse_line(EXAMPLES[action.number], CHAT)
            return self.reception.is_private(ask, visitor.asker)
        shown = self.room.message(action.request) if isinstance(action, OnRequest) else None
        # What follows from a private picture stays private, as it does in the chats.
        return self.reception.is_private_press(visitor.asker) or (
            shown is not None and shown.only is not None
        )

    async def _fill(self, request: web.Request) -> web.Response:
        """A form was sent off."""
        visitor = await self._painter_of(request)
        event = ""
        try:
            sent = await read_words(request)
            event = _event(visitor, sent.fields)
            fields = {
                name.removeprefix("field."): value.replace("\r\n", "\n")
                for name, value in sent.fields.items()
                if name.startswith("field.")
            }
            private = self.reception.is_private_form(fields, visitor.asker)
            outcome = await self.reception.fill(
                decode(sent.fields.get("action", "")),
                fields,
                visitor.asker,
                self._origin(visitor, event, private=private),
            )
            return web.json_response(await self.outcomes.carry_out(visitor, outcome))
        except FairbrushError as error:
            return self._refused(visitor, error, event=event)

    async def _dismiss(self, request: web.Request) -> web.Response:
        visitor = await self._painter_of(request)
        sent = await read_words(request)
        self.room.dismiss(visitor.identity, sent.fields.get("message", ""))
        return web.json_response({"done": True})

    # Who, and from where

    def _may_come_in(self, visitor: Visitor) -> bool:
        return self.guests or visitor.operator

    async def _painter_of(self, request: web.Request) -> Visitor:
        """Whoever wants to change something, on a page of ours."""
        visitor = self._painter(request)
        require_csrf(request)
        await self.ready.wait()
        return visitor

    def _painter(self, request: web.Request) -> Visitor:
        """Whoever may do something here: they have come in, and said what to call them."""
        visitor = visitor_of(request)
        if not self._may_come_in(visitor) or not visitor.name:
            raise _come_in()
        return visitor

    def _origin(
        self, visitor: Visitor, event: str, *, private: bool = False, command: str = IMAGINE
    ) -> Origin:
        return Origin(
            platform=PLATFORM,
            event=event,
            reply=Place(visitor.name).to_text(),
            private=private,
            command=command,
            options={"language": visitor.language.code},
        )

    def _refused(
        self, visitor: Visitor, error: FairbrushError, action: Action | None = None, *, event: str = ""
    ) -> web.Response:
        return web.json_response(self._refuse(visitor, error, action, event=event))

    def _refuse(
        self, visitor: Visitor, error: FairbrushError, action: Action | None = None, *, event: str = ""
    ) -> Answer:
        log.info("refused %s: %s (%s)", event, error.code, error.cause)
        return self.outcomes.refuse(visitor, error, action, event=event)


def _event(visitor: Visitor, fields: Mapping[str, str]) -> str:
    """Known by what the page says, so that what it sends once more is accepted once."""
    nonce = fields.get("nonce", "")
    if not _NONCE.fullmatch(nonce):
        nonce = secrets.token_hex(8)
    return f"{PLATFORM}:{visitor.id}:{nonce}"


def _free_name(visitor: Visitor, taken: Collection[str]) -> str:
    """Something to be called by: the same at every look, and nobody else's as long as there are enough."""
    first = int(visitor.id[:8], 16) % len(_NAMES)
    names = [*_NAMES[first:], *_NAMES[:first]]
    return next((name for name in names if name not in taken), names[0])


def _come_in() -> web.HTTPForbidden:
    return web.HTTPForbidden(text="Come in first: load the page, and say what to call you.\n")
