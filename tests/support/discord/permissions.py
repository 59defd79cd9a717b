"""Permission bits and how roles, channels and overwrites add up.

Source: https://discord.com/developers/docs/topics/permissions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.discord.state import Channel, Guild, Member

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_EXTERNAL_EMOJIS = 1 << 18
USE_APPLICATION_COMMANDS = 1 << 31
SEND_MESSAGES_IN_THREADS = 1 << 38
USE_EXTERNAL_APPS = 1 << 50
BYPASS_SLOWMODE = 1 << 52

ALL = (1 << 53) - 1

USUAL = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_EXTERNAL_EMOJIS
    | USE_APPLICATION_COMMANDS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS
)
"""What everybody may in a new guild. Nobody may mention everyone."""

IN_A_DM = USUAL
"""Direct messages know no roles."""


def in_guild(guild: Guild, member: Member) -> int:
    """What ``member`` may anywhere in ``guild``."""
    if member.user.id == guild.owner_id:
        return ALL
    bits = guild.everyone.permissions
    for role in member.roles:
        bits |= role.permissions
    return ALL if bits & ADMINISTRATOR else bits


def in_channel(channel: Channel, member: Member) -> int:
    """What ``member`` may in ``channel``, or in the channel above it if that is a thread."""
    assert channel.guild is not None
    bits = in_guild(channel.guild, member)
    if bits & ADMINISTRATOR:
        return ALL
    overwrites = (channel.parent or channel).overwrites
    allow, deny = overwrites.get(channel.guild.id, (0, 0))
    bits = bits & ~deny | allow
    of_roles = [overwrites[role.id] for role in member.roles if role.id in overwrites]
    for _, deny in of_roles:
        bits &= ~deny
    for allow, _ in of_roles:
        bits |= allow
    allow, deny = overwrites.get(member.user.id, (0, 0))
    bits = bits & ~deny | allow
    return bits if bits & VIEW_CHANNEL else 0
