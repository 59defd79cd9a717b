"""Sentences for people, kept apart from their translation.

A :class:`Text` holds the English sentence as the catalogue's key (gettext style) and the values that
belong into it. It is rendered at the edge, in the reader's language; until then nothing is formatted,
so user data never mixes with the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, init=False)
class Text:
    """An English sentence with ``{named}`` places, and the values for them.

    >>> str(Text("{name} is {value}.", name="steps", value=3))
    'steps is 3.'
    """

    msgid: str
    args: Mapping[str, object]

    def __init__(self, msgid: str, /, **args: object) -> None:
        object.__setattr__(self, "msgid", msgid)
        object.__setattr__(self, "args", args)

    def render(self, translate: Callable[[str], str] = str) -> str:
        """The sentence in the language of ``translate`` (a gettext function); English by default."""
        return translate(self.msgid).format_map(
            {k: v.render(translate) if isinstance(v, Text) else v for k, v in self.args.items()}
        )

    def __hash__(self) -> int:
        # Values may be anything, a dict among them: equality looks at them, the hash need not.
        return hash((self.msgid, *sorted(self.args)))

    def __str__(self) -> str:
        return self.render()
