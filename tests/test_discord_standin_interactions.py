"""The stand-in of Discord: deadlines and tokens of interactions, against the real discord.py."""

from __future__ import annotations

import asyncio

import discord
import pytest

from tests.support.discord import Answer, Pauses, RateLimits, Reply
from tests.support.discord.small_bot import Again, Stage, answer, defer, staged
from tests.support.service import FakeClock


def code_of(error: discord.HTTPException) -> tuple[int, int]:
    return error.status, error.code


async def raw(stage: Stage, reply: Reply, body: object, *, token: str = "") -> tuple[int, int]:
    """A first response of somebody who does not use a library."""
    session = stage.bot.http._HTTPClient__session  # type: ignore[attr-defined]
    way = f"interactions/{reply.interaction.id}/{token or reply.interaction.token}/callback"
    async with session.post(f"{stage.discord.api_url}/{way}", json=body) as response:
        answered = await response.json() if response.status != 204 else {}
        return response.status, answered.get("code", 0)


async def nothing(_: discord.Interaction) -> None:
    """Not a word."""


async def test_three_seconds_to_the_first_response() -> None:
    clock = FakeClock()

    async def late(interaction: discord.Interaction) -> None:
        clock.advance(3.001)
        await answer(interaction)

    async def in_time(interaction: discord.Interaction) -> None:
        clock.advance(2.999)
        await answer(interaction)

    async with staged(clock=clock.as_clock()) as stage:
        assert code_of(await stage.refused(late, discord.NotFound)) == (404, 10062)
        reply = await stage.do(in_time)
        assert reply.seconds == 2.999
        with pytest.raises(AssertionError, match=r"2\.999 s"):
            await reply.acknowledged(within=2)
        reply = await stage.do(nothing)
        assert not reply.failed
        clock.advance(4)
        assert reply.failed


async def test_fifteen_minutes_for_the_rest_counted_from_the_id() -> None:
    async def edit(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="done")

    async def follow(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.followup.send("more")

    async with staged() as stage:
        reply = await stage.do(edit, sent_ago=14.9 * 60)
        assert reply.content == "done"
        assert reply.seconds is not None
        assert reply.seconds < 3
        for act in (edit, follow):
            caught: list[discord.HTTPException] = []

            async def careful(interaction: discord.Interaction, act=act, caught=caught) -> None:  # type: ignore[no-untyped-def]
                assert interaction.is_expired()
                try:
                    await act(interaction)
                except discord.HTTPException as error:
                    caught.append(error)

            reply = await stage.do(careful, sent_ago=15.1 * 60)
            assert code_of(caught[0]) == (401, 50027)
            assert reply.shown.loading


async def test_after_the_token_the_channel_goes_on() -> None:
    async with staged() as stage:
        reply = await stage.do(answer, sent_ago=16 * 60)
        partial = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
        await partial.get_partial_message(reply.shown.id).edit(content="finished")
        assert reply.content == "finished"
        (call,) = stage.discord.calls("update_message")
        assert call.status == 200
        reply = await stage.do(answer)
        reply.expire()
        with pytest.raises(discord.HTTPException) as caught:
            await stage.bot.interactions[-1].edit_original_response(content="never")
        assert code_of(caught.value) == (401, 50027)


async def test_answered_once() -> None:
    async def twice(interaction: discord.Interaction) -> None:
        await answer(interaction)
        interaction.response._response_type = None
        await answer(interaction)

    async with staged() as stage:
        assert code_of(await stage.refused(twice)) == (400, 40060)


async def test_a_lost_answer_is_answered_already_when_it_is_repeated() -> None:
    pauses = Pauses()
    async with staged(pauses=pauses) as stage:
        stage.discord.faults.lose_answer("create_interaction_response")
        error = await stage.refused(answer)
        assert code_of(error) == (400, 40060)
        assert pauses.taken == [1]
        assert [message.content for message in stage.channel.shown] == ["hello"]


async def test_one_error_costs_a_second_two_the_deadline() -> None:
    clock = FakeClock()
    pauses = Pauses(clock.advance)
    async with staged(clock=clock.as_clock(), pauses=pauses) as stage:
        stage.discord.faults.fail("create_interaction_response", 500)
        reply = await stage.do()
        assert reply.seconds == 1
        stage.discord.faults.fail("create_interaction_response", 500, times=2)
        assert code_of(await stage.refused(answer, discord.NotFound)) == (404, 10062)
        assert pauses.taken == [1, 1, 3]


async def test_before_the_first_response_there_is_nothing_to_edit() -> None:
    async def hasty(interaction: discord.Interaction) -> None:
        await interaction.edit_original_response(content="too soon")

    async with staged() as stage:
        assert code_of(await stage.refused(hasty, discord.NotFound)) == (404, 10015)


async def test_unknown_interactions_tokens_and_messages() -> None:
    async with staged() as stage:
        reply = await stage.do(nothing)
        message = {"type": 4, "data": {"content": "x"}}
        assert await raw(stage, reply, message, token="nonsense") == (404, 10062)
        assert await raw(stage, reply, {"type": 7}) == (400, 50035)
        assert await raw(stage, reply, {"type": 8, "data": {"choices": []}}) == (400, 50035)
        assert await raw(stage, reply, {"type": 4, "data": {}}) == (400, 50006)
        assert await raw(stage, reply, message) == (204, 0)
        assert await raw(stage, reply, message) == (400, 40060)

        async def wrong_message(interaction: discord.Interaction) -> None:
            await answer(interaction)
            await interaction.followup.edit_message(reply.shown.id, content="not mine")

        assert code_of(await stage.refused(wrong_message, discord.NotFound)) == (404, 10008)

        async def gone(interaction: discord.Interaction) -> None:
            await answer(interaction)
            await interaction.delete_original_response()
            await interaction.edit_original_response(content="gone")

        assert code_of(await stage.refused(gone, discord.NotFound)) == (404, 10008)


async def test_private_answers_know_only_their_token() -> None:
    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="psst")

    async with staged() as stage:
        reply = await stage.do(act)
        assert reply.ephemeral
        assert stage.channel.shown == []
        partial = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
        for doing in ("edit", "fetch", "delete"):
            message = partial.get_partial_message(reply.shown.id)
            with pytest.raises(discord.NotFound) as caught:
                await (message.edit(content="x") if doing == "edit" else getattr(message, doing)())
            assert code_of(caught.value) == (404, 10008)
        await stage.bot.interactions[-1].edit_original_response(content="still")
        assert reply.content == "still"


async def test_the_deferral_settles_who_sees_it() -> None:
    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=False)
        await interaction.followup.send("for all?", ephemeral=True)
        await interaction.followup.send("for one", ephemeral=True)

    async with staged() as stage:
        reply = await stage.do(act)
        assert reply.content == "for all?"
        assert not reply.ephemeral
        assert [each.content for each in reply.followups] == ["for one"]
        assert reply.followups[0].ephemeral
        assert [look.loading for look in reply.history] == [True, False]


async def test_a_repeated_follow_up_is_there_twice() -> None:
    async def act(interaction: discord.Interaction) -> None:
        await answer(interaction)
        await interaction.followup.send("picture")

    async with staged(pauses=Pauses()) as stage:
        stage.discord.faults.lose_answer("execute_webhook")
        reply = await stage.do(act)
        assert [each.content for each in reply.followups] == ["picture", "picture"]


async def test_components_answer_on_their_message_or_anew() -> None:
    async def first(interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None).add_item(Again(1))
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(label="Act", custom_id="act")
        button.callback = lambda interaction: stage.bot.act(interaction)  # type: ignore[method-assign]
        await interaction.response.send_message("x", view=view.add_item(button))

    async def deferred_update(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="changed")
        await interaction.followup.send("beside", ephemeral=True)

    async with staged() as stage:
        reply = await stage.do(first)
        button = reply.button("Act")
        pressed = await stage.finished(stage.alice.press(button), deferred_update)
        assert pressed.answer is Answer.DEFERRED_UPDATE
        assert reply.content == "changed"
        assert [each.content for each in pressed.followups] == ["beside"]
        pressed = await stage.finished(stage.alice.press(button), answer)
        assert pressed.content == "hello"
        assert pressed.shown != reply.shown

        class Ask(discord.ui.Modal, title="?"):
            text: discord.ui.TextInput[Ask] = discord.ui.TextInput(label="Text")

            async def on_submit(self, interaction: discord.Interaction) -> None:
                await interaction.response.edit_message(content=self.text.value)

        async def ask(interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(Ask())

        pressed = await stage.finished(stage.alice.press(button), ask)
        await (await stage.alice.fill(pressed, Text="typed")).acknowledged()
        assert reply.content == "typed"


async def test_apps_of_users_in_foreign_guilds() -> None:
    async def many(interaction: discord.Interaction) -> None:
        await answer(interaction)
        for number in range(6):
            await interaction.followup.send(str(number))

    async with staged(limits=RateLimits.off()) as stage:
        command = stage.bot.tree.get_command("do")
        assert isinstance(command, discord.app_commands.Command)
        command.allowed_installs = discord.app_commands.AppInstallationType(guild=True, user=True)
        command.allowed_contexts = discord.app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        )
        await stage.bot.tree.sync()
        carol = stage.discord.user("carol", installed=True)
        elsewhere = stage.discord.guild("Elsewhere", bot=False)
        elsewhere.member(carol)
        there = elsewhere.channel()
        caught: list[discord.HTTPException] = []

        async def careful(interaction: discord.Interaction) -> None:
            assert interaction.is_user_integration()
            assert not interaction.is_guild_integration()
            try:
                await many(interaction)
            except discord.HTTPException as error:
                caught.append(error)

        reply = await stage.finished(carol.slash(there, "do"), careful)
        assert code_of(caught[0]) == (400, 40094)
        assert len(reply.followups) == 5
        partial = stage.bot.get_partial_messageable(there.id)
        with pytest.raises(discord.Forbidden) as refused:
            await partial.get_partial_message(reply.shown.id).edit(content="x")
        assert code_of(refused.value) == (403, 50001)
        elsewhere.update_role(elsewhere.everyone, elsewhere.everyone.permissions & ~(1 << 50))
        reply = await stage.finished(carol.slash(there, "do"))
        assert reply.ephemeral


async def test_requests_can_be_held_and_are_recorded() -> None:
    async with staged() as stage:
        held = stage.discord.faults.hold("create_interaction_response", times=1)
        stage.bot.act = defer
        reply = await stage.alice.slash(stage.channel, "do")
        await held.arrived.wait()
        assert reply.answer is None
        held.release()
        await reply.acknowledged()
        (call,) = stage.discord.calls("create_interaction_response")
        assert call.json == {"type": 5}
        assert (call.status, call.query) == (200, {"with_response": "1"})
        await asyncio.sleep(0)
