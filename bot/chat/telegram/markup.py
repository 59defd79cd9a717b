"""Sentences and people's words as Telegram's HTML. Pure.

Nothing that somebody typed becomes a link, a mention or a command: Telegram looks for them in every message,
whoever sent it, and a bot that repeats a stranger's words would ping people and offer what it does not know.
"""

from __future__ import annotations

import html
import re

from bot.domain.text import Text
from bot.presentation.card_text import clean, isolated, utf16
from bot.presentation.cards import Code, Command
from bot.presentation.language import Language

_JOINER = "\u2060"
"""Is not drawn, breaks no line, and belongs to no link."""
_LINKS = re.compile(
    r"@(?=\w)|#(?=\w)|\$(?=[A-Za-z])|(?<![\w<>])/(?=\w)|:(?=//)"
    r"|\.(?=[^\W\d_])|(?<=[\w])\.(?=\d+\.\d)|(?<=[^\W\d_])\.(?=\d)"
)
_TAG = re.compile(r"<[^>]*>")


def escape(text: str) -> str:
    """As Telegram's HTML wants it outside of tags."""
    return html.escape(text, quote=False)


def unlinked(text: str) -> str:
    """The same to a reader, and nothing to tap on: a mark that is not drawn parts what would be one."""
    return _LINKS.sub(lambda found: found[0] + _JOINER, text)


def words(text: str) -> str:
    """A person's words, as HTML."""
    return escape(unlinked(clean(text)))


def code(text: str) -> str:
    """To be copied as it stands: Telegram looks for nothing in it."""
    shown = clean(text)
    return f"<code>{escape(shown)}</code>" if shown else ""


def length(markup: str) -> int:
    """What Telegram counts of it: the text that is left after parsing. Its limits are said to be in
    characters; counted in UTF-16 they are never passed."""
    return utf16(without_markup(markup))


def say(language: Language, text: Text) -> str:
    """A sentence as HTML: escaped before values are put into it, and each of these for itself."""
    return text.render(
        lambda sentence: escape(language.gettext(sentence)),
        choose=lambda one, many, count: escape(language.ngettext(one, many, count)),
        show=_shown,
    )


def plain(language: Language, text: Text) -> str:
    """Where there is no markup: on buttons, in notices."""
    return language.say(text, _plain)


def _shown(value: object) -> str:
    match value:
        case Code():
            return code(str(value))
        case Command():
            return escape(_typed(value))
        case bool() | int() | float():
            return escape(str(value))
    return escape(unlinked(isolated(clean(str(value)))))


def _plain(value: object) -> str:
    return _typed(value) if isinstance(value, Command) else isolated(clean(str(value)))


def _typed(command: Command) -> str:
    """Telegram's commands know no dashes."""
    return str(command).replace("-", "_").lower()


def without_markup(markup: str) -> str:
    """The text that is left of HTML of ours."""
    return html.unescape(_TAG.sub("", markup))
