"""Updates that Telegram brings by itself: each is written down before it is answered with 200, since that
makes Telegram forget it."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from telegram import error as said

from bot.chat.telegram.calls import seconds_of
from bot.chat.telegram.client import Client
from bot.chat.telegram.inbox import Inbox, number_of
from bot.chat.telegram.polling import Backoff, refused_token
from bot.chat.telegram.reading import ALLOWED_UPDATES
from bot.domain.errors import ConfigError, StoreUnavailable
from bot.domain.text import Text

log = logging.getLogger(__name__)

MOST_BYTES = 1024**2
"""Of one update. Telegram's largest have some tens of kilobytes."""
HEADER = "X-Telegram-Bot-Api-Secret-Token"
STOP_SECONDS = 5.0


class Webhook:
    """Run it, and it listens until cancelled. What comes meanwhile waits at Telegram."""

    def __init__(
        self,
        client: Client,
        inbox: Inbox,
        *,
        url: str,
        host: str,
        port: int,
        secret: str,
        tell: Callable[[Text], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """``url``: where Telegram reaches it. ``host``, ``port``: where it listens itself, behind a proxy
        that speaks TLS. ``secret``: what Telegram shows with each update; empty: one is drawn."""
        self._client = client
        self._inbox = inbox
        self._url = url
        self._host, self._port = host, port
        self._secret = secret or secrets.token_urlsafe(32)
        self._tell = tell
        self._backoff = Backoff(sleep)
        self.address: tuple[str, int] | None = None
        """Where it listens."""
        self.heard = False
        """Whether Telegram has been told of it."""

    async def run(self) -> None:
        """Raises AuthenticationFailed for a token that Telegram does not know, ConfigError for an address
        that cannot be listened at, or that Telegram does not take."""
        application = web.Application(client_max_size=MOST_BYTES)
        application.router.add_post(urlsplit(self._url).path or "/", self._receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        try:
            await self._listen(runner)
            await self._tell_telegram()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            raise ConfigError(
                Text(
                    "Nothing can listen at telegram.webhook.listen ({host}:{port}): {reason}. Is another "
                    "program there?",
                    host=self._host,
                    port=self._port,
                    reason=error.strerror or str(error),
                ),
                cause=repr(error),
            ) from error
        host, port, *_ = runner.addresses[0]
        self.address = str(host), int(port)

    async def _tell_telegram(self) -> None:
        while True:
            pause = 0.0
            try:
                await self._client.set_webhook(
                    self._url, allowed_updates=ALLOWED_UPDATES, secret_token=self._secret
                )
                self.heard = True
                return
            except said.InvalidToken as error:
                raise refused_token(error) from error
            except said.BadRequest as error:
                raise ConfigError(
                    Text(
                        "Telegram does not take the webhook (telegram.webhook): {reason}.",
                        reason=error.message.removeprefix("Bad webhook: ").rstrip("."),
                    ),
                    cause=error.message,
                ) from error
            except said.RetryAfter as error:
                pause = seconds_of(error)
            except said.TelegramError as error:
                log.warning("Telegram cannot be told of the webhook: %s", error.message)
            await self._backoff.pause(at_least=pause)

    async def _receive(self, request: web.Request) -> web.Response:
        shown = request.headers.get(HEADER, "")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self._secret.encode()):
            return web.Response(status=403)
        try:
            update = json.loads(await request.read())
        except (ValueError, RecursionError):
            update = None
        if number_of(update) is None:
            return web.Response(status=400)
        try:
            await self._inbox.take([update])
        except StoreUnavailable as error:
            log.warning("an update is not written down: %s", error.cause)
            self._tell(error.text)
            return web.Response(status=503)
        return web.Response()
