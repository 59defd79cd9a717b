"""The stand-in of Telegram: HTML as it reads it, and what is marked in it."""

from __future__ import annotations

import html
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.telegram.entities import TEXT, clean, sent, written
from tests.support.telegram.failures import ApiError


def parsed(text: str) -> tuple[str, list[tuple[str, str]]]:
    marked = sent(text, "HTML", None, most=TEXT, what="Message")
    return marked.text, marked.marks()


@pytest.mark.parametrize(
    ("source", "text", "marks"),
    [
        ("<b>bold</b> <i>it</i>", "bold it", [("bold", "bold"), ("italic", "it")]),
        ("<b>a <i>b</i></b>", "a b", [("bold", "a b"), ("italic", "b")]),
        (
            "<U>u</U><S>s</S><del>d</del>",
            "usd",
            [("underline", "u"), ("strikethrough", "s"), ("strikethrough", "d")],
        ),
        (
            "<span class='tg-spoiler'>x</span><tg-spoiler>y</tg-spoiler>",
            "xy",
            [("spoiler", "x"), ("spoiler", "y")],
        ),
        ("🦊<b>🦊</b>", "🦊🦊", [("bold", "🦊")]),
        (
            "<code>/no @names</code> /yes",
            "/no @names /yes",
            [("code", "/no @names"), ("bot_command", "/yes")],
        ),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", "x")]),
        ("<blockquote>a</blockquote>", "a", [("blockquote", "a")]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", "a")]),
        ('<a href="https://x.org/?a=1&amp;b=2">here</a>', "here", [("text_link", "here")]),
        ("<a href='nothing'>here</a>", "here", []),
        ("&lt;b&gt; &amp;amp; &quot; &#128512; &#x1F600;", '<b> &amp; " 😀 😀', []),
        ("&copy; & &; &#0; a&b", "&copy; & &; &#0; a&b", []),
        ("<b></b>", "", []),
    ],
)
def test_html(source: str, text: str, marks: list[tuple[str, str]]) -> None:
    assert parsed(source) == (text, marks)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a <x>", 'Unsupported start tag "x" at byte offset 2'),
        ("ä <x>", 'Unsupported start tag "x" at byte offset 3'),
        ("🦊 <lora:fox:1>", 'Unsupported start tag "lora:fox:1" at byte offset 5'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("</b>", "Unexpected end tag at byte offset 0"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"),
        ("<b =x>z</b>", 'Empty attribute name in the tag "b" at byte offset 0'),
        ("<a href", 'Unclosed start tag "a" at byte offset 0'),
        ("&#xD83E;", "Text contains invalid Unicode characters after decoding HTML entities"),
    ],
)
def test_html_that_is_refused(source: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        parsed(source)
    assert caught.value.description.startswith(f"Bad Request: can't parse entities: {words}")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_escaped_text_is_shown_as_it_was(text: str) -> None:
    shown, marks = parsed(f"<i>{html.escape(text)}</i>")
    assert shown == clean(text).strip()
    assert [said for kind, said in marks if kind == "italic"] == ([shown] if shown else [])


@given(st.text("<>/&;ab i=\"'#x1🦊", max_size=60))
def test_any_html_is_read_or_refused(text: str) -> None:
    with suppress(ApiError):
        shown, marks = parsed(text)
        assert all(said and said in shown for _, said in marks)


@given(st.text(max_size=100))
def test_whatever_is_written_is_marked_inside_of_it(text: str) -> None:
    marked = written(text.encode("utf-16", "replace").decode("utf-16", "replace"))
    assert all(said in marked.text for _, said in marked.marks())


def test_entities_that_are_said_are_looked_at() -> None:
    with pytest.raises(ApiError, match=r'can.t parse MessageEntity: Can.t find field "length"'):
        sent("a fox", "", [{"type": "bold", "offset": 0}], most=TEXT, what="Message")
