"""The buttons of a card as an inline keyboard. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.telegram.markup import plain
from bot.presentation.actions import encode
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import Button, Card, Style
from bot.presentation.language import Language

LABEL = 40
MOST = 100
"""Buttons of a keyboard."""
_ABREAST = 3
"""Of buttons with words: on a telephone, more of them cut each other off."""
_STYLES = {Style.PRIMARY: "primary", Style.DANGER: "danger", Style.PLAIN: None}


def keyboard_of(
    card: Card, language: Language, more: Sequence[Sequence[Button]] = ()
) -> InlineKeyboardMarkup | None:
    """What is pressed is read from its data, by whatever process runs then. ``more``: rows below those of
    the card."""
    rows = [part for row in (*card.all_buttons, *more) for part in _broken(row)]
    drawn = [[_button(button, language, len(row)) for button in row] for row in rows]
    return InlineKeyboardMarkup(drawn) if drawn else None


def _broken(row: Sequence[Button]) -> Iterator[Sequence[Button]]:
    """Rows that a telephone has room for; numbered buttons are narrow, and stay together."""
    if not row:
        return
    if all(button.number is not None for button in row):
        yield row
        return
    count = -(-len(row) // _ABREAST)
    size = -(-len(row) // count)
    for start in range(0, len(row), size):
        yield row[start : start + size]


def _button(button: Button, language: Language, abreast: int) -> InlineKeyboardButton:
    return InlineKeyboardButton(
        label_of(button, language, abreast),
        callback_data=encode(button.action),
        style=_STYLES[button.style],
    )


def label_of(button: Button, language: Language, abreast: int) -> str:
    """With its number for words where it stands among many."""
    if button.number is not None and abreast > 2:
        return f"{button.emoji} {button.number}".strip()
    words = shorten(one_line(plain(language, button.label)), LABEL)
    return f"{button.emoji} {words}".strip() or "…"
