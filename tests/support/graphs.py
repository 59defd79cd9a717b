"""Graphs for tests, of core nodes that every server has, and of the laboratory's slow ones."""

from __future__ import annotations

import random
import uuid
from typing import Any

from bot.domain.ids import NodeId, PromptId
from bot.service.ports import Submission
from bot.templates.graph import Graph, parse_export


def submission(graph: Graph, *outputs: str, previews: bool = False) -> Submission:
    """One fresh submission of ``graph``."""
    wanted = frozenset(NodeId(node) for node in outputs)
    return Submission(PromptId(str(uuid.uuid4())), graph, wanted, previews)


def fresh() -> int:
    """A number that no earlier run used, so that nothing comes from a cache."""
    return random.randrange(1, 2**24)


def flat(color: int | None = None, *, size: int = 64, batch: int = 1, prefix: str = "contract") -> Graph:
    """One flat picture, scaled and saved: ``1`` paints, ``2`` scales, ``3`` saves."""
    return parse_export(
        {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {
                    "width": size,
                    "height": size,
                    "batch_size": batch,
                    "color": fresh() if color is None else color,
                },
            },
            "2": {
                "class_type": "ImageScale",
                "inputs": {
                    "image": ["1", 0],
                    "upscale_method": "bilinear",
                    "width": 2 * size,
                    "height": 2 * size,
                    "crop": "disabled",
                },
            },
            "3": {
                "class_type": "SaveImage",
                "inputs": {"images": ["2", 0], "filename_prefix": prefix},
                "_meta": {"title": "The result"},
            },
        }
    )


def extended(graph: Graph, **nodes: dict[str, Any]) -> Graph:
    """``graph`` with more nodes: ``n4={...}`` is node ``4``."""
    return parse_export({**graph.to_api(), **{name.removeprefix("n"): node for name, node in nodes.items()}})


def slow(
    seed: int | None = None, *, steps: int = 4, fail: str = "none", preview: bool = False, size: int = 64
) -> Graph:
    """The laboratory's slow sampler (``1``) and a SaveImage (``2``). A gate holds it, not a clock."""
    return parse_export(
        {
            "1": {
                "class_type": "SlowSampler",
                "inputs": {
                    "seed": fresh() if seed is None else seed,
                    "seconds": 0.2,
                    "steps": steps,
                    "width": size,
                    "height": size,
                    "batch_size": 1,
                    "fail": fail,
                    "preview": preview,
                },
                "_meta": {"title": "Slow painter"},
            },
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "slow"}},
        }
    )


def sampled(
    checkpoint: str, *, seed: int | None = None, steps: int = 4, size: int = 64, batch: int = 1
) -> Graph:
    """Text to image with a checkpoint: ``3`` samples, ``9`` saves."""
    return parse_export(
        {
            "3": {
                "class_type": "KSampler",
                "inputs": {
                    "seed": fresh() if seed is None else seed,
                    "steps": steps,
                    "cfg": 7.0,
                    "sampler_name": "euler",
                    "scheduler": "normal",
                    "denoise": 1.0,
                    "model": ["4", 0],
                    "positive": ["6", 0],
                    "negative": ["7", 0],
                    "latent_image": ["5", 0],
                },
            },
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
            "5": {
                "class_type": "EmptyLatentImage",
                "inputs": {"width": size, "height": size, "batch_size": batch},
            },
            "6": {
                "class_type": "CLIPTextEncode",
                "inputs": {"text": "a lighthouse at dusk", "clip": ["4", 1]},
            },
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "contract"}},
        }
    )
