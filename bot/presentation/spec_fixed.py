"""The commands that are there whatever the templates are. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.text import Text
from bot.presentation.spec_painting import MOST_CHOICES, MOST_LETTERS, PRIVATE, WORDS
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

MENUS: tuple[MenuSpec, ...] = (
    MenuSpec(Menu.AGAIN, Text("Imagine again")),
    MenuSpec(Menu.EDIT, Text("Edit this picture")),
    MenuSpec(Menu.SETTINGS, Text("Show settings")),
)

_REASON = OptionSpec("reason", OptionKind.TEXT, Text("Why; kept in the audit log"), max_length=500)
_USER = OptionSpec("user", OptionKind.USER, Text("Whose"), required=True)
_ANY_USER = OptionSpec("user", OptionKind.USER, Text("Or everything that somebody has in line"))
_DURATION = OptionSpec(
    "duration", OptionKind.TEXT, Text("How long, like 12h, 7d or 4w; without it, for good"), max_length=20
)
AUTOMATIC = "automatic"
"""As a tier: the one that the configuration says, by roles and names."""
_JOB_LETTERS = 40


def _template(source: Source) -> OptionSpec:
    return OptionSpec("template", OptionKind.TEXT, Text("Which one"), required=True, autocomplete=source)


def _job(description: Text, *, required: bool) -> OptionSpec:
    return OptionSpec(
        "job",
        OptionKind.TEXT,
        description,
        required=required,
        autocomplete=Source.JOB,
        max_length=_JOB_LETTERS,
    )


_EVERYBODYS = (
    CommandSpec("queue", Text("Your place in line, your jobs, and why they wait")),
    CommandSpec(
        "cancel",
        Text("Stop a job of yours"),
        (_job(Text("Which one; without it, the one you can choose from a list"), required=False),),
    ),
    CommandSpec("quota", Text("What you have used, what is left, and when there is more")),
    CommandSpec(
        "templates",
        Text("What can be painted, with examples"),
        (
            OptionSpec(
                "template",
                OptionKind.TEXT,
                Text("One template, with everything that can be set"),
                autocomplete=Source.TEMPLATE,
            ),
        ),
    ),
    CommandSpec(
        "show",
        Text("Bring a result of yours back"),
        (_job(Text("Which one, as its result says it; without it, a list to choose from"), required=False),),
    ),
    CommandSpec(
        "settings",
        Text("Your defaults; without options, to look at and change"),
        (
            OptionSpec(
                "template", OptionKind.TEXT, Text("Which template paints"), autocomplete=Source.TEMPLATE
            ),
            OptionSpec("size", OptionKind.TEXT, WORDS["size"], autocomplete=Source.SIZE),
            OptionSpec(PRIVATE, OptionKind.BOOL, WORDS[PRIVATE]),
        ),
    ),
    CommandSpec("privacy", Text("What is kept about you: have it, or have it erased")),
    CommandSpec(
        "help",
        Text("How to use this bot"),
        (
            OptionSpec(
                "template",
                OptionKind.TEXT,
                Text("One template, with everything that can be set"),
                autocomplete=Source.TEMPLATE,
            ),
        ),
    ),
)

_LINKING = (
    CommandSpec(
        "link",
        Text("Be one person on both platforms"),
        (
            OptionSpec(
                "code", OptionKind.TEXT, Text("The code that the other platform gave you"), max_length=40
            ),
        ),
    ),
    CommandSpec("unlink", Text("Be two people again")),
)

RESERVED = frozenset({command.name for command in (*_EVERYBODYS, *_LINKING)} | {"admin", "start"})
"""Names that no template's command may take. ``start`` is Telegram's first word."""


def fixed_commands(*, tiers: Sequence[str], linking: bool) -> tuple[CommandSpec, ...]:
    """``tiers``: names to choose from."""
    return (*_EVERYBODYS, *(_LINKING if linking else ()), _admin(tiers))


def _admin(tiers: Sequence[str]) -> CommandSpec:
    return CommandSpec(
        "admin",
        Text("For those who run this bot"),
        subcommands=(
            _quota(),
            CommandSpec("tier", Text("Put somebody into a tier"), (_USER, _tier(tiers), _REASON)),
            CommandSpec("block", Text("Take no requests of somebody"), (_USER, _DURATION, _REASON)),
            CommandSpec("unblock", Text("Take somebody's requests again"), (_USER, _REASON)),
            CommandSpec("queue", Text("Everything that waits and runs")),
            CommandSpec("pause", Text("Start nothing new; what runs goes on"), (_REASON,)),
            CommandSpec("resume", Text("Go on, after a pause or a drain"), (_REASON,)),
            CommandSpec("drain", Text("Take nothing new and let the queue run empty"), (_REASON,)),
            CommandSpec(
                "cancel",
                Text("Stop anybody's job"),
                (_job(Text("The job or request"), required=False), _ANY_USER, _REASON),
            ),
            _usage(),
            _templates(),
            CommandSpec("servers", Text("The ComfyUI servers and how they are")),
            CommandSpec("audit", Text("Who changed what, when, and why")),
        ),
        audience=Audience.MODERATORS,
    )


def _quota() -> CommandSpec:
    limit = Text("GPU seconds a day, or “unlimited”; 0 is none")
    jobs = Text("Jobs a day, or “unlimited”; 0 is none")
    tiers_own = Text("Take both limits away, so that those of the tier hold")
    return CommandSpec(
        "quota",
        Text("What somebody may use in a day"),
        subcommands=(
            CommandSpec("show", Text("What somebody used, and what is left"), (_USER,)),
            CommandSpec(
                "grant",
                Text("Give GPU seconds on top, for today"),
                (
                    _USER,
                    OptionSpec(
                        "seconds",
                        OptionKind.FLOAT,
                        Text("GPU seconds; a negative number takes away"),
                        required=True,
                    ),
                    _REASON,
                ),
            ),
            CommandSpec(
                "set",
                Text("Give somebody limits of their own"),
                (
                    _USER,
                    OptionSpec("seconds", OptionKind.TEXT, limit, max_length=20),
                    OptionSpec("jobs", OptionKind.TEXT, jobs, max_length=20),
                    OptionSpec("default", OptionKind.BOOL, tiers_own),
                    _REASON,
                ),
            ),
            CommandSpec("reset", Text("Give back what somebody used today"), (_USER, _REASON)),
        ),
    )


def _tier(tiers: Sequence[str]) -> OptionSpec:
    fit = 0 < len(tiers) < MOST_CHOICES and all(len(name) <= MOST_LETTERS for name in tiers)
    named = tuple(Choice(Text("{name}", name=name), name) for name in tiers)
    choices = (*named, Choice(Text("as the configuration says"), AUTOMATIC)) if fit else ()
    return OptionSpec("tier", OptionKind.TEXT, Text("Which tier"), required=True, choices=choices)


def _usage() -> CommandSpec:
    by = (
        Choice(Text("by user"), "user"),
        Choice(Text("by template"), "template"),
        Choice(Text("by day"), "day"),
    )
    return CommandSpec(
        "usage",
        Text("What was painted, from the ledger"),
        (
            OptionSpec("by", OptionKind.TEXT, Text("How to add it up"), choices=by),
            OptionSpec("days", OptionKind.INT, Text("How many days back"), minimum=1, maximum=3650),
        ),
    )


def _templates() -> CommandSpec:
    return CommandSpec(
        "templates",
        Text("The templates"),
        subcommands=(
            CommandSpec("reload", Text("Look for new and changed workflow files now")),
            CommandSpec("enable", Text("Offer a template again"), (_template(Source.DISABLED), _REASON)),
            CommandSpec("disable", Text("Offer a template no longer"), (_template(Source.TEMPLATE), _REASON)),
        ),
    )
