"""Pages of lists for operators. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain.text import Text
from bot.presentation.actions import Listing, OnPage
from bot.presentation.card_text import isolated, one_line, shorten
from bot.presentation.cards import Button, Buttons

_NAME_CHARACTERS = 40

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``shown``: entries with their numbers in the whole list, from 1. ``number`` counts from 0 and is a page
    that is there, since lists shrink."""

    shown: tuple[tuple[int, T], ...]
    number: int
    pages: int

    @property
    def note(self) -> tuple[Text, ...]:
        if self.pages == 1:
            return ()
        return (Text("Page {page} of {pages}.", page=self.number + 1, pages=self.pages),)

    def turn(self, listing: Listing, owner: str) -> Buttons:
        back = Button(OnPage(listing, self.number - 1, owner), Text("Back"), "◀️")
        on = Button(OnPage(listing, self.number + 1, owner), Text("More"), "▶️")
        buttons = (*((back,) if self.number else ()), *((on,) if self.number + 1 < self.pages else ()))
        return (buttons,) if buttons else ()


def page_of(entries: Sequence[T], number: int, size: int) -> Page[T]:
    pages = max(1, -(-len(entries) // size))
    number = min(max(0, number), pages - 1)
    first = number * size
    return Page(tuple(enumerate(entries[first : first + size], first + 1)), number, pages)


def name_of(words: str) -> str:
    """A person's or a file's own name, fit to stand in a sentence."""
    return isolated(shorten(one_line(words), _NAME_CHARACTERS))


def joined(*parts: Text | None) -> Text | None:
    """Those that are there, on one line."""
    line: Text | None = None
    for part in parts:
        if part is not None:
            line = part if line is None else Text("{first} · {second}", first=line, second=part)
    return line
