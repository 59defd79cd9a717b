"""What is not wanted where: blocked words, templates, and what is for adults, in the whole bot and by place.

The rules of a place are those of where something is asked for now, whatever it is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from bot.domain.errors import TemplateNotHere
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.service.nsfw import NsfwRule
from bot.templates.template import Template

_MOST_NAMED = 20


class Moderator(Protocol):
    """Which texts are not wanted. Pure and quick: called in the event loop for every text."""

    def find(self, text: str) -> str | None:
        """The blocked word in ``text``, as the operator wrote it; None when there is none."""


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """What else holds in one place. ``nsfw`` None: as in the whole bot. ``templates``: the only ones that may
    be used there; empty: all."""

    words: Moderator | None = None
    nsfw: NsfwRule | None = None
    templates: tuple[str, ...] = ()

    def allows(self, template: TemplateName) -> bool:
        plain = template.casefold()
        return not self.templates or any(name.casefold() == plain for name in self.templates)


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a text breaks. ``word``: as the operator wrote it. ``place``: whose own rule; "" for one of
    the whole bot."""

    word: str
    place: str = ""


_NO_RULES = PlaceRules()


@dataclass(frozen=True, slots=True)
class HouseRules:
    """``places``: by :func:`key_of`."""

    words: Moderator
    nsfw: NsfwRule = "spoiler"
    places: Mapping[str, PlaceRules] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, place: str) -> PlaceRules:
        return self.places.get(key_of(place), _NO_RULES) if place else _NO_RULES

    def nsfw_in(self, place: str) -> NsfwRule:
        return self.of(place).nsfw or self.nsfw

    def broken(self, texts: Iterable[str], place: str) -> Broken | None:
        """Those of the whole bot come first: they weigh more."""
        texts = tuple(texts)
        if (word := _found(self.words, texts)) is not None:
            return Broken(word)
        there = self.of(place).words
        if there is not None and (word := _found(there, texts)) is not None:
            return Broken(word, place)
        return None

    def offered(self, templates: Iterable[Template], place: str) -> tuple[Template, ...]:
        """Those that may be used in a place."""
        allows = self.of(place).allows
        return tuple(template for template in templates if allows(template.name))

    def allows(self, place: str) -> Callable[[TemplateName], bool]:
        return self.of(place).allows

    def require(self, template: TemplateName, place: str, enabled: Sequence[Template]) -> None:
        """Raise TemplateNotHere for one that the place does not name."""
        if self.of(place).allows(template):
            return
        offered = [each.name for each in self.offered(enabled, place)]
        if not offered:
            raise TemplateNotHere(
                Text(
                    "No template may be used in this place: those that its rules name are not there. The "
                    "operator can change that."
                ),
                cause=f"{place}: {template}",
            )
        names = ", ".join(offered[:_MOST_NAMED]) + (" …" if len(offered) > _MOST_NAMED else "")
        raise TemplateNotHere(
            Text(
                "The template {template} may not be used in this place. Here there are: {names}. Nothing was "
                "charged.",
                template=template,
                names=names,
            ),
            cause=f"{place}: {template}",
        )


def key_of(place: str) -> str:
    """As the config names a place: ``discord:guild:123`` is ``discord:123``.

    >>> key_of("telegram:chat:-456")
    'telegram:-456'
    """
    platform, _, rest = place.partition(":")
    return f"{platform}:{rest.rpartition(':')[2]}"


def _found(words: Moderator, texts: Iterable[str]) -> str | None:
    return next((word for text in texts if (word := words.find(text)) is not None), None)
