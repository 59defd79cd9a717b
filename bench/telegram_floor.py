"""What is simple to write with python-telegram-bot: each command is answered at once, and every event is
edited into the message of whoever it concerns.

``python -m bench.telegram_floor [--patient] run`` in a folder with a bot's ``config.toml``. ``--patient``:
what Telegram refuses is said again after the time that it asks for, one after the other; otherwise it is let
go, as the library does.
"""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from telegram import Message, Update
from telegram.error import RetryAfter, TelegramError
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes

STEPS, STEP_SECONDS = 20, 0.5
"""Of the job that runs: what the engine beside it would take."""


class Floor:
    def __init__(self, *, patient: bool) -> None:
        self._patient = patient
        self._cards: list[Message] = []
        self._painting: asyncio.Task[None] | None = None

    async def imagine(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        asked = update.effective_message
        assert asked is not None
        place = len(self._cards) + 1
        card = await self._said(lambda: asked.reply_text(f"Place {place}", do_quote=True))
        if card is not None:
            self._cards.append(card)

    async def begin(self, _: Application[Any, Any, Any, Any, Any, Any]) -> None:
        self._painting = asyncio.create_task(self._paint())
        print("ready: ", flush=True)

    async def end(self, _: Application[Any, Any, Any, Any, Any, Any]) -> None:
        if self._painting is not None:
            self._painting.cancel()

    async def _paint(self) -> None:
        while True:
            while not self._cards:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            running = self._cards.pop(0)
            for step in range(1, STEPS + 1):
                await asyncio.sleep(STEP_SECONDS)
                await self._change(running, f"Step {step} of {STEPS}")
            await self._change(running, "Ready")
            for place, card in enumerate(list(self._cards), 1):
                await self._change(card, f"Place {place} of {len(self._cards)}")

    async def _change(self, card: Message, text: str) -> None:
        await self._said(lambda: card.edit_text(text))

    async def _said(self, call: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await call()
            except RetryAfter as refused:
                if not self._patient:
                    return None
                await asyncio.sleep(float(refused.retry_after))  # type: ignore[arg-type]
            except TelegramError:
                return None


def main() -> None:
    own = tomllib.loads(Path("config.toml").read_text(encoding="utf-8"))["telegram"]
    floor = Floor(patient="--patient" in sys.argv)
    base = own["api_base_url"].rstrip("/")
    app = (
        ApplicationBuilder()
        .token(own["token"])
        .base_url(f"{base}/bot")
        .base_file_url(f"{base}/file/bot")
        .post_init(floor.begin)
        .post_stop(floor.end)
        .build()
    )
    app.add_handler(CommandHandler("imagine", floor.imagine))
    app.run_polling(timeout=30)


if __name__ == "__main__":
    main()
