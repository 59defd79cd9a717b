"""Charts as one PNG, twice as sharp as it is looked at, on a ground of its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from bot.domain.text import Text
from bot.presentation.charts import Chart, Label, Layout, Series, amount, labelled
from bot.presentation.language import ENGLISH, Language
from bot.service.charts_fonts import Font, Fonts, fitted

WIDTH = 1280
"""Pixels. Telegram makes photos smaller that are larger than that."""
_EDGE, _GAP = 40, 44
_PLOT = 360
"""Height of upright columns."""
_ROW, _BAR, _BETWEEN = 46, 18, 2
"""Of lying bars: each label, each bar in it, and between two bars."""
_TITLE, _WORDS, _SMALL = 30, 24, 19
"""Heights of letters."""
_LINE = 38
_LEGEND = 3
"""Names beside each other."""
_SWATCH = 22
_NAMES = 300
"""Room for the names beside lying bars."""
_WIDEST = 110
"""Of a column: a single day is no wall."""
_GROUND, _INK, _MUTED, _GRID = "#ffffff", "#1f2328", "#5b616b", "#e3e5e8"


def png_of(charts: Sequence[Chart], language: Language, fonts: Fonts) -> bytes:
    """All of them, one below the other. Takes a while: for a thread."""
    sheet = Image.new(
        "RGB", (WIDTH, sum(map(_height, charts)) + _GAP * (len(charts) - 1) + 2 * _EDGE), _GROUND
    )
    pen = _Pen(ImageDraw.Draw(sheet), language, fonts)
    top = _EDGE
    for chart in charts:
        pen.chart(chart, top)
        top += _height(chart) + _GAP
    held = io.BytesIO()
    sheet.save(held, "PNG", optimize=True)
    return held.getvalue()


def _height(chart: Chart) -> int:
    plot = _PLOT if chart.layout is Layout.COLUMNS else _ROW * len(chart.labels)
    note = 0 if chart.note is None else _LINE
    return _LINE + _LINE * _legend_rows(chart) + plot + _LINE + note + 24


def _legend_rows(chart: Chart) -> int:
    return -(-len(chart.series) // _LEGEND)


@dataclass(frozen=True, slots=True)
class _Box:
    """Of the bars themselves, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def across(self, share: float) -> int:
        return self.left + round((self.right - self.left) * share)

    def up(self, share: float) -> int:
        return self.bottom - round((self.bottom - self.top) * share)


@dataclass(frozen=True, slots=True)
class _Pen:
    draw: ImageDraw.ImageDraw
    language: Language
    fonts: Fonts

    def chart(self, chart: Chart, top: int) -> None:
        words, font = self._said(chart.title, _TITLE)
        self._write((_EDGE, top), fitted(words, font, WIDTH - 2 * _EDGE), font, _INK)
        top += _LINE + 8
        top = self._legend(chart, top) + 16
        bottom = self._columns(chart, top) if chart.layout is Layout.COLUMNS else self._bars(chart, top)
        if chart.note is not None:
            words, font = self._said(chart.note, _WORDS)
            self._write((_EDGE, bottom), words, font, _MUTED)

    def _legend(self, chart: Chart, top: int) -> int:
        width = (WIDTH - 2 * _EDGE) // _LEGEND
        for number, series in enumerate(chart.series):
            left, line = _EDGE + width * (number % _LEGEND), top + _LINE * (number // _LEGEND)
            self.draw.rectangle((left, line + 4, left + _SWATCH, line + 4 + _SWATCH), series.hue.light)
            self._entry(chart, series, left + _SWATCH + 12, line, width - _SWATCH - 36)
        return top + _LINE * _legend_rows(chart)

    def _entry(self, chart: Chart, series: Series, left: int, top: int, room: int) -> None:
        name, font = self._named(series.name, _WORDS)
        total, plain = "", font
        if chart.layout is Layout.COLUMNS:
            total, plain = self._said(amount(series.total), _WORDS)
        name = fitted(name, font, room - (plain.getlength(total) + 16 if total else 0))
        self._write((left, top), name, font, _INK)
        if total:
            self._write((left + round(font.getlength(name)) + 16, top), total, plain, _MUTED)

    # Upright

    def _columns(self, chart: Chart, top: int) -> int:
        ticks = [self._said(tick.label, _WORDS) for tick in chart.axis.ticks]
        margin = round(max(font.getlength(words) for words, font in ticks)) + 14
        box = _Box(_EDGE + margin, top, WIDTH - _EDGE, top + _PLOT)
        for tick, (words, font) in zip(chart.axis.ticks, ticks, strict=True):
            line = box.up(tick.share)
            self.draw.line((box.left, line, box.right, line), _GRID if tick.share else _MUTED, 2)
            self._write((box.left - 14, line), words, font, _MUTED, "r", middle=True)
        width = (box.right - box.left) / len(chart.labels)
        thick = max(1.0, min(_WIDEST, width * 0.78))
        shown = labelled(len(chart.labels), 10)
        for number, label in enumerate(chart.labels):
            middle = box.left + width * (number + 0.5)
            self._stack(chart, number, box, round(middle - thick / 2), round(middle + thick / 2) - 1)
            if number in shown:
                words, font = self._named(label, _WORDS, short=True)
                half = font.getlength(words) / 2
                middle = min(max(middle, _EDGE + half), WIDTH - _EDGE - half)
                self._write((round(middle), box.bottom + 10), words, font, _MUTED, "m")
        return box.bottom + _LINE + 10

    def _stack(self, chart: Chart, label: int, box: _Box, left: int, right: int) -> None:
        pieces = [piece for piece in chart.pieces(label) if piece.seconds > 0]
        for piece in pieces:
            low, high = box.up(piece.start), box.up(piece.end)
            if high < low:
                self.draw.rectangle((left, high, right, low - 1), chart.series[piece.series].hue.light)
                if low - high > 5 and piece is not pieces[-1]:
                    self.draw.line((left, high, right, high), _GROUND, 1)
        if pieces and box.up(pieces[-1].end) > box.bottom - 2:
            # Whoever painted a little shall not look like nobody.
            largest = max(pieces, key=lambda piece: piece.seconds)
            colour = chart.series[largest.series].hue.light
            self.draw.rectangle((left, box.bottom - 2, right, box.bottom - 1), colour)

    # Lying

    def _bars(self, chart: Chart, top: int) -> int:
        said = [[self._said(each, _SMALL) for each in row] for _, row in chart.rows()]
        widest = max(font.getlength(words) for row in said for words, font in row)
        box = _Box(_EDGE + _NAMES, top, WIDTH - _EDGE - round(widest) - 12, top + _ROW * len(chart.labels))
        free = 0.0
        for tick in chart.axis.ticks:
            across = box.across(tick.share)
            self.draw.line((across, box.top, across, box.bottom), _GRID if tick.share else _MUTED, 2)
            words, font = self._said(tick.label, _WORDS)
            half = font.getlength(words) / 2
            if free < across - half and across + half < WIDTH:
                self._write((across, box.bottom + 8), words, font, _MUTED, "m")
                free = across + half + 10
        for number, label in enumerate(chart.labels):
            row = top + _ROW * number
            words, font = self._named(label, _WORDS)
            shown = fitted(words, font, _NAMES - 20)
            self._write((box.left - 14, row + _ROW // 2), shown, font, _INK, "r", middle=True)
            high = row + (_ROW - len(chart.series) * (_BAR + _BETWEEN)) // 2
            for piece in chart.pieces(number):
                end = max(box.across(piece.end), box.left + 2)
                line = high + piece.series * (_BAR + _BETWEEN)
                self.draw.rectangle(
                    (box.left + 1, line, end, line + _BAR - 1), chart.series[piece.series].hue.light
                )
                words, font = said[number][piece.series]
                self._write((end + 10, line + _BAR // 2), words, font, _MUTED, "l", middle=True)
        return box.bottom + _LINE + 8

    # Words

    def _said(self, text: Text, size: int) -> tuple[str, Font]:
        """In the reader's language where there are letters for it."""
        return self.fonts.drawable(self.language.label(text), ENGLISH.label(text), size=size)

    def _named(self, label: Label, size: int, *, short: bool = False) -> tuple[str, Font]:
        words = label.short if short and label.short else self.language.label(label.words)
        return self.fonts.drawable(words, label.other, ENGLISH.label(label.words), size=size)

    def _write(
        self,
        at: tuple[int, int],
        words: str,
        font: Font,
        colour: str,
        side: str = "l",
        *,
        middle: bool = False,
    ) -> None:
        """``at``: above the letters, or in the middle of small ones. ``side``: left, in the middle, right."""
        size = getattr(font, "size", _WORDS)
        base = round(0.36 * size) if middle else round(0.93 * size)
        # By their base line: fonts of other scripts are taller.
        if words:
            self.draw.text((at[0], at[1] + base), words, colour, font, anchor=f"{side}s")
