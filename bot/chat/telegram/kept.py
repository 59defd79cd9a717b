"""Cards and buttons that only Telegram's ways of sending need. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.ids import RequestId
from bot.domain.jobs import DeliveryState
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_buttons import MOST_PICTURES
from bot.presentation.cards import IN_A_ROW, Button, Card, CardState, Style
from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile


def kept_card(card: Card, request: RequestId, delivery: DeliveryState) -> Card:
    """What is left to show when a result was lost on its way, or had nowhere to go."""
    if not card.pictures:
        return card
    why = (
        Text(
            "It was sent, but nobody knows whether it arrived: the platform's answer was lost. If you do "
            "not see it, have it shown."
        )
        if delivery is DeliveryState.UNKNOWN
        else Text("It could not be shown here. It is kept, and shown where you ask for it.")
    )
    show = Button(OnRequest(Verb.SHOW, request), Text("Show"), "🖼️", Style.PRIMARY)
    delete = Button(OnRequest(Verb.DELETE, request), Text("Delete"), "🗑️", Style.DANGER)
    count = len(card.pictures)
    return replace(
        card,
        state=CardState.KEPT,
        headline=Text.counted("Your picture is ready", "Your {count} pictures are ready", count),
        lines=(why,),
        rows=(),
        pictures=(),
        texts=(),
        buttons=((show, delete),),
    )


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
            Text("Original") if len(files) == 1 else Text("Original {number}", number=picture.number),
            "📄",
            number=None if len(files) == 1 else picture.number,
        )
        for picture in photos
    )
    return tuple(buttons[start : start + IN_A_ROW] for start in range(0, len(buttons), IN_A_ROW))
