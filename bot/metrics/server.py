"""The small web server that machines ask: ``/metrics``, ``/healthz``, ``/readyz``.

It has no secrets to give: no user, no prompt, no token is in any answer. It changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.metrics.health import Health, Report

STOP_SECONDS = 2.0
_INDEX = "Fairbrush\n\n/metrics  for Prometheus\n/healthz  is it alive\n/readyz   does it take requests\n"


class MetricsServer:
    """An async context manager: listens while inside.

    ``before``: asked before numbers are told, for what has to be waited for; within bounded time, and raising
    nothing. Entering raises ConfigError where nothing can listen.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        registry: CollectorRegistry,
        health: Health,
        before: Callable[[], Awaitable[None]],
    ) -> None:
        self._host, self._port = host, port
        self._registry = registry
        self._health = health
        self._before = before
        self._asking = asyncio.Lock()
        application = web.Application(client_max_size=1024)
        application.router.add_get("/", _index)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=STOP_SECONDS, handler_cancellation=True
        )
        self.url = ""
        """Where it listens, once it does."""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                Text(
                    "Nothing can listen at metrics.listen ({host}:{port}): {reason}. Is another program "
                    "there, or another bot? Choose another port, or leave it empty to do without.",
                    host=self._host,
                    port=self._port,
                    # asyncio's own words name the address once more.
                    reason=os.strerror(error.errno) if error.errno else str(error),
                ),
                cause=repr(error),
            ) from error
        host, port, *_ = self._runner.addresses[0]
        self.url = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(await self._health.alive.report())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(await self._health.ready.report())

    async def _metrics(self, request: web.Request) -> web.Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (ValueError, TypeError):  # a version that is none
            encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        async with self._asking:
            await self._before()
            body = encode(self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})


async def _index(_: web.Request) -> web.Response:
    return web.Response(text=_INDEX)


def _answer(report: Report) -> web.Response:
    return web.json_response(_body(report), status=200 if report.ok else 503, dumps=_pretty)


def _body(report: Report) -> dict[str, object]:
    return {
        "status": "ok" if report.ok else "failing",
        "checks": {
            name: {"ok": found.ok, **({"reason": found.reason} if found.reason else {})}
            for name, found in report.findings.items()
        },
    }


def _pretty(body: object) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
