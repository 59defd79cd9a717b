"""Files of the service: results in ``pictures/``, inputs in ``inputs/``, each under a name of its own.

A file is written under a passing name, hashed, and given its name in one step; only then may a row refer to
it. So a file without a row is an orphan of a process that died, and can be removed at the next start.
"""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
import sys
import uuid
import warnings
from collections.abc import Iterable
from pathlib import Path

from bot.domain.errors import OutputError
from bot.domain.outputs import MediaKind, OutputFile
from bot.domain.text import Text
from bot.service.images import DECODER_ERRORS, InputImage
from bot.service.keep import refusal, safe_suffix
from bot.service.ports import Backend
from bot.service.records import ResultFile, StoredFile
from bot.service.threads import in_thread

_PICTURES, _INPUTS = "pictures", "inputs"
_PART = ".part"
_CHUNK = 1 << 20


class Gallery:
    """The files below one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir

    def path(self, file: StoredFile) -> Path:
        return self.folder / file.path

    async def keep(self, backend: Backend, output: OutputFile) -> ResultFile:
        """Fetch an output of a run. Raises BackendError when the server does not give it and OutputError
        when the disk refuses; nothing half-written stays."""
        part = self._part(_PICTURES)
        try:
            await in_thread(_make_room, part)
            mime = await backend.fetch(output, part)
            return await in_thread(self._finish_result, part, output, mime)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            await in_thread(_discard, part)

    async def keep_input(self, image: InputImage) -> StoredFile:
        """Put away an input image. Raises OutputError."""
        part = self._part(_INPUTS)
        try:
            await in_thread(_make_room, part)
            await in_thread(part.write_bytes, image.content)
            return await in_thread(self._publish, part, _INPUTS, image.suffix, "")
        except OSError as error:
            raise self._refused(error) from error
        finally:
            await in_thread(_discard, part)

    async def read(self, file: StoredFile) -> bytes:
        """The content of a file. Raises OutputError when it is gone, or is not what was kept."""
        try:
            return await in_thread(_read, self.path(file), file.sha256)
        except OSError as error:
            raise OutputError(
                Text("A file that this picture needs is not in the data directory any more. Ask again."),
                cause=f"{file.path}: {error!r}",
            ) from error

    async def discard(self, files: Iterable[StoredFile]) -> None:
        """Remove files that nothing refers to any more; best effort."""
        for file in files:
            await in_thread(_discard, self.path(file))

    async def sweep(self, known: frozenset[str]) -> tuple[str, ...]:
        """Remove every file that no row refers to (``known``: relative paths with /); what was removed.

        Only at start, before anything is written: a file gets its row a moment after its name.
        """
        return await in_thread(self._sweep, known)

    def _part(self, kind: str) -> Path:
        return self.folder / kind / f".{uuid.uuid4().hex}{_PART}"

    def _finish_result(self, part: Path, output: OutputFile, mime: str) -> ResultFile:
        width, height = _dimensions(part) if output.kind in (MediaKind.IMAGE, MediaKind.ANIMATED) else (0, 0)
        stored = self._publish(part, _PICTURES, safe_suffix(output.filename), mime)
        return ResultFile(stored, output.kind, str(output.node), width, height)

    def _publish(self, part: Path, kind: str, suffix: str, mime: str) -> StoredFile:
        digest, size = _hash(part)
        # Never shared by content: a file whose last row goes must not be wanted again the next moment.
        relative = f"{kind}/{digest[:2]}/{digest[:32]}-{uuid.uuid4().hex[:12]}{suffix}"
        target = self.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
        _sync_folder(target.parent)
        guessed = mime or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
        return StoredFile(digest, relative, guessed, size)

    def _sweep(self, known: frozenset[str]) -> tuple[str, ...]:
        removed: list[str] = []
        for kind in (_PICTURES, _INPUTS):
            top = self.folder / kind
            if not top.is_dir():
                continue
            for path in sorted(top.rglob("*")):
                relative = path.relative_to(self.folder).as_posix()
                if path.is_file() and relative not in known:
                    _discard(path)
                    removed.append(relative)
        return tuple(removed)

    def _refused(self, error: OSError) -> OutputError:
        remedy = Text("The operator has to look at data_dir in config.toml.")
        return refusal(error, self.folder, remedy)


def _read(path: Path, digest: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        # A request says by hash what it was made from, and what it made: nothing else stands in for it.
        raise OSError("it was changed on the disk")
    return content


def _make_room(part: Path) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    part.open("xb").close()


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk, too, before a row refers to it; Windows has no such call."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _discard(path: Path) -> None:
    # Best effort: what cannot be removed now is an orphan at the next start.
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _hash(path: Path) -> tuple[str, int]:
    """sha256 and size; the content is on the disk, not only in its cache, when this returns."""
    digest, size = hashlib.sha256(), 0
    with path.open("r+b") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        os.fsync(stream.fileno())
    return digest.hexdigest(), size


def _dimensions(path: Path) -> tuple[int, int]:
    """Width and height by the file's header; (0, 0) for what is no picture after all."""
    from PIL import Image

    # Pillow warns of sizes that an upscaler may well make; nothing is decoded here.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with Image.open(path) as image:
            return image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DECODER_ERRORS):
        return 0, 0
