"""The reporter with a screen that the test plays by hand, over the whole service."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.app.service import Service
from bot.config import Settings
from bot.domain.errors import StoreUnavailable
from bot.domain.events import Previewed, Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import DeliveryState, JobState
from bot.domain.text import Text
from bot.domain.throttle import Gone, Importance, Refusal, RetryAfter, Route, Transient, discord_policy
from bot.presentation.card_situation import Offers
from bot.presentation.cards import CardState
from bot.service import courier
from bot.service.clock import Clock
from bot.service.records import RequestRecord
from bot.service.reporter import PATIENCE, Reporter
from bot.service.screens import Shown
from bot.service.watched import Watched
from tests.support.service import Bot, bot_at_work

DELIVERED = courier.Sent("there")


@dataclass
class Stage:
    """A platform: what was shown in which reply, and what it answers."""

    platform: str = "test"
    shown: list[tuple[str, Shown]] = field(default_factory=list)
    delivered: list[tuple[str, Shown]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    answer: Callable[[Shown], Awaitable[Refusal | None]] | None = None
    outcome: Callable[[RequestRecord], Awaitable[courier.Outcome | Refusal]] | None = None
    kind: str = "token"

    def route(self, request: RequestRecord, now: int) -> Route | None:  # noqa: ARG002
        return None if request.reply is None else Route(self.kind, request.reply)

    def cost(self, shown: Shown) -> int:  # noqa: ARG002
        return 1

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        self.shown.append((str(request.reply), shown))
        return None if self.answer is None else await self.answer(shown)

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        self.delivered.append((str(request.reply), shown))
        return DELIVERED if self.outcome is None else await self.outcome(request)

    def offers(self, request: RequestRecord) -> Offers:  # noqa: ARG002
        return Offers()

    def forget(self, request: RequestRecord) -> None:
        self.forgotten.append(str(request.reply))


@dataclass
class Play:
    bot: Bot
    stage: Stage
    reporter: Reporter

    async def asked(self, reply: str = "r1") -> RequestRecord:
        request = (await self.bot.ask("a fox", f"who likes {reply}", reply=reply)).accepted.request
        self.reporter.follow(request)
        return request

    async def until(self, met: Callable[[], object], step: float = 0.2) -> None:
        async with asyncio.timeout(10):
            while not met():
                self.bot.clock.advance(step)
                self.bot.service.courier.nudge()
                self.reporter._changed.set()
                await asyncio.sleep(0.002)


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(tmp_path) as found:
        yield found


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Play]:
    stage = Stage()
    made: list[Reporter] = []

    def parts(_: Settings, service: Service, clock: Clock) -> Any:
        reporter = Reporter(
            stage,
            discord_policy(),
            store=service.store,
            dispatcher=service.dispatcher,
            streams=service.operator.streams,
            title_of=lambda request: request.template,
            clock=clock,
        )
        made.append(reporter)
        service.courier.register("test", reporter)
        return {"cards": reporter.run}

    async with bot_at_work(folder, parts=parts) as bot:
        yield Play(bot, stage, made[0])


def states(stage: Stage) -> list[CardState]:
    return [shown.card.state for _, shown in stage.shown]


async def test_from_the_first_words_to_the_result(play: Play) -> None:
    await play.asked()
    await play.until(lambda: play.stage.shown)
    await play.bot.server.until_waiting(1)
    run = play.bot.server.start()
    assert run.on_event is not None
    run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
    run.on_event(Previewed(b"picture", "image/jpeg"))
    await play.until(lambda: any(shown.preview == b"picture" for _, shown in play.stage.shown))
    play.bot.server.finish()
    await play.until(lambda: play.stage.forgotten)
    ((reply, last),) = play.stage.delivered
    assert reply == "r1"
    assert last.deliver
    assert last.card.state is CardState.DONE
    assert last.card_if is not None
    assert last.card_if(DeliveryState.KEPT).state is CardState.KEPT
    assert CardState.RUNNING in states(play.stage)
    assert not play.reporter._requests
    assert not len(play.reporter._outbox)


async def test_the_first_words_go_before_progress_but_not_after_a_restart(play: Play) -> None:
    said: list[Importance] = []
    show = play.reporter._outbox.show

    def noted(key: Any, route: Route, shown: Shown, importance: Importance, *rest: Any, **more: Any) -> None:
        said.append(importance)
        show(key, route, shown, importance, *rest, **more)

    play.reporter._outbox.show = noted  # type: ignore[method-assign]
    request = await play.asked()
    await play.until(lambda: play.stage.shown)
    assert said[0] is Importance.ANSWER
    assert set(said[1:]) <= {Importance.WAITING, Importance.RUNNING}
    said.clear()
    async with asyncio.TaskGroup() as tasks:
        play.reporter._requests.clear()
        play.reporter._begin(request, tasks, fresh=False)
        await play.until(lambda: said)
        await play.bot.server.until_waiting(1)
        play.bot.server.finish()
    assert Importance.ANSWER not in said


async def test_a_reply_that_is_gone_is_left_alone_until_there_is_another_way(play: Play) -> None:
    async def gone(_: Shown) -> Refusal:
        return Gone()

    play.stage.answer = gone
    await play.asked()
    await play.bot.server.until_waiting(1)
    run = play.bot.server.start()
    for number in range(20):
        assert run.on_event is not None
        run.on_event(Progressed(number / 20, NodeId("5"), f"Step{number}", number, 20))
        play.bot.clock.advance(3)
        play.reporter._changed.set()
        await asyncio.sleep(0.005)
    assert len(play.stage.shown) == 1
    play.stage.kind = "channel"
    run.on_event(Progressed(1.0, NodeId("5"), "Last", 20, 20))
    await play.until(lambda: len(play.stage.shown) == 2)
    play.bot.server.finish()
    await play.until(lambda: play.stage.delivered)


async def test_a_result_comes_although_the_card_before_it_found_nobody(play: Play) -> None:
    at_it, go_on = asyncio.Event(), asyncio.Event()

    async def hangs(_: Shown) -> Refusal:
        at_it.set()
        await go_on.wait()
        return Gone()

    play.stage.answer = hangs
    request = await play.asked()
    await play.until(at_it.is_set)
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.bot.until_over(request.id)
    await play.until(lambda: play.reporter._deliveries)
    go_on.set()
    await play.until(lambda: play.stage.delivered)


async def test_what_does_not_work_gives_its_place_to_others_and_comes_later(play: Play) -> None:
    broken = True

    async def sometimes(request: RequestRecord) -> courier.Outcome | Refusal:
        return Transient() if broken and request.reply == "r1" else DELIVERED

    play.stage.outcome = sometimes
    first = await play.asked("r1")
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.bot.until_over(first.id)
    await play.until(lambda: play.stage.delivered)
    began = play.bot.clock.monotonic()
    await play.until(lambda: not play.reporter._deliveries)
    assert play.bot.clock.monotonic() - began <= 2 * PATIENCE
    assert "r1" not in play.stage.forgotten, "what was done of it is remembered"
    broken = False
    await play.until(lambda: "r1" in play.stage.forgotten)


async def test_a_long_wait_that_is_ordered_is_the_couriers(play: Play) -> None:
    async def wait(_: RequestRecord) -> courier.Outcome | Refusal:
        return RetryAfter(600) if len(play.stage.delivered) == 1 else DELIVERED

    play.stage.outcome = wait
    request = await play.asked()
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.bot.until_over(request.id)
    await play.until(lambda: play.stage.delivered)
    began = play.bot.clock.monotonic()
    await play.until(lambda: len(play.stage.delivered) == 2, step=5.0)
    assert play.bot.clock.monotonic() - began >= 599


async def test_two_who_want_to_see_it_at_once_both_do(play: Play) -> None:
    both = asyncio.Barrier(2)

    async def both_are_there(_: RequestRecord) -> courier.Outcome | Refusal:
        await both.wait()
        return DELIVERED

    request = await play.asked()
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.until(lambda: play.stage.forgotten)
    play.stage.outcome = both_are_there
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(
            play.reporter.bring(request.id, "s1"), play.reporter.bring(request.id, "s2")
        )
    assert outcomes == [DELIVERED, DELIVERED]
    assert {reply for reply, _ in play.stage.delivered} == {"r1", "s1", "s2"}


async def test_nothing_older_comes_after_the_result(play: Play) -> None:
    read = play.bot.store.results
    at_it, go_on = asyncio.Event(), asyncio.Event()

    async def slow(job: Any) -> Any:
        if play.stage.delivered or at_it.is_set():
            return await read(job)
        at_it.set()
        await go_on.wait()
        return await read(job)

    request = (await play.bot.ask("a fox --count 2", reply="r1")).accepted.request
    play.reporter.follow(request)
    await play.bot.server.until_waiting(1)
    play.bot.store.results = slow  # type: ignore[method-assign]
    play.bot.server.finish()
    await play.until(at_it.is_set)
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.until(lambda: play.stage.delivered)
    before = len(play.stage.shown)
    go_on.set()
    await play.until(lambda: not play.reporter._requests)
    assert len(play.stage.shown) == before


async def test_a_store_that_cannot_be_read_for_a_while_ends_nothing(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, broken = play.bot.store.jobs_of, [True, True]

    async def sometimes(request: Any) -> Any:
        if broken:
            broken.pop()
            raise StoreUnavailable(Text("It cannot be read."), cause="test")
        return await read(request)

    monkeypatch.setattr(play.bot.store, "jobs_of", sometimes)
    await play.asked()
    await play.until(lambda: play.stage.shown)
    assert not broken


async def test_those_who_wait_are_looked_at_the_seldomer_the_more_they_are(play: Play) -> None:
    request = await play.asked()
    await play.until(lambda: play.stage.shown)
    pause = play.reporter._pause
    # The bot may be about to paint it.
    waiting = [replace(job, state=JobState.QUEUED) for job in await play.bot.store.jobs_of(request.id)]
    watched = Watched.of(request, waiting)
    assert pause(watched) == 2.0
    play.reporter._requests |= {(request.id, number): request for number in range(1, 400)}
    assert pause(watched) == 10.0
    play.reporter._requests |= {(request.id, number): request for number in range(400, 9999)}
    assert pause(watched) == 30.0
    play.reporter._requests = {(request.id, 0): request}


# When nobody could be shown a result for hours


async def kept_after_all(play: Play, monkeypatch: pytest.MonkeyPatch) -> RequestRecord:
    monkeypatch.setattr(courier, "MOST_TRIES", 2)

    async def busy(_: RequestRecord) -> Refusal:
        return Transient()

    play.stage.outcome = busy
    request = await play.asked()
    await play.bot.server.until_waiting(1)
    play.bot.server.finish()
    await play.bot.until_over(request.id)
    return request


async def test_a_result_that_nobody_takes_for_hours_leaves_word_that_it_is_kept(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await kept_after_all(play, monkeypatch)
    await play.until(lambda: CardState.KEPT in states(play.stage), step=10)
    _, shown = play.stage.shown[-1]
    assert shown.card.state is CardState.KEPT
    assert not shown.deliver
    assert any("Show" in str(button.label) for row in shown.card.buttons for button in row)
    tried = len(play.stage.delivered)
    await until_kept(play, request)
    for _ in range(20):
        play.bot.clock.advance(1000)
        play.bot.service.courier.nudge()
        await play.bot.store.counts()
    assert len(play.stage.delivered) == tried, "it is over"
    assert states(play.stage).count(CardState.KEPT) == 1
    assert play.stage.forgotten[-1] == "r1"


async def test_word_that_it_is_kept_comes_when_the_place_can_be_reached_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await kept_after_all(play, monkeypatch)
    away = True

    async def answer(_: Shown) -> Refusal | None:
        return Transient() if away else None

    play.stage.answer = answer
    await play.until(lambda: states(play.stage).count(CardState.KEPT) > 3, step=10)
    assert await delivery_of(play, request) in ("pending", "claimed")
    away = False
    await until_kept(play, request)
    assert states(play.stage)[-1] is CardState.KEPT


@pytest.mark.parametrize("refusal", [Gone(), Transient()])
async def test_word_that_it_is_kept_is_not_tried_for_ever(
    play: Play, monkeypatch: pytest.MonkeyPatch, refusal: Refusal
) -> None:
    monkeypatch.setattr(courier, "CARD_TRIES", 1)
    request = await kept_after_all(play, monkeypatch)

    async def answer(_: Shown) -> Refusal | None:
        return refusal

    play.stage.answer = answer
    await until_kept(play, request)


async def delivery_of(play: Play, request: RequestRecord) -> str:
    with closing(sqlite3.connect(play.bot.store.path)) as connection:
        (state,) = connection.execute(
            "SELECT state FROM deliveries WHERE request = ?", (request.id,)
        ).fetchone()
    return str(state)


async def until_kept(play: Play, request: RequestRecord) -> None:
    async with asyncio.timeout(10):
        while await delivery_of(play, request) != "kept":
            play.bot.clock.advance(10)
            play.bot.service.courier.nudge()
            play.reporter._changed.set()
            await asyncio.sleep(0.002)
