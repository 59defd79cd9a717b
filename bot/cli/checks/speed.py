"""``check --run``: how long a server takes for a tiny picture, painted through our own client.

Nothing stays behind: pictures go where the server keeps its previews, a folder that it empties by itself.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator
from time import monotonic

from bot.cli.checks.rows import Status
from bot.comfy.backend import ComfyBackend
from bot.config import Settings
from bot.domain.errors import FairbrushError, ParameterError
from bot.domain.events import Failed, Finished
from bot.domain.ids import NodeId, PromptId
from bot.service.ports import Submission
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.graph import Graph, Node
from bot.templates.loader import TemplateLibrary
from bot.templates.reading import Raw
from bot.templates.sizes import Limits
from bot.templates.template import Template

SECONDS = 120.0
"""For one picture, the loading of its model included."""
GIVE_UP_SECONDS = 10.0
"""For the server to stop a picture that took too long."""
SMALL: dict[str, Raw] = {"size": "256x256", "steps": 4}

Finding = tuple[Status, str]


async def tried(backend: ComfyBackend, settings: Settings, catalogue: Catalogue) -> list[Finding]:
    """What an empty picture and a tiny one of a template took. Raises BackendError when the server goes."""
    queue = await backend.queue()
    if busy := len(queue.running) + len(queue.pending):
        them = "1 prompt is" if busy == 1 else f"{busy} prompts are"
        words = f"Its speed was not tried: {them} at work or waiting there. Try again later."
        return [("ok", words)]
    found: list[Finding] = []
    if {"EmptyImage", "PreviewImage"} <= catalogue.classes.keys():
        found.append(await _one(backend, "An empty picture, without any model", _empty()))
    template = await asyncio.to_thread(_template, settings, catalogue)
    if template is None:
        words = "No template can be painted there without a picture to start from: its speed was not tried."
        return [*found, ("ok", words)]
    what, graph = _tiny(template, catalogue)
    first = await _one(backend, f"{what}, its model loaded first", graph)
    found.append(first)
    if first[0] == "ok":
        _, again = _tiny(template, catalogue)
        found.append(await _one(backend, f"{what}, once more", again))
    return found


async def _one(backend: ComfyBackend, what: str, graph: Graph) -> Finding:
    prompt, began = PromptId(str(uuid.uuid4())), monotonic()
    ended = False
    try:
        async with asyncio.timeout(SECONDS):
            end = await backend.run(Submission(prompt, graph), lambda _: None)
        ended = True
    except TimeoutError:
        return "warning", f"{what}: not there after {SECONDS:g} s. The server was told to stop."
    finally:
        if not ended:
            await _forgotten(backend, prompt)
    took = monotonic() - began
    match end:
        case Finished(server_seconds=seconds):
            own = f", {seconds:.2f} s of them at work" if seconds is not None else ""
            return "ok", f"{what}: {took:.2f} s{own}."
        case Failed(error=error):
            return "problem", f"{what}: {error}"
    return "warning", f"{what}: somebody else stopped it on the server."


async def _forgotten(backend: ComfyBackend, prompt: PromptId) -> None:
    """The server shall not go on with what nobody waits for."""
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await backend.forget(prompt)
    except (FairbrushError, TimeoutError):
        return


def _empty() -> Graph:
    # Another colour each time: what a server has painted before, it does not paint again.
    colour = random.randrange(0x1000000)  # noqa: S311 - no secret
    size = {"width": 64, "height": 64, "batch_size": 1, "color": colour}
    nodes = [
        Node(NodeId("1"), "EmptyImage", size),
        Node(NodeId("2"), "PreviewImage", {"images": ["1", 0]}),
    ]
    return Graph({node.id: node for node in nodes})


def _template(settings: Settings, catalogue: Catalogue) -> Template | None:
    """The default one, else any that this server can run from words alone."""
    templates = TemplateLibrary(settings.workflows_dir).enabled()
    for template in sorted(templates, key=lambda each: not each.is_default):
        if not template.media and all(found.severity != "problem" for found in check(template, catalogue)):
            return template.with_catalogue(catalogue)
    return None


def _tiny(template: Template, catalogue: Catalogue) -> tuple[str, Graph]:
    """As small as the template allows, and kept nowhere; and in words."""
    wanted: dict[str, Raw | None] = {}
    if "prompt_text" in template.parameters:
        wanted["prompt_text"] = "a lighthouse"
    words = []
    for name, value in SMALL.items():
        if name in ("size", *template.parameters):
            try:
                _bound(template, {**wanted, name: value})
            except ParameterError:
                continue
            wanted[name] = value
            words.append(str(value) if name == "size" else f"{value} {name}")
    graph = _bound(template, wanted)
    nodes = dict(graph.nodes)
    nodes.update((node.id, node) for node in _unsaved(graph, catalogue))
    how = f" ({', '.join(words)})" if words else ""
    return f"A tiny picture of {template.name}{how}", Graph(nodes)


def _bound(template: Template, wanted: dict[str, Raw | None]) -> Graph:
    draw = random.randint
    return template.bind(template.resolve(wanted, limits=Limits(), draw=draw))


def _unsaved(graph: Graph, catalogue: Catalogue) -> Iterator[Node]:
    for node in graph:
        if node.class_type == "SaveImage" and "PreviewImage" in catalogue and "images" in node.inputs:
            yield Node(node.id, "PreviewImage", {"images": node.inputs["images"]}, node.title)
