"""People's own words in cards: nothing hides, nothing spills, nothing is split."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text import Text
from bot.presentation.card_text import clean, clusters, fits, isolated, one_line, shorten, utf16
from bot.presentation.card_words import about_so_many, cells, coarse, eta, gpu_seconds, megabytes, place, step
from bot.presentation.cards import CELLS, Code, Command

ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("ab \n\r\t\u200b\u200d\u200c\u202e\u2066\u0301\u0300\ufe0f👨👩👧🏽🇩🇪🏴\u3164"),
    ),
    max_size=80,
)
FAMILY = "👨\u200d👩\u200d👧"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("a fox", "a fox"),
        ("", ""),
        ("  a  fox ", "a fox"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\n\n\n\n \n b", "a\n\nb"),
        ("a\tb\x00c\x1b[31m", "a bc[31m"),
        ("a\u202eb\u202c \u2066c\u2069", "ab c"),
        ("in\u200bvis\u2060ible\ufeff", "invisible"),
        ("x" + "\u0301" * 50, "x" + "\u0301" * 4),
        ("Việt Nam", "Việt Nam"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("\u200d\u200d\u200da", "a"),
        (FAMILY, FAMILY),
        (ENGLAND, ENGLAND),
        ("a\U000e0067\U000e0062b", "ab"),
        ("\ud800x", "\ufffdx"),
        ("a\u3164\u3164b", "a b"),
        ("\ufffe\uffffx", "x"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("@everyone <b>*x*</b>", "@everyone <b>*x*</b>"),
    ],
)
def test_what_is_drawn_of_what_was_typed(typed: str, drawn: str) -> None:
    assert clean(typed) == drawn


def test_walls_of_lines_become_a_dozen() -> None:
    lines = clean("\n".join("abcdefghijklmnopqrstuvwxyz")).split("\n")
    assert len(lines) == 12
    assert lines[-1] == "l m n o p q r s t u v w x y z"


@given(ANY)
def test_what_is_drawn_is_tame(text: str) -> None:
    drawn = clean(text)
    assert clean(drawn) == drawn
    assert len(drawn.split("\n")) <= 12
    assert drawn == drawn.strip()
    assert not set(drawn) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\x00\r")
    drawn.encode()
    run = 0
    for character in drawn:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        assert run <= 8, "a tower of accents"
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("abc", 3),
        ("e\u0301", 1),
        (FAMILY, 1),
        (ENGLAND, 1),
        ("🇩🇪🇫🇷", 2),
        ("👍🏽!", 2),
        ("각각", 2),
        ("\u1100\u1161\u11a8", 1),
        ("नि", 1),
        ("क्षि", 1),
        ("❤\ufe0f❤\ufe0f", 2),
        ("\r\n", 1),
        ("a\u200db", 2),
    ],
)
def test_what_a_reader_sees_as_one(text: str, count: int) -> None:
    found = list(clusters(text))
    assert len(found) == count
    assert "".join(found) == text


@given(ANY)
def test_nothing_is_lost_between_clusters(text: str) -> None:
    assert "".join(clusters(text)) == text
    assert all(0 < len(cluster) <= 40 for cluster in clusters(text))


@given(ANY, st.integers(0, 60))
def test_shortened_text_fits_and_begins_as_the_whole(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    if short.endswith("…") and short != clean(text):
        assert clean(text).startswith(short[:-1])
        rest = clean(text)[len(short) - 1 :]
        whole = list(clusters(clean(text)))
        boundaries, at = {0}, 0
        for cluster in whole:
            at += len(cluster)
            boundaries.add(at)
        # Spaces before the ellipsis are dropped; but for them, it stands at a boundary.
        assert any(
            len(short) - 1 + spaces in boundaries for spaces in range(len(rest) - len(rest.lstrip()) + 1)
        )
    else:
        assert short == clean(text) or limit == 0


@given(ANY, st.integers(1, 100))
def test_whoever_escapes_says_what_that_costs(text: str, limit: int) -> None:
    def escaped(piece: str) -> str:
        return "".join(f"\\{c}" if c in "*_`~|>" else c for c in piece)

    assert len(escaped(shorten(text, limit, measure=lambda piece: len(escaped(piece))))) <= limit
    assert utf16(shorten(text, limit, measure=utf16)) <= limit


def test_words_are_kept_whole_where_that_costs_little() -> None:
    assert shorten("a lighthouse on a cliff at dusk", 26) == "a lighthouse on a cliff…"
    assert shorten("abcdefghijklmnop", 5) == "abcd…"
    assert shorten("a " + "b" * 100, 50) == "a " + "b" * 47 + "…"


def test_six_thousand_characters() -> None:
    text = "a very long wish " * 353
    assert len(shorten(text, 4096)) <= 4096
    assert not fits(text, 4096)
    assert fits(text, 10_000)
    assert not fits("hidden\u200b", 100), "what is not drawn is worth attaching"
    assert fits(" a fox\n", 5)


def test_right_to_left_stays_on_its_side() -> None:
    assert isolated("fox") == "fox"
    assert isolated("ثعلب") == "\u2068ثعلب\u2069"


# Amounts


@given(st.floats(0, 1e7))
def test_waits_are_never_said_to_be_much_shorter(seconds: float) -> None:
    assert str(eta(seconds))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (5, "a few seconds"),
        (6, "about 10 seconds"),
        (31, "about 30 seconds"),
        (50, "about 1 minute"),
        (70, "about 1½ minutes"),
        (100, "about 2 minutes"),
        (700, "about 12 minutes"),
        (3600, "about 1 hour"),
        (5000, "about 1½ hours"),
        (50_000, "about 18 hours"),
        (1_000_000, "about 12 days"),
    ],
)
def test_waits_in_friendly_steps(seconds: float, words: str) -> None:
    assert str(eta(seconds)) == words


def test_a_wait_that_runs_down_changes_seldom() -> None:
    assert len({str(eta(seconds)) for seconds in range(600)}) <= 14


@pytest.mark.parametrize(("number", "words"), [(1, "place 1"), (5, "place 5"), (6, "place 8 or so")])
def test_places(number: int, words: str) -> None:
    assert str(place(number)) == words


@given(st.integers(1, 100_000))
def test_rough_numbers_are_rounded_up_and_not_far(number: int) -> None:
    rough = about_so_many(number)
    assert number <= rough <= max(number * 1.5, number + 50 if number > 100 else 0)


def test_sentences_with_rough_numbers() -> None:
    inner = Text("{pictures} pictures of {people} people come before yours.", pictures=13, people=4)
    outer = Text("{first} The server also works for others: {foreign} of theirs.", first=inner, foreign=2)
    assert str(coarse(outer)) == (
        "15 or so pictures of 4 people come before yours. The server also works for others: 2 of theirs."
    )
    assert str(coarse(Text.counted("{count} more", "{count} more", 17))) == "20 or so more"


@given(st.floats(0, 1))
def test_cells(fraction: float) -> None:
    assert 0 <= cells(fraction) < CELLS
    assert cells(fraction) <= fraction * CELLS + 1e-6


@given(st.floats(0, 5000), st.floats(0, 5000))
def test_steps(done: float, total: float) -> None:
    now, most = step(done, total)
    assert 0 <= now <= done
    assert most == int(total)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (46, "46 s"), (3600, "3 600 s")]
)
def test_seconds(seconds: float, words: str) -> None:
    assert str(gpu_seconds(seconds)) == words


def test_sizes() -> None:
    assert str(megabytes(10 * 2**20)) == "10 MiB"
    assert str(megabytes(int(2.5 * 2**20))) == "2.5 MiB"


# Sentences


def test_counted_sentences_ask_the_language_for_their_form() -> None:
    text = Text.counted("{count} picture", "{count} pictures", 3)
    assert str(text) == "3 pictures"
    assert str(Text.counted("{count} picture", "{count} pictures", 1)) == "1 picture"
    asked: list[tuple[str, str, int]] = []

    def choose(one: str, many: str, count: int) -> str:
        asked.append((one, many, count))
        return "{count} obrazki"

    assert text.render(choose=choose) == "3 obrazki"
    assert Text("({inner})", inner=text).render(choose=choose) == "(3 obrazki)"
    assert asked == [("{count} picture", "{count} pictures", 3)] * 2
    assert text != Text("{count} picture", count=3)


def test_escaping_touches_values_alone() -> None:
    text = Text("*{a}* {inner}", a="*x*", inner=Text("<b>{b}", b=Command("queue")))
    shown = text.render(show=lambda value: f"⟨{value}⟩")
    assert shown == "*⟨*x*⟩* <b>⟨/queue⟩"
    assert str(Text("{code}", code=Code("--ar"))) == "--ar"
