"""What a press is answered with at once, before anything is looked up; and whether it is meant."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from bot.domain.ids import IdentityId
from bot.presentation.actions import (
    Action,
    Listing,
    OnExample,
    OnPage,
    OnPicture,
    OnQuestion,
    OnRequest,
    OnSetting,
    Verb,
)

PRESSED_TWICE = 3.0
"""Seconds within which the same button, pressed again by the same person, is the same press."""


class First(Enum):
    """What must be answered at once, before anything is looked up."""

    REPLY = "reply"
    """A new message for everybody comes; for one person's eyes where the message pressed on is."""
    WHISPER = "whisper"
    """A new message for one person's eyes comes."""
    TURN = "turn"
    """The card pressed on becomes another; a new one for one person's eyes where it is everybody's."""
    QUIET = "quiet"
    """The message pressed on shows it by itself."""
    FORM = "form"
    """A form opens."""


_FIRST: Mapping[Verb, First] = {
    Verb.REROLL: First.REPLY,
    Verb.AGAIN: First.REPLY,
    Verb.VARIATION: First.REPLY,
    Verb.UPSCALE: First.REPLY,
    Verb.EDIT: First.FORM,
    Verb.DELETE: First.QUIET,
    Verb.CANCEL: First.QUIET,
    Verb.SHOW: First.WHISPER,
    Verb.ORIGINAL: First.WHISPER,
    Verb.SETTINGS: First.WHISPER,
}


def first_answer(action: Action | None) -> First:
    """Of a button; None: one that nobody knows."""
    match action:
        case OnRequest(verb=verb):
            return _FIRST[verb]
        case OnPage(listing=Listing.PRIVACY, subject="export"):
            return First.WHISPER
        case OnPage() | OnSetting() | OnQuestion():
            return First.TURN
        case OnExample():
            return First.REPLY
        case OnPicture() | None:
            return First.WHISPER


def paints(action: Action) -> bool:
    """Whether a press on it asks for pictures."""
    return first_answer(action) is First.REPLY


class Presses:
    """Who pressed what a moment ago. In memory alone: a double click does not outlive a restart."""

    def __init__(self) -> None:
        self._at: dict[tuple[IdentityId, Action], float] = {}

    def is_repeat(self, who: IdentityId, action: Action | None, now: float) -> bool:
        """Whether this is the second half of a double click on a button that paints. ``now``: monotonic
        seconds."""
        if action is None or not paints(action):
            return False
        self._at = {key: at for key, at in self._at.items() if now - at < PRESSED_TWICE}
        if (who, action) in self._at:
            return True
        self._at[who, action] = now
        return False
