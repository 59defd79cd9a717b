"""Who looks at the page: known by a signed cookie, so that a guest stays the same over restarts.

One secret signs everything: the operator's token. Whoever changes it signs everybody out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import urlsplit

from aiohttp import web
from itsdangerous import BadSignature, URLSafeTimedSerializer

from bot.domain.ids import IdentityId
from bot.presentation.card_text import one_line, shorten
from bot.presentation.language import Language, Languages
from bot.service.gate import Asker

PLATFORM = "web"
COOKIE = "fairbrush"
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

    @property
    def identity(self) -> IdentityId:
        return IdentityId(f"{PLATFORM}:{self.id}")

    @property
    def asker(self) -> Asker:
        return Asker(self.identity, self.name, admin=self.operator)


VISITOR = "visitor"


def visitor_of(request: web.Request) -> Visitor:
    """Whoever asks; every request has one."""
    return cast(Visitor, request[VISITOR])


class Visitors:
    """Reads and writes the cookie. ``open_to_all``: on a machine of one's own, everybody is its operator."""

    def __init__(self, token: str, languages: Languages, *, open_to_all: bool = False) -> None:
        self._token = token
        self._languages = languages
        self._open_to_all = open_to_all
        self._cookies = URLSafeTimedSerializer(_key(token, "cookies"), salt=COOKIE)

    def read(self, request: web.Request) -> tuple[Visitor, bool]:
        """Who asks, and whether they are somebody new: with no cookie, or with one that is none of ours."""
        language = self._languages.of(_first_language(request.headers.get("Accept-Language", "")))
        try:
            kept = self._cookies.loads(request.cookies.get(COOKIE, ""), max_age=_DAYS * 86_400)
            found = json.loads(kept)
            visitor_id, name, operator = str(found["id"]), str(found["name"]), found["operator"] is True
        except (BadSignature, ValueError, KeyError, TypeError):
            return self._visitor(secrets.token_hex(8), "", self._open_to_all, language), True
        return self._visitor(visitor_id, name, operator or self._open_to_all, language), False

    def write(self, response: web.StreamResponse, visitor: Visitor, request: web.Request) -> None:
        """Remember them in their browser."""
        kept = json.dumps({"id": visitor.id, "name": visitor.name, "operator": visitor.operator})
        response.set_cookie(
            COOKIE,
            self._cookies.dumps(kept),
            max_age=_DAYS * 86_400,
            httponly=True,
            samesite="Strict",
            secure=urlsplit(request.headers.get("Origin", "")).scheme == "https" or request.secure,
        )

    def named(self, visitor: Visitor, name: str) -> Visitor:
        return replace(visitor, name=shorten(one_line(name), _LONGEST_NAME))

    def signed_in(self, visitor: Visitor, token: str) -> Visitor | None:
        """None for a wrong token."""
        if not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return None
        return replace(visitor, operator=True)

    def signed_out(self, visitor: Visitor) -> Visitor:
        return replace(visitor, operator=self._open_to_all)

    def _visitor(self, visitor_id: str, name: str, operator: bool, language: Language) -> Visitor:
        csrf = hmac.new(_key(self._token, "csrf").encode(), visitor_id.encode(), hashlib.sha256).hexdigest()
        return Visitor(visitor_id, name, operator, csrf[:32], language)


def _key(token: str, purpose: str) -> str:
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _first_language(accepted: str) -> str:
    """The one that a browser would rather have; they stand in order."""
    return accepted.split(",")[0].split(";")[0].strip()
