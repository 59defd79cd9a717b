"""Rules for texts that make no sense, and the operator's own check of texts, asked about a harmless one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bot.app.moderation import house_rules, open_censor
from bot.cli.checks.rows import Row
from bot.config import Settings
from bot.domain.errors import CensorFailed, ConfigError, FairbrushError
from bot.presentation.nearest import nearest
from bot.service.moderation_hook import Question
from bot.templates.loader import TemplateLibrary

HARMLESS = "a lighthouse at dusk"


def rules(settings: Settings) -> list[Row]:
    """Reads the folder of templates; call it in a thread."""
    return list(_rules(settings))


def _rules(settings: Settings) -> Iterator[Row]:
    try:
        house_rules(settings)
    except ConfigError as error:
        yield Row("problem", "settings", "moderation", str(error))
    try:
        names = TemplateLibrary(settings.workflows_dir).names()
    except FairbrushError:
        return  # the rows of the templates say it
    for place in settings.moderation.places:
        for name in place.templates:
            if name not in names:
                close = nearest(name, names)
                hint = f" Did you mean {close}?" if close else ""
                words = f"{place.place} may use the template {name}, and there is none.{hint}"
                yield Row("warning", "settings", "moderation.places", words)


async def hook(settings: Settings) -> list[Row]:
    """Whether the operator's own check answers as it should."""
    chosen = settings.moderation
    if not chosen.hook_url:
        return []
    then = "refused" if chosen.hook_down == "refuse" else "allowed"
    down = f"While it is down every text is {then} (moderation.hook_down)."
    began = asyncio.get_running_loop().time()
    question = Question((HARMLESS,), user="check", place="", platform="shell", template="", command="imagine")
    try:
        async with open_censor(settings) as censor:
            assert censor is not None
            verdict = await censor.judge(question)
    except CensorFailed as error:
        login = " Give it moderation.hook_headers." if error.cause in ("status 401", "status 403") else ""
        return [Row("problem", "pages", "moderation.hook_url", f"{error}{login} {down}")]
    took = asyncio.get_running_loop().time() - began
    if not verdict.allow:
        words = f"It answers, in {took:.2f} s, and refuses even “{HARMLESS}”. Is that meant?"
        return [Row("warning", "pages", "moderation.hook_url", words)]
    return [Row("ok", "pages", "moderation.hook_url", f"It answers, in {took:.2f} s. {down}")]
