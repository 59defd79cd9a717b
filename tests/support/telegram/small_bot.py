"""A small bot of the real python-telegram-bot, to try the stand-in with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import pytest
import telegram
from telegram.request import HTTPXRequest

from tests.support.telegram import Chat, FloodLimits, Person, TelegramWorld

Error = TypeVar("Error", bound=telegram.error.TelegramError)


def bot_of(world: TelegramWorld, token: str = "", **timeouts: float) -> telegram.Bot:
    """``timeouts``: of :class:`HTTPXRequest`, such as ``read_timeout``, in seconds."""
    return telegram.Bot(
        token or world.token,
        base_url=world.base_url,
        base_file_url=world.file_url,
        request=HTTPXRequest(**timeouts),
        get_updates_request=HTTPXRequest(connection_pool_size=4, **timeouts),
        local_mode=world.local,
    )


def keyboard(*rows: list[str]) -> telegram.InlineKeyboardMarkup:
    """Buttons by their labels; their data is ``do:`` and the label."""
    return telegram.InlineKeyboardMarkup(
        [[telegram.InlineKeyboardButton(label, callback_data=f"do:{label}") for label in row] for row in rows]
    )


@dataclass
class Stage:
    """A bot, Alice, and their private chat."""

    telegram: TelegramWorld
    bot: telegram.Bot
    alice: Person
    chat: Chat
    _offset: int = 0

    async def heard(self, **about: Any) -> list[telegram.Update]:
        """What the bot gets now; it is confirmed with the next call. It does not wait."""
        updates = await self.bot.get_updates(offset=self._offset, **about)
        if updates:
            self._offset = updates[-1].update_id + 1
        return list(updates)

    async def says(self, text: str = "hello", **about: Any) -> telegram.Message:
        """The bot writes to Alice."""
        return await self.bot.send_message(self.chat.id, text, **about)

    async def ask(self, method: str, /, **arguments: object) -> dict[str, Any]:
        """A request by hand: the answer as it comes, also when it is a refusal."""
        url = f"{self.telegram.base_url}{self.telegram.token}/{method}"
        async with aiohttp.ClientSession() as http, http.post(url, json=arguments) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == answer.get("error_code", 200)
            return answer

    async def wrong(self, method: str, /, **arguments: object) -> str:
        """What is said of a request that is refused with 400."""
        answer = await self.ask(method, **arguments)
        assert answer["ok"] is False, answer
        assert answer["error_code"] == 400, answer
        return str(answer["description"]).removeprefix("Bad Request: ")


async def refused(doing: Awaitable[object], error: type[Error]) -> Error:
    """The error that python-telegram-bot makes of a refusal."""
    with pytest.raises(error) as caught:
        await doing
    return caught.value


@asynccontextmanager
async def staged(**options: Any) -> AsyncIterator[Stage]:
    """``options``: of the :class:`TelegramWorld`; no flood limits unless given."""
    async with TelegramWorld(**{"check_answers": True, "limits": FloodLimits.off(), **options}) as world:
        alice = world.user("Alice")
        chat = world.private(alice)
        async with bot_of(world) as bot:
            yield Stage(world, bot, alice, chat)
