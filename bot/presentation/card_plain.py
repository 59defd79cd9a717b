"""A card as plain text: for terminals, for tests, and where a platform can draw nothing better. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bot.domain.text import Text
from bot.presentation.card_text import shorten
from bot.presentation.cards import CELLS, Card, CardState

SYMBOLS: Mapping[CardState, str] = MappingProxyType(
    {
        CardState.ACCEPTED: "🕓",
        CardState.QUEUED: "🕓",
        CardState.RUNNING: "🖌️",
        CardState.DONE: "✅",
        CardState.PARTLY: "☑️",
        CardState.FAILED: "⚠️",
        CardState.CANCELLED: "🚫",
        CardState.KEPT: "📦",
        CardState.EXPIRED: "🍂",
        CardState.DENIED: "✋",
        CardState.QUESTION: "❓",
        CardState.INFO: "▫️",
    }
)
"""Before a headline or a row. Never alone: the words beside it say the same."""


def headline(card: Card, render: Callable[[Text], str] = str) -> str:
    """The first line, with its symbol where that says something."""
    words = render(card.headline)
    return words if card.state is CardState.INFO else f"{SYMBOLS[card.state]} {words}"


def bar(cells: int, width: int = CELLS) -> str:
    """``cells`` of :data:`~bot.presentation.cards.CELLS` in ``width`` characters; full only at the end."""
    full = cells * width // CELLS
    return "█" * full + "░" * (width - full)


def plain(card: Card, render: Callable[[Text], str] = str, *, prompt_limit: int = 500) -> str:
    """Every part of a card, a line each."""
    return "\n".join(_lines(card, render, prompt_limit))


def _lines(card: Card, render: Callable[[Text], str], prompt_limit: int) -> Iterator[str]:
    yield headline(card, render)
    if card.prompt_text:
        yield from (f"> {line}" for line in shorten(card.prompt_text, prompt_limit).split("\n"))
    yield from map(render, card.lines)
    if card.progress is not None:
        progress = card.progress
        drawn = "" if progress.cells is None else f"{bar(progress.cells)} {progress.cells * 100 // CELLS} %"
        words = [render(text) for text in (progress.step, progress.eta) if text is not None]
        yield " · ".join(filter(None, (drawn, *words)))
    for row in card.rows:
        detail = f": {render(row.detail)}" if row.detail is not None else ""
        button = f"  [{render(row.button.label)}]" if row.button else ""
        yield f"  {SYMBOLS[row.state]} {render(row.title)}{detail}{button}"
    for picture in card.pictures:
        spoiler = ", spoiler" if picture.spoiler else ""
        yield f"  <{picture.kind} {picture.width}×{picture.height}{spoiler}: {shorten(picture.alt, 60)}>"
    if card.preview is not None:
        yield f"  <preview {card.preview.number} of {card.preview.job}>"
    yield from (f"  “{shorten(text, prompt_limit)}”" for text in card.texts)
    if card.facts:
        yield " · ".join(map(render, card.facts))
    yield from (f"_{render(note)}_" for note in card.notes)
    if card.incident is not None:
        yield f"({card.incident})"
    for row_of_buttons in card.buttons:
        yield " ".join(
            f"[{button.emoji} {render(button.label)}]".replace("[ ", "[") for button in row_of_buttons
        )
