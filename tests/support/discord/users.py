"""Accounts."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.discord.guilds import Channel

MIB = 1 << 20


class Nitro(enum.Enum):
    """What somebody pays for; the value is how many bytes one of their files may have.

    Source: https://discord.com/developers/docs/reference#uploading-files
    """

    NONE = 10 * MIB
    BASIC = 50 * MIB
    FULL = 500 * MIB


@dataclass(eq=False)
class User:
    """Somebody. ``installed``: has the app in their own account; ``dms_open``: the bot may write to them."""

    id: int
    name: str
    bot: bool = False
    nitro: Nitro = Nitro.NONE
    locale: str = "en-US"
    installed: bool = False
    dms_open: bool = True
    adult: bool = False
    dm: Channel | None = field(default=None, repr=False)
    """Direct messages with the bot, once somebody opened them."""
