"""A small server that speaks ComfyUI's protocol and paints procedural pictures that say so."""

from bot.sketch.engine import SketchEngine, serve
from bot.sketch.settings import EngineSettings

__all__ = ["EngineSettings", "SketchEngine", "serve"]
