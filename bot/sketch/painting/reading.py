"""Prompt text to known and unknown words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bot.sketch.painting.lexicon import LEXICON, LONGEST_PHRASE, Entry, Family, look_up
from bot.sketch.painting.words import Word, read_words

# Words that carry no picture; they are not "unknown".
_CARRY_NOTHING = """
a an the of in on at by to with and or over under near from into onto for is are as its it his her their this
that through between behind beside above below across along around very no not without best quality style view
scene picture image art up down out off s there where while inside outside
"""
_PLAIN = frozenset(_CARRY_NOTHING.split())
_MATERIALS = frozenset(("stone", "rock", "crystal"))
_PLURALS = frozenset(("people", "men", "women", "children", "leaves"))


@dataclass(frozen=True, slots=True)
class Known:
    """A word or phrase of the lexicon, as it stood in the text."""

    word: Word
    entry: Entry
    plural: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of a text, in order, and which words were not."""

    known: tuple[Known, ...]
    unknown: tuple[str, ...]

    def keys(self, family: Family) -> tuple[str, ...]:
        """The canonical keys of one family, each once, in order."""
        return tuple(dict.fromkeys(item.entry.key for item in self.known if item.entry.family is family))


def read(text: str) -> Reading:
    """Read a prompt; the longest known phrase wins."""
    words = read_words(text)
    known: list[Known] = []
    unknown: dict[str, None] = {}
    position = 0
    while position < len(words):
        length, entry = _longest(words[position : position + LONGEST_PHRASE])
        if entry is not None:
            last = words[position + length - 1].text
            known.append(Known(words[position], entry, _is_plural(last, entry)))
        elif words[position].text not in _PLAIN:
            unknown[words[position].text] = None
        position += length
    return Reading(tuple(_without_materials(known)), tuple(unknown))


def _without_materials(known: Sequence[Known]) -> Iterator[Known]:
    """Leave out the stone of "stone bridge": what the next subject is made of is no subject."""
    for item, following in zip_longest(known, known[1:]):
        made_of = following is not None and following.entry.family is Family.SUBJECT
        if not (item.word.text in _MATERIALS and made_of and following.word.clause == item.word.clause):
            yield item


def _longest(window: Sequence[Word]) -> tuple[int, Entry | None]:
    for length in _lengths(window):
        entry = look_up(" ".join(word.text for word in window[:length]))
        if entry is not None:
            return length, entry
    return 1, None


def _lengths(window: Sequence[Word]) -> Iterator[int]:
    """Phrase lengths to try, longest first, none across a comma."""
    for length in range(len(window), 0, -1):
        if window[length - 1].clause == window[0].clause:
            yield length


def _is_plural(word: str, entry: Entry) -> bool:
    if word in _PLURALS:
        return True
    return word.endswith("s") and word not in LEXICON and entry.family is Family.SUBJECT
