"""Cards in Telegram's HTML: whatever people wrote, Telegram can read it, it fits, and nothing is a link."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.telegram.keyboard import keyboard_of
from bot.chat.telegram.markup import length, unlinked
from bot.chat.telegram.render import CAPTION, TEXT, html_of
from bot.domain.ids import JobId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb, decode
from bot.presentation.cards import Button, Card, CardState, Code, Command, Incident, Progress, Row, Style
from bot.presentation.language import ENGLISH, Language
from tests.card_gallery import gallery
from tests.support.telegram.entities import Marked, sent, utf16
from tests.support.telegram.markup import read_markup

REQUEST = RequestId("k3v9x2m7qa")
NASTY = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=400),
    st.lists(
        st.sampled_from(
            [
                *(
                    "<b>",
                    "</b>",
                    "<",
                    ">",
                    "&",
                    "&amp;",
                    "&lt",
                    "&#60;",
                    "<tg-spoiler>",
                    "</blockquote>",
                    "<a href=",
                ),
                *(
                    "@alice",
                    "#fox",
                    "/start",
                    "https://x.org/y",
                    "t.me/x",
                    "a.de",
                    "1.2.3.4",
                    "a@b.com",
                    "$USD",
                ),
                *(
                    "\u202e",
                    "\u200f",
                    "\ud800",
                    "\udfff",
                    "\u0301" * 9,
                    "\n\n\n",
                    " ",
                    "\x00",
                    "שלום",
                    "👨\u200d👩\u200d👧",
                ),
                *("🇩🇪", "```", "**", "__", "||", '"', "'", "fox"),
            ]
        ),
        max_size=60,
    ).map("".join),
    st.sampled_from(
        ["x" * 5000, "🦊" * 3000, "&" * 4096, "<" * 4096, "@a" * 2000, "a\n" * 4000, "שלום " * 900]
    ),
)


def parsed(markup: str, most: int = TEXT) -> Marked:
    """As Telegram reads it. Raises ApiError where it would not."""
    return sent(markup, "HTML", None, most=most, what="Message")


HOSTS = re.compile(
    r"[^\W_](?:[\w.-]*[^\W_])?\.(?:[^\W\d_]{2,}|\d{1,3}(?:\.\d{1,3}){2})|\w://|(?<!\w)\$[A-Z]{1,8}(?!\w)"
)
"""Hosts, addresses, other schemes than the web's, tickers: beyond what the local Telegram looks for."""


def tappable(text: str) -> list[tuple[str, str]]:
    return parsed(words_of(text)).marks() + [("host", found[0]) for found in HOSTS.finditer(text)]


def words_of(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def card(prompt_text: str = "", **fields: object) -> Card:
    return Card(CardState.DONE, Text("Done"), prompt_text=prompt_text, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(gallery()))
@pytest.mark.parametrize("limit", [TEXT, CAPTION])
def test_every_card_can_be_read_and_fits(name: str, limit: int) -> None:
    shown = gallery()[name]
    marked = parsed(html_of(shown, ENGLISH, limit), limit)
    assert marked.text
    assert utf16(marked.text) <= limit
    keyboard = keyboard_of(shown, ENGLISH)
    if keyboard is not None:
        read, _ = read_markup(json.dumps(keyboard.to_dict()), inline_only=True)
        assert read is not None
        drawn = [button["callback_data"] for row in read["inline_keyboard"] for button in row]
        assert [decode(data) for data in drawn] == [b.action for row in shown.all_buttons for b in row]
        assert all(len(row) <= 5 for row in read["inline_keyboard"])


@settings(deadline=None)
@given(prompt=NASTY, value=NASTY, limit=st.sampled_from([TEXT, CAPTION, 200]))
def test_whatever_people_write_telegram_reads_it_and_finds_nothing_to_tap(
    prompt: str, value: str, limit: int
) -> None:
    shown = card(
        prompt,
        lines=(Text("It says {value}.", value=value), Text("Copy {code}", code=Code(value))),
        rows=(Row(CardState.FAILED, Text("{value}", value=value), Text("{value}", value=value)),) * 3,
        texts=(value, prompt),
        facts=(Text("{value}", value=value),),
        notes=(Text("Of {value}", value=value),),
        progress=Progress(9, Text("{node}", node=value), Text("soon")),
        incident=Incident("out_of_memory", JobId(f"{REQUEST}-1")),
    )
    markup = html_of(shown, ENGLISH, limit)
    marked = parsed(markup, limit)
    assert utf16(marked.text) <= length(markup) <= limit
    assert "Done" in marked.text
    kinds = {kind for kind, _ in marked.marks()}
    quoted = [words for kind, words in marked.marks() if "quote" in kind]
    assert not any(tappable(words) for words in quoted)
    assert kinds <= {"bold", "italic", "code", "blockquote", "expandable_blockquote"}, marked.marks()


@given(NASTY)
def test_a_label_is_never_empty_and_can_be_sent(words: str) -> None:
    button = Button(OnRequest(Verb.SHOW, REQUEST), Text("{words}", words=words))
    keyboard = keyboard_of(card(buttons=((button,),)), ENGLISH)
    assert keyboard is not None
    label = keyboard.inline_keyboard[0][0].text
    assert label.strip()
    assert len(label.encode()) < 400


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<b>a</b> & b", "<blockquote>&lt;b&gt;a&lt;/b&gt; &amp; b</blockquote>"),
        ("&amp;lt;", "<blockquote>&amp;amp;lt;</blockquote>"),
        ("steps 4.5, 3:2", "<blockquote>steps 4.5, 3:2</blockquote>"),
        ("a\u202eb", "<blockquote>ab</blockquote>"),
        ("\ud83d", "<blockquote>\ufffd</blockquote>"),
    ],
)
def test_words_stay_what_was_typed(typed: str, shown: str) -> None:
    assert html_of(card(typed), ENGLISH) == f"✅ <b>Done</b>\n{shown}"


@pytest.mark.parametrize(
    "typed",
    [
        *("@alice", "hi @alice!", "#fox", "/start", "and /start", "https://example.org/a?b", "example.org"),
        *(
            "www.example.org",
            "t.me/joinchat",
            "a@example.org",
            "$TSLA",
            "tg://resolve?domain=x",
            "192.168.0.1",
        ),
        *("1.2.3.4:80", "x1.example2.de", "(example.org)", "/cmd@bot"),
    ],
)
def test_what_would_be_tapped_on_reads_the_same_and_is_no_link(typed: str) -> None:
    assert tappable(typed), "it would be marked"
    assert not tappable(unlinked(typed))
    assert unlinked(typed).replace("\u2060", "") == typed


def test_commands_of_ours_can_be_tapped_and_codes_copied() -> None:
    shown = card(
        lines=(Text("Use {command} {code}", command=Command("image-to-image"), code=Code("a@b.de")),)
    )
    assert parsed(html_of(shown, ENGLISH)).marks() == [
        ("bold", "Done"),
        ("bot_command", "/image_to_image"),
        ("code", "a@b.de"),
    ]


def test_sentences_are_escaped_like_values() -> None:
    german = Language(gettext=lambda text: {"Done": "Fertig & <gut>"}.get(text, text))
    assert parsed(html_of(card(), german)).text == "✅ Fertig & <gut>"


def test_a_long_prompt_is_cut_and_folded_and_everything_else_stays() -> None:
    shown = card(
        "fox " * 1000,
        lines=(Text("Why"),),
        notes=(Text("Charged nothing."),),
        progress=Progress(10, Text("Sampler"), Text("a few seconds left")),
    )
    for limit in (TEXT, CAPTION):
        markup = html_of(shown, ENGLISH, limit)
        assert "<blockquote expandable>" in markup
        assert "…</blockquote>" in markup
        for words in ("Why", "Charged nothing.", "50 %", "Sampler"):
            assert words in markup
        assert length(markup) > limit / 3


def test_rows_that_do_not_fit_are_left_out_whole() -> None:
    rows = tuple(Row(CardState.INFO, Text("{n}. {words}", n=n, words="fox " * 30)) for n in range(100))
    markup = html_of(card(rows=rows), ENGLISH, CAPTION)
    lines = parsed(markup, CAPTION).text.split("\n")[1:]
    assert 5 < len(lines) < 9
    assert all(re.fullmatch(r"• \d+\. (fox ?)+", line) for line in lines)


def test_right_to_left_values_turn_nothing_around() -> None:
    shown = card(lines=(Text("{name} is next", name="שלום"),))
    assert "\u2068שלום\u2069 is next" in html_of(shown, ENGLISH)


def test_numbered_buttons_are_short_and_wordy_ones_have_room() -> None:
    numbered = tuple(
        Button(OnRequest(Verb.UPSCALE, REQUEST, n), Text("Upscale {n}", n=n), "🔍", number=n)
        for n in range(1, 6)
    )
    wordy = tuple(
        Button(OnRequest(verb, REQUEST), Text("Some long word"), "🎲", Style.DANGER)
        for verb in (Verb.REROLL, Verb.EDIT, Verb.DELETE, Verb.SHOW)
    )
    keyboard = keyboard_of(card(buttons=(numbered, wordy)), ENGLISH, more=((numbered[0],),))
    assert keyboard is not None
    labels = [[button.text for button in row] for row in keyboard.inline_keyboard]
    assert labels[0] == ["🔍 1", "🔍 2", "🔍 3", "🔍 4", "🔍 5"]
    assert [len(row) for row in labels[1:]] == [2, 2, 1]
    assert labels[3] == ["🔍 Upscale 1"]
    assert {button.style for button in keyboard.inline_keyboard[1]} == {"danger"}
