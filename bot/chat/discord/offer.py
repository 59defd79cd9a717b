"""What Discord is told of our commands, and what people are offered while they type: made from the templates
in advance, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.chat.discord.commands import Registration, register
from bot.chat.discord.options import Invocation
from bot.domain.text import Text
from bot.presentation.specs import (
    Commands,
    CommandSpec,
    Context,
    Index,
    Suggestion,
    build_index,
    make_commands,
    suggest,
)
from bot.templates.sizes import Limits
from bot.templates.template import Template

ANSWERED = frozenset({"queue", "cancel", "quota", "templates", "help"})
"""Commands beside those that paint."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One moment's commands. ``notes``: what does not fit into Discord, for the operator."""

    commands: Commands
    index: Index
    registration: Registration
    notes: tuple[Text, ...] = field(default=())

    def spec(self, name: str) -> CommandSpec | None:
        return self.commands.get(name)

    def suggestions(self, invocation: Invocation, jobs: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
        """For the option that is being typed into; () for one that has none."""
        spec = self.spec(invocation.name)
        focused = invocation.focused
        option = None if spec is None or focused is None else spec.option(focused.name)
        if option is None or focused is None or not option.autocomplete:
            return ()
        context = Context(self.index, invocation.name, invocation.options, tuple(jobs))
        return suggest(option.autocomplete, focused.typed, context)


def make_offer(templates: Sequence[Template], limits: Limits, tiers: Sequence[str]) -> Offer:
    """``limits``: of the most generous tier. Takes a moment for thousands of models: call it in a thread."""
    commands = make_commands(templates, limits, tiers=tuple(tiers), linking=False)
    shown = [spec for spec in commands.specs if commands.paints(spec.name) or spec.name in ANSWERED]
    registration = register(shown, menus=())
    return Offer(
        commands,
        build_index(templates, commands.specs),
        registration,
        (*commands.notes, *registration.notes),
    )
