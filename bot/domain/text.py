"""Sentences for people, kept apart from their translation.

A :class:`Text` holds the English sentence as the catalogue's key (gettext style) and the values that
belong into it. It is rendered at the edge, in the reader's language; until then nothing is formatted,
so user data never mixes with the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def _as_in_english(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True, init=False)
class Text:
    """An English sentence with ``{named}`` places, and the values for them.

    >>> str(Text("{name} is {value}.", name="steps", value=3))
    'steps is 3.'
    """

    msgid: str
    args: Mapping[str, object]
    plural: str | None
    """gettext's ``msgid_plural``; None for a sentence that does not count."""
    count: int

    def __init__(self, msgid: str, /, **args: object) -> None:
        object.__setattr__(self, "msgid", msgid)
        object.__setattr__(self, "args", args)
        object.__setattr__(self, "plural", None)
        object.__setattr__(self, "count", 0)

    @classmethod
    def counted(cls, one: str, many: str, count: int, /, **args: object) -> Text:
        """A sentence with another form for each kind of number, of which languages have one to six.
        ``{count}`` is filled with ``count``; ``args`` may give it another look.

        >>> str(Text.counted("{count} picture", "{count} pictures", 2))
        '2 pictures'
        """
        text = cls(one, **{"count": count, **args})
        object.__setattr__(text, "plural", many)
        object.__setattr__(text, "count", count)
        return text

    def render(
        self,
        translate: Callable[[str], str] = str,
        *,
        choose: Callable[[str, str, int], str] = _as_in_english,
        show: Callable[[object], object] = _as_it_is,
    ) -> str:
        """The sentence in the language of ``translate`` and ``choose`` (gettext's functions ``gettext`` and
        ``ngettext``); English by default. ``show`` draws each value that is no sentence itself: escaping
        belongs there, so that it never touches the sentences."""
        sentence = (
            translate(self.msgid) if self.plural is None else choose(self.msgid, self.plural, self.count)
        )
        return sentence.format_map(
            {
                name: value.render(translate, choose=choose, show=show)
                if isinstance(value, Text)
                else show(value)
                for name, value in self.args.items()
            }
        )

    def __hash__(self) -> int:
        # Values may be anything, a dict among them: equality looks at them, the hash need not.
        return hash((self.msgid, *sorted(self.args)))

    def __str__(self) -> str:
        return self.render()
