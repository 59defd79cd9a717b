"""Messages, and all that they have ever shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.discord.failures import Json
from tests.support.discord.signals import Signal

if TYPE_CHECKING:
    from tests.support.discord.guilds import Channel
    from tests.support.discord.interactions import Interaction
    from tests.support.discord.users import User

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
COMPONENTS_V2 = 1 << 15


@dataclass(eq=False)
class Attachment:
    """A file on the CDN. ``content`` is None for one too large to keep: then zeros are sent.

    ``gate``: when set to an event, nothing after the headers is sent before that event. ``cut_at``: the
    connection breaks after so many bytes. ``deleted``: the CDN has it no more.
    """

    id: int
    folder: str
    filename: str
    size: int
    content: bytes | None = field(repr=False, default=None)
    content_type: str | None = None
    description: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None
    ephemeral: bool = False
    spoiler: bool = False
    deleted: bool = False
    gate: asyncio.Event | None = None
    cut_at: int | None = None

    @property
    def path(self) -> str:
        return f"/{self.folder}/{self.id}/{self.filename}"


@dataclass(frozen=True)
class Look:
    """How a message looked from ``at`` (the clock's UTC milliseconds) on; ``seen``: the event loop's seconds.

    ``attachments`` are those that are shown below the text; ``files`` also those that embeds show.
    """

    at: int
    seen: float
    content: str
    embeds: tuple[Json, ...]
    attachments: tuple[Attachment, ...]
    files: tuple[Attachment, ...]
    components: tuple[Json, ...]
    flags: int

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)


@dataclass(eq=False)
class Message:
    """A message. ``born`` is set back by tests that need an old one."""

    id: int
    channel: Channel
    author: User
    born: int
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    edited: int | None = None
    deleted: bool = False
    nonce: str | int | None = None
    reference: Message | None = None
    interaction: Interaction | None = None
    """The interaction that it answers."""
    audience: User | None = None
    """Who alone sees it, if it is ephemeral."""
    pinged: set[str] = field(default_factory=set)
    """``everyone``, ``here``, ``user:ID``, ``role:ID``: who was notified, over all that it ever said."""
    mentions: set[int] = field(default_factory=set)
    mention_roles: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    """Files that an embed shows: they are not listed as attachments."""
    history: list[Look] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)

    @property
    def ephemeral(self) -> bool:
        return self.audience is not None

    @property
    def new_layout(self) -> bool:
        return bool(self.flags & COMPONENTS_V2)

    @property
    def listed(self) -> list[Attachment]:
        """The attachments as bots are told."""
        return [file for file in self.files if file.id not in self.hidden]

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments that people see below the text, or in the components of the new layout."""
        if not self.new_layout:
            return self.listed
        shown = {media.get("attachment_id") for item in self.items() for media in media_of(item)}
        return [file for file in self.files if str(file.id) in shown]

    def note(self, at: int, seen: float) -> None:
        """Write down how it looks now, and wake those who watch."""
        self.history.append(
            Look(
                at,
                seen,
                self.content,
                tuple(self.embeds),
                tuple(self.attachments),
                tuple(self.files),
                tuple(self.components),
                self.flags,
            )
        )
        self.wake()

    def wake(self) -> None:
        for signal in self.signals:
            signal.fire()

    def items(self) -> Iterator[Json]:
        """Every component, however deep."""
        yield from walk(self.components)

    def file_named(self, filename: str) -> Attachment | None:
        return next((file for file in self.files if file.filename == filename), None)


def media_of(component: Json) -> Iterator[Json]:
    """Where a component of the new layout points at files."""
    for holder in (component, *component.get("items", [])):
        for key in ("media", "file"):
            if isinstance(holder.get(key), dict):
                yield holder[key]


def walk(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from walk(component.get("components", []))
        for key in ("accessory", "component"):
            if key in component:
                yield from walk([component[key]])
