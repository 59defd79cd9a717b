"""The operator's own check of texts, by HTTP. docs/moderation.md says what goes over the wire."""

from bot.hook.censor import HttpCensor

__all__ = ["HttpCensor"]
