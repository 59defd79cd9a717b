"""The engine's folders, and names in them that cannot lead out of them."""

from __future__ import annotations

import mimetypes
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_ANNOTATIONS = {" [input]": "input", " [output]": "output", " [temp]": "temp"}


class OutsideFolder(ValueError):
    """A name that leads out of the folder it belongs to."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} leads outside its folder, which is not allowed.")


@dataclass(frozen=True, slots=True)
class SavePlace:
    """Where a node may write: ``folder/stem_NNNNN_.ext`` from number ``first`` upwards."""

    folder: Path
    subfolder: str
    stem: str
    first: int

    def name(self, index: int, suffix: str) -> str:
        """The file name of image ``index`` of a batch; ``%batch_num%`` in the prefix is that index."""
        return f"{self.stem.replace('%batch_num%', str(index))}_{self.first + index:05}_{suffix}"


@dataclass(frozen=True, slots=True)
class Folders:
    """Input, output and temp folders, and the model files that the engine says it has."""

    root: Path
    models: Mapping[str, Sequence[str]]

    @property
    def input(self) -> Path:
        return self.root / "input"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def temp(self) -> Path:
        return self.root / "temp"

    def prepare(self) -> None:
        """Make the folders; temp starts empty, as on a ComfyUI server. Raises OSError."""
        if self.temp.exists():
            shutil.rmtree(self.temp)
        for folder in (self.input, self.output, self.temp):
            folder.mkdir(parents=True, exist_ok=True)

    def by_type(self, kind: str) -> Path | None:
        return {"input": self.input, "output": self.output, "temp": self.temp}.get(kind)

    def model_files(self, folder: str) -> list[str]:
        return list(self.models.get(folder, ()))

    def input_images(self) -> list[str]:
        """Image files directly in the input folder, sorted: the choices of LoadImage."""
        names = (path.name for path in self.input.iterdir() if path.is_file())
        return sorted(name for name in names if (mimetypes.guess_type(name)[0] or "").startswith("image/"))

    def annotated(self, name: str) -> Path:
        """The file that an input like ``sub/x.png [output]`` names; input folder without annotation.

        Raises OutsideFolder.
        """
        for suffix, kind in _ANNOTATIONS.items():
            if name.endswith(suffix):
                return inside(self.root / kind, name[: -len(suffix)])
        return inside(self.input, name)


def split_annotation(name: str) -> tuple[str, str | None]:
    """``"x.png [output]"`` → ``("x.png", "output")``; None where there is no annotation."""
    for suffix, kind in _ANNOTATIONS.items():
        if name.endswith(suffix):
            return name[: -len(suffix)], kind
    return name, None


def inside(folder: Path, name: str) -> Path:
    """``folder/name``, absolute and normalised. Raises OutsideFolder where that is not below ``folder``."""
    base = folder.resolve()
    try:
        path = (base / name).resolve()
    except (OSError, ValueError) as exc:
        raise OutsideFolder(name) from exc
    if path != base and base not in path.parents:
        raise OutsideFolder(name)
    return path


def save_place(folder: Path, prefix: str, width: int, height: int, now_ms: int) -> SavePlace:
    """Expand a ``filename_prefix`` (tokens, subfolder) and find the next free number.

    Raises OutsideFolder for a prefix that leads out of ``folder`` and OSError where it cannot be made.
    """
    now = datetime.fromtimestamp(now_ms / 1000).astimezone()
    tokens = {
        "width": str(width),
        "height": str(height),
        "year": str(now.year),
        "month": f"{now.month:02}",
        "day": f"{now.day:02}",
        "hour": f"{now.hour:02}",
        "minute": f"{now.minute:02}",
        "second": f"{now.second:02}",
    }
    for token, value in tokens.items():
        prefix = prefix.replace(f"%{token}%", value)
    target = inside(folder, prefix or "ComfyUI")
    if target == folder.resolve():
        raise OutsideFolder(prefix)
    place, stem = target.parent, target.name
    subfolder = place.relative_to(folder.resolve()).as_posix()
    place.mkdir(parents=True, exist_ok=True)
    return SavePlace(place, "" if subfolder == "." else subfolder, stem, _next_number(place, stem))


def _next_number(place: Path, stem: str) -> int:
    """One more than the highest ``stem_NNNNN_`` there is: deleted pictures leave their numbers unused."""
    highest = 0
    head = f"{stem}_".casefold()
    for path in place.iterdir():
        if path.name.casefold().startswith(head):
            digits = path.name[len(head) :].split("_", 1)[0].split(".", 1)[0]
            if digits.isdecimal():
                highest = max(highest, int(digits))
    return highest + 1
