"""The catalogues of translations, loaded."""

from __future__ import annotations

from gettext import GNUTranslations

from bot.config.languages import COUNTED, catalogue_files
from bot.presentation.language import ENGLISH, Language, Languages


def load_languages(default: str) -> Languages:
    """Every language that there is a catalogue for, and English.

    ``default`` is the code of the operator's choice; English stands for one without a catalogue. The settings
    have refused such a one already. Raises ``OSError`` for a catalogue that cannot be read.
    """
    known = [ENGLISH]
    for code, file in catalogue_files().items():
        with file.open("rb") as opened:
            known.append(_language(code, GNUTranslations(opened)))
    languages = Languages(tuple(known))
    return Languages(languages.known, languages.of(default))


def _language(code: str, catalogue: GNUTranslations) -> Language:
    def gettext(sentence: str) -> str:
        # A catalogue keeps notes about itself behind the empty sentence.
        return catalogue.gettext(sentence) if sentence else ""

    def ngettext(one: str, many: str, count: int) -> str:
        return catalogue.npgettext(COUNTED, one, many, count)

    return Language(code, gettext, ngettext)
