"""The texts of a request: everything that a person wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.errors import ParameterError, WordsBlocked
from bot.domain.text import Text
from bot.presentation.flags import MAX_CHARACTERS, Ask
from bot.service.imagine import without_files
from bot.service.moderation import Moderator

_NUMBER = re.compile(r"\s*[-+.,\d]*\s*")


def texts_of(ask: Ask) -> Iterator[str]:
    """Whatever stands in it, also where a name or a number is meant."""
    yield ask.prompt_text
    if ask.negative_text is not None:
        yield ask.negative_text
    yield from ask.values.values()


def words_of(ask: Ask) -> tuple[str, ...]:
    """For somebody who reads them: each once, without numbers and without what files are called."""
    texts = texts_of(without_files(ask))
    return tuple(dict.fromkeys(text for text in texts if not _NUMBER.fullmatch(text)))


def readable(ask: Ask) -> None:
    """Raise :class:`ParameterError` for a text that is too long to be looked at: looking takes time."""
    longest = max(map(len, texts_of(ask)))
    if longest > MAX_CHARACTERS:
        raise ParameterError(
            "prompt_text",
            Text(
                "Your text has {count} characters; at most {most} are read. Shorten it.",
                count=longest,
                most=MAX_CHARACTERS,
            ),
        )


def moderate(ask: Ask, moderator: Moderator) -> None:
    """Raise :class:`WordsBlocked` for a blocked word in any text of the request."""
    if any(moderator.find(text) is not None for text in texts_of(ask)):
        raise words_blocked()


def words_blocked(*, here: bool = False, told: Text | None = None) -> WordsBlocked:
    """``here``: by the rules of the place alone. ``told``: what follows from it. The word is not repeated:
    what is in the list is the operator's own affair."""
    said = (
        Text("Your text holds something that is not allowed in this place. Say it in other words.")
        if here
        else Text(
            "Your text holds something that the operator of this bot does not allow. Say it in other words."
        )
    )
    return WordsBlocked(said if told is None else with_warning(said, told), cause="blocked word")


def with_warning(said: Text, told: Text) -> Text:
    return Text("{said} {told}", said=said, told=told)
