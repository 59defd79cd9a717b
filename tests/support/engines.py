"""The embedded engine for tests: held by a gate instead of a clock, killed and restarted on its port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.sketch import EngineSettings, SketchEngine
from tests.support.sketch_nodes import LAB_MODELS, Gate, lab_nodes

CHECKPOINT = LAB_MODELS["checkpoints"][0]


@dataclass
class Engine:
    """An engine with the laboratory's nodes; :attr:`gate` says how far its slow sampler may go."""

    folder: Path
    settings: EngineSettings = field(default_factory=EngineSettings)
    gate: Gate = field(default_factory=Gate)
    url: str = ""
    _engine: SketchEngine | None = None

    async def start(self) -> None:
        """Start, on the same port as before; nothing of its memory is left from then."""
        port = urlsplit(self.url).port or 0
        self._engine = SketchEngine(
            self.folder, self.settings, port=port, nodes=lab_nodes(self.gate), models=LAB_MODELS
        )
        await self._engine.__aenter__()
        self.url = self._engine.url

    async def stop(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.__aexit__(None, None, None)

    async def restart(self) -> None:
        await self.stop()
        await self.start()


@asynccontextmanager
async def engine(folder: Path, settings: EngineSettings | None = None) -> AsyncIterator[Engine]:
    made = Engine(folder, settings or EngineSettings())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
