"""What a reply shows, apart from how a platform draws it. PURE.

A :class:`Card` is the whole state of a reply, never a change to it, so that any card may be left out. Equal
cards look the same: an edit that would change nothing is seen as such by ``==``. Sentences are
:class:`~bot.domain.text.Text`; ``prompt_text`` and values inside sentences are people's own words, to be
escaped by whoever draws them (``Text.render(show=…)``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from bot.domain.ids import JobId, RequestId
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.actions import Action


@dataclass(frozen=True, slots=True)
class Command:
    """Inside a sentence, the name of a command: drawn as the platform's users type or tap it."""

    name: str

    def __str__(self) -> str:
        return f"/{self.name}"


@dataclass(frozen=True, slots=True)
class Code:
    """Inside a sentence, what is to be copied as it stands: a job's id, a flag."""

    text: str

    def __str__(self) -> str:
        return self.text


class CardState(StrEnum):
    """What a card is about; platforms choose colour and symbol by it."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    RUNNING = "running"
    """Also staged: a server has it."""
    DONE = "done"
    PARTLY = "partly done"
    """Over, with some pictures and some failures or cancels."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    KEPT = "kept"
    """Done, but it could not be shown here; it is offered."""
    EXPIRED = "expired"
    """Done once; retention has removed it."""
    DENIED = "denied"
    QUESTION = "question"
    INFO = "info"

    @property
    def final(self) -> bool:
        """Nothing will follow by itself."""
        return self not in {CardState.ACCEPTED, CardState.QUEUED, CardState.RUNNING}


class Style(Enum):
    PRIMARY = "primary"
    PLAIN = "plain"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """``label`` has 20 characters or less in English, its number included; ``emoji`` may stand before it,
    or with ``number`` for it where space is short."""

    action: Action
    label: Text
    emoji: str = ""
    style: Style = Style.PLAIN
    number: int | None = None


IN_A_ROW = 5
Buttons = tuple[tuple[Button, ...], ...]
"""Rows: at most five of at most five."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the whole request. Rounded, so that it seldom changes.

    ``cells`` of :data:`CELLS` are full; None while nobody can say. ``step`` says where it is, ``eta`` how
    long it will take.
    """

    cells: int | None
    step: Text | None = None
    eta: Text | None = None

    @property
    def fraction(self) -> float | None:
        return None if self.cells is None else self.cells / CELLS


CELLS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One job of several, or one entry of a list. ``state`` gives the symbol before it."""

    state: CardState
    title: Text
    detail: Text | None = None
    button: Button | None = None
    """Drawn beside the row where that can be, else among the card's buttons."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file of a result, in the order in which it is to be shown.

    ``path`` is that of :class:`~bot.service.records.StoredFile`. ``alt`` says to those who cannot see it
    what was asked for: a person's words, shortened. ``index`` (of the job, from 1) and ``file`` (from 0) are
    what buttons carry; ``number`` is what they, rows and captions call it.
    """

    job: JobId
    index: int
    file: int
    number: int
    path: str
    mime: str
    kind: MediaKind
    size: int
    width: int
    height: int
    alt: str
    spoiler: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """An unfinished picture of a job: the ``number``-th of it that is to be shown."""

    job: JobId
    number: int


@dataclass(frozen=True, slots=True)
class Incident:
    """What a person tells the operator so that the log can be searched: ``out_of_memory k3v9x2m7qa-1``."""

    code: str
    job: JobId | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.job}" if self.job else self.code


@dataclass(frozen=True, slots=True)
class Card:
    """Drawn from top to bottom in the order of the fields."""

    state: CardState
    headline: Text
    prompt_text: str = ""
    """What the person typed, whole; shortened by whoever draws it (:mod:`bot.presentation.card_text`)."""
    lines: tuple[Text, ...] = ()
    progress: Progress | None = None
    rows: tuple[Row, ...] = ()
    pictures: tuple[Picture, ...] = ()
    preview: Preview | None = None
    texts: tuple[str, ...] = ()
    """Texts that nodes showed: data, like ``prompt_text``."""
    facts: tuple[Text, ...] = ()
    """One short line, joined with dots: template, size, seed, time."""
    notes: tuple[Text, ...] = ()
    """In small print: what was charged, what was changed, what is kept."""
    incident: Incident | None = None
    buttons: Buttons = ()
    request: RequestId | None = None
    private: bool = False
    """For the eyes of one person."""

    @property
    def all_buttons(self) -> Buttons:
        """With those that belong to rows, above the others: for platforms that draw none beside a row."""
        beside = tuple(row.button for row in self.rows if row.button is not None)
        rows = tuple(beside[start : start + IN_A_ROW] for start in range(0, len(beside), IN_A_ROW))
        return (*rows, *self.buttons)
