"""Every command that people may give, made from the templates that there are. PURE.

What a command is called and takes is said here once; :mod:`bot.chat` writes it as each platform wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.spec_ask import Attached, ask_from
from bot.presentation.spec_fixed import MENUS, RESERVED, fixed_commands
from bot.presentation.spec_painting import MORE, PRIVATE, PROMPT, painting_options
from bot.presentation.spec_suggest import Context, Index, Suggestion, build_index, suggest
from bot.presentation.spec_types import (
    Audience,
    Choice,
    CommandSpec,
    Menu,
    MenuSpec,
    OptionKind,
    OptionSpec,
    Source,
)
from bot.templates.sizes import NO_LIMITS, Limits
from bot.templates.template import Template

__all__ = [
    "IMAGINE",
    "MENUS",
    "MORE",
    "PRIVATE",
    "PROMPT",
    "Attached",
    "Audience",
    "Choice",
    "CommandSpec",
    "Commands",
    "Context",
    "Index",
    "Menu",
    "MenuSpec",
    "OptionKind",
    "OptionSpec",
    "Source",
    "Suggestion",
    "ask_from",
    "build_index",
    "make_commands",
    "suggest",
]

IMAGINE = "imagine"
MOST_OPTIONS = 25
MOST_COMMANDS = 100
"""What Discord takes, and Telegram likewise."""


@dataclass(frozen=True, slots=True)
class Commands:
    """``notes``: what the operator should know about commands that could not be made."""

    specs: tuple[CommandSpec, ...]
    notes: tuple[Text, ...] = ()

    def get(self, name: str, *subcommands: str) -> CommandSpec | None:
        """``get("admin", "quota", "show")``"""
        level, found = self.specs, None
        for word in (name, *subcommands):
            found = next((spec for spec in level if spec.name == word), None)
            level = found.subcommands if found is not None else ()
        return found

    def paints(self, name: str) -> bool:
        """Whether it asks for pictures; of a template's own commands as well as of ``imagine``."""
        spec = self.get(name)
        return name == IMAGINE or (spec is not None and bool(spec.templates))


def make_commands(
    templates: Sequence[Template],
    limits: Limits = NO_LIMITS,
    *,
    tiers: Sequence[str] = (),
    linking: bool = True,
    most: int = MOST_COMMANDS,
) -> Commands:
    """The commands for these (enabled) templates.

    ``limits`` are those of the tier that allows most; ``tiers`` the names of all; ``linking``: there is
    another platform to be linked with. A template whose command cannot be had (it is one of ours, or there
    are more than ``most``) is painted with by ``imagine``, where it can be named.
    """
    fixed = fixed_commands(tiers=tiers, linking=linking)
    groups: dict[str, list[Template]] = {IMAGINE: []}
    for template in templates:
        groups.setdefault(template.command, []).append(template)
    room = most - len(fixed) - 1
    notes: list[Text] = []
    own: list[CommandSpec] = []
    for name in [name for name in groups if name != IMAGINE]:
        if name not in RESERVED and len(own) < room:
            own.append(_painting(name, groups[name], limits))
            continue
        reason = (
            Text("that is one of the bot's own commands")
            if name in RESERVED
            else Text("there are more commands than chat platforms take ({most})", most=most)
        )
        notes.append(_displaced(name, groups[name], reason))
        groups[IMAGINE] += groups[name]
    imagine = _painting(IMAGINE, groups[IMAGINE], limits)
    return Commands((imagine, *own, *fixed), tuple(notes))


def _painting(name: str, templates: Sequence[Template], limits: Limits) -> CommandSpec:
    ordered = sorted(templates, key=lambda template: not template.is_default)
    options = painting_options(ordered, limits, MOST_OPTIONS)
    names = tuple(TemplateName(template.name) for template in ordered)
    return CommandSpec(name, _description(name, ordered), options, templates=names)


def _description(name: str, templates: Sequence[Template]) -> Text:
    if name == IMAGINE:
        return Text("Paint a picture from your words")
    if len(templates) == 1 and (said := templates[0].description or templates[0].title).strip():
        return Text("{description}", description=said)
    return Text("Paint with {titles}", titles=", ".join(each.title or each.name for each in templates))


def _displaced(name: str, templates: Sequence[Template], reason: Text) -> Text:
    return Text(
        "There is no command /{command}: {reason}. Paint with {names} by /imagine and its option template.",
        command=name,
        reason=reason,
        names=", ".join(template.name for template in templates),
    )
