"""The page in tests: a bot at work that serves it, and guests who come with a browser's requests."""

from __future__ import annotations

import asyncio
import io
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar, FormData

from bot.app.service import Service
from bot.app.web import WebParts, web_parts
from bot.chat.web.doors import CSRF_HEADER
from bot.chat.web.play.room import Message, Room
from bot.config import Listen, Settings
from bot.domain.ids import RequestId
from bot.service.clock import Clock
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, FakeClock, bot_at_work

TOKEN = "a token that nobody guesses"


_INLINE = frozenset({"b", "code", "i", "span"})


class Words(HTMLParser):
    """What somebody reads of a piece of HTML, and what they can do with it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, **attributes: str | None) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.tags
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _INLINE:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.words.append(" ")


def buttons_of(html: str) -> dict[str, str]:
    """Labels without emoji, and what is sent for each."""
    found = re.findall(r'<button[^>]*data-act="([^"]+)"[^>]*>(.*?)</button>', html, re.DOTALL)
    return {
        " ".join(re.sub(r"<span[^>]*>.*?</span>|<[^>]+>", "", label).split()): act for act, label in found
    }


def messages_of(html: str) -> dict[str, str]:
    """The HTML of each message of a page, by its id, in their order."""
    pieces = re.finditer(r'<li id="([^"]+)" class="message.*?</article>\n</li>', html, re.DOTALL)
    return {piece[1]: piece[0] for piece in pieces}


@dataclass
class Guest:
    """Somebody with a browser. ``number``: one of several guests in it."""

    session: ClientSession
    address: str
    number: str = ""
    csrf: str = ""

    def at(self, path: str, **query: str) -> str:
        if self.number:
            query["guest"] = self.number
        glue = "&" if "?" in path else "?"
        more = "&".join(f"{name}={value}" for name, value in query.items())
        return f"{self.address}{path}{glue + more if more else ''}"

    async def look(self) -> str:
        async with self.session.get(self.at("/"), headers={"Accept": "text/html"}) as answer:
            assert answer.status == 200, await answer.text()
            html = await answer.text()
        found = re.search(r'name="csrf" content="(\w+)"', html)
        assert found is not None
        self.csrf = found[1]
        return html

    async def comes_in(self, name: str) -> Guest:
        await self.look()
        await self.session.post(self.at("/name"), data={"name": name, "csrf": self.csrf})
        await self.look()
        return self

    async def says(self, line: str, *files: tuple[str, bytes], **fields: str) -> Mapping[str, Any]:
        # Browsers write names of files as they are.
        form = FormData({"line": line, "nonce": uuid.uuid4().hex, **fields}, quote_fields=False)
        for name, content in files:
            form.add_field("image", io.BytesIO(content), filename=name)
        return await self._post("/say", form)

    async def presses(self, action: str, on: str = "") -> Mapping[str, Any]:
        return await self._post("/press", {"action": action, "on": on, "nonce": uuid.uuid4().hex})

    async def fills(self, form: str, **values: str) -> Mapping[str, Any]:
        """Send off a form as it was opened, with other ``values`` by the names of their fields."""
        fields = fields_of(form)
        for name, value in values.items():
            assert f"field.{name}" in fields, fields
            fields[f"field.{name}"] = value
        return await self._post("/fill", {**fields, "nonce": uuid.uuid4().hex})

    async def _post(self, path: str, data: Any) -> Mapping[str, Any]:
        async with self.session.post(self.at(path), data=data, headers={CSRF_HEADER: self.csrf}) as answer:
            text = await answer.text()
            assert answer.status == 200, (answer.status, text)
            found: Mapping[str, Any] = json.loads(text)
            return found


def fields_of(form: str) -> dict[str, str]:
    reader = _Fields(form)
    return reader.fields


class _Fields(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._open = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("input", "textarea") and (name := found.get("name")):
            self.fields[name] = found.get("value") or ""
            self._open = name if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.fields[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # A browser drops the first line break.
            self.fields[self._open] = self.fields[self._open].removeprefix("\n")
            self._open = ""


@dataclass
class House:
    """A bot with its page."""

    bot: Bot
    parts: WebParts
    stack: AsyncExitStack
    guests: list[Guest] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.parts.site.address

    @property
    def room(self) -> Room:
        return self.parts.outcomes.room

    async def until(self, met: Callable[[], object]) -> None:
        """Let others work, and time pass, until that holds."""
        async with asyncio.timeout(30):
            while not met():
                self.bot.clock.advance(0.1)
                self.bot.service.courier.nudge()
                await asyncio.sleep(0.002)

    async def paints(self, **finished: Any) -> Message:
        """Let the server finish a job, and wait for its result in the room; that message."""
        done = {each for each in self.room.requests if self._is_over(each)}
        await self.until(lambda: self.bot.server.waiting)
        self.bot.server.finish(**finished)
        await self.until(lambda: any(self._is_over(each) for each in self.room.requests if each not in done))
        (request,) = (each for each in self.room.requests if each not in done and self._is_over(each))
        found = self.room.message(request)
        assert found is not None
        return found

    def _is_over(self, request: RequestId) -> bool:
        message = self.room.message(request)
        return message is not None and message.card.state.final

    async def stranger(self, number: str = "") -> Guest:
        """A browser that has never been here."""
        session = await self.stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        return Guest(session, self.address, number)

    async def guest(self, name: str, number: str = "2") -> Guest:
        """By default one who is no operator, wherever everybody may come in."""
        return await (await self.stranger(number)).comes_in(name)


@asynccontextmanager
async def open_house(
    folder: Path,
    servers: Sequence[FakeServer] | None = None,
    *,
    open_to_all: bool = True,
    clock: FakeClock | None = None,
    **sections: Any,
) -> AsyncIterator[House]:
    """A bot at work whose page is open."""
    made: list[WebParts] = []

    def parts(settings: Settings, service: Service, clock: Clock) -> Mapping[str, Any]:
        listen = Listen("127.0.0.1", 0)
        made.append(web_parts(settings, listen, service, clock, token=TOKEN, open_to_all=open_to_all))
        return made[0].run

    async with (
        bot_at_work(folder, servers, parts=parts, clock=clock, **sections) as bot,
        made[0].site,
        AsyncExitStack() as stack,
    ):
        yield House(bot, made[0], stack)
