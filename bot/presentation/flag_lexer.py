"""Where a line of chat holds flags, and where text. PURE.

A flag begins at the start of a word with a run of dashes directly before a letter: ``--ar``, or what
phones and word processors make of it (``—ar``, ``–ar``, ``−−ar``). One plain hyphen never begins one,
nor does a dash that stands alone, so ``sci-fi`` and ``a man -- his dog`` stay text.

Quotes protect what they enclose. In text they stay where they are (image models read them); around the
value of a flag they go away, and ``""`` inside stands for one ``"``. A quote without its partner is
text, never an error: people write ``don't`` and ``5" nails``.
"""

from __future__ import annotations

import re
import unicodedata

_LONG = "\u2012\u2013\u2014\u2015\u2e3a\u2e3b\ufe58"
_SHORT = "\\-\u2010\u2011\u2212\ufe63\uff0d"
# Direction marks and zero-width characters that keyboards put before a word; no reader sees them.
_MARKS = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_LEAD = rf"(?:[{_SHORT}]*[{_LONG}][{_SHORT}{_LONG}]*|[{_SHORT}]{{2,}})"
_LETTER = r"[^\W\d_]"

CLOSERS = {
    '"': '"',
    "\uff02": "\uff02",
    "“": "”",
    "„": "“”",
    "”": "”",
    "«": "»",
    "»": "«",
    "「": "」",
}
"""Opening quote -> what may close it. Straight and curly apostrophes are missing on purpose."""

_VALUE_CLOSERS = {**CLOSERS, "'": "'", "‘": "’"}

_FLAG = re.compile(rf"{_LEAD}(?={_LETTER})")
_NAME = re.compile(r"[^\s=＝]+")
_TWO_SIDED = "".join(opener for opener, closers in CLOSERS.items() if opener in closers)
_STOP = re.compile(
    rf"(?P<flag>(?<![^\s{_MARKS}]){_LEAD}(?={_LETTER}))"
    r"|(?P<end>(?<!\S)--(?!\S))"
    rf"|(?P<quote>(?<!\w)(?![{_TWO_SIDED}](?:\s|$))[{''.join(CLOSERS)}])"
)
_SPACE = re.compile(rf"[\s{_MARKS}]*")
_WORD = re.compile(r"\S+")
_KEY = re.compile(r"[^\s=＝]*[=＝]")
_BARE = re.compile(rf"[^\s{''.join(_VALUE_CLOSERS)}”’»]+")
_INVISIBLE = re.compile(f"[{_MARKS}]")


def plain_name(written: str) -> str:
    """A flag's name for looking it up: lower case (phones capitalise), ``_`` as ``-``."""
    return _INVISIBLE.sub("", written).casefold().replace("_", "-")


def plain_number(raw: str) -> str:
    """Digits, signs and separators in their ASCII form: ``３：２`` -> ``3:2``, ``−1`` -> ``-1``."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", raw)).strip()
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return re.sub(f"[{_LONG}{_SHORT}]", "-", text)


def is_visible(text: str) -> bool:
    """Whether a reader would see anything."""
    return bool(_INVISIBLE.sub("", text).strip())


def unreadable(text: str) -> str | None:
    """The first character that no text holds: a control character, or half of one that did not decode."""
    return next(
        (c for c in text if c not in "\t\n\r" and unicodedata.category(c) in {"Cc", "Cs"}),
        None,
    )


def split_flag(word: str) -> tuple[str, str | None] | None:
    """One word of a shell: ``--name`` or ``--name=value``; None when it is no flag.

    A single letter behind a single hyphen (``-n``) is one too: in a shell nobody means it as text.
    """
    lead = _FLAG.match(word)
    if lead is None:
        short = re.fullmatch("-([A-Za-z])(?:=(.*))?", word, re.DOTALL)
        return (short[1], short[2]) if short else None
    rest = word[lead.end() :]
    name = _NAME.match(rest)
    assert name is not None  # the lead is followed by a letter
    equals = rest[name.end() : name.end() + 1] in {"=", "＝"}
    if not equals:
        return rest, None
    return name[0], rest[name.end() + 1 :]


def quote(value: str) -> str:
    """``value`` as one word of a line; quoted only where it must be."""
    if _BARE.fullmatch(value) and not _STOP.search(value) and not _INVISIBLE.match(value):
        return value
    return '"' + value.replace('"', '""') + '"'


class LineScanner:
    """Reads a line from left to right; ``position`` only grows."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.position = 0

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.line)

    def text(self, *, after_words: bool = False) -> str:
        """The text up to the next flag, a ``--`` that ends flags, or the end of the line.

        ``--`` ends flags where it follows no text, so that prose may use it as a dash; ``after_words``
        makes it end them anywhere.
        """
        start = here = self.position
        while stop := _STOP.search(self.line, here):
            if stop.lastgroup == "quote":
                here = self._closing(stop.start()) or stop.end()
            elif stop.lastgroup == "end" and not after_words and self.line[start : stop.start()].strip():
                here = stop.end()
            else:
                break
        self.position = stop.start() if stop else len(self.line)
        return self.line[start : self.position].strip()

    def rest_after_end(self) -> str | None:
        """After ``--``: everything behind it, taken as it is. None when this is no ``--``."""
        stop = _STOP.match(self.line, self.position)
        if stop is None or stop.lastgroup != "end":
            return None
        self.position = len(self.line)
        return self.line[stop.end() :].strip()

    def name(self) -> tuple[str, bool]:
        """At a flag: its name as written, and whether ``=`` followed. Call only where ``text`` stopped."""
        lead = _FLAG.match(self.line, self.position)
        assert lead is not None
        name = _NAME.match(self.line, lead.end())
        assert name is not None
        self.position = name.end()
        equals = self.line[self.position : self.position + 1] in {"=", "＝"}
        self.position += equals
        return name[0], equals

    def word(self, *, attached: bool = False) -> str | None:
        """A flag's value of one word, or quoted; None when the line ends or a flag follows.

        ``attached``: it stands directly behind ``=``, so that it may look like a flag.
        """
        if not self._at_value(attached=attached):
            return None
        if (quoted := self._quoted()) is not None:
            return quoted
        start = self.position
        # name="some words": the quotes stand inside the word.
        if (key := _KEY.match(self.line, start)) is not None:
            self.position = key.end()
            if (quoted := self._quoted()) is not None:
                return key[0] + quoted
        word = _WORD.match(self.line, start)
        assert word is not None
        self.position = word.end()
        return word[0]

    def words(self, *, attached: bool = False) -> str | None:
        """A flag's value that runs up to the next flag, or exactly what is quoted."""
        if not self._at_value(attached=attached):
            return None
        if (quoted := self._quoted()) is not None:
            return quoted
        return self.text(after_words=True) or None

    def _at_value(self, *, attached: bool) -> bool:
        space = _SPACE.match(self.line, self.position)
        assert space is not None
        self.position = space.end()
        if self.at_end:
            return False
        if attached and not space[0]:
            return True
        stop = _STOP.match(self.line, self.position)
        return stop is None or stop.lastgroup == "quote"

    def _closing(self, opening: int) -> int | None:
        """Behind the partner of the quote at ``opening`` in text; None if it has none.

        The next quote of the kind must be able to close. Else the first one is taken for a stray, so
        that ``5 "inch --no "red"`` keeps its flag.
        """
        opener = self.line[opening]
        closers = CLOSERS[opener]
        found = re.compile(f"[{opener}{closers}]").search(self.line, opening + 1)
        if found is None or found[0] not in closers:
            return None
        before, after = self.line[found.start() - 1], self.line[found.end() : found.end() + 1]
        if opener in closers and (before.isspace() or after.isalnum()):
            return None
        return found.end()

    def _quoted(self) -> str | None:
        """Read a whole quoted value, without its quotes; None (and nothing read) if there is none."""
        opener = self.line[self.position : self.position + 1]
        closers = _VALUE_CLOSERS.get(opener)
        if closers is None:
            return None
        body = rf"(?:[^{closers}]|{closers}{{2}})*" if opener == closers else f"[^{closers}]*"
        found = re.compile(rf"{opener}({body})[{closers}](?!\S)").match(self.line, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[1].replace(closers * 2, closers) if opener == closers else found[1]
