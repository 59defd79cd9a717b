"""A card as Discord shows it: an embed and rows of buttons. People's words are escaped, and never ping."""

from __future__ import annotations

from typing import Any

import discord

from bot.chat.discord.markup import cut, cut_markup, drawn, is_cut, plain, quoted
from bot.domain.text import Text
from bot.presentation.actions import encode
from bot.presentation.card_text import utf16
from bot.presentation.cards import CELLS, Button, Card, CardState, Progress, Style
from bot.presentation.language import Language

TITLE, DESCRIPTION, FOOTER, CONTENT = 256, 4096, 800, 2000
"""Discord's limits (a footer may have 2048); title, description and footer stay below the 6000 that embeds
may have together."""
PROMPT = 1500
"""Characters of a prompt that are shown; the whole of it stands behind Edit, and comes with the result."""
_SENTENCE = 400
_SENTENCES = 2200
"""Characters of one sentence, and of all of them: the rest is for people's own words."""
_LEAST = 120
"""Less than this of a text is not worth showing."""
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


def embed_of(card: Card, language: Language) -> discord.Embed:
    """Everything but the pictures and the buttons."""
    embed = discord.Embed(
        title=cut(_title(card, language), TITLE),
        description=_description(card, language),
        colour=_COLOURS[card.state],
    )
    if footer := "\n".join(_small_print(card, language)):
        embed.set_footer(text=cut(footer, FOOTER))
    return embed


def plain_of(card: Card, language: Language) -> str:
    """The same as mere text, for where no embed is taken: what the bot says, without people's own words."""
    parts = [f"**{_title(card, language)}**", *_sentences(card, language), *_small_print(card, language)]
    return cut_markup("\n".join(parts), CONTENT)


def whole_words(card: Card, language: Language) -> str | None:
    """People's own words in full, where :func:`embed_of` had to leave some out."""
    rooms = _rooms(card, _sentences(card, language))
    if not any(is_cut(text, room) for text, room in rooms):
        return None
    return "\n\n".join(text for text, _ in rooms)


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
    return discord.ui.Button(
        style=_STYLES[button.style],
        label=cut(label(language, button.label), 80),
        emoji=button.emoji or None,
        custom_id=encode(button.action),
        row=row,
    )


def _title(card: Card, language: Language) -> str:
    return f"{_SYMBOLS[card.state]} {label(language, card.headline)}".strip()


def _description(card: Card, language: Language) -> str:
    sentences = _sentences(card, language)
    words = [quoted(text, room) for text, room in _rooms(card, sentences) if room]
    before = 1 if card.prompt_text else 0
    return "\n".join([*words[:before], *sentences, *words[before:]])


def _rooms(card: Card, sentences: list[str]) -> list[tuple[str, int]]:
    """People's own words, and how many characters each may take: the prompt first, the others share. 0: it
    is left out."""
    room = DESCRIPTION - sum(utf16(sentence) + 1 for sentence in sentences)
    found: list[tuple[str, int]] = []
    if card.prompt_text:
        most = min(PROMPT, room)
        found, room = [(card.prompt_text, most)], room - most - 1
    shown = min(len(card.texts), room // _LEAST)
    share = min(PROMPT, room // shown - 1) if shown else 0
    return [*found, *((text, share if place < shown else 0) for place, text in enumerate(card.texts))]


def _sentences(card: Card, language: Language) -> list[str]:
    parts = [] if card.progress is None else [_progress(card.progress, language)]
    parts += [say(language, line) for line in card.lines]
    for row in card.rows:
        detail = f" · {say(language, row.detail)}" if row.detail else ""
        parts.append(f"{_SYMBOLS[row.state] or '•'} {say(language, row.title)}{detail}")
    room, fitting = _SENTENCES, []
    for part in parts:
        short = cut_markup(part, _SENTENCE)
        room -= utf16(short) + 1
        if room < 0:
            break
        fitting.append(short)
    return fitting


def _small_print(card: Card, language: Language) -> list[str]:
    """For a place that knows no markup."""
    facts = " · ".join(label(language, fact) for fact in card.facts)
    notes = [label(language, note) for note in card.notes]
    incident = "" if card.incident is None else str(card.incident)
    return [line for line in (facts, *notes, incident) if line]


def _progress(progress: Progress, language: Language) -> str:
    words = [say(language, text) for text in (progress.step, progress.eta) if text is not None]
    if progress.cells is None:
        return " · ".join(words)
    bar = "█" * progress.cells + "░" * (CELLS - progress.cells)
    return " · ".join([f"`{bar}` {round(100 * progress.cells / CELLS)} %", *words])


def say(language: Language, text: Text) -> str:
    """A sentence, the values in it escaped."""
    return language.say(text, show=lambda value: drawn(value, language))


def label(language: Language, text: Text) -> str:
    """Likewise, for a place that knows no markup."""
    return language.say(text, show=lambda value: plain(value, language))
