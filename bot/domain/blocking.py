"""What somebody is told who may not ask for anything. Pure."""

from __future__ import annotations

from bot.domain.quota_days import local_time
from bot.domain.text import Text

REFUSED_TEXTS = "too many texts that are not allowed"
"""The reason of a block that nobody but the bot decided."""


def blocked(until: int, reason: str, timezone: str) -> Text:
    """In the whole bot, until a time in UTC milliseconds; one past all calendars is for good."""
    moment = _moment(until, timezone)
    if reason == REFUSED_TEXTS and moment is not None:
        return Text(
            "You cannot use this bot until {until}: too many of your texts were refused. Ask an operator if "
            "you think that this is a mistake.",
            until=moment,
        )
    if reason == REFUSED_TEXTS:
        return Text("You cannot use this bot any more: too many of your texts were refused.")
    said = (
        Text("An operator has blocked you for good")
        if moment is None
        else Text("An operator has blocked you until {until}", until=moment)
    )
    return Text(
        "{said}{why}. Ask an operator if you think that this is a mistake.",
        said=said,
        why=f": {reason.rstrip('.')}" if reason else "",
    )


def blocked_here(until: int | None, reason: str, timezone: str) -> Text:
    """In one place; None is for good."""
    moment = None if until is None else _moment(until, timezone)
    if reason == REFUSED_TEXTS and moment is not None:
        return Text(
            "You cannot use this bot here until {until}: too many of your texts were refused. Ask who looks "
            "after this place if you think that this is a mistake.",
            until=moment,
        )
    if reason == REFUSED_TEXTS:
        return Text("You cannot use this bot here any more: too many of your texts were refused.")
    said = (
        Text("Who looks after this place does not let you use this bot here.")
        if moment is None
        else Text(
            "Who looks after this place does not let you use this bot here until {until}.", until=moment
        )
    )
    return Text("{said} The reason: {reason}", said=said, reason=reason) if reason else said


def _moment(at_ms: int, timezone: str) -> str | None:
    """On the operator's clock; None past all calendars."""
    try:
        return f"{local_time(at_ms, timezone):%Y-%m-%d %H:%M} {timezone}"
    except (OverflowError, ValueError, OSError):
        return None
