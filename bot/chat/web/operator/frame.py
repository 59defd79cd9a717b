"""What all sections of the operator's page share: who may see it, the tabs, and the card of what was done."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import hdrs, web

from bot.chat.web.doors import require_operator
from bot.chat.web.pages import Pages, sentence
from bot.chat.web.visitors import Visitor, visitor_of
from bot.domain.errors import FairbrushError
from bot.domain.quota_days import local_time
from bot.domain.text import Text
from bot.presentation.actions import encode
from bot.presentation.card_denied import error_card
from bot.presentation.card_text import clean, isolated, one_line, shorten
from bot.presentation.card_words import gpu_seconds
from bot.presentation.cards import Card

HOME = "/operator"
_LONGEST_NAME = 80
MOST_TOLD = 200
"""Cards that are kept for the page that is loaded after something was done."""
_TABS = (
    ("queue", "", Text("Queue")),
    ("jobs", "/jobs", Text("Jobs")),
    ("usage", "/usage", Text("Usage")),
    ("people", "/people", Text("People")),
    ("templates", "/templates", Text("Templates")),
    ("audit", "/audit", Text("Audit")),
)


@dataclass(slots=True)
class Told:
    """Cards that answer what somebody did, kept until their next page shows them: what changes something
    answers with a redirect, so that to load a page again does nothing twice."""

    _cards: OrderedDict[str, tuple[str, Card]] = field(default_factory=OrderedDict)

    def keep(self, visitor: Visitor, card: Card) -> str:
        key = secrets.token_hex(8)
        self._cards[key] = (visitor.id, card)
        while len(self._cards) > MOST_TOLD:
            self._cards.popitem(last=False)
        return key

    def of(self, visitor: Visitor, key: str) -> Card | None:
        """None for what is not kept any more, or is somebody else's."""
        whose, card = self._cards.get(key, ("", None))
        return card if whose == visitor.id else None


@dataclass(frozen=True, slots=True)
class Frame:
    """``timezone`` is the operator's: times are shown as their clock has them. ``open_to_all``: nobody has
    signed in, so nobody can sign out."""

    pages: Pages
    timezone: str
    open_to_all: bool = False
    told: Told = field(default_factory=Told)

    def show(
        self, request: web.Request, name: str, *, section: str, status: int = 200, **values: Any
    ) -> web.Response:
        """A section's page. Raises HTTPSeeOther or HTTPForbidden for whoever is no operator."""
        require_operator(request)
        visitor = visitor_of(request)
        return self.pages.answer(
            request,
            f"operator/{name}",
            status=status,
            section=section,
            tabs=[(name, HOME + path, words) for name, path, words in _TABS],
            told=self.told.of(visitor, request.query.get("told", "")),
            back=request.path_qs,
            open_to_all=self.open_to_all,
            encode=encode,
            **self.drawing(visitor.language),
            **values,
        )

    def drawing(self, language: Any) -> Mapping[str, Any]:
        """How templates of this page draw sentences, people's own words, times and amounts."""

        def draw(text: Text) -> str:
            return sentence(text, language)

        return {"t": draw, "at": self.at, "gpu": gpu_seconds, "own": own, "clean": clean}

    def at(self, moment: int) -> str:
        """UTC milliseconds as the operator's clock shows them."""
        return f"{local_time(moment, self.timezone):%Y-%m-%d %H:%M}"

    def back(self, request: web.Request, card: Card, to: object) -> web.Response:
        """To the page that was left, or another one of ours, where ``card`` is shown."""
        key = self.told.keep(visitor_of(request), card)
        return web.Response(status=303, headers={hdrs.LOCATION: _with_told(str(to), key)})


def own(words: str) -> str:
    """A name or a title that somebody chose: one line that turns nothing around."""
    return isolated(shorten(one_line(words), _LONGEST_NAME))


def own_address(address: str) -> str:
    """``address`` if it is one of this page, else its first section: what a form carries may be forged."""
    parts = urlsplit(address)
    plain = address.isascii() and address.isprintable() and "\\" not in address and ".." not in parts.path
    if parts.scheme or parts.netloc or not plain:
        return HOME
    if parts.path != HOME and not parts.path.startswith(f"{HOME}/"):
        return HOME
    return address


def _with_told(address: str, key: str) -> str:
    parts = urlsplit(own_address(address))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "told"]
    return f"{parts.path}?{urlencode([*query, ('told', key)])}#told"


def refusal(error: FairbrushError) -> Card:
    """The card of a failure, for an operator: where files lie is theirs to know."""
    return replace(error_card(error), lines=(error.text,))
