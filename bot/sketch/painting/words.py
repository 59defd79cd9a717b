"""Prompt text to weighted words: the syntax of prompts, not their meaning."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 20_000
MAX_WORDS = 600

_LORA_TAG = re.compile(r"<[^<>]{0,200}>")
_PIECE = re.compile(r"[()\[\]]|:\s*-?\d*\.?\d+(?=\s*[)\]])|[^\W_]+(?:['’][^\W_]+)*|[,.;|\n]")
_NESTING_BOOST = 1.1
_WEIGHTS = (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Word:
    """One word, case-folded; ``clause`` counts the commas and stops before it."""

    text: str
    weight: float
    clause: int


def read_words(text: str) -> tuple[Word, ...]:
    """The words of ``text`` with the weights of ``(word:1.3)``, ``(word)`` and ``[word]``.

    Unbalanced brackets and stray colons are taken as they come; nothing is refused.
    """
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])[:MAX_CHARACTERS].casefold()
    return tuple(_weighted(_LORA_TAG.sub(" ", plain)))[:MAX_WORDS]


def _weighted(text: str) -> Iterator[Word]:
    pieces = _PIECE.findall(text)[: MAX_WORDS * 2]
    closing = _closing_weights(pieces)
    weights = [1.0]
    clause = 0
    for position, piece in enumerate(pieces):
        if piece in "([":
            weights.append(weights[-1] * closing.get(position, _NESTING_BOOST if piece == "(" else 0.9))
        elif piece in ")]":
            if len(weights) > 1:
                weights.pop()
        elif piece in ",.;|\n":
            clause += 1
        elif not piece.startswith(":"):
            yield Word(piece, min(max(weights[-1], _WEIGHTS[0]), _WEIGHTS[1]), clause)


def _closing_weights(pieces: list[str]) -> dict[int, float]:
    """Position of each opening bracket -> the explicit weight given before its closing one."""
    found: dict[int, float] = {}
    open_at: list[int] = []
    for position, piece in enumerate(pieces):
        if piece in "([":
            open_at.append(position)
        elif piece.startswith(":") and open_at:
            found[open_at[-1]] = float(piece[1:])
        elif piece in ")]" and open_at:
            open_at.pop()
    return found


def forms(word: str) -> Iterator[str]:
    """``word`` and what it may be an inflection of, the likeliest first: foxes, foggy, wolves, snowing."""
    yield word
    stem = word.removesuffix("'s").removesuffix("’s")
    if stem != word:
        yield stem
    for suffix, repair in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
        if stem.endswith(suffix) and len(stem) > len(suffix) + 2:
            yield stem[: -len(suffix)] + repair
    for suffix in ("ing", "ed", "y", "ish", "like"):
        if stem.endswith(suffix) and len(stem) > len(suffix) + 2:
            root = stem[: -len(suffix)]
            yield root
            yield root + "e"
            if root[-1] == root[-2]:
                yield root[:-1]
