"""What is in an archive, and under which names it may be there.

An archive is a ZIP file: the database, the files that it names, perhaps the configuration, and a manifest
with size and sha256 of each of them. Nothing else may be in it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.errors import UserError
from bot.domain.text import Text

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "fairbrush.db"
CONFIG = "config/"
"""Before the names of what belongs to the configuration."""
CONFIG_FILE, WORKFLOWS = f"{CONFIG}config.toml", f"{CONFIG}workflows/"
KEPT = ("pictures", "inputs")
"""The folders of the data directory with files that the database names."""

Report = Callable[[float, str], None]
"""Told from time to time how far the work is, from 0 to 1, and at what. May raise :class:`Stopped`."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
# As the gallery names them, and a little more. Small letters alone, since some systems take A for a.
_SEGMENT = re.compile(r"[0-9a-z_-][0-9a-z._-]{0,150}(?<!\.)")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"|?*\\/]')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(10))}
_LONGEST_NAME, _LONGEST_SEGMENT, _DEEPEST = 400, 200, 8


class Refused(UserError):
    """A file that is no archive of ours, is damaged, or holds what may not be in one. Nothing was changed."""

    code = "backup"


class Stopped(Exception):
    """Somebody does not want it any more."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Something to pack beside the data. ``name``: below CONFIG, with /."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """``created``: UTC milliseconds, of the moment that the database in it shows. ``missing``: files that the
    database names and that were not there any more."""

    fairbrush: str
    schema: int
    created: int
    counts: Mapping[str, int]
    members: tuple[Member, ...]
    missing: tuple[str, ...] = field(default=())

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=0).encode()

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members)

    def of_data(self) -> list[Member]:
        """The database and the files that belong to it."""
        return [member for member in self.members if not member.name.startswith(CONFIG)]

    def of_config(self) -> list[Member]:
        return [member for member in self.members if member.name.startswith(CONFIG)]


def stamp(at: int) -> str:
    """A moment as part of a file name: ``20261122-090000``, UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y%m%d-%H%M%S}"


def moment(at: int) -> str:
    """``2026-11-22 09:00 UTC``"""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def is_kept_name(name: str) -> bool:
    """Whether the database may name such a file: below the data directory, whatever the system."""
    top, *rest = name.split("/")
    return top in KEPT and 0 < len(rest) < _DEEPEST and all(map(_is_plain, rest))


def is_config_name(name: str) -> bool:
    """``config/config.toml``, or a template's file, whose name may be any that all systems take."""
    if name == CONFIG_FILE:
        return True
    stem, dot, suffix = name.removeprefix(WORKFLOWS).rpartition(".")
    return name.startswith(WORKFLOWS) and dot == "." and suffix in {"json", "toml"} and _is_harmless(stem)


def _is_plain(segment: str) -> bool:
    return _SEGMENT.fullmatch(segment) is not None and segment.split(".")[0] not in _DEVICES


def _is_harmless(segment: str) -> bool:
    return not (
        not segment
        or len(segment.encode("utf-8", "surrogatepass")) > _LONGEST_SEGMENT
        or _NOT_IN_NAMES.search(segment)
        or segment[0] in ". "
        or segment[-1] in ". "
        or segment.split(".")[0].rstrip().lower() in _DEVICES
    )


def read_manifest(content: bytes) -> Manifest:
    """Raises ValueError, TypeError or KeyError for what is none, and Refused for one of another format."""
    found = json.loads(content)
    if not isinstance(found, dict) or "format" not in found:
        raise ValueError("no manifest")
    if found["format"] != FORMAT:
        raise Refused(
            Text("It was made by a newer Fairbrush, in a form that this one does not know. Update this one.")
        )
    members = tuple(_member(each) for each in found["members"])
    names = {unicodedata.normalize("NFC", member.name).casefold() for member in members}
    if len(names) != len(members):
        raise ValueError("a name twice")
    if DATABASE not in {member.name for member in members}:
        raise ValueError("no database")
    return Manifest(
        fairbrush=_words(found["fairbrush"]),
        schema=_number(found["schema"]),
        created=_number(found["created"], most=253_000_000_000_000),
        counts={_words(name): _number(count) for name, count in dict(found["counts"]).items()},
        members=members,
        missing=tuple(_words(name) for name in _list(found["missing"])),
    )


def _member(found: Mapping[str, Any]) -> Member:
    name, digest = _words(found["name"]), _words(found["sha256"])
    if not (name == DATABASE or is_kept_name(name) or is_config_name(name)):
        raise ValueError("a name that leads elsewhere")
    if not _SHA256.fullmatch(digest):
        raise ValueError("no sha256")
    return Member(name, digest, _number(found["size"]))


def _words(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or "\x00" in value:
        raise ValueError("no text")
    return value


def _number(value: object, *, most: int = 2**62) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("no number")
    return value


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")  # noqa: TRY004 - read_manifest's callers know one kind
    return value
