"""``fairbrush check`` asks the platforms about the tokens; ``fairbrush run`` says which one is missing."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.cli.checks import discord, machine, platforms, telegram
from bot.cli.checks.asking import Questions
from bot.cli.run_warnings import open_doors
from bot.cli.tokens import RIGHTS, Pasted, not_for_discord, not_for_telegram, pasted
from bot.config import load_settings
from tests.support.answering import answering
from tests.support.cli import running
from tests.support.commands import empty_folder, refused, unused_port
from tests.support.discord import DiscordWorld
from tests.support.service import settings_for
from tests.support.telegram import TelegramWorld

DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"
TELEGRAM_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"


here = empty_folder()


async def found(folder: Path, **sections: Any) -> list[tuple[str, str]]:
    settings = settings_for(folder, **sections)
    return [(row.status, row.message) for row in await platforms.rows(settings, Questions(time.time))]


def of_discord(world: DiscordWorld, **keys: Any) -> dict[str, Any]:
    return {"token": world.token, "api_base_url": world.api_url, **keys}


# What was pasted


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (DISCORD_TOKEN, Pasted.DISCORD_BOT),
        (TELEGRAM_TOKEN, Pasted.TELEGRAM_BOT),
        ("mfa.abcdefghijklmnopqrstuvwxyz_0123456789", Pasted.DISCORD_PERSON),
        ("123456789012345678", Pasted.NUMBER),
        ("ab12" * 16, Pasted.PUBLIC_KEY),
        ("ab12" * 8, Pasted.API_HASH),
        ("Ab1-Zz9_" * 4, Pasted.CLIENT_KEY),
        ("@your_bot", Pasted.NAME),
        ("https://t.me/your_bot", Pasted.NAME),
        ("Fairbrush#1234", Pasted.NAME),
        ("x.y.z", Pasted.UNKNOWN),
        ("YWJjZGVmZ2g=.Gabcde.abcdefghijklmnopqrstuvwxyz", Pasted.UNKNOWN),
    ],
)
def test_what_was_pasted_is_told_by_its_form(words: str, kind: Pasted) -> None:
    assert pasted(words) is kind


def test_what_may_be_a_token_is_left_to_the_platform() -> None:
    assert not_for_discord(DISCORD_TOKEN) is None is not_for_telegram(TELEGRAM_TOKEN)
    assert not_for_discord("x.y.z") is None is not_for_telegram("x.y.z")
    assert "belongs into [telegram]" in (not_for_discord(TELEGRAM_TOKEN) or "")
    assert "belongs into [discord]" in (not_for_telegram(DISCORD_TOKEN) or "")
    assert "public key" in (not_for_discord("ab12" * 16) or "")


async def test_a_token_of_the_other_platform_is_sent_nowhere(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as discords, TelegramWorld() as telegrams:
        swapped = {
            "discord": of_discord(discords, token=TELEGRAM_TOKEN),
            "telegram": {"token": DISCORD_TOKEN, "api_base_url": telegrams.api_url},
        }
        one, other = await found(tmp_path, **swapped)
        assert one == ("problem", not_for_discord(TELEGRAM_TOKEN))
        assert other == ("problem", not_for_telegram(DISCORD_TOKEN))
        assert not discords.calls()
        assert not telegrams.calls()


# Discord


async def test_discord_is_asked_whose_token_it_is_and_where_the_bot_is(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        guild = world.guild("Painters")
        well, gateway = await found(tmp_path, discord=of_discord(world, guild_ids=[str(guild.id)]))
        assert well[0] == gateway[0] == "ok"
        assert well[1].startswith("The token is that of Fairbrush. Invite it:  https://discord.com/oauth2/")
        assert well[1].endswith(f"&scope=bot+applications.commands&permissions={RIGHTS}")
        assert gateway[1] == "Its gateway answers; 1,000 of 1,000 session starts are left today."
        assert world.gateway.counts["IDENTIFY"] == 0, "asking uses up no session start"
        foreign = world.guild("Elsewhere", bot=False)
        _, missing, _ = await found(
            tmp_path, discord=of_discord(world, guild_ids=[str(guild.id), str(foreign.id)])
        )
        assert missing[0] == "problem"
        assert f"is not in the server {foreign.id} of" in missing[1]
        assert f"permissions={RIGHTS}" in missing[1]


async def test_a_bot_of_discord_that_is_nowhere_or_open_to_all_is_warned_of(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        _, nowhere, everywhere, _ = await found(tmp_path, discord=of_discord(world))
        assert nowhere[0] == "warning"
        assert re.search(r"in no server yet\. Invite it:  https://discord\.com/\S+client_id=\d+&", nowhere[1])
        assert everywhere == ("warning", discord.OPEN_TO_SERVERS)
        world.guild("Painters")
        told = await found(tmp_path, discord=of_discord(world, allowed_guild_ids=["1234567890123456"]))
        assert [status for status, _ in told] == ["ok", "ok"]


async def test_what_discords_portal_has_against_a_bot_is_told(tmp_path: Path) -> None:
    """As Discord's documents describe its answers; the stand-in has nothing against anybody."""
    me = {"id": "1", "name": "Fairbrush", "bot_require_code_grant": True, "flags": 1 << 19}
    me["interactions_endpoint_url"] = "https://example.org/x"
    starts = {"total": 1000, "remaining": 3, "reset_after": 7_200_000, "max_concurrency": 1}
    answers: dict[str, Any] = {
        "/oauth2/applications/@me": me,
        "/users/@me/guilds": [{"id": "7", "permissions": str(RIGHTS & ~(1 << 15))}, {"id": "8"}],
        "/applications/1/guilds/7/commands": None,
        "/gateway/bot": {"url": "ws://127.0.0.1:9", "session_start_limit": starts},
    }
    async with answering(404, answers=answers) as base:
        told = await found(
            tmp_path, discord={"token": "x.y.z", "api_base_url": base, "guild_ids": ["7"], "admin_ids": ["1"]}
        )
    assert told[1:] == [
        ("problem", discord.CODE_GRANT),
        ("problem", discord.ENDPOINT),
        (
            "ok",
            "Privileged intents are on that Fairbrush does not need: Message Content. They may go.",
        ),
        (
            "warning",
            "In the server 7 the bot lacks: Attach Files. Give them to its role there, or invite it again.",
        ),
        (
            "problem",
            (
                "The bot may not have commands in the server 7: it was invited without the scope "
                "applications.commands. Invite it again, it loses nothing:  https://discord.com/oauth2/authorize"
                f"?client_id=1&scope=bot+applications.commands&permissions={RIGHTS}"
            ),
        ),
        (
            "warning",
            (
                "Only 3 of 1,000 session starts are left for the next 2.0 hours: something starts the bot "
                "again and again. Look into its log."
            ),
        ),
    ]


async def test_a_gateway_behind_a_firewall_is_a_problem(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        world.guild("Painters")
        dead = f"ws://127.0.0.1:{unused_port()}"
        *_, gateway = await found(
            tmp_path, discord=of_discord(world, gateway_url=dead, allowed_guild_ids=["12345678"])
        )
    assert gateway[0] == "problem"
    assert "gateway cannot be reached" in gateway[1]


# Telegram


async def test_telegram_is_asked_whose_token_it_is(tmp_path: Path) -> None:
    async with TelegramWorld() as world:
        section = {"token": world.token, "api_base_url": world.api_url}
        well, privacy, everywhere, updates = await found(tmp_path, telegram=section)
        link = "https://t.me/FairbrushBot"
        assert well == (
            "ok",
            f"The token is that of @FairbrushBot:  {link}  Into a group:  {link}?startgroup",
        )
        assert privacy == ("ok", telegram.PRIVACY_ON)
        assert everywhere == ("warning", telegram.OPEN_TO_CHATS)
        assert updates == ("ok", "Updates are asked for (long polling).")
        told = await found(tmp_path, telegram={**section, "allowed_chat_ids": [-1001234567890, 5]})
        (absent,) = [message for status, message in told if status == "warning"]
        assert "is not in the group -1001234567890 of" in absent


async def test_how_telegram_hands_out_updates_is_held_against_the_settings(tmp_path: Path) -> None:
    now = int(time.time())
    me = {"id": 5, "username": "b", "can_join_groups": True, "can_read_all_group_messages": True}
    info: dict[str, Any] = {"url": "https://bot.example.org/secret-path", "pending_update_count": 7}
    info |= {"last_error_date": now - 60, "last_error_message": "Connection refused"}
    answers = {f"/bot{TELEGRAM_TOKEN}/getMe": {"ok": True, "result": me}}
    answers[f"/bot{TELEGRAM_TOKEN}/getWebhookInfo"] = {"ok": True, "result": info}
    section = {"token": TELEGRAM_TOKEN, "allowed_chat_ids": [5]}

    async def updates(**more: Any) -> list[tuple[str, str]]:
        async with answering(404, answers=answers) as base:
            told = await found(tmp_path, telegram={**section, "api_base_url": base, **more})
        assert told[1] == ("ok", telegram.PRIVACY_OFF)
        assert "secret-path" not in str(told), "addresses of webhooks are half a password"
        return told[2:]

    ((status, words),) = await updates()
    assert status == "warning"
    assert words.startswith("Telegram sends what is new to a webhook at bot.example.org, and the conf")
    assert words.endswith("7 updates wait.")
    same = {"webhook": {"url": info["url"]}}
    well, refused = await updates(**same)
    assert well == ("ok", "Telegram calls the webhook. 7 updates wait.")
    assert refused[0] == "warning"
    assert re.search(r"webhook 0:01:0\d \(h:mm:ss\) ago: Connection refused\. Its", refused[1])
    info["last_error_date"] = now - 90_000
    assert await updates(**same) == [well]
    ((status, words),) = await updates(webhook={"url": "https://other.example.org/"})
    assert (status, words[:46]) == ("warning", "Telegram's webhook is at bot.example.org, not ")
    info |= {"url": "", "pending_update_count": 1234}
    ((status, words),) = await updates()
    assert status == "warning"
    assert "1,234 updates wait." in words


# Both


async def test_tokens_that_nobody_knows_are_problems_and_are_not_told(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as discords, TelegramWorld() as telegrams:
        wrong = {
            "discord": of_discord(discords, token="MTIzNDU2.wrong.wrong-token"),
            "telegram": {"token": "123456:AAEwrong-wrong", "api_base_url": telegrams.api_url},
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


async def test_a_web_page_in_the_platforms_place_says_nothing_of_the_token(tmp_path: Path) -> None:
    async with answering(page="<html>Log in to the hotel's network</html>") as base:
        findings = await found(
            tmp_path,
            discord={"token": "x.y.z", "api_base_url": base},
            telegram={"token": TELEGRAM_TOKEN, "api_base_url": base},
        )
    assert findings == [
        ("warning", "Discord does not say whether the token is valid (HTTP 200)."),
        ("warning", "Telegram does not say whether the token is valid (HTTP 200)."),
    ]


async def test_the_clock_is_compared_with_those_who_were_asked(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    date = {"Date": "Sun, 22 Nov 2026 14:58:30 GMT"}
    async with answering(404, headers=date) as base:
        questions = Questions(now.timestamp)
        section = {"token": "x.y.z", "api_base_url": base}
        await platforms.rows(settings_for(tmp_path, discord=section), questions)
    assert questions.ahead == {"127.0.0.1": 89.5}
    row = machine.clock(now, questions.ahead)
    assert row.status == "warning"
    assert "is 0:01:30 (h:mm:ss) ahead of the clock of 127.0.0.1:" in row.message
    assert machine.clock(now, {"a": 200.0, "b": -29.0}).status == "ok"
    assert "behind" in machine.clock(now, {"a": -31.0}).message
    assert "nobody else's" in machine.clock(now, {}).message


@pytest.mark.parametrize("name", ["discord", "telegram"])
def test_run_says_that_a_section_has_no_token(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"[{name}]\nadmin_ids = [123456789]\n", encoding="utf-8")
    with running("run", cwd=tmp_path) as bot:
        bot.until(lambda p: "ready: " in p.stdout)
        assert f"The section [{name}] has no token: the bot runs without it." in bot.stderr


@pytest.mark.parametrize(
    ("section", "token", "says"),
    [
        (
            "discord",
            TELEGRAM_TOKEN,
            "discord.token: That is a Telegram bot token: it belongs into",
        ),
        (
            "telegram",
            DISCORD_TOKEN,
            "telegram.token: That is a Discord bot token: it belongs into",
        ),
    ],
)
def test_run_gives_no_platform_the_token_of_the_other(
    section: str, token: str, says: str, here: Path
) -> None:
    (here / "config.toml").write_text(f'[{section}]\ntoken = "{token}"\n')
    said = refused("run")
    assert says in said
    assert token not in said
    assert not (here / "data").exists()


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False), ("[::1]", False)])
def test_doors_that_others_reach_are_told_of(host: str, warned: bool, tmp_path: Path) -> None:
    settings = load_settings(
        None,
        environ={"FAIRBRUSH__WEB__LISTEN": f"{host}:1", "FAIRBRUSH__METRICS__LISTEN": f"{host}:2"},
        folder=tmp_path,
    )
    told = list(open_doors(settings))
    assert [line.partition(":")[0] for line in told] == (["web.listen", "metrics.listen"] if warned else [])
