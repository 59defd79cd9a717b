"""The part of the gallery that operators and moderators see."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.domain.durations import DAY, HOUR, MINUTE
from bot.domain.errors import NotAllowed
from bot.domain.ids import JobId
from bot.domain.quota import Allowance, Standing, Use
from bot.domain.text import Text
from bot.presentation.actions import Danger, mark
from bot.presentation.card_account import question_card
from bot.presentation.card_admin import Who, person_card, reason_line, told_card
from bot.presentation.card_admin_lists import (
    Deed,
    FileChange,
    UsageEntry,
    audit_card,
    detail_of,
    reload_card,
    usage_card,
)
from bot.presentation.card_admin_queue import LineJob, ServerEntry, WholeLine, admin_queue_card, servers_card
from bot.presentation.card_denied import error_card
from bot.presentation.cards import Card, Command

NOW = 1_800_000_000_000
ME = mark("discord:1")
_USE = Use(settled=210.0, reserved=45.0, granted=60.0, jobs=19)


def _job(number: int, user: str, template: str = "Text to image", **rest: object) -> LineJob:
    return LineJob(JobId(f"k3v9x2m7q{number}-1"), user, template, **{"waited_ms": 90_000, **rest})  # type: ignore[arg-type]


_RUNS = _job(1, "Ada", server="local", fraction=0.43, eta_seconds=7.0)
_LINE = WholeLine(
    waiting=61,
    people=4,
    jobs=(
        _RUNS,
        _job(2, "Bob", "Flux", server="local"),
        *(_job(n, "Çelik **x**", place=n - 2, eta_seconds=20.0 * n) for n in range(3, 9)),
    ),
    notices=((NOW - 12 * MINUTE, Text("Server {name} is back.", name="local")),),
)
_STUCK = WholeLine(
    waiting=1,
    people=1,
    jobs=(_job(1, "Ada", place=1, why=Text("No server is at work right now: it is starting.")),),
    paused=True,
    draining=True,
)


def _who(**rest: object) -> Who:
    standing = Standing(Allowance(600.0, 50), _USE, NOW + 7 * HOUR)
    return Who("Ada", ("discord:123", "telegram:456"), "patron", standing, **rest)  # type: ignore[arg-type]


ADMIN_CARDS: Mapping[str, Callable[[], Card]] = {
    "admin-queue": lambda: admin_queue_card(_LINE, owner=ME, now=NOW),
    "admin-queue-2": lambda: admin_queue_card(_LINE, owner=ME, now=NOW, page=1),
    "admin-queue-stuck": lambda: admin_queue_card(_STUCK, owner=ME, now=NOW),
    "admin-queue-empty": lambda: admin_queue_card(WholeLine(0, 0), owner=ME, now=NOW),
    "admin-servers": lambda: servers_card(
        (
            ServerEntry(
                "local",
                "up",
                NOW - 3 * HOUR,
                model="flux1-dev.safetensors + clip_l.safetensors + t5xxl_fp16.safetensors",
                memory=((6 * 2**30, 24 * 2**30),),
                job=_RUNS,
                foreign=2,
            ),
            ServerEntry("spare", "up", NOW - DAY * 3),
            ServerEntry("cellar", "down", NOW - 90_000, Text("The ComfyUI server does not answer.")),
            ServerEntry("attic", "starting", 0),
        ),
        now=NOW,
    ),
    "admin-person": lambda: person_card(_who(), now=NOW),
    "admin-person-set": lambda: person_card(
        _who(own_limits=True, notes=(Text("Blocked {until}: {reason}.", until="for good", reason="floods"),)),
        now=NOW,
        headline=Text("{name} has limits of their own now", name="Ada"),
    ),
    "admin-person-new": lambda: person_card(
        Who("Newt", ("discord:9",), "default", Standing(Allowance(), Use(), NOW + HOUR), known=False), now=NOW
    ),
    "admin-block-question": lambda: question_card(
        Danger.BLOCK,
        Text("Nothing more is taken of {name} {until}.", name="Bob", until=Text("for good")),
        owner=ME,
        until=NOW // MINUTE + 5,
        subject="discord:5",
    ),
    "admin-told": lambda: told_card(
        Text("The queue is paused"),
        reason_line("the cooler is dirty"),
        Text("{command} lets it go on.", command=Command("admin resume")),
    ),
    "admin-usage": lambda: usage_card(
        tuple(UsageEntry(f"somebody {n}", 40 - n, n % 3, n % 2, 900.0 - 40 * n) for n in range(17)),
        by=Text("by user"),
        days=30,
    ),
    "admin-usage-none": lambda: usage_card((), by=Text("by day"), days=1),
    "admin-audit": lambda: audit_card(
        tuple(
            Deed("2027-01-15 08:00", "Ada (discord:1)", action, subject, detail_of(detail))
            for action, subject, detail in (
                ("pause", "queue", "the cooler is dirty"),
                ("block", "Bob (discord:5)", "floods the queue"),
                ("template off", "flux", ""),
                ("of the future", "something", "@everyone **x**"),
                *(("cancel", f"k3v9x2m7q{n}", "") for n in range(5)),
            )
        ),
        owner=ME,
    ),
    "admin-reload": lambda: reload_card(
        (
            FileChange("flux", Text("changed")),
            FileChange(
                "poster", Text("new"), (Text("{file}: {reason}", file="poster.json", reason="empty"),)
            ),
            FileChange("old", Text("removed")),
        ),
        still_broken=(FileChange("lost", Text("cannot be used"), (Text("lost.toml has no lost.json."),)),),
        usable=4,
    ),
    "admin-reload-nothing": lambda: reload_card((), still_broken=(), usable=1),
    "admin-refused": lambda: error_card(
        NotAllowed(
            Text("Only the operators of this bot may do that. If you need something, ask one of them.")
        )
    ),
}
