"""People's words in Discord: shown as typed, without effect; cards within Discord's limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.languages import load_languages
from bot.chat.discord.commands import register
from bot.chat.discord.markup import cut_markup, drawn, escaped, is_cut, quoted
from bot.chat.discord.render import embed_of, plain_of, whole_words
from bot.domain.text import Text
from bot.presentation.card_text import utf16
from bot.presentation.cards import Card, CardState, Code, Command, Row
from bot.presentation.language import ENGLISH, Language
from bot.presentation.specs import CommandSpec

_ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
"""As Discord's clients read it."""


def read(shown: str) -> str:
    """What a reader sees of escaped text."""
    return _ESCAPE.sub(r"\1", shown).replace("\u200b", "")


def active(shown: str) -> str:
    """What is left that a client could take for markup."""
    return _ESCAPE.sub("", shown)


words = st.text(st.sampled_from("ab *_~|`[]()<>#-+1.:/\\@\n e"), max_size=60)


@given(words)
def test_it_reads_as_it_was_typed(text: str) -> None:
    assert read(escaped(text)) == text


@given(words)
def test_nothing_of_it_is_markup(text: str) -> None:
    shown = escaped(text)
    assert not re.search(r"[`*_~|\[\]<>#:]", active(shown))
    assert not re.search(r"(?m)^\s*(?:[-+]|\d+[.)])", shown)


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://a.test) [b](https://b.test)",
        "https://a.test",
        "discord://x",
        "<https://a.test>",
        "</imagine:1>",
        "<t:1:R>",
        "<:fox:1>",
        "- a\n- b",
        "1. a\n2) b",
        "# large",
        "-# small",
        ">>> all",
        "||hidden||",
        "```\ncode```",
    ],
)
def test_known_ways_to_have_an_effect_have_none(text: str) -> None:
    shown = escaped(text)
    assert read(shown) == text
    assert not re.search(r"\w+:/", shown)
    assert not re.search(r"(?<!\\)[\[`|<>#]", shown)


def test_nobody_is_mentioned_in_looks_either() -> None:
    assert "@everyone" not in escaped("@everyone")
    assert "<@1>" not in escaped("<@1>")


def test_code_cannot_be_left() -> None:
    assert drawn(Code("a`b")) == "`aˋb`"


CHINESE = load_languages("zh-CN").default


def listed(name: str, language: Language) -> str:
    """What Discord lists a command and its subcommands with, as they are registered."""
    spec = None
    for word in reversed(name.split()):
        spec = CommandSpec(word, Text("{it}", it=word), subcommands=() if spec is None else (spec,))
    assert spec is not None
    payload = register([spec], (), {language.code: language.gettext}).payloads[0]
    words = []
    while payload:
        words.append(payload.get("name_localizations", {}).get(language.code, payload["name"]))
        payload = next(iter(payload.get("options", ())), {})
    return "/" + " ".join(words)


@pytest.mark.parametrize("name", ["queue", "admin resume", "admin quota set", "no_such_template"])
def test_a_command_is_named_as_discord_lists_it_to_the_reader(name: str) -> None:
    assert drawn(Command(name)) == escaped(f"/{name}")
    assert drawn(Command(name), CHINESE) == escaped(listed(name, CHINESE))


def test_readers_of_a_language_with_names_are_told_those_wherever_a_card_speaks() -> None:
    said = Text("Ask for a picture with {command}.", command=Command("imagine"))
    found = embed_of(Card(CardState.INFO, said, lines=(said,), facts=(said,), notes=(said,)), CHINESE)
    shown = f"{found.title}\n{found.description}\n{found.footer.text}"
    assert shown.count(listed("imagine", CHINESE)) == 4
    assert "imagine" not in shown


@pytest.mark.parametrize("translated", ["two words", "a`b", "", "x" * 33])
def test_what_discord_takes_for_no_name_is_none_in_a_sentence(translated: str) -> None:
    other = Language("xx", lambda _: translated)
    assert drawn(Command("queue"), other) == listed("queue", other) == "/queue"


@given(st.text(max_size=3000), st.integers(200, 1600))
def test_a_quotation_stays_within_its_room(text: str, most: int) -> None:
    shown = quoted(text, most)
    assert utf16(shown) <= most
    assert all(line.startswith("> ") for line in shown.split("\n"))


def test_only_what_is_missing_counts_as_cut() -> None:
    assert not is_cut("a  fox\u200b ", 200)
    assert is_cut("fox " * 60, 200)


def test_a_sentence_that_is_cut_leaves_no_code_open() -> None:
    assert cut_markup("`" + "a" * 50 + "` and on", 20).count("`") == 2
    assert cut_markup("\\`" + "a" * 50, 20).count("`") == 1


@given(
    st.text(max_size=7000),
    st.lists(st.text(max_size=3000), max_size=12),
    st.lists(st.text(max_size=900), max_size=12),
)
def test_a_card_of_whatever_length_is_taken(prompt: str, texts: list[str], reasons: list[str]) -> None:
    failed = [Row(CardState.FAILED, Text("Picture 1"), Text("{reason}", reason=each)) for each in reasons]
    card = Card(
        CardState.PARTLY,
        Text("Done: {done} of {count} pictures", done=1, count=2),
        prompt_text=prompt,
        lines=tuple(Text("{reason}", reason=each) for each in reasons),
        rows=tuple(failed),
        texts=tuple(texts),
        notes=tuple(Text("{reason}", reason=each) for each in reasons),
    )
    embed = embed_of(card, ENGLISH)
    assert utf16(embed.title or "") <= 256
    assert utf16(embed.description or "") <= 4096
    assert utf16(embed.footer.text or "") <= 2048
    assert len(embed) <= 6000
    assert utf16(plain_of(card, ENGLISH)) <= 2000


def test_whole_words_are_there_when_some_are_missing_and_only_then() -> None:
    card = Card(CardState.DONE, Text("Done"), prompt_text="a fox", texts=("a caption",))
    assert whole_words(card, ENGLISH) is None
    long = "fox " * 1000
    assert whole_words(Card(CardState.DONE, Text("Done"), prompt_text=long), ENGLISH) == long
    many = Card(CardState.DONE, Text("Done"), prompt_text="a fox", texts=("caption",) * 60)
    assert (whole_words(many, ENGLISH) or "").count("caption") == 60
