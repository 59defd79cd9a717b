"""The whole bot in Telegram when something is broken: the network, the disk, another program, a crowd."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import telegram as app
from bot.domain.errors import StoreUnavailable
from bot.domain.text import Text
from bot.store import SqliteStore
from tests.support.service import Bot
from tests.support.telegram import FloodLimits
from tests.support.telegram.entities import clean
from tests.support.telegram_bot import (
    Scene,
    answered,
    inputs_of,
    painted,
    photos,
    saying,
    says,
    scene,
    started,
    until,
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, limits=FloodLimits.off()) as made:
        yield made


def notices(bot: Bot) -> str:
    return " ".join(str(each.text) for each in bot.service.operator.notices.latest())


async def test_another_program_that_takes_updates_is_reported_and_outlived(here: Scene) -> None:
    async with here.bot() as bot:
        here.world.faults.conflict()
        await until(bot, lambda: "Another program" in notices(bot))
        await here.alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)


def unused() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def test_a_webhook_brings_updates_and_polling_brings_them_again_later(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = unused()
    url, listen = f"https://127.0.0.1:{port}/t", f"127.0.0.1:{port}"
    webhook = {"url": url, "listen": listen, "secret_token": "s3cret_A-b"}
    # Nothing speaks TLS here: in front of a bot a proxy does.
    listening, plain = app._listening, url.replace("https", "http")
    monkeypatch.setattr(app, "_listening", lambda found: replace(listening(found), url=plain))
    async with here.bot(telegram={"webhook": webhook}) as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        assert here.world.webhook.secret == "s3cret_A-b"
        assert here.world.webhook.delivered
        async with aiohttp.ClientSession() as stranger:
            forged = {"update_id": 5, "message": {"text": "/imagine a boat"}}
            for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guess"}):
                async with stranger.post(plain, json=forged, headers=headers) as reply:
                    assert reply.status == 403
        press = await here.alice.presses(found.button("Re-roll"))
        await press.until_answered()
        await painted(bot, here.chat)
    monkeypatch.undo()
    delivered = len(here.world.webhook.delivered)
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a boat")
        await painted(bot, here.chat)
        assert len(here.world.webhook.delivered) == delivered
        assert len(bot.server.posted) == 3


async def test_a_full_disk_leaves_updates_at_telegram(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> None:
        raise StoreUnavailable(Text("The disk is full."), cause="test")

    async with here.bot() as bot:
        with monkeypatch.context() as broken:
            broken.setattr(SqliteStore, "keep_updates", full)
            await here.alice.says(here.chat, "/imagine a fox")
            await until(bot, lambda: "disk is full" in notices(bot))
            assert here.world.updates.queue
        await painted(bot, here.chat)
        with monkeypatch.context() as broken:
            broken.setattr(SqliteStore, "accept_together", full)
            said = await answered(bot, here.chat, here.alice.says(here.chat, "/imagine a boat"))
            assert "Try again later" in said.text
        assert len(bot.server.posted) == 1


async def test_an_outage_of_telegram_delays_and_loses_nothing(here: Scene) -> None:
    async with here.bot() as bot:
        here.world.faults.fail("*", 502, times=12, html=True)
        await here.alice.says(here.chat, "/imagine a fox")
        await until(bot, lambda: bot.server.waiting)
        bot.server.finish()
        # Whether it is there, nobody can know: it is offered as soon as that can be said.
        offered = await says(bot, here.chat, "ready")
        await here.alice.presses(offered.button("Show"))
        await until(bot, lambda: photos(here.chat))
        here.world.faults.clear()
        assert len(bot.server.posted) == 1
        assert len(photos(here.chat)) == 1


async def test_flood_limits_on_answers_are_waited_for(here: Scene) -> None:
    async with here.bot() as bot:
        here.world.faults.storm("sendMessage", times=3, retry_after=5)
        said = await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        assert "not limited" in said.text
        assert here.world.faults.active[0].spent
        await here.alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)


async def test_a_crowded_group_holds_up_nobody_elsewhere(tmp_path: Path) -> None:
    async with scene(tmp_path, limits=FloodLimits.real()) as here:
        crowd = [here.world.user(f"Person{number}") for number in range(80)]
        group = here.world.supergroup("Painters", *crowd, bot=True)
        async with here.bot() as bot:
            held = here.world.faults.hold("sendMessage", times=None, chat=group)
            for person in crowd:
                await person.says(group, "/imagine a --stps 3")
            await here.alice.says(here.chat, "/imagine a fox")
            asked = bot.clock.monotonic()
            await until(bot, lambda: bot.server.waiting, step=0.05)
            assert bot.clock.monotonic() - asked < 60
            await painted(bot, here.chat)
            assert not group.by_bot
            here.world.faults.clear()
            held.release()
            await until(bot, lambda: len(group.by_bot) > 20, step=1.0)


async def test_a_status_that_was_lost_costs_no_second_picture(here: Scene) -> None:
    async with here.bot() as bot:
        here.world.faults.lose_answer("sendMessage")
        await here.alice.says(here.chat, "/imagine a fox")
        await started(bot)
        bot.server.finish()
        await until(bot, lambda: photos(here.chat))
        assert len(bot.server.posted) == 1


# Bad input


WORDS = (
    "<b>bold</b> & <i>co</i> <script>",
    "*bold* _it_ [x](http://evil.example) `code` ||spoiler||",
    "&lt;&amp;&#60;",
    "a\u202efox\u202c \u2066x\u2069",
    "fox " + "\u0301" * 200,
    "@everyone /imagine #tag $USD https://evil.example t.me/x",
    "\U0001f98a" * 300,
    "x" * 4000,
    "line\n" * 300,
    "{name} %s {{}}",
)


async def test_words_of_any_kind_are_words(here: Scene) -> None:
    async with here.bot() as bot:
        for words in WORDS:
            await here.alice.says(here.chat, f"/imagine {words}")
            found = await painted(bot, here.chat)
            assert not {kind for kind, _ in found.marks} & {"url", "text_link", "mention", "bot_command"}
            assert len(found.text) <= 1024
            assert clean(words).strip() in inputs_of(bot)


async def test_halves_of_characters_do_no_harm(here: Scene) -> None:
    async with here.bot() as bot:
        broken = {
            "message_id": 900,
            "date": 1,
            "chat": here.chat.json(),
            "from": here.alice.json(),
            "text": "/imagine a \ud83e fox \udd8a",
            "entities": [{"type": "bot_command", "offset": 0, "length": 8}],
        }
        here.world.tell("message", broken, here.chat.id)
        await says(bot, here.chat, "cannot be read")
        await here.alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)


async def test_updates_that_make_no_sense_are_passed_over(here: Scene) -> None:
    async with here.bot() as bot:
        for kind, body in (
            ("message", {}),
            ("message", {"message_id": 5, "date": 1, "chat": here.chat.json()}),
            ("message", {"message_id": 6, "date": 1, "chat": here.chat.json(), "from": {"id": "x"}}),
            ("callback_query", {"id": "5", "from": here.alice.json(), "data": "x", "chat_instance": "1"}),
            ("callback_query", {"id": "6", "from": here.alice.json(), "inline_message_id": "1"}),
            ("my_chat_member", {"chat": here.chat.json()}),
        ):
            here.world.tell(kind, body, here.chat.id)
        here.world.forgive()
        await here.alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)
        assert not saying(here.chat, "stumbled")
        here.world.forgive()


async def test_who_writes_very_fast_is_answered_in_order_and_holds_up_nobody(here: Scene) -> None:
    bob = here.world.user("Bob")
    chat = here.world.private(bob)
    async with here.bot(tiers={"default": {"max_waiting": 3}}) as bot:
        await asyncio.gather(*(here.alice.says(here.chat, f"/imagine fox {n}") for n in range(20)))
        await bob.says(chat, "/imagine a boat")
        await until(bot, lambda: len(here.chat.by_bot) == 20)
        assert len(saying(here.chat, "in line")) >= 17
        (theirs,) = [
            each for each in await bot.store.open_requests("telegram") if each.prompt_text == "a boat"
        ]
        assert theirs
