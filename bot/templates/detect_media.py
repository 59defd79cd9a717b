"""Where files come in and go out: upload inputs, saving and previewing nodes, frame rates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.catalogue import NodeClass
from bot.templates.detect_flow import Flow
from bot.templates.detect_sampling import Found
from bot.templates.detect_values import number_places
from bot.templates.graph import Address, Node
from bot.templates.roles import Role

_SINK: Final = re.compile(
    r"(save|preview)\w*|\w*(save|preview|compare|combine)(node|advanced|any)?", re.IGNORECASE
)
_SAVES: Final = re.compile(r"^(?!.*preview).*save", re.IGNORECASE)
_DESTINATIONS: Final = frozenset({"filename_prefix", "folder_name", "output_path"})
_MEDIA: Final = (
    "images", "image", "video", "audio", "mesh", "model_3d", "svg", "text", "samples", "latents",
    "model_file", "source", "frames",
)  # fmt: skip

_UPLOADS: Final = {
    "LoadImage": {"image": Role.INPUT_IMAGE},
    "LoadImageOutput": {"image": Role.INPUT_IMAGE},
    "LoadImageMask": {"image": Role.INPUT_MASK},
    "LoadVideo": {"file": Role.INPUT_VIDEO},
    "LoadAudio": {"audio": Role.INPUT_AUDIO},
    "Painter": {"mask": Role.INPUT_MASK},
    "VHS_LoadVideo": {"video": Role.INPUT_VIDEO},
    "VHS_LoadAudioUpload": {"audio": Role.INPUT_AUDIO},
}
"""Inputs that name an uploaded file, for when no catalogue marks them."""

_UPLOAD_ROLES: Final = {"image": Role.INPUT_IMAGE, "video": Role.INPUT_VIDEO, "audio": Role.INPUT_AUDIO}
_MASK_TOOL: Final = re.compile(r"(invert|grow|feather|threshold|blur)mask", re.IGNORECASE)
_RATES: Final = ("fps", "frame_rate")


@dataclass(frozen=True, slots=True)
class Sinks:
    """The nodes that a graph is run for."""

    saves: tuple[NodeId, ...]
    previews: tuple[NodeId, ...]

    @property
    def outputs(self) -> tuple[NodeId, ...]:
        """Saving nodes; previews only when nothing saves."""
        return self.saves or self.previews


def sinks(flow: Flow) -> Sinks:
    """Output nodes by the catalogue, else by class name; those without anything to show left out.

    If there are none, nodes of classes that nobody knows and that nothing reads from are taken for previews.
    """
    saves: list[NodeId] = []
    previews: list[NodeId] = []
    for node in flow.graph:
        known = _known(flow, node)
        if _is_sink(flow, node) and (any(flow.links(node)) or (known is not None and known.is_api_node)):
            (saves if _saves(flow, node) else previews).append(node.id)
    if not saves and not previews:
        previews = [node.id for node in flow.graph if _ends(flow, node)]
    return Sinks(tuple(saves), tuple(previews))


def media_input(flow: Flow, sink: Node) -> Address | None:
    """The input of an output node that takes the picture, the video, the sound..."""
    linked = [name for name, _ in flow.links(sink)]
    name = next((name for name in _MEDIA if name in linked), linked[0] if linked else None)
    return None if name is None else Address(sink.id, name)


def uploads(flow: Flow, shown: Iterable[Node]) -> Iterator[Found]:
    """Files that a run reads: pictures, masks, videos, sounds. ``shown`` are all nodes that run."""
    shown = tuple(shown)
    masking = _masking(flow, shown)
    for node in shown:
        for name, role in _upload_inputs(flow, node):
            if isinstance(node.inputs.get(name), str):
                place = Address(node.id, name)
                yield Found(role, (place,))
                if role is Role.INPUT_IMAGE and node.id in masking:
                    yield Found(Role.INPUT_MASK, (place,))


def container_rates(flow: Flow, live: Iterable[Node]) -> Iterator[Address]:
    """Frame rates that frames are played with: nodes that make a video of pictures."""
    for node in live:
        if any(flow.takes(node, name, "IMAGE") for name, _ in node.links()):
            for name in _RATES:
                if name in node.inputs:
                    yield from number_places(flow, node, name, Role.FPS)


def model_rates(flow: Flow, nodes: Iterable[Node]) -> Iterator[Address]:
    """Frame rates that a model is told: among conditionings and latents."""
    for node in nodes:
        for name in _RATES:
            if name in node.inputs:
                yield from number_places(flow, node, name, Role.FPS)


def _known(flow: Flow, node: Node) -> NodeClass | None:
    return flow.catalogue.get(node.class_type) if flow.catalogue else None


def _ends(flow: Flow, node: Node) -> bool:
    return _known(flow, node) is None and not flow.graph.consumers(node.id) and any(flow.links(node))


def _is_sink(flow: Flow, node: Node) -> bool:
    known = _known(flow, node)
    if known is not None:
        return known.is_output
    return bool(_DESTINATIONS & node.inputs.keys()) or _SINK.fullmatch(node.class_type) is not None


def _saves(flow: Flow, node: Node) -> bool:
    if flow.constant(node, "save_output") is False:
        return False
    known = _known(flow, node)
    return (
        bool(_DESTINATIONS & node.inputs.keys())
        or _SAVES.match(node.class_type) is not None
        or (known is not None and known.is_api_node)
    )


def _upload_inputs(flow: Flow, node: Node) -> Iterator[tuple[str, Role]]:
    listed = _UPLOADS.get(node.class_type)
    if listed is not None:
        yield from listed.items()
    elif flow.catalogue is not None:
        for name in node.inputs:
            spec = flow.catalogue.spec(node.class_type, name)
            if spec is not None and spec.upload and spec.choices is not None:
                yield name, _UPLOAD_ROLES[spec.upload]


def _masking(flow: Flow, shown: Iterable[Node]) -> set[NodeId]:
    """The nodes whose output 1 (a loader's alpha channel) masks something, be it inverted or grown before.

    Joined to a picture again it is that picture's own transparency, and a preview of it masks nothing.
    """
    readers: dict[NodeId, list[tuple[Node, str, int]]] = {}
    for node in shown:
        for name, link in flow.links(node):
            readers.setdefault(link.node, []).append((node, name, link.slot))
    found: set[NodeId] = set()
    for start in readers:
        stack = [(node, name) for node, name, slot in readers[start] if slot == 1]
        seen: set[NodeId] = set()
        while stack and start not in found:
            node, name = stack.pop()
            if _MASK_TOOL.fullmatch(node.class_type):
                if node.id not in seen:
                    seen.add(node.id)
                    stack.extend((reader, key) for reader, key, _ in readers.get(node.id, ()))
            elif "alpha" not in name and not _is_sink(flow, node):
                found.add(start)
    return found
