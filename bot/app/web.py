"""The web page, connected to the service: the parts of :mod:`bot.chat.web` put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.app.languages import load_languages
from bot.app.service import Service
from bot.chat.web.live import Live
from bot.chat.web.operator import OperatorPage
from bot.chat.web.pages import Pages
from bot.chat.web.site import Site
from bot.chat.web.visitors import Visitors
from bot.config import Listen, Settings
from bot.service.clock import Clock


@dataclass(frozen=True, slots=True)
class WebParts:
    """What has to run beside the service, and the site to enter."""

    site: Site
    run: Mapping[str, Callable[[], Awaitable[None]]]


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
    live, pages = Live(), Pages()
    operator = OperatorPage(
        service.operator,
        service.reception.plain,
        pages=pages,
        live=live,
        clock=clock,
        timezone=settings.timezone,
    )
    site = Site(
        listen.host,
        listen.port,
        visitors=Visitors(token, load_languages(settings.language), open_to_all=open_to_all),
        pages=pages,
        live=live,
        parts=[operator.routes],
        hosts=settings.web.hosts,
        monotonic=clock.monotonic,
    )
    return WebParts(site, {"operator page": operator.run})
