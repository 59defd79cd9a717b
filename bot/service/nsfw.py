"""Templates that paint for adults: what the operator's rule makes of a request, and what follows from it.

The rule is applied once, when a request is accepted, and kept with it: pictures of an earlier day are shown
as they were meant to be then. What is made from such a picture (upscaled, varied, edited) is ruled as its
source was, whatever template does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from bot.domain.errors import NsfwRefused
from bot.domain.text import Text
from bot.service.records import RequestRecord

NsfwRule = Literal["allow", "spoiler", "nsfw-channels", "block"]

NSFW, SPOILER = "nsfw", "spoiler"
"""Keys of a request's options; true or not there."""


def ruled(rule: NsfwRule, *, adult: bool) -> Mapping[str, bool]:
    """What is kept with a request for adults that comes from a place. ``adult``: for adults alone, as its
    platform says. Raises NsfwRefused."""
    match rule:
        case "block":
            raise NsfwRefused(
                Text("The operator of this bot does not allow templates for adults. Choose another one.")
            )
        case "nsfw-channels" if not adult:
            raise NsfwRefused(
                Text("This paints for adults. Ask for it in an age-restricted channel; nothing was charged.")
            )
        case "spoiler":
            return {NSFW: True, SPOILER: True}
        case _:
            return {NSFW: True}


def inherited(record: RequestRecord) -> Mapping[str, bool]:
    """For the options of a request that is made from a picture of ``record``."""
    return {key: True for key in (NSFW, SPOILER) if record.options.get(key)}


def is_nsfw(options: Mapping[str, Any]) -> bool:
    """Whether what a request is made from was for adults."""
    return bool(options.get(NSFW))
