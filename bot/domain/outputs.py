"""What a run left on its server: files by reference, texts by value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from bot.domain.ids import NodeId


class MediaKind(StrEnum):
    """What a file is, for showing it. Judged by extension: servers list videos under ``images`` too."""

    IMAGE = "image"
    ANIMATED = "animated"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    MODEL_3D = "3d"
    OTHER = "other"


_KINDS = {
    MediaKind.IMAGE: ("png", "jpg", "jpeg", "webp", "avif", "bmp", "tif", "tiff", "exr", "hdr", "svg"),
    MediaKind.ANIMATED: ("gif", "apng"),
    MediaKind.VIDEO: ("mp4", "webm", "mkv", "mov", "avi", "m4v"),
    MediaKind.AUDIO: ("flac", "mp3", "opus", "wav", "ogg", "m4a", "aac"),
    MediaKind.TEXT: ("txt", "md", "json", "csv", "srt"),
    MediaKind.MODEL_3D: ("glb", "gltf", "obj", "ply", "stl", "fbx", "splat", "ksplat", "spz"),
}
_BY_EXTENSION = {extension: kind for kind, extensions in _KINDS.items() for extension in extensions}


def media_kind(filename: str, *, animated: bool = False) -> MediaKind:
    """The kind of a file by its extension; ``animated`` is the server's own hint for webp and png."""
    extension = PurePosixPath(filename).suffix.lstrip(".").lower()
    kind = _BY_EXTENSION.get(extension, MediaKind.OTHER)
    return MediaKind.ANIMATED if animated and kind is MediaKind.IMAGE else kind


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file on the server. ``folder`` is the server's word for where: ``output``, ``temp`` or ``input``.

    ``filename`` and ``subfolder`` are the server's and never used as a local path as they are.
    """

    node: NodeId
    filename: str
    subfolder: str = ""
    folder: str = "output"
    kind: MediaKind = MediaKind.OTHER


@dataclass(frozen=True, slots=True)
class OutputText:
    """A text that a node showed (``PreviewAny``, ``SaveText``)."""

    node: NodeId
    text: str


Output = OutputFile | OutputText


def wanted_outputs(outputs: tuple[Output, ...], nodes: frozenset[NodeId]) -> tuple[Output, ...]:
    """The outputs of ``nodes`` (of all nodes when empty), saved files before previews.

    Temporary files are previews of the same picture: they count only where nothing was saved. Falls
    back to every output when the wanted nodes left nothing, so that no picture is lost to a sidecar
    that went stale.
    """
    mine = tuple(o for o in outputs if o.node in nodes) if nodes else outputs
    mine = mine or outputs
    saved = tuple(o for o in mine if not (isinstance(o, OutputFile) and o.folder == "temp"))
    has_file = any(isinstance(o, OutputFile) for o in saved)
    return saved if has_file else mine
