"""The web server itself: puts the parts together, listens, and ends in good order."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.chat.web.doors import MOST_BYTES, dress, guard, know, read_form, require_csrf
from bot.chat.web.listening import listen
from bot.chat.web.live import Live
from bot.chat.web.pages import Pages, serve_static
from bot.chat.web.tries import Tries
from bot.chat.web.visitors import Visitors, visitor_of
from bot.domain.errors import (
    ConfigError,
    FairbrushError,
    NotFound,
    NotYours,
    OutputError,
    StoreUnavailable,
    UserError,
)
from bot.domain.text import Text
from bot.presentation.card_denied import error_card
from bot.service.threads import in_thread

log = logging.getLogger(__name__)

TOKEN_FILE = "web-token"  # noqa: S105 - its name
STOP_SECONDS = 3.0


class Site:
    """An async context manager: it listens while inside. ``parts`` add their routes.

    Raises ConfigError on entering when it cannot listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        visitors: Visitors,
        pages: Pages,
        live: Live,
        parts: Iterable[Callable[[web.UrlDispatcher], None]],
        hosts: Collection[str] = (),
        monotonic: Callable[[], float],
    ) -> None:
        self._host, self._port = host, port
        self._visitors, self._pages, self._live = visitors, pages, live
        self._tries = Tries(monotonic)
        self._application = web.Application(
            client_max_size=MOST_BYTES,
            middlewares=[dress, guard(frozenset(hosts)), know(visitors), self._explain],
        )
        router = self._application.router
        router.add_get("/static/{fingerprint}/{name}", serve_static)
        router.add_get("/sign-in", self._sign_in_page)
        router.add_post("/sign-in", self._sign_in)
        router.add_post("/sign-out", self._sign_out)
        for part in parts:
            part(router)
        self._stack = AsyncExitStack()
        self.address = ""
        """Where it listens, as ``http://127.0.0.1:8765``."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=STOP_SECONDS)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            assert runner.server is not None
            try:
                server = await listen(runner.server, self._host, self._port)
            except OSError as error:
                raise ConfigError(
                    Text(
                        "Nothing can listen at web.listen ({host}:{port}): {reason}. Is another program "
                        "there? Choose another port, or stop it.",
                        host=self._host,
                        port=self._port,
                        reason=os.strerror(error.errno) if error.errno else "unknown reason",
                    ),
                    cause=repr(error),
                ) from error
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            shown = "localhost" if self._host in ("0.0.0.0", "::", "") else self._host  # noqa: S104 - compared
            self.address = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
            # Before the runner waits for what is open: pages stay open for ever.
            stack.callback(self._live.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @web.middleware
    async def _explain(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every failure is a page, or for a script a card, that says what to do."""
        try:
            return await handler(request)
        except FairbrushError as error:
            return self._failed(request, error, status_of(error))
        except web.HTTPException:
            raise
        except Exception:
            log.exception("stumbled over %s %s", request.method, request.match_info.route.name or "a page")
            stumbled = FairbrushError(Text("Fairbrush stumbled over this. That is a bug, not your fault."))
            return self._failed(request, stumbled, 500)

    def _failed(self, request: web.Request, error: FairbrushError, status: int) -> web.Response:
        if "application/json" in request.headers.get(hdrs.ACCEPT, ""):
            said = visitor_of(request).language.label(error.text)
            return web.json_response({"done": False, "say": said}, status=status)
        return self._pages.answer(request, "failed.html", status=status, card=error_card(error))

    # Signing in

    async def _sign_in_page(self, request: web.Request) -> web.Response:
        return self._pages.answer(request, "sign_in.html", wrong=None, file=TOKEN_FILE)

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        require_csrf(request, form.get("csrf"))
        who = request.remote or ""
        if self._tries.are_over(who):
            wrong = Text("Too many wrong tokens. Wait a minute, then try again.")
            return self._pages.answer(request, "sign_in.html", status=429, wrong=wrong, file=TOKEN_FILE)
        visitor = self._visitors.signed_in(visitor_of(request), form.get("token", ""))
        if visitor is None:
            self._tries.wrong(who)
            log.warning("somebody signed in to the page with a wrong token")
            wrong = Text("That is not the token.")
            return self._pages.answer(request, "sign_in.html", status=403, wrong=wrong, file=TOKEN_FILE)
        response = web.HTTPSeeOther("/operator")
        self._visitors.write(response, visitor, request)
        raise response

    async def _sign_out(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        require_csrf(request, form.get("csrf"))
        response = web.HTTPSeeOther("/")
        self._visitors.write(response, self._visitors.signed_out(visitor_of(request)), request)
        raise response


def status_of(error: FairbrushError) -> int:
    """As HTTP says it."""
    match error:
        case NotFound():
            return 404
        case NotYours():
            return 403
        case StoreUnavailable():
            return 503
        case UserError():
            return 400
    return 502


async def kept_token(data_dir: Path) -> str:
    """The token in the data directory, drawn at the first start. Raises OutputError."""
    return await in_thread(_kept_token, data_dir / TOKEN_FILE)


def _kept_token(file: Path) -> str:
    try:
        if file.is_file() and (found := file.read_text(encoding="utf-8").strip()):
            return found
        token = secrets.token_urlsafe(24)
        file.parent.mkdir(0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{token}\n", encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise OutputError(
            Text("The file {path} with the page's token cannot be used: {reason}.", path=file, reason=reason),
            cause=repr(error),
        ) from error
    return token
