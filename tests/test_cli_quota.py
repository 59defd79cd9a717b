"""``fairbrush quota``: what a user may use, shown and changed, with a running bot and without one."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.cli.reach import shell_actor
from bot.domain.ids import IdentityId
from bot.service.clock import Clock
from tests.store_support import opened, rows
from tests.support.bot_process import bot_in_thread, zone_of_noon
from tests.support.commands import call, empty_folder, refused

here = empty_folder()

CONFIG = f"""
timezone = "{zone_of_noon()}"
[tiers.default]
gpu_seconds_per_day = 600
jobs_per_day = 5
[tiers.patron]
weight = 3
user_ids = ["telegram:9"]
"""


@pytest.fixture
def ann(here: Path) -> Path:
    """Ann used 100 of her 600 GPU seconds, and 30 more are reserved."""
    (here / "config.toml").write_text(CONFIG, encoding="utf-8")
    now = Clock().now()

    async def fill() -> None:
        (here / "data").mkdir()
        async with opened(here / "data") as desk:
            await desk.store.person(IdentityId("discord:1"), name="Ann", at=1)
            rules = replace(desk.draft().rules, timezone=zone_of_noon())
            await desk.finish(await desk.one("discord:1", at=now, rules=rules), seconds=100.0, at=now)
            await desk.one("discord:1", seconds=30.0, at=now, rules=rules)

    asyncio.run(fill())
    return here


def found(*words: str) -> dict[str, Any]:
    result = call("quota", *words, "--json")
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_show(ann: Path) -> None:
    result = call("quota", "show", "ann")
    assert (result.exit_code, result.stderr) == (0, "")
    head, seconds, jobs, more = result.stdout.splitlines()
    assert head == "Ann (discord:1), tier default"
    assert seconds == "  GPU seconds  470.0 left of 600: 100.0 used, 30.0 reserved"
    assert jobs == "  jobs         3 left of 5: 2 used"
    assert more.startswith("  more         at 2")
    assert f" 00:00 {zone_of_noon()}, in " in more


def test_show_as_json(ann: Path) -> None:
    answer = found("show", "discord:1")
    assert answer.pop("resets_at") > Clock().now()
    assert answer == {
        "user": "discord:1",
        "name": "Ann",
        "identities": ["discord:1"],
        "known": True,
        "tier": "default",
        "own_limits": False,
        "window": "day",
        "gpu_seconds": {
            "limit": 600.0,
            "left": 470.0,
            "settled": 100.0,
            "reserved": 30.0,
            "granted": 0.0,
            "carried": 0.0,
        },
        "jobs": {"limit": 5, "left": 3, "used": 2},
        "blocked_until": None,
        "blocked_reason": "",
        "notes": [],
    }


def test_somebody_who_was_never_seen(ann: Path) -> None:
    result = call("quota", "show", "telegram:9")
    assert result.stdout.splitlines()[:3] == [
        "telegram:9, tier patron",
        "  not seen yet: this is what will hold",
        "  GPU seconds  unlimited: 0.0 used",
    ]
    assert rows(ann / "data" / "fairbrush.db", "SELECT count(*) FROM users") == [(1,)]


def test_a_rolling_window_says_when_the_first_come_back(ann: Path) -> None:
    (ann / "config.toml").write_text(CONFIG + '[quota]\nwindow = "rolling"\n', encoding="utf-8")
    assert "the first come back at 2" in call("quota", "show", "Ann").stdout


@pytest.mark.parametrize("running", [False, True], ids=["database", "bot"])
def test_changes_by_the_same_rules_with_a_bot_and_without(ann: Path, running: bool) -> None:
    with bot_in_thread(ann) if running else nullcontext():
        granted = call("quota", "grant", "Ann", "600", "--reason", "won the contest")
        assert "1070.0 left of 600: 100.0 used, 30.0 reserved, 600.0 granted" in granted.stdout
        assert found("grant", "ann", "-70.5")["gpu_seconds"]["left"] == 999.5
        own = found("set", "ann", "--seconds", "3600", "--jobs", "unlimited")
        assert (own["own_limits"], own["gpu_seconds"]["limit"], own["jobs"]["limit"]) == (True, 3600.0, None)
        assert found("set", "ann", "--jobs", "0", "--reason", "slow down")["gpu_seconds"]["limit"] == 3600.0
        assert "0 left of 0 of their own: 2 used" in call("quota", "show", "ann").stdout
        assert found("set", "ann", "default")["gpu_seconds"]["limit"] == 600.0
        reset = call("quota", "reset", "ann")
        assert "The jobs of today still count." in reset.stdout
        assert found("show", "ann")["gpu_seconds"]["left"] >= 570.0
    assert ("No bot runs: this was written to the database." in granted.stderr) is not running
    entries = rows(ann / "data" / "fairbrush.db", "SELECT actor, action, detail FROM audit ORDER BY number")
    assert {actor for actor, *_ in entries} == {shell_actor()}
    assert [action for _, action, _ in entries] == [
        "grant",
        "grant",
        "allowance",
        "allowance",
        "allowance: reason",
        "allowance",
        "reset",
    ]
    assert entries[0][2].endswith("won the contest")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grant", "Ann", "0"], "A grant of 0 GPU seconds changes nothing."),
        (["grant", "Ann", "nan"], "is no amount of GPU seconds"),
        (["grant", "Ann", "-inf"], "is no amount of GPU seconds"),
        (["grant", "Ann", "1e300"], "is no amount of GPU seconds"),
        (["grant", "Ann", "lots"], "SECONDS “lots” is no number. Write one like 600."),
        (["grant", "Nobody", "5"], "There is no user “Nobody”"),
        (["grant", "An", "5"], "Did you mean Ann?"),
        (["set", "Ann", "--seconds", "-1"], "is no daily limit"),
        (["set", "Ann", "--seconds", "x"], "--seconds “x” is no number. Write one like 600, or “unlimited”."),
        (["set", "Ann", "--jobs", "2.5"], "is no number of jobs"),
        (["set", "Ann", "--jobs", "1e12"], "is no daily limit"),
        (["show", "discord:x"], "There is no user “discord:x”"),
    ],
    ids=" ".join,
)
def test_refusals_are_the_same_with_a_bot_and_without(ann: Path, words: list[str], says: str) -> None:
    alone = refused("quota", *words)
    assert says in alone
    with bot_in_thread(ann):
        assert refused("quota", *words) == alone
    assert rows(ann / "data" / "fairbrush.db", "SELECT count(*) FROM audit") == [(0,)]


@pytest.mark.parametrize(
    "words",
    [
        ["set", "Ann"],
        ["set", "Ann", "default", "--jobs", "3"],
        ["set", "Ann", "none"],
        ["grant", "Ann"],
        ["grant", "Ann", "5", "--reasn", "x"],
        ["show"],
    ],
    ids=" ".join,
)
def test_wrong_usage(here: Path, words: list[str]) -> None:
    result = call("quota", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: fairbrush quota" in result.stderr
    assert list(here.iterdir()) == []


def test_before_the_first_start(here: Path) -> None:
    result = call("quota", "show", "discord:123")
    assert (result.exit_code, result.stderr) == (
        0,
        f"No bot has run with this data directory yet: {here / 'data'}\n",
    )
    assert "There is no user “Ann”" in refused("quota", "show", "Ann")
    assert list(here.iterdir()) == []
    assert call("quota", "grant", "discord:123", "5").exit_code == 0
    assert found("show", "discord:123")["gpu_seconds"]["granted"] == 5.0


def test_a_name_can_neither_steer_a_terminal_nor_add_lines(here: Path) -> None:
    async def fill() -> None:
        (here / "data").mkdir()
        async with opened(here / "data") as desk:
            await desk.store.person(IdentityId("discord:1"), name="a\nb\x1b[2J\u202e", at=1)

    asyncio.run(fill())
    result = call("quota", "grant", "discord:1", "5")
    assert result.stdout.splitlines()[0] == "a b\N{REPLACEMENT CHARACTER}[2J (discord:1), tier default"
    assert "\x1b" not in result.output
