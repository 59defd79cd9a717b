"""What to say when something that was asked for was not accepted, or cannot be taken yet. PURE."""

from __future__ import annotations

from bot.domain.errors import (
    FairbrushError,
    NotYours,
    OutputError,
    QuotaUsedUp,
    StoreUnavailable,
    TooManyWaiting,
)
from bot.domain.ids import JobId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import Listing, OnPage
from bot.presentation.card_buttons import again_button
from bot.presentation.card_failures import kind_of
from bot.presentation.cards import Button, Buttons, Card, CardState, Incident


def error_card(
    error: FairbrushError,
    *,
    owner: str = "",
    theirs: RequestId | None = None,
    job: JobId | None = None,
) -> Card:
    """Nothing was started or charged. For one person's eyes: it may name what they asked for.

    ``owner``: :func:`~bot.presentation.actions.mark` of who asked. ``theirs``: somebody else's request that
    they wanted something of, and may imagine again as themselves; left out where it is private.
    """
    kind = kind_of(error.code)
    fault = kind.fault.text
    notes = [fault] if fault else []
    if kind.incident:
        notes.append(Text("Nothing was started, and nothing is charged."))
    return Card(
        CardState.DENIED,
        kind.headline,
        lines=(_for_everybody(error),),
        notes=tuple(notes),
        incident=Incident(error.code, job) if kind.incident else None,
        buttons=_ways_on(error, owner, theirs),
        private=True,
    )


def _for_everybody(error: FairbrushError) -> Text:
    """Where files lie, and on which machine, is for the operator: the log says it, and the queue."""
    if isinstance(error, StoreUnavailable | OutputError):
        return Text("Its disk is full, or cannot be written. The operator has been told. Try again later.")
    return error.text


def _ways_on(error: FairbrushError, owner: str, theirs: RequestId | None) -> Buttons:
    match error:
        case NotYours() if theirs is not None:
            return ((again_button(theirs),),)
        case QuotaUsedUp():
            return ((Button(OnPage(Listing.QUOTA, 0, owner), Text("My quota")),),)
        case TooManyWaiting():
            return ((Button(OnPage(Listing.QUEUE, 0, owner), Text("My pictures in line")),),)
    return ()


def one_moment_card() -> Card:
    """Before anything is decided or written down; it promises nothing."""
    return Card(CardState.ACCEPTED, Text("One moment …"))


def busy_card(request: RequestId, *, private: bool = False) -> Card:
    """It is written down, but so much is asked for right now that its place comes later."""
    return Card(
        CardState.ACCEPTED,
        Text("Accepted"),
        lines=(Text("Much is asked for right now. Its place in line is shown here in a while."),),
        request=request,
        private=private,
    )
