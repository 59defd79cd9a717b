"""The languages that the bot speaks, and which of them somebody reads. PURE.

A language is named by a tag of BCP 47, ``zh-CN``. Platforms tell what their users read in tags of many makes
(Discord ``en-US`` and ``zh-CN``, Telegram ``zh-hans`` and ``pt-br``), so a tag is matched, not looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from bot.domain.text import Text

SOURCE = "en"
"""What the sentences in the code are written in; it needs no catalogue."""
_SCRIPTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {("zh", ""): "Hans", ("zh", "TW"): "Hant", ("zh", "HK"): "Hant", ("zh", "MO"): "Hant"}
)
"""The script that a language is written in where its tag names none, by region (CLDR's likely subtags).
Readers of one script are not served by the other."""


def _as_in_english(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class Language:
    """Functions of a catalogue; English by default."""

    code: str = SOURCE
    gettext: Callable[[str], str] = str
    ngettext: Callable[[str, str, int], str] = field(default=_as_in_english)

    def say(self, text: Text, show: Callable[[object], object] = _as_it_is) -> str:
        """``show`` draws each value inside the sentence; markup is escaped there."""
        return text.render(self.gettext, choose=self.ngettext, show=show)

    def label(self, text: Text) -> str:
        """For places that know no markup."""
        return self.say(text)


ENGLISH = Language()


@dataclass(frozen=True, slots=True)
class Languages:
    """``known``: each that there is a catalogue for, and English. ``default``: the operator's choice."""

    known: tuple[Language, ...] = (ENGLISH,)
    default: Language = ENGLISH

    def of(self, tag: str | None) -> Language:
        """The language for a platform's tag; the default one for readers of any other. Never raises."""
        return self.match(tag) or self.default

    def match(self, tag: str | None) -> Language | None:
        """Likewise; None for readers of a language that is not here."""
        code = best(tag, [language.code for language in self.known])
        return next((language for language in self.known if language.code == code), None)

    def gettexts(self, tags: Iterable[str]) -> dict[str, Callable[[str], str]]:
        """For tables that stand beside the English ones: those of ``tags`` whose readers read another
        language that is here, with its gettext."""
        found = ((tag, self.match(tag)) for tag in tags)
        return {
            tag: language.gettext
            for tag, language in found
            if language is not None and language.code != SOURCE
        }


class _Tag(NamedTuple):
    language: str
    script: str
    region: str


def best(tag: str | None, codes: Iterable[str]) -> str | None:
    """The one of ``codes`` for readers of ``tag``: the same language in the same script, of the same region
    if there is one, else of none in particular. None if there is no such."""
    wanted = _read(tag or "")
    if wanted is None:
        return None
    fitting = [(code, known) for code in codes if (known := _read(code)) is not None and _fits(known, wanted)]
    fitting.sort(key=lambda found: (found[1].region != wanted.region, found[1].region != ""))
    return fitting[0][0] if fitting else None


def _read(tag: str) -> _Tag | None:
    language, *parts = re.split(r"[-_]", tag.strip().partition(".")[0])
    if not re.fullmatch(r"[A-Za-z]{2,3}", language):
        return None
    language = language.lower()
    region = next((part.upper() for part in parts if re.fullmatch(r"[A-Za-z]{2}|[0-9]{3}", part)), "")
    named = next((part.title() for part in parts if re.fullmatch(r"[A-Za-z]{4}", part)), "")
    likely = _SCRIPTS.get((language, region)) or _SCRIPTS.get((language, ""), "")
    return _Tag(language, named or likely, region)


def _fits(known: _Tag, wanted: _Tag) -> bool:
    same_script = known.script == wanted.script or not (known.script and wanted.script)
    return known.language == wanted.language and same_script
