"""What Discord is told of our commands, and what people are offered while they type: made from the templates
in advance, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.chat.discord.commands import Registration, register
from bot.chat.discord.options import Invocation
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.specs import (
    MENUS,
    Commands,
    Context,
    Index,
    Suggestion,
    build_index,
    suggest,
)
from bot.templates.template import Template


@dataclass(frozen=True, slots=True)
class Offer:
    """One moment's commands. ``notes``: what does not fit into Discord, for the operator."""

    commands: Commands
    index: Index
    registration: Registration
    notes: tuple[Text, ...] = field(default=())

    def suggestions(
        self,
        invocation: Invocation,
        jobs: Sequence[Suggestion],
        usable: Callable[[TemplateName], bool] = lambda _: True,
    ) -> tuple[Suggestion, ...]:
        """For the option that is being typed into; () for one that has none. ``usable``: which templates may
        be used there."""
        spec = self.commands.get(invocation.name, *invocation.subcommands)
        focused = invocation.focused
        option = None if spec is None or focused is None else spec.option(focused.name)
        if option is None or focused is None or not option.autocomplete:
            return ()
        context = Context(self.index, invocation.name, invocation.options, tuple(jobs), usable=usable)
        return suggest(option.autocomplete, focused.typed, context)


def make_offer(
    commands: Commands,
    templates: Sequence[Template],
    *,
    disabled: Sequence[str] = (),
    locales: Mapping[str, Callable[[str], str]] = MappingProxyType({}),
) -> Offer:
    """``templates``: those that ``commands`` were made from; ``disabled``: those that an operator may offer
    again. Takes a moment for thousands of models: call it in a thread."""
    registration = register(commands.specs, menus=MENUS, locales=locales)
    return Offer(
        commands,
        build_index(templates, commands.specs, disabled),
        registration,
        (*commands.notes, *registration.notes),
    )
