"""Letters for pictures: the fonts of the machine, and what can be drawn with them.

Pillow brings a font along that has little more than ASCII, so one of the system is taken where there is one,
and for each name one that has all its letters. A letter that a font lacks would be drawn as an empty box.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from PIL import ImageFont, features

from bot.presentation.card_text import clusters, one_line

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_PREFERRED = (
    *("dejavusans", "notosans-regular", "segoeui", "arial", "helvetica", "liberationsans-regular"),
    *("arialunicode", "arial unicode", "notosanscjk-regular", "notosanscjk", "msyh", "pingfang", "yugothm"),
    *("meiryo", "malgun", "wqy-microhei", "droidsansfallback", "hiragino", "unifont"),
)
"""Beginnings of file names, in small letters: what is looked at before all others."""
_NEVER = ("lastresort", "adobeblank", "notocoloremoji", "notosansmono", "italic", "oblique", "bold")
"""Parts of the names of fonts that have a sign for everything, or are not for running text."""
_SUFFIXES = (".ttf", ".otf", ".ttc")
_MOST_FONTS = 600
_MOST_REMEMBERED = 2_000
_PROBE = 20
"""Pixels at which a font is asked for its letters."""
_MISSING = "\U0010fffe"
"""Stands for no letter, in any font."""
_MARKS_OF_DIRECTION = frozenset("\u200e\u200f\u061c\u200b\u200c\u200d\u2066\u2067\u2068\u2069\ufe0e\ufe0f")


class Fonts:
    """Slow at first: to be used in a thread, by one at a time."""

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        """``folders``: where to look; by default where the system has its fonts."""
        self._folders = system_folders() if folders is None else folders
        self._fonts: dict[tuple[Path | None, int], Font] = {}
        self._found: OrderedDict[str, tuple[Path | None] | None] = OrderedDict()

    def drawable(self, *choices: str, size: int) -> tuple[str, Font]:
        """The first of ``choices`` for which there is a font, without the emoji that it lacks; and that font
        at ``size`` pixels. Nothing at all, if need be."""
        for choice in choices:
            for words in (_visible(choice), _without_symbols(choice)):
                if words and (found := self._having(words)) is not None:
                    return words, self._font(found[0], size)
        return "", self._font(self._usual, size)

    def _having(self, words: str) -> tuple[Path | None] | None:
        """The file of a font with all letters of ``words`` (None: Pillow's own); None where there is none."""
        letters = "".join(sorted(set(words) - {" "}))
        if letters not in self._found:
            self._found[letters] = self._looked_for(letters)
            if len(self._found) > _MOST_REMEMBERED:
                self._found.popitem(last=False)
        return self._found[letters]

    def _looked_for(self, letters: str) -> tuple[Path | None] | None:
        if _needs_shaping(letters) and not _can_shape():
            return None
        paths = (self._usual, None, *self._paths)
        return next(((path,) for path in paths if self._has(path, letters)), None)

    def _has(self, path: Path | None, letters: str) -> bool:
        try:
            font = self._font(path, _PROBE) if path in (None, self._usual) else _opened(path, _PROBE)
            lacking = _looks(font, _MISSING)
            return all(_looks(font, letter) != lacking for letter in letters)
        except (OSError, ValueError):
            return False

    @cached_property
    def _paths(self) -> tuple[Path, ...]:
        found = list(islice(_files(self._folders), _MOST_FONTS))
        return tuple(sorted(found, key=lambda path: (_rank(path), str(path))))

    @cached_property
    def _usual(self) -> Path | None:
        """For whatever it has letters for; Pillow's own where the system has none that is known."""
        known = (path for path in self._paths if _rank(path) < len(_PREFERRED))
        return next((path for path in known if self._opens(path)), None)

    def _opens(self, path: Path) -> bool:
        try:
            _opened(path, _PROBE)
        except (OSError, ValueError):
            return False
        return True

    def _font(self, path: Path | None, size: int) -> Font:
        if (path, size) not in self._fonts:
            self._fonts[path, size] = _opened(path, size)
        return self._fonts[path, size]


def system_folders() -> tuple[Path, ...]:
    home = Path.home()
    match sys.platform:
        case "win32":
            local = os.environ.get("LOCALAPPDATA")
            own = (Path(local) / "Microsoft" / "Windows" / "Fonts",) if local else ()
            return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", *own)
        case "darwin":
            return Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local" / "share" / "fonts"


def fitted(words: str, font: Font, width: float) -> str:
    """``words`` no wider than that, an ellipsis for what is missing."""
    if font.getlength(words) <= width:
        return words
    kept = list(clusters(words))
    while kept and font.getlength(f"{''.join(kept).rstrip()}…") > width:
        kept.pop()
    return f"{''.join(kept).rstrip()}…"


def _opened(path: Path | None, size: int) -> Font:
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)


def _looks(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for above, below, names in os.walk(folder):
            below.sort()
            for name in sorted(names):
                low = name.casefold()
                if low.endswith(_SUFFIXES) and not any(part in low for part in _NEVER):
                    yield Path(above, name)


def _rank(path: Path) -> int:
    low = path.name.casefold()
    stem = low.rpartition(".")[0]
    exact = next((n for n, name in enumerate(_PREFERRED) if stem == name), None)
    if exact is not None:
        return exact
    begins = any(low.startswith(name) for name in _PREFERRED)
    plain = "regular" in low
    return len(_PREFERRED) + (0 if begins else 1 if plain else 2)


def _visible(words: str) -> str:
    return "".join(letter for letter in one_line(words) if letter not in _MARKS_OF_DIRECTION)


def _without_symbols(words: str) -> str:
    kept = (letter for letter in _visible(words) if unicodedata.category(letter) not in _SYMBOLS)
    return " ".join("".join(kept).split())


_SYMBOLS = frozenset(("So", "Sk", "Cn", "Co", "Me"))


def _needs_shaping(letters: str) -> bool:
    """Letters that change their form or order by what stands beside them."""
    return any(
        unicodedata.bidirectional(letter) in {"R", "AL", "AN"}
        or (unicodedata.category(letter) in {"Mn", "Mc"} and letter > "\u036f")
        for letter in letters
    )


def _can_shape() -> bool:
    return all(features.check(part) for part in ("raqm", "fribidi", "harfbuzz"))
