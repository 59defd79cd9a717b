"""A card and what is attached to it, as the library wants them. Pure but for opening files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import discord

from bot.chat.discord.render import embed_of, plain_of, view_of, whole_words
from bot.domain.text import Text
from bot.presentation.cards import Card
from bot.presentation.language import Language
from bot.service.parcels.packing import ParcelFile

NOBODY = discord.AllowedMentions.none()
MOST_ALT = 1024


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file to be attached. ``name`` is ours. ``content``: where it lies, or itself."""

    name: str
    content: Path | bytes
    size: int
    alt: str = ""
    spoiler: bool = False

    def open(self) -> discord.File:
        """To be sent once. Raises OSError when it is not there any more."""
        content = self.content if isinstance(self.content, Path) else io.BytesIO(self.content)
        alt = self.alt[:MOST_ALT] or None
        return discord.File(content, filename=self.name, description=alt, spoiler=self.spoiler)


def enclosure(file: ParcelFile, language: Language) -> Enclosure:
    """Hidden pictures say so to those as well who have them read out."""
    alt = language.label(Text("Spoiler: {text}", text=file.alt)) if file.spoiler and file.alt else file.alt
    return Enclosure(file.name, file.content, file.size, alt, file.spoiler)


def words_of(card: Card, language: Language, *, spoiler: bool) -> Enclosure | None:
    """The whole of people's own words, where the card has to leave some out."""
    words = whole_words(card, language)
    if words is None:
        return None
    content = words.encode("utf-8", "replace")
    return Enclosure(f"{card.request or 'words'}.txt", content, len(content), spoiler=spoiler)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message is to be. ``card``: None where there are files alone. ``files``: None leaves those that
    hang on it as they are. ``plain``: without what Discord may refuse (an embed, alternative texts)."""

    card: Card | None
    language: Language
    files: Sequence[Enclosure] | None = ()
    plain: bool = False

    def with_files(self, files: Sequence[Enclosure]) -> Letter:
        return replace(self, files=files)

    def plainer(self) -> Letter:
        files = self.files and [replace(file, alt="") for file in self.files]
        return replace(self, plain=True, files=files)

    def changes(self) -> dict[str, Any]:
        """For an edit; says everything, so that nothing of an earlier state stays. Opens files."""
        found: dict[str, Any] = {"allowed_mentions": NOBODY}
        if self.card is not None:
            found["content"] = plain_of(self.card, self.language) if self.plain else None
            found["embeds"] = [] if self.plain else [embed_of(self.card, self.language)]
            found["view"] = view_of(self.card, self.language)
        if self.files is not None:
            found["attachments"] = _opened(self.files)
        return found

    def message(self) -> dict[str, Any]:
        """For a new message. Opens files."""
        found: dict[str, Any] = {"allowed_mentions": NOBODY}
        if self.card is not None:
            if self.plain:
                found["content"] = plain_of(self.card, self.language)
            else:
                found["embed"] = embed_of(self.card, self.language)
            if (view := view_of(self.card, self.language)) is not None:
                found["view"] = view
        if self.files:
            found["files"] = _opened(self.files)
        return found


def _opened(files: Sequence[Enclosure]) -> list[discord.File]:
    opened: list[discord.File] = []
    try:
        opened.extend(file.open() for file in files)
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened
