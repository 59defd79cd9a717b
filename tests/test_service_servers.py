"""Several servers: a job goes where it can be painted, and no server takes anything with it when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import NoServerCan, ProtocolError, ServerWedged, StoreUnavailable, UserError
from bot.domain.events import Disconnected, Failed, Reconnected
from bot.domain.ids import IdentityId, ServerName
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.acceptance import Receipt
from bot.service.gate import Asker
from bot.service.records import EntryKind
from bot.service.servers import ServerState
from bot.service.streams import JobQueued
from bot.service.warden import STALLED_AGAIN
from bot.templates.catalogue import Catalogue
from tests.support.audits import check_books, check_places
from tests.support.fake_server import FakeServer, unreachable
from tests.support.service import Bot, bot_at_work
from tests.support.templates import FILES, catalogue, object_info

XL, SD15 = FILES["ckpt_name"]
LORA = FILES["lora_name"][0]


def offering(**files: tuple[str, ...]) -> Callable[[], Catalogue]:
    return lambda: catalogue({**FILES, **files})


@asynccontextmanager
async def shop(folder: Path, *servers: FakeServer, **sections: Any) -> AsyncIterator[Bot]:
    """Left with everything over: the books must balance, and nobody is forgotten anywhere."""
    async with bot_at_work(folder, servers, **sections) as bot:
        yield bot
        await bot.server.until(lambda _: not bot.service.dispatcher.queue.in_service)
        await bot.server.until(lambda _: not bot.service.dispatcher._running)
        await check_places(bot)
        await check_books(bot.service, bot.store)


async def paint(server: FakeServer) -> None:
    await server.until_waiting(1)
    server.finish()


async def is_back(bot: Bot, server: FakeServer) -> None:
    server.down = None
    async with asyncio.timeout(10):
        while bot.state(server.name).state is not ServerState.UP:
            bot.clock.advance(1)
            await asyncio.sleep(0.001)


async def heartbeat(bot: Bot, server: FakeServer, until: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not until():
            bot.clock.advance(5)
            await asyncio.sleep(0.001)


async def new_offer(bot: Bot, server: FakeServer, receipt: Receipt, **files: tuple[str, ...]) -> None:
    """From now on it has these; the bot has noticed that it cannot paint that request's jobs any more."""
    server.offers, server._catalogue = offering(**files), None
    needs = receipt.accepted.jobs[0].work.needs
    await heartbeat(bot, server, lambda: server.name not in bot.service.dispatcher.lanes.servers_for(needs))


async def test_two_servers_work_side_by_side(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask("a fox --count 4")
        for _ in range(2):
            await a.until_waiting(1)
            await b.until_waiting(1)
            a.finish()
            b.finish()
        jobs = await bot.until_over(receipt.accepted.request.id)
        assert [job.state for job in jobs] == [JobState.DONE] * 4
        assert (len(a.posted), len(b.posted)) == (2, 2)


async def test_a_job_goes_only_where_its_model_is(tmp_path: Path) -> None:
    a, b = (
        FakeServer("a", offers=offering(ckpt_name=(XL,))),
        FakeServer("b", offers=offering(ckpt_name=(SD15,))),
    )
    async with shop(tmp_path, a, b) as bot:
        receipts = [await bot.ask(f"a fox --model {SD15} --seed {n}", f"user{n}") for n in range(3)]
        for receipt in receipts:
            await paint(b)
            await bot.until_over(receipt.accepted.request.id)
        assert (len(a.posted), len(b.posted)) == (0, 3)
        other = await bot.ask(f"a boat --model {XL}")
        await paint(a)
        await bot.until_over(other.accepted.request.id)


async def test_a_job_goes_only_where_its_lora_is(tmp_path: Path) -> None:
    a, b = FakeServer("a", offers=offering(lora_name=())), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask(f"a fox --lora {LORA}")
        await paint(b)
        await bot.until_over(receipt.accepted.request.id)
        assert a.posted == []


async def test_a_job_goes_only_where_its_nodes_are(tmp_path: Path) -> None:
    def without_sampler() -> Catalogue:
        info = object_info()
        del info["KSampler"]
        return Catalogue.from_object_info(info)

    a, b = FakeServer("a", offers=without_sampler), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask("a fox --count 2")
        for _ in range(2):
            await paint(b)
        await bot.until_over(receipt.accepted.request.id)
        assert a.posted == []


async def test_nobody_has_it(tmp_path: Path) -> None:
    a, b = (
        FakeServer("a", offers=offering(ckpt_name=(XL,))),
        FakeServer("b", offers=offering(ckpt_name=(XL,))),
    )
    async with shop(tmp_path, a, b) as bot:
        with pytest.raises(UserError):
            await bot.ask(f"a fox --model {SD15}")
        assert await bot.store.ledger() == ()


async def test_what_each_part_is_on_another_server_no_server_can(tmp_path: Path) -> None:
    """All servers together have it, no one of them does."""
    a = FakeServer("a", offers=offering(ckpt_name=(SD15,), lora_name=()))
    b = FakeServer("b", offers=offering(ckpt_name=(XL,)))
    async with shop(tmp_path, a, b) as bot:
        with pytest.raises(NoServerCan, match="No server can paint this"):
            await bot.ask(f"a fox --template text-to-image-lora --model {SD15} --lora {LORA}")
        assert await bot.store.ledger() == ()


async def test_the_server_that_has_the_model_loaded_is_preferred(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        first = await bot.ask(f"a fox --model {XL}")
        await a.until_waiting(1)
        second = await bot.ask(f"a boat --model {SD15}", "bob")
        await b.until_waiting(1)
        a.finish()
        b.finish()
        await bot.until_over(first.accepted.request.id)
        await bot.until_over(second.accepted.request.id)
        await a.until(lambda _: not bot.service.dispatcher._running)
        for model, server in ((SD15, b), (XL, a), (SD15, b), (SD15, b)):
            receipt = await bot.ask(f"a fox --model {model}", "carol")
            await paint(server)
            await bot.until_over(receipt.accepted.request.id)
            await a.until(lambda _: not bot.service.dispatcher._running)


async def test_a_windows_server_and_a_posix_server_share_the_work(tmp_path: Path) -> None:
    a = FakeServer("a", offers=offering(lora_name=(LORA, "styles\\ink-lines.safetensors")))
    b = FakeServer("b", offers=offering(lora_name=(LORA, "styles/ink-lines.safetensors")))
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask("a fox --lora ink-lines --count 2")
        await a.until_waiting(1)
        await b.until_waiting(1)

        def loras(server: FakeServer) -> list[object]:
            return [node.inputs["lora_name"] for node in server.posted[0].graph if "lora_name" in node.inputs]

        assert loras(a) == ["styles\\ink-lines.safetensors"]
        assert loras(b) == ["styles/ink-lines.safetensors"]
        a.finish()
        b.finish()
        await bot.until_over(receipt.accepted.request.id)


async def test_a_server_that_dies_leaves_its_job_to_another_at_its_old_place(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        first = await bot.ask("a fox --seed 1")
        await a.until_waiting(1)
        second = await bot.ask("a boat --seed 2", "bob")
        await b.until_waiting(1)
        later = await bot.ask("a tree --seed 3")
        a.start()
        await bot.until_state(first.accepted.jobs[0].id, JobState.RUNNING)
        a.crash()
        await bot.until_state(first.accepted.jobs[0].id, JobState.QUEUED)
        assert bot.state("a").state is ServerState.DOWN
        await paint(b)
        await bot.until_over(second.accepted.request.id)
        await paint(b)
        await bot.until_over(first.accepted.request.id)  # before the later one of the same user
        await paint(b)
        await bot.until_over(later.accepted.request.id)
        assert (await bot.job(first.accepted.jobs[0].id)).attempts == 2


async def test_a_server_that_is_back_gets_work_again(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        a.down = unreachable()
        await heartbeat(bot, a, lambda: bot.state("a").state is ServerState.DOWN)
        first = await bot.ask("a fox --count 2")
        await b.until_waiting(1)
        assert a.posted == []
        await is_back(bot, a)
        await a.until_waiting(1)
        a.finish()
        b.finish()
        await bot.until_over(first.accepted.request.id)
        notices = [str(notice.text) for notice in bot.service.operator.notices.latest()]
        assert notices == ["Server a is out of service: The server does not answer.", "Server a is back."]


async def test_an_attempt_left_behind_is_forgotten_when_its_server_is_back(tmp_path: Path) -> None:
    """The network between us and the server broke; the server went on. Its job was painted elsewhere."""
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask("a fox")
        await a.until_waiting(1)
        left = a.start()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
        a.down = unreachable()
        left.tell(Failed(unreachable()))
        await paint(b)
        await bot.until_over(receipt.accepted.request.id)
        await is_back(bot, a)
        assert left.submission.prompt_id in a.forgotten
        assert await bot.store.open_attempts() == ()


async def test_a_server_that_is_back_while_its_job_runs_elsewhere_may_get_it_once_more(
    tmp_path: Path,
) -> None:
    """What it had of the job is forgotten there, so the job's next turn there is a fresh attempt."""
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask("a fox")
        job = receipt.accepted.jobs[0].id
        await a.until_waiting(1)
        left = a.start()
        await bot.until_state(job, JobState.RUNNING)
        a.down = unreachable()
        left.tell(Failed(unreachable()))
        await b.until_waiting(1)
        b.start()
        await bot.until_state(job, JobState.RUNNING)
        await is_back(bot, a)
        assert left.submission.prompt_id in a.forgotten
        b.crash()
        await paint(a)
        (done,) = await bot.until_over(receipt.accepted.request.id)
        assert (done.state, done.attempts) == (JobState.DONE, 3)
        await is_back(bot, b)


async def test_what_waits_is_taken_from_the_server_that_had_it_all_the_time(tmp_path: Path) -> None:
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask("a fox")
        job = receipt.accepted.jobs[0].id
        await a.until_waiting(1)
        left = a.start()
        await bot.until_state(job, JobState.RUNNING)
        a.down = unreachable()
        left.tell(Failed(unreachable()))
        await bot.until_state(job, JobState.QUEUED)
        a.down = None
        a.finish()
        await heartbeat(bot, a, lambda: bot.state("a").state is ServerState.UP)
        (done,) = await bot.until_over(receipt.accepted.request.id)
        assert (done.state, done.attempts) == (JobState.DONE, 1)
        assert len(a.posted) == 1


async def test_a_picture_that_is_being_fetched_is_not_forgotten_when_its_server_is_back(
    tmp_path: Path,
) -> None:
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        fetch, fetching, go_on = a.fetch, asyncio.Event(), asyncio.Event()

        async def slowly(*args: Any) -> str:
            fetching.set()
            await go_on.wait()
            return await fetch(*args)

        a.fetch = slowly  # type: ignore[method-assign]
        receipt = await bot.ask("a fox")
        await paint(a)
        await fetching.wait()
        bot.service.dispatcher.take_out(bot.state("a"), unreachable())
        await is_back(bot, a)
        bot.clock.advance(60)  # the rounds of a server that is up do not disturb it either
        for _ in range(20):
            await bot.store.counts()
        go_on.set()
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.DONE


async def test_the_last_server_loses_the_model_and_those_who_wait_learn_it(tmp_path: Path) -> None:
    a, b = FakeServer("a", offers=offering(ckpt_name=(XL,))), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        running = await bot.ask(f"a fox --model {SD15}")
        await b.until_waiting(1)
        b.start()
        waiting = await bot.ask(f"a boat --model {SD15} --count 2", "bob")
        fine = await bot.ask(f"a tree --model {XL}", "carol")
        await new_offer(bot, b, waiting, ckpt_name=(XL,))
        jobs = await bot.until_over(waiting.accepted.request.id)
        assert {(job.state, job.error_code) for job in jobs} == {(JobState.FAILED, "no_server_can")}
        assert all(SD15 in job.error_text and "Nothing was charged" in job.error_text for job in jobs)
        await paint(a)
        await bot.until_over(fine.accepted.request.id)
        b.finish()
        assert (await bot.until_over(running.accepted.request.id))[0].state is JobState.DONE
        releases = [entry for entry in await bot.store.ledger() if entry.kind is EntryKind.RELEASE]
        assert len(releases) == 2


async def test_a_job_that_was_running_when_its_model_went_is_not_sent_there_again(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with shop(tmp_path, a, b) as bot:
        receipt = await bot.ask(f"a fox --model {SD15}")
        await a.until_waiting(1)
        a.start()
        b.down = unreachable()
        await heartbeat(bot, b, lambda: bot.state("b").state is ServerState.DOWN)
        await new_offer(bot, a, receipt, ckpt_name=(XL,))
        a.restart()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.QUEUED)
        await is_back(bot, b)
        await paint(b)
        await bot.until_over(receipt.accepted.request.id)
        assert len(a.posted) == 1


async def test_a_job_whose_last_server_lost_its_model_while_it_ran_there_is_refunded(tmp_path: Path) -> None:
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask(f"a fox --model {SD15}")
        await a.until_waiting(1)
        a.start()
        await new_offer(bot, a, receipt, ckpt_name=(XL,))
        a.restart()
        job = receipt.accepted.jobs[0].id
        await bot.until_state(job, JobState.FAILED, tick=1.0)
        assert (await bot.job(job)).error_code == "no_server_can"


async def test_those_who_cannot_be_told_for_want_of_space_are_told_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while a server's offer changes ends neither the bot nor the looking after."""
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        await bot.service.operator.pause("shell:root")
        receipt = await bot.ask(f"a fox --model {SD15} --count 3")
        fail, refused = bot.store.fail, []

        async def full(*args: Any, **kwargs: Any) -> Any:
            if len(refused) < 3:
                refused.append(args)
                raise StoreUnavailable(Text("The disk is full."), cause="test")
            return await fail(*args, **kwargs)

        monkeypatch.setattr(bot.store, "fail", full)
        a.offers, a._catalogue = offering(ckpt_name=(XL,)), None
        await heartbeat(bot, a, lambda: len(refused) == 3)
        await heartbeat(bot, a, lambda: not bot.service.dispatcher.known_jobs())
        jobs = await bot.until_over(receipt.accepted.request.id)
        assert {job.error_code for job in jobs} == {"no_server_can"}


async def test_a_server_that_says_nothing_sensible_is_out_and_fails_nobody(tmp_path: Path) -> None:
    """Some other program has taken its address: a queue of jobs must not fail there one after the other."""
    a = FakeServer("a")
    nonsense = ProtocolError(Text("That is no ComfyUI server."), cause="test")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask("a fox --count 3")
        await a.until_waiting(1)
        run = a.start()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
        a.down = nonsense
        run.tell(Failed(nonsense))
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.QUEUED)
        assert bot.state("a").state is ServerState.DOWN
        assert str(bot.state("a").reason) == "That is no ComfyUI server."
        a.restart()
        await is_back(bot, a)
        for _ in range(3):
            await paint(a)
        jobs = await bot.until_over(receipt.accepted.request.id)
        assert [job.state for job in jobs] == [JobState.DONE] * 3


async def test_one_strange_answer_about_one_job_fails_that_job_alone(tmp_path: Path) -> None:
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask("a fox")
        await a.until_waiting(1)
        a.fail(ProtocolError(Text("It stumbled over the request."), cause="test"))
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert (job.state, job.error_code) == (JobState.FAILED, "protocol")
        assert bot.state("a").state is ServerState.UP


async def test_a_restart_with_attempts_at_two_servers_goes_by_the_one_that_counts(tmp_path: Path) -> None:
    a, b = FakeServer("a"), FakeServer("b")
    async with bot_at_work(tmp_path, [a, b]) as bot:
        receipt = await bot.ask("a fox")
        job = receipt.accepted.jobs[0].id
        await a.until_waiting(1)
        at_a = a.start()
        await bot.until_state(job, JobState.RUNNING)
        a.down = unreachable()
        at_a.tell(Failed(unreachable()))
        await b.until_waiting(1)
        at_b = b.start()
        await bot.until_state(job, JobState.RUNNING)
        b.down = unreachable()
        at_b.tell(Failed(unreachable()))
        await bot.until_state(job, JobState.QUEUED)
        a.down = None
        await bot.until_state(job, JobState.RUNNING, tick=1.0)  # found again at a, by its first attempt
        assert len(a.posted) == len(b.posted) == 1
    async with shop(tmp_path, a, b) as bot:
        assert bot.service.recovered.attached == 1
        await bot.until_state(job, JobState.RUNNING)
        a.crash()
        await bot.until_state(job, JobState.QUEUED)
        b.down = None
        b.restart()
        await heartbeat(bot, b, lambda: len(b.posted) == 2)
        b.finish()
        (done,) = await bot.until_over(receipt.accepted.request.id)
        assert done.state is JobState.DONE
        await is_back(bot, a)


async def test_attempts_at_a_server_that_is_configured_no_more_are_let_go(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, [FakeServer("old")]) as bot:
        receipt = await bot.ask("a fox")
        await bot.server.until_waiting(1)
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.STAGED)
    new = FakeServer("new")
    async with shop(tmp_path, new) as bot:
        assert (bot.service.recovered.requeued, bot.service.recovered.attached) == (1, 0)
        await paint(new)
        await bot.until_over(receipt.accepted.request.id)
        assert await bot.store.open_attempts() == ()
        assert set(bot.service.dispatcher.servers) == {ServerName("new")}


async def test_a_server_that_falls_silent_is_told_of_at_once_and_stays_up(tmp_path: Path) -> None:
    lost = Text("The connection was lost.")
    async with shop(tmp_path, FakeServer("a")) as bot:
        (a,) = bot.servers
        receipt = await bot.ask("a fox")
        await a.until_waiting(1)
        run = a.start()
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
        assert run.on_event is not None
        for event in (Disconnected(lost), Disconnected(lost)):
            run.on_event(event)
        (view,) = await bot.service.operator.servers()
        assert (view.state, view.reason, view.since) == ("up", lost, bot.clock.now())
        run.on_event(Reconnected())
        assert bot.state("a").reason is None
        run.on_event(Disconnected(lost))
        a.finish()  # found in its history when it is back: there is no other word of it
        await bot.until_over(receipt.accepted.request.id)
        await a.until(lambda _: bot.state("a").reason is None)
        notices = [str(notice.text) for notice in bot.service.operator.notices.latest()]
        assert notices == ["Server a is silent: The connection was lost.", "Server a answers again."] * 2


async def test_a_server_that_goes_and_comes_is_told_of_each_time(tmp_path: Path) -> None:
    async with shop(tmp_path, FakeServer("a")) as bot:
        (a,) = bot.servers
        for _ in range(3):
            a.down = unreachable()
            await heartbeat(bot, a, lambda: bot.state("a").state is ServerState.DOWN)
            await is_back(bot, a)
        notices = [str(notice.text) for notice in bot.service.operator.notices.latest()]
        assert notices == ["Server a is out of service: The server does not answer.", "Server a is back."] * 3


async def test_nobody_is_promised_a_time_by_a_bot_that_stops(tmp_path: Path) -> None:
    async with shop(tmp_path, FakeServer("a")) as bot:
        running, waiting = await bot.ask("a fox"), await bot.ask("a boat")
        await bot.server.until_waiting(1)
        (job,) = waiting.accepted.jobs
        before = bot.service.dispatcher.outlook(job.id)
        assert before is not None
        assert before.seconds is not None
        await bot.service.dispatcher.wind_down(0)
        after = bot.service.dispatcher.outlook(job.id)
        assert after is not None
        assert (after.place, after.seconds) == (before.place, None)
        assert str(after.why).startswith("The bot is stopping.")
        for receipt in (running, waiting):
            await bot.service.usecases.cancel(
                receipt.accepted.request.id, Asker(IdentityId("test:alice"), "")
            )


async def test_back_in_line_it_is_not_told_to_ask_again(tmp_path: Path) -> None:
    async with shop(tmp_path, FakeServer("a")) as bot:
        receipt = await bot.ask("a fox")
        with bot.service.operator.streams.subscribe(receipt.accepted.request.id) as heard:
            await bot.server.until_waiting(1)
            bot.server.start()
            bot.server.restart()
            await paint(bot.server)
            await bot.until_over(receipt.accepted.request.id)
            (why,) = [event.reason for event in heard.take() if isinstance(event, JobQueued) and event.reason]
        assert str(why) == "The server was restarted, or has forgotten it. It keeps its place."


async def test_a_server_that_lets_everything_wait_is_tried_again_when_it_was_restarted(
    tmp_path: Path,
) -> None:
    """Its worker is dead: once our prompt is taken back, it looks like any idle server."""
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask("a fox")
        await a.until_waiting(1)
        stuck = ServerWedged(Text("Pictures wait there, and it paints none of them."), cause="test")
        a.waiting[0].over(Failed(stuck))
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.QUEUED)
        for _ in range(20):
            bot.clock.advance(15)
            await bot.store.counts()
        assert bot.state("a").state is ServerState.WEDGED
        assert len(a.posted) == 1
        a.restart()
        await is_back(bot, a)
        await paint(a)
        await bot.until_over(receipt.accepted.request.id)


async def test_a_server_that_lets_everything_wait_is_tried_again_after_a_while(tmp_path: Path) -> None:
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await bot.ask("a fox")
        await a.until_waiting(1)
        (run,) = a.waiting
        del a.runs[run.submission.prompt_id]  # taken back
        run.tell(Failed(ServerWedged(Text("It paints none of them."), cause="test")))
        await bot.until_state(receipt.accepted.jobs[0].id, JobState.QUEUED)
        bot.clock.advance(STALLED_AGAIN)
        await is_back(bot, a)
        await paint(a)
        await bot.until_over(receipt.accepted.request.id)


async def waits_with_an_open_attempt(bot: Bot, server: FakeServer) -> Receipt:
    receipt = await bot.ask("a fox")
    await server.until_waiting(1)
    run = server.start()
    await bot.until_state(receipt.accepted.jobs[0].id, JobState.RUNNING)
    server.down = unreachable()
    run.tell(Failed(unreachable()))
    await bot.until_state(receipt.accepted.jobs[0].id, JobState.QUEUED)
    return receipt


async def test_a_job_whose_attempt_the_store_has_given_up_begins_a_new_one(tmp_path: Path) -> None:
    """Whoever gave it up, the job must not be forgotten with it."""
    a = FakeServer("a")
    async with shop(tmp_path, a) as bot:
        receipt = await waits_with_an_open_attempt(bot, a)
        (attempt,) = await bot.store.open_attempts()
        await bot.store.lose(attempt.prompt_id, bot.clock.now())
        a.restart()
        await is_back(bot, a)
        await paint(a)
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert (job.state, job.attempts) == (JobState.DONE, 2)


async def test_a_wish_that_was_written_before_the_bot_ended_ends_a_waiting_job(tmp_path: Path) -> None:
    a = FakeServer("a")
    async with bot_at_work(tmp_path, [a]) as bot:
        receipt = await waits_with_an_open_attempt(bot, a)
        (attempt,) = await bot.store.open_attempts()
        await bot.store.wish_to_cancel(attempt.prompt_id, "test:alice", bot.clock.now())
    a.down = None
    async with shop(tmp_path, a) as bot:
        (job,) = await bot.until_over(receipt.accepted.request.id)
        assert job.state is JobState.CANCELLED
        await bot.server.until(lambda _: attempt.prompt_id in a.forgotten)
