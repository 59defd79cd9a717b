"""Rules of single places; and that every way of asking meets them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import NsfwRefused, TemplateNotHere, WordsBlocked
from bot.domain.ids import IdentityId, TemplateName
from bot.domain.moderation import BlockedWords
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_denied import error_card
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.presentation.spec_suggest import Context, suggest
from bot.presentation.specs import build_index, make_commands
from bot.service.acceptance import Receipt
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage, check_image
from bot.service.moderation import HouseRules, PlaceRules, key_of
from bot.service.operator import ShellAsk
from bot.service.outcomes import Call, Tell
from tests.support.service import START, Bot, bot_at_work
from tests.support.templates import SHIPPED, WORKFLOWS, shipped

HERE, GROUP = "discord:guild:7", "telegram:chat:-456"
ANN = IdentityId("discord:1")
PLACES: list[dict[str, Any]] = [
    {"place": "discord:7", "blocked_words": ["rude"], "nsfw": "block", "templates": ["Text-to-Image", "act"]},
    {"place": "telegram:-456", "nsfw": "allow"},
    {"place": "discord:8", "templates": ["upscale", "gone"]},
    {"place": "discord:9", "templates": ["gone"]},
]


def asker(place: str = "") -> Asker:
    return Asker(ANN, "ann", place=place)


def origin(**more: Any) -> Origin:
    return Origin("discord", str(uuid.uuid4()), **more)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    folder = tmp_path / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    shutil.copy(folder / "text-to-image.json", folder / "act.json")
    (folder / "act.toml").write_text('title = "Act"\nnsfw = true\n', encoding="utf-8")
    shutil.copy(folder / "image-to-image.json", folder / "redo.json")
    moderation = {"blocked_words": ["gory"], "places": PLACES}
    tiers = {"default": {"max_waiting": 100}}
    async with bot_at_work(tmp_path, workflows_dir=str(folder), moderation=moderation, tiers=tiers) as bot:
        bot.server.picture = lambda: PICTURE_OF["plain"]
        yield bot


async def ask(bot: Bot, line: str, place: str = "", **more: Any) -> Receipt:
    images: dict[str, InputImage] = more.pop("images", {})
    (receipt,) = await bot.service.usecases.imagine(
        parse_line(line, SHELL), asker(place), origin(**more), images
    )
    return receipt


async def painted(bot: Bot, line: str, place: str = "", **more: Any) -> Receipt:
    receipt = await ask(bot, line, place, **more)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)
    return receipt


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("discord:guild:123", "discord:123"),
        ("telegram:chat:-456", "telegram:-456"),
        ("discord:123", "discord:123"),
        ("discord", "discord:"),
    ],
)
def test_places_are_called_as_in_the_config(place: str, key: str) -> None:
    assert key_of(place) == key


# Words


async def test_the_words_of_a_place_hold_there_besides_the_bot_s(bot: Bot) -> None:
    with pytest.raises(WordsBlocked, match="not allowed in this place"):
        await ask(bot, "a r-u-d-e fox", HERE)
    for place in ("", GROUP, "telegram:chat:7", "discord:guild:77"):
        await ask(bot, "a rude fox", place)
    for place in ("", HERE, GROUP):
        with pytest.raises(WordsBlocked, match="operator of this bot"):
            await ask(bot, "a gory fox, rude", place)


Way = Callable[[Bot, Receipt, str, str], Awaitable[object]]
"""A way to ask for a text in a place, from a picture that somebody made elsewhere."""


async def _typed(bot: Bot, _: Receipt, text: str, place: str) -> object:
    return await bot.service.reception.paint(parse_line(text), asker(place), origin(), {})


async def _negative(bot: Bot, _: Receipt, text: str, place: str) -> object:
    asked = Ask(prompt_text="a fox", negative_text=text)
    return await bot.service.reception.paint(asked, asker(place), origin(), {})


async def _parameter(bot: Bot, _: Receipt, text: str, place: str) -> object:
    asked = Ask(prompt_text="a fox", values={"negative": text})
    return await bot.service.reception.paint(asked, asker(place), origin(), {})


async def _default(bot: Bot, _: Receipt, text: str, place: str) -> object:
    await bot.store.person(ANN, name="", at=START)
    asked = parse_line(f"{text} --template text-to-image")
    return await bot.service.reception.paint(asked, asker(place), origin(command="upscale"), {})


async def _answered(bot: Bot, receipt: Receipt, text: str, place: str) -> object:
    request = receipt.accepted.request.id
    return await bot.service.reception.reword(request, text, asker(place), origin())


async def _form(bot: Bot, receipt: Receipt, text: str, place: str) -> object:
    request = receipt.accepted.request.id
    form = await bot.service.reception.follow_ups.edit_form(request, asker(place))
    fields = {field.name: field.value or "" for field in form.fields} | {form.fields[0].name: text}
    return await bot.service.reception.fill(OnRequest(Verb.EDIT, request), fields, asker(place), origin())


async def _form_of_a_picture(bot: Bot, receipt: Receipt, text: str, place: str) -> object:
    image = await picture_of(bot, receipt)
    follow_ups = bot.service.reception.follow_ups
    form = follow_ups.edit_picture_form("key")
    fields = {field.name: field.value or "" for field in form.fields} | {form.fields[0].name: text}
    return await follow_ups.edited_picture(fields, image, asker(place), origin())


async def _shell(bot: Bot, _: Receipt, text: str, place: str) -> object:
    assert not place
    return await bot.service.operator.submit(
        ShellAsk(text, IdentityId("shell:root"), "root", str(uuid.uuid4()))
    )


def _press(verb: Verb) -> Way:
    async def press(bot: Bot, receipt: Receipt, text: str, place: str) -> object:
        """The picture had those words where it was made."""
        assert receipt.accepted.request.prompt_text == text
        action = OnRequest(verb, receipt.accepted.request.id, index=1)
        return await bot.service.reception.press(action, asker(place), origin())

    return press


async def picture_of(bot: Bot, receipt: Receipt) -> InputImage:
    (kept,), _ = await bot.store.results(receipt.accepted.jobs[0].id)
    content = (bot.settings.data_dir / kept.file.path).read_bytes()
    return await check_image(content, "picture")


TYPING = [_typed, _negative, _parameter, _default, _answered, _form, _form_of_a_picture]
PRESSING = [_press(verb) for verb in (Verb.REROLL, Verb.AGAIN, Verb.VARIATION)]


async def test_no_way_of_saying_it_leads_past_the_words(bot: Bot) -> None:
    receipt = await painted(bot, "a boat")
    for way in (*TYPING, _shell):
        with pytest.raises(WordsBlocked, match="operator of this bot"):
            await way(bot, receipt, "a g\u200bоry fox", "")
    for way in TYPING:
        with pytest.raises(WordsBlocked, match="in this place"):
            await way(bot, receipt, "a rude fox", HERE)
        await way(bot, receipt, "a calm fox", GROUP)


async def test_what_was_made_elsewhere_obeys_the_place_where_it_is_asked_for_now(bot: Bot) -> None:
    receipt = await painted(bot, "a rude fox", GROUP)
    for way in PRESSING:
        with pytest.raises(WordsBlocked, match="in this place"):
            await way(bot, receipt, "a rude fox", HERE)
        await way(bot, receipt, "a rude fox", "")
        await way(bot, receipt, "a rude fox", GROUP)


# Templates


async def test_only_the_templates_of_the_place(bot: Bot) -> None:
    with pytest.raises(TemplateNotHere) as refused:
        await ask(bot, "a fox --template flux", HERE)
    assert "template flux may not be used in this place" in str(refused.value)
    assert "act, text-to-image" in str(refused.value)
    assert "other templates" in str(error_card(refused.value).headline)
    await ask(bot, "a fox --template text-to-image", HERE)
    for place in ("", GROUP):
        await ask(bot, "a fox --template flux", place)
    with pytest.raises(TemplateNotHere, match="No template may be used"):
        await ask(bot, "a fox", "discord:guild:9")


async def test_who_names_none_gets_one_that_may_be_used(bot: Bot) -> None:
    library = bot.service.usecases.shelf.library
    moderation = bot.service.usecases.gate.moderation
    for name in ("flux", "text-to-image-lora"):
        moderation.house = HouseRules(BlockedWords([]), places={"discord:7": PlaceRules(templates=(name,))})
        assert (await ask(bot, "a fox", HERE)).template.name == name
    assert len(library.enabled()) > 2
    moderation.house = HouseRules(BlockedWords([]), places={"discord:7": PlaceRules(templates=("upscale",))})
    with pytest.raises(TemplateNotHere, match=r"may not be used in this place\. Here there are: upscale\."):
        await ask(bot, "a fox", HERE)


async def test_a_default_template_gives_way_to_the_place(bot: Bot) -> None:
    person = await bot.store.person(ANN, name="", at=START)
    await bot.store.set_default(person.user, "template", "flux")
    here = await bot.service.reception.paint(parse_line("a fox"), asker(HERE), origin(), {})
    assert [each.template for each in here.requests] == ["text-to-image"]
    assert "this place has others" in str(here.requests[0].values["notes"])
    elsewhere = await bot.service.reception.paint(parse_line("a fox"), asker(), origin(), {})
    assert [each.template for each in elsewhere.requests] == ["flux"]


async def test_a_picture_is_varied_with_a_template_of_the_place(bot: Bot) -> None:
    receipt = await painted(bot, "a fox")
    moderation = bot.service.usecases.gate.moderation
    moderation.house = HouseRules(BlockedWords([]), places={"discord:7": PlaceRules(templates=("redo",))})
    vary = OnRequest(Verb.VARIATION, receipt.accepted.request.id, index=1)
    (varied,) = await bot.service.reception.follow_ups.vary(vary, asker(HERE), origin())
    assert varied.template.name == "redo"
    with pytest.raises(TemplateNotHere):
        await bot.service.reception.press(
            OnRequest(Verb.UPSCALE, receipt.accepted.request.id, index=1), asker(HERE), origin()
        )


async def test_the_list_of_templates_is_that_of_the_place(bot: Bot) -> None:
    async def listed(place: str) -> str:
        told = await bot.service.reception.command(Call(("templates",)), asker(place))
        assert isinstance(told, Tell)
        return str(told.card)

    assert "Act" in await listed(HERE)
    assert "flux" not in (await listed(HERE)).casefold()
    assert "flux" in (await listed("")).casefold()


def test_what_is_suggested_while_typing_is_of_the_place() -> None:
    templates = [shipped(name) for name in SHIPPED]
    index = build_index(templates, make_commands(templates).specs)
    rules = PlaceRules(templates=("flux", "text-to-image-lora"))

    def names(typed: str, usable: Callable[[TemplateName], bool], limit: int = 25) -> set[str]:
        context = Context(index, "imagine", usable=usable)
        return {each.value for each in suggest("template", typed, context, limit)}

    assert names("", rules.allows) == {"flux", "text-to-image-lora"}
    assert names("lora", rules.allows, 1) == {"text-to-image-lora"}
    assert names("", PlaceRules().allows) == names("", lambda _: True) > names("", rules.allows)


# For adults


async def test_the_rule_of_a_place_takes_the_place_of_the_bot_s(bot: Bot) -> None:
    with pytest.raises(NsfwRefused, match="does not allow templates for adults"):
        await ask(bot, "a fox --template act", HERE)
    assert (await ask(bot, "a fox --template act", GROUP)).accepted.request.options["nsfw"] is True
    assert "spoiler" not in (await ask(bot, "a fox --template act", GROUP)).accepted.request.options
    assert (await ask(bot, "a fox --template act")).accepted.request.options["spoiler"] is True


async def test_a_picture_for_adults_that_is_handed_in_again_is_still_one(bot: Bot) -> None:
    bot.server.picture = lambda: PICTURE_OF["act"]
    image = await picture_of(bot, await painted(bot, "a fox --template act", GROUP))
    bot.server.picture = lambda: PICTURE_OF["plain"]
    plain = await picture_of(bot, await painted(bot, "a fox"))
    line = "a boat --image p.png --template image-to-image"
    again = await ask(bot, line, images={"p.png": image})
    assert again.accepted.request.options == {"nsfw": True, "spoiler": True}
    assert (await ask(bot, line, images={"p.png": plain})).accepted.request.options == {}
    moderation = bot.service.usecases.gate.moderation
    moderation.house = HouseRules(BlockedWords([]), "nsfw-channels")
    with pytest.raises(NsfwRefused, match="age-restricted channel"):
        await ask(bot, line, images={"p.png": image})
    await ask(bot, line, images={"p.png": image}, adult=True)


def _png(shade: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    content = BytesIO()
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(content, "PNG")
    return content.getvalue()


PICTURE_OF = {"act": _png(1), "plain": _png(2)}
