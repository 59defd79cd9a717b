"""The node classes an engine knows, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.sketch.files import Folders
from bot.sketch.nodes import (
    conditioning,
    custom_sampling,
    images,
    latents,
    loaders,
    primitives,
    sampling,
    saving,
)
from bot.sketch.nodes.declare import NodeClass


class Registry(Mapping[str, NodeClass]):
    """Read-only: class name → declaration."""

    def __init__(self, classes: Iterable[NodeClass]) -> None:
        self._classes = {node.name: node for node in classes}

    def __getitem__(self, name: str) -> NodeClass:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def object_info(self, folders: Folders) -> dict[str, Any]:
        return {name: node.describe(folders) for name, node in self._classes.items()}


def core_nodes() -> tuple[NodeClass, ...]:
    """ComfyUI's own node classes that this engine runs."""
    return (
        *loaders.NODES,
        *conditioning.NODES,
        *latents.NODES,
        *sampling.NODES,
        *custom_sampling.NODES,
        *images.NODES,
        *saving.NODES,
        *primitives.NODES,
    )
