"""One's own defaults: set, shown, merged with what was typed, and never in the way."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import FlagError, NotFound, ParameterError, TemplateError, TemplateNotFound
from bot.domain.ids import IdentityId, TemplateName, UserId
from bot.presentation.actions import OnSetting, decode, encode, mark
from bot.presentation.card_plain import plain
from bot.presentation.cards import CardState
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.defaults import Defaults
from bot.service.defaults_merge import Merged, merge
from bot.service.images import InputImage
from bot.service.imagine import choose_template, plan
from bot.service.shelf import Shelf
from bot.templates.loader import TemplateLibrary
from bot.templates.params import MediaParameter
from bot.templates.sizes import NO_LIMITS, Limits
from bot.templates.template import Template
from tests.store_support import NOON, Desk, opened
from tests.support.templates import WORKFLOWS, catalogue, draw_low

ANN = IdentityId("discord:1")
USER = UserId(ANN)
OWNER = mark(ANN)


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(WORKFLOWS, catalogue())


def merged(
    library: TemplateLibrary,
    line: str,
    defaults: Mapping[str, str],
    command: str = "imagine",
    limits: Limits = NO_LIMITS,
) -> Merged:
    return merge(parse_line(line, SHELL), defaults, command, library, limits)


# Merging


def test_defaults_fill_what_is_left_open(library: TemplateLibrary) -> None:
    found = merged(library, "a fox", {"template": "flux", "size": "640x512", "private": "on"})
    assert found == Merged(Ask("a fox", template="flux", size=(640, 512), private=True))
    assert merged(library, "a fox", {}) == Merged(Ask("a fox"))


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("a fox --template text-to-image", "text-to-image"),
        # Not for a request of the other kind, and nothing to be said about that.
        ("a fox --image photo.png", None),
    ],
)
def test_a_default_template_gives_way(library: TemplateLibrary, line: str, template: str | None) -> None:
    found = merged(library, line, {"template": "flux"})
    assert (found.ask.template, found.notes) == (template, ())


def test_a_default_template_is_for_imagine_alone(library: TemplateLibrary) -> None:
    assert merged(library, "a fox", {"template": "flux"}, command="upscale").ask.template is None


def test_a_default_template_that_takes_pictures_is_for_requests_with_one(library: TemplateLibrary) -> None:
    defaults = {"template": "image-to-image"}
    assert merged(library, "a fox --image photo.png", defaults).ask.template == "image-to-image"
    assert merged(library, "a fox", defaults) == Merged(Ask("a fox"))


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ("a fox --lora ink:0.8", "lora"),
        ("a fox --no people", "negative_text"),
        ("a fox --preset nothing", "preset"),
        ("a fox --style nothing", "style"),
        ("a fox --set nothing=1", "nothing"),
    ],
)
def test_a_default_template_without_what_was_asked_for_is_left_out(
    library: TemplateLibrary, line: str, lacks: str
) -> None:
    found = merged(library, line, {"template": "flux"})
    assert found.ask == parse_line(line, SHELL)
    (note,) = found.notes
    assert str(note) == f"Your default template flux was not used: it has no {lacks}."


def test_a_default_template_that_has_gone_is_left_out(library: TemplateLibrary, tmp_path: Path) -> None:
    found = merged(library, "a fox", {"template": "gone"})
    assert found.ask == Ask("a fox")
    assert [str(note) for note in found.notes] == ["Your default template gone is not offered any more."]
    library = TemplateLibrary(WORKFLOWS, catalogue())
    library.switch_off([TemplateName("flux")])
    assert merged(library, "a fox", {"template": "flux"}).ask.template is None


@pytest.mark.parametrize(
    "line",
    [
        "a fox --size 512x512",
        "a fox --ar 3:2",
        "a fox --set width=512",
        "a fox --set Height=512",
        "a fox --image photo.png",
        "a fox --template upscale",
    ],
)
def test_a_default_size_gives_way(library: TemplateLibrary, line: str) -> None:
    found = merged(library, line, {"size": "640x512"})
    assert (found.ask, found.notes) == (parse_line(line, SHELL), ())


def test_a_default_size_is_not_for_pictures_that_have_one(library: TemplateLibrary) -> None:
    """Also where a template could stretch the picture that it is given."""
    words = library.get("text-to-image")
    both = replace(words, parameters={**words.parameters, "input_image": MediaParameter("input_image")})

    class Both:
        def get(self, _name: str) -> Template:
            return both

    line = "a fox --template text-to-image"
    for more, size in (("", (640, 512)), (" --image photo.png", None)):
        found = merged(Both(), line + more, {"size": "640x512"})  # type: ignore[arg-type]
        assert (found.ask.size, found.notes) == (size, ())


def test_a_default_size_gives_way_to_a_preset_that_has_one(tmp_path: Path) -> None:
    for suffix in (".json", ".toml"):
        shutil.copy(WORKFLOWS / f"text-to-image{suffix}", tmp_path)
    sidecar = tmp_path / "text-to-image.toml"
    text = sidecar.read_text(encoding="utf-8")
    more = '\n[presets.wide]\nsize = "768x512"\n\n[presets.slow]\nsteps = 30\n'
    sidecar.write_text(text + more, encoding="utf-8")
    library = TemplateLibrary(tmp_path, catalogue())
    assert library.disabled() == ()
    assert merged(library, "a fox --preset wide", {"size": "640x512"}).ask.size is None
    assert merged(library, "a fox --preset slow", {"size": "640x512"}).ask.size == (640, 512)


@pytest.mark.parametrize(
    ("size", "limits", "reason"),
    [
        ("1536x1536", Limits(max_pixels=512 * 512), "you may use at most 262144"),
        ("8x8", NO_LIMITS, "each side"),
        ("4000x300", NO_LIMITS, "too stretched"),
    ],
)
def test_a_default_size_that_cannot_be_painted_is_left_out(
    library: TemplateLibrary, size: str, limits: Limits, reason: str
) -> None:
    found = merged(library, "a fox", {"size": size}, limits=limits)
    assert found.ask == Ask("a fox")
    if size == "8x8":
        return  # nothing of ours ever stored that
    (note,) = found.notes
    assert str(note).startswith(f"Your default size {size} was not used. ")
    assert reason in str(note)


words = st.sampled_from(
    ["", "--no boats", "--ar 3:2", "--size 512x768", "--count 2", "--seed 7", "--private", "--set steps=12"]
)
templates = st.sampled_from(["", *(path.stem for path in sorted(WORKFLOWS.glob("*.json"))), "gone"])
sizes = st.sampled_from(["", "512x512", "640x512", "2048x2048", "4000x300", "nonsense", "99999x8"])


@given(flags=st.lists(words, unique=True, max_size=3), template=templates, size=sizes, photo=st.booleans())
def test_no_default_makes_a_request_fail(
    library: TemplateLibrary, flags: list[str], template: str, size: str, photo: bool
) -> None:
    limits = Limits(max_pixels=1024 * 1024)
    if "--ar 3:2" in flags and "--size 512x768" in flags:
        flags.remove("--ar 3:2")
    ask = parse_line(" ".join(["a fox", *flags, *(["--image photo.png"] if photo else [])]), SHELL)
    images = {"photo.png": InputImage(b"photo", ".png", 64, 64)}

    def can_be_planned(ask: Ask) -> bool:
        try:
            template = choose_template(library, ask)
            plan(ask, template, limits=limits, draw=draw_low, images=images)
        except (ParameterError, FlagError):
            return False
        return True

    defaults = {name: value for name, value in (("template", template), ("size", size)) if value}
    found = merge(ask, defaults, "imagine", library, limits).ask
    assert can_be_planned(found) or not can_be_planned(ask)
    # What was typed stays.
    for name in ("prompt_text", "negative_text", "aspect", "seed", "count", "values", "image"):
        assert getattr(found, name) == getattr(ask, name)
    assert ask.size in (None, found.size)


# Setting


@dataclass
class World:
    defaults: Defaults
    desk: Desk
    library: TemplateLibrary


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as desk:
        await desk.store.person(ANN, name="Ann", at=NOON)
        library = TemplateLibrary(WORKFLOWS, catalogue())
        yield World(Defaults(desk.store, Shelf(library, desk.store)), desk, library)


async def test_what_is_set_is_read_as_flags_are(here: World) -> None:
    await here.defaults.set(USER, "template", " FLUX ")
    await here.defaults.set(USER, "size", "1024 × 768")
    await here.defaults.set(USER, "private", True)
    assert await here.defaults.of(USER) == {"template": "flux", "size": "1024x768", "private": "on"}
    found = await here.defaults.merged(Ask("a fox"), USER, "imagine")
    assert found == Ask("a fox", template="flux", size=(1024, 768), private=True)
    # What was said and cannot be seen in the ask.
    found = await here.defaults.merged(Ask("a fox"), USER, "imagine", typed={"private"})
    assert not found.private
    small = await here.defaults.merge(Ask("a fox"), USER, "imagine", max_pixels=512 * 512)
    assert small.ask.size is None
    assert len(small.notes) == 1


@pytest.mark.parametrize("nothing", [None, "", "default", "Reset", "none", "-"])
async def test_a_default_is_taken_away(here: World, nothing: str | None) -> None:
    for name, value in (("template", "flux"), ("size", "512x512"), ("private", "yes")):
        await here.defaults.set(USER, name, value)
        await here.defaults.set(USER, name, nothing)
    assert await here.defaults.of(USER) == {}


@pytest.mark.parametrize("off", [False, "off", "No", "0"])
async def test_not_private_is_how_it_is_without(here: World, off: str | bool) -> None:
    await here.defaults.set(USER, "private", "on")
    assert here.defaults.private(ANN)
    await here.defaults.set(USER, "private", off)
    assert await here.defaults.of(USER) == {}
    assert not here.defaults.private(ANN)


@pytest.mark.parametrize(
    ("name", "value", "error", "says"),
    [
        ("template", "flx", TemplateNotFound, "flux"),
        ("template", "../etc/passwd", TemplateNotFound, "passwd"),
        ("size", "large", FlagError, "width and height in pixels"),
        ("size", "1x1", FlagError, "between 16 and"),
        ("private", "maybe", ParameterError, "on or off, not “maybe”"),
        ("privat", "on", ParameterError, "Did you mean private?"),
        ("zzz", "on", ParameterError, "There are: template, size, private"),
    ],
)
async def test_what_cannot_be_set_is_refused_and_changes_nothing(
    here: World, name: str, value: str, error: type[Exception], says: str
) -> None:
    await here.defaults.set(USER, "template", "flux")
    with pytest.raises(error, match=says.replace("?", r"\?").replace("(", r"\(")):
        await here.defaults.set(USER, name, value)
    assert await here.defaults.of(USER) == {"template": "flux"}


async def test_nobody_has_no_defaults(here: World) -> None:
    with pytest.raises(NotFound):
        await here.defaults.set(UserId("discord:404"), "private", "on")
    assert await here.defaults.of(UserId("discord:404")) == {}


async def test_who_is_answered_alone_is_known_from_memory(here: World) -> None:
    ted = IdentityId("telegram:5")
    await here.desk.store.person(ted, name="", at=NOON)
    await here.defaults.set(USER, "private", "on")
    assert (here.defaults.private(ANN), here.defaults.private(ted)) == (True, False)
    await here.desk.store.link(ted, USER, at=NOON)
    anew = Defaults(here.desk.store, Shelf(here.library, here.desk.store))
    assert not anew.private(ANN)
    await anew.load()
    assert (anew.private(ANN), anew.private(ted)) == (True, True)


# The card


async def test_the_card_shows_every_setting_and_its_buttons_change_it(here: World) -> None:
    card = await here.defaults.card(USER, owner=OWNER)
    assert [str(row.title) for row in card.rows] == ["Template", "Size", "Private"]
    assert card.private
    assert str(card.rows[0].detail) == "the usual one for what is asked"
    pressed = 0
    for row in card.buttons:
        for button in row:
            action = decode(encode(button.action))
            assert isinstance(action, OnSetting)
            assert action.owner == OWNER
            assert 0 < len(str(button.label)) <= 20
            after = await here.defaults.press(USER, action)
            (chosen,) = [each.action for each in itertools.chain(*after.buttons) if each.action == action]
            ticked = [each.action for each in itertools.chain(*after.buttons) if each.emoji]
            assert chosen in ticked
            # One of each setting, whatever was chosen.
            assert len(ticked) == 3
            pressed += 1
    assert pressed > 8


async def test_a_template_goes_by_its_mark(here: World) -> None:
    card = await here.defaults.press(USER, OnSetting("template", mark("flux"), OWNER))
    assert await here.defaults.of(USER) == {"template": "flux"}
    assert str(card.rows[0].detail) == here.library.get("flux").title
    with pytest.raises(TemplateNotFound, match="not here any more"):
        await here.defaults.press(USER, OnSetting("template", mark("gone"), OWNER))
    with pytest.raises(ParameterError):
        await here.defaults.press(USER, OnSetting("drop_tables", "on", OWNER))
    await here.defaults.press(USER, OnSetting("template", "", OWNER))
    assert await here.defaults.of(USER) == {}


async def test_what_holds_no_longer_is_shown_as_such(here: World) -> None:
    await here.desk.store.set_default(USER, "template", "<b>gone</b>")
    await here.desk.store.set_default(USER, "size", "4000x300")
    card = await here.defaults.card(USER, owner=OWNER)
    assert [row.state for row in card.rows] == [CardState.EXPIRED, CardState.EXPIRED, CardState.INFO]
    shown = plain(card)
    assert "<b>gone</b>, which is not offered any more: it is left out" in shown
    assert "4000x300, which is left out: 4000x300 is too stretched" in shown
    # Painting goes on all the same, and any button of the card mends it.
    assert await here.defaults.merged(Ask("a fox"), USER, "imagine") == Ask("a fox")
    for name in ("template", "size"):
        await here.defaults.press(USER, OnSetting(name, "", OWNER))
    assert "left out" not in plain(await here.defaults.card(USER, owner=OWNER))


async def test_the_card_is_there_without_any_template(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    async with opened(tmp_path) as desk:
        await desk.store.person(ANN, name="Ann", at=NOON)
        defaults = Defaults(desk.store, Shelf(TemplateLibrary(tmp_path / "workflows"), desk.store))
        await defaults.set(USER, "size", "512x512")
        card = await defaults.card(USER, owner=OWNER)
        assert str(card.rows[1].detail) == "512x512"
        with pytest.raises((TemplateNotFound, TemplateError)):
            await defaults.set(USER, "template", "flux")
