"""Where the words of the person sit behind a text input. Pure.

A prompt may be typed into the encoder, into a primitive, or go through string nodes and a language model
that rewrites it. Beside it stand texts of the workflow's author: instructions for that language model,
trigger words of a LoRA, templates with a placeholder. Those are not the person's and must stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import Flow
from bot.templates.graph import Address, Node

_INSTRUCTION: Final = re.compile(
    r"\s*(<\w+>|\[?system|#+\s*(role|system)|you are\b|you're an?\b|act as\b|your (task|role|job)\b|你是)",
    re.IGNORECASE,
)
"""How texts begin that instruct a language model."""

_TEXT_INPUTS: Final = (
    "prompt", "text", "string", "value", "user_prompt", "prompt_text", "text_prompt", "custom_prompt",
    "positive_prompt", "input", "texts", "source", "caption", "message", "query",
)  # fmt: skip


@dataclass(slots=True)
class TextTrace:
    """What one search found. ``passed`` are the nodes that the text goes through."""

    places: list[Address] = field(default_factory=list)
    passed: set[NodeId] = field(default_factory=set)


def text_places(flow: Flow, node: Node, name: str) -> TextTrace:
    """The literals with the person's words behind a text input; no places if the text is computed."""
    search = _Search(flow)
    return TextTrace(search.at(node, name), search.passed)


def reads_like_an_instruction(text: str) -> bool:
    return _INSTRUCTION.match(text) is not None


class _Search:
    """One search; every node is entered once, so cycles and diamonds of string nodes end."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.passed: set[NodeId] = set()

    def at(self, node: Node, name: str) -> list[Address]:
        source = self._flow.source(node, name)
        if isinstance(source, Address):
            return [source] if isinstance(self._flow.graph.value(source), str) else []
        if source is None or source.node in self.passed or len(self.passed) > 100:
            return []
        self.passed.add(source.node)
        producer = self._flow.graph.nodes[source.node]
        return _RULES.get(producer.class_type, _Search._through)(self, producer)

    def _through(self, node: Node) -> list[Address]:
        """Primitives, trims, language models, and string nodes that nobody listed."""
        if "on_true" in node.inputs or "on_false" in node.inputs:
            return self._pick(node, ("on_false", "on_true"))
        named = [name for name in _TEXT_INPUTS if name in node.inputs]
        numbered = [name for name in node.inputs if re.fullmatch(r"(text|string|prompt)_?([a-z]|\d+)", name)]
        return self._pick(node, tuple(numbered)) if len(numbered) > 1 else self._pick(node, tuple(named[:1]))

    def _pick(self, node: Node, names: tuple[str, ...]) -> list[Address]:
        """Of several texts that are put together, those of the person.

        A text with a node of its own was made to be changed; what is typed into the joining node itself
        is the author's addition, unless there is nothing else.
        """
        found = {name: self.at(node, name) for name in names}
        linked = [place for places in found.values() for place in places if place.node != node.id]
        own = [place for places in found.values() for place in places if place.node == node.id]
        return self._words(linked) or self._words(own)

    def _words(self, places: list[Address]) -> list[Address]:
        """Without instructions; of several the last, which is where the variable part of a prompt stands."""
        if len(places) < 2:
            return places
        texts = {place: str(self._flow.graph.value(place)) for place in places}
        free = [place for place in places if not reads_like_an_instruction(texts[place])]
        filled = [place for place in free or places if texts[place].strip()]
        return (filled or free or places)[-1:]

    def _concatenate(self, node: Node) -> list[Address]:
        return self._pick(node, ("string_a", "string_b"))

    def _replace(self, node: Node) -> list[Address]:
        """A text with a placeholder takes the words in; otherwise the words are what is searched."""
        template = self._flow.constant(node, "string")
        placeholder = self._flow.constant(node, "find")
        filled_in = self._flow.link(node, "replace") is not None
        if (
            filled_in
            and isinstance(template, str)
            and isinstance(placeholder, str)
            and placeholder in template
        ):
            into, searched = self.at(node, "replace"), self.at(node, "string")
            outer = [
                place for place in searched if place.node != node.id and not self._holds(place, placeholder)
            ]
            return self._words(outer) if outer and not self._is_words(into) else into or outer
        return self.at(node, "string") or (self.at(node, "replace") if filled_in else [])

    def _is_words(self, places: list[Address]) -> bool:
        return any(str(self._flow.graph.value(place)).strip() for place in places)

    def _holds(self, place: Address, placeholder: str) -> bool:
        return placeholder in str(self._flow.graph.value(place))

    def _format(self, node: Node) -> list[Address]:
        values = tuple(name for name, _ in node.links() if name != "f_string")
        return self._pick(node, values) if values else self.at(node, "f_string")

    def _nothing(self, _node: Node) -> list[Address]:
        return []


_RULES: Final[Mapping[str, Callable[[_Search, Node], list[Address]]]] = {
    "StringConcatenate": _Search._concatenate,
    "StringReplace": _Search._replace,
    "StringFormat": _Search._format,
    "JsonExtractString": _Search._nothing,
    "CustomCombo": _Search._nothing,
}
