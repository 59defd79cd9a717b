"""What the front-ends of all platforms are made of alike."""

from __future__ import annotations

from collections.abc import Callable

from bot.app.service import Service
from bot.config import Settings
from bot.domain.throttle import Policy
from bot.presentation.language import Language, Languages
from bot.presentation.specs import Commands, make_commands
from bot.service.clock import Clock
from bot.service.records import RequestRecord
from bot.service.reporter import Reporter
from bot.service.screens import Screen
from bot.templates.sizes import Limits


def make_reporter(service: Service, screen: Screen, policy: Policy, clock: Clock) -> Reporter:
    """What shows requests on a platform; the courier brings results to it."""
    reporter = Reporter(
        screen,
        policy,
        store=service.store,
        dispatcher=service.dispatcher,
        streams=service.operator.streams,
        title_of=lambda request: service.usecases.shelf.title_of(request.template),
        clock=clock,
    )
    service.courier.register(screen.platform, reporter)
    return reporter


def language_of(languages: Languages) -> Callable[[RequestRecord], Language]:
    """The language in which a request was asked for."""
    return lambda request: languages.of(str(request.options.get("language", "")))


def commands_of(settings: Settings, service: Service) -> Commands:
    """With the bounds of the most generous tier. Takes a moment for many models: call it in a thread."""
    tiers = settings.tiers.values()
    widest = Limits(
        max_pixels=max(tier.max_pixels for tier in tiers), max_count=max(tier.max_count for tier in tiers)
    )
    return make_commands(
        service.usecases.shelf.library.enabled(),
        widest,
        tiers=tuple(settings.tiers),
        linking=service.reception.plain.linking,
    )
