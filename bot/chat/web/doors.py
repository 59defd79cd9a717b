"""What comes in at all, and what every answer says to the browser.

- A page may be asked for under the names that the operator gave, or under a number: another site's name that
  was made to point here (DNS rebinding) is refused.
- What changes something must come from our own page, and show that it does (:data:`CSRF_HEADER`, or a field
  ``csrf``).
- Answers allow nothing but what we serve ourselves: no script, style or picture from elsewhere, or in a text.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from bot.chat.web.visitors import VISITOR, Visitors, visitor_of

CSRF_HEADER, CSRF_FIELD = "X-Fairbrush-CSRF", "csrf"
HEADERS = {
    "Server": "Fairbrush",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With less, browsers hide from us that a form was ours.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_A_HOST = re.compile(r"[\w.-]+(?::\d+)?|\[[\w.:%~-]+\](?::\d+)?")
_SAFE = {hdrs.METH_GET, hdrs.METH_HEAD}
MOST_BYTES = 1 << 20
"""Of a form without files: everybody may send one."""
FORM_SECONDS = 20.0
"""For a form without files to come."""


def is_known_host(host: str, hosts: Collection[str]) -> bool:
    """Whether a request for ``host`` (with a port or without) may be meant for us. A number cannot be made to
    point elsewhere, so every one is fine."""
    if not _A_HOST.fullmatch(host):
        return False
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    ours = {each.lower() for each in hosts}
    if name == "localhost" or name in ours or host.lower() in ours:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(request: web.Request) -> bool:
    """Whether a browser says that it comes from a page of ours; others, like curl, say nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or urlsplit(origin).netloc == request.headers.get(hdrs.HOST, "")


@web.middleware
async def dress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put :data:`HEADERS` on every answer, refusals included."""
    try:
        response = await handler(request)
    except web.HTTPException as refused:
        refused.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    return response


def guard(hosts: Collection[str]) -> Middleware:
    """A middleware that refuses what is meant for others, or comes from other sites."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            known = is_known_host(request.headers.get(hdrs.HOST, ""), hosts)
        except ValueError:
            known = False
        if not known:
            raise web.HTTPForbidden(
                text="This page is not known under that name. The operator can add it to web.hosts.\n"
            )
        live = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
        if (request.method not in _SAFE or live) and not is_same_origin(request):
            raise web.HTTPForbidden(text="Another site asked for this, so it was not done.\n")
        return await handler(request)

    return middleware


def know(visitors: Visitors) -> Middleware:
    """A middleware that knows who asks: see :func:`~bot.chat.web.visitors.visitor_of`."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        visitor, is_new = visitors.read(request)
        request[VISITOR] = visitor
        response = await handler(request)
        # What a page of theirs sends off later has to come from the same visitor.
        if (
            is_new
            and visitor.cookie not in response.cookies
            and not response.prepared
            and response.content_type == "text/html"
        ):
            visitors.write(response, visitor, request)
        return response

    return middleware


@contextmanager
def readable() -> Iterator[None]:
    """While a request is read. What is none of our forms, what takes too long and what breaks off is nobody's
    bug here: HTTPBadRequest, HTTPRequestTimeout."""
    try:
        yield
    except (ValueError, LookupError, AssertionError) as error:  # forms that end early, unknown encodings
        raise web.HTTPBadRequest(text="That is no form of this page.\n") from error
    except ConnectionError as error:
        raise web.HTTPBadRequest(text="The connection broke off.\n") from error
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="That took too long to come.\n") from error


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form that are text. Raises what :func:`readable` does, and HTTPRequestEntityTooLarge
    for more than :data:`MOST_BYTES`."""
    with readable():
        async with asyncio.timeout(FORM_SECONDS):
            form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def require_csrf(request: web.Request, field: str | None = None) -> None:
    """To be called by whatever changes something, with the field of a form if it is one. Raises
    HTTPForbidden."""
    shown = request.headers.get(CSRF_HEADER) or field or ""
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), visitor_of(request).csrf.encode()):
        raise web.HTTPForbidden(text="This page is too old to do that. Load it again.\n")


def require_operator(request: web.Request) -> None:
    """Raises HTTPSeeOther to the sign-in for a page, HTTPForbidden for anything else."""
    if visitor_of(request).operator:
        return
    if request.method in _SAFE and "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        raise web.HTTPSeeOther("/sign-in")
    raise web.HTTPForbidden(text="Sign in as the operator first: /sign-in\n")
