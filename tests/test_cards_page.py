"""The page of cards: whole, self-contained, and safe from what people type."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from tests.card_gallery import gallery
from tests.card_page import FOR_DOCS, main, page

DOCS = Path(__file__).parent.parent / "docs"


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "use", "stop", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(source: str) -> Reader:
    reader = Reader()
    reader.feed(source)
    reader.close()
    return reader


def test_the_page_holds_every_card_and_nothing_from_elsewhere() -> None:
    found = read(page(gallery(), both_themes=True))
    assert not found.open
    assert set(found.links) == {"#art"}
    for name, card in gallery().items():
        assert name in found.text
        assert found.text.count(str(card.headline)) >= 4
    assert not found.tags & {"script", "a", "img", "x"}
    assert "<b>x</b>" in found.text, "what somebody typed, as text"


def test_it_can_be_written_without_a_browser(tmp_path: Path) -> None:
    target = tmp_path / "cards.html"
    main([str(target), "--for-docs"])
    found = read(target.read_text(encoding="utf-8"))
    assert all(name in found.text for name in FOR_DOCS)


def test_the_documentation_shows_them() -> None:
    text = (DOCS / "cards.md").read_text(encoding="utf-8")
    assert "images/cards.png" in text
    assert (DOCS / "images" / "cards.png").stat().st_size < 400_000
