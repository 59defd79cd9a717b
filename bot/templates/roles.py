"""The roles that literals of a workflow can play: what a person may set, in ComfyUI's own words."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a literal means to the person who asks for a picture. Values are part of ``inspect --json``.

    ``GUIDANCE`` is the embedded guidance of distilled models (FluxGuidance), which is not ``CFG``.
    ``LENGTH`` counts frames, never seconds. ``OUTPUT`` names the media input of a saving node: a link,
    the only role that is not a literal.
    """

    PROMPT_TEXT = "prompt_text"
    NEGATIVE_TEXT = "negative_text"
    SEED = "seed"
    STEPS = "steps"
    CFG = "cfg"
    GUIDANCE = "guidance"
    WIDTH = "width"
    HEIGHT = "height"
    BATCH_SIZE = "batch_size"
    LENGTH = "length"
    FPS = "fps"
    SAMPLER = "sampler"
    SCHEDULER = "scheduler"
    DENOISE = "denoise"
    MODEL = "model"
    LORA = "lora"
    INPUT_IMAGE = "input_image"
    INPUT_MASK = "input_mask"
    INPUT_VIDEO = "input_video"
    INPUT_AUDIO = "input_audio"
    OUTPUT = "output"
