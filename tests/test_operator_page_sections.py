"""The sections of the operator's page: jobs, usage, people, the log."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from bot.chat.web.operator import audit, jobs, usage
from bot.chat.web.operator.svg import HUE_CLASSES, WIDTH, drawn
from bot.chat.web.pages import static_url
from bot.domain.errors import GraphRejected
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.presentation.charts import Layout
from bot.presentation.charts_usage import Waited, waits_chart
from bot.service.records import UsageRow
from tests.operator_page_support import Page, Visit, visited


async def painted(visit: Visit, line: str, who: str = "alice", seconds: float = 3.0) -> RequestId:
    receipt = await visit.bot.ask(line, who=who)
    for _ in receipt.accepted.jobs:
        await visit.bot.server.until_waiting(1)
        visit.bot.server.start()
        visit.bot.clock.advance(seconds)
        visit.bot.server.finish(seconds)
    await visit.bot.until_over(receipt.accepted.request.id)
    return receipt.accepted.request.id


def ids(page: Page) -> list[str]:
    return re.findall(r'aria-label="Request (\w+)"', page.html)


# Jobs


async def test_what_became_of_requests_is_shown_with_pictures_and_reasons(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        done = await painted(visit, "a lighthouse")
        receipt = await visit.bot.ask("a harbour", who="bob")
        await visit.bot.server.until_waiting(1)
        visit.bot.server.fail(GraphRejected(Text("The node KSampler is broken."), ()), 1.0)
        await visit.bot.until_over(receipt.accepted.request.id)
        waiting = (await visit.bot.ask("a bridge", who="carol")).accepted.request.id
        page = await visit.get("/operator/jobs")
        assert ids(page) == [waiting, receipt.accepted.request.id, done]
        assert f'src="/thumbs/{done}/1/0"' in page.html
        assert "3 s of GPU time" in page.text
        assert "The node KSampler is broken. graph_rejected" in page.text
        # Words stand behind a click.
        assert re.search(r"<details><summary>What was asked for</summary><p[^>]*>a lighthouse<", page.html)
        assert ids(await visit.get("/operator/jobs?state=failed")) == [receipt.accepted.request.id]
        assert ids(await visit.get("/operator/jobs?state=done&user=ALI")) == [done]
        assert ids(await visit.get("/operator/jobs?state=open")) == [waiting]
        assert "There is nothing like that." in (await visit.get("/operator/jobs?user=nobody")).text
        one = await visit.get(f"/operator/jobs/{done}-1")
        assert [done] == ids(one)
        assert "is painted" in one.text
        missing = await visit.get("/operator/jobs/nothing")
        assert (missing.status, "There is no request nothing." in missing.text) == (404, True)


async def test_what_is_private_is_veiled_until_wanted(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await painted(visit, "a secret --private")
        page = await visit.get("/operator/jobs")
        assert re.search(r'<details class="op-veil"><summary><img src="/thumbs/', page.html)
        assert 'class="op-thumb"' not in page.html


async def test_older_requests_are_a_page_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "A_PAGE", 2)
    async with visited(tmp_path) as visit:
        made = [(await visit.bot.ask("a lighthouse")).accepted.request.id for _ in range(3)]
        page = await visit.get("/operator/jobs")
        assert ids(page) == made[:0:-1]
        older = re.search(r'href="(/operator/jobs\?[^"]*before=\d+)"', page.html)
        assert older is not None
        assert ids(await visit.get(older[1].replace("&amp;", "&"))) == made[:1]


# Usage


async def test_usage_is_drawn_and_told_in_numbers(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await painted(visit, "a lighthouse", "alice", 3.0)
        await painted(visit, "a harbour", "bob", 10.0)
        for by in ("user", "template", "day"):
            page = await visit.get(f"/operator/usage?by={by}&days=7")
            assert page.status == 200
            assert "<svg" in page.html
            assert "The same in numbers" in page.text
            assert "All 2 2 0 0 13 s" in page.text
        page = await visit.get("/operator/usage")
        assert "Most by bob" in page.text  # for whoever cannot see the chart
        assert "alice 1 1 0 0 3 s" in page.text
        odd = await visit.get("/operator/usage?by=nonsense&days=99999999999")
        assert (odd.status, "alice 1 1" in odd.text) == (200, True)


async def test_usage_can_be_taken_home(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await painted(visit, "a lighthouse", "=HYPERLINK(1)", 3.0)
        page = await visit.get("/operator/usage.csv?by=user&days=7")
        assert page.headers["Content-Type"].startswith("text/csv")
        assert "attachment" in page.headers["Content-Disposition"]
        (row,) = csv.DictReader(io.StringIO(page.html.removeprefix("\ufeff")))
        assert row["user"] == "'=HYPERLINK(1)"
        assert (row["jobs"], row["gpu_seconds"]) == ("1", "3.000")


def test_no_name_is_a_formula() -> None:
    for name in ("=1+1", "+1", "-1", "@x", "\tx"):
        (_, row) = csv.reader(io.StringIO(usage.as_csv("user", [UsageRow(name, 1, 1, 0, 0, 1.0, 0.0, 0.0)])))
        assert row[0] == f"'{name}"


def test_an_empty_time_is_said_to_be() -> None:
    assert waits_chart([]) is None


async def test_nothing_used_is_said(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        assert "Nothing was asked for in this time." in (await visit.get("/operator/usage")).text


async def test_the_style_sheet_has_the_colours_of_charts(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        sheet = (await visit.get(static_url("operator.css"))).html
        light, _, dark = sheet.partition(".hue-rest")
        light, dark = sheet[: sheet.index("@media", sheet.index(".hue-0"))], dark[dark.index("@media") :]
        for hue, name in HUE_CLASSES.items():
            assert f".{name} {{ fill: {hue.light}; }}" in light
            assert f".{name} {{ fill: {hue.dark}; }}" in dark


def test_bars_are_as_long_as_what_they_say() -> None:
    chart = waits_chart([Waited("a", "Ann", 5.0, 10.0), Waited("b", "Bob", 2.5, 5.0)])
    assert chart is not None
    assert chart.layout is Layout.BARS
    bars = drawn(chart).bars
    longest = max(bar.width for bar in bars)
    assert sorted(round(bar.width / longest, 2) for bar in bars) == [0.25, 0.5, 0.5, 1.0]
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in bars)


# People


async def test_people_are_listed_and_searched(tmp_path: Path) -> None:
    async with visited(tmp_path, tiers={"default": {"gpu_seconds_per_day": 100}}) as visit:
        await painted(visit, "a lighthouse", "alice", 3.0)
        await visit.bot.ask("a harbour", who="bob")
        page = await visit.get("/operator/people")
        assert "alice test:alice default 3 s 97 s" in page.text
        assert "bob" in page.text
        found = await visit.get("/operator/people?search=ALI")
        assert ("alice" in found.text, "bob" in found.text) == (True, False)
        nobody = await visit.get("/operator/people?search=discord:77")
        assert 'href="/operator/people/discord%3A77"' in nobody.html or "discord:77</a>" in nobody.html
        prepared = await visit.get("/operator/people/discord:77")
        assert (prepared.status, "Not seen yet" in prepared.text) == (200, True)
        assert (await visit.get("/operator/people/nobody")).status == 404


async def test_what_is_decided_about_somebody_holds_and_is_written_down(tmp_path: Path) -> None:
    tiers = {"default": {"gpu_seconds_per_day": 100, "jobs_per_day": 9}, "patron": {"weight": 2.0}}
    async with visited(tmp_path, tiers=tiers) as visit:
        await painted(visit, "a lighthouse", "alice", 3.0)
        at, user = "/operator/people/test:alice", "test:alice"
        done = await visit.do("quota grant", back=at, user=user, seconds="50", reason="a contest")
        assert "50 s of GPU time given to alice, for today" in done.text
        assert "/operator/people/test:alice?told=" in done.url
        assert "3 s used, 147 s left of 100 s" in done.text
        assert "“lots” is no number" in (await visit.do("quota grant", user=user, seconds="lots")).text
        await visit.do("quota set", back=at, user=user, seconds="unlimited", jobs="3")
        page = await visit.get(at)
        assert "3 s used, not limited" in page.text
        assert "2 left of 3 of their own" in page.text
        await visit.do("quota set", back=at, user=user, default="on")
        await visit.do("tier", back=at, user=user, tier="patron")
        assert "Tier patron" in (await visit.get(at)).text
        asked = await visit.do("block", back=at, user=user, duration="12h", reason="spam")
        assert "Are you sure?" in asked.text
        blocked = await visit.answer(asked, yes=True)
        assert "They are told the reason." in blocked.text
        assert "spam" in (await visit.get(at)).text
        assert "until" in (await visit.get("/operator/people")).text
        await visit.do("unblock", back=at, user=user)
        reset = await visit.answer(await visit.do("quota reset", back=at, user=user), yes=True)
        assert "begins anew" in reset.text
        actions = [entry.action for entry in await visit.bot.store.audit_log()]
        assert actions[::-1] == ["grant", "allowance", "allowance", "tier", "block", "unblock", "reset"]
        log = await visit.get("/operator/audit")
        assert "granted GPU time to alice (test:alice)" in log.text
        assert "a contest" in log.text


# The log


async def test_the_log_is_searched_and_turned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "A_PAGE", 2)
    async with visited(tmp_path) as visit:
        await visit.bot.ask("a lighthouse", who="alice")
        for number in range(3):
            await visit.do("quota grant", user="test:alice", seconds=f"{number + 1}")
        page = await visit.get("/operator/audit")
        assert ("3 s on" in page.text, "1 s on" in page.text) == (True, False)
        older = await visit.get(_older(page))
        assert ("1 s on" in older.text, "3 s on" in older.text) == (True, False)
        assert "3 s on" in (await visit.get("/operator/audit?subject=ALICE&actor=web")).text
        assert "There is nothing like that." in (await visit.get("/operator/audit?subject=bob")).text


def _older(page: Page) -> str:
    found = re.search(r'href="(/operator/audit\?[^"]*before=\d+)"', page.html)
    assert found is not None
    return found[1].replace("&amp;", "&")
