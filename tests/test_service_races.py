"""What happens while something else happens: requests that meet a start, a change of models, or an end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import TooManyWaiting
from bot.domain.ids import IdentityId
from bot.domain.jobs import JobState
from bot.presentation.flags import SHELL, parse_line
from bot.service.gate import Asker, Origin
from bot.service.records import Accepted, Draft, EntryKind
from tests.support.service import bot_at_work
from tests.support.templates import catalogue


@dataclass
class Meanwhile:
    """A store during whose writing of a request something else happens."""

    store: Any
    happens: Callable[[], Awaitable[None]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def accept_together(self, drafts: Sequence[Draft]) -> tuple[Accepted, ...]:
        accepted: tuple[Accepted, ...] = await self.store.accept_together(drafts)
        await self.happens()
        return accepted


async def test_models_that_go_while_a_request_is_written_leave_no_job_waiting_for_ever(
    tmp_path: Path,
) -> None:
    async with bot_at_work(tmp_path) as bot:

        async def models_go() -> None:
            bot.state().catalogue = catalogue({"ckpt_name": (), "unet_name": ()})
            await bot.service.dispatcher.relane()

        bot.service.usecases.store = Meanwhile(bot.store, models_go)  # type: ignore[assignment]
        receipt = await bot.ask("a fox --count 2")
        jobs = await bot.until_over(receipt.accepted.request.id)
        assert [(job.state, job.error_code) for job in jobs] == [(JobState.FAILED, "no_server_can")] * 2
        kinds = [entry.kind for entry in await bot.store.ledger()]
        assert kinds.count(EntryKind.RELEASE) == 2
        assert bot.service.dispatcher.known_jobs() == ()


async def test_who_asks_before_any_server_was_heard_of_is_answered_when_one_was(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        bot.state().tried.clear()
        asking = asyncio.create_task(bot.ask("a fox"))
        for _ in range(20):
            await bot.store.counts()
        assert not asking.done()
        bot.state().tried.set()
        receipt = await asking
        await bot.server.until_waiting(1)
        assert receipt.accepted.fresh


async def test_a_private_picture_is_nobody_elses_answer_whichever_way_it_was_said(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path) as bot:
        mine = await bot.ask("a fox --seed 7 --private", "alice")
        assert mine.accepted.request.private
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(mine.accepted.request.id)
        assert (await bot.ask("a fox --seed 7", "bob")).kept == frozenset()
        assert len((await bot.ask("a fox --seed 7", "alice")).kept) == 1


async def test_a_refusal_that_nobody_waits_for_any_more_is_no_stumble(tmp_path: Path) -> None:
    stumbles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: stumbles.append(context))
    async with bot_at_work(tmp_path, tiers={"default": {"max_waiting": 1}}) as bot:
        writing, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Meanwhile):
            async def accept_together(self, drafts: Sequence[Draft]) -> tuple[Accepted, ...]:
                writing.set()
                await go_on.wait()
                return await super().accept_together(drafts)

        bot.service.usecases.store = Slow(bot.store, asyncio.Event().wait)  # type: ignore[assignment]
        asking = asyncio.create_task(bot.ask("a fox --count 2"))
        await writing.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        (task,) = bot.service.usecases._writing
        go_on.set()
        await asyncio.wait([task])
        del task, asking
        await asyncio.sleep(0)
        gc.collect()
    assert stumbles == []


async def test_a_range_of_seeds_is_taken_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, tiers={"default": {"max_waiting": 3}}) as bot:
        asker, origin = Asker(IdentityId("test:alice"), "alice"), Origin("test", "one event")
        with pytest.raises(TooManyWaiting, match="4 pictures at once are too many"):
            await bot.service.usecases.imagine(parse_line("a fox --seed 1-4", SHELL), asker, origin)
        assert not any((await bot.store.counts()).values())
        assert await bot.store.ledger() == ()
        assert bot.service.dispatcher.known_jobs() == ()
        receipts = await bot.service.usecases.imagine(parse_line("a fox --seed 1-3", SHELL), asker, origin)
        assert [job.seed for receipt in receipts for job in receipt.accepted.jobs] == [1, 2, 3]
        again = await bot.service.usecases.imagine(parse_line("a fox --seed 1-3", SHELL), asker, origin)
        assert [one.accepted.request.id for one in again] == [one.accepted.request.id for one in receipts]
        await bot.server.until_waiting(1)
        assert len(bot.service.dispatcher.known_jobs()) == 3
