"""Who is notified by a message.

Source: https://discord.com/developers/docs/resources/message#allowed-mentions-object
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.support.discord import permissions
from tests.support.discord.check_components import TEXT_DISPLAY

if TYPE_CHECKING:
    from tests.support.discord.failures import Json
    from tests.support.discord.messages import Message

USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
CROWD = re.compile(r"@(everyone|here)(?!\w)")


def texts(message: Message) -> Iterator[str]:
    """What can mention: the text and text displays; embeds never notify anybody."""
    yield message.content
    for item in message.items():
        if item["type"] == TEXT_DISPLAY:
            yield item["content"]


def note_mentions(message: Message, allowed: Json | None) -> None:
    """Write down who is mentioned and who is notified by what the message says now.

    Mentions within code are counted too: whether they notify depends on how clients render them.
    """
    said = "\n".join(texts(message))
    users = {int(each) for each in USER.findall(said)}
    roles = {int(each) for each in ROLE.findall(said)}
    if allowed is not None:
        parse = allowed.get("parse") or []
        if "users" not in parse:
            users &= {int(each) for each in allowed.get("users") or []}
        if "roles" not in parse:
            roles &= {int(each) for each in allowed.get("roles") or []}
    message.mentions, message.mention_roles = users, roles
    message.pinged |= {f"user:{each}" for each in users} | {f"role:{each}" for each in roles}
    if (allowed is None or "everyone" in (allowed.get("parse") or [])) and _may_mention_everyone(message):
        message.pinged |= set(CROWD.findall(said))


def _may_mention_everyone(message: Message) -> bool:
    """Whether the bot has the permission there; as an app without membership it has what everybody has."""
    where = message.channel
    if where.guild is None:
        return False
    member = where.guild.members.get(message.author.id)
    bits = where.guild.everyone.permissions if member is None else permissions.in_channel(where, member)
    return bool(bits & permissions.MENTION_EVERYONE)
