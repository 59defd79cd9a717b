"""Who looks at the page: known by a signed cookie, so that a guest stays the same over restarts.

One secret signs everything: the operator's token. Whoever changes it signs everybody out.

A browser has one cookie for whoever looks at plain addresses, and one more for each further guest: pages of
the second guest say ``?guest=2``. So two windows of one browser can be two people.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from aiohttp import web
from itsdangerous import BadSignature, URLSafeTimedSerializer

from bot.domain.ids import IdentityId
from bot.presentation.card_text import one_line, shorten
from bot.presentation.language import Language, Languages
from bot.service.gate import Asker

PLATFORM = "web"
COOKIE = "fairbrush"
GUEST = "guest"
"""In an address: which of the browser's guests it is for."""
MOST_GUESTS = 9
"""In one browser."""
_DAYS = 400
"""What browsers keep a cookie for at most."""
_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Visitor:
    """``name``: as they call themselves, "" until they have. ``operator``: they have shown the token.
    ``csrf``: what a form must send along, so that no other site can send it off in their name."""

    id: str
    name: str
    operator: bool
    csrf: str
    language: Language
    guest: str = ""
    """Which of the browser's guests: "" for the first, then "2" and so on."""

    @property
    def identity(self) -> IdentityId:
        return IdentityId(f"{PLATFORM}:{self.id}")

    @property
    def asker(self) -> Asker:
        return Asker(self.identity, self.name, admin=self.operator)

    @property
    def cookie(self) -> str:
        return _cookie_of(self.guest)

    def at(self, path: str) -> str:
        """An address of ours that is meant for this guest."""
        return f"{path}?{GUEST}={self.guest}" if self.guest else path


VISITOR = web.RequestKey("visitor", Visitor)


def visitor_of(request: web.Request) -> Visitor:
    """Whoever asks; every request has one."""
    return request[VISITOR]


class Visitors:
    """Reads and writes the cookies. ``open_to_all``: on a machine of one's own, everybody is its operator,
    but for the further guests of a browser: so one can see what guests see."""

    def __init__(self, token: str, languages: Languages, *, open_to_all: bool = False) -> None:
        self._token = token
        self._languages = languages
        self._open_to_all = open_to_all
        self._cookies = URLSafeTimedSerializer(_key(token, "cookies"), salt=COOKIE)

    def read(self, request: web.Request) -> tuple[Visitor, bool]:
        """Who asks, and whether they are somebody new: with no cookie, or with one that is none of ours."""
        language = self._languages.of(_first_language(request.headers.get("Accept-Language", "")))
        guest = request.query.get(GUEST, "")
        if guest not in _FURTHER:
            guest = ""
        known = self._known(request, guest, language)
        if known is not None:
            return known, False
        return self._visitor(secrets.token_hex(8), "", False, language, guest), True

    def beside(self, request: web.Request) -> tuple[Visitor, ...]:
        """Every guest of the browser that asks, whoever of them it is now: what one of them may see, the
        person in front of it may."""
        language = visitor_of(request).language
        found = (self._known(request, guest, language) for guest in ("", *_FURTHER))
        return tuple(visitor for visitor in found if visitor is not None)

    def free(self, request: web.Request) -> str:
        """The number of a further guest that this browser has no cookie for; the last one when it has all."""
        return next((each for each in _FURTHER if _cookie_of(each) not in request.cookies), _FURTHER[-1])

    def id_in(self, cookie: str) -> str:
        """Whose it is. Raises BadSignature."""
        return str(json.loads(self._cookies.loads(cookie))["id"])

    def _known(self, request: web.Request, guest: str, language: Language) -> Visitor | None:
        try:
            kept = self._cookies.loads(request.cookies.get(_cookie_of(guest), ""), max_age=_DAYS * 86_400)
            found = json.loads(kept)
            visitor_id, name, operator = str(found["id"]), str(found["name"]), found["operator"] is True
        except (BadSignature, ValueError, KeyError, TypeError):
            return None
        return self._visitor(visitor_id, name, operator, language, guest)

    def write(self, response: web.StreamResponse, visitor: Visitor, request: web.Request) -> None:
        """Remember them in their browser."""
        # What an open door makes of somebody must not hold once there is a lock on it.
        operator = visitor.operator and not self._open_to_all
        kept = json.dumps({"id": visitor.id, "name": visitor.name, "operator": operator})
        response.set_cookie(
            visitor.cookie,
            self._cookies.dumps(kept),
            max_age=_DAYS * 86_400,
            httponly=True,
            # Whoever follows a link to the page from elsewhere shall be who they were.
            samesite="Lax",
            secure=urlsplit(request.headers.get("Origin", "")).scheme == "https" or request.secure,
        )

    def named(self, visitor: Visitor, name: str) -> Visitor:
        return replace(visitor, name=shorten(one_line(name[: 4 * _LONGEST_NAME]), _LONGEST_NAME))

    def signed_in(self, visitor: Visitor, token: str) -> Visitor | None:
        """None for a wrong token."""
        if not hmac.compare_digest(token.strip().encode("utf-8", "replace"), self._token.encode()):
            return None
        return replace(visitor, operator=True)

    def signed_out(self, visitor: Visitor) -> Visitor:
        return replace(visitor, operator=self._open_to_all and not visitor.guest)

    def _visitor(self, visitor_id: str, name: str, operator: bool, language: Language, guest: str) -> Visitor:
        operator = operator or (self._open_to_all and not guest)
        csrf = hmac.new(_key(self._token, "csrf").encode(), visitor_id.encode(), hashlib.sha256).hexdigest()
        return Visitor(visitor_id, name, operator, csrf[:32], language, guest)


_FURTHER = tuple(str(number) for number in range(2, MOST_GUESTS + 1))


def _cookie_of(guest: str) -> str:
    return f"{COOKIE}-{guest}" if guest else COOKIE


def _key(token: str, purpose: str) -> str:
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _first_language(accepted: str) -> str:
    """The one that a browser would rather have; they stand in order."""
    return accepted.split(",")[0].split(";")[0].strip()
