"""The stand-in of Discord: what messages may contain, and what becomes of their files."""

from __future__ import annotations

import io
import json
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.discord import RateLimits, Reply, Upload
from tests.support.discord import permissions as bits
from tests.support.discord.small_bot import Again, SmallBot, Stage, answer, staged

MIB = 1 << 20
PICTURE = Upload.picture().content or b""


def file(name: str = "a.png", content: bytes = PICTURE, **options: Any) -> discord.File:
    return discord.File(io.BytesIO(content), filename=name, **options)


def code_of(error: discord.HTTPException) -> tuple[int, int]:
    return error.status, error.code


async def test_files_and_their_sizes() -> None:
    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(
            files=[file("SPOILER_my fox.png", description="a fox"), file("b.txt", b"text")]
        )

    def sized(*sizes: int) -> Any:
        async def act(interaction: discord.Interaction) -> None:
            files = [file(f"{n}.bin", bytes(size)) for n, size in enumerate(sizes)]
            await interaction.response.send_message(files=files)

        return act

    async with staged() as stage:
        reply = await stage.do(act)
        first, second = reply.attachments
        assert (first.filename, first.title) == ("SPOILER_my_fox.png", "SPOILER_my fox")
        assert (first.description, first.width, first.content_type) == ("a fox", 64, "image/png")
        assert first.spoiler
        assert first.content == PICTURE
        assert second.content == b"text"
        assert len((await stage.do(sized(10 * MIB, 10 * MIB))).attachments) == 2
        assert code_of(await stage.refused(sized(10 * MIB + 1))) == (413, 40005)
        assert code_of(await stage.refused(sized(9 * MIB, 9 * MIB, 9 * MIB))) == (413, 40005)
        stage.guild.boost_tier = 2
        assert len((await stage.do(sized(11 * MIB))).attachments) == 1
        place = stage.bot.get_partial_messageable(stage.channel.id)
        await place.send(file=file("c.bin", bytes(11 * MIB)))
        stage.guild.boost_tier = 0
        with pytest.raises(discord.HTTPException) as caught:
            await stage.bot.get_partial_messageable(stage.channel.id).send(
                file=file("c.bin", bytes(11 * MIB))
            )
        assert code_of(caught.value) == (413, 40005)


async def test_edits_keep_what_they_list_and_drop_the_rest() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        reply = await stage.do(lambda i: i.response.send_message("x", files=[file("a.png"), file("b.png")]))
        interaction = stage.bot.interactions[-1]
        message = await interaction.original_response()
        await interaction.edit_original_response(content="y")
        assert names(reply) == ["a.png", "b.png"]
        await interaction.edit_original_response(attachments=[message.attachments[1], file("c.png")])
        assert names(reply) == ["b.png", "c.png"]
        await interaction.edit_original_response(attachments=[file(f"{n}.png") for n in range(10)])
        assert len(reply.attachments) == 10
        path = f"/channels/{stage.channel.id}/messages/{reply.shown.id}"
        status, answered = await stage.request({"attachments": [{"id": "99"}]}, "PATCH", path)
        assert (status, answered["code"]) == (400, 50035)
        eleven = [{"id": str(each.id)} for each in reply.attachments] + [{"id": "0"}]
        assert (await post_form(stage, reply, {"attachments": eleven}))[1]["code"] == 50035
        assert (await post_form(stage, reply, {}))[1]["code"] == 30015
        await interaction.edit_original_response(attachments=[])
        assert names(reply) == []
        assert (await post_form(stage, reply, {}))[0] == 200
        assert names(reply) == ["new.png"]
        assert [len(look.attachments) for look in reply.history] == [2, 2, 2, 10, 0, 1]


def names(reply: Reply) -> list[str]:
    return [each.filename for each in reply.attachments]


async def post_form(stage: Stage, reply: Reply, payload: object) -> tuple[int, Any]:
    """An edit of a message with a new file."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", json.dumps(payload))
    form.add_field("files[0]", PICTURE, filename="new.png", content_type="image/png")
    headers = {"Authorization": f"Bot {stage.discord.token}"}
    url = f"{stage.discord.api_url}/channels/{stage.channel.id}/messages/{reply.shown.id}"
    async with aiohttp.ClientSession(headers=headers) as http, http.patch(url, data=form) as response:
        return response.status, await response.json()


async def test_files_that_embeds_show_are_not_listed() -> None:
    shows_it = discord.Embed(title="x").set_image(url="attachment://a.png")

    async with staged(limits=RateLimits.off()) as stage:
        reply = await stage.do(lambda i: i.response.send_message(embed=shows_it, file=file()))
        interaction = stage.bot.interactions[-1]
        message = await interaction.original_response()
        assert message.attachments == []
        assert reply.attachments == []
        assert names_of_files(reply) == ["a.png"]
        url = reply.embeds[0]["image"]["url"]
        assert stage.discord.cdn.file_at(url) is reply.shown.files[0]
        # An embed that comes back with the address instead of the name shows the file a second time.
        await interaction.edit_original_response(embed=message.embeds[0])
        assert names(reply) == ["a.png"]
        await interaction.edit_original_response(
            embed=discord.Embed().set_image(url="attachment://no.png"), content=""
        )
        assert "image" not in reply.embeds[0]


def names_of_files(reply: Reply) -> list[str]:
    return [each.filename for each in reply.shown.files]


async def test_an_old_message_becomes_one_of_the_new_layout() -> None:
    class Card(discord.ui.LayoutView):
        text: discord.ui.TextDisplay[Card] = discord.ui.TextDisplay("new")

    async with staged() as stage:
        reply = await stage.do()
        interaction = stage.bot.interactions[-1]
        with pytest.raises(discord.HTTPException) as caught:
            await interaction.edit_original_response(view=Card())
        assert code_of(caught.value) == (400, 50035)
        await interaction.edit_original_response(view=Card(), content=None, embeds=[])
        assert reply.text == "new"
        with pytest.raises(discord.HTTPException):
            await interaction.edit_original_response(content="old again", view=None)


async def test_who_is_notified() -> None:
    text = "@everyone @here <@{}> <@&{}> `@everyone`"

    async with staged(limits=RateLimits.off()) as stage:
        bob, role = stage.guild.member("bob"), stage.guild.role("patrons")
        said = text.format(bob.id, role.id)
        people = {f"user:{bob.id}", f"role:{role.id}"}
        reply = await stage.do(lambda i: i.response.send_message(said))
        assert reply.shown.pinged == people
        stage.guild.update_role(stage.guild.bot_role, bits.USUAL | bits.MENTION_EVERYONE)
        reply = await stage.do(lambda i: i.response.send_message(said))
        assert reply.shown.pinged == people | {"everyone", "here"}
        none = discord.AllowedMentions.none()
        reply = await stage.do(lambda i: i.response.send_message(said, allowed_mentions=none))
        assert reply.shown.pinged == set()
        only = discord.AllowedMentions(everyone=False, users=[discord.Object(bob.id)], roles=False)
        reply = await stage.do(lambda i: i.response.send_message(said, allowed_mentions=only))
        assert reply.shown.pinged == {f"user:{bob.id}"}
        in_embed = discord.Embed(description=said)
        reply = await stage.do(lambda i: i.response.send_message(embed=in_embed))
        assert reply.shown.pinged == set()
        await stage.bot.interactions[-1].edit_original_response(content="@everyone")
        assert reply.shown.pinged == {"everyone"}


async def test_a_nonce_makes_one_message_of_two() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        body = {"content": "x", "nonce": "7", "enforce_nonce": True}
        (_, first), (_, second) = await stage.request(body), await stage.request(body)
        assert first["id"] == second["id"]
        assert first["nonce"] == "7"
        await stage.request({"content": "x", "nonce": "7"})
        await stage.request({**body, "nonce": "8"})
        assert len(stage.channel.shown) == 3


async def test_what_the_bot_may_in_a_channel() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        place = stage.bot.get_partial_messageable(stage.channel.id, guild_id=stage.guild.id)
        own = await place.send("x")
        others = await stage.alice.says(stage.channel, "mine")
        attempts: list[tuple[int, Any, tuple[int, int]]] = [
            (bits.ATTACH_FILES, lambda: place.send(file=file()), (403, 50013)),
            (bits.ATTACH_FILES, lambda: own.edit(attachments=[file()]), (403, 50013)),
            (bits.EMBED_LINKS, lambda: place.send(embed=discord.Embed(title="x")), (403, 50013)),
            (bits.SEND_MESSAGES, lambda: place.send("x"), (403, 50013)),
            (bits.READ_MESSAGE_HISTORY, lambda: place.fetch_message(own.id), (403, 50013)),
            (bits.VIEW_CHANNEL, lambda: own.edit(content="y"), (403, 50001)),
            (bits.VIEW_CHANNEL, lambda: place.send("x"), (403, 50001)),
        ]
        for missing, attempt, code in attempts:
            await attempt()
            stage.channel.deny(stage.discord.bot, missing)
            with pytest.raises(discord.Forbidden) as caught:
                await attempt()
            assert code_of(caught.value) == code
            # Answers to interactions do not depend on the bot's place in the channel.
            assert (await stage.do(lambda i: i.response.send_message("z", file=file()))).attachments
            stage.channel.allow(stage.discord.bot, missing)
        stage.channel.deny(stage.discord.bot, bits.VIEW_CHANNEL)
        await stage.do()
        assert stage.bot.interactions[-1].app_permissions == discord.Permissions.none()
        stage.channel.allow(stage.discord.bot, bits.VIEW_CHANNEL)
        with pytest.raises(discord.Forbidden) as caught:
            await place.get_partial_message(others.id).edit(content="not mine")
        assert code_of(caught.value) == (403, 50005)
        with pytest.raises(discord.Forbidden):
            await place.get_partial_message(others.id).delete()
        stage.guild.remove_bot()
        with pytest.raises(discord.Forbidden) as caught:
            await place.send("x")
        assert code_of(caught.value) == (403, 50001)


async def test_what_is_deleted_is_unknown() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        reply = await stage.do()
        place = stage.bot.get_partial_messageable(stage.channel.id)
        message = place.get_partial_message(reply.shown.id)
        await message.delete()
        assert reply.shown.deleted
        for attempt in (lambda: message.edit(content="x"), message.delete, message.fetch):
            with pytest.raises(discord.NotFound) as caught:
                await attempt()
            assert code_of(caught.value) == (404, 10008)
        await stage.do(answer)
        interaction = stage.bot.interactions[-1]
        stage.channel.delete()
        with pytest.raises(discord.NotFound) as caught:
            await place.send("x")
        assert code_of(caught.value) == (404, 10003)
        with pytest.raises(discord.NotFound) as caught:
            await interaction.edit_original_response(content="x")
        assert code_of(caught.value) == (404, 10008)
        with pytest.raises(discord.NotFound) as caught:
            await interaction.followup.send("x")
        assert code_of(caught.value) == (404, 10003)


async def test_threads() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        thread = stage.channel.thread()
        place = stage.bot.get_partial_messageable(thread.id)
        message = await place.send("x")
        thread.archived = True
        with pytest.raises(discord.HTTPException) as caught:
            await message.edit(content="y")
        assert code_of(caught.value) == (400, 50083)
        await place.send("wakes it")
        await message.edit(content="y")
        stage.channel.deny(stage.discord.bot, bits.SEND_MESSAGES_IN_THREADS)
        with pytest.raises(discord.Forbidden):
            await place.send("x")
        stage.channel.allow(stage.discord.bot, bits.SEND_MESSAGES_IN_THREADS)
        thread.archived = thread.locked = True
        with pytest.raises(discord.Forbidden):
            await place.send("x")


async def test_direct_messages() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        user = await stage.bot.fetch_user(stage.alice.id)
        message = await user.send("done", file=file())
        dm = stage.discord.dm(stage.alice)
        assert [each.content for each in dm.shown] == ["done"]
        await message.edit(content="changed")
        assert dm.shown[0].content == "changed"
        stage.alice.dms_open = False
        with pytest.raises(discord.Forbidden) as caught:
            await user.send("x")
        assert code_of(caught.value) == (403, 50007)
        stranger = stage.discord.user("stranger")
        with pytest.raises(discord.Forbidden) as caught:
            await (await stage.bot.fetch_user(stranger.id)).send("x")
        assert code_of(caught.value) == (403, 50278)
        stranger.installed = True
        await (await stage.bot.fetch_user(stranger.id)).send("x")


async def test_messages_reach_those_who_subscribed() -> None:
    intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
    heard: list[tuple[str, str]] = []

    class Listener(SmallBot):
        async def on_message(self, message: discord.Message) -> None:
            heard.append((message.author.name, f"{message.content} {len(message.attachments)}"))

        async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
            heard.append(("edit", payload.message.content))

    async with staged(Listener(intents=intents)) as stage:
        await stage.alice.says(stage.channel, "secret", Upload.picture())
        await stage.alice.says(stage.discord.dm(stage.alice), "for you", Upload.picture())
        reply = await stage.do(
            lambda i: i.response.send_message("x", view=discord.ui.View().add_item(Again(1)))
        )
        await (await stage.alice.press(reply.button("Again"))).acknowledged()
        for _ in range(2):
            await stage.do(lambda i: i.response.send_message("private", ephemeral=True))
        # Without the content intent what others say is empty, except in direct messages.
        assert heard == [("alice", " 0"), ("alice", "for you 1"), ("fairbrush", "x 0"), ("edit", "again 1")]
