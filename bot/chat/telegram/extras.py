"""Cards and buttons that only Telegram's ways of sending need. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_buttons import MOST_PICTURES
from bot.presentation.cards import IN_A_ROW, Button, Card
from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile

_ORIGINAL = Text("Original")


def elsewhere_card(card: Card) -> Card:
    """What is left where a result could not be shown, but somewhere else."""
    line = Text("It could not be shown here, and was sent to whoever asked for it.")
    return replace(card, lines=(line,), rows=(), pictures=(), texts=(), buttons=())


def originals(files: Sequence[ParcelFile]) -> tuple[tuple[Button, ...], ...]:
    """Telegram makes photos smaller, as JPEG; a button each brings the file as it was painted."""
    photos = [file.picture for file in files if file.form is Form.PHOTO and file.picture is not None]
    if len(photos) > MOST_PICTURES:
        return ()
    buttons = tuple(
        Button(
            OnRequest(Verb.SHOW, RequestId(picture.job.rpartition("-")[0]), picture.index, picture.file),
            _ORIGINAL
            if len(files) == 1
            else Text("{action} {number}", action=_ORIGINAL, number=picture.number),
            "📄",
            number=None if len(files) == 1 else picture.number,
        )
        for picture in photos
    )
    return tuple(buttons[start : start + IN_A_ROW] for start in range(0, len(buttons), IN_A_ROW))
