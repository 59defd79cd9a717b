"""All that a reply's card depends on: how a request and its jobs stand, as values. PURE.

Made by the service from the store's records, the queue's outlook and the run's events; independent of who
looks at it. Durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bot.domain.ids import JobId, RequestId
from bot.domain.jobs import DeliveryState, JobState
from bot.domain.outputs import MediaKind
from bot.domain.text import Text


@dataclass(frozen=True, slots=True)
class Wait:
    """Of a job in line. ``place`` from 1; ``seconds`` until its end, None when nobody can say."""

    place: int
    seconds: float | None
    why: Text
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Of a job at a server. Everything is None (0, "") until the server has said it.

    ``title``: of the node at work, ``step`` of ``steps`` in it. ``seconds`` until its end.
    ``lost``: why the server does not answer at the moment; the run may go on there.
    """

    fraction: float | None = None
    title: str = ""
    step: float = 0
    steps: float = 0
    seconds: float | None = None
    lost: Text | None = None
    preview: int | None = None
    """Number of the newest preview that is worth showing; raised only every few seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """``code`` of :class:`~bot.domain.errors.FairbrushError`, and the sentence the person is told."""

    code: str
    text: Text


@dataclass(frozen=True, slots=True)
class File:
    """One file of a result; the fields of a stored file that matter for showing it."""

    path: str
    mime: str
    kind: MediaKind
    size: int
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands.

    ``again``: why it waits once more. ``charged``: GPU seconds, once it is over. ``kept``: answered from an
    earlier result. ``removed``: deleted on the owner's wish.
    """

    id: JobId
    state: JobState
    seed: int | None = None
    wait: Wait | None = None
    run: Run | None = None
    again: Text | None = None
    failure: Failure | None = None
    charged: float | None = None
    kept: bool = False
    files: tuple[File, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def index(self) -> int:
        """From 1, as in its id."""
        return int(self.id.rpartition("-")[2])


class Rung(Enum):
    """How a picture fits through a platform's limit on sizes: the first that does."""

    ORIGINAL = "original"
    WEBP = "webp"
    """Without loss."""
    JPEG = "jpeg"
    SMALLER = "smaller"
    """Fewer pixels."""
    TOO_LARGE = "too large"
    """Not even that: it is kept."""


class Gone(Enum):
    """Why a request's pictures and words are not there any more."""

    EXPIRED = "expired"
    DELETED = "deleted"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Offers:
    """What may be done with a result here."""

    upscale: bool = False
    """Some template takes a picture to enlarge."""
    variation: bool = True
    """Some template repaints a picture from words."""
    edit: bool = True
    """It has a text to change."""
    reroll: bool = True
    """It has a seed."""
    details: bool = False
    """What it was made with is reached by a button alone: the platform has no menus on messages."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How a request stands. ``title`` is its template's; ``prompt_text`` what was typed, "" once it is
    forgotten. ``notes``: what was changed in what was asked (sizes moved, models replaced)."""

    request: RequestId
    title: str
    jobs: tuple[Job, ...]
    prompt_text: str = ""
    width: int = 0
    height: int = 0
    notes: tuple[Text, ...] = ()
    private: bool = False
    spoiler: bool = False
    gone: Gone | None = None
    delivery: DeliveryState = DeliveryState.PENDING
    rung: Rung = Rung.ORIGINAL
    """The lowest that one of its pictures had to go down to."""
    limit: int = 0
    """The platform's limit that made it so, in bytes."""
    offers: Offers = Offers()
