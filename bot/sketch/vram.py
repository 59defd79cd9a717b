"""What the pretended GPU needs. Made up, but shaped like the real thing: weights plus a share per pixel."""

from __future__ import annotations

MEGAPIXEL = 1024 * 1024

OUT_OF_MEMORY_TYPE = "torch.OutOfMemoryError"
OUT_OF_MEMORY_MESSAGE = "Allocation on device 0 would exceed allowed memory. (out of memory)"
OUT_OF_MEMORY_ADVICE = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might "
    "have accidentally set the batch_size to a large number."
)


class OutOfMemory(MemoryError):
    """More memory than the engine's GPU has; told to clients as ``torch.OutOfMemoryError``."""

    def __init__(self) -> None:
        super().__init__(OUT_OF_MEMORY_MESSAGE)


def sampling_mb(width: int, height: int, batch: int) -> float:
    """MB to sample ``batch`` pictures of ``width`` x ``height``: 2048 for the model, 1024 a megapixel.

    With 8192 MB: 6 megapixels, so 6 pictures of 1024 x 1024 at once or one of 2508 x 2508.
    """
    return 2048 + 1024 * width * height * batch / MEGAPIXEL


def pixels_mb(width: int, height: int, batch: int) -> float:
    """MB to hold and change ``batch`` pictures outside the sampler: 48 a megapixel (four float copies).

    With 8192 MB: 170 megapixels.
    """
    return 48 * width * height * batch / MEGAPIXEL
