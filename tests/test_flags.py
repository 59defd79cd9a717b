"""Flags: what people type in chat and in a shell, and what comes out."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import FlagError
from bot.presentation.flag_lexer import quote
from bot.presentation.flags import (
    CHAT,
    FLAGS,
    MAX_CHARACTERS,
    SHELL,
    Allow,
    Ask,
    LoraUse,
    flags_for,
    format_flags,
    parse_args,
    parse_line,
    require_prompt,
)

EVERY_FLAG = Ask(
    prompt_text="a lighthouse at dusk",
    negative_text="people, boats",
    template="text-to-image",
    preset="fast",
    style="ink",
    aspect=(3.0, 2.0),
    seed=7,
    count=2,
    loras=(LoraUse("ink", 0.8), LoraUse("sub/dir:2", 1.0)),
    values={"steps": "30", "cfg": "4.5", "model": "SD 1.5\\base.safetensors", "sharpness": "high = 2"},
    private=True,
)


def message(line: str, allow: Allow = CHAT) -> str:
    with pytest.raises(FlagError) as caught:
        parse_line(line, allow)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a lighthouse", Ask("a lighthouse")),
        ("", Ask()),
        ("  a\n lighthouse \n", Ask("a\n lighthouse")),
        ("a lighthouse --ar 3:2", Ask("a lighthouse", aspect=(3, 2))),
        ("--ar 3:2 a lighthouse", Ask("a lighthouse", aspect=(3, 2))),
        ("a lighthouse --ar 3:2 at dusk --seed 7", Ask("a lighthouse at dusk", aspect=(3, 2), seed=7)),
        ("x --ar=3:2", Ask("x", aspect=(3, 2))),
        ("x --ar= 3:2", Ask("x", aspect=(3, 2))),
        ("x --AR 16/9", Ask("x", aspect=(16, 9))),
        ("x --ar 1.85x1", Ask("x", aspect=(1.85, 1))),
        ("x --aspect-ratio ３：２", Ask("x", aspect=(3, 2))),
        ("x --aspect_ratio 3:2", Ask("x", aspect=(3, 2))),
        ("x --size 1024x768", Ask("x", size=(1024, 768))),
        ("x --size 1024×768", Ask("x", size=(1024, 768))),
        ("x --size 16X16384", Ask("x", size=(16, 16384))),
        ("x --seed -1", Ask("x")),
        ("x --seed −1", Ask("x")),
        ("x --seed Random", Ask("x")),
        ("x --seed 18446744073709551615", Ask("x", seed=2**64 - 1)),
        ("x --seed ٧", Ask("x", seed=7)),
        ("x --count 4", Ask("x", count=4)),
        ("x --private y", Ask("x y", private=True)),
        ("x --lora ink:0.8 --lora wet", Ask("x", loras=(LoraUse("ink", 0.8), LoraUse("wet", 1.0)))),
        ('x --lora "my ink:-.5"', Ask("x", loras=(LoraUse("my ink", -0.5),))),
        ("x --steps 030 --cfg ４.５", Ask("x", values={"steps": "30", "cfg": "4.5"})),
        ("x --denoise -0", Ask("x", values={"denoise": "-0"})),
        ("x --template up --preset fast --style ink", Ask("x", template="up", preset="fast", style="ink")),
        ("x --set length=49 --set fps=12", Ask("x", values={"length": "49", "fps": "12"})),
        ('x --set note="two words" y', Ask("x y", values={"note": "two words"})),
        ('x --set "a note=two words"', Ask("x", values={"a note": "two words"})),
        ("x --set note=a=b", Ask("x", values={"note": "a=b"})),
        ("x --set note=", Ask("x", values={"note": ""})),
    ],
)
def test_line(line: str, expected: Ask) -> None:
    assert parse_line(line) == expected


def test_every_flag_of_the_table_is_read_and_written_back() -> None:
    line = format_flags(EVERY_FLAG)
    assert parse_line(line) == EVERY_FLAG
    assert line.startswith("a lighthouse at dusk --no ")
    with_rest = replace(EVERY_FLAG, aspect=None, size=(640, 480), image="C:\\my pictures\\in.png")
    both = line + format_flags(with_rest) + format_flags(Ask("x", values={"guidance": "3", "denoise": "1"}))
    both += format_flags(Ask(values={"sampler": "euler", "scheduler": "karras"}))
    assert [spec.name for spec in FLAGS if spec.flag not in both] == []
    assert parse_line(format_flags(with_rest), SHELL) == with_rest


@pytest.mark.parametrize("dash", ["--", "—", "–", "―", "——", "–-", "-—", "‐‐", "−−", "---", "⸺"])
def test_dashes_that_keyboards_make(dash: str) -> None:
    assert parse_line(f"a cat {dash}ar 3:2 {dash}private") == Ask("a cat", aspect=(3, 2), private=True)
    assert parse_line(f"{dash}seed=5 a cat") == Ask("a cat", seed=5)


@pytest.mark.parametrize(
    "text",
    [
        "a well-known -- maybe too well-known -- place",
        "sci-fi, art-deco",
        "a man — his dog – his cat",
        "noon—night",
        "half--hearted",
        "from 1900–1950",
        "-40 degrees, -- 3 boats",
        "-bright light",
        "--2 and —7",
        "don't look, 'tis the dogs' house",
        'a 5" nail and a 6" nail',
        'a sign that says "open --late" (big)',
        "a sign „bitte --nicht“ klopfen",
        "“--ar 3:2” in curly quotes",
        "« --private » en français",
        'say "--no more", twice',
        "【rainy】「--seed 5」",
        "emoji 🏳️‍🌈 👩‍👩‍👧, \u202bעברית\u202c",
    ],
)
def test_text_that_only_looks_like_flags(text: str) -> None:
    assert parse_line(text) == Ask(text)
    assert parse_line(f"{text} --seed 7") == Ask(text, seed=7)


@pytest.mark.parametrize(
    ("line", "negative", "text"),
    [
        ("a cat --no dogs", "dogs", "a cat"),
        ("a cat --no bad hands, extra fingers --seed 1", "bad hands, extra fingers", "a cat"),
        ("--no blur -- a cat --sitting", "blur", "a cat --sitting"),
        ('--no "blur, noise" a cat', "blur, noise", "a cat"),
        ("--no “blur, noise” a cat", "blur, noise", "a cat"),
        ("--no 'blur' a cat", "blur", "a cat"),
        ('a cat --no "text", "logos"', '"text", "logos"', "a cat"),
        ("a cat --no don't know", "don't know", "a cat"),
        ('a cat --no "--ar 3:2"', "--ar 3:2", "a cat"),
        ('a cat --no "say ""hi"""', 'say "hi"', "a cat"),
        ('a cat --no ""', "", "a cat"),
        ('a cat --no "unfinished', '"unfinished', "a cat"),
        ("a cat —no dogs", "dogs", "a cat"),
    ],
)
def test_negative_text(line: str, negative: str, text: str) -> None:
    ask = parse_line(line)
    assert (ask.negative_text, ask.prompt_text) == (negative, text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('5 "inch --no "red"', Ask('5 "inch', negative_text="red")),
        ('a "cat --seed 5', Ask('a "cat', seed=5)),
        ("a “cat --seed 5", Ask("a “cat", seed=5)),
        ('x --model "my model', Ask("x model", values={"model": '"my'})),
        ("x --model it's", Ask("x", values={"model": "it's"})),
        ('x --model "a"b', Ask("x", values={"model": '"a"b'})),
        ("x --set n='a b", Ask("x b", values={"n": "'a"})),
    ],
)
def test_a_quote_without_its_partner_is_text(line: str, expected: Ask) -> None:
    assert parse_line(line) == expected


def test_two_dashes_end_flags_only_where_no_text_stands() -> None:
    assert parse_line("--seed 7 -- --ar is a flag") == Ask("--ar is a flag", seed=7)
    assert parse_line("-- --ar is a flag") == Ask("--ar is a flag")
    assert parse_line("a man -- his dog --seed 7") == Ask("a man -- his dog", seed=7)


def test_marks_of_right_to_left_keyboards_hide_no_flag() -> None:
    assert parse_line("מגדלור \u200f--seed 7\u200f --ar\u200f 3:2").seed == 7
    assert "--model needs a value" in message("x --model \u200f--seed 7")
    assert parse_line(format_flags(Ask("x", template="\u200f—no"))).template == "\u200f—no"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x --apsect 3:2", "There is no flag --apsect. Did you mean --ar?"),
        ("x —stpes 3", "Did you mean --steps?"),
        ("x --sam euler", "Did you mean --sampler?"),
        ("x --sedd 3", "Did you mean --seed?"),
        ("x --seeds 3", "Did you mean --seed?"),
        ("x --width 3", "Did you mean --size?"),
        ("x --private, y", "Did you mean --private?"),
        ("x --ar:3:2", "Did you mean --ar?"),
        ("x --größe 3", "There is no flag --größe. "),
        ("x --wibble", "Known are --no, --ar,"),
        ("x --ar", "--ar needs a value: --ar W:H"),
        ("x --ar --seed 7", "--ar needs a value"),
        ("x --ar -- 3:2", "--ar needs a value"),
        ('x --model ""', "--model needs a value"),
        ("x --no", "--no needs a value"),
        ("x --no --ar 3:2", "--no needs a value"),
        ("x --private=yes", "--private takes no value"),
        ("x --seed 1 --seed 1", "--seed is given twice"),
        ("x --no a --negative b", "--no is given twice"),
        ("x --ar 1:1 --size 64x64", "--ar and --size contradict each other"),
        ("x --size 64x64 --set width=3", "--size and --set width contradict"),
        ("x --set height=3 --ar 1:1", "--ar and --set height contradict"),
        ("x --steps 3 --set steps=4", "--steps and --set steps contradict"),
        ("x --set a=3 --set a=4", "--set a is given twice"),
        ("x --lora ink:1 --lora ink", "--lora is given twice"),
        ("x --seed abc", "--seed needs a whole number, or -1 for a random one, but got “abc”"),
        ("x --seed 1.5", "--seed needs a whole number"),
        ("x --seed -2", "--seed needs a whole number"),
        ("x --seed 18446744073709551616", "seeds go up to 18446744073709551615"),
        (f"x --seed {'9' * 5000}", "seeds go up to"),
        ("x --seed 1-10", "--seed takes one seed here, not a range"),
        ("x --size 99999x1", "--size 99999x1: each side must be between 16 and 16384 pixels."),
        (f"x --size {'9' * 5000}x64", "each side must be between"),
        ("x --size 15x64", "each side must be between"),
        ("x --size big", "like --size 1024x768, but got “big”"),
        ("x --size 1024 x 768", "but got “1024”"),
        ("x --ar 0:1", "--ar 0:1: neither side may be 0"),
        ("x --ar 1:0.0", "neither side may be 0"),
        ("x --ar nan:1", "two numbers, like --ar 3:2, but got “nan:1”"),
        ("x --ar -3:2", "two numbers"),
        ("x --ar 100:1", "one side may be at most 20 times the other"),
        (f"x --ar {'9' * 400}:1", "too narrow"),
        ("x --count 0", "--count must be between 1 and 1000, not 0"),
        ("x --count many", "--count needs a whole number"),
        ("x --steps abc", "--steps needs a whole number, but got “abc”"),
        ("x --steps 2.5", "--steps needs a whole number"),
        ("x --cfg NaN", "--cfg needs a number, like --cfg 4.5, but got “NaN”"),
        ("x --cfg inf", "--cfg needs a number"),
        ("x --cfg 1e999", "--cfg needs a number"),
        ("x --set cfg=NaN", "--set cfg needs a number"),
        ("x --lora ink:strong", "--lora ink: the strength behind the colon must be a number"),
        ("x --lora ink:nan", "the strength behind the colon must be a number"),
        ("x --lora :0.5", "--lora needs the name of a LoRA"),
        ("x --set steps", "--set needs NAME=VALUE"),
        ("x --set =5", "--set needs NAME=VALUE"),
        ("x --set steps=", "--steps needs a value"),
        ("x --set prompt_text=y", "write it as plain text"),
        ("x --image /etc/passwd", "--image works only in a shell. Attach the file instead."),
        ("x --set input_image=/etc/passwd", "a file cannot be named here"),
        ("x --set INPUT_mask=/etc/passwd", "a file cannot be named here"),
        ("a\0b", "cannot be read (U+0000)"),
        ("a\x1b[31mb", "cannot be read (U+001B)"),
        ("a\udcffb", "cannot be read (U+DCFF)"),
        ("a" * (MAX_CHARACTERS + 1), "too long: 32769 characters"),
    ],
)
def test_refused_with_its_own_message(line: str, says: str) -> None:
    assert says in message(line)


def test_a_message_does_not_repeat_a_whole_novel() -> None:
    assert len(message(f"x --seed {'a' * 9000}")) < 200
    assert len(message(f"x --{'a' * 9000}")) < 400


def test_an_alias_is_never_the_suggestion() -> None:
    assert "Did you mean --no?" in message("x --negativ y")


def test_prompt_required() -> None:
    for nothing in ("", "--seed 7", " \n", "\u200b\u200f", "--no dogs"):
        with pytest.raises(FlagError, match="what to paint"):
            require_prompt(parse_line(nothing))
    require_prompt(parse_line("🦊"))
    require_prompt(parse_line("x" * 10_000))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["a lighthouse", "--ar", "3:2"], Ask("a lighthouse", aspect=(3, 2))),
        (["a", "lighthouse", "--ar=3:2", "at dusk"], Ask("a lighthouse at dusk", aspect=(3, 2))),
        (["a cat --ar 3:2"], Ask("a cat --ar 3:2")),
        (["a cat", "--no", 'blur "x"', "sitting"], Ask("a cat sitting", negative_text='blur "x"')),
        (["a cat", "--no="], Ask("a cat", negative_text="")),
        (["a cat", "--no", ""], Ask("a cat", negative_text="")),
        (["a cat", "--no=--ar"], Ask("a cat", negative_text="--ar")),
        (["a cat", "-n", "4"], Ask("a cat", count=4)),
        (["a cat", "-n=4"], Ask("a cat", count=4)),
        (["a cat", "—seed", "4"], Ask("a cat", seed=4)),
        (["--seed", "-1", "--", "--ar", "-x"], Ask("--ar -x")),
        (["a", "--seed", "3-5"], Ask("a", seeds=(3, 4, 5))),
        (["a", "--seed", "3–5"], Ask("a", seeds=(3, 4, 5))),
        (["a", "--seed", "5-5"], Ask("a", seed=5)),
        (["a", "--image", "my file.png"], Ask("a", image="my file.png")),
        (["a", "--set", "input_image=in.png"], Ask("a", image="in.png")),
        (["a", "--set", "input_mask=in.png"], Ask("a", values={"input_mask": "in.png"})),
        (["a", "--model", '"quoted"'], Ask("a", values={"model": '"quoted"'})),
        (["-", "—", "-5"], Ask("- — -5")),
        ([], Ask()),
    ],
)
def test_shell(args: list[str], expected: Ask) -> None:
    assert parse_args(args) == expected


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["a", "--ar"], "--ar needs a value: --ar W:H"),
        (
            ["a", "--no", "--seed"],
            "--no needs a value, but “--seed” follows. To give just that, write --no=--seed",
        ),
        (["a", "--ar="], "--ar needs a value"),
        (["a", "--otu", "x"], "Did you mean --out?"),
        (["a", "-z"], "There is no flag --z"),
        (["a", "--ar 3:2"], "Did you mean --ar?"),
        (["a", "--seed", "10-1"], "--seed 10-1 runs backwards"),
        (["a", "--seed", "1-1001"], "more than 1000 seeds"),
        (["a", "--seed", "1-4", "--count", "2"], "A seed range already says how many"),
        (["a\0"], "cannot be read"),
        (["--", "a\0"], "cannot be read"),
        (["--no", "a\udcff"], "cannot be read"),
    ],
)
def test_shell_refusals(args: list[str], says: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse_args(args, also_known=("out", "json"))
    assert says in str(caught.value)


def test_help_is_made_from_the_table() -> None:
    assert [spec.usage for spec in flags_for(CHAT)][:3] == ["--no TEXT", "--ar W:H", "--size WxH"]
    assert "--image FILE" not in [spec.usage for spec in flags_for(CHAT)]
    assert "--image FILE" in [spec.usage for spec in flags_for(SHELL)]
    names = [name for spec in FLAGS for name in (spec.name, *spec.aliases)]
    assert len(names) == len(set(names))
    assert all(str(spec.help) for spec in FLAGS)


def test_good_lines_do_not_pay_for_did_you_mean() -> None:
    code = (
        "import sys; from bot.presentation.flags import parse_line; parse_line('x --ar 3:2');"
        "sys.exit('rapidfuzz' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


_pieces = st.sampled_from(
    [
        *" \n\"'“”„«»=:x3０—é🦊\0\u200f",
        "--",
        "--ar 3:2",
        "--no ",
        "--set a=",
        "--",
        "—no",
        "—set ",
        "ar",
        "no",
        "seed",
        "lora",
        "private",
    ]
)
_messy = st.one_of(st.text(), st.lists(_pieces).map("".join))
_clean = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from('\n\t "“”-—=')).map(
    str.strip
)
_messy_clean = st.one_of(
    _clean, st.lists(_pieces.filter(lambda piece: piece != "\0")).map("".join).map(str.strip)
)
_value = _messy_clean.filter(bool)
_name = _messy_clean.map(lambda n: n.replace("=", "").strip()).filter(
    lambda n: n and n.casefold() not in {"prompt_text", "width", "height", *(s.parameter for s in FLAGS)}
)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    shape = draw(st.sampled_from(["", "aspect", "size"]))
    side = st.floats(min_value=1e-3, max_value=1e3)
    aspect = draw(st.tuples(side, side).filter(lambda s: 1 / 20 <= s[0] / s[1] <= 20))
    seeds = draw(st.sampled_from([(), (3, 4, 5)]))
    loras = st.builds(
        LoraUse,
        _value.map(str.strip).filter(bool),
        st.floats(allow_nan=False, allow_infinity=False, min_value=-100, max_value=100),
    )
    values = draw(st.dictionaries(_name, _messy_clean, max_size=3))
    values |= draw(st.fixed_dictionaries({}, optional={"model": _value, "steps": st.just("12")}))
    optional = st.none() | _value
    return Ask(
        prompt_text=draw(_messy_clean),
        negative_text=draw(st.none() | _messy_clean),
        template=draw(optional),
        preset=draw(optional),
        style=draw(optional),
        aspect=aspect if shape == "aspect" else None,
        size=draw(st.tuples(st.integers(16, 16384), st.integers(16, 16384))) if shape == "size" else None,
        seed=None if seeds else draw(st.none() | st.integers(0, 2**64 - 1)),
        seeds=seeds,
        count=1 if seeds else draw(st.integers(1, 1000)),
        loras=tuple(draw(st.lists(loras, max_size=2, unique_by=lambda use: use.name))),
        values=values,
        image=draw(optional),
        private=draw(st.booleans()),
    )


@given(_messy, st.sampled_from([CHAT, SHELL]))
@settings(max_examples=60, deadline=None)
def test_any_line_is_read_or_refused(line: str, allow: Allow) -> None:
    try:
        ask = parse_line(line, allow)
    except FlagError:
        pass
    else:
        assert parse_line(format_flags(ask), SHELL) == ask
        assert allow.seed_ranges or not ask.seeds
        assert allow.files or ask.image is None


@given(st.lists(_messy))
@settings(max_examples=60, deadline=None)
def test_any_words_of_a_shell_are_read_or_refused(args: list[str]) -> None:
    try:
        ask = parse_args(args)
    except FlagError:
        pass
    else:
        assert parse_line(format_flags(ask), SHELL) == ask


@given(asks())
@settings(max_examples=60, deadline=None)
def test_whatever_can_be_asked_can_be_written_down(ask: Ask) -> None:
    assert parse_line(format_flags(ask), SHELL) == ask


@given(st.permutations(["--ar 3:2", "--seed 7", "--private", "--steps 9", "--lora ink:0.5", "--count=2"]))
@settings(max_examples=60, deadline=None)
def test_order_does_not_matter(flags: list[str]) -> None:
    expected = parse_line("one two three --ar 3:2 --seed 7 --private --steps 9 --lora ink:0.5 --count=2")
    assert parse_line(" ".join(["one two three", *flags])) == expected
    assert parse_line(" ".join([*flags, "one two three"])) == expected
    mixed = itertools.chain.from_iterable(zip(["one", "two", "three", "", "", ""], flags, strict=True))
    assert parse_line(" ".join(mixed)) == expected


_words = st.lists(
    st.text(st.characters(categories=["L", "N", "So", "Po"], exclude_characters="\"'"), min_size=1)
)


@given(_words, _words)
@settings(deadline=None)
def test_the_words_of_the_text_survive(before: list[str], after: list[str]) -> None:
    line = " ".join([*before, "--seed 7", *after])
    assert parse_line(line).prompt_text.split() == [*before, *after]


@given(_messy_clean)
@settings(deadline=None)
def test_a_quoted_value_comes_back(value: str) -> None:
    ask = parse_line(f"x --no {quote(value)} y --model {quote(value or 'm')}")
    assert ask.values["model"] == (value or "m")


@pytest.mark.parametrize("piece", ['"a ', "“a ", "« ", "--", "— ", '" "', "'", "=“", "„“", "—\u200f"])
def test_hostile_lines_take_no_quadratic_time(piece: str) -> None:
    code = "import sys; from bot.presentation.flags import *; parse_line(sys.stdin.buffer.read().decode())"
    line = "x --no " + piece * (30_000 // len(piece))
    subprocess.run([sys.executable, "-c", code], input=line.encode(), timeout=10, check=True)
