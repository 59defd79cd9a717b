"""The real command, killed at the worst moments in Discord: what was accepted comes, and comes once."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.support.chaos_actors import until
from tests.support.discord import DiscordWorld, Reply
from tests.support.discord_bot import images, pictures_in
from tests.support.discord_process import DiscordProcess, configure

SMALL = {"size": "64x64", "steps": 2}


@asynccontextmanager
async def life(folder: Path, world: DiscordWorld, number: int) -> AsyncIterator[DiscordProcess]:
    """A process of the bot that is connected; killed at the end, if it has not ended."""
    bot = DiscordProcess(folder, f"bot-{number}")
    try:
        assert await bot.until_it_says("ready: "), bot.complained
        assert "Discord as" in bot.said, bot.said
        yield bot
        assert "Traceback" not in bot.complained, bot.complained
        assert "stumbled" not in bot.complained, bot.complained
    finally:
        bot.kill()
        await bot.ended()


def written(folder: Path, query: str, reply: Reply) -> list[str]:
    """The first column of what the database says of a command."""
    with closing(sqlite3.connect(folder / "data" / "fairbrush.db")) as connection:
        rows = connection.execute(
            f"SELECT {query} WHERE requests.event = ?", (f"discord:{reply.interaction.id}",)
        )
        return [str(row[0]) for row in rows]


REQUESTS = "id FROM requests"
DELIVERIES = "deliveries.state FROM deliveries JOIN requests ON requests.id = deliveries.request"
ENTRIES = (
    "ledger.kind FROM ledger JOIN jobs ON jobs.place = ledger.job JOIN requests ON requests.id = jobs.request"
)


async def test_what_was_accepted_survives_kills_and_is_shown_once(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        guild = world.guild("Painters")
        channel, alice = guild.channel("general"), guild.member("alice")
        configure(tmp_path, world)

        async with life(tmp_path, world, 1) as bot:
            between = world.faults.hold("create_interaction_response", after=True, times=1)
            lost = await alice.slash(channel, "imagine", prompt="a lost fox", **SMALL)
            await between.arrived.wait()
            cards = world.faults.hold("update_*")
            kept = await alice.slash(channel, "imagine", prompt="a fox that stays", **SMALL)
            await until(lambda: written(tmp_path, REQUESTS, kept), "a row")
            bot.kill()
            await bot.ended()
            world.faults.clear()
            between.release()
            cards.release()
        assert lost.shown.loading
        assert not written(tmp_path, REQUESTS, lost)

        async with life(tmp_path, world, 2) as bot:
            shown = world.faults.hold(
                "update_*", after=True, when=lambda: kept.message is not None and images(kept.message)
            )
            await shown.arrived.wait()
            bot.kill()
            await bot.ended()
            assert written(tmp_path, DELIVERIES, kept) == ["claimed"]
            world.faults.clear()
            shown.release()

        async with life(tmp_path, world, 3) as bot:
            await until(lambda: written(tmp_path, DELIVERIES, kept) == ["sent"], "the end of a delivery")
            bot.ask_to_stop()
            assert await bot.ended() == 0
        assert sorted(written(tmp_path, ENTRIES, kept)) == ["reserve", "settle"]
        assert len(images(kept.shown)) == 1
        assert len(pictures_in(channel)) == 1
        assert len([message for message in channel.shown if not message.loading]) == 1
        assert not written(tmp_path, REQUESTS, lost)
