"""Pictures that came with words, in the places that a template has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.errors import FlagError
from bot.domain.text import Text
from bot.presentation.flags import Ask
from bot.service.imagine import choose_template
from bot.templates.choosing import INPUT_IMAGE
from bot.templates.loader import TemplateLibrary


def with_pictures(ask: Ask, keys: Sequence[str], library: TemplateLibrary, command: str) -> Ask:
    """Each in its place: where the picture starts from, then whatever else the template takes, in its order.
    Raises what choosing a template does, and FlagError when it takes fewer."""
    if not keys:
        return ask
    ask = replace(ask, image=keys[0])
    template = choose_template(library, ask, command)
    places = [name for name in template.media if name != INPUT_IMAGE]
    if len(keys) > 1 + len(places):
        raise FlagError(
            Text.counted(
                "Template {template} takes {count} picture; {given} came.",
                "Template {template} takes {count} pictures; {given} came.",
                1 + len(places),
                template=template.name,
                given=len(keys),
            )
        )
    return replace(ask, values={**ask.values, **dict(zip(places, keys[1:], strict=False))})
