"""Forms as Discord shows them, and what comes back of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.chat.discord.options import mappings
from bot.presentation.actions import encode
from bot.presentation.forms import Field, Form
from bot.presentation.language import Language

FIELD = 4000
"""Characters that Discord takes in one field."""
LABEL, HINT = 45, 100
"""Characters of a title or label, and of what stands in an empty field."""


class Modal(discord.ui.Modal):
    """A form whose answer is read from its data, by whatever process runs then."""

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Read in :meth:`bot.chat.discord.frontend.Interactions.fill`."""


def modal_of(form: Form, language: Language) -> discord.ui.Modal:
    """``form`` as Discord shows it."""
    modal = Modal(title=language.label(form.title)[:LABEL], custom_id=encode(form.action))
    for field in form.fields:
        modal.add_item(_input(field, language))
    modal.stop()  # one that is over is not remembered by the library
    return modal


def _input(field: Field, language: Language) -> discord.ui.TextInput[Any]:
    return discord.ui.TextInput(
        label=language.label(field.label)[:LABEL],
        custom_id=field.name,
        style=discord.TextStyle.paragraph if field.long else discord.TextStyle.short,
        default=field.value[:FIELD] or None,
        placeholder=language.label(field.hint)[:HINT] if field.hint else None,
        required=field.required,
        max_length=FIELD,
    )


def submitted(data: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a modal's answer by their ids; what is not text is left out."""
    found: dict[str, str] = {}
    for row in mappings(data.get("components")):
        for item in mappings(row.get("components")) or mappings([row.get("component")]):
            key, value = item.get("custom_id"), item.get("value")
            if isinstance(key, str) and isinstance(value, str):
                found[key] = value
    return found
