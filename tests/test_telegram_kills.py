"""The real command, killed at the worst moments in Telegram: no update is lost, none is painted or charged
twice, and what was accepted comes once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.support.chaos_actors import until
from tests.support.telegram import TelegramWorld, Upload
from tests.support.telegram_bot import photos
from tests.support.telegram_process import TelegramProcess, configure

SMALL = "--size 64x64 --steps 2"


@asynccontextmanager
async def life(folder: Path, world: TelegramWorld, number: int) -> AsyncIterator[TelegramProcess]:
    """A process of the bot that is connected; killed at the end, if it has not ended."""
    bot = TelegramProcess(folder, f"bot-{number}")
    try:
        assert await bot.until_it_says("ready: "), bot.complained
        assert f"Telegram as @{world.bot.username}" in bot.said, bot.said
        yield bot
        assert "Traceback" not in bot.complained, bot.complained
    finally:
        bot.kill()
        await bot.ended()


def written(folder: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(folder / "data" / "fairbrush.db")) as connection:
        return [str(row[0]) for row in connection.execute(f"SELECT {query}")]


WAITING = "update_id FROM telegram_updates WHERE done_at IS NULL"
ENTRIES = "jobs.id || ' ' || ledger.kind FROM ledger JOIN jobs ON jobs.place = ledger.job"


async def test_no_update_is_lost_and_none_is_done_twice(tmp_path: Path) -> None:
    async with TelegramWorld() as world:
        alice, bob, carol = (world.user(name) for name in ("Alice", "Bob", "Carol"))
        chats = [world.private(person) for person in (alice, bob, carol)]
        configure(tmp_path, world)

        async with life(tmp_path, world, 1) as bot:
            # Hers is written down, and not accepted; of his nobody knows where its reply is.
            fetching = world.faults.hold("getFile")
            await alice.sends_photo(chats[0], Upload.picture((64, 64)), "/imagine at night --steps 2")
            await fetching.arrived.wait()
            replying = world.faults.hold("sendMessage", after=True, chat=chats[1])
            await bob.says(chats[1], f"/imagine a fox {SMALL}")
            await replying.arrived.wait()
            bot.kill()
            await bot.ended()
            world.faults.clear()
            await carol.says(chats[2], f"/imagine a boat {SMALL}")

        async with life(tmp_path, world, 2) as bot:
            await until(lambda: all(photos(chat) for chat in chats), "three pictures", 20)
            # A press is accepted, and its answer does not come back.
            answering = world.faults.hold("answerCallbackQuery", after=True)
            press = await carol.presses(photos(chats[2])[0].button("Re-roll"))
            await answering.arrived.wait()
            bot.kill()
            await bot.ended()
            world.faults.clear()
            assert press.answered

        async with life(tmp_path, world, 3) as bot:
            # A picture is shown, and nobody hears of it.
            shown = world.faults.hold("editMessageMedia", after=True, chat=chats[2])
            await until(shown.arrived.is_set, "the picture", 20)
            bot.kill()
            await bot.ended()
            world.faults.clear()

        async with life(tmp_path, world, 4) as bot:
            await until(lambda: set(written(tmp_path, "state FROM deliveries")) == {"sent"}, "all deliveries")
            await until(lambda: not written(tmp_path, WAITING), "no update that waits")
            bot.ask_to_stop()
            assert await bot.ended() == 0

        assert [len(photos(chat)) for chat in chats] == [1, 1, 2]
        events = Counter(written(tmp_path, "event FROM requests"))
        assert len(events) == 4
        assert set(events.values()) == {1}
        assert set(Counter(written(tmp_path, ENTRIES)).values()) == {1}
        assert len(written(tmp_path, ENTRIES)) == 8
