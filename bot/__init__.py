"""Fairbrush: one ComfyUI server and its GPU, shared fairly by a whole community.

One request is a straight line through the layers; every layer knows only those below it:

    cli            the ``fairbrush`` command: arguments in, pictures and messages out
    config         TOML and environment -> typed settings
    comfy          adapter: a ComfyUI server (wire -> messages -> one run's events -> files)
    sketch         adapter: a small ComfyUI-compatible server that paints procedural pictures
    service        use cases; speaks only the ports in ``service/ports.py``
    presentation   PURE: flags (``--ar 3:2 --seed 7``) and what people read
    templates      PURE but for the loader: exported workflow -> roles -> parameters -> bound graph
    domain         PURE: ids, errors, events

The pure layers take time, randomness and files as arguments and never import asyncio; import-linter
holds that in CI. ``docs/architecture.md`` draws the same picture with the reasons.
"""

__version__ = "0.1.0"
