"""``fairbrush check`` asks the platforms about the tokens; ``fairbrush run`` says which one is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.cli.tokens import OPEN_TO_CHATS, OPEN_TO_SERVERS, RIGHTS, Finding, front_ends
from tests.support.cli import running
from tests.support.commands import unused_port
from tests.support.discord import DiscordWorld
from tests.support.service import settings_for
from tests.support.telegram import TelegramWorld


async def found(folder: Path, **sections: Any) -> list[Finding]:
    return [finding for _, finding in await front_ends(settings_for(folder, **sections))]


def of_discord(world: DiscordWorld, **keys: Any) -> dict[str, Any]:
    return {"token": world.token, "api_base_url": world.api_url, **keys}


async def test_discord_is_asked_whose_token_it_is_and_where_the_bot_is(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        guild = world.guild("Painters")
        (well,) = await found(tmp_path, discord=of_discord(world, guild_ids=[str(guild.id)]))
        assert well == ("ok", "The token is that of Fairbrush.")
        foreign = world.guild("Elsewhere", bot=False)
        _, missing = await found(
            tmp_path, discord=of_discord(world, guild_ids=[str(guild.id), str(foreign.id)])
        )
        assert missing[0] == "problem"
        assert f"is not in the server {foreign.id} of" in missing[1]
        assert f"&scope=bot+applications.commands&permissions={RIGHTS}" in missing[1]


async def test_a_bot_of_discord_that_is_nowhere_or_open_to_all_is_warned_of(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        _, nowhere, everywhere = await found(tmp_path, discord=of_discord(world))
        assert nowhere[0] == "warning"
        assert re.search(r"in no server yet\. Invite it:  https://discord\.com/\S+client_id=\d+&", nowhere[1])
        assert everywhere == ("warning", OPEN_TO_SERVERS)
        world.guild("Painters")
        (only,) = await found(tmp_path, discord=of_discord(world, allowed_guild_ids=["1234567890123456"]))
        assert only[0] == "ok"


async def test_telegram_is_asked_whose_token_it_is(tmp_path: Path) -> None:
    async with TelegramWorld() as world:
        section = {"token": world.token, "api_base_url": world.api_url}
        well, everywhere = await found(tmp_path, telegram=section)
        assert well == ("ok", "The token is that of @FairbrushBot:  https://t.me/FairbrushBot")
        assert everywhere == ("warning", OPEN_TO_CHATS)
        (only,) = await found(tmp_path, telegram={**section, "allowed_chat_ids": [-1001234567890]})
        assert only[0] == "ok"


async def test_tokens_that_nobody_knows_are_problems_and_are_not_told(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as discord, TelegramWorld() as telegram:
        wrong = {
            "discord": of_discord(discord, token="MTIzNDU2.wrong.wrong-token"),
            "telegram": {"token": "123456:AAEwrong-wrong", "api_base_url": telegram.api_url},
        }
        findings = await found(tmp_path, **wrong)
    assert [status for status, _ in findings] == ["problem", "problem"]
    assert all("does not know the token" in message for _, message in findings)
    assert "wrong" not in str(findings)


async def test_a_platform_that_cannot_be_reached_says_nothing_of_the_token(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{unused_port()}"
    findings = await found(
        tmp_path,
        discord={"token": "MTIzNDU2.some.token", "api_base_url": f"{nowhere}/api/v10"},
        telegram={"token": "123456:AAEsome-token", "api_base_url": nowhere},
    )
    assert [status for status, _ in findings] == ["warning", "warning"]
    assert "AAEsome" not in str(findings)


@pytest.mark.parametrize("name", ["discord", "telegram"])
def test_run_says_that_a_section_has_no_token(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"[{name}]\nadmin_ids = [123456789]\n", encoding="utf-8")
    with running("run", cwd=tmp_path) as bot:
        bot.until(lambda p: "ready: " in p.stdout)
        assert f"The section [{name}] has no token: the bot runs without it." in bot.stderr
