"""Sidecars: what they change, and a message for everything that can be wrong with one."""

from __future__ import annotations

import tomllib

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from bot.templates.build import read_template
from bot.templates.params import ChoiceParameter, FloatParameter, IntParameter, Kind, TextParameter
from bot.templates.sidecar import parse_sidecar
from bot.templates.template import Template
from tests.support.templates import DATA, TIER, catalogue, draw_low, edited, export_of, good, made, reasons

EXPORT = export_of("text-to-image")


def with_sidecar(sidecar: str) -> Template:
    return good(made(EXPORT, sidecar))


def problems(sidecar: str) -> list[str]:
    return reasons(made(EXPORT, sidecar))


def places(template: Template, name: str) -> list[str]:
    return [str(place) for place in template.bindings[name]]


def test_the_example_of_the_manual_is_read() -> None:
    template = with_sidecar(
        """
        title = "Text to image"
        description = "SDXL base"
        command = "imagine"
        estimate_seconds = 12
        outputs = ["Save picture"]
        nsfw = true
        max_pixels = 2_097_152
        [parameters.prompt_text]
        bind = [{ node = "2", input = "text", class_type = "CLIPTextEncode" }]
        [parameters.steps]
        bind = [{ title = "Sampler", input = "steps" }]
        min = 1
        max = 50
        default = 22
        [presets.fast]
        steps = 12
        [styles.ink]
        prompt = "{prompt}, ink drawing, fine lines"
        negative = "photo"
        """
    )
    assert (template.title, template.description, template.nsfw) == ("Text to image", "SDXL base", True)
    assert (template.estimate_seconds, template.limits.max_pixels) == (12.0, 2_097_152)
    assert template.outputs == ("7",)
    steps = template.parameters["steps"]
    assert isinstance(steps, IntParameter)
    assert (steps.minimum, steps.maximum, steps.default) == (1, 50, 22)
    values = template.resolve({"prompt": "x"}, limits=TIER, draw=draw_low)
    assert template.bind(values).nodes["5"].inputs["steps"] == 22


@pytest.mark.parametrize(
    "bind",
    [
        '"5.steps"',
        '["5.steps"]',
        '[{ node = "5", input = "steps" }]',
        '"Sampler.steps"',
        '{ title = "Sampler", input = "steps" }',
    ],
)
def test_a_place_can_be_written_in_each_form(bind: str) -> None:
    assert places(with_sidecar(f"[parameters.steps]\nbind = {bind}"), "steps") == ["5.steps"]


def test_ids_with_colons_and_inputs_with_dots_are_found() -> None:
    export = edited(EXPORT, {})
    export["86:3"] = {
        "class_type": "Odd.Node",
        "inputs": {"model.steps": 4, "image": ["6", 0]},
        "_meta": {"title": "Odd. One"},
    }
    export["7"]["inputs"]["images"] = ["86:3", 0]
    for bind in ("86:3.model.steps", "Odd. One.model.steps"):
        template = good(made(export, f'[parameters.odd]\nbind = "{bind}"'))
        assert places(template, "odd") == ["86:3.model.steps"]
        assert template.parameters["odd"].kind is Kind.INT


def test_an_id_goes_before_a_title() -> None:
    export = edited(EXPORT, {})
    export["1"]["_meta"]["title"] = "5"
    assert places(good(made(export, '[parameters.x]\nbind = "5.cfg"')), "x") == ["5.cfg"]


def test_new_parameters_get_a_kind_from_the_literal_or_the_server() -> None:
    sidecar = """
    [parameters.prefix]
    bind = "7.filename_prefix"
    description = "Start of the file name"
    max_length = 20
    [parameters.strength]
    bind = "5.cfg"
    min = 1.0
    [parameters.method]
    bind = "5.sampler_name"
    choices = ["euler", "heun"]
    default = "heun"
    """
    template = good(made(EXPORT, sidecar, catalogue()))
    prefix, strength, method = (template.parameters[name] for name in ("prefix", "strength", "method"))
    assert isinstance(prefix, TextParameter)
    assert (prefix.default, prefix.max_length, prefix.description) == (
        "fairbrush",
        20,
        "Start of the file name",
    )
    assert isinstance(strength, FloatParameter)
    assert (strength.minimum, strength.maximum) == (1.0, 100.0)
    assert isinstance(method, ChoiceParameter)
    assert (method.choices, method.default) == (("euler", "heun"), "heun")
    assert "cfg" not in template.parameters, "its only place went to strength"
    assert "sampler" not in template.parameters


def test_an_empty_bind_takes_a_parameter_away() -> None:
    assert "denoise" not in with_sidecar("[parameters.denoise]\nbind = []").parameters


def test_a_default_makes_the_prompt_optional_and_fixes_the_seed() -> None:
    template = with_sidecar('[parameters.prompt_text]\ndefault = "a hill"\n[parameters.seed]\ndefault = 3')
    values = template.resolve({}, limits=TIER, draw=draw_low)
    assert (values.values["prompt_text"], values.seed) == ("a hill", 3)


def test_a_multiple_of_the_operators_own_goes_before_the_servers() -> None:
    template = good(
        made(EXPORT, "[parameters.width]\nmultiple = 64\n[parameters.height]\nmultiple = 64", catalogue())
    )
    values = template.resolve({"prompt": "x", "size": "1000x700"}, limits=TIER, draw=draw_low)
    assert (values.values["width"], values.values["height"]) == (1024, 704)


@pytest.mark.parametrize(
    "mistake", tomllib.loads((DATA / "templates" / "mistakes.toml").read_text("utf-8"))["mistake"]
)
def test_every_mistake_names_file_and_key(mistake: dict[str, str]) -> None:
    found = problems(mistake["sidecar"])
    assert [text for text in found if text.startswith(mistake["message"])], found


def test_titles_that_are_not_unique_are_an_error_that_names_the_nodes() -> None:
    export = edited(EXPORT, {})
    export["3"]["_meta"]["title"] = "Prompt"
    by_title = reasons(
        made(export, '[parameters.prompt_text]\nbind = [{ title = "Prompt", input = "text" }]')
    )
    assert by_title[0].endswith(
        "means a node with the title Prompt, but 2 have it: 2, 3. Use an id, or rename them"
    )
    short = reasons(made(export, '[parameters.prompt_text]\nbind = "Prompt.text"'))
    assert "could be any of these: 2.text, 3.text" in short[0]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems("tilte = 1\nnsfw = 2\n[parameters.steps]\nmaks = 3")) == 3


def test_what_is_written_wrong_and_what_does_not_fit_the_export_are_told_in_one_round() -> None:
    found = problems(
        """
        tilte = "x"
        outputs = ["No such node"]
        [parameters.steps]
        bind = "99.steps"
        min = "one"
        [parameters.cfg]
        kind = "flaot"
        min = 1
        step = 0.5
        [parameters.width]
        bind = [{ node = "4" }]
        [parameters.sampler]
        default = 3
        max_length = 4
        [parameters.speling]
        min = 3
        [presets.fast]
        steps = 12
        cfg = "much"
        width = "wide"
        denoise = 7
        [presets.slow]
        sampler = "none"
        stepz = 3
        """
    )
    keys = [text.removeprefix("mine.toml: ").split()[0] for text in found]
    assert sorted(keys) == sorted(
        [
            "tilte",
            "outputs[0]",
            "parameters.steps.min",
            "parameters.steps.bind[0]",
            "parameters.cfg.kind",
            "parameters.width.bind[0]",
            "parameters.sampler.max_length",
            "parameters.speling",
            "presets.fast.denoise",
            "presets.slow.stepz",
        ]
    )


def test_thousands_of_mistakes_are_not_all_told() -> None:
    assert len(problems("".join(f"[presets.p{n}]\nstepz = 5\n" for n in range(3000)))) == 100
    assert len(problems("".join(f"key{n} = 5\n" for n in range(3000)))) == 100


def test_presets_and_styles_may_have_names_of_any_script() -> None:
    template = with_sidecar('[presets."très vite"]\nsteps = 5\n[styles."墨"]\nprompt = "{prompt}"')
    assert (list(template.presets), list(template.styles)) == (["très vite"], ["墨"])


def test_a_broken_export_does_not_hide_what_is_wrong_with_its_sidecar() -> None:
    told = reasons(read_template("mine", b"{", b"tilte = 1"))
    assert [text.split(":")[0] for text in told] == ["mine.json", "mine.toml"]
    told = reasons(read_template("mine", b'{"1": {"class_type": "X"}}', b"\nnsfw"))
    assert told == ["mine.toml, line 2: behind the name of a setting come = and its value: name = value."]


@pytest.mark.parametrize(
    ("sidecar", "words"),
    [
        ("x = " + "[" * 5000, "mine.toml is nested too deeply."),
        ("x = " + "9" * 5000, "mine.toml, line 1: this cannot be read as TOML"),
        ("#" * 1_000_001, "mine.toml is too long: at most 1000000 characters."),
        ("max_count = 0x" + "f" * 5000, "mine.toml: max_count must not be above"),
        ("estimate_seconds = inf", "mine.toml: estimate_seconds must be a number"),
        ("estimate_seconds = 0x" + "f" * 5000, "mine.toml: estimate_seconds must not be above"),
        ("[parameters.seed]\nmax = 0x" + "f" * 5000, "mine.toml: parameters.seed.max must not be above"),
        ("[parameters.seed]\ndefault = -0x" + "f" * 500, "mine.toml, line 2: there is more on this line"),
        ("[parameters.steps]\ndefault = 1e400", "mine.toml: parameters.steps.default must be a number"),
        ("a" + ".a" * 400_000 + " = 1", "mine.toml, line 1: there are too many dots."),
        ("title = 'x'\n[a" + ".a" * 400_000 + "]", "mine.toml, line 2: there are too many dots."),
        ('"" = 1', 'mine.toml: "" is unknown.'),
        ('"\\u001b[2J" = 1', "mine.toml: ?[2J is unknown."),
        (
            '[parameters."my steps"]\nbind = "5.steps"',
            "mine.toml: parameters.my steps must be called by 1 to",
        ),
        ('[parameters.Steps]\nbind = "5.steps"', "mine.toml: parameters.Steps must be called by 1 to"),
        ('[presets."\\u202e"]', "mine.toml: presets.? must be called by 1 to 32 characters"),
        ('[styles." x"]', "mine.toml: styles. x must be called by"),
        ("title = 'x'\r\nnsfw = \r\n", "mine.toml, line 2: the value is missing."),
        ('title = """\n' + "x" * 10, "mine.toml, line 2: a text is not closed."),
    ],
)
def test_absurd_sidecars_are_refused_with_words(sidecar: str, words: str) -> None:
    assert any(text.startswith(words) for text in problems(sidecar)), problems(sidecar)


def test_a_sidecar_that_is_no_text_is_a_problem() -> None:
    assert reasons(read_template("mine", b'{"1": {"class_type": "X"}}', b"\xff\xfe"))[0].endswith(
        "not UTF-8 text."
    )


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fall(text: str) -> None:
    sidecar, found = parse_sidecar(text)
    assert found or sidecar is not None
    assert all(str(mistake.about("x.toml")).startswith("x.toml") for mistake in found)


SCALARS = st.one_of(st.text(max_size=8), st.integers(-5, 5), st.booleans(), st.floats())
KEYS = st.sampled_from(
    [
        "title",
        "outputs",
        "nsfw",
        "bind",
        "kind",
        "min",
        "max",
        "default",
        "choices",
        "node",
        "input",
        "prompt",
        "steps",
    ]
)


@given(
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
        max_leaves=12,
    )
)
def test_no_structure_makes_the_reader_fall(value: object) -> None:
    try:
        text = tomlkit.dumps(
            {"parameters": value, "presets": value, "styles": value, "outputs": value, "title": value}
        )
    except (ValueError, TypeError):
        return
    made_one = made(EXPORT, text)
    assert isinstance(made_one, Template) or reasons(made_one)
