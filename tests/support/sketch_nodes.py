"""Node classes and model files of the laboratory in which the captures were recorded."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from bot.sketch.models import SKETCH_MODELS
from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import NodeClass, Shown, boolean, choice, integer, link, node, number, text
from bot.sketch.nodes.pixels import to_pil
from bot.sketch.nodes.values import Images
from bot.sketch.vram import OutOfMemory

LAB_MODELS = {
    **SKETCH_MODELS,
    "checkpoints": ("random-sd15-small.safetensors", "random-sd15.safetensors"),
}

_FAILURES = {
    "error": lambda: Exception("lab: asked to fail"),
    "value": lambda: ValueError("lab: bad value é 'quoted' <b>html</b> @everyone `code`"),
    "cuda_oom": lambda: RuntimeError("CUDA error: out of memory"),
    "oom": OutOfMemory,
}


class Gate:
    """How far slow nodes may go. Steps beyond the limit wait; without a limit nothing waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._limits: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        self.blocked = False

    def limit(self, seed: int, steps: int | None) -> None:
        """Let the sampler with this seed take so many steps; None: all."""
        with self._changed:
            if steps is None:
                self._limits.pop(seed, None)
            else:
                self._limits[seed] = steps
            self._changed.notify_all()

    def pass_step(self, run: NodeRun, seed: int, step: int) -> None:
        """Wait until ``step`` may be taken, or an interrupt or shutdown wants to be noticed."""
        with self._changed:
            self._reached[seed] = step - 1
            self._changed.notify_all()
            while step > self._limits.get(seed, step) and not run.signals.interrupt.is_set():
                self._changed.wait(0.002)
                if run.signals.stop.is_set():
                    return

    def wait_reached(self, seed: int, steps: int) -> None:
        """Until the sampler with this seed has taken so many steps and waits. In a thread of its own."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._reached.get(seed, -1) >= steps, timeout=10):
                raise TimeoutError(f"sampler {seed} did not get to step {steps}: {self._reached.get(seed)}")

    def pass_block(self, run: NodeRun) -> None:
        """Wait while blocked, deaf to interrupts."""
        while self.blocked and not run.signals.stop.is_set():
            run.signals.stop.wait(0.002)


def lab_nodes(gate: Gate | None = None) -> tuple[NodeClass, ...]:
    """The laboratory's classes; ``gate`` says how far they may go."""
    gate = gate or Gate()

    @node(
        "SlowSampler",
        "Slow sampler",
        "lab",
        inputs={
            "seed": integer(0, 0, 2**63 - 1),
            "seconds": number(1.0, 0.0, 600.0),
            "steps": integer(10, 1, 1000),
            "width": integer(64, 8, 8192),
            "height": integer(64, 8, 8192),
            "batch_size": integer(1, 1, 64),
            "fail": choice(("none", *_FAILURES)),
            "preview": boolean(default=False),
        },
        optional={"image": link("IMAGE")},
        outputs=("IMAGE",),
    )
    def slow_sampler(
        run: NodeRun,
        seed: int,
        seconds: float,
        steps: int,
        width: int,
        height: int,
        batch_size: int,
        fail: str,
        preview: bool,
        image: Images | None = None,
    ) -> tuple[Images]:
        noise = np.random.default_rng(seed).random((batch_size, height, width, 3), dtype=np.float32)
        for step in range(1, steps + 1):
            if fail != "none" and step > steps // 2:
                raise _FAILURES[fail]()
            gate.pass_step(run, seed, step)
            run.progress(step, steps, run.preview(to_pil(noise[0])) if preview else None)
        return (noise,)

    @node(
        "SlowBlock",
        "Slow block",
        "lab",
        inputs={"seconds": number(1.0, 0.0, 600.0), "nonce": integer(0, 0, 2**31)},
        outputs=("IMAGE",),
    )
    def slow_block(run: NodeRun, seconds: float, nonce: int) -> tuple[Images]:
        gate.pass_block(run)
        return (np.zeros((1, 16, 16, 3), dtype=np.float32),)

    @node("LabText", "Text", "lab", inputs={"text": text()}, is_output=True)
    def lab_text(run: NodeRun, text: str) -> Any:
        run.tell(text)
        return Shown({"text": [text]})

    return slow_sampler, slow_block, lab_text


def slow_graph(seed: int, steps: int = 100) -> dict[str, Any]:
    """A graph of one slow sampler, which a gate holds by its seed, and a preview of its picture."""
    inputs = {"seed": seed, "seconds": 1, "steps": steps, "width": 64, "height": 64, "batch_size": 1}
    return {
        "1": {"class_type": "SlowSampler", "inputs": {**inputs, "fail": "none", "preview": False}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
