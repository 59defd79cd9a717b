"""The least that a bot on discord.py can do: it defers every command, and nothing else.

``python -m bench.discord_floor run`` in a folder with a bot's ``config.toml``.
"""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import discord
from discord import app_commands

from tests.support.discord.pointing import pointed


class Floor(discord.AutoShardedClient):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None, guild_ready_timeout=0.0)
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="imagine", description="Nothing")(imagine)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_ready(self) -> None:
        print("ready: ", flush=True)


async def imagine(interaction: discord.Interaction, prompt: str) -> None:  # noqa: ARG001 - a command has it
    await interaction.response.defer(thinking=True)


async def run() -> None:
    own = tomllib.loads(Path("config.toml").read_text(encoding="utf-8"))["discord"]
    with pointed(own["api_base_url"], own["gateway_url"], own["api_base_url"]):
        async with Floor() as floor:
            await floor.start(own["token"])


if __name__ == "__main__":
    asyncio.run(run())
