"""A card as Telegram shows it: HTML that fits, whatever people wrote. Pure."""

from __future__ import annotations

from bot.chat.telegram.markup import code, escape, length, plain, say, unlinked, words
from bot.domain.text import Text
from bot.presentation.card_plain import SYMBOLS, bar
from bot.presentation.card_text import shorten, utf16
from bot.presentation.cards import CELLS, Card, CardState, Progress, Row
from bot.presentation.language import Language

TEXT, CAPTION = 4096, 1024
"""Characters of a message, and of what stands below a picture, after parsing."""
PROMPT = 1500
"""Characters of a prompt that are shown; the whole of it stands behind Edit."""
LINE = 1000
HEADLINE = 200
FOLDED = 300
"""A longer quotation is folded up, to be opened by a tap."""
_BAR = 12
_NOTHING = "▫️"


def html_of(card: Card, language: Language, limit: int = TEXT) -> str:
    """Everything but the pictures and the buttons. Never empty, never more than ``limit``, and where not
    everything fits, what matters least is shortened first."""
    sheet = _Sheet(language, limit)
    head = sheet.line(card.headline, HEADLINE)
    symbol = "" if card.state is CardState.INFO else f"{SYMBOLS[card.state]} "
    title = f"{symbol}<b>{head}</b>" if head else symbol or _NOTHING
    sheet.spend(symbol)
    incident = sheet.block(code(str(card.incident))) if card.incident is not None else ""
    progress = sheet.block(_progress(card.progress, language)) if card.progress is not None else ""
    lines = sheet.lines(card.lines)
    facts = sheet.block(" · ".join(say(language, fact) for fact in card.facts))
    notes = [f"<i>{line}</i>" for line in sheet.lines(card.notes)]
    behind = bool(card.rows or card.texts)
    prompt = sheet.quotation(card.prompt_text, PROMPT if not behind else min(PROMPT, sheet.left // 2))
    rows = sheet.rows(card.rows)
    texts = [sheet.quotation(text, LINE) for text in card.texts]
    parts = [title, prompt, *lines, progress, *rows, *texts, facts, *notes, incident]
    return "\n".join(part for part in parts if part)


def plain_of(card: Card, language: Language, limit: int) -> str:
    """What matters most of it, where there is no markup: over the chat, in answer to a press."""
    said = [plain(language, text) for text in (card.headline, *card.lines)]
    if card.incident is not None:
        said.append(str(card.incident))
    return shorten("\n".join(said), limit, measure=utf16)


class _Sheet:
    """What is left of the room on a message."""

    def __init__(self, language: Language, limit: int) -> None:
        self._language = language
        self.left = limit - len(_NOTHING) - 1

    def spend(self, markup: str) -> None:
        self.left -= length(markup)

    def block(self, markup: str) -> str:
        """``markup`` in a line of its own, whole or not at all."""
        needed = length(markup) + 1
        if not markup or needed > self.left:
            return ""
        self.left -= needed
        return markup

    def line(self, text: Text, limit: int = LINE) -> str:
        """A sentence; without its markup where only a part of it fits."""
        return self.block(self._fitted(text, min(limit, self.left - 1)))

    def lines(self, texts: tuple[Text, ...]) -> list[str]:
        return [line for text in texts if (line := self.line(text))]

    def rows(self, rows: tuple[Row, ...]) -> list[str]:
        """As many as fit whole."""
        drawn: list[str] = []
        for row in rows:
            symbol = "•" if row.state is CardState.INFO else SYMBOLS[row.state]
            detail = "" if row.detail is None else self._fitted(row.detail, LINE)
            said = f"{symbol} {' · '.join(filter(None, (self._fitted(row.title, LINE), detail)))}"
            if not self.block(said):
                break
            drawn.append(said)
        return drawn

    def _fitted(self, text: Text, room: int) -> str:
        markup = say(self._language, text)
        return markup if length(markup) <= room else _cut(plain(self._language, text), room)

    def quotation(self, text: str, limit: int) -> str:
        """A person's words, apart from ours."""
        short = shorten(text, min(limit, self.left - 1), measure=_measure)
        if not short:
            return ""
        fold = " expandable" if len(short) > FOLDED or short.count("\n") > 4 else ""
        return self.block(f"<blockquote{fold}>{words(short)}</blockquote>")


def _progress(progress: Progress, language: Language) -> str:
    said = [say(language, text) for text in (progress.step, progress.eta) if text is not None]
    if progress.cells is None:
        return " · ".join(filter(None, said))
    drawn = f"<code>{bar(progress.cells, _BAR)}</code> {round(100 * progress.cells / CELLS)} %"
    return " · ".join(filter(None, (drawn, *said)))


def _measure(piece: str) -> int:
    """What a piece counts at most, with the marks that keep it from being a link."""
    return utf16(piece) + sum(piece.count(mark) for mark in "@#$/:.")


def _cut(text: str, limit: int) -> str:
    return escape(unlinked(shorten(text, limit, measure=_measure)))
