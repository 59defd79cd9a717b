"""Answers to presses of buttons. Until there is one, a button is seen turning; after some seconds Telegram
takes none any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telegram import Bot, error

from bot.chat.telegram.background import Background
from bot.chat.telegram.calls import seconds_of
from bot.chat.telegram.latest import Latest

log = logging.getLogger(__name__)

ANSWER_WITHIN = 1.0
"""Seconds after which a press is answered with nothing, whatever it will lead to: what is to be said then is
said in a message."""
WORTH_WAITING = 3.0
"""Seconds that Telegram may ask to wait; after more, nobody looks at the button any longer."""
TOAST = 200
"""Characters of an answer."""
REMEMBERED = 2_000


class Answers:
    """Each press has one answer, the first that is given."""

    def __init__(self, bot: Bot, background: Background, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._bot = bot
        self._background = background
        self._sleep = sleep
        self._late: dict[str, asyncio.Task[None]] = {}
        self._given: Latest[str, bool] = Latest(REMEMBERED)

    def expect(self, query: str) -> None:
        """A press came: it is answered soon, even if everybody is busy."""
        if query not in self._late and self._given.get(query) is None:
            self._late[query] = self._background.begin(self._answer_late(query), f"answer to {query}")

    async def give(self, query: str, text: str = "") -> bool:
        """``text`` is shown over the chat. Whether this was the answer, and Telegram took it."""
        if self._given.get(query) is not None:
            return False
        self._given.put(query, True)
        late = self._late.pop(query, None)
        if late is not None and late is not asyncio.current_task():
            late.cancel()
        return await self._send(query, text)

    async def _answer_late(self, query: str) -> None:
        await self._sleep(ANSWER_WITHIN)
        await self.give(query)

    async def _send(self, query: str, text: str, *, again: bool = True) -> bool:
        try:
            await self._bot.answer_callback_query(query, text=text or None, show_alert=bool(text))
        except error.RetryAfter as refused:
            if not again or seconds_of(refused) > WORTH_WAITING:
                return False
            await self._sleep(seconds_of(refused))
            return await self._send(query, text, again=False)
        except error.TelegramError as refused:
            log.info("a press was not answered: %s", refused.message)
            return False
        return True
