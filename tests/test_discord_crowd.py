"""Many people at once in Discord: whose turn it is, what each of them sees, and what quick fingers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.discord import bot as discord_bot
from bot.domain.jobs import JobState
from bot.service.usecases import UseCases
from tests.support.discord import Reply
from tests.support.discord_bot import (
    Scene,
    accepted,
    images,
    move,
    request_of,
    says,
    scene,
    shows_picture,
    until,
)
from tests.support.fake_server import FakeServer


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        yield made


def words_of(server: FakeServer) -> list[str]:
    """The prompts that were posted there, in order."""
    texts = []
    for submission in server.posted:
        values = [value for node in submission.graph for value in node.inputs.values()]
        texts += [value for value in values if isinstance(value, str) and value.startswith(("alice", "bob"))]
    return texts


async def test_a_flood_of_one_does_not_keep_the_other_waiting(here: Scene) -> None:
    bob = here.guild.member("bob")
    async with here.bot() as bot:
        theirs = [await here.imagine(f"alice {n}") for n in range(8)]
        for reply in theirs:
            await accepted(bot, reply)
        his = [await here.imagine(f"bob {n}", who=bob) for n in range(2)]
        for reply in his:
            await accepted(bot, reply)
        shown: list[Reply] = []

        def done() -> bool:
            if here.server.waiting:
                here.server.finish()
            shown.extend(
                each for each in (*theirs, *his) if each not in shown and each.message and each.attachments
            )
            return len(shown) == len(theirs) + len(his)

        await until(done, bot=bot, step=0.1, what="all pictures")
        # What was under way or staged when he came is painted first; then they take turns.
        assert max(words_of(here.server).index(f"bob {n}") for n in range(2)) <= 5
        assert max(shown.index(reply) for reply in his) <= 6


async def test_each_of_many_gets_their_own_and_nobody_is_forgotten(here: Scene) -> None:
    people = [here.guild.member(f"user{n}") for n in range(40)]
    async with here.bot(queue={"max_waiting": 25}) as bot:
        replies = await asyncio.gather(
            *(here.imagine(f"picture number {n}", who=person) for n, person in enumerate(people))
        )
        await until(lambda: all(reply.message and reply.text for reply in replies), bot=bot, step=0.1)
        full = [reply for reply in replies if await request_of(bot, reply) is None]

        def done() -> bool:
            if here.server.waiting:
                here.server.finish()
            return sum(bool(reply.attachments) for reply in replies) == len(people) - len(full)

        await until(done, bot=bot, step=0.1, what="all pictures")
        assert len(full) == 15
        assert all("full" in reply.text for reply in full)
        for n, reply in enumerate(replies):
            if reply not in full:
                assert f"picture number {n}" in reply.text.replace("\\", "")


# Quick fingers


async def test_two_presses_within_a_moment_are_one_job(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        pressed = [await here.alice.press(reply.button("Re-roll")) for _ in range(2)]
        for each in pressed:
            await each.acknowledged(within=3)
        await here.server.until_waiting(1)
        here.server.finish()
        await until(lambda: any(each.message and images(each.shown) for each in pressed))
        await until(lambda: not bot.service.dispatcher.known_jobs())
        assert [await request_of(bot, each) is not None for each in pressed].count(True) == 1
        assert len(here.server.posted) == 2
        # Later the same button means it again.
        move(bot, 60)
        third = await here.alice.press(reply.button("Re-roll"))
        await accepted(bot, third)


async def test_one_press_told_twice_is_one_job(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        pressed = await here.alice.press(reply.button("Re-roll"))
        payload, guild = pressed.interaction.payload, here.guild.id
        here.world.gateway.dispatch("INTERACTION_CREATE", payload, guild=guild, needs=0)
        await accepted(bot, pressed)
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(pressed)
        assert len(here.server.posted) == 2


async def test_cancelling_and_deleting_twice_is_once(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        request = await accepted(bot, reply)
        await here.server.until_waiting(1)
        await says(reply, "fox")
        button = reply.button("Cancel")
        for pressed in [await here.alice.press(button) for _ in range(3)]:
            await pressed.acknowledged(within=3)
        (job,) = await bot.store.jobs_of(request.id)
        await bot.until_state(job.id, JobState.CANCELLED)
        await says(reply, "cancel", bot=bot, step=0.2)
        again = await here.imagine("another")
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(again)
        delete = again.button("Delete")
        for pressed in [await here.alice.press(delete) for _ in range(3)]:
            await pressed.acknowledged(within=3)
        await until(lambda: again.interaction.original is None or again.interaction.original.deleted)


# Typing


async def test_suggestions_come_at_once_while_servers_are_slow(here: Scene) -> None:
    async with here.bot() as bot:
        known = await here.alice.autocomplete(here.channel, "imagine", "template", "t")
        assert known
        gate = asyncio.Event()

        async def slow() -> object:
            await gate.wait()
            return await FakeServer.catalogue(here.server)

        here.server.catalogue = slow  # type: ignore[assignment, method-assign]
        move(bot, 60)
        # That it is answered before the servers are is what counts.
        assert await here.alice.autocomplete(here.channel, "imagine", "template", "t") == known
        gate.set()


async def test_suggestions_come_within_a_second_while_the_disk_is_slow(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert discord_bot.SUGGESTING_SECONDS < 1
    monkeypatch.setattr(discord_bot, "SUGGESTING_SECONDS", 0.05)
    async with here.bot():

        async def never(*_: object) -> object:
            return await asyncio.Event().wait()

        monkeypatch.setattr(UseCases, "my_jobs", never)
        assert await here.alice.autocomplete(here.channel, "cancel", "job", "a") == []
