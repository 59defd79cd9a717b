"""Checks a submitted graph as ComfyUI does: same order, same words, same blind spots.

The graph is walked upwards from its output nodes; each node's literals are converted in place to the
declared type before they are checked. An output whose nodes are all sound is *good*; a prompt with one
good output is accepted, and what is wrong with the others is only told.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sketch.files import Folders
from bot.sketch.nodes.declare import Input, NodeClass
from bot.sketch.registry import Registry

Problem = dict[str, Any]

_LISTED_CHOICES = 20
"""Up to so many choices are named in a message; longer lists are only counted."""

_ANY = ("*", "COMFY_MATCHTYPE_V3")
"""Types that any link satisfies: what is behind a switch is checked by the browser alone."""


class Malformed(Exception):
    """A graph that makes the real server stumble: answered with 500."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``error`` is None for an accepted prompt; ``outputs`` are the good output nodes."""

    error: Problem | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def problem(
    kind: str, message: str, details: str = "", extra_info: Mapping[str, Any] | None = None
) -> Problem:
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra_info or {})}


def validate(graph: Any, registry: Registry, folders: Folders, targets: Collection[str] | None) -> Verdict:
    """Judge a graph; ``targets`` limits which output nodes count. Raises Malformed."""
    if not isinstance(graph, dict):
        raise Malformed
    for node in graph.values():
        if isinstance(node, dict) and "class_type" in node and not isinstance(node.get("inputs", {}), dict):
            raise Malformed
    outputs: list[str] = []
    for node_id, node in graph.items():
        if (unknown := _unknown_class(node_id, node, registry)) is not None:
            return Verdict(unknown)
        if registry[node["class_type"]].is_output and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict(problem("prompt_no_outputs", "Prompt has no outputs"))
    return _judge(_Walk(graph, registry, folders), outputs)


def _unknown_class(node_id: str, node: Any, registry: Registry) -> Problem | None:
    if not isinstance(node, dict):
        raise Malformed
    info: dict[str, Any] = {"node_id": node_id, "class_type": None, "node_title": None}
    meta = node.get("_meta") or {}
    title = meta.get("title") if isinstance(meta, dict) else None
    if "class_type" not in node:
        text = (
            f"Node '{title or f'ID #{node_id}'}' has no class_type. "
            "The workflow may be corrupted or a custom node is missing."
        )
        return problem("missing_node_type", text, f"Node ID '#{node_id}'", {**info, "node_title": title})
    class_type = node["class_type"]
    if isinstance(class_type, list | dict):
        raise Malformed
    if class_type in registry:
        return None
    info |= {"class_type": class_type, "node_title": title or class_type}
    text = f"Node '{title or class_type}' not found. The custom node may not be installed."
    return problem("missing_node_type", text, f"Node ID '#{node_id}'", info)


def _judge(walk: _Walk, outputs: list[str]) -> Verdict:
    good: list[str] = []
    of_outputs: list[Problem] = []
    node_errors: dict[str, Any] = {}
    for output in outputs:
        if walk.output_is_good(output):
            good.append(output)
            continue
        of_outputs += walk.found[output]
        for node_id, problems in walk.found.items():
            if problems:
                class_type = walk.graph[node_id]["class_type"]
                known = node_errors.setdefault(
                    node_id, {"errors": problems, "dependent_outputs": [], "class_type": class_type}
                )
                known["dependent_outputs"].append(output)
    if good:
        return Verdict(None, good, node_errors)
    details = "\n".join(f"{p['message']}: {p['details']}" for p in of_outputs)
    text = "Prompt outputs failed validation"
    return Verdict(problem("prompt_outputs_failed_validation", text, details), [], node_errors)


class _Walk:
    """One validation. ``found`` holds each visited node's own problems, in the order nodes were done."""

    def __init__(self, graph: dict[str, Any], registry: Registry, folders: Folders) -> None:
        self.graph = graph
        self.found: dict[str, list[Problem]] = {}
        self._sound: dict[str, bool] = {}
        self._registry = registry
        self._folders = folders
        self._path: list[str] = []

    def output_is_good(self, output: str) -> bool:
        try:
            return self._visit(output)
        except _STUMBLES as error:
            del self._path[:]
            extra = {
                "exception_type": type(error).__name__,
                "traceback": traceback.format_tb(error.__traceback__),
            }
            text = "Exception when validating node"
            self._settle(output, [problem("exception_during_validation", text, str(error), extra)])
            return False

    def _settle(self, node_id: str, problems: list[Problem], *, sound: bool = False) -> bool:
        self.found[node_id] = problems
        self._sound[node_id] = sound
        return sound

    def _visit(self, node_id: str) -> bool:
        """Whether the node and all above it are sound.

        Raises what a broken link raises in Python (KeyError...): the caller reports it at its own input.
        """
        if node_id in self._path:
            return self._cycle(node_id)
        if node_id in self._sound:
            return self._sound[node_id]
        node = self.graph[node_id]
        given = node["inputs"]
        spec = self._registry[node["class_type"]]
        self._path.append(node_id)
        problems: list[Problem] = []
        sound = True
        for name, declared, required in spec.inputs():
            if name not in given:
                if required:
                    extra = {"input_name": name}
                    problems.append(
                        problem("required_input_missing", "Required input is missing", name, extra)
                    )
                continue
            if isinstance(given[name], list):
                sound &= self._link(name, declared, given[name], problems)
            elif (wrong := self._literal(spec, name, declared, given)) is not None:
                problems.append(wrong)
        problems += self._own_checks(spec, given)
        self._path.pop()
        cycle = self.found.get(node_id, [])  # settled meanwhile, as part of a cycle
        return self._settle(node_id, [*cycle, *problems], sound=sound and not cycle and not problems)

    def _link(self, name: str, declared: Input, value: list[Any], problems: list[Problem]) -> bool:
        """Check a link and what it leads to. False where something above is unsound."""
        config = declared.config(self._folders)
        extra: dict[str, Any] = {"input_name": name, "input_config": config}
        if len(value) != 2:
            text = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            problems.append(problem("bad_linked_input", text, name, {**extra, "received_value": value}))
            return True
        source, slot = value
        received = tuple(k for k, _ in self._registry[self.graph[source]["class_type"]].outputs)[slot]
        if not _types_agree(received, declared.type):
            wanted = config[0]
            problems.append(
                problem(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    f"{name}, received_type({received}) mismatch input_type({wanted})",
                    {**extra, "received_type": received, "linked_node": value},
                )
            )
            return True
        depth = len(self._path)
        try:
            return self._visit(source)
        except _STUMBLES as error:
            del self._path[depth:]
            extra |= {
                "exception_message": str(error),
                "exception_type": type(error).__name__,
                "traceback": traceback.format_tb(error.__traceback__),
                "linked_node": value,
            }
            text = "Exception when validating inner node"
            return self._settle(
                source, [problem("exception_during_inner_validation", text, str(error), extra)]
            )

    def _literal(self, spec: NodeClass, name: str, declared: Input, given: dict[str, Any]) -> Problem | None:
        """Convert a literal in place, and check it against range and choices."""
        value = given[name]
        if isinstance(value, dict) and "__value__" in value:
            value = given[name] = value["__value__"]
        extra: dict[str, Any] = {"input_name": name, "input_config": declared.config(self._folders)}
        try:
            value = given[name] = _converted(declared.type, value)
        except (TypeError, ValueError, OverflowError) as error:
            return problem(
                "invalid_input_type",
                f"Failed to convert an input value to a {declared.type} value",
                f"{name}, {value}, {error}",
                {**extra, "received_value": value, "exception_message": str(error)},
            )
        if name in spec.validate:
            return None
        low, high = (declared.options or {}).get("min"), (declared.options or {}).get("max")
        extra["received_value"] = value
        if low is not None and value < low:
            return problem("value_smaller_than_min", f"Value {value} smaller than min of {low}", name, extra)
        if high is not None and value > high:
            return problem("value_bigger_than_max", f"Value {value} bigger than max of {high}", name, extra)
        return None if declared.choices is None else self._choice(name, declared, value, extra)

    def _choice(self, name: str, declared: Input, value: Any, extra: dict[str, Any]) -> Problem | None:
        assert declared.choices is not None
        choices = list(declared.choices(self._folders))
        if value in choices:
            return None
        listed = str(choices)
        if len(choices) > _LISTED_CHOICES:
            listed = f"(list of length {len(choices)})"
            extra["input_config"] = None
        return problem("value_not_in_list", "Value not in list", f"{name}: {value!r} not in {listed}", extra)

    def _own_checks(self, spec: NodeClass, given: Mapping[str, Any]) -> list[Problem]:
        problems = []
        for name, check in spec.validate.items():
            if name in given and not isinstance(given[name], list):
                refusal = check(self._folders, given[name])
                if refusal is not None:
                    text = "Custom validation failed for node"
                    details = f"{name} - {refusal}"
                    problems.append(problem("custom_validation_failed", text, details, {"input_name": name}))
        return problems

    def _cycle(self, node_id: str) -> bool:
        nodes = self._path[self._path.index(node_id) :]
        named = " -> ".join(f"{n} ({self.graph[n]['class_type']})" for n in [*nodes, node_id])
        for member in nodes:
            extra = {"node_id": member, "cycle_nodes": nodes}
            self._settle(member, [problem("dependency_cycle", "Dependency cycle detected", named, extra)])
        return False


_STUMBLES = (LookupError, TypeError, AttributeError, RecursionError)
"""What a link into nothing, to a missing slot, or of a wrong type raises."""


def _types_agree(received: str, wanted: str) -> bool:
    """Whether a link fits. Several types may be written with commas; all that may come must be taken."""
    if received in _ANY or wanted in _ANY:
        return True
    return set(received.split(",")) <= set(wanted.split(","))


def _converted(kind: str, value: Any) -> Any:
    """Python's own conversions, as the server applies them: "12" is 12, 12.7 is 12, all is a string."""
    converters = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
    return converters[kind](value) if kind in converters else value
