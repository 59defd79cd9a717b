"""Messages and modals as people see them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.discord.check_components import BUTTON, SELECTS, TEXT_DISPLAY
from tests.support.discord.failures import Json
from tests.support.discord.messages import EPHEMERAL, LOADING, Attachment, Look, Message, walk

if TYPE_CHECKING:
    from tests.support.discord.interactions import Interaction


@dataclass(frozen=True)
class Button:
    """``label`` with its emoji left out; ``message``: where it is."""

    message: Message = field(repr=False)
    custom_id: str
    label: str
    emoji: str
    disabled: bool
    style: int
    url: str | None
    component: int
    """Its number in the message."""


@dataclass(frozen=True)
class Menu:
    message: Message = field(repr=False)
    custom_id: str
    kind: int
    options: tuple[Json, ...]
    placeholder: str
    disabled: bool
    least: int
    most: int
    component: int


class Shown:
    """A message on somebody's screen; it changes as the message does. ``raw``: the stand-in's own."""

    def __init__(self, raw: Message) -> None:
        self.raw = raw

    def __repr__(self) -> str:
        return f"<message {self.id} {self.content!r} {[button.label for button in self.buttons]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and other.raw is self.raw

    def __hash__(self) -> int:
        return hash(self.raw.id)

    @property
    def id(self) -> int:
        return self.raw.id

    @property
    def content(self) -> str:
        return self.raw.content

    @property
    def embeds(self) -> list[Json]:
        return self.raw.embeds

    @property
    def attachments(self) -> list[Attachment]:
        return self.raw.attachments

    @property
    def files(self) -> list[Attachment]:
        """Those that embeds show as well."""
        return self.raw.files

    @property
    def components(self) -> list[Json]:
        return self.raw.components

    @property
    def history(self) -> list[Look]:
        return self.raw.history

    @property
    def ephemeral(self) -> bool:
        return bool(self.raw.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Shows "… is thinking"."""
        return bool(self.raw.flags & LOADING)

    @property
    def deleted(self) -> bool:
        return self.raw.deleted

    @property
    def pinged(self) -> set[str]:
        return self.raw.pinged

    @property
    def text(self) -> str:
        """Everything that can be read: text, embeds, text displays."""
        parts = [self.content]
        for embed in self.embeds:
            parts += [embed.get("author", {}).get("name", ""), embed.get("title", "")]
            parts.append(embed.get("description", ""))
            for each in embed.get("fields", []):
                parts += [each["name"], each["value"]]
            parts.append(embed.get("footer", {}).get("text", ""))
        parts += [item["content"] for item in self.raw.items() if item["type"] == TEXT_DISPLAY]
        return "\n".join(part for part in parts if part)

    @property
    def buttons(self) -> list[Button]:
        return [self._button(item) for item in self.raw.items() if item["type"] == BUTTON]

    def _button(self, item: Json) -> Button:
        return Button(
            self.raw,
            item.get("custom_id", ""),
            item.get("label", ""),
            (item.get("emoji") or {}).get("name", ""),
            item.get("disabled", False),
            item["style"],
            item.get("url"),
            item["id"],
        )

    @property
    def menus(self) -> list[Menu]:
        return [
            Menu(
                self.raw,
                item["custom_id"],
                item["type"],
                tuple(item.get("options", [])),
                item.get("placeholder", ""),
                item.get("disabled", False),
                item["min_values"],
                item["max_values"],
                item["id"],
            )
            for item in self.raw.items()
            if item["type"] in SELECTS
        ]

    def button(self, name: str) -> Button:
        """The one whose label, emoji or custom id matches ``name``, a regular expression."""
        for button in self.buttons:
            if any(re.fullmatch(name, text) for text in (button.label, button.emoji, button.custom_id)):
                return button
        raise AssertionError(f"no button {name!r}, but {[each.label or each.emoji for each in self.buttons]}")

    def menu(self, name: str = ".*") -> Menu:
        for menu in self.menus:
            if re.fullmatch(name, menu.custom_id) or re.fullmatch(name, menu.placeholder):
                return menu
        raise AssertionError(f"no menu {name!r}, but {[each.custom_id for each in self.menus]}")


@dataclass(frozen=True)
class Field:
    """Something to fill in in a modal."""

    custom_id: str
    label: str
    kind: int
    value: str
    item: Json = field(repr=False)


class Modal:
    """A form that the bot opened on somebody's screen."""

    def __init__(self, interaction: Interaction) -> None:
        assert interaction.modal is not None
        self.interaction = interaction
        self.json = interaction.modal

    @property
    def title(self) -> str:
        return str(self.json["title"])

    @property
    def custom_id(self) -> str:
        return str(self.json["custom_id"])

    @property
    def fields(self) -> list[Field]:
        labels = {}
        for component in self.json["components"]:
            for inner in walk([component]):
                if "custom_id" in inner:
                    labels[inner["custom_id"]] = inner.get("label") or component.get("label") or ""
        return [
            Field(item["custom_id"], labels[item["custom_id"]], item["type"], item.get("value") or "", item)
            for item in walk(self.json["components"])
            if "custom_id" in item
        ]

    def field(self, name: str) -> Field:
        """By custom id or label."""
        for each in self.fields:
            if name in (each.custom_id, each.label):
                return each
        raise AssertionError(
            f"no field {name!r}, but {[(each.custom_id, each.label) for each in self.fields]}"
        )
