"""Updates sent to the bot's own address, again and again until it says that it has them."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from tests.support.telegram.calls import Call
from tests.support.telegram.failures import Json, bad
from tests.support.telegram.updates import Pending

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

SECRET = re.compile("[A-Za-z0-9_-]{0,256}")
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
PORTS = frozenset({80, 88, 443, 8443})
RETRY_SECONDS = (1, 2, 4, 8, 16, 32, 60)
"""Between attempts. The real server waits about as long, and longer the more often it failed."""


class Webhook:
    """``delivered``: updates that were taken, with the answer's status; ``failed``: attempts that were not.

    Addresses on loopback need neither HTTPS nor one of the allowed ports, unlike at the real server.
    """

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world
        self.secret = ""
        self.connections = 40
        self.delivered: list[int] = []
        self.failed: list[tuple[int, str]] = []
        self.last_error: tuple[int, str] | None = None
        self._task: asyncio.Task[None] | None = None

    def set(self, call: Call) -> bool:
        """``setWebhook``. Raises :class:`ApiError`."""
        url, secret = call.text("url"), call.text("secret_token")
        if not url:
            return self._stop(call.flag("drop_pending_updates"))
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
            raise bad("invalid webhook URL specified")
        if len(secret) > 256:
            raise bad("secret token is too long")
        if not SECRET.fullmatch(secret):
            raise bad("secret token contains unallowed characters")
        if not re.match(r"https?://(127\.0\.0\.1|localhost|\[::1\])[:/]", url):
            if url.startswith("http://"):
                raise bad("bad webhook: An HTTPS URL must be provided for webhook")
            port = re.match(r"https://[^/:]+:(\d+)", url)
            if port and int(port[1]) not in PORTS:
                raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        updates = self._world.updates
        self._stop(call.flag("drop_pending_updates"))
        updates.allow(call.strings("allowed_updates"))
        updates.end_poll("terminated by setWebhook request")
        updates.webhook_url, self.secret = url, secret
        self.connections = call.integer("max_connections", 40, 1, 100)
        self._task = asyncio.create_task(self._deliver())
        return True

    def delete(self, call: Call) -> bool:
        return self._stop(call.flag("drop_pending_updates"))

    def _stop(self, drop: bool) -> bool:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._world.updates.webhook_url = ""
        self.last_error = None
        if drop:
            self._world.updates.drop_all()
        return True

    def info(self, _: Call | None = None) -> Json:
        updates = self._world.updates
        found: Json = {"url": updates.webhook_url, "has_custom_certificate": False}
        found["pending_update_count"] = len(updates.queue)
        if self.last_error is not None:
            found |= {"last_error_date": self.last_error[0], "last_error_message": self.last_error[1]}
        if updates.webhook_url:
            found |= {"max_connections": self.connections, "ip_address": "127.0.0.1"}
        if updates.allowed is not None:
            found["allowed_updates"] = sorted(updates.allowed)
        return found

    async def close(self) -> None:
        task = self._task
        self._stop(False)
        if task is not None:
            with suppress(asyncio.CancelledError):
                await task

    # Delivery

    async def _deliver(self) -> None:
        """Several at once, those of one chat one after the other, each until it is taken."""
        updates, under_way = self._world.updates, {}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as http,
            asyncio.TaskGroup() as group,
        ):
            while True:
                free = [each for each in updates.queue if each.chat not in under_way]
                if not free or len(under_way) >= self.connections:
                    await updates.changed.until(lambda: self._ready(under_way), within=1e6)
                    continue
                under_way[free[0].chat] = free[0]
                group.create_task(self._push(http, free[0], under_way))

    def _ready(self, under_way: dict[int, Pending]) -> bool:
        queue = self._world.updates.queue
        return len(under_way) < self.connections and any(each.chat not in under_way for each in queue)

    async def _push(
        self, http: aiohttp.ClientSession, pending: Pending, under_way: dict[int, Pending]
    ) -> None:
        world, attempt = self._world, 0
        while pending in world.updates.queue and not await self._post(http, pending):
            wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
            attempt += 1
            world.changed.fire()
            await world.clock.sleep(wait)
        if pending in world.updates.queue:
            world.updates.queue.remove(pending)
            self.delivered.append(pending.number)
        del under_way[pending.chat]
        world.changed.fire()

    async def _post(self, http: aiohttp.ClientSession, pending: Pending) -> bool:
        world = self._world
        body = json.dumps({"update_id": pending.number, pending.kind: pending.body})
        headers = {"Content-Type": "application/json"} | ({SECRET_HEADER: self.secret} if self.secret else {})
        try:
            async with http.post(world.updates.webhook_url, data=body, headers=headers) as response:
                if 200 <= response.status < 300:
                    return True
                words = f"Wrong response from the webhook: {response.status} {response.reason}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = f"Connection failed: {type(error).__name__}"
        self.failed.append((pending.number, words))
        self.last_error = world.now() // 1000, words
        return False
