"""State as Discord's JSON shows it. Ids are strings, absent things are absent.

Source: the object pages of https://discord.com/developers/docs
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.discord import permissions
from tests.support.discord.failures import Json
from tests.support.discord.ids import iso

if TYPE_CHECKING:
    from tests.support.discord.guilds import Channel, Guild, Member, Role
    from tests.support.discord.interactions import Interaction
    from tests.support.discord.messages import Attachment, Message
    from tests.support.discord.users import User


def user(who: User) -> Json:
    found: Json = {
        "id": str(who.id),
        "username": who.name.lower(),
        "global_name": None if who.bot else who.name,
        "discriminator": "0000" if who.bot else "0",
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
    return {**found, "bot": True} if who.bot else found


def member(who: Member, *, permission_bits: int | None = None, alone: bool = False) -> Json:
    """``alone``: without the user, as in resolved data and messages."""
    found: Json = {
        "roles": [str(role.id) for role in who.roles],
        "joined_at": iso(who.joined),
        "premium_since": None,
        "nick": who.nick,
        "avatar": None,
        "banner": None,
        "flags": 0,
        "deaf": False,
        "mute": False,
        "pending": False,
        "communication_disabled_until": None,
    }
    if not alone:
        found["user"] = user(who.user)
    if permission_bits is not None:
        found["permissions"] = str(permission_bits)
    return found


def role(which: Role, guild: Guild) -> Json:
    return {
        "id": str(which.id),
        "name": which.name,
        "permissions": str(which.permissions),
        "position": guild.roles.index(which),
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": which.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def channel(where: Channel) -> Json:
    found: Json = {
        "id": str(where.id),
        "type": where.kind,
        "flags": 0,
        "last_message_id": str(next(reversed(where.messages))) if where.messages else None,
    }
    if where.guild is None:
        return {**found, "recipients": [user(each) for each in where.recipients]}
    found |= {
        "guild_id": str(where.guild.id),
        "name": where.name,
        "nsfw": where.nsfw,
        "rate_limit_per_user": round(where.slowmode),
    }
    if where.parent is not None:
        return found | {
            "parent_id": str(where.parent.id),
            "owner_id": str(where.guild.owner_id),
            "message_count": len(where.messages),
            "member_count": 1,
            "thread_metadata": {
                "archived": where.archived,
                "locked": where.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": iso(where.world.now()),
            },
        }
    overwrites = [
        {
            "id": str(who),
            "type": int(who in where.guild.members or who == where.world.bot.id),
            "allow": str(allow),
            "deny": str(deny),
        }
        for who, (allow, deny) in where.overwrites.items()
    ]
    return found | {"position": 0, "parent_id": None, "topic": None, "permission_overwrites": overwrites}


def guild(which: Guild) -> Json:
    return {
        "id": str(which.id),
        "name": which.name,
        "owner_id": str(which.owner_id),
        "preferred_locale": which.locale,
        "premium_tier": which.boost_tier,
        "roles": [role(each, which) for each in which.roles],
        "emojis": [],
        "stickers": [],
        "features": [],
        "icon": None,
        "banner": None,
        "splash": None,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
    }


def whole_guild(which: Guild) -> Json:
    """As GUILD_CREATE says it: to a bot without privileged intents only itself is a member."""
    return guild(which) | {
        "unavailable": False,
        "large": len(which.members) > 250,
        "joined_at": iso(which.bot_member().joined),
        "member_count": len(which.members),
        "members": [member(which.bot_member())],
        "channels": [channel(each) for each in which.channels if not each.is_thread],
        "threads": [channel(each) for each in which.channels if each.is_thread and not each.archived],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(file: Attachment, url: str) -> Json:
    found: Json = {
        "id": str(file.id),
        "filename": file.filename,
        "size": file.size,
        "url": url,
        "proxy_url": url,
        "flags": (1 << 5) if file.spoiler else 0,
    }
    optional: dict[str, Any] = {
        "content_type": file.content_type,
        "description": file.description,
        "title": file.title,
        "width": file.width,
        "height": file.height,
        "ephemeral": file.ephemeral or None,
    }
    return found | {key: value for key, value in optional.items() if value is not None}


def message(which: Message, *, with_content: bool = True) -> Json:
    """``with_content``: False for what somebody else wrote, to a bot without the content intent."""
    where = which.channel
    world = where.world
    found: Json = {
        "id": str(which.id),
        "channel_id": str(where.id),
        "type": message_type(which),
        "content": which.content if with_content else "",
        "timestamp": iso(which.born),
        "edited_timestamp": None if which.edited is None else iso(which.edited),
        "tts": False,
        "pinned": False,
        "mention_everyone": bool(which.pinged & {"everyone", "here"}),
        "mentions": [user(world.users[each]) for each in sorted(which.mentions) if each in world.users],
        "mention_roles": [str(each) for each in sorted(which.mention_roles)],
        "attachments": [attachment(each, world.cdn.url(each)) for each in which.listed],
        "embeds": which.embeds,
        "components": which.components,
        "flags": which.flags,
        "author": user(which.author),
    }
    if not with_content:
        found |= {"attachments": [], "embeds": [], "components": []}
    if which.nonce is not None:
        found["nonce"] = which.nonce
    if which.reference is not None:
        found["message_reference"] = {
            "type": 0,
            "message_id": str(which.reference.id),
            "channel_id": str(which.reference.channel.id),
        }
    if which.interaction is not None:
        found["application_id"] = found["webhook_id"] = str(world.application_id)
        found["interaction_metadata"] = metadata(which.interaction, which)
    return found


def message_type(which: Message) -> int:
    """0 default, 19 a reply, 20 answers a slash command, 23 a context menu."""
    if which.interaction is None:
        return 19 if which.reference is not None else 0
    kind = which.interaction.command_type
    return 0 if kind is None else 20 if kind == 1 else 23


def metadata(of: Interaction, which: Message | None = None) -> Json:
    found: Json = {
        "id": str(of.id),
        "type": of.kind.value,
        "user": user(of.user),
        "authorizing_integration_owners": of.owners,
    }
    if which is not None and of.original is not None and of.original is not which:
        found["original_response_message_id"] = str(of.original.id)
    if of.parent is not None:
        found["triggering_interaction_metadata"] = metadata(of.parent)
    elif of.message is not None:
        found["interacted_message_id"] = str(of.message.id)
    if of.target_user is not None:
        found["target_user"] = user(of.target_user)
    if of.target_message is not None:
        found["target_message_id"] = str(of.target_message.id)
    return found


def app_permissions(where: Channel, bot: User) -> int:
    """What the app may in answers. Where it is no member, what everybody may."""
    if where.guild is None:
        return permissions.IN_A_DM
    if where.guild.has_bot:
        return permissions.in_channel(where, where.guild.members[bot.id])
    return permissions.USUAL
