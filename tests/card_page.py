"""The gallery of cards as one page that looks like Discord's and Telegram's message lists.

``python -m tests.card_page page.html [page.png]``: every card, in light and dark; with ``--for-docs`` those
that the documentation shows, with ``--only NAME …`` these, untitled. The PNG needs a Chromium on this
machine. What a platform really draws is decided by its own front-end; this page is for looking at words,
order and buttons.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from bot.domain.text import Text
from bot.presentation.card_plain import SYMBOLS, bar, headline
from bot.presentation.card_text import shorten
from bot.presentation.cards import Button, Card, CardState, Code, Command, Progress, Style
from tests.card_gallery import gallery

FOR_DOCS = (
    "queued-four",
    "running-preview",
    "some-done-some-running",
    "done",
    "done-four",
    "requeued",
    "failed",
    "denied-not-yours",
    "quota",
)
_COLOURS = {
    CardState.DONE: "#3ba55d",
    CardState.PARTLY: "#3ba55d",
    CardState.RUNNING: "#5865f2",
    CardState.FAILED: "#ed4245",
    CardState.DENIED: "#ed4245",
    CardState.QUESTION: "#faa61a",
    CardState.QUEUED: "#faa61a",
    CardState.ACCEPTED: "#faa61a",
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")

_STYLE = """
body { margin: 0; padding: 24px; background: #777; font: 15px/1.4 "Noto Sans", "DejaVu Sans", sans-serif; }
h2 { margin: 18px 0 6px; color: #fff; font: 600 13px monospace; }
.line { display: flex; gap: 16px; align-items: stretch; }
.side { width: 440px; padding: 14px; border-radius: 8px; box-sizing: border-box; overflow-wrap: anywhere; }
.small { font-size: 12.5px; opacity: .75; }
.quote { margin: 4px 0; padding: 0 8px; border-left: 3px solid #8888; white-space: pre-line; }
.bar { font-family: "DejaVu Sans Mono", monospace; letter-spacing: -1px; color: #5865f2; }
.picture { position: relative; border-radius: 6px; overflow: hidden; line-height: 0; }
.picture svg { width: 100%; height: 100%; }
.spoiler svg { filter: blur(14px); }
.spoiler::after { content: "SPOILER"; position: absolute; inset: 0; display: grid; place-items: center;
  color: #fff; font: 600 13px sans-serif; }
.grid { display: grid; gap: 4px; margin-top: 6px; }
.grid.many { grid-template-columns: 1fr 1fr; }
code { padding: 0 3px; border-radius: 3px; background: #8883; font-size: 13px; }
.command { color: #5865f2; background: #5865f233; border-radius: 3px; padding: 0 2px; }
p { margin: 3px 0; }
.dark.discord { background: #313338; color: #dbdee1; }
.light.discord { background: #fff; color: #313338; }
.discord .who { display: flex; gap: 8px; align-items: center; margin-bottom: 4px; font-weight: 600; }
.avatar { width: 30px; height: 30px; border-radius: 50%; background: #5865f2; color: #fff; display: grid;
  place-items: center; font-size: 15px; }
.tag { background: #5865f2; color: #fff; border-radius: 3px; padding: 0 4px; font-size: 10px; }
.embed { border-left: 4px solid #888; border-radius: 4px; padding: 8px 12px; }
.dark .embed { background: #2b2d31; } .light .embed { background: #f2f3f5; }
.discord .buttons { display: flex; gap: 6px; margin-top: 6px; flex-wrap: wrap; }
.discord .buttons span { padding: 4px 8px; border-radius: 3px; font-size: 13px; background: #4e5058;
  color: #fff; }
.discord .buttons .primary { background: #5865f2; } .discord .buttons .danger { background: #da373c; }
.light.telegram { background: #cfdcc8; color: #000; } .dark.telegram { background: #0f1a24; color: #fff; }
.bubble { border-radius: 12px; padding: 8px 10px; } .light .bubble { background: #fff; }
.dark .bubble { background: #212d3b; }
.telegram .buttons { display: flex; gap: 4px; margin-top: 4px; }
.telegram .buttons span { flex: 1; text-align: center; padding: 5px 2px; border-radius: 8px; font-size: 13px;
  white-space: nowrap; overflow: hidden; }
.light.telegram .buttons span { background: #6f8a65; color: #fff; }
.dark.telegram .buttons span { background: #33424f; }
"""

_ART = """
<svg width="0" height="0" style="position:absolute"><defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
<stop offset="0" stop-color="#2b3a67"/><stop offset=".6" stop-color="#e07a5f"/>
<stop offset="1" stop-color="#f2cc8f"/></linearGradient>
<symbol id="art" viewBox="0 0 360 240" preserveAspectRatio="xMidYMid slice">
<rect width="360" height="240" fill="url(#sky)"/><rect y="170" width="360" height="70" fill="#3d5a80"/>
<path d="M210 240 Q230 150 300 140 L360 150 V240 Z" fill="#22223b"/>
<path d="M272 140 L277 70 H293 L298 140 Z" fill="#f4f1de"/><rect x="275" y="92" width="20" height="16"
fill="#c1121f"/><rect x="278" y="56" width="14" height="14" fill="#ffd166"/>
<path d="M285 63 L60 30 V84 Z" fill="#ffd166" opacity=".35"/></symbol></defs></svg>
"""


def say(text: Text) -> str:
    return text.render(escape, show=_value)


def _value(value: object) -> str:
    match value:
        case Command():
            return f'<span class="command">{escape(str(value))}</span>'
        case Code():
            return f"<code>{escape(str(value))}</code>"
    return escape(str(value))


def _pictures(card: Card) -> str:
    count = len(card.pictures) or (1 if card.preview else 0)
    if not count:
        return ""
    height = 190 if count == 1 else 120
    hidden = " spoiler" if any(picture.spoiler for picture in card.pictures) else ""
    blurred = ' style="filter: blur(5px)"' if card.preview else ""
    one = (
        f'<div class="picture{hidden}" style="height:{height}px"><svg{blurred}><use href="#art"/></svg></div>'
    )
    return f'<div class="grid{" many" if count > 1 else ""}">{one * count}</div>'


def _progress(progress: Progress | None, width: int) -> Iterator[str]:
    if progress is None:
        return
    if progress.cells is not None:
        yield f'<p><span class="bar">{bar(progress.cells, width)}</span> {progress.cells * 5} %</p>'
    words = [say(text) for text in (progress.step, progress.eta) if text is not None]
    if words:
        yield f"<p>{' · '.join(words)}</p>"


def _body(card: Card, width: int) -> Iterator[str]:
    yield f"<p><b>{headline(card, say)}</b></p>"
    if card.prompt_text:
        yield f'<div class="quote">{escape(shorten(card.prompt_text, 300))}</div>'
    yield from (f"<p>{say(line)}</p>" for line in card.lines)
    yield from _progress(card.progress, width)
    for row in card.rows:
        detail = f": {say(row.detail)}" if row.detail else ""
        yield f"<p>{SYMBOLS[row.state]} <b>{say(row.title)}</b>{detail}</p>"
    yield from (f'<div class="quote">{escape(shorten(text, 300))}</div>' for text in card.texts)


def _foot(card: Card) -> Iterator[str]:
    if card.facts:
        yield f'<p class="small">{" · ".join(map(say, card.facts))}</p>'
    yield from (f'<p class="small"><i>{say(note)}</i></p>' for note in card.notes)
    if card.incident:
        yield f'<p class="small"><code>{escape(str(card.incident))}</code></p>'


def _button(button: Button, *, short: bool) -> str:
    style = {Style.PRIMARY: "primary", Style.DANGER: "danger"}.get(button.style, "")
    label = str(button.number) if short and button.number and button.emoji else say(button.label)
    return f'<span class="{style}">{button.emoji} {label}</span>'


def _keyboard(card: Card, *, short: bool) -> str:
    rows = (
        "".join(_button(button, short=short and len(row) > 3) for button in row) for row in card.all_buttons
    )
    return "".join(f'<div class="buttons">{row}</div>' for row in rows)


def discord(card: Card, theme: str) -> str:
    colour = _COLOURS.get(card.state, "#80848e")
    private = '<p class="small">Only you can see this.</p>' if card.private else ""
    return (
        f'<div class="side discord {theme}"><div class="who"><span class="avatar">🖌️</span>Fairbrush'
        f'<span class="tag">APP</span></div><div class="embed" style="border-color:{colour}">'
        f"{''.join(_body(card, 20))}{_pictures(card)}{''.join(_foot(card))}</div>"
        f"{_keyboard(card, short=False)}{private}</div>"
    )


def telegram(card: Card, theme: str) -> str:
    return (
        f'<div class="side telegram {theme}"><div class="bubble">{_pictures(card)}'
        f"{''.join(_body(card, 12))}{''.join(_foot(card))}</div>{_keyboard(card, short=True)}</div>"
    )


def page(names: Iterable[str], *, both_themes: bool, titled: bool = True) -> str:
    """Discord and Telegram side by side, a line for each card."""
    cards = gallery()
    lines = []
    for name in names:
        card = cards[name]
        sides = [discord(card, "dark"), telegram(card, "light")]
        if both_themes:
            sides[1:1] = [discord(card, "light")]
            sides.append(telegram(card, "dark"))
        title = f"<h2>{escape(name)}</h2>" if titled else '<h2 aria-hidden="true"></h2>'
        lines.append(f'{title}<div class="line">{"".join(sides)}</div>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Cards</title>'
        f"<style>{_STYLE}</style></head><body>{_ART}{''.join(lines)}</body></html>"
    )


def picture(source: Path, target: Path, *, width: int, height: int) -> None:
    """Let a Chromium draw the page."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("No Chromium was found: the page is written, the picture is not.")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--screenshot={target.resolve()}",
                source.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def trim(target: Path) -> None:
    """Cut off what is empty below the last card."""
    from PIL import Image

    with Image.open(target) as opened:
        image = opened.convert("RGB")
    background = image.getpixel((2, 2))
    bottom = image.height
    while bottom > 1 and image.crop((0, bottom - 1, image.width, bottom)).getcolors(1) == [
        (image.width, background)
    ]:
        bottom -= 1
    image.crop((0, 0, image.width, min(bottom + 24, image.height))).quantize(160).save(target, optimize=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("html", type=Path)
    parser.add_argument("png", type=Path, nargs="?")
    parser.add_argument("--for-docs", action="store_true", help="only the cards that the documentation shows")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=tuple(gallery()), help="these cards")
    chosen = parser.parse_args(arguments)
    few = bool(chosen.for_docs or chosen.only)
    names = chosen.only or (FOR_DOCS if chosen.for_docs else tuple(gallery()))
    chosen.html.write_text(page(names, both_themes=not few, titled=not chosen.only), encoding="utf-8")
    if chosen.png is not None:
        picture(
            chosen.html,
            chosen.png,
            width=960 if few else 1880,
            height=4200 if few else 30000,
        )
        trim(chosen.png)


if __name__ == "__main__":
    main(sys.argv[1:])
