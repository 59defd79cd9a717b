"""Results of a request as messages: which file is sent how, in which of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.presentation.cards import Picture
from bot.service.gallery import Gallery
from bot.service.keep import safe_name
from bot.service.parcels.gate import Gate
from bot.service.parcels.ladder import AT_ONCE, Ladder
from bot.service.parcels.limits import JPEG, WEBP, Form, Limits
from bot.service.parcels.overview import MOST_BYTES as MOST_OVERVIEW_BYTES
from bot.service.parcels.overview import overview_of
from bot.service.parcels.sources import MOST_METADATA, Source, look_at, stripped
from bot.service.threads import in_thread

MOST_HELD = 96 * 1024**2
"""Bytes that all parcels hold in memory together; originals are read from the disk while they are sent."""
_SUFFIXES = {WEBP: ".webp", JPEG: ".jpg"}
_DOWNWARDS = tuple(Rung)
_TOGETHER = {Form.PHOTO: "seen", Form.VIDEO: "seen", Form.AUDIO: "heard", Form.FILE: "files"}
"""Forms that one message may hold together; what is not named stands alone."""


class Why(Enum):
    """Why a file is in no parcel."""

    TOO_LARGE = "too large"
    GONE = "gone"
    """It is not on the disk any more, or empty."""
    UNSAFE = "unsafe"
    """Its metadata were to be removed and could not be."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    picture: Picture
    why: Why


@dataclass(frozen=True, slots=True)
class ParcelFile:
    """One file to be sent. ``name`` holds nothing of a person's. ``content``: where it lies, or itself.
    ``width``, ``height``: 0 where unknown. ``picture``: None for the overview."""

    name: str
    content: Path | bytes
    size: int
    mime: str
    form: Form
    rung: Rung
    width: int
    height: int
    alt: str
    spoiler: bool
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """The files of one message, in order; at least one."""

    files: tuple[ParcelFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Packed:
    parcels: tuple[Parcel, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def rung(self) -> Rung:
        """The lowest that a picture had to go down to."""
        taken = {file.rung for parcel in self.parcels for file in parcel.files}
        if any(one.why is not Why.GONE for one in self.left_out):
            taken.add(Rung.TOO_LARGE)
        return max(taken, key=_DOWNWARDS.index, default=Rung.ORIGINAL)


class Packer:
    """One for the process: it bounds what all deliveries take together."""

    def __init__(self, gallery: Gallery, *, ladder: Ladder | None = None, most_held: int = MOST_HELD) -> None:
        self._folder = gallery.folder
        self._ladder = ladder or Ladder()
        self._gate = Gate(most_held)
        self._strips = asyncio.Semaphore(AT_ONCE)

    @property
    def held(self) -> int:
        """Bytes of memory that deliveries under way may take by now."""
        return self._gate.held

    @asynccontextmanager
    async def pack(
        self,
        pictures: Sequence[Picture],
        limits: Limits,
        *,
        overview: bool = True,
        strip_metadata: bool = False,
    ) -> AsyncIterator[Packed]:
        """``pictures`` within ``limits``, in their order. Raises nothing because of a file.

        To be held only while sending: what was encoded stays in memory until then. ``overview``: several
        pictures come with one of all, before them. ``strip_metadata``: no picture tells the workflow and the
        prompt text it was made with; originals do otherwise. Videos and sounds are sent as they are.
        """
        sources, left_out = await in_thread(self._look, pictures)
        stills = [source for source in sources if source.picture.kind is MediaKind.IMAGE]
        overview = overview and len(stills) > 1
        share = sum(_memory(source, limits, strip=strip_metadata) for source in sources)
        async with self._gate.hold(share + overview * MOST_OVERVIEW_BYTES):
            files: list[ParcelFile] = []
            if overview and (whole := await self._overview(stills, limits)) is not None:
                files.append(whole)
            for source in sources:
                made = await self._file(source, limits, strip=strip_metadata)
                if isinstance(made, ParcelFile):
                    files.append(made)
                else:
                    left_out.append(LeftOut(source.picture, made))
            yield Packed(tuple(_parcels(files, limits)), tuple(left_out))

    def _look(self, pictures: Sequence[Picture]) -> tuple[list[Source], list[LeftOut]]:
        found: list[Source] = []
        gone: list[LeftOut] = []
        for picture in pictures:
            source = look_at(picture, self._folder / picture.path)
            if source is None:
                gone.append(LeftOut(picture, Why.GONE))
            else:
                found.append(source)
        return found, gone

    async def _overview(self, stills: Sequence[Source], limits: Limits) -> ParcelFile | None:
        numbered = [(source.picture.number, source.path) for source in stills]
        made = await overview_of(self._ladder, numbered, min(limits.most_bytes, limits.request_bytes))
        if made is None:
            return None
        form = limits.form(MediaKind.IMAGE, made.mime, made.size, made.width, made.height)
        if form is None:
            return None
        first = stills[0].picture
        return ParcelFile(
            name=f"{safe_name(first.job.rpartition('-')[0])}-overview.jpg",
            content=made.content,
            size=made.size,
            mime=made.mime,
            form=form,
            rung=Rung.ORIGINAL,
            width=made.width,
            height=made.height,
            alt=first.alt,
            spoiler=any(source.picture.spoiler for source in stills),
            picture=None,
        )

    async def _file(self, source: Source, limits: Limits, *, strip: bool) -> ParcelFile | Why:
        content: Path | bytes | None = source.path
        size = source.size
        if strip and source.is_picture:
            async with self._strips:
                content = await in_thread(stripped, source, limits)
            size = len(content or b"")
        if content is not None and (form := source.form(limits, size)) is not None:
            return _original(source, content, size, form)
        lower = await self._lower(source, limits)
        if lower is None:
            return Why.TOO_LARGE if source.form(limits, source.size) is None else Why.UNSAFE
        return lower

    async def _lower(self, source: Source, limits: Limits) -> ParcelFile | None:
        picture = source.picture
        if picture.kind is not MediaKind.IMAGE:
            return None
        fitted = await self._ladder.descend(source.path, limits)
        if fitted is None:
            return None
        made = fitted.encoded
        return ParcelFile(
            name=_name(picture, _SUFFIXES[made.mime]),
            content=made.content,
            size=made.size,
            mime=made.mime,
            form=fitted.form,
            rung=fitted.rung,
            width=made.width,
            height=made.height,
            alt=picture.alt,
            spoiler=picture.spoiler,
            picture=picture,
        )


def _original(source: Source, content: Path | bytes, size: int, form: Form) -> ParcelFile:
    picture = source.picture
    return ParcelFile(
        name=_name(picture, source.suffix),
        content=content,
        size=size,
        mime=source.mime,
        form=form,
        rung=Rung.ORIGINAL,
        width=source.width,
        height=source.height,
        alt=picture.alt,
        spoiler=picture.spoiler,
        picture=picture,
    )


def _name(picture: Picture, suffix: str) -> str:
    stem = safe_name(picture.job)
    return f"{stem}_{picture.file + 1}{suffix}" if picture.file else f"{stem}{suffix}"


def _memory(source: Source, limits: Limits, *, strip: bool) -> int:
    """Most bytes that it may take in memory until it is sent."""
    if strip and source.is_picture:
        return min(source.size, limits.most_bytes + MOST_METADATA)
    return 0 if source.form(limits, source.size) is not None else limits.most_bytes


def _parcels(files: Sequence[ParcelFile], limits: Limits) -> Iterator[Parcel]:
    """In their order, so that nobody has to put pictures and numbers together again."""
    held: list[ParcelFile] = []
    for file in files:
        if held and not _joins(file, held, limits):
            yield Parcel(tuple(held))
            held = []
        held.append(file)
    if held:
        yield Parcel(tuple(held))


def _joins(file: ParcelFile, held: Sequence[ParcelFile], limits: Limits) -> bool:
    together = _TOGETHER.get(file.form)
    return (
        len(held) < limits.most_files
        and sum(one.size for one in held) + file.size <= limits.request_bytes
        and together is not None
        and together == _TOGETHER.get(held[-1].form)
    )
