"""Asking twice before something is done that cannot be undone, or that many feel."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.durations import MINUTE
from bot.domain.errors import NotAllowed, NotFound
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.presentation.actions import Danger, OnQuestion, encode, mark
from bot.presentation.card_account import question_card
from bot.presentation.cards import Card

LASTS = 5
"""Minutes that an answer is taken; after that it is asked anew."""
MOST_NOTES = 200
"""Questions of which more is remembered than their buttons can say."""
_NOTED = "+"
"""Begins a subject that stands for a note. No id of a user, job or request does."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done, whole. ``subject`` is an id; ``until``: UTC milliseconds, None for good."""

    danger: Danger
    subject: str = ""
    reason: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``lapsed``: it came too late, or was never asked: it has to be asked now."""

    wish: Wish
    agreed: bool
    lapsed: bool


class Questions:
    """What a button cannot carry is kept in memory for a while. ``clock`` gives UTC milliseconds; ``mint``
    makes names that nobody had before, of at most 20 letters and digits."""

    def __init__(
        self, clock: Callable[[], int], mint: Callable[[], str] = lambda: secrets.token_hex(6)
    ) -> None:
        self._clock = clock
        self._mint = mint
        self._notes: OrderedDict[str, Wish] = OrderedDict()

    def ask(self, wish: Wish, what: Text, asker: IdentityId) -> Card:
        """``what`` says what will happen."""
        until, owner = self._clock() // MINUTE + LASTS, mark(asker)
        return question_card(
            wish.danger, what, owner=owner, until=until, subject=self._subject(wish, owner, until)
        )

    def read(self, action: OnQuestion, asker: IdentityId) -> Answer:
        """Raises NotAllowed for whoever was not asked, and NotFound when what was said with the command is
        not known any more."""
        if action.owner != mark(asker):
            raise NotAllowed(
                Text("Somebody else was asked that. Give the command yourself if you want it done.")
            )
        if not action.subject.startswith(_NOTED):
            wish: Wish | None = Wish(action.danger, action.subject)
        else:
            wish = self._notes.get(action.subject)
        if wish is None and not action.agreed:
            wish = Wish(action.danger)  # whatever it was, it shall not be
        if wish is None or wish.danger is not action.danger:
            raise NotFound(
                Text("What you said with the command is not kept any more. Give the command once more."),
                cause=action.subject,
            )
        return Answer(wish, action.agreed, lapsed=self._clock() // MINUTE > action.until)

    def _subject(self, wish: Wish, owner: str, until: int) -> str:
        if not wish.reason and wish.until is None and _fits(wish, owner, until):
            return wish.subject
        # It stays after the answer: who taps twice wants the same thing, and is told that it is done.
        name = f"{_NOTED}{self._mint()}"
        self._notes[name] = wish
        while len(self._notes) > MOST_NOTES:
            self._notes.popitem(last=False)
        return name


def _fits(wish: Wish, owner: str, until: int) -> bool:
    try:
        encode(OnQuestion(wish.danger, True, until, owner, wish.subject))
    except ValueError:
        return False
    return True
