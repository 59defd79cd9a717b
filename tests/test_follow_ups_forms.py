"""Forms to change what was asked for, and what comes back from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.errors import FlagError
from bot.domain.ids import RequestId
from bot.presentation.actions import OnPicture, OnRequest, Verb
from bot.presentation.card_text import utf16
from bot.presentation.flags import Ask, LoraUse, parse_line
from bot.presentation.forms import MOST_FIELDS, Form
from bot.service.follow_up_forms import MOST_LETTERS, edit_form, edit_picture_form, filled_in
from bot.service.imagine import without_files
from bot.templates.template import Template
from tests.support.templates import SHIPPED, catalogue, shipped
from tests.test_flags import asks

REQUEST = RequestId("k3v9x2m7qa")
MOST_LABEL, MOST_HINT, MOST_TITLE = 45, 100, 45
"""Discord's."""
TEMPLATES = tuple(shipped(name, catalogue()) for name in SHIPPED if name != "upscale")
LONG = "w" * 50


def form_for(ask: Ask, name: str = "text-to-image") -> Form:
    return edit_form(REQUEST, ask, shipped(name, catalogue()))


def values(form: Form) -> dict[str, str]:
    return {field.name: field.value for field in form.fields}


def changed(line: str, changes: Mapping[str, str], name: str = "text-to-image") -> Ask:
    """What a form says after somebody has changed some of its fields."""
    form = form_for(parse_line(line), name)
    assert set(changes) <= {field.name for field in form.fields}
    return filled_in({**values(form), **changes})


def names(form: Form) -> list[str]:
    return [field.name for field in form.fields]


def comparable(ask: Ask) -> Ask:
    """What a form can say: files, seed ranges and privacy are not its business."""
    return replace(without_files(ask), private=False, seeds=(), count=1 if ask.seeds else ask.count)


@given(asks().map(comparable), st.sampled_from(TEMPLATES))
@example(Ask("a fox", negative_text=""), TEMPLATES[0])
@example(Ask("a fox", values={"size": "64x64", "prompt": "x", "count": "2"}), TEMPLATES[0])
@example(Ask("é" * 5000 + " --no boats " + "🦊" * 1000), TEMPLATES[0])
@example(Ask(" ".join(["fox\n\nfox"] * 750), negative_text="ships " * 850 + "x"), TEMPLATES[2])
@example(Ask("a  " * 2000 + "b"), TEMPLATES[2])
@example(Ask("x" + " " * 5000 + "y"), TEMPLATES[2])
@example(Ask("a fox", style="two\nlines", values={"cfg": "7." + "0" * 200}), TEMPLATES[2])
@example(Ask("a fox", aspect=(1.85, 1.0), seed=2**64 - 1, loras=(LoraUse("a:b", -0.5),)), TEMPLATES[3])
@settings(max_examples=50, deadline=None)
def test_a_form_sent_off_as_it_was_opened_asks_for_the_same(ask: Ask, template: Template) -> None:
    form = edit_form(REQUEST, ask, template)
    assert filled_in(values(form)) == ask
    assert 1 <= len(form.fields) <= MOST_FIELDS
    assert len(set(names(form))) == len(form.fields)
    assert len(str(form.title)) <= MOST_TITLE
    for field in form.fields:
        assert utf16(field.value) <= MOST_LETTERS
        assert len(str(field.label)) <= MOST_LABEL
        assert field.long or not {"\n", "\r"} & set(field.value)
        assert field.hint is None or 0 < len(str(field.hint)) <= MOST_HINT
        # Platforms may cut blanks off both ends.
        assert field.value == field.value.strip() or ask.prompt_text.count("  ") > 100


def test_fields_are_what_the_template_has() -> None:
    ask = parse_line("a fox")
    assert names(form_for(ask)) == ["prompt", "negative", "size", "steps", "options"]
    assert names(form_for(ask, "flux")) == ["prompt", "size", "steps", "guidance", "options"]
    assert names(form_for(ask, "image-to-image")) == ["prompt", "negative", "denoise", "steps", "options"]
    assert names(form_for(Ask(), "upscale")) == ["options"]
    assert form_for(ask).action == OnRequest(Verb.EDIT, REQUEST)
    assert form_for(ask).fields[0].required


def test_what_was_left_open_says_what_is_usual() -> None:
    hints = {field.name: str(field.hint) for field in form_for(parse_line("a fox")).fields if field.hint}
    assert hints["size"] == "1024x768 or 3:2; empty: 1024x1024"
    assert hints["steps"] == "Empty: 25"
    assert all(not value for name, value in values(form_for(parse_line("a fox"))).items() if name != "prompt")


def test_what_has_no_field_stands_among_the_flags() -> None:
    line = "a fox --seed 7 --count 2 --style ink --cfg 4.5 --lora ink:0.8 --steps 9 --ar 3:2"
    form = values(form_for(parse_line(line)))
    assert form["size"] == "3:2"
    assert form["steps"] == "9"
    assert form["options"] == "--seed 7 --count 2 --style ink --lora ink:0.8 --cfg 4.5"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prompt": "a boat"}, {"prompt_text": "a boat"}),
        (
            {"prompt": "a boat --style oil", "options": ""},
            {"prompt_text": "a boat", "style": "oil", "seed": None},
        ),
        ({"size": "512x768"}, {"size": (512, 768), "aspect": None}),
        ({"size": "16:9"}, {"aspect": (16.0, 9.0)}),
        ({"size": ""}, {"aspect": None}),
        ({"steps": " 30 "}, {"values": {"steps": "30"}}),
        ({"steps": ""}, {"values": {}}),
        ({"negative": ""}, {"negative_text": None}),
        ({"options": "--template flux"}, {"template": "flux", "seed": None, "style": None}),
    ],
)
def test_what_is_changed(changes: dict[str, str], expected: dict[str, object]) -> None:
    line = "a fox --no boats --ar 3:2 --steps 9 --seed 7 --style ink"
    assert changed(line, changes) == replace(parse_line(line), **expected)  # type: ignore[arg-type]


def test_no_negative_text_at_all_gives_way_to_one_that_is_written() -> None:
    line = 'a fox --no "" --seed 7'
    assert changed(line, {"negative": "boats"}) == Ask("a fox", negative_text="boats", seed=7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": "many"}, "steps needs a whole number, but got “many”."),
        ({"size": "large"}, "size needs width and height in pixels"),
        ({"size": "3:0"}, "aspect 3:0: neither side may be 0"),
        ({"options": "--seed x"}, "--seed needs a whole number"),
        ({"options": "a boat"}, "The option options takes flags alone"),
        ({"options": "--steps 3", "steps": "4"}, "steps is given twice"),
        ({"options": "--stepz 3"}, "Did you mean --steps"),
        ({"options": "--image /etc/passwd"}, "works only in a shell"),
        ({"options": "--set input_image=/etc/passwd"}, "a file cannot be named here"),
        ({"options": "--seed 1-9"}, "takes one seed here, not a range"),
        ({"prompt": "x" * 40_000}, "The text is too long"),
        ({"negative": "a\0b"}, "cannot be read"),
    ],
)
def test_bad_values_are_refused_by_the_name_of_their_field(changes: dict[str, str], message: str) -> None:
    with pytest.raises(FlagError) as caught:
        changed("a fox", changes)
    assert message in str(caught.value)


@given(
    st.dictionaries(
        st.text(max_size=12) | st.sampled_from(["prompt", "prompt_more", "steps", "options"]), st.text()
    )
)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_back_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        ask = filled_in(fields)
    except FlagError:
        return
    assert ask.image is None
    assert not ask.seeds


def test_fields_that_no_form_has_are_passed_over() -> None:
    assert filled_in({"prompt": "a fox", "private": "x", "input_image": "/etc/passwd", "lora": "x"}) == Ask(
        "a fox"
    )


def test_a_long_text_goes_on_in_a_second_field() -> None:
    sentence = "a fox in the snow, "
    ask = Ask((sentence * 300).strip())
    form = form_for(ask)
    assert names(form) == ["prompt", "prompt_more", "negative", "size", "options"]
    assert not form.fields[1].required
    first, second = form.fields[0].value, form.fields[1].value
    assert f"{first} {second}" == ask.prompt_text
    edited = {**values(form), "prompt": "A dog.", "prompt_more": "And a cat."}
    assert filled_in(edited).prompt_text == "A dog. And a cat."
    assert filled_in({**edited, "prompt_more": ""}).prompt_text == "A dog."


def test_a_text_that_no_form_holds_is_refused_with_a_way_out() -> None:
    with pytest.raises(FlagError, match="too long for a form"):
        form_for(Ask("fox " * 2100))
    with pytest.raises(FlagError, match="too long for a form"):
        form_for(Ask("a fox", values={"note": "x" * 4100}))


@pytest.mark.parametrize("style", ["two\nlines", "old\rlines", "long " * 21 + "x"])
def test_what_does_not_fit_into_one_line_stands_among_the_flags(style: str) -> None:
    template = shipped("flux", catalogue())
    few = {name: template.parameters[name] for name in ("prompt_text", "seed")}
    small = replace(template, parameters=few, presets={})
    short, long = Ask("a fox", style="ink"), Ask("a fox", style=style)
    assert names(edit_form(REQUEST, short, small)) == ["prompt", "seed", "count", "style", "options"]
    form = edit_form(REQUEST, long, small)
    assert names(form) == ["prompt", "seed", "count", "options"]
    assert filled_in(values(form)) == long


def test_words_that_look_like_flags_stay_words() -> None:
    ask = Ask("draw the flag --steps of a ship")
    form = values(form_for(ask))
    assert filled_in(form) == ask


def test_a_picture_of_somebodys_own() -> None:
    form = edit_picture_form("key1", "in the rain", shipped("image-to-image", catalogue()))
    assert form.action == OnPicture("key1")
    assert names(form) == ["prompt", "denoise", "options"]
    assert values(form)["prompt"] == "in the rain"
    assert filled_in({**values(form), "denoise": "0.4", "options": "--style ink"}) == Ask(
        "in the rain", style="ink", values={"denoise": "0.4"}
    )
    assert all(len(str(field.label)) <= MOST_LABEL for field in form.fields)
    long = edit_picture_form("key1", "rain " * 1200, shipped("image-to-image", catalogue()))
    assert filled_in(values(long)).prompt_text == ("rain " * 1200).strip()
