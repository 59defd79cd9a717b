"""A card as Discord shows it: an embed and rows of buttons. People's words are escaped, and never ping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import discord

from bot.domain.text import Text
from bot.presentation.actions import encode
from bot.presentation.card_text import shorten
from bot.presentation.cards import CELLS, Button, Card, CardState, Code, Progress, Style

DESCRIPTION = 4096
PROMPT = 1500
"""Characters of a prompt that are shown; the whole of it stands behind Edit."""
_COLOURS = {
    CardState.ACCEPTED: 0x8A8F98,
    CardState.QUEUED: 0x8A8F98,
    CardState.RUNNING: 0x3B82F6,
    CardState.DONE: 0x22A559,
    CardState.PARTLY: 0xE5A50A,
    CardState.FAILED: 0xDA373C,
    CardState.CANCELLED: 0x8A8F98,
    CardState.KEPT: 0xE5A50A,
    CardState.EXPIRED: 0x8A8F98,
    CardState.DENIED: 0xDA373C,
    CardState.QUESTION: 0xE5A50A,
    CardState.INFO: 0x3B82F6,
}
_SYMBOLS = {
    CardState.ACCEPTED: "🕓",
    CardState.QUEUED: "🕓",
    CardState.RUNNING: "🖌️",
    CardState.DONE: "✅",
    CardState.PARTLY: "⚠️",
    CardState.FAILED: "❌",
    CardState.CANCELLED: "⏹️",
    CardState.KEPT: "📦",
    CardState.EXPIRED: "🗑️",
    CardState.DENIED: "⛔",
    CardState.QUESTION: "❓",
    CardState.INFO: "",
}
_STYLES = {
    Style.PRIMARY: discord.ButtonStyle.primary,
    Style.PLAIN: discord.ButtonStyle.secondary,
    Style.DANGER: discord.ButtonStyle.danger,
}


@dataclass(frozen=True, slots=True)
class Language:
    """Functions of a catalogue; English by default."""

    gettext: Callable[[str], str] = str
    ngettext: Callable[[str, str, int], str] = field(
        default=lambda one, many, count: one if count == 1 else many
    )

    def say(self, text: Text) -> str:
        return text.render(self.gettext, choose=self.ngettext, show=_shown)

    def label(self, text: Text) -> str:
        """Where Discord knows no markup."""
        return text.render(self.gettext, choose=self.ngettext)


def embed_of(card: Card, language: Language) -> discord.Embed:
    """Everything but the pictures and the buttons."""
    symbol = _SYMBOLS[card.state]
    title = f"{symbol} {language.label(card.headline)}".strip()
    parts: list[str] = []
    if card.prompt_text:
        parts.append(quoted(card.prompt_text))
    if card.progress is not None:
        parts.append(_progress(card.progress, language))
    parts += [language.say(line) for line in card.lines]
    for row in card.rows:
        detail = f" · {language.say(row.detail)}" if row.detail else ""
        parts.append(f"{_SYMBOLS[row.state] or '•'} {language.say(row.title)}{detail}")
    parts += [quoted(text) for text in card.texts]
    embed = discord.Embed(
        title=_cut(title, 256), description=_cut("\n".join(parts), DESCRIPTION), colour=_COLOURS[card.state]
    )
    small = " · ".join(language.label(fact) for fact in card.facts)
    notes = [language.label(note) for note in card.notes]
    if card.incident is not None:
        notes.append(str(card.incident))
    footer = "\n".join(line for line in (small, *notes) if line)
    if footer:
        embed.set_footer(text=_cut(footer, 1024))
    return embed


def view_of(card: Card, language: Language) -> discord.ui.View | None:
    """Buttons without callbacks: what is pressed is read from its id, by whatever process runs then."""
    if not card.all_buttons:
        return None
    view = discord.ui.View(timeout=None)
    for number, row in enumerate(card.all_buttons):
        for button in row:
            view.add_item(_button(button, number, language))
    view.stop()  # a view that is over is not remembered by the library
    return view


def _button(button: Button, row: int, language: Language) -> discord.ui.Button[Any]:
    label = language.label(button.label)
    return discord.ui.Button(
        style=_STYLES[button.style],
        label=_cut(label, 80),
        emoji=button.emoji or None,
        custom_id=encode(button.action),
        row=row,
    )


def quoted(text: str) -> str:
    """A person's words as a quotation: no markup, no mention, no wall of lines."""
    short = shorten(text, PROMPT, measure=lambda piece: len(_shown(piece)))
    return "\n".join(f"> {line}" for line in _shown(short).split("\n"))


def _progress(progress: Progress, language: Language) -> str:
    words = [language.say(text) for text in (progress.step, progress.eta) if text is not None]
    if progress.cells is None:
        return " · ".join(words)
    bar = "█" * progress.cells + "░" * (CELLS - progress.cells)
    return " · ".join([f"`{bar}` {round(100 * progress.cells / CELLS)} %", *words])


def _shown(value: object) -> str:
    """A value inside a sentence."""
    if isinstance(value, Code):
        return f"`{str(value).replace('`', 'ˋ')}`"  # a code span has no way to escape its own mark
    escaped = discord.utils.escape_markdown(str(value), as_needed=False)
    return discord.utils.escape_mentions(escaped)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
