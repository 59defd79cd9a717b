"""A small server that speaks ComfyUI's protocol and paints procedural pictures that say so.

::

    engine.py      start, serve, stop          settings.py, models.py, vram.py   what it pretends to be
    app.py, routes/  HTTP                      sockets.py      websockets: who gets which message
    prompts.py, validation.py  POST /prompt    promptqueue.py, history.py, jobs.py   what is kept of it
    worker.py      one prompt at a time        executor.py     one prompt: order, cache, messages
    ordering.py, cache.py, progress.py         noderun.py      what a running node can do
    registry.py, nodes/  the node classes      painting/       the painter, pure
    files.py, views.py, uploads.py             folders, names, pictures in and out

It behaves as recordings of a real server have it, quirks included: a doubled client id goes deaf, a
client that stops reading holds up the others, some bad requests get a 500 that is not JSON. Two things
are not copied, since they end the real server: a ``client_id`` that is an object is refused (400), and a
node without inputs that nothing needs is left alone. It knows no faults but too little memory.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bot.sketch.settings import EngineSettings

if TYPE_CHECKING:
    from bot.sketch.engine import SketchEngine, serve

__all__ = ["EngineSettings", "SketchEngine", "serve"]


def __getattr__(name: str) -> object:
    # The painter takes a while to load, and memory: a bot that has a ComfyUI needs neither.
    if name in ("SketchEngine", "serve"):
        return getattr(import_module("bot.sketch.engine"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
