"""The shared scenarios, played on the page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, CookieJar

from bot.app.service import Service
from bot.app.web import WebParts, web_parts
from bot.chat.web.play.room import Message, Room
from bot.config import Listen, Settings
from bot.domain.ids import IdentityId
from bot.presentation.language import ENGLISH
from bot.service.clock import Clock
from tests.support.stages import Sight, Stage, Theatre
from tests.support.web import TOKEN, Guest, Words, buttons_of


@dataclass(eq=False)
class Browser:
    """A person with a browser, that is opened when they do something."""

    name: str
    guest: Guest | None = None
    identity: str = ""


class OnThePage(Sight):
    """Messages that came because of what somebody did."""

    def __init__(self, stage: WebStage, ids: frozenset[str], form: str = "") -> None:
        self._stage = stage
        self._ids = ids
        self.form = form

    def messages(self) -> list[Message]:
        return [each for each in self._stage.messages() if each.id in self._ids]

    @property
    def html(self) -> str:
        return "\n".join(self._stage.room.html(each, ENGLISH) for each in self.messages())

    @property
    def words(self) -> str:
        return Words(self.html).text

    @property
    def pictures(self) -> int:
        return sum(len(each.card.pictures) for each in self.messages())

    @property
    def there(self) -> bool:
        return bool(self.messages())


class WebStage(Stage):
    platform = "web"

    def __init__(self, theatre: Theatre, browsers: AsyncExitStack) -> None:
        super().__init__(theatre)
        self._browsers = browsers
        self._parts: WebParts | None = None
        theatre.stages.append(self)

    @property
    def parts_now(self) -> WebParts:
        assert self._parts is not None
        return self._parts

    @property
    def room(self) -> Room:
        return self.parts_now.outcomes.room

    def messages(self) -> list[Message]:
        own = [each for theirs in self.room._own.values() for each in theirs.values()]
        return [*self.room._shown.values(), *own]

    def playing(self, **sections: Any) -> Any:
        return self.theatre.playing(**sections)

    def section(self) -> dict[str, Any]:
        return {"guests": True}

    def parts(
        self, settings: Settings, service: Service, clock: Clock, ready: list[Callable[[], Awaitable[None]]]
    ) -> dict[str, Any]:
        made = web_parts(settings, Listen("127.0.0.1", 0), service, clock, token=TOKEN)
        self._parts = made
        listening = asyncio.Event()

        async def serve() -> None:
            async with made.site:
                listening.set()
                await asyncio.Event().wait()

        async def up() -> None:
            await listening.wait()
            await made.ready.wait()

        ready.append(up)
        return {**made.run, "site": serve}

    def person(self, name: str) -> Browser:
        return Browser(name)

    def identity(self, who: Browser) -> str:
        return who.identity

    async def _guest(self, who: Browser) -> Guest:
        if who.guest is None:
            session = ClientSession(cookie_jar=CookieJar(unsafe=True))
            await self._browsers.enter_async_context(session)
            who.guest = Guest(session, "")
        # After a restart it is at another port.
        who.guest.address = self.parts_now.site.address
        if not who.identity:
            await who.guest.comes_in(who.name)
            cookie = next(each.value for each in who.guest.session.cookie_jar if each.key == "fairbrush")
            who.identity = IdentityId(f"web:{self.parts_now.visitors.id_in(cookie)}")
        return who.guest

    async def _doing(self, who: Browser, act: Callable[[Guest], Awaitable[Any]]) -> OnThePage:
        guest = await self._guest(who)
        before = {each.id for each in self.messages()}
        answer = await act(guest)
        after = {each.id for each in self.messages()}
        return OnThePage(self, frozenset(after - before), answer.get("form", ""))

    async def imagines(self, who: Browser, words: str, flags: str = "", **files: bytes | int) -> OnThePage:
        sent = [("fox.png", b"\0" * int(files["picture"]))] if "picture" in files else []
        return await self._doing(who, lambda guest: guest.says(f"/imagine {words} {flags}".strip(), *sent))

    async def commands(self, who: Browser, *words: str, **options: Any) -> OnThePage:
        line = " ".join(["/" + words[0], *words[1:], *map(str, options.values())])
        return await self._doing(who, lambda guest: guest.says(line))

    async def presses(self, who: Browser, seen: Sight, button: str) -> OnThePage:
        assert isinstance(seen, OnThePage)
        action = buttons_of(seen.html)[button]
        (on,) = {each.id for each in seen.messages() if action in self.room.html(each, ENGLISH)}
        return await self._doing(who, lambda guest: guest.presses(action, on))

    async def edits(self, who: Browser, seen: Sight, words: str) -> OnThePage:
        opened = await self.presses(who, seen, "Edit")
        return await self._doing(who, lambda guest: guest.fills(opened.form, prompt=words))

    def pictures(self) -> int:
        return sum(len(each.card.pictures) for each in self.messages() if each.only is None)

    async def loses(self, seen: Sight) -> None:
        assert isinstance(seen, OnThePage)
        for each in seen.messages():
            assert each.request is not None
            self.room.remove(each.request)


@asynccontextmanager
async def web_stage(theatre: Theatre) -> Any:
    async with AsyncExitStack() as browsers:
        yield WebStage(theatre, browsers)
