"""What a person's client offers: which commands, and which values for their options.

What it does not offer never reaches the bot; :class:`CannotUse` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tests.support.discord import permissions
from tests.support.discord.cdn import Upload, attachment_of
from tests.support.discord.failures import CannotUse, Json
from tests.support.discord.guilds import Channel
from tests.support.discord.interactions import Interaction
from tests.support.discord.invoking import IN_BOT_DM, IN_GUILD, IN_PRIVATE, Resolved, context_of
from tests.support.discord.users import User

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld

BY_GUILD, BY_USER = 0, 1
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)


def find_command(world: DiscordWorld, user: User, channel: Channel, name: str, kind: int) -> Json:
    """The command that ``user`` sees under ``name`` in ``channel``."""
    guild = channel.guild
    where = guild.id if guild is not None and guild.has_bot else None
    for command in world.commands.offered(where):
        if command["name"] == name and command["type"] == kind:
            reason = why_not(command, user, channel)
            if reason:
                raise CannotUse(f"{name}: {reason}")
            return command
    raise CannotUse(f"no command {name!r} is registered")


def offered_names(world: DiscordWorld, user: User, channel: Channel, kind: int = 1) -> list[str]:
    """What ``user`` sees when they type a slash there."""
    guild = channel.guild
    where = guild.id if guild is not None and guild.has_bot else None
    found = world.commands.offered(where)
    return [each["name"] for each in found if each["type"] == kind and not why_not(each, user, channel)]


def why_not(command: Json, user: User, channel: Channel) -> str:
    """Why the client of ``user`` does not show ``command`` in ``channel``; empty if it does."""
    context = context_of(channel)
    guild = channel.guild
    installs = command["integration_types"]
    present = guild is not None and guild.has_bot and (BY_GUILD in installs or "guild_id" in command)
    in_dm = context == IN_BOT_DM and BY_GUILD in installs
    if not (present or in_dm or (user.installed and BY_USER in installs)):
        return "the app is not there"
    if not _in_context(command, context):
        return "not for such places"
    if guild is not None:
        return _why_not_member(command, user, channel)
    if command["nsfw"] and not user.adult:
        return "age-restricted"
    return ""


def _in_context(command: Json, context: int) -> bool:
    contexts: list[int] | None = command["contexts"]
    if contexts is not None:
        return context in contexts
    if "guild_id" in command:
        return context == IN_GUILD
    return context != IN_PRIVATE and (context == IN_GUILD or command.get("dm_permission", True))


def _why_not_member(command: Json, user: User, channel: Channel) -> str:
    assert channel.guild is not None
    member = channel.guild.members.get(user.id)
    if member is None:
        return "not a member"
    bits = permissions.in_channel(channel, member)
    if not bits & permissions.VIEW_CHANNEL:
        return "cannot see the channel"
    if not bits & permissions.USE_APPLICATION_COMMANDS:
        return "may not use commands"
    needed = command["default_member_permissions"]
    if needed is not None and not bits & permissions.ADMINISTRATOR:
        wanted = int(needed)
        if not wanted or bits & wanted != wanted:
            return "not permitted"
    if command["nsfw"] and not (channel.parent or channel).nsfw:
        return "age-restricted"
    return ""


def leaf_of(command: Json, words: Iterable[str]) -> tuple[Json, list[Json]]:
    """The (sub)command that holds the options, and the subcommands on the way."""
    node, way = command, []
    for word in words:
        found = [each for each in node.get("options", []) if each["name"] == word and each["type"] in (1, 2)]
        if not found:
            raise CannotUse(f"{command['name']} has no subcommand {word!r}")
        node = found[0]
        way.append(node)
    if any(each["type"] in (1, 2) for each in node.get("options", [])):
        raise CannotUse(f"{command['name']}: which subcommand?")
    return node, way


def nest(way: list[Json], options: list[Json]) -> list[Json]:
    for node in reversed(way):
        options = [{"type": node["type"], "name": node["name"], "options": options}]
    return options


class Filler:
    """Fills the options of a command in, as the client lets a person do it."""

    def __init__(self, world: DiscordWorld, interaction: Interaction, resolved: Resolved) -> None:
        self._world = world
        self._interaction = interaction
        self._resolved = resolved

    def fill(self, leaf: Json, given: Mapping[str, Any]) -> list[Json]:
        known = {option["name"]: option for option in leaf.get("options", [])}
        for name in given:
            if name not in known:
                raise CannotUse(f"{leaf['name']} has no option {name!r}; it has {sorted(known)}")
        for name, option in known.items():
            if option.get("required") and name not in given:
                raise CannotUse(f"{name} is required")
        return [
            {"name": name, "type": known[name]["type"], "value": self._value(known[name], value)}
            for name, value in given.items()
        ]

    def _value(self, option: Json, value: Any) -> Any:
        kind, name = option["type"], option["name"]
        choices = option.get("choices")
        if choices:
            found = [each["value"] for each in choices if value in (each["value"], each["name"])]
            if not found:
                raise CannotUse(f"{name}: {value!r} is not among the choices")
            return found[0]
        match kind:
            case 3:
                return self._text(option, value)
            case 4 | 10:
                return self._number(option, value)
            case 5:
                if not isinstance(value, bool):
                    raise CannotUse(f"{name} is yes or no")
                return value
            case 6:
                return self._resolved.user(value)
            case 7:
                return self._resolved.channel(value)
            case 8:
                return self._resolved.role(value)
            case 9:
                return self._resolved.user(value) if isinstance(value, User) else self._resolved.role(value)
            case 11:
                return self.upload(value)
        raise CannotUse(f"{name}: unknown type {kind}")

    def _text(self, option: Json, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise CannotUse(f"{option['name']} is a text")
        if not option.get("min_length", 1) <= len(value) <= option.get("max_length", 6000):
            raise CannotUse(f"{option['name']}: {len(value)} characters")
        return value

    def _number(self, option: Json, value: Any) -> float:
        whole = option["type"] == INTEGER
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise CannotUse(f"{option['name']} is a number")
        low, high = option.get("min_value", -(2**53)), option.get("max_value", 2**53)
        if not low <= value <= high:
            raise CannotUse(f"{option['name']} is between {low} and {high}")
        return value

    def upload(self, value: Any) -> str:
        """A file for an option or a modal: private, and no larger than the person may send."""
        if not isinstance(value, Upload):
            raise CannotUse("that is a file")
        if value.length > self._interaction.upload_limit:
            raise CannotUse(f"the file is too large: {value.length} bytes")
        folder = f"ephemeral-attachments/{self._world.application_id}"
        file = attachment_of(value, self._world.ids.mint(), folder)
        file.ephemeral = True
        self._world.cdn.keep(file)
        return self._resolved.attachment(file)
