"""People's own words, made fit to be shown inside a card. PURE.

What is stored stays as it was typed; only what is drawn is freed of what would turn around, blot out or
stretch its surroundings: direction overrides, invisible characters, towers of accents, walls of blank lines.
Markup is not dealt with here: each platform escapes its own, and passes as ``measure`` what an escaped
piece counts there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_MOST_MARKS = 4
"""On one letter. Tibetan stacks have three, Hebrew with cantillation has three or four."""
_MOST_LINES = 12
_ELLIPSIS = "…"

_ISOLATE_FIRST_STRONG, _POP_ISOLATE = "\u2068", "\u2069"
_FLAG_OF_TAGS = "\U0001f3f4"
_VISIBLE_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")
"""Of category Cf, yet drawn: signs that span Arabic and other numbers."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u3164\uffa0\u2800")
"""Of other categories, yet nothing is drawn."""
_JOINERS = frozenset((_ZWNJ, _ZWJ, "\u200e", "\u200f", "\u061c"))
"""Scripts, emoji and mixed directions need them: between two visible characters they stay."""

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_SPACES = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r" ?\n ?(?:\n ?)+")


def clean(text: str) -> str:
    """``text`` as it may be drawn: visible characters in a bounded number of lines."""
    if _PLAIN.fullmatch(text):
        return text
    kept = "".join(_kept(_LINE_ENDS.sub("\n", text)))
    spaced = re.sub(r" ?\n ?", "\n", _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", kept))).strip()
    first, *rest = spaced.split("\n", _MOST_LINES - 1)
    if len(rest) == _MOST_LINES - 1:
        rest[-1] = " ".join(rest[-1].split())
    return "\n".join((first, *rest))


def one_line(text: str) -> str:
    """Likewise, where there is room for one line."""
    return " ".join(clean(text).split())


def isolated(text: str) -> str:
    """Text that runs from right to left, kept from turning around the sentence that it stands in."""
    if any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in text):
        return f"{_ISOLATE_FIRST_STRONG}{text}{_POP_ISOLATE}"
    return text


def shorten(text: str, limit: int, *, measure: Callable[[str], int] = len) -> str:
    """:func:`clean` text that measures ``limit`` at most, with an ellipsis where something is missing.

    Never splits what a reader sees as one character, nor a word if that costs little. ``measure`` is asked
    about single characters (as readers see them) and what it says is added up.
    """
    whole = clean(text)
    if sum(map(measure, clusters(whole))) <= limit:
        return whole
    room = limit - measure(_ELLIPSIS)
    taken: list[str] = []
    for cluster in clusters(whole):
        room -= measure(cluster)
        if room < 0:
            break
        taken.append(cluster)
    cut = "".join(taken)
    if len(taken) == len(list(clusters(cut))) and not whole[len(cut) : len(cut) + 1].isspace():
        head = re.match(r"(?s)(.*\S)\s", cut)
        if head is not None and len(head[1]) >= 0.8 * len(cut):
            cut = head[1]
    return f"{cut.rstrip()}{_ELLIPSIS}" if limit > 0 else ""


def fits(text: str, limit: int, *, measure: Callable[[str], int] = len) -> bool:
    """Whether :func:`shorten` would leave everything in place; else the whole text is worth attaching."""
    return clean(text) == text.strip() and sum(map(measure, clusters(text.strip()))) <= limit


def utf16(text: str) -> int:
    """What JavaScript, and so some platforms, call the length."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clusters(text: str) -> Iterator[str]:
    """What a reader sees as single characters: extended grapheme clusters of Unicode's annex 29, as far as
    Python's own tables tell. Where they do not, clusters come out longer, never shorter; but none is longer
    than 40 code points, for the sake of texts that are made to be one."""
    start = 0
    for here in range(1, len(text) + 1):
        if here == len(text) or here - start >= 40 or _is_boundary(text, start, here):
            yield text[start:here]
            start = here


def _is_boundary(text: str, start: int, here: int) -> bool:
    before, after = text[here - 1], text[here]
    if after.isascii():
        return not (before == "\r" and after == "\n")
    if _extends(after):
        return before in "\n\r"
    if before == _ZWJ:
        return not _is_pictograph(after)
    if _is_regional(before) and _is_regional(after):
        return (here - start) % 2 == 0
    if unicodedata.combining(before) == 9:
        # A virama ties the next consonant to it.
        return not after.isalpha()
    return not (_is_hangul_part(before) and _is_jamo(after))


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character in (_ZWJ, _ZWNJ)
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or character in "\uff9e\uff9f"
    )


def _is_pictograph(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sk", "Cn", "Sm", "Po"}


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_hangul_part(character: str) -> bool:
    return _is_jamo(character) or "\uac00" <= character <= "\ud7a3"


def _is_jamo(character: str) -> bool:
    return (
        "\u1100" <= character <= "\u11ff"
        or "\ua960" <= character <= "\ua97c"
        or "\ud7b0" <= character <= "\ud7fb"
    )


def _kept(text: str) -> Iterator[str]:
    marks = 0
    before = " "
    for place, character in enumerate(text):
        category = unicodedata.category(character)
        if category in {"Mn", "Me"}:
            marks += 1
            if marks > _MOST_MARKS or character in _BLANK:
                continue
        elif character in _JOINERS:
            # At an edge, or in a row, they can only hide.
            after = text[place + 1 : place + 2]
            if before.isspace() or before in _JOINERS or not after or after.isspace():
                continue
        else:
            marks = 0
            character = _drawn(character, category, before)
            if not character:
                continue
        before = character
        yield character


def _drawn(character: str, category: str, before: str) -> str:
    if character == "\n" or category[0] in "LNPSZ":
        if character in _BLANK:
            return " "
        return character
    match category:
        case "Cs":
            return "\ufffd"
        case "Cc":
            return " " if character == "\t" else ""
        case "Cf":
            if "\U000e0020" <= character <= "\U000e007f":
                return character if before == _FLAG_OF_TAGS or "\U000e0020" <= before <= "\U000e007f" else ""
            return character if character in _VISIBLE_FORMAT else ""
        case "Cn":
            return "" if ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef" else character
    return character
