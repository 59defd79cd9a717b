"""A bot at work with its page, and a browser's requests to it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import aiohttp
from aiohttp import ClientResponse, ClientSession, CookieJar

from bot.app.web import WebParts, web_parts
from bot.chat.web.pages import Pages
from bot.config import Listen
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, FakeClock, bot_at_work

TOKEN = "the token of a test"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}\u202e"
"""With what would turn around the line that it stands in, too."""


@dataclass
class Page:
    """An answer, read."""

    status: int
    url: str
    html: str
    headers: Any

    @property
    def text(self) -> str:
        """What somebody reads, with single spaces."""
        reader = _Words()
        reader.feed(self.html)
        return " ".join("".join(reader.words).split())

    def attribute(self, name: str) -> str:
        """The value of the first attribute of that name."""
        found = re.search(rf'\b{name}="([^"]*)"', self.html)
        assert found is not None, self.html
        return unescape(found[1])

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" content="(\w+)"', self.html)
        assert found is not None
        return found[1]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script" or ("src", None) not in attrs
        self.words.append(" ")


class Route(NamedTuple):
    method: str
    path: str


@dataclass
class Visit:
    """One browser. ``bot`` and ``parts`` are what it visits."""

    bot: Bot
    parts: WebParts
    session: ClientSession
    _csrf: str = field(default="")

    async def get(self, path: str, **headers: str) -> Page:
        async with self.session.get(
            self.parts.site.address + path, headers={"Accept": "text/html", **headers}
        ) as response:
            page = await _read(response)
        if 'name="csrf" content' in page.html:
            self._csrf = page.csrf
        return page

    def routes(self, below: str) -> list[Route]:
        """All that is served below an address."""
        resources = self.parts.site._application.router.routes()
        found = [Route(each.method, each.resource.canonical) for each in resources if each.resource]
        return [route for route in found if route.path.startswith(below)]

    async def post(
        self,
        path: str,
        /,
        *,
        csrf: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> Page:
        """A form as the page sends it; what follows it is loaded, too."""
        if not self._csrf:
            await self.get("/operator")
        data = aiohttp.FormData({"csrf": self._csrf if csrf is None else csrf}, quote_fields=False)
        for name, value in fields.items():
            if isinstance(value, bytes):
                data.add_field(name, io.BytesIO(value), filename=fields.get("filename", "workflow.json"))
            elif name != "filename":
                data.add_field(name, value)
        async with self.session.post(self.parts.site.address + path, data=data, headers=headers) as response:
            return await _read(response)

    async def do(self, what: str, /, back: str = "/operator", **fields: str) -> Page:
        return await self.post("/operator/do", what=what, back=back, **fields)

    async def answer(self, page: Page, *, yes: bool) -> Page:
        """Press a button of the question that ``page`` asks."""
        action = next(
            found
            for found in re.findall(r'name="action" value="([^"]+)"', page.html)
            if found.startswith(f"v1:{'yes' if yes else 'no'}:")
        )
        return await self.post("/operator/answer", action=action, back="/operator")


async def _read(response: ClientResponse) -> Page:
    return Page(response.status, str(response.url), await response.text(), response.headers)


@cache
def compiled_once() -> Pages:
    """To compile the templates anew takes longer than most tests."""
    return Pages()


@asynccontextmanager
async def visited(
    folder: Path,
    servers: Sequence[FakeServer] | None = None,
    *,
    open_to_all: bool = True,
    clock: FakeClock | None = None,
    **sections: Any,
) -> AsyncIterator[Visit]:
    """A bot at work and somebody who looks at its page; ``open_to_all``: as its operator."""
    made: list[WebParts] = []

    def parts(settings: Any, service: Any, clock: Any) -> dict[str, Any]:
        with patch("bot.app.web.Pages", compiled_once):
            made.append(
                web_parts(
                    settings, Listen("127.0.0.1", 0), service, clock, token=TOKEN, open_to_all=open_to_all
                )
            )
        return dict(made[0].run)

    async with bot_at_work(folder, servers, clock=clock, parts=parts, **sections) as bot:
        (web,) = made
        async with web.site, ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
            yield Visit(bot, web, session)
            await asyncio.sleep(0)
