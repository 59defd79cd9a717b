"""Words that the operator does not want, found in the disguises that people give them. Pure.

Whole words count: "class" holds no other word. They are found in any case and dress of letters
(:mod:`bot.domain.folding`), with digits and symbols for letters (``b4d``), stretched (``baaad``), with
anything between the letters (``b.a.d``, ``b a d``), and with digits around them (``bad2``). A phrase is found
whatever stands between its words, or nothing. A word that ends in ``*`` stands for all that begin with it.
Words of scripts without spaces are found anywhere.

Of digits only 0, 1, 3, 4, 5 and 7 are read as letters: others are numbers far more often ("8in", "6x9"), and
what takes two signs for a letter ("|3") is left to a check that understands texts. Each text is looked at by
itself: half a phrase in a prompt and half in its negative say nothing together, to a model either.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat

from bot.domain.errors import ConfigError, WordsBlocked
from bot.domain.folding import SYMBOLS, fold, is_unspaced
from bot.domain.text import Text

_DIGITS = "0123456789"
_MEANINGS = {
    "0": "0o",
    "1": "1il",
    "3": "3e",
    "4": "4a",
    "5": "5s",
    "7": "7t",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "il",
}
"""What a character may stand for. Others stand for themselves."""
_ONE_CLASS = str.maketrans("l1!|034@5$7", "iiiioeaasst")
"""Characters that may stand for the same letter, made one: words that differ here are no match."""
_IN_PATTERNS = str.maketrans("@$!|", "asii")
_NO_SYMBOLS = str.maketrans(dict.fromkeys(SYMBOLS, "."))
_NO_DIGITS = str.maketrans(dict.fromkeys(_DIGITS, "."))

_REPEATED = re.compile(r"([^ .])\1+")
_CONTRACTION = re.compile(r"'(?=(?:ll|re|ve|[dmst])(?![^ .']))")
"""Two words in one: "he'll" is not the word that it would be without its apostrophe."""
_OUTER_MARKS = re.compile(r"(?<![^ .])[!|]+(?=[^ .!|])|(?<=[^ .!|])[!|]+(?![^ .])")
_SPELLED = re.compile(r"(?<![^ .])[^ .](?:[ .]{1,3}[^ .](?![^ .]))+")
"""Letters that stand alone, one after the other."""
_GAPS = re.compile(r"([ .]+)")
_SHORT = 4
"""Words of fewer letters are stretched only by three letters and more: "good" is not "god"."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    letters: str
    said: str
    """As the operator wrote it."""
    begins: bool
    """Ends in ``*``."""
    disguised: bool = False
    """A word of another script, by the Latin letters it looks like: no match for a word in plain Latin."""


class BlockedWords:
    """Raises ConfigError for a word without letters or digits."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[str, list[_Pattern]] = {}
        self._beginnings: list[tuple[str, _Pattern]] = []
        self._phrases: dict[str, list[tuple[_Pattern, ...]]] = {}
        self._anywhere: list[tuple[str, str, bool]] = []
        for word in words:
            self._add(word)

    def find(self, text: str) -> str | None:
        """The blocked word that ``text`` holds, as the operator wrote it; None when it holds none.

        Takes time in proportion to the text.
        """
        if not (self._words or self._anywhere):
            return None
        plain = fold(text)
        for variant in _variants(plain):
            if found := self._search(variant, None) or self._search_anywhere(variant):
                return found
        if text.isascii():
            return None
        alike = fold(text, alike=True)
        if alike == plain:
            return None
        undisguised = frozenset(_GAPS.sub(" ", plain).split())
        found_alike = (self._search(variant, undisguised) for variant in _variants(alike))
        return next((found for found in found_alike if found), None)

    def _add(self, word: str) -> None:
        said = word.strip()
        begins = said.endswith("*")
        plain = _parts(fold(said))
        if not any(c.isalnum() for c in fold(said)):
            raise ConfigError(
                Text("moderation.blocked_words: “{word}” has no letters to look for.", word=said or word)
            )
        if is_unspaced("".join(plain)):
            self._anywhere.append(("".join(plain), said, len(plain) > 1))
            return
        self._add_patterns(plain, said, begins, disguised=False)
        alike = _parts(fold(said, alike=True))
        if alike != plain:
            self._add_patterns(alike, said, begins, disguised=True)

    def _add_patterns(self, parts: Sequence[str], said: str, begins: bool, *, disguised: bool) -> None:
        whole = _Pattern("".join(parts), said, begins, disguised)
        skeleton = _skeleton(whole.letters)
        self._words.setdefault(skeleton, []).append(whole)
        if begins:
            self._beginnings.append((skeleton, whole))
        if len(parts) > 1:
            last = len(parts) - 1
            phrase = tuple(_Pattern(p, said, begins and i == last, disguised) for i, p in enumerate(parts))
            self._phrases.setdefault(_skeleton(parts[0]), []).append(phrase)

    def _search(self, text: str, undisguised: frozenset[str] | None) -> str | None:
        apart = text.replace(".", " ")
        together = text.replace(".", "")
        spelled = " ".join(_spelled(text))
        for words in (apart, together, spelled):
            if found := self._search_words(words, undisguised):
                return found
        if not self._phrases:
            return None
        return self._search_phrases(apart, undisguised) or self._search_phrases(together, undisguised)

    def _search_words(self, words: str, undisguised: frozenset[str] | None) -> str | None:
        skeletons = _skeleton(words).split()
        common = self._words.keys() & frozenset(skeletons)
        if not common and not self._beginnings:
            return None
        pairs = dict.fromkeys(zip(skeletons, words.split(), strict=True))
        for skeleton, word in pairs if common else ():
            for pattern in self._words.get(skeleton, ()):
                if _fits(pattern, word, undisguised):
                    return pattern.said
        ordered = sorted(pairs) if self._beginnings else []
        for beginning, pattern in self._beginnings:
            for index in range(bisect_left(ordered, (beginning,)), len(ordered)):
                skeleton, word = ordered[index]
                if not skeleton.startswith(beginning):
                    break
                if _fits(pattern, word, undisguised):
                    return pattern.said
        return None

    def _search_phrases(self, text: str, undisguised: frozenset[str] | None) -> str | None:
        words, skeletons = text.split(), _skeleton(text).split()
        if not self._phrases.keys() & frozenset(skeletons):
            return None
        for start, skeleton in enumerate(skeletons):
            for phrase in self._phrases.get(skeleton, ()):
                here = words[start : start + len(phrase)]
                if len(here) == len(phrase) and all(map(_fits, phrase, here, repeat(undisguised))):
                    return phrase[0].said
        return None

    def _search_anywhere(self, text: str) -> str | None:
        if not self._anywhere:
            return None
        held = frozenset(text)
        spelled = " ".join(_spelled(text))
        for letters, said, phrase in self._anywhere:
            if held.issuperset(letters) and (
                letters in text or letters in spelled or (phrase and letters in _GAPS.sub("", text))
            ):
                return said
        return None


def refusal(word: str) -> WordsBlocked:
    """The error for a text that holds a blocked word."""
    return WordsBlocked(
        Text("“{word}” is not allowed here. Change your text and try again; nothing was charged.", word=word)
    )


def _variants(plain: str) -> Iterator[str]:
    """Ways to read a text, in letters, spaces and dots: symbols as dots, as letters; digits as dots."""
    text = _CONTRACTION.sub(" ", plain).replace("'", ".")
    without = text.translate(_NO_SYMBOLS)
    yield without
    if without != text:
        yield _OUTER_MARKS.sub(".", text)
    letters = without.translate(_NO_DIGITS)
    if letters != without:
        yield letters


def _spelled(text: str) -> Iterator[str]:
    """Words whose letters stand alone; several words where what is between the letters changes, and with
    or without an "a" or "I" at the ends, which may be words of the sentence."""
    for run in _SPELLED.findall(text):
        pieces = _GAPS.split(run)
        letters, gaps = pieces[::2], pieces[1::2]
        yield from _trimmed("".join(letters))
        start = 0
        for _, group in groupby(gaps):
            end = start + sum(1 for _ in group)
            if end - start < len(gaps):
                yield from _trimmed("".join(letters[start : end + 1]))
            start = end


def _trimmed(word: str) -> Iterator[str]:
    first, last = word[0] in "ai", word[-1] in "ai"
    yield word
    if first:
        yield word[1:]
    if last:
        yield word[:-1]
    if first and last and len(word) > 2:
        yield word[1:-1]


def _parts(plain: str) -> list[str]:
    return _GAPS.sub(" ", _OUTER_MARKS.sub(".", plain.replace("'", ".")).translate(_IN_PATTERNS)).split()


def _skeleton(words: str) -> str:
    return _REPEATED.sub(r"\1", words.translate(_ONE_CLASS))


def _fits(pattern: _Pattern, word: str, undisguised: frozenset[str] | None) -> bool:
    if pattern.disguised and (undisguised is None or word in undisguised):
        return False
    if word.isdecimal() and not pattern.letters.isdecimal():
        return False  # a number is a number
    return _spells(pattern.letters, word, pattern.begins)


def _spells(letters: str, word: str, begins: bool) -> bool:
    """Whether ``word`` is ``letters`` in disguise. Walks all readings at once, so none is tried twice."""
    whole = len(letters)
    long = whole >= _SHORT
    reached = {0}
    for char, run in groupby(word):
        length = sum(1 for _ in run)
        meanings = _MEANINGS.get(char, char)
        further = set()
        for start in reached:
            if long and start and letters[start - 1] in meanings:
                further.add(start)
            end = start
            while end < whole and end - start < length and letters[end] in meanings:
                end += 1
                if begins and end == whole:
                    return True
                if long or length >= 3 or end - start == length:
                    further.add(end)
        reached = further
        if not reached:
            return False
    return whole in reached
