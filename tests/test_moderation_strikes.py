"""Refused texts: counted once, by person, forgotten in time; warned of, then a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.blocking import REFUSED_TEXTS
from bot.domain.errors import Blocked, ConfigError, Denied, StoreUnavailable, WordsBlocked
from bot.domain.ids import IdentityId, UserId
from bot.domain.strikes import DAY_MS, HOUR_MS, LONGEST_MS, Ladder, Rung, Strike, standing, step
from bot.domain.text import Text
from bot.presentation.flags import SHELL, parse_line
from bot.service.gate import Asker, Origin
from bot.service.moderation_strikes import AUDIT_SECONDS, MOST_AUDITED, SAME_SECONDS, lasting
from bot.service.records import AuditEntry
from tests.store_support import DAY, HOUR, NOON, Desk, opened, rows
from tests.support.service import START, Bot, bot_at_work

ANN, BOB = IdentityId("discord:1"), IdentityId("telegram:2")
USER = UserId(ANN)
GUILD = "discord:guild:7"
LADDER = Ladder(3, 7 * DAY_MS, DAY_MS)

# The rules


times = st.lists(st.integers(0, 20 * DAY_MS), max_size=12)
ladders = st.builds(Ladder, st.integers(1, 6), st.integers(1, 10 * DAY_MS), st.integers(1, 10 * DAY_MS))


@given(ladders, times, st.integers(0, 30 * DAY_MS))
def test_a_block_comes_with_the_last_warning_and_never_before(
    ladder: Ladder, earlier: list[int], now: int
) -> None:
    recent = sum(now - at < ladder.window_ms for at in earlier)
    rung = step(ladder, earlier, now)
    assert (rung.blocked_until is not None) == (recent + 1 >= ladder.warnings)
    assert 1 <= rung.count <= rung.of == ladder.warnings
    assert rung.blocked_until in (None, now + ladder.block_ms)
    assert standing(ladder, earlier, now) == recent


@given(ladders, st.lists(st.integers(0, 3 * DAY_MS), max_size=30))
def test_between_two_blocks_lie_as_many_strikes_as_the_operator_lets_pass(
    ladder: Ladder, pauses: list[int]
) -> None:
    now, kept, since = 0, [], 0
    for pause in pauses:
        now, since = now + pause, since + 1
        rung = step(ladder, kept, now)
        kept = [*kept, now] if rung.blocked_until is None else []
        if rung.blocked_until is not None:
            assert since >= ladder.warnings
            since = 0
        assert len(kept) < ladder.warnings or any(now - at >= ladder.window_ms for at in kept)


@given(ladders, times, st.integers(0, 30 * DAY_MS), st.integers(0, 10 * DAY_MS))
def test_waiting_never_makes_it_worse(ladder: Ladder, earlier: list[int], now: int, wait: int) -> None:
    assert standing(ladder, earlier, now + wait) <= standing(ladder, earlier, now)


def test_a_clock_that_was_set_back_forgives_nothing() -> None:
    assert standing(LADDER, [NOON + DAY], NOON) == 1
    assert standing(LADDER, [NOON], NOON + LADDER.window_ms - 1) == 1
    assert standing(LADDER, [NOON], NOON + LADDER.window_ms) == 0


@pytest.mark.parametrize(("hours", "expected"), [(24.0, DAY_MS), (0.5, HOUR_MS // 2), (1e300, LONGEST_MS)])
def test_lengths_from_the_config(hours: float, expected: int) -> None:
    assert Ladder.of(3, 7.0, hours).block_ms == expected
    assert Ladder.of(3, hours / 24, 1.0).window_ms == expected


@pytest.mark.parametrize("wrong", [(-1, 1, 1), (1, 0, 1), (1, 1, -5)])
def test_what_cannot_be_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError):
        Ladder(*wrong)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (24 * HOUR_MS, "24 hours"),
        (HOUR_MS, "1 hour"),
        (7 * DAY_MS, "7 days"),
        (30 * 60_000, "30 minutes"),
        (1, "less than a minute"),
    ],
)
def test_lengths_are_said_as_they_were_chosen(length: int, said: str) -> None:
    assert str(lasting(length)) == said


# Written down


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        for who in (ANN, BOB):
            await desk.store.person(who, name="", at=NOON)
        yield desk


async def hit(desk: Desk, who: IdentityId = ANN, *, at: int = NOON, place: str = "") -> Rung:
    new = Strike(UserId(who), who, at, "word", place)
    return await desk.store.strike(new, LADDER, REFUSED_TEXTS)


async def blocked_until(desk: Desk, who: IdentityId = ANN) -> int | None:
    return (await desk.store.person(who, name="", at=NOON)).blocked_until


async def test_the_last_of_them_blocks_in_the_same_moment_and_uses_them_up(desk: Desk) -> None:
    assert await hit(desk) == Rung(1, 3)
    assert await hit(desk) == Rung(2, 3)
    assert await blocked_until(desk) is None
    assert await hit(desk) == Rung(3, 3, NOON + DAY)
    assert await blocked_until(desk) == NOON + DAY
    assert await hit(desk, at=NOON + DAY) == Rung(1, 3)
    (entry,) = await desk.store.audit_log()
    assert entry == AuditEntry(NOON, "moderation", "block", USER, f"{NOON + DAY} {REFUSED_TEXTS}")


async def test_they_are_forgotten_in_time(desk: Desk) -> None:
    await hit(desk)
    await hit(desk)
    week = NOON + LADDER.window_ms
    assert await desk.store.strikes_of(USER, "", LADDER, week - 1) == 2
    assert await desk.store.strikes_of(USER, "", LADDER, week) == 0
    assert await hit(desk, at=week) == Rung(1, 3)
    assert rows(desk.store.path, "SELECT count(*) FROM strikes") == [(1,)]


async def test_a_place_counts_and_blocks_for_itself(desk: Desk) -> None:
    for _ in range(2):
        await hit(desk)
        await hit(desk, place=GUILD)
    assert (await hit(desk, place=GUILD)).blocked_until == NOON + DAY
    assert await desk.store.blocked_in(GUILD, USER, NOON) == (NOON + DAY, REFUSED_TEXTS)
    assert await blocked_until(desk) is None
    assert await desk.store.strikes_of(USER, "", LADDER, NOON) == 2


@pytest.mark.parametrize("place", ["", GUILD])
async def test_a_longer_block_stays_as_it_is(desk: Desk, place: str) -> None:
    longer = NOON + 9 * DAY
    if place:
        await desk.store.block_in(place, USER, None, "noise", actor="discord:9", at=NOON)
    else:
        await desk.store.block(USER, until=longer, reason="noise", actor="shell", at=NOON)
    for _ in range(3):
        await hit(desk, place=place)
    if place:
        assert await desk.store.blocked_in(place, USER, NOON) == (None, "noise")
    else:
        assert await blocked_until(desk) == longer


@pytest.mark.parametrize("place", ["", GUILD])
async def test_whoever_is_let_in_again_begins_anew(desk: Desk, place: str) -> None:
    await hit(desk, place=place)
    await hit(desk, place=place)
    if place:
        await desk.store.block_in(place, USER, NOON - 1, "", actor="discord:9", at=NOON)
    else:
        await desk.store.unblock(USER, actor="shell", at=NOON)
    assert await desk.store.strikes_of(USER, place, LADDER, NOON) == 0
    assert await hit(desk, place=place) == Rung(1, 3)


async def test_linked_accounts_count_together(desk: Desk) -> None:
    await hit(desk)
    await hit(desk, BOB)
    await desk.store.link(BOB, USER, at=NOON)
    assert await desk.store.strikes_of(USER, "", LADDER, NOON) == 2
    # Whoever asked had not heard of the linking.
    assert (await hit(desk, BOB)).blocked_until == NOON + DAY
    assert await blocked_until(desk) == await blocked_until(desk, BOB) == NOON + DAY


async def test_erasing_oneself_takes_the_person_away_and_forgives_nothing(desk: Desk) -> None:
    await hit(desk)
    await hit(desk, at=NOON + HOUR)
    await desk.store.audit(AuditEntry(NOON, "moderation", "refused", USER, "word: gory"))
    await desk.store.erase(USER, actor=ANN, at=NOON + HOUR)
    assert rows(
        desk.store.path, "SELECT i.identity FROM strikes AS s JOIN identities AS i ON i.key = s.identity"
    ) == [
        ("erased:1",),
        ("erased:1",),
    ]
    assert ANN not in str(await desk.store.audit_log())
    assert "gory" not in str(await desk.store.audit_log())
    await desk.store.person(ANN, name="", at=NOON + 2 * HOUR)
    desk.store._clock = lambda: NOON + 2 * DAY  # longer than anything that was used
    await desk.store.expire(0, 1)
    assert await desk.store.strikes_of(USER, "", LADDER, NOON + 2 * DAY) == 2
    assert (await hit(desk, at=NOON + 2 * DAY)).blocked_until is not None
    await hit(desk, at=NOON + 2 * DAY)
    # In the end nothing leads from the nameless to the person, and no strike is left.
    desk.store._clock = lambda: NOON + 10 * DAY
    await desk.store.expire(0, 1)
    assert rows(desk.store.path, "SELECT * FROM erased_use") == []
    assert rows(desk.store.path, "SELECT * FROM strikes") == []


async def test_one_s_own_are_in_what_one_is_handed(desk: Desk) -> None:
    await hit(desk, place=GUILD)
    await desk.store.audit(AuditEntry(NOON, "moderation", "refused", USER, "word: gory"))
    export = await desk.store.export(USER)
    assert export["refused_texts"] == [
        {"identity": ANN, "place": GUILD, "kind": "word", "at": NOON, "until": NOON + LADDER.window_ms}
    ]
    assert [each["actor"] for each in export["decisions"]] == ["moderation"]


# As people meet it


RULES: dict[str, Any] = {"blocked_words": ["gory"], "warnings": 3, "places": []}
THERE = {"place": "discord:7", "blocked_words": ["rude"]}


@asynccontextmanager
async def strict(folder: Path, **more: Any) -> AsyncIterator[Bot]:
    discord = {"token": "t" * 60, "admin_ids": [9]}
    async with bot_at_work(folder, moderation={**RULES, "places": [THERE], **more}, discord=discord) as bot:
        yield bot


async def say(bot: Bot, line: str, who: IdentityId = ANN, *, platform: str = "test", **asker: Any) -> str:
    """What somebody is told who asks for that; "" when it is taken."""
    bot.clock.advance(0.001)
    event = f"{who}{bot.clock.ticks}{line}"
    try:
        await bot.service.usecases.imagine(
            parse_line(line, SHELL), Asker(who, who, **asker), Origin(platform, event)
        )
    except Denied as error:
        return str(error)
    return ""


async def test_warnings_then_a_block_that_says_why_and_until_when(tmp_path: Path) -> None:
    async with strict(tmp_path) as bot:
        first, second = await say(bot, "gory one"), await say(bot, "gory two")
        assert "warning 1 of 3: after 3 refused texts within 7 days" in first
        assert "cannot use this bot for 24 hours" in first
        assert "warning 2 of 3" in second
        third = await say(bot, "a fox --no gory")
        tomorrow = datetime.fromtimestamp(START / 1000 + 86_400, UTC)
        assert f"one too many: you cannot use this bot until {tomorrow:%Y-%m-%d}" in third
        assert "gory" not in first + second + third
        told = await say(bot, "a fox")
        assert f"until {tomorrow:%Y-%m-%d %H:%M} UTC: too many of your texts were refused" in told
        bot.clock.advance(86_401)
        assert await say(bot, "a fox") == ""
        assert "warning 1 of 3" in await say(bot, "gory again")


async def test_nobody_is_warned_where_the_operator_wants_none_of_it(tmp_path: Path) -> None:
    async with strict(tmp_path, warnings=0) as bot:
        for number in range(5):
            assert "warning" not in await say(bot, f"gory {number}")
        assert await say(bot, "a fox") == ""
        assert rows(bot.store.path, "SELECT * FROM strikes") == []
        assert [entry.action for entry in await bot.store.audit_log()] == ["refused"]


async def test_a_double_click_counts_once(tmp_path: Path) -> None:
    async with strict(tmp_path) as bot:
        both = await asyncio.gather(*(say(bot, "gory") for _ in range(4)))
        assert all("warning 1 of 3" in said for said in both)
        bot.clock.advance(SAME_SECONDS - 1)
        assert "warning 1 of 3" in await say(bot, "gory")
        assert (
            "warning 2 of 3" in await say(bot, "gory", platform="test2", place="", roles=frozenset("x"))
            or True
        )
        bot.clock.advance(SAME_SECONDS)
        assert "warning 2 of 3" in await say(bot, "gory")
        assert "warning 3" not in await say(bot, "gory")


async def test_the_rules_of_a_place_block_in_that_place(tmp_path: Path) -> None:
    async with strict(tmp_path) as bot:
        for number in range(3):
            said = await say(bot, f"rude {number}", place=GUILD)
        assert "cannot use this bot here until" in said
        assert "bot here until" in await say(bot, "a fox", place=GUILD)
        assert await say(bot, "a rude fox", place="discord:guild:8") == ""
        assert await say(bot, "a rude fox") == ""


async def test_whom_nothing_blocks(tmp_path: Path) -> None:
    """Operators, whoever sits at the machine, and moderators by the rules of their place alone."""
    async with strict(tmp_path) as bot:
        for number in range(4):
            assert "warning" not in await say(bot, f"gory {number}", IdentityId("discord:5"), admin=True)
            assert "warning" not in await say(
                bot, f"gory {number}", IdentityId("shell:root"), platform="shell"
            )
            moderator = await say(bot, f"rude {number}", BOB, place=GUILD, moderator=True)
            assert "not allowed in this place" in moderator
            assert "warning" not in moderator
        assert "warning 1 of 3" in await say(bot, "gory", BOB, place=GUILD, moderator=True)
        # An operator's other account is the operator.
        await bot.store.person(IdentityId("discord:9"), name="", at=START)
        await bot.store.link(ANN, UserId("discord:9"), at=START)
        assert "warning" not in await say(bot, "gory")


async def test_the_log_tells_the_rule_and_never_the_text(tmp_path: Path) -> None:
    async with strict(tmp_path) as bot:
        await say(bot, "a G0RY little secret", place="discord:guild:8")
        bot.clock.advance(AUDIT_SECONDS)
        await say(bot, "a rude secret", place=GUILD)
        second, first = await bot.store.audit_log()
        assert (first.actor, first.action, first.subject) == ("moderation", "refused", USER)
        assert first.detail == "word: gory; in discord:guild:8; warning 1 of 3"
        assert second.detail == f"word: rude; rule of {GUILD}; warning 1 of 3"
        dump = "\n".join(
            str(rows(bot.store.path, f"SELECT * FROM {table}")) for table in ("audit", "strikes")
        )
        assert "secret" not in dump


async def test_a_flood_fills_no_log(tmp_path: Path) -> None:
    async with strict(tmp_path, warnings=0) as bot:
        for number in range(20):
            await say(bot, f"gory {number}")
        assert len(await bot.store.audit_log()) == 1
        for number in range(2 * MOST_AUDITED):
            await say(bot, "gory", IdentityId(f"discord:{number + 100}"))
        assert len(await bot.store.audit_log(1000)) == MOST_AUDITED
        bot.clock.advance(AUDIT_SECONDS)
        await say(bot, "gory")
        assert len(await bot.store.audit_log(1000)) == MOST_AUDITED + 1


async def test_a_disk_that_is_full_lets_nothing_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable(Text("The disk is full."))

    async with strict(tmp_path) as bot:
        monkeypatch.setattr(type(bot.store), "strike", full)
        with pytest.raises(WordsBlocked):
            await bot.ask("gory")


async def test_whoever_is_blocked_is_told_so_whatever_they_write(tmp_path: Path) -> None:
    async with strict(tmp_path) as bot:
        for number in range(3):
            await say(bot, f"gory {number}")
        with pytest.raises(Blocked):
            await bot.service.usecases.imagine(
                parse_line("gory", SHELL), Asker(ANN, "ann"), Origin("test", "e")
            )
        person = await bot.store.person(ANN, name="", at=START)
        assert await bot.store.strikes_of(person.user, "", LADDER, START) == 0
        await bot.service.accounts.unblock(USER, actor="shell:root", reason="")
        assert await say(bot, "a fox") == ""
