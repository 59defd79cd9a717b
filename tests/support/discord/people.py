"""People with a keyboard and a mouse. They can do what their client lets them; else :class:`CannotUse`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.discord import check_components as parts
from tests.support.discord import permissions
from tests.support.discord.cdn import Upload, attachment_of
from tests.support.discord.failures import CannotUse, Json
from tests.support.discord.guilds import Channel
from tests.support.discord.interactions import Interaction, Kind
from tests.support.discord.invoking import Resolved, make_interaction, send
from tests.support.discord.messages import Message
from tests.support.discord.offers import Filler, find_command, leaf_of, nest, offered_names
from tests.support.discord.replies import Reply
from tests.support.discord.users import User
from tests.support.discord.views import Button, Menu, Modal, Shown

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld

USER_COMMAND, MESSAGE_COMMAND = 2, 3


@dataclass(eq=False)
class Person(User):
    """``sent_ago`` in the acts: seconds by which the id of the interaction, and so its token, is older."""

    world: DiscordWorld = field(kw_only=True, repr=False)

    # Commands

    def offered(self, channel: Channel, kind: int = 1) -> list[str]:
        """Names of the commands that they see there."""
        return offered_names(self.world, self, channel, kind)

    async def slash(self, channel: Channel, name: str, *, sent_ago: float = 0.0, **options: Any) -> Reply:
        """``/name``, subcommands after blanks. Files are :class:`Upload`, people and channels themselves."""
        first, *words = name.split()
        command = find_command(self.world, self, channel, first, 1)
        leaf, way = leaf_of(command, words)
        interaction = self._interaction(Kind.COMMAND, channel, sent_ago, command_type=1)
        resolved = Resolved(self.world, channel)
        filled = Filler(self.world, interaction, resolved).fill(leaf, options)
        data = self._command_data(command, nest(way, filled))
        return self._send(interaction, data, resolved)

    async def autocomplete(
        self, channel: Channel, name: str, option: str, typed: str, **options: Any
    ) -> list[tuple[str, Any]]:
        """What is suggested for ``option`` after they have ``typed`` that; other options may be filled in."""
        reply = await self.start_autocomplete(channel, name, option, typed, **options)
        await reply.acknowledged()
        return reply.choices

    async def start_autocomplete(
        self, channel: Channel, name: str, option: str, typed: str, **options: Any
    ) -> Reply:
        """As :meth:`autocomplete`, without waiting."""
        first, *words = name.split()
        command = find_command(self.world, self, channel, first, 1)
        leaf, way = leaf_of(command, words)
        known = {each["name"]: each for each in leaf.get("options", [])}
        if not known.get(option, {}).get("autocomplete"):
            raise CannotUse(f"{option!r} is not completed")
        kind = known[option]["type"]
        interaction = self._interaction(Kind.AUTOCOMPLETE, channel, 0.0, command_type=1, option_type=kind)
        # Half-typed commands lack what is required; Discord sends no resolved data with them.
        loose = {**leaf, "options": [{**each, "required": False} for each in known.values()]}
        filled = Filler(self.world, interaction, Resolved(self.world, channel)).fill(loose, options)
        filled.append({"name": option, "type": kind, "value": typed, "focused": True})
        return self._send(interaction, self._command_data(command, nest(way, filled)), None)

    async def use(
        self, channel: Channel, name: str, target: Shown | Message | User, *, sent_ago: float = 0.0
    ) -> Reply:
        """A command of the context menu of a message or of somebody."""
        kind = USER_COMMAND if isinstance(target, User) else MESSAGE_COMMAND
        if not isinstance(target, User):
            self._sees(_raw(target))
        command = find_command(self.world, self, channel, name, kind)
        resolved = Resolved(self.world, channel)
        about: dict[str, Any] = {"command_type": kind}
        if isinstance(target, User):
            about["target_user"] = target
            key = resolved.user(target)
        else:
            about["target_message"] = _raw(target)
            key = resolved.message(_raw(target))
        interaction = self._interaction(Kind.COMMAND, channel, sent_ago, **about)
        return self._send(interaction, self._command_data(command, []) | {"target_id": key}, resolved)

    def _command_data(self, command: Json, options: list[Json]) -> Json:
        found = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if options:
            found["options"] = options
        return found | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})

    # Components

    async def press(self, button: Button, *, sent_ago: float = 0.0) -> Reply:
        if button.disabled:
            raise CannotUse(f"{button.label or button.emoji} is disabled")
        if not button.custom_id:
            raise CannotUse(f"{button.label} is a link")
        self._sees(button.message)
        if all(item.get("custom_id") != button.custom_id for item in button.message.items()):
            raise CannotUse(f"{button.label or button.emoji} is not there any more")
        data = {"custom_id": button.custom_id, "component_type": parts.BUTTON, "id": button.component}
        return await self.forge(button.message, data, sent_ago=sent_ago)

    async def choose(self, menu: Menu, *values: Any, sent_ago: float = 0.0) -> Reply:
        """Values or labels of a menu's options; people, roles or channels where it lists those."""
        self._sees(menu.message)
        if menu.disabled or not menu.least <= len(values) <= menu.most:
            raise CannotUse(f"{menu.custom_id}: {len(values)} of {menu.least} to {menu.most}")
        resolved = Resolved(self.world, menu.message.channel)
        data: Json = {
            "custom_id": menu.custom_id,
            "component_type": menu.kind,
            "id": menu.component,
            "values": _chosen(menu.kind, menu.options, values, resolved),
        }
        if resolved.json:
            data["resolved"] = resolved.json
        return await self.forge(menu.message, data, sent_ago=sent_ago)

    async def forge(self, message: Shown | Message, data: Json, *, sent_ago: float = 0.0) -> Reply:
        """An interaction with a component that says ``data``, whether or not there is such a component."""
        raw = _raw(message)
        interaction = self._interaction(Kind.COMPONENT, raw.channel, sent_ago, message=raw)
        return self._send(interaction, {"component_type": parts.BUTTON, "id": 1, **data}, None)

    async def fill(
        self,
        modal: Modal | Reply,
        values: Mapping[str, Any] | None = None,
        *,
        sent_ago: float = 0.0,
        **more: Any,
    ) -> Reply:
        """Send a modal. Fields by custom id or label; the others keep what is in them."""
        form = modal.modal if isinstance(modal, Reply) else modal
        if form.interaction.user is not self:
            raise CannotUse("somebody else's modal")
        given = {form.field(name).custom_id: value for name, value in {**(values or {}), **more}.items()}
        parent = form.interaction
        interaction = self._interaction(
            Kind.MODAL, parent.channel, sent_ago, message=parent.message, parent=parent
        )
        resolved = Resolved(self.world, parent.channel)
        filler = Filler(self.world, interaction, resolved)
        rows = [_submitted(row, given, resolved, filler) for row in form.json["components"]]
        return self._send(interaction, {"custom_id": form.custom_id, "components": rows}, resolved)

    # Messages

    async def says(
        self, channel: Channel, text: str = "", *files: Upload, to: Shown | Message | None = None
    ) -> Shown:
        """An ordinary message of theirs; ``to``: a reply."""
        message = self.world.posting.blank(channel, self)
        message.content = text
        message.reference = None if to is None else _raw(to)
        for upload in files:
            file = attachment_of(upload, self.world.ids.mint(), f"attachments/{channel.id}")
            self.world.cdn.keep(file)
            message.files.append(file)
        self.world.posting.publish(message)
        return Shown(message)

    async def deletes(self, message: Shown | Message) -> None:
        """Their own, or with the right to manage messages anybody's."""
        raw = _raw(message)
        guild = raw.channel.guild
        bits = 0 if guild is None else permissions.in_channel(raw.channel, guild.members[self.id])
        if raw.author is not self and not bits & permissions.MANAGE_MESSAGES:
            raise CannotUse("somebody else's message")
        self.world.posting.delete(raw)

    # How

    def _sees(self, message: Message) -> None:
        if message.deleted:
            raise CannotUse("the message is gone")
        if message.audience is not None and message.audience is not self:
            raise CannotUse("only somebody else sees this message")

    def _interaction(self, kind: Kind, channel: Channel, sent_ago: float, **about: Any) -> Interaction:
        guild = channel.guild
        if channel.deleted:
            raise CannotUse("the channel is gone")
        if guild is not None and self.id not in guild.members:
            raise CannotUse(f"{self.name} is no member of {guild.name}")
        return make_interaction(self.world, kind, self, channel, sent_ago=sent_ago, **about)

    def _send(self, interaction: Interaction, data: Json, resolved: Resolved | None) -> Reply:
        if resolved is not None and resolved.json:
            data["resolved"] = resolved.json
        send(self.world, interaction, data)
        return Reply(self.world, interaction)


def _raw(message: Shown | Message) -> Message:
    return message.raw if isinstance(message, Shown) else message


def _chosen(kind: int, options: Any, values: Any, resolved: Resolved) -> list[str]:
    if kind == parts.STRING_SELECT or options:
        by_name = {name: each["value"] for each in options for name in (each["label"], each["value"])}
        missing = [value for value in values if value not in by_name]
        if missing:
            raise CannotUse(f"{missing} is not among {sorted(by_name)}")
        return [by_name[value] for value in values]
    put = {5: resolved.user, 6: resolved.role, 8: resolved.channel}
    return [put.get(kind, resolved.user)(value) for value in values]


def _submitted(row: Json, given: Mapping[str, Any], resolved: Resolved, filler: Filler) -> Json:
    found: Json = {"type": row["type"], "id": row.get("id") or 1}
    if row["type"] == parts.ROW:
        found["components"] = [_field(item, given, resolved, filler) for item in row["components"]]
    elif row["type"] == parts.LABEL:
        found["component"] = _field(row["component"], given, resolved, filler)
    return found


def _field(item: Json, given: Mapping[str, Any], resolved: Resolved, filler: Filler) -> Json:
    name, kind = item["custom_id"], item["type"]
    found: Json = {"type": kind, "id": item.get("id") or 1, "custom_id": name}
    required = item.get("required", True) is not False
    if kind == parts.TEXT_INPUT:
        text = given.get(name, item.get("value") or "")
        least = item.get("min_length") or (1 if required else 0)
        if (text or required) and not least <= len(text) <= (item.get("max_length") or 4000):
            raise CannotUse(f"{name}: {len(text)} characters")
        return found | {"value": text}
    if kind == parts.CHECKBOX:
        return found | {"value": bool(given.get(name, item.get("default", False)))}
    value = given.get(name)
    values = list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
    if value is None:
        values = [each["value"] for each in item.get("options", []) if each.get("default")]
    if required and not values:
        raise CannotUse(f"{name} is required")
    if kind == parts.FILE_UPLOAD:
        return found | {"values": [filler.upload(each) for each in values]}
    chosen = _chosen(kind, item.get("options"), values, resolved)
    if kind == parts.RADIO_GROUP:
        return found | {"value": chosen[0] if chosen else None}
    return found | {"values": chosen}
