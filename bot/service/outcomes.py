"""What follows from something that somebody did in a chat, as values that every front-end can carry out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.ids import IdentityId, RequestId
from bot.presentation.cards import Card
from bot.presentation.charts import Chart
from bot.presentation.forms import Form
from bot.presentation.language import Language
from bot.service.records import RequestRecord


class Mentioned(Protocol):
    """Somebody who was named in a command, with the roles that they have in that place."""

    @property
    def identity(self) -> IdentityId: ...

    @property
    def name(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


CallValue = str | int | float | bool | Mentioned


@dataclass(frozen=True, slots=True)
class Call:
    """A command that does not paint: ``("admin", "quota", "show")`` with the values of its options by the
    names in :mod:`bot.presentation.spec_fixed`. Numbers and switches may also be their texts, as typed."""

    words: tuple[str, ...]
    options: Mapping[str, CallValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A file for one person. ``name`` is ours, and safe as a file's name. ``alt``: what a picture shows, for
    whoever cannot see it."""

    name: str
    mime: str
    content: bytes
    alt: str = ""

    @property
    def is_picture(self) -> bool:
        return self.mime.startswith("image/")


class Drawing(Protocol):
    """Charts that belong to a card."""

    @property
    def charts(self) -> tuple[Chart, ...]:
        """For whoever draws them by other means."""

    async def picture(self, language: Language) -> Document | None:
        """All of them in one picture, with words in ``language``; None where that is not possible."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Show a card to whoever asked, and to nobody else where that can be."""

    card: Card
    document: Document | None = None
    drawing: Drawing | None = None

    async def file(self, language: Language) -> Document | None:
        """What goes with the card, if anything does."""
        if self.document is not None or self.drawing is None:
            return self.document
        return await self.drawing.picture(language)


@dataclass(frozen=True, slots=True)
class Follow:
    """Accepted: the reply shows how these requests stand, until their pictures are there."""

    requests: tuple[RequestRecord, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """Something is to be filled in first."""

    form: Form


@dataclass(frozen=True, slots=True)
class Bring:
    """Show a result once more, in a reply of its own. ``index``: its picture of that number alone, and its
    ``file`` (from 0), as the file that it is; 0 for the whole."""

    request: RequestId
    index: int = 0
    file: int = 0


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the message away on which the button stood."""

    request: RequestId


@dataclass(frozen=True, slots=True)
class Nothing:
    """The message shows it by itself."""


Outcome = Tell | Follow | Open | Bring | Remove | Nothing
