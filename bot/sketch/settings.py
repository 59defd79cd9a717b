"""What an operator can set about the sketch engine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

PreviewMethod = Literal["none", "auto", "latent2rgb", "taesd"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Pace, memory and face of a sketch engine. Defaults: a fresh ComfyUI that paints at once."""

    pace: float = 0.0
    """Seconds per sampler step and megapixel (1024 x 1024); painting that takes longer is not slowed."""

    load_seconds: float = 0.0
    """Seconds to load a model that is not the loaded one."""

    vram_mb: float = 8192
    """Memory of the pretended GPU; :mod:`bot.sketch.vram` says what a picture needs."""

    version: str = "0.33.0"
    """The ComfyUI version that ``/system_stats`` tells; its protocol is the one spoken."""

    previews: PreviewMethod = "none"
    """Sampler previews of prompts that do not ask for a method themselves (``extra_data.preview_method``)."""

    preview_size: int = 512
    """Longer edge of a preview, pixels."""

    max_upload_size: int = 100 * 1024 * 1024
    """Largest request body, bytes."""

    history_size: int = 10_000
    """Finished prompts that are remembered; the oldest go first."""


def unix_ms() -> int:
    """Now, as integer Unix milliseconds: the time of all timestamps on the wire."""
    return time.time_ns() // 1_000_000
