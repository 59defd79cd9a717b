"""The numbers in charts: those of the ledger, on the operator's days; and the picture made of them."""

from __future__ import annotations

import asyncio
import io
import math
import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from bot.domain.ids import IdentityId
from bot.domain.quota_days import quota_day
from bot.domain.text import Text
from bot.presentation.charts import Chart
from bot.presentation.charts_usage import Use, Waited, usage_chart, waits_chart
from bot.presentation.language import ENGLISH, Language
from bot.service import charts as service
from bot.service.charts import Days, Drawn, Painter, UsageCharts
from bot.service.charts_fonts import Fonts, fitted
from bot.service.charts_picture import WIDTH
from tests.store_support import DAY, HOUR, NOON, Desk, opened

TODAY = date(2026, 11, 22)
ZONES = ["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


# Days


@pytest.mark.parametrize("zone", [*ZONES, "America/Santiago", "Africa/Cairo", "Europe/Berlin"])
@pytest.mark.parametrize("days", [1, 2, 30, 400])
def test_the_last_days_are_whole_days_of_the_operators_calendar(zone: str, days: int) -> None:
    for hours in range(0, 24 * 400, 97):
        now = NOON + hours * HOUR
        found = Days.up_to(now, days, zone)
        assert found.last.isoformat() == quota_day(now, zone)
        assert (found.last - found.first).days == days - 1
        assert quota_day(found.since, zone) == found.first.isoformat()
        assert quota_day(found.since - 1, zone) < found.first.isoformat()
        assert found.until == now + 1


# What the ledger says


@pytest.mark.parametrize("zone", ZONES)
async def test_bars_are_the_ledger_on_the_operators_days(desk: Desk, zone: str) -> None:
    # The night in which New York sets its clocks back is among them.
    start = int(datetime(2026, 10, 31, 12, tzinfo=UTC).timestamp() * 1000)
    wanted: dict[tuple[str, str], float] = {}
    for number in range(24):
        at, who = start + number * 2 * HOUR + 17, f"discord:{number % 3}"
        job = await desk.one(who, at=at)
        await desk.finish(job, at=at + 90_000, seconds=1.25 + number)
        day = datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date().isoformat()
        wanted[day, who] = wanted.get((day, who), 0.0) + 1.25 + number
    await desk.one("discord:7", at=start)  # it waits still, and has used nothing
    days = Days.up_to(start + 3 * DAY, 5, zone)
    period = {"since": days.since, "until": days.until}
    used, _ = await UsageCharts(desk.store, zone).of(days, "user")
    bars = {
        (str(label.words), series.name.other): series.values[number]
        for number, label in enumerate(used.labels)
        for series in used.series
        if series.values[number]
    }
    assert bars == wanted
    table = {row.key: row.gpu_seconds for row in await desk.store.usage("user", timezone=zone, **period)}
    assert {each.name.other: each.total for each in used.series} == {k: v for k, v in table.items() if v}
    (by_template, _) = await UsageCharts(desk.store, zone).of(days, "template")
    rows = await desk.store.usage("template", timezone=zone, **period)
    assert [(each.name.other, each.total) for each in by_template.series] == [
        (r.key, r.gpu_seconds) for r in rows
    ]
    by_day = {row.key: row.gpu_seconds for row in await desk.store.usage("day", timezone=zone, **period)}
    column = {
        str(label.words): math.fsum(s.values[n] for s in used.series) for n, label in enumerate(used.labels)
    }
    assert {day: seconds for day, seconds in column.items() if seconds} == {
        k: v for k, v in by_day.items() if v
    }


async def test_waits_have_a_mean_and_what_95_of_100_did_not_exceed(desk: Desk) -> None:
    await desk.store.person(IdentityId("discord:1"), name="Ann", at=NOON)
    for number in range(1, 41):
        job = await desk.one("discord:1", at=NOON)
        prompt = await desk.stage(job)
        await desk.store.start(prompt, NOON + 1000 * number)
    prompt = await desk.stage(await desk.one("discord:2", at=NOON))
    await desk.store.start(prompt, NOON + 500)
    await desk.one("discord:3", at=NOON)
    found = {each.user: each for each in await desk.store.waits(since=NOON, until=NOON + 1)}
    assert set(found) == {"discord:1", "discord:2"}
    ann, bob = found["discord:1"], found["discord:2"]
    assert (ann.name, ann.jobs, ann.mean, ann.p95) == ("Ann", 40, 20.5, 38.0)
    assert (bob.name, bob.jobs, bob.mean, bob.p95) == ("discord:2", 1, 0.5, 0.5)
    assert await desk.store.waits(since=NOON + 1, until=NOON + 2) == ()


# Letters


def test_a_name_that_no_font_can_show_gives_way_to_the_account() -> None:
    none = Fonts(())
    assert none.drawable("Ann", "discord:1", size=24)[0] == "Ann"
    for name in ("陈大文", "Бобби", "مريم", "👩\u200d🚀", "\U0001fae8", "", " \u202e "):
        assert none.drawable(name, "discord:1", size=24)[0] == "discord:1", name
    assert none.drawable("陈", "文", size=24)[0] == ""


def test_a_name_loses_the_emoji_that_no_font_has() -> None:
    assert Fonts(()).drawable("🎨 Ann 🔥", "discord:1", size=24)[0] == "Ann"


def test_the_systems_fonts_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "Nonesuch-Regular.ttf").write_bytes(b"\x00\x01\x00\x00")
    fonts = Fonts((tmp_path, tmp_path / "is not there"))
    assert fonts.drawable("Бобби", "discord:1", size=24)[0] == "discord:1"
    system = Fonts()
    shown, font = system.drawable("Zoë Бобби", "discord:1", size=24)
    assert shown in ("Zoë Бобби", "discord:1")
    assert font.getlength(shown) > 0


@pytest.mark.parametrize(
    "name", ["\u202eevil\u202c", "a\u2066b\u2069", "x" + "\u0301" * 50, "\ud800", "a\x00b\n"]
)
def test_names_cannot_turn_or_blot_what_is_around_them(name: str) -> None:
    shown, _ = Fonts().drawable(name, "discord:1", size=24)
    assert all(unicodedata.category(letter) not in {"Cf", "Cc", "Cs"} for letter in shown)
    assert len(shown) < 12


def test_long_names_end_in_an_ellipsis() -> None:
    _, font = Fonts().drawable("W", size=24)
    cut = fitted("W" * 400, font, 200)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 200
    assert fitted("W", font, 0.5) == "…"


# Pictures

NAMES = (
    *("Ann", "陈大文的画室", "🎨🔥 Бобби", "K" + "onstantin" * 9, "مريم العلي", "👨\u200d👩\u200d👧"),
    *("\u202eevil\u202c <b>*x*</b>", "นภา", "שלום עולם"),
)


def charts_of(uses: list[Use], waits: list[Waited], days: int) -> tuple[Chart, ...]:
    used = usage_chart(uses, first=TODAY - timedelta(days=days - 1), last=TODAY, by=Text("by user"))
    waited = waits_chart(waits)
    assert used is not None
    assert waited is not None
    return used, waited


def many() -> tuple[Chart, ...]:
    uses = [
        Use(TODAY - timedelta(days=day), f"discord:{n}", NAMES[n], float(1 + (day * 31 + n * 17) % 97))
        for day in range(30)
        for n in range(9)
    ]
    return charts_of(uses, [Waited(f"discord:{n}", NAMES[n], 3.0 + n, 40.0 + n) for n in range(9)], 30)


def one() -> tuple[Chart, ...]:
    return charts_of([Use(TODAY, "discord:1", "Ann", 42.5)], [Waited("discord:1", "Ann", 2.0, 4.0)], 1)


def huge() -> tuple[Chart, ...]:
    uses = [Use(TODAY - timedelta(days=n), f"discord:{n}", NAMES[n], 9.2e12 / 10**n) for n in range(9)]
    return charts_of(uses, [Waited("discord:1", "Ann", 9e12, 9.2e12), Waited("discord:2", "Bob", 0, 0)], 3650)


PAINTER = Painter()


@pytest.mark.parametrize("charts", [one(), many(), huge()], ids=["one", "many", "huge"])
async def test_pictures_are_small_in_bytes_and_no_larger_than_telegram_shows(
    charts: tuple[Chart, ...],
) -> None:
    file = await Drawn(charts, PAINTER).picture(ENGLISH)
    assert file is not None
    assert file.is_picture
    assert len(file.content) <= 200_000
    assert "in all. Most by " in file.alt
    assert len(file.alt) <= 1024
    with Image.open(io.BytesIO(file.content)) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "RGB"  # a ground of its own
        assert picture.width == WIDTH
        assert picture.height <= WIDTH


async def test_each_piece_of_a_column_has_the_height_of_its_share() -> None:
    chart = usage_chart(
        [Use(TODAY, "discord:1", "Ann", 30.0), Use(TODAY, "discord:2", "Bob", 10.0)],
        first=TODAY,
        last=TODAY,
        by=Text("by user"),
    )
    assert chart is not None
    png = await PAINTER.png((chart,), ENGLISH)
    assert png is not None
    with Image.open(io.BytesIO(png)) as picture:
        middle = [picture.getpixel((WIDTH * 27 // 50, y)) for y in range(picture.height)]
    heights = []
    for series in chart.series:
        colour = tuple(int(series.hue.light[n : n + 2], 16) for n in (1, 3, 5))
        heights.append(middle.count(colour))
    assert heights[0] == pytest.approx(270, abs=3)
    assert heights[1] == pytest.approx(90, abs=3)


async def test_words_in_a_language_that_cannot_be_shown_stay_english(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def noted(self: Fonts, *choices: str, size: int) -> object:
        found = plain(self, *choices, size=size)
        drawn.append(found[0])
        return found

    plain = Fonts.drawable
    monkeypatch.setattr(Fonts, "drawable", noted)
    chinese = Language("zh-CN", gettext=lambda _: "用量", ngettext=lambda *_: "用量")
    assert await Painter(Fonts(())).png(one(), chinese) is not None
    assert "GPU time a day, by user" in drawn
    assert "用量" not in drawn


async def test_several_are_painted_one_after_the_other() -> None:
    made = await asyncio.gather(*(PAINTER.png(one(), ENGLISH) for _ in range(3)))
    assert made[0] is not None
    assert set(made) == {made[0]}


async def test_a_picture_that_cannot_be_made_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise OSError("no fonts today")

    monkeypatch.setattr(service, "png_of", fails)
    assert await Drawn(one(), PAINTER).picture(ENGLISH) is None
