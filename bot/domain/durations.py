"""Lengths of time in the words of people. Pure."""

from __future__ import annotations

from bot.domain.text import Text

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""In milliseconds. A quota day is not always this long."""


def about(milliseconds: float) -> Text:
    """A wait in the coarsest unit that still says enough: rounded up in minutes, to the nearest above.

    Never negative: a time that has passed is "less than a minute" away.
    """
    if milliseconds < MINUTE:
        return Text("less than a minute")
    if milliseconds < 90 * MINUTE:
        return Text("{minutes} min", minutes=-int(-milliseconds // MINUTE))
    if milliseconds < 2 * DAY:
        return Text("{hours} h", hours=round(milliseconds / HOUR))
    return Text("{days} days", days=round(milliseconds / DAY))
