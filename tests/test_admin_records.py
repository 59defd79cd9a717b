"""What operators look up: usage and the audit log; and what all their cards have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.presentation.actions import Listing, OnPage, mark
from bot.presentation.card_admin_lists import AUDIT_ROWS, USAGE_ROWS, UsageEntry, usage_card
from bot.presentation.card_plain import plain
from bot.service.records import AuditEntry
from tests.admin_support import ADA, ANN, BOB, MO, Office, mention, office


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as found:
        yield found


async def painted(here: Office) -> None:
    for line, asker, seconds in (("a fox", ANN, 2.0), ("an owl --count 2", BOB, 5.0)):
        receipt = await here.ask(line, asker)
        for _ in receipt.accepted.jobs:
            await here.bot.server.until_waiting(1)
            here.bot.server.finish(seconds=seconds)
        await here.bot.until_over(receipt.accepted.request.id)


async def test_usage_by_user_the_most_first(here: Office) -> None:
    await painted(here)
    shown = plain(await here.say("usage"))
    assert "The last 30 days, by user" in shown
    assert "3 pictures, 12 s of GPU time." in shown
    assert shown.index("Bob: 10 s · 2 pictures") < shown.index("Ann: 2 s · 1 picture")
    assert "owl" not in shown


@pytest.mark.parametrize(("by", "row"), [("template", "text-to-image: 12 s"), ("day", "2027-01-15: 12 s")])
async def test_usage_by_template_and_day(here: Office, by: str, row: str) -> None:
    await painted(here)
    shown = plain(await here.say("usage", by=by, days="7"))
    assert f"The last 7 days, by {by}" in shown
    assert row in shown


async def test_usage_counts_only_the_days_that_were_asked_for(here: Office) -> None:
    await painted(here)
    here.bot.clock.advance(3 * 86_400)
    assert "Nothing was asked for" in plain(await here.say("usage", days=2))
    assert "12 s of GPU time" in plain(await here.say("usage", days=4))


@pytest.mark.parametrize("options", [{"by": "colour"}, {"days": "0"}, {"days": "1.5"}, {"days": "9999"}])
async def test_usage_of_no_sense(here: Office, options: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        await here.say("usage", **options)


def test_the_sum_is_of_all_even_where_not_all_are_shown() -> None:
    entries = [UsageEntry(f"user {number}", 1, 0, 0, 2.0) for number in range(USAGE_ROWS + 5)]
    shown = plain(usage_card(entries, by=Text("by user"), days=1))
    assert "20 pictures, 40 s of GPU time." in shown
    assert "and 5 more: 10 s" in shown


async def test_the_log_says_who_did_what_to_whom_how_and_why(here: Office) -> None:
    await here.bot.service.accounts.person(ANN.identity, "Ann")
    await here.say("quota show", user="Ann")
    await here.say("quota set", user="Ann", seconds="60", reason="a test")
    await here.sure("block", user="Ann", duration="2h", reason="floods")
    await here.sure("block", MO, user=mention(ANN), reason="spams")
    await here.bot.service.accounts.person(ADA.identity, "Ada")
    shown = plain(await here.say("audit")).splitlines()
    limits = "60 s of GPU time a day · pictures not limited"
    assert [line.strip() for line in shown[1:]] == [
        "▫️ 2027-01-15 08:00 discord:3 blocked Ann (discord:4): for good in discord:guild:10 · spams",
        "▫️ 2027-01-15 08:00 Ada (discord:1) blocked Ann (discord:4): until 2027-01-15 10:00 UTC · floods",
        "▫️ 2027-01-15 08:00 Ada (discord:1) said why of the limits of Ann (discord:4): a test",
        f"▫️ 2027-01-15 08:00 Ada (discord:1) set the limits of Ann (discord:4): {limits}",
    ]


async def test_the_log_has_pages_the_newest_first(here: Office) -> None:
    await here.bot.service.accounts.person(ANN.identity, "Ann")
    await here.say("tier", user="Ann", tier="patron")
    for number in range(2 * AUDIT_ROWS):
        await here.bot.store.audit(AuditEntry(1_800_000_000_000, "shell:ada", "pause", f"queue {number}"))
    first = plain(await here.say("audit"))
    assert f"paused queue {2 * AUDIT_ROWS - 1}" in first
    assert "Page 1 of 3." in first
    last = plain(await here.press(OnPage(Listing.AUDIT, 2, mark(ADA.identity))))
    assert "set the tier of Ann (discord:4): patron" in last
    assert last == plain(await here.press(OnPage(Listing.AUDIT, 99, mark(ADA.identity))))


@pytest.mark.parametrize(
    ("action", "detail"),
    [
        ("block", "soon and more"),
        ("block", ""),
        ("block", "99999999999999999999 x"),
        ("allowance", "{"),
        ("allowance", "[1]"),
        ("of the future", "{name} **x**"),
    ],
)
async def test_the_log_shows_whatever_stands_there(here: Office, action: str, detail: str) -> None:
    await here.bot.store.audit(AuditEntry(0, "shell:ada", action, "", detail))
    assert "1970-01-01 00:00" in plain(await here.say("audit"))


async def test_an_empty_log(here: Office) -> None:
    assert plain(await here.say("audit")) == "Nothing is in the audit log yet"
