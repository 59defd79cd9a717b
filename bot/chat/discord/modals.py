"""Forms: change the words of a picture and paint it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.chat.discord.render import Language
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb, encode
from bot.service.again import ask_of
from bot.service.records import RequestRecord

FIELD = 4000
"""Characters that Discord takes in one field."""
PROMPT = "prompt"


class Form(discord.ui.Modal):
    """A modal whose answer is read from its data, by whatever process runs then."""

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Read in :meth:`bot.chat.discord.frontend.Interactions.fill`."""


def edit_modal(record: RequestRecord, language: Language) -> discord.ui.Modal:
    """The words of a request, to be changed. Raises NotFound when they are not kept any more."""
    ask = ask_of(record)
    form = Form(
        title=language.label(Text("Edit"))[:45], custom_id=encode(OnRequest(Verb.EDIT, record.id)), timeout=1
    )
    form.add_item(
        discord.ui.TextInput(
            label=language.label(Text("What to paint"))[:45],
            custom_id=PROMPT,
            style=discord.TextStyle.paragraph,
            default=ask.prompt_text[:FIELD],
            max_length=FIELD,
        )
    )
    return form


def submitted(data: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a modal's answer by their ids; what is not text is left out."""
    found: dict[str, str] = {}
    for row in data.get("components", ()):
        inner = row.get("components") or [row.get("component") or {}]
        for item in inner:
            key, value = item.get("custom_id"), item.get("value")
            if isinstance(key, str) and isinstance(value, str):
                found[key] = value
    return found
