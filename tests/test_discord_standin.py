"""The stand-in of Discord: people do things, the real discord.py answers, and both see the same."""

from __future__ import annotations

import io
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.support.discord import Answer, CannotUse, DiscordWorld, Nitro, Upload
from tests.support.discord.check_components import TEXT_DISPLAY
from tests.support.discord.small_bot import Again, SmallBot, running, staged


def view_of(*items: discord.ui.Item[Any]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view


async def test_a_command_is_answered() -> None:
    async with staged() as stage:
        reply = await stage.alice.slash(stage.channel, "do")
        await reply.acknowledged(within=3)
        assert reply.answer is Answer.MESSAGE
        assert reply.content == "hello"
        assert not reply.ephemeral
        assert [message.content for message in stage.channel.shown] == ["hello"]
        (look,) = reply.history
        assert reply.interaction.answered_at is not None
        assert abs(look.at - reply.interaction.answered_at) < 1000, "the clock is read twice"


async def test_discord_py_points_there_and_back() -> None:
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE
    async with DiscordWorld() as world:
        assert world.api_url == Route.BASE
        assert str(DiscordWebSocket.DEFAULT_GATEWAY) == world.gateway_url
        assert world.cdn.base == Asset.BASE
    assert before == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE)
    async with DiscordWorld(point=False):
        assert before == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE)


async def test_options_of_every_type_arrive() -> None:
    bot = SmallBot()
    seen: dict[str, Any] = {}

    @bot.tree.command(name="all", description="All options")
    @app_commands.choices(style=[app_commands.Choice(name="Ink", value="ink")])
    async def everything(
        interaction: discord.Interaction,
        text: app_commands.Range[str, 1, 10],
        whole: app_commands.Range[int, 1, 50],
        part: float,
        sure: bool,
        who: discord.Member,
        where: discord.TextChannel,
        role: discord.Role,
        image: discord.Attachment,
        style: app_commands.Choice[str],
    ) -> None:
        seen.update(list(interaction.namespace))
        seen["bytes"] = await image.read()
        await interaction.response.send_message("ok", ephemeral=True)

    async with staged(bot) as stage:
        bob, role = stage.guild.member("bob"), stage.guild.role("patrons")
        picture = Upload.picture((30, 20), "a fox.png")
        given: dict[str, Any] = {
            "text": "a fox",
            "whole": 7,
            "part": 0.5,
            "sure": True,
            "who": bob,
            "where": stage.channel,
            "role": role,
            "image": picture,
            "style": "Ink",
        }
        reply = await (await stage.alice.slash(stage.channel, "all", **given)).acknowledged()
        assert reply.ephemeral
        assert {key: seen[key] for key in ("text", "whole", "part", "sure", "style")} == {
            **{key: given[key] for key in ("text", "whole", "part", "sure")},
            "style": "ink",
        }
        assert (seen["who"].id, seen["where"].id, seen["role"].id) == (bob.id, stage.channel.id, role.id)
        assert (seen["image"].filename, seen["image"].width, seen["image"].height) == ("a_fox.png", 30, 20)
        assert seen["image"].ephemeral
        assert seen["bytes"] == picture.content
        for wrong in (
            {"text": "much too long a text"},
            {"text": ""},
            {"whole": 51},
            {"whole": 1.5},
            {"style": "Oil"},
            {"nothing": 1},
            {"sure": "yes"},
        ):
            with pytest.raises(CannotUse):
                await stage.alice.slash(stage.channel, "all", **{**given, **wrong})
        del given["image"]
        with pytest.raises(CannotUse, match="image is required"):
            await stage.alice.slash(stage.channel, "all", **given)


async def test_subcommands() -> None:
    bot = SmallBot()
    admin = app_commands.Group(name="admin", description="For operators")
    quota = app_commands.Group(name="quota", description="Quotas", parent=admin)

    @quota.command(name="show", description="Show it")
    async def show(interaction: discord.Interaction, who: discord.User) -> None:
        await interaction.response.send_message(f"quota of {who.name}")

    bot.tree.add_command(admin)
    async with staged(bot) as stage:
        reply = await stage.alice.slash(stage.channel, "admin quota show", who=stage.alice)
        await reply.acknowledged()
        assert reply.content == "quota of alice"
        for wrong in ("admin", "admin quota", "admin quota hide", "else"):
            with pytest.raises(CannotUse):
                await stage.alice.slash(stage.channel, wrong)


async def test_autocomplete() -> None:
    bot = SmallBot()
    heard: list[tuple[str, Any]] = []

    @bot.tree.command(name="paint", description="Paint")
    async def paint(interaction: discord.Interaction, model: str, steps: int = 20) -> None:
        await interaction.response.send_message(model)

    @paint.autocomplete("model")
    async def suggest(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        heard.append((typed, interaction.namespace.steps))
        return [app_commands.Choice(name=f"{typed} {n}", value=f"v{n}") for n in range(2)]

    async with staged(bot) as stage:
        choices = await stage.alice.autocomplete(stage.channel, "paint", "model", "sdx", steps=5)
        assert choices == [("sdx 0", "v0"), ("sdx 1", "v1")]
        assert heard == [("sdx", 5)]
        with pytest.raises(CannotUse, match="not completed"):
            await stage.alice.autocomplete(stage.channel, "paint", "steps", "1")


async def test_buttons_menus_and_who_may_use_them() -> None:
    menu: discord.ui.Select[discord.ui.View] = discord.ui.Select(
        custom_id="size",
        options=[
            discord.SelectOption(label="Small", value="s"),
            discord.SelectOption(label="Large", value="l"),
        ],
    )
    off: discord.ui.Button[discord.ui.View] = discord.ui.Button(label="Off", custom_id="off", disabled=True)
    link: discord.ui.Button[discord.ui.View] = discord.ui.Button(label="Web", url="https://example.org/")

    async def chosen(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"chose {menu.values}", ephemeral=True)

    menu.callback = chosen  # type: ignore[method-assign]

    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pick", view=view_of(menu, Again(7), off, link))

    async with staged() as stage:
        reply = await stage.do(act)
        bob = stage.guild.member("bob")
        answer = await (await bob.choose(reply.menu("size"), "Large")).acknowledged()
        assert answer.content == "chose ['l']"
        assert answer.ephemeral
        pressed = await (await bob.press(reply.button("Again"))).acknowledged()
        assert pressed.answer is Answer.UPDATE
        assert pressed.message == reply.message
        assert reply.content == "again 7"
        assert [look.content for look in reply.history] == ["pick", "again 7"]
        for wrong in (reply.button("Off"), reply.button("Web")):
            with pytest.raises(CannotUse):
                await bob.press(wrong)
        with pytest.raises(CannotUse):
            await bob.choose(reply.menu("size"), "Huge")
        with pytest.raises(AssertionError, match="no button"):
            reply.button("Nowhere")


async def test_buttons_of_a_former_process_work() -> None:
    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("old", view=view_of(Again(42)))

    async with staged() as stage:
        reply = await stage.do(act)
        await stage.bot.close()
        await stage.discord.gateway.until_gone()
        with pytest.raises(AssertionError, match="no session"):
            await (await stage.alice.press(reply.button("Again"))).acknowledged()
        async with running(stage.discord):
            await (await stage.alice.press(reply.button("Again"))).acknowledged()
        assert reply.content == "again 42"


async def test_a_modal() -> None:
    class Edit(discord.ui.Modal, title="Edit"):
        prompt: discord.ui.TextInput[Edit] = discord.ui.TextInput(
            label="Prompt", default="a fox", max_length=40
        )
        size = discord.ui.Label(
            text="Size",
            component=discord.ui.Select(
                options=[discord.SelectOption(label="S"), discord.SelectOption(label="L")]
            ),
        )
        file = discord.ui.Label(text="Picture", component=discord.ui.FileUpload(required=False))

        async def on_submit(self, interaction: discord.Interaction) -> None:
            size: Any = self.size.component
            files: Any = self.file.component
            data = await files.values[0].read()
            await interaction.response.send_message(f"{self.prompt.value} {size.values} {data!r}")

    async def act(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Edit())

    async with staged() as stage:
        reply = await (await stage.do(act)).acknowledged()
        assert reply.answer is Answer.MODAL
        assert reply.modal.title == "Edit"
        assert reply.modal.field("Prompt").value == "a fox"
        sent = await stage.alice.fill(
            reply, {"Prompt": "an owl", "Size": "L", "Picture": Upload("a.txt", b"x")}
        )
        await sent.acknowledged()
        assert sent.content == "an owl ['L'] b'x'"
        for wrong in ({"Prompt": "x" * 41}, {"Prompt": ""}, {"Size": "M"}, {}):
            with pytest.raises(CannotUse):
                await stage.alice.fill(reply, wrong)
        with pytest.raises(CannotUse):
            await stage.guild.member("bob").fill(reply, {"Size": "L"})


async def test_context_menus() -> None:
    bot = SmallBot()

    @bot.tree.context_menu(name="Imagine again")
    async def again(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"{message.content} {len(message.attachments)}")

    @bot.tree.context_menu(name="Who is this")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.display_name)

    async with staged(bot) as stage:
        bob = stage.guild.member("bob", nick="Bobby")
        message = await bob.says(stage.channel, "look", Upload.picture())
        reply = await (await stage.alice.use(stage.channel, "Imagine again", message)).acknowledged()
        assert reply.content == "look 1"
        reply = await (await stage.alice.use(stage.channel, "Who is this", bob)).acknowledged()
        assert reply.content == "Bobby"


async def test_direct_messages_and_what_is_offered_where() -> None:
    bot = SmallBot()

    @bot.tree.command(name="operators", description="x")
    @app_commands.default_permissions(manage_guild=True)
    async def operators(interaction: discord.Interaction) -> None: ...

    @bot.tree.command(name="nobody", description="x")
    @app_commands.default_permissions()
    async def nobody(interaction: discord.Interaction) -> None: ...

    @bot.tree.command(name="spicy", description="x", nsfw=True)
    async def spicy(interaction: discord.Interaction) -> None: ...

    @bot.tree.command(name="here", description="x")
    @app_commands.guild_only()
    async def here(interaction: discord.Interaction) -> None: ...

    @bot.tree.command(name="mine", description="x")
    @app_commands.user_install()
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def mine(interaction: discord.Interaction) -> None: ...

    async with staged(bot) as stage:
        admin = stage.guild.member("admin", admin=True)
        owner = stage.discord.owner
        adults = stage.guild.channel("adults", nsfw=True)
        assert set(stage.alice.offered(stage.channel)) == {"do", "here"}
        assert set(admin.offered(stage.channel)) == {"do", "here", "operators"}
        assert set(owner.offered(adults)) == {"do", "here", "operators", "nobody", "spicy"}
        assert set(stage.alice.offered(stage.discord.dm(stage.alice))) == {"do", "operators", "nobody"}
        carol = stage.discord.user("carol", installed=True)
        elsewhere = stage.discord.guild("Elsewhere", bot=False)
        there = elsewhere.channel()
        elsewhere.member(carol)
        assert carol.offered(there) == ["mine"]
        assert carol.offered(stage.discord.group_dm(carol, stage.alice)) == ["mine"]
        reply = await (await stage.alice.slash(stage.discord.dm(stage.alice), "do")).acknowledged()
        assert reply.content == "hello"
        for wrong in ("operators", "spicy", "mine"):
            with pytest.raises(CannotUse):
                await stage.alice.slash(stage.channel, wrong)


async def test_the_new_layout() -> None:
    class Card(discord.ui.LayoutView):
        def __init__(self) -> None:
            super().__init__(timeout=None)
            gallery: discord.ui.MediaGallery[Card] = discord.ui.MediaGallery(
                discord.MediaGalleryItem("attachment://a.png", description="a fox")
            )
            row: discord.ui.ActionRow[Card] = discord.ui.ActionRow(Again(3))
            self.add_item(discord.ui.Container(discord.ui.TextDisplay("**done**"), gallery, row))

    async def act(interaction: discord.Interaction) -> None:
        file = discord.File(discord_bytes(), filename="a.png")
        spare = discord.File(discord_bytes(), filename="b.png")
        await interaction.response.send_message(view=Card(), files=[file, spare])

    async with staged() as stage:
        reply = await stage.do(act)
        assert reply.text == "**done**"
        assert [file.filename for file in reply.attachments] == ["a.png"]
        assert reply.button("Again").custom_id == "again:3"
        assert any(item["type"] == TEXT_DISPLAY for item in reply.shown.raw.items())


def discord_bytes() -> Any:
    return io.BytesIO(Upload.picture().content or b"")


async def test_interactions_say_how_large_files_may_be() -> None:
    async with staged() as stage:
        rich = stage.guild.member("rich", nitro=True)
        basic = stage.guild.member("basic", nitro=Nitro.BASIC)
        limits = []
        for person, tier in ((stage.alice, 0), (stage.alice, 2), (stage.alice, 3), (basic, 3), (rich, 3)):
            stage.guild.boost_tier = tier
            await stage.do(who=person)
            limits.append(stage.bot.interactions[-1].filesize_limit >> 20)
        assert limits == [10, 50, 100, 100, 500]
        stage.guild.boost_tier = 0
        with pytest.raises(CannotUse, match="too large"):
            await stage.alice.slash(stage.channel, "do", image=Upload("big.png", size=11 << 20))
