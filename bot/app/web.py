"""The web page, connected to the service: the parts of :mod:`bot.chat.web` put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.app.front_ends import commands_of, make_reporter
from bot.app.languages import load_languages
from bot.app.service import Service
from bot.chat.web.live import Live
from bot.chat.web.operator import OperatorPage
from bot.chat.web.pages import Pages
from bot.chat.web.play.documents import Documents
from bot.chat.web.play.drawing import drawer
from bot.chat.web.play.files import Files
from bot.chat.web.play.lines import Typed
from bot.chat.web.play.memory import Memory
from bot.chat.web.play.outcomes import Outcomes
from bot.chat.web.play.page import Play
from bot.chat.web.play.room import Room
from bot.chat.web.play.screen import WebScreen
from bot.chat.web.play.suggestions import Offer, Suggestions, TemplateName
from bot.chat.web.play.turns import Turns
from bot.chat.web.play.unfinished import Unfinished
from bot.chat.web.site import Site
from bot.chat.web.visitors import Visitors
from bot.config import Listen, Settings
from bot.domain.ids import IdentityId
from bot.domain.throttle import web_policy
from bot.presentation.language import Languages
from bot.presentation.specs import build_index
from bot.service.clock import Clock
from bot.service.threads import in_thread


@dataclass(frozen=True, slots=True)
class WebParts:
    """What has to run beside the service, and the site to enter. ``outcomes``: what follows from requests
    that are made in the name of a guest."""

    site: Site
    run: Mapping[str, Callable[[], Awaitable[None]]]
    outcomes: Outcomes
    visitors: Visitors
    ready: asyncio.Event
    """Set once commands are known and the room shows what it showed before."""


def web_parts(
    settings: Settings,
    listen: Listen,
    service: Service,
    clock: Clock,
    *,
    token: str,
    open_to_all: bool = False,
) -> WebParts:
    """Make the page, and let the courier bring results to it. To be called before the service works.
    ``token``: see :func:`~bot.chat.web.site.kept_token`. ``open_to_all``: no token is asked for, as in a demo
    that listens on this machine alone."""
    languages = load_languages(settings.language)
    live, pages = Live(), Pages()
    visitors = Visitors(token, languages, open_to_all=open_to_all)
    made = _playground(settings, service, clock, languages, visitors, live, pages)
    made.play.guests = open_to_all or settings.web.guests
    operator = OperatorPage(
        service.operator,
        service.reception.plain,
        pages=pages,
        live=live,
        clock=clock,
        timezone=settings.timezone,
        tiers=tuple(settings.tiers),
        open_to_all=open_to_all,
    )
    site = Site(
        listen.host,
        listen.port,
        visitors=visitors,
        pages=pages,
        live=live,
        parts=[made.play.add_to, made.files.add_to, operator.routes],
        hosts=settings.web.hosts,
        monotonic=clock.monotonic,
    )
    run = {**made.run, "operator page": operator.run}
    return WebParts(site, run, made.play.outcomes, visitors, made.play.ready)


@dataclass(frozen=True, slots=True)
class _Playground:
    play: Play
    files: Files
    run: Mapping[str, Callable[[], Awaitable[None]]]


def _playground(
    settings: Settings,
    service: Service,
    clock: Clock,
    languages: Languages,
    visitors: Visitors,
    live: Live,
    pages: Pages,
) -> _Playground:
    reception, store, dispatcher = service.reception, service.store, service.dispatcher
    unfinished, documents = Unfinished(), Documents(clock.monotonic)
    room = Room(live, drawer(pages), languages.known, now=clock.now)

    async def name_of(identity: IdentityId) -> str:
        return await memory.name_of(identity)

    screen = WebScreen(room, unfinished, offers=reception.follow_ups.offers, name_of=name_of, now=clock.now)
    memory = Memory(
        room,
        screen,
        store,
        dispatcher,
        lambda request: service.usecases.shelf.title_of(request.template),
        clock,
    )
    reporter = make_reporter(service, screen, web_policy(), clock)
    suggestions = Suggestions(lambda: in_thread(_offer, settings, service), reception.plain)
    service.usecases.shelf.watch(suggestions.changed)
    line = Turns(room, live, pages, dispatcher, languages.known, clock)
    play = Play(
        visitors,
        pages,
        live,
        room,
        line,
        Typed(reception, lambda: suggestions.commands),
        Outcomes(room, screen, reporter, documents, pages, clock.now),
        suggestions,
        reception,
        memory,
    )

    async def cards() -> None:
        await memory.recall()
        await suggestions.ready.wait()
        play.ready.set()
        await reporter.run()

    run = {"web cards": cards, "web room": memory.run, "web line": line.run, "web offer": suggestions.run}
    files = Files(visitors, store, service.operator.gallery, unfinished, documents)
    return _Playground(play, files, run)


def _offer(settings: Settings, service: Service) -> Offer:
    library = service.usecases.shelf.library
    commands = commands_of(settings, service)
    templates = library.enabled()
    return Offer(
        commands,
        build_index(templates, commands.specs, library.switched_off()),
        tuple(TemplateName(template.name, template.title or template.name) for template in templates),
    )
