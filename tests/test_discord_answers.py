"""Who sees an answer in Discord, and that there is one: to whatever is pressed, sent off or chosen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chat.discord import frontend
from bot.domain.ids import RequestId
from bot.presentation.actions import (
    Action,
    Listing,
    OnExample,
    OnPage,
    OnPicture,
    OnRequest,
    Verb,
    encode,
    mark,
)
from bot.service.records import RequestRecord
from bot.store import SqliteStore
from tests.support.discord import Person, Reply, Upload
from tests.support.discord.interactions import Answer, Kind
from tests.support.discord.offers import find_command
from tests.support.discord.permissions import MANAGE_GUILD
from tests.support.discord_bot import (
    Scene,
    accepted,
    move,
    pictures_in,
    request_of,
    says,
    scene,
    shows_picture,
    until,
)
from tests.support.service import Bot


@pytest.fixture
async def here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Scene]:
    caplog.set_level(logging.ERROR)
    async with scene(tmp_path) as made:
        yield made
    stumbles = [record for record in caplog.records if record.name.startswith("bot.")]
    assert not stumbles, stumbles


async def painted(here: Scene, reply: Reply) -> Reply:
    await here.server.until_waiting(1)
    here.server.finish()
    return await shows_picture(reply)


async def shown_alone(bot: Bot, here: Scene, reply: Reply) -> RequestRecord:
    """It was answered to one pair of eyes, and is kept for them alone."""
    await painted(here, await reply.acknowledged(within=3))
    assert reply.ephemeral
    request = await accepted(bot, reply)
    assert request.private
    return request


async def whispered(reply: Reply, words: str) -> None:
    """What was said to one person, and to nobody else."""
    await until(
        lambda: any(words in shown.text for shown in _seen(reply)), what=f"{words!r} in {_seen(reply)!r}"
    )
    for shown in _seen(reply):
        assert shown.ephemeral or words not in shown.text


def _seen(reply: Reply) -> list[Any]:
    original = [] if reply.message is None or reply.message.deleted else [reply.message]
    return [*original, *reply.followups]


async def forged(who: Person, on: Reply, action: Action) -> Reply:
    pressed = await who.forge(on.shown, {"custom_id": encode(action)})
    return await pressed.acknowledged(within=3)


# Who sees it


@pytest.mark.parametrize("name", ["Re-roll", "Vary", "Upscale"])
async def test_whoever_wants_to_be_answered_alone_is_when_they_press(here: Scene, name: str) -> None:
    async with here.bot() as bot:
        reply = await painted(here, await here.imagine())
        await says(await here.alice.slash(here.channel, "settings", private=True), "private")
        await shown_alone(bot, here, await here.alice.press(reply.button(name)))


async def test_whoever_wants_to_be_answered_alone_is_when_they_fill_in_or_choose(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await painted(here, await here.imagine())
        photo = await here.alice.says(here.channel, "", Upload.picture((64, 48)))
        await says(await here.alice.slash(here.channel, "settings", private=True), "private")
        form = await (await here.alice.press(reply.button("Edit"))).acknowledged()
        await shown_alone(bot, here, await here.alice.fill(form, {"prompt": "a boat"}))
        form = await (await here.alice.use(here.channel, "Edit this picture", photo)).acknowledged()
        await shown_alone(bot, here, await here.alice.fill(form, {"prompt": "at night"}))
        await shown_alone(bot, here, await here.alice.use(here.channel, "Imagine again", reply.shown))


async def test_a_form_that_says_private_is_answered_alone(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await painted(here, await here.imagine())
        form = await (await here.alice.press(reply.button("Edit"))).acknowledged()
        await shown_alone(bot, here, await here.alice.fill(form, {"options": "--private"}))
        wrong = await here.alice.fill(form, {"options": "--stepz 5"})
        await whispered(wrong, "steps")


async def test_one_s_own_lists_are_never_turned_before_everybody(here: Scene) -> None:
    bob = here.guild.member("bob")
    async with here.bot():
        reply = await painted(here, await here.imagine())
        for listing in (Listing.QUOTA, Listing.QUEUE, Listing.SETTINGS, Listing.PRIVACY):
            turned = await (await forged(bob, reply, OnPage(listing))).filled()
            assert turned.ephemeral, listing
        theirs = await forged(bob, reply, OnPage(Listing.QUEUE, owner=mark(f"discord:{here.alice.id}")))
        await whispered(theirs, "somebody else")


async def test_a_stranger_hears_of_it_alone_also_where_discord_does_not_know_whose_it_is(
    here: Scene,
) -> None:
    bob = here.guild.member("bob")
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.server.until_waiting(1)
        move(bot, 16 * 60)
        here.world.posting.delete(reply.shown.raw)
        here.server.finish()
        await until(lambda: pictures_in(here.channel), bot=bot, step=0.5)
        (anew,) = pictures_in(here.channel)
        await whispered(await bob.press(anew.button("Re-roll")), "somebody else")
        await whispered(await bob.press(anew.button("Edit")), "somebody else")
        assert not bot.service.dispatcher.known_jobs()


async def test_what_an_operator_makes_of_a_picture_is_seen_like_the_picture(here: Scene) -> None:
    boss = here.guild.member("boss")
    async with here.bot(discord={"admin_ids": [boss.id]}) as bot:
        reply = await painted(here, await here.imagine())
        pressed = await painted(here, await boss.press(reply.button("Re-roll")))
        assert not pressed.ephemeral
        assert not (await accepted(bot, pressed)).private


# That there is one


async def test_a_form_that_takes_too_long_is_said_to(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with here.bot():
        reply = await painted(here, await here.imagine())
        found, stuck = SqliteStore.request, asyncio.Event()

        async def slow(store: SqliteStore, *args: Any) -> Any:
            await stuck.wait()
            return await found(store, *args)

        monkeypatch.setattr(SqliteStore, "request", slow)
        monkeypatch.setattr(frontend, "FORM_SECONDS", 0.05)
        pressed = await (await here.alice.press(reply.button("Edit"))).acknowledged(within=3)
        assert pressed.answer is Answer.DEFERRED_MESSAGE
        await whispered(pressed, "too long")
        stuck.set()
        again = await (await here.alice.press(reply.button("Edit"))).acknowledged(within=3)
        assert again.answer is Answer.MODAL


async def test_where_no_template_takes_a_picture_the_menu_says_so(here: Scene) -> None:
    async with here.bot() as bot:
        photo = await here.alice.says(here.channel, "", Upload.picture((64, 48)))
        for name in ("image-to-image", "upscale"):
            await bot.service.usecases.shelf.offer(name, offered=False)  # type: ignore[arg-type]
        used = await here.alice.use(here.channel, "Edit this picture", photo)
        await whispered(await used.acknowledged(within=3), "picture")


async def test_a_picture_that_is_too_large_is_refused_before_anything_is_filled_in(here: Scene) -> None:
    async with here.bot():
        huge = Upload("huge.png", None, size=100 << 20, content_type="image/png")
        photo = await here.alice.says(here.channel, "", huge)
        used = await here.alice.use(here.channel, "Edit this picture", photo)
        await whispered(await used.acknowledged(within=3), "huge.png")
        assert not here.world.cdn.downloads


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"target_id": "5"}, id="a message that is not there"),
        pytest.param({"name": "A menu of long ago"}, id="an unknown menu"),
        pytest.param({"name": "nosuch", "type": 1}, id="an unknown command"),
    ],
)
async def test_commands_that_lead_nowhere_are_answered(here: Scene, data: dict[str, Any]) -> None:
    async with here.bot():
        menu = find_command(here.world, here.alice, here.channel, "Imagine again", 3)
        asked = here.alice._interaction(Kind.COMMAND, here.channel, 0.0, command_type=3)
        known = {"id": menu["id"], "name": menu["name"], "type": 3, "target_id": "5"}
        reply = await here.alice._send(asked, known | data, None).acknowledged(within=3)
        await reply.until(lambda r: r.message is not None and r.message.text)
        assert reply.ephemeral
        assert "stumbled" not in reply.text
        assert "bot's" not in reply.text, "nobody's fault"


@pytest.mark.parametrize(
    "rows", [None, ["x", None], [{"type": 1}], [{"type": 18, "component": None}], [{"components": "x"}]]
)
async def test_a_form_without_fields_is_answered(here: Scene, rows: Any) -> None:
    async with here.bot() as bot:
        reply = await painted(here, await here.imagine())
        form = await (await here.alice.press(reply.button("Edit"))).acknowledged()
        parent = form.interaction
        sent = here.alice._interaction(Kind.MODAL, here.channel, 0.0, message=parent.message, parent=parent)
        data = {"custom_id": form.modal.custom_id, "components": rows}
        filled = await here.alice._send(sent, data, None).acknowledged(within=3)
        await whispered(filled, "no text") if filled.ephemeral else await says(filled, "no text")
        assert not bot.service.dispatcher.known_jobs()


async def test_an_example_pressed_twice_is_one_job(here: Scene) -> None:
    async with here.bot() as bot:
        help_card = await (await here.alice.slash(here.channel, "templates")).filled()
        pressed = [await forged(here.alice, help_card, OnExample(0)) for _ in range(2)]
        await accepted(bot, pressed[0])
        await here.server.until_waiting(1)
        assert len(bot.service.dispatcher.known_jobs()) == 1


# Pictures that were handed in


async def test_somebody_else_s_picture_is_not_to_be_had_by_its_key(here: Scene) -> None:
    bob = here.guild.member("bob")
    async with here.bot() as bot:
        photo = await here.alice.says(here.channel, "", Upload.picture((64, 48)))
        opened = await (await here.alice.use(here.channel, "Edit this picture", photo)).acknowledged()
        key = encode(OnPicture(str(opened.interaction.id)))
        assert opened.modal.custom_id == key
        for who, words in ((bob, "not kept any more"), (here.alice, "")):
            sent = who._interaction(Kind.MODAL, here.channel, 0.0, parent=opened.interaction)
            rows = [{"type": 1, "components": [{"type": 4, "custom_id": "prompt", "value": "at night"}]}]
            filled = who._send(sent, {"custom_id": key, "components": rows}, None)
            await filled.acknowledged(within=3)
            if words:
                await says(filled, words)
                assert await request_of(bot, filled) is None
            else:
                await accepted(bot, filled)


# What is told twice


async def test_a_grant_that_is_told_twice_is_one(here: Scene) -> None:
    boss = here.guild.member("boss", admin=True)
    async with here.bot(discord={"admin_ids": [boss.id]}) as bot:
        granted = await boss.slash(here.channel, "admin quota grant", user=here.alice, seconds=60.0)
        await says(granted, "60")
        payload, guild = granted.interaction.payload, here.guild.id
        here.world.gateway.dispatch("INTERACTION_CREATE", payload, guild=guild, needs=0)
        await says(await boss.slash(here.channel, "admin audit"), "60")
        grants = [entry for entry in await bot.store.audit_log() if "grant" in entry.action]
        assert len(grants) == 1


# What is forged, and what is cut short


async def test_nobody_takes_away_a_message_that_shows_somebody_else_s(here: Scene) -> None:
    bob = here.guild.member("bob")
    async with here.bot() as bot:
        hers = await painted(here, await here.imagine())
        his = await painted(here, await here.imagine("his", who=bob))
        request = await accepted(bot, his)
        await forged(bob, hers, OnRequest(Verb.DELETE, request.id))
        await until(lambda: _is_gone(bot, request.id), what="his picture to go")
        await says(await bob.slash(here.channel, "quota"), "")
        assert not hers.shown.deleted
        await here.alice.press(hers.button("Delete"))
        await until(lambda: hers.shown.deleted)


async def _is_gone(bot: Bot, request: RequestId) -> bool:
    record = await bot.store.request(request)
    return record is not None and record.gone is not None


async def test_nothing_goes_on_behind_a_bot_that_has_ended(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.Event()

    async def stuck(*_: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(SqliteStore, "request_of_event", stuck)
    async with here.bot():
        await here.imagine()
        await waiting.wait()
    assert not [task for task in asyncio.all_tasks() if "interaction" in task.get_name()]


# What is still to come


async def test_what_is_still_painted_is_not_shown_as_if_it_were_all(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        request = await accepted(bot, reply)
        shown = await here.alice.slash(here.channel, "show", job=request.id)
        await says(shown, "not painted yet")
        await says(await here.alice.press(shown.button("My pictures in line")), "fox")
        await painted(here, reply)
        await shows_picture(await here.alice.slash(here.channel, "show", job=request.id))


async def test_what_looks_after_others_sees_no_words_of_theirs(here: Scene) -> None:
    boss = here.guild.member("boss", admin=True)
    keeper = here.guild.member("keeper", roles=[here.guild.role("keepers", MANAGE_GUILD)])
    async with here.bot(discord={"admin_ids": [boss.id]}) as bot:
        request = await accepted(bot, await here.imagine("a secretfox", private=True))
        await here.server.until_waiting(1)
        for who, command, options in (
            (boss, "admin queue", {}),
            (boss, "admin usage", {}),
            (boss, "admin audit", {}),
            (boss, "admin quota show", {"user": here.alice}),
            (keeper, "admin cancel", {"job": request.id}),
            (keeper, "show", {"job": request.id}),
        ):
            reply = await (await who.slash(here.channel, command, **options)).filled()
            assert reply.ephemeral
            assert "secretfox" not in reply.text, command
        offered = await keeper.autocomplete(here.channel, "show", "job", "")
        assert not any("secretfox" in label for label, _ in offered)


async def test_whoever_asks_to_see_what_discord_does_not_take_is_told(here: Scene) -> None:
    async with here.bot() as bot:
        request = await accepted(bot, await painted(here, await here.imagine()))
        here.world.faults.fail("update_webhook_message", 503, times=1000)
        shown = await here.alice.slash(here.channel, "show", job=request.id)
        await says(shown, "in a while", bot=bot, step=2)
        here.world.faults.clear()
        await shows_picture(await here.alice.slash(here.channel, "show", job=request.id), bot=bot, step=0.5)
