"""Runs one prompt after another: order, cache, messages, errors. All of it in the painter's thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.sketch.cache import NodeCache, NodeResult, declared_inputs, is_link
from bot.sketch.files import Folders
from bot.sketch.noderun import Gpu, Interrupted, NodeRun, Preview, Signals, Stopped
from bot.sketch.nodes.declare import NodeClass, Shown
from bot.sketch.ordering import RunOrder
from bot.sketch.progress import ProgressState
from bot.sketch.promptqueue import Item
from bot.sketch.registry import Registry
from bot.sketch.settings import EngineSettings
from bot.sketch.vram import OUT_OF_MEMORY_ADVICE, OUT_OF_MEMORY_TYPE


class Outbox(Protocol):
    """Where messages go. ``client_id`` None: to every socket. Called from the painter's thread."""

    def send(self, event: str, data: Mapping[str, Any], client_id: object) -> None: ...

    def preview(self, preview: Preview, names: Mapping[str, Any], client_id: object) -> None:
        """With ``names``: a frame that says which node and prompt it belongs to; without: a bare one."""

    def wants_metadata(self, client_id: object) -> bool:
        """Whether that client asked for previews with names."""

    def text(self, node_id: str, text: str) -> None: ...


@dataclass(slots=True)
class Outcome:
    """How a prompt ended, as history keeps it."""

    succeeded: bool = False
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ui: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Node id → what it showed, of every output node that got that far."""


class Executor:
    """Holds what lasts from prompt to prompt: the node cache and the loaded model."""

    def __init__(
        self,
        registry: Registry,
        folders: Folders,
        settings: EngineSettings,
        outbox: Outbox,
        clock: Callable[[], int],
    ) -> None:
        self.registry = registry
        self.folders = folders
        self.settings = settings
        self.outbox = outbox
        self.clock = clock
        self.signals = Signals()
        self.cache = NodeCache()
        self.gpu = Gpu()

    def execute(self, item: Item) -> Outcome:
        """Run a validated prompt to its end, whatever that is. Raises Stopped at shutdown only."""
        self.signals.interrupt.clear()
        return _Run(self, item).to_the_end()

    def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """What ``POST /free`` asks for; between prompts only."""
        if unload_models or free_memory:
            self.gpu.loaded = ""
        if free_memory:
            self.cache.clear()


class _Run:
    """One prompt on its way through."""

    def __init__(self, executor: Executor, item: Item) -> None:
        self._x = executor
        self._item = item
        self._client = item.client_id
        self._progress = ProgressState(item.prompt_id)
        self._outcome = Outcome()
        self._executed: list[str] = []
        self._previews = wants_previews(item.extra_data, executor.settings)

    def to_the_end(self) -> Outcome:
        self._tell("execution_start", {"prompt_id": self._item.prompt_id})
        cache, graph = self._x.cache, self._item.graph
        cache.begin(graph, self._x.registry, self._x.folders)
        cached = [node_id for node_id in graph if cache.get(node_id) is not None]
        self._tell("execution_cached", {"nodes": cached, "prompt_id": self._item.prompt_id})
        order = RunOrder(self._sources, self._is_output, lambda node_id: cache.get(node_id) is not None)
        for node_id in self._item.outputs:
            order.add(node_id)
        while order:
            if not self._visit(order.next(), order):
                return self._outcome
        self._outcome.succeeded = True
        self._tell("execution_success", {"prompt_id": self._item.prompt_id})
        return self._outcome

    def _visit(self, node_id: str, order: RunOrder) -> bool:
        """Run one node, or take it from the cache. False: the prompt ended with it."""
        if (known := self._x.cache.get(node_id)) is not None:
            self._show(node_id, known.ui, cached=True)
            self._finish(node_id)
            order.done(node_id)
            return True
        self._progress.start(node_id)
        self._send_progress()
        self._send("executing", {"node": node_id, "display_node": node_id, "prompt_id": self._item.prompt_id})
        spec, given, missing = self._inputs(node_id)
        for name in spec.needs(given) if spec.needs else ():
            if name in missing:
                order.require(node_id, missing[name])
                return True
        try:
            result = self._compute(spec, node_id, given)
        except Interrupted:
            self._interrupted(node_id)
            return False
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a node raises is its prompt's failure, not ours
            self._failed(node_id, given, error)
            return False
        self._executed.append(node_id)
        self._x.cache.put(node_id, result)
        if result.ui:
            self._show(node_id, result.ui)
        self._finish(node_id)
        order.done(node_id)
        return True

    def _compute(self, spec: NodeClass, node_id: str, given: Mapping[str, Any]) -> NodeResult:
        x = self._x
        x.signals.check()
        extra = self._item.extra_data.get("extra_pnginfo")
        run = NodeRun(
            node_id=node_id,
            graph=self._item.graph,
            extra_pnginfo=extra if isinstance(extra, dict) else {},
            previews=self._previews,
            folders=x.folders,
            settings=x.settings,
            signals=x.signals,
            reporter=self,
            gpu=x.gpu,
        )
        made = spec.execute(run, **given)
        return NodeResult(made.values, made.ui) if isinstance(made, Shown) else NodeResult(made, None)

    def _inputs(self, node_id: str) -> tuple[NodeClass, dict[str, Any], dict[str, str]]:
        """The class, the input values that are there, and lazy inputs with the node that would make them."""
        spec = self._x.registry[self._item.graph[node_id]["class_type"]]
        given: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for name, value in declared_inputs(self._item.graph, node_id, self._x.registry).items():
            if not is_link(value):
                given[name] = value
            elif (source := self._x.cache.get(value[0])) is not None:
                given[name] = source.values[value[1]]
            else:
                missing[name] = value[0]
        return spec, given, missing

    def _sources(self, node_id: str) -> list[str]:
        spec = self._x.registry[self._item.graph[node_id]["class_type"]]
        lazy = {name for name, declared, _ in spec.inputs() if declared.lazy}
        inputs = declared_inputs(self._item.graph, node_id, self._x.registry)
        return [value[0] for name, value in inputs.items() if is_link(value) and name not in lazy]

    def _is_output(self, node_id: str) -> bool:
        return self._x.registry[self._item.graph[node_id]["class_type"]].is_output

    # Messages

    def _send(self, event: str, data: Mapping[str, Any]) -> None:
        """To the prompt's client; nobody hears it where the prompt named none."""
        if self._client is not None:
            self._x.outbox.send(event, data, self._client)

    def _tell(self, event: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        """A message with a time, which history keeps."""
        data = {**data, "timestamp": self._x.clock()}
        self._outcome.messages.append((event, data))
        if self._client is not None or broadcast:
            self._x.outbox.send(event, data, self._client)

    def _send_progress(self) -> None:
        self._x.outbox.send("progress_state", self._progress.message(), self._client)

    def _finish(self, node_id: str) -> None:
        self._progress.finish(node_id)
        self._send_progress()

    def _show(self, node_id: str, ui: Mapping[str, Any] | None, *, cached: bool = False) -> None:
        if ui:
            self._outcome.ui[node_id] = ui
        if ui or cached:
            self._send(
                "executed",
                {
                    "node": node_id,
                    "display_node": node_id,
                    "output": ui or None,
                    "prompt_id": self._item.prompt_id,
                },
            )

    def step(self, node_id: str, value: float, maximum: float, preview: Preview | None) -> None:
        """A node's progress. Previews with metadata go before the plain message, others after it."""
        outbox = self._x.outbox
        self._progress.step(node_id, value, maximum)
        message = self._progress.message()
        outbox.send("progress_state", message, self._client)
        with_metadata = preview is not None and outbox.wants_metadata(self._client)
        if preview is not None and with_metadata:
            names = {k: v for k, v in message["nodes"][node_id].items() if k not in ("value", "max", "state")}
            outbox.preview(preview, names, self._client)
        data = {"value": value, "max": maximum, "prompt_id": self._item.prompt_id, "node": node_id}
        outbox.send("progress", data, self._client)
        if preview is not None and not with_metadata:
            outbox.preview(preview, {}, self._client)

    def text(self, node_id: str, text: str) -> None:
        self._x.outbox.text(node_id, text)

    def _interrupted(self, node_id: str) -> None:
        self._tell("execution_interrupted", self._whereabouts(node_id), broadcast=True)

    def _failed(self, node_id: str, given: Mapping[str, Any], error: Exception) -> None:
        out_of_memory = isinstance(error, MemoryError)
        self._tell(
            "execution_error",
            {
                **self._whereabouts(node_id),
                "exception_message": f"{error}\n" + (OUT_OF_MEMORY_ADVICE if out_of_memory else ""),
                "exception_type": OUT_OF_MEMORY_TYPE if out_of_memory else _type_name(error),
                "traceback": traceback.format_tb(error.__traceback__),
                "current_inputs": {name: [_shown(value)] for name, value in given.items()},
                "current_outputs": list(self._item.graph),
            },
        )

    def _whereabouts(self, node_id: str) -> dict[str, Any]:
        return {
            "prompt_id": self._item.prompt_id,
            "node_id": node_id,
            "node_type": self._item.graph[node_id]["class_type"],
            "executed": list(self._executed),
        }


def wants_previews(extra_data: Mapping[str, Any], settings: EngineSettings) -> bool:
    """Whether samplers send previews: the prompt's own ``preview_method``, else the engine's."""
    method = extra_data.get("preview_method")
    if method not in ("none", "auto", "latent2rgb", "taesd"):
        method = settings.previews
    return bool(method != "none")


def _type_name(error: Exception) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _shown(value: Any) -> Any:
    """An input as an error report shows it: plain values as they are, others by their type alone."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(type(value))
