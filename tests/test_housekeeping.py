"""What has been kept long enough is let go; the numbers stay."""

from __future__ import annotations

from pathlib import Path

from bot.domain.jobs import JobState
from bot.service.housekeeping import DAY_MS
from tests.support.service import Bot, bot_at_work


def pictures(bot: Bot) -> list[Path]:
    return [path for path in (bot.settings.data_dir / "pictures").rglob("*") if path.is_file()]


async def painted(bot: Bot, line: str, who: str = "alice") -> str:
    receipt = await bot.ask(line, who)
    await bot.server.until_waiting(1)
    bot.server.finish()
    await bot.until_over(receipt.accepted.request.id)
    return receipt.accepted.request.id


async def test_pictures_and_prompts_go_after_their_days_and_numbers_stay(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 2}) as bot:
        old = await painted(bot, "an old secret --seed 1")
        bot.clock.wall += DAY_MS + DAY_MS // 2
        new = await painted(bot, "a new fox --seed 2")
        assert await bot.service.housekeeping.round() == 0
        bot.clock.wall += DAY_MS
        assert await bot.service.housekeeping.round() == 1
        assert len(pictures(bot)) == 1
        forgotten = await bot.store.request(old)  # type: ignore[arg-type]
        kept = await bot.store.request(new)  # type: ignore[arg-type]
        assert forgotten is not None
        assert kept is not None
        assert "secret" not in str(forgotten.values)
        assert "fox" in str(kept.values)
        assert len(await bot.store.ledger()) == 4
        (row,) = await bot.store.usage("user", since=0, until=bot.clock.wall + 1, timezone="UTC")
        assert row.done == 2


async def test_a_repeat_keeps_its_picture_when_the_first_one_is_forgotten(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 2}) as bot:
        await painted(bot, "a fox --seed 1")
        bot.clock.wall += DAY_MS + DAY_MS // 2
        again = await bot.ask("a fox --seed 1")
        assert again.kept == {again.accepted.jobs[0].id}
        bot.clock.wall += DAY_MS
        assert await bot.service.housekeeping.round() == 0
        ((file,), _) = await bot.store.results(again.accepted.jobs[0].id)
        assert (bot.settings.data_dir / file.file.path).exists()
        bot.clock.wall += 2 * DAY_MS
        assert await bot.service.housekeeping.round() == 1
        assert pictures(bot) == []


async def test_what_is_forgotten_is_painted_again(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 2}) as bot:
        await painted(bot, "a fox --seed 1")
        bot.clock.wall += 3 * DAY_MS
        await bot.service.housekeeping.round()
        again = await bot.ask("a fox --seed 1")
        assert again.kept == frozenset()
        assert again.accepted.jobs[0].state is JobState.QUEUED


async def test_unfinished_requests_are_never_forgotten(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 1}) as bot:
        receipt = await bot.ask("a fox --seed 1")
        bot.clock.wall += 30 * DAY_MS
        await bot.service.housekeeping.round()
        await bot.server.until_waiting(1)
        bot.server.finish()
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.DONE


async def test_more_than_one_batch_goes_in_one_round(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, retention={"pictures_days": 1}) as bot:
        for n in range(5):
            await painted(bot, f"a fox --seed {n}", f"user{n}")
        bot.clock.wall += 3 * DAY_MS
        assert await bot.service.housekeeping.round() == 5
        assert pictures(bot) == []
