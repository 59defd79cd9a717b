"""Messages as people see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.telegram.failures import Json
from tests.support.telegram.files import Stored
from tests.support.telegram.messages import Look, Message

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld


@dataclass(frozen=True)
class Button:
    """``data``: what a press of it sends; empty when it does something else, such as opening ``url``."""

    message: Message = field(repr=False)
    label: str
    data: str
    url: str | None
    raw: Json = field(repr=False)


class Shown:
    """A message on somebody's screen; it changes as the message does. ``raw``: the stand-in's own."""

    def __init__(self, world: TelegramWorld, raw: Message) -> None:
        self._world = world
        self.raw = raw

    def __repr__(self) -> str:
        labels = [button.label for button in self.buttons]
        return f"<{self.kind} {self.id} in {self.raw.chat.id} {self.text!r} {labels}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and other.raw is self.raw

    def __hash__(self) -> int:
        return hash((self.raw.chat.id, self.raw.id))

    @property
    def id(self) -> int:
        return self.raw.id

    @property
    def kind(self) -> str:
        """text, photo, document, animation, video …; "service" for what Telegram itself tells."""
        return self.raw.content.kind if self.raw.service is None else "service"

    @property
    def text(self) -> str:
        """The text, or the caption of a picture, without its markup."""
        return self.raw.content.words.text

    @property
    def caption(self) -> str | None:
        """None where there is nothing to caption."""
        return None if self.raw.content.media is None else self.text

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Kinds of what is marked in the text (bold, code, bot_command …), each with its text."""
        return self.raw.content.words.marks()

    @property
    def entities(self) -> list[Json]:
        return self.raw.content.words.entities

    @property
    def file(self) -> Stored | None:
        """As it was sent, whatever it is shown as: ``.data``, ``.image``, ``.width``, ``.filename`` …"""
        return None if self.raw.content.media is None else self.raw.content.media.file

    @property
    def file_id(self) -> str | None:
        return None if self.raw.content.media is None else self.raw.content.media.file_id

    def _file_of(self, kind: str) -> Stored | None:
        return self.file if self.kind == kind else None

    @property
    def photo(self) -> Stored | None:
        return self._file_of("photo")

    @property
    def document(self) -> Stored | None:
        return self._file_of("document")

    @property
    def animation(self) -> Stored | None:
        return self._file_of("animation")

    @property
    def video(self) -> Stored | None:
        return self._file_of("video")

    @property
    def spoiler(self) -> bool:
        return self.raw.content.spoiler

    @property
    def album(self) -> list[Shown]:
        """All the messages that are shown together with it; it alone if there are none."""
        if self.raw.group_id is None:
            return [self]
        return [each for each in self.raw.chat.messages if each.raw.group_id == self.raw.group_id]

    @property
    def reply_to(self) -> Shown | None:
        return None if self.raw.reply_to is None else self._world.shown(self.raw.reply_to)

    @property
    def thread(self) -> int | None:
        return self.raw.thread

    @property
    def asks_reply(self) -> bool:
        """A forced reply: the app opens the field to answer it."""
        return bool((self.raw.markup or {}).get("force_reply"))

    @property
    def history(self) -> list[Look]:
        return self.raw.history

    @property
    def edits(self) -> int:
        return len(self.raw.history) - 1

    @property
    def deleted(self) -> bool:
        return self.raw.deleted

    @property
    def keyboard(self) -> list[list[str]]:
        """Labels of the buttons, row by row."""
        rows = (self.raw.keyboard or {}).get("inline_keyboard", [])
        return [[button["text"] for button in row] for row in rows]

    @property
    def buttons(self) -> list[Button]:
        rows = (self.raw.keyboard or {}).get("inline_keyboard", [])
        return [
            Button(self.raw, each["text"], each.get("callback_data", ""), each.get("url"), each)
            for row in rows
            for each in row
        ]

    def button(self, name: str) -> Button:
        """The one whose label (with or without its emoji) or data ``name``, a regular expression, matches."""
        for button in self.buttons:
            plain = re.sub(r"^[^\w(]+", "", button.label)
            if any(re.fullmatch(name, text) for text in (button.label, plain, button.data)):
                return button
        raise AssertionError(f"no button {name!r}, but {self.keyboard}")

    async def until(self, met: Callable[[Shown], object], *, within: float = 40.0) -> Shown:
        """Wait until ``met(self)`` holds. ``within``: real seconds."""
        await self._world.until(lambda: met(self), within=within, what=f"{self!r}")
        return self
