"""Where the words of the person sit behind a text input. Pure.

A prompt may be typed into the encoder, into a primitive, or go through string nodes and a language model
that rewrites it. Beside it stand texts of the workflow's author: instructions for that language model,
trigger words of a LoRA, templates with a placeholder. Those are not the person's and must stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import MAX_DEPTH, Flow
from bot.templates.graph import Address, Node

_INSTRUCTION: Final = re.compile(
    r"\s*(<\|?\w+|\[?system|#+\s*(role|system)|you are\b|you're an?\b|act as\b|your (task|role|job)\b|你是)",
    re.IGNORECASE,
)
"""How texts begin that instruct a language model."""

_TEXT_INPUTS: Final = (
    "prompt", "text", "string", "value", "user_prompt", "prompt_text", "text_prompt", "custom_prompt",
    "positive_prompt", "input", "texts", "source", "caption", "message", "query", "dictionary",
    "high_level_description", "positive", "anything", "any",
)  # fmt: skip

_AUTHORS: Final = re.compile(
    r"system|template|trigger|instruction|prefix|suffix|example|style", re.IGNORECASE
)
"""Titles of texts that the author keeps. Titles mislead, so they only settle what nothing else does."""

_NUMBERED: Final = re.compile(r"(text|string|prompt)_?([a-z]|\d+)")


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
        self._typed_in: set[Address] = set()
        self.passed: set[NodeId] = set()

    def at(self, node: Node, name: str) -> list[Address]:
        source = self._flow.source(node, name)
        if isinstance(source, Address):
            return [source] if isinstance(self._flow.graph.value(source), str) else []
        if source is None or source.node in self.passed or len(self.passed) > MAX_DEPTH:
            return []
        self.passed.add(source.node)
        producer = self._flow.graph.nodes[source.node]
        return _RULES.get(producer.class_type, _Search._through)(self, producer)

    def _through(self, node: Node) -> list[Address]:
        """Primitives, trims, language models, and string nodes that nobody listed."""
        if "on_true" in node.inputs or "on_false" in node.inputs:
            return self._together(node, ("on_false", "on_true"))
        named = [name for name in _TEXT_INPUTS if name in node.inputs]
        numbered = [name for name in node.inputs if _NUMBERED.fullmatch(name)]
        return self._together(node, numbered) if len(numbered) > 1 else self._together(node, named[:1])

    def _together(self, node: Node, names: Iterable[str]) -> list[Address]:
        """Of several texts that are put together, those of the person.

        A text with a node of its own was made to be changed; what is typed into the joining node itself
        is the author's addition, unless there is nothing else.
        """
        places: list[Address] = []
        for name in names:
            found = self.at(node, name)
            places += found
            if len(node.inputs) > 1:
                self._typed_in.update(place for place in found if place.node == node.id)
        return self._words([place for place in places if place not in self._typed_in]) or self._words(places)

    def _words(self, places: list[Address]) -> list[Address]:
        """Without instructions; of several the last, which is where the variable part of a prompt stands."""
        if len(places) < 2:
            return places
        texts = {place: str(self._flow.graph.value(place)) for place in places}
        tests: tuple[Callable[[Address], bool], ...] = (
            lambda place: not reads_like_an_instruction(texts[place]),
            lambda place: bool(texts[place].strip()),
            lambda place: not _AUTHORS.search(self._flow.graph.nodes[place.node].title),
        )
        for test in tests:
            places = [place for place in places if test(place)] or places
        return places[-1:]

    def _concatenate(self, node: Node) -> list[Address]:
        return self._together(node, ("string_a", "string_b"))

    def _replace(self, node: Node) -> list[Address]:
        """A text with a placeholder takes the words in; otherwise the words are what is searched."""
        template = self._flow.constant(node, "string")
        placeholder = self._flow.constant(node, "find")
        if not isinstance(placeholder, str) or self._flow.link(node, "replace") is None:
            return self.at(node, "string")
        filled_in = self.at(node, "replace")
        searched = [place for place in self.at(node, "string") if not self._holds(place, placeholder)]
        if isinstance(template, str) and placeholder in template:
            return self._filled(filled_in) or searched or filled_in
        return self._filled(searched) or filled_in or searched

    def _filled(self, places: list[Address]) -> list[Address]:
        return [place for place in places if str(self._flow.graph.value(place)).strip()]

    def _holds(self, place: Address, placeholder: str) -> bool:
        return placeholder in str(self._flow.graph.value(place))

    def _format(self, node: Node) -> list[Address]:
        return self._together(node, [name for name, _ in node.links() if name != "f_string"] or ["f_string"])

    def _extract(self, node: Node) -> list[Address]:
        """A piece of what a language model answered; a piece of a typed text is picked from a table."""
        name = next((name for name in ("string", "json_string") if name in node.inputs), "")
        return [place for place in self.at(node, name) if place.node != node.id]

    def _nothing(self, _node: Node) -> list[Address]:
        return []


_RULES: Final[Mapping[str, Callable[[_Search, Node], list[Address]]]] = {
    "CustomCombo": _Search._nothing,
    "JsonExtractString": _Search._extract,
    "RegexExtract": _Search._extract,
    "StringConcatenate": _Search._concatenate,
    "StringFormat": _Search._format,
    "StringReplace": _Search._replace,
}
