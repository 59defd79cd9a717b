"""Uploaded pictures and masks: where they go and what they are called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.sketch.files import Folders, OutsideFolder, inside, split_annotation

_CHUNK = 1 << 20


class BadUpload(ValueError):
    """A request that is answered with 400."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One multipart request: the file, the name its sender gave it, and the other fields."""

    file: IO[bytes]
    filename: str
    fields: Mapping[str, str]


def store(
    folders: Folders, upload: Upload, write: Callable[[Upload, Path], None] | None = None
) -> dict[str, str]:
    """Keep an upload; the answer tells its name, which may have a number added.

    The same bytes under the same name are not written again; other bytes get `` (1)``. ``write`` puts the
    file into place where it is more than a copy. Raises BadUpload, LookupError for an unknown ``type``
    and OSError.
    """
    kind = upload.fields.get("type") or "input"
    folder = folders.by_type(kind)
    if folder is None:
        raise LookupError(kind)
    if not upload.filename:
        raise BadUpload("no file name")
    if Path(upload.filename).is_absolute():
        raise LookupError(upload.filename)
    subfolder = upload.fields.get("subfolder", "")
    try:
        place = inside(folder, subfolder)
        inside(place, upload.filename)
    except OutsideFolder as exc:
        raise BadUpload("outside the folder") from exc
    place.mkdir(parents=True, exist_ok=True)
    path = place / upload.filename
    if upload.fields.get("overwrite") not in ("true", "1"):
        path, known = _free_name(place, upload)
        if known:
            return {"name": path.name, "subfolder": subfolder, "type": kind}
    (write or _copy)(upload, path)
    return {"name": path.name, "subfolder": subfolder, "type": kind}


def _free_name(place: Path, upload: Upload) -> tuple[Path, bool]:
    """The first name that is free or holds these very bytes (then: True)."""
    path = place / upload.filename
    stem, suffix = path.stem, path.suffix
    number = 1
    while path.exists():
        if _same_bytes(path, upload.file):
            return path, True
        path = place / f"{stem} ({number}){suffix}"
        number += 1
    return path, False


def _same_bytes(path: Path, file: IO[bytes]) -> bool:
    file.seek(0)
    with path.open("rb") as known:
        while True:
            ours, theirs = known.read(_CHUNK), file.read(_CHUNK)
            if ours != theirs:
                return False
            if not ours:
                return True


def _copy(upload: Upload, path: Path) -> None:
    upload.file.seek(0)
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target, _CHUNK)


def mask_writer(folders: Folders, fields: Mapping[str, str]) -> Callable[[Upload, Path], None]:
    """How ``/upload/mask`` writes: the picture that ``original_ref`` names, with the upload's transparency.

    Where the original is missing nothing is written. Raises BadUpload, and TypeError, KeyError or
    ValueError for a reference that is none.
    """
    reference: Any = json.loads(fields["original_ref"])
    filename, kind = split_annotation(reference["filename"])
    if not filename or filename.startswith("/") or ".." in filename:
        raise BadUpload("bad file name in original_ref")
    folder = folders.by_type(kind or reference.get("type", "output"))
    if folder is None:
        raise BadUpload("unknown type in original_ref")
    try:
        original = inside(inside(folder, reference.get("subfolder", "")), Path(filename).name)
    except OutsideFolder as exc:
        raise BadUpload("original_ref leads outside") from exc

    def write(upload: Upload, path: Path) -> None:
        if not original.is_file():
            return
        upload.file.seek(0)
        with Image.open(original) as picture, Image.open(upload.file) as mask:
            masked = picture.convert("RGBA")
            masked.putalpha(mask.convert("RGBA").getchannel("A").resize(masked.size))
            info = PngInfo()
            for key, value in getattr(picture, "text", {}).items():
                info.add_text(key, value)
            masked.save(path, "PNG", compress_level=4, pnginfo=info)

    return write
