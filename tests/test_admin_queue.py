"""What operators see and do of the queue and the servers, and what moderators cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.domain.errors import NotAccepting, NotAllowed, NotFound, ParameterError
from bot.domain.events import Progressed
from bot.domain.ids import NodeId, PromptId, UserId
from bot.domain.jobs import JobState
from bot.presentation.actions import Danger, Listing, OnPage, OnQuestion, mark
from bot.presentation.card_plain import plain
from bot.presentation.cards import Card, CardState
from bot.service.ports import DeviceMemory, Health
from tests.admin_support import ADA, ANN, BOB, HERE, MO, OLAF, THERE, Office, answer, mention, office
from tests.support.fake_server import FakeServer, unreachable

SECRET = "a very private dream of foxes"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as found:
        yield found


def questions(card: Card) -> list[OnQuestion]:
    actions = [button.action for row in card.all_buttons for button in row]
    return [each for each in actions if isinstance(each, OnQuestion)]


async def state(here: Office, job: str) -> JobState:
    found = await here.bot.store.job(job)  # type: ignore[arg-type]
    assert found is not None
    return found.state


# Looking


async def test_the_queue_shows_numbers_names_and_templates_but_no_words(here: Office) -> None:
    await here.ask(SECRET, ANN)
    await here.bot.server.until_waiting(1)
    here.bot.server.start()
    await here.ask(f"{SECRET} --count 3", BOB)
    card = await here.say("queue")
    shown = plain(card)
    assert "3 pictures wait, of 2 people" in shown
    assert "1. Ann, Text to image: 0 % at fake" in shown
    assert "2. Bob, Text to image: place 1, has waited" in shown
    assert "fox" not in repr(card)
    assert "dream" not in repr(card)


async def test_the_queue_has_pages(here: Office) -> None:
    await here.ask("a fox --count 4", ANN)
    await here.bot.server.until_waiting(1)
    await here.ask("a fox --count 4", BOB)
    assert "Page 1 of 2." in plain(await here.say("queue"))
    last = await here.press(OnPage(Listing.ADMIN_QUEUE, 1, mark(ADA.identity)))
    assert "Page 2 of 2." in plain(last)
    assert "8. " in plain(last)
    assert plain(await here.press(OnPage(Listing.ADMIN_QUEUE, 9, mark(ADA.identity)))) == plain(last)


async def test_an_empty_queue(here: Office) -> None:
    assert str((await here.say("queue")).headline) == "Nothing waits"


async def test_buttons_in_the_queue_ask_first(here: Office) -> None:
    receipt = await here.ask("a fox", ANN)
    await here.bot.server.until_waiting(1)
    card = await here.say("queue")
    (cancel,) = [each for each in questions(card) if each.danger is Danger.CANCEL]
    asked = await here.press(cancel)
    assert asked.state is CardState.QUESTION
    job = receipt.accepted.jobs[0].id
    assert await state(here, job) is JobState.STAGED
    await here.press(answer(asked))
    await here.bot.until_over(receipt.accepted.request.id)
    assert await state(here, job) is JobState.CANCELLED
    dangers = {each.danger for each in questions(card)}
    assert dangers == {Danger.CANCEL, Danger.PAUSE, Danger.DRAIN}


@dataclass
class Roomy(FakeServer):
    """It says how much memory it has, or never answers."""

    silent: bool = False

    async def health(self) -> Health:
        self._answer()
        if self.silent:
            await asyncio.Event().wait()
        return Health("0.0.0", (DeviceMemory("cuda:0", 24 * 2**30, 6 * 2**30), DeviceMemory("cpu", 0, 0)))


async def test_servers_tell_state_model_memory_and_what_runs(tmp_path: Path) -> None:
    first, second = Roomy("first"), Roomy("second")
    async with office(tmp_path, [first, second]) as here:
        await here.ask(SECRET, ANN)
        await first.until(lambda _: first.waiting or second.waiting)
        busy = first if first.waiting else second
        busy.start()
        idle = second if busy is first else first
        shown = plain(await here.say("servers"))
        assert "2 of 2 servers are up" in shown
        assert "6.0 of 24.0 GiB free" in shown
        assert "of Ann, Text to image" in shown
        assert "sd_xl_base_1.0.safetensors" in shown
        assert "fox" not in shown
        idle.foreign.append("theirs")  # type: ignore[arg-type]
        idle.down = unreachable()
        here.bot.state(idle.name).state = type(here.bot.state(idle.name).state)("down")
        here.bot.state(idle.name).reason = unreachable().text
        shown = plain(await here.say("servers"))
        assert "1 of 2 servers are up" in shown
        assert f"{idle.name}: down" in shown
        assert "does not answer" in shown


async def test_servers_tell_how_quick_they_were(here: Office) -> None:
    assert "1024×1024" not in plain(await here.say("servers"))
    for line in ("a fox --size 512x512 --steps 10", "an owl --size 512x512 --steps 10"):
        receipt = await here.ask(line, ANN)
        await here.bot.server.until_waiting(1)
        # The first had to load its model.
        here.bot.server.finish(seconds=7.0 if "fox" in line else 2.0)
        await here.bot.until_over(receipt.accepted.request.id)
    shown = plain(await here.say("servers"))
    assert "16 s for 1024×1024 at 20 steps" in shown
    assert "loads it in 5 s" in shown


async def test_a_server_that_does_not_say_its_memory_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Roomy()
    async with office(tmp_path, [server]) as here:
        server.silent = True
        monkeypatch.setattr("bot.service.running.MEMORY_WAITS", 0.01)
        shown = plain(await here.say("servers"))
        assert "idle" in shown
        assert "GiB" not in shown


# Pause, drain, resume


async def test_a_pause_asks_first_and_says_what_it_does(here: Office) -> None:
    await here.ask("a fox --count 3", ANN)
    await here.bot.server.until_waiting(1)
    card = await here.say("pause", reason="the cooler is dirty")
    assert "2 pictures wait" in plain(card)
    assert not here.bot.service.dispatcher.gates.paused
    assert "The queue is paused" in plain(await here.press(answer(card)))
    assert here.bot.service.dispatcher.gates.paused
    assert "Paused: nothing new begins until /admin resume." in plain(await here.say("queue"))
    assert Danger.PAUSE not in {each.danger for each in questions(await here.say("queue"))}
    assert (await here.deeds())[-1] == (ADA.identity, "pause", "queue", "the cooler is dirty")
    await here.say("resume", OLAF, reason="clean")
    assert not here.bot.service.dispatcher.gates.paused
    assert (await here.deeds())[-1] == (OLAF.identity, "resume", "queue", "clean")


async def test_two_who_pause_at_once_did_it_once(here: Office) -> None:
    cards = [await here.say("pause"), await here.say("pause", OLAF)]
    answered = await asyncio.gather(
        here.press(answer(cards[0])), here.press(answer(cards[1]), OLAF), here.press(answer(cards[0]))
    )
    assert sum("already" in plain(card) for card in answered) == 2
    assert [action for _, action, *_ in await here.deeds()] == ["pause"]


async def test_of_a_pause_and_a_resume_at_once_the_later_one_holds(here: Office) -> None:
    yes = answer(await here.say("pause", OLAF))
    await asyncio.gather(here.press(yes, OLAF), here.say("resume"), here.press(yes, OLAF), here.say("resume"))
    done = [action for _, action, *_ in await here.deeds()]
    assert done
    assert done == ["pause", "resume", "pause", "resume"][: len(done)]
    assert here.bot.service.dispatcher.gates.paused is (done[-1] == "pause")
    assert await here.bot.store.get("paused") is (done[-1] == "pause")


async def test_a_drain_takes_nothing_new_until_somebody_resumes(here: Office) -> None:
    await here.sure("drain", reason="moving")
    with pytest.raises(NotAccepting):
        await here.ask("a fox", ANN)
    assert "draining already" in plain(await here.say("drain", OLAF))
    await here.sure("pause")
    assert "It goes on" in plain(await here.say("resume"))
    await here.ask("a fox", ANN)
    assert [action for _, action, *_ in await here.deeds()] == ["drain", "pause", "resume"]


async def test_a_pause_outlives_the_process(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        await here.sure("pause")
    async with office(tmp_path) as again:
        assert "paused already" in plain(await again.say("pause"))


# Cancel


async def test_somebodys_job_is_asked_about_and_then_cancelled(here: Office) -> None:
    receipt = await here.ask("a fox --count 3", ANN)
    await here.bot.server.until_waiting(1)
    here.bot.server.start()
    request = receipt.accepted.request.id
    card = await here.say("cancel", job=f" {request.upper()} ", reason="too many")
    assert "of Ann, Text to image, is stopped" in plain(card)
    done = plain(await here.press(answer(card)))
    assert "2 were waiting, and are taken back" in done
    assert "1 is at a server, which was asked to stop it" in done
    await here.bot.until_over(request)
    assert (await here.deeds())[-1] == (ADA.identity, "cancel", request, "too many")
    assert "over already" in plain(await here.press(answer(card))), "pressed twice"
    assert "over already" in plain(await here.say("cancel", OLAF, job=request))


async def test_an_operators_name_stays_what_it_is(here: Office) -> None:
    receipt = await here.ask("a fox", ANN)
    await here.sure("cancel", job=receipt.accepted.request.id)
    assert (await here.bot.service.accounts.find(ADA.identity)).names == ("Ada",)


async def test_ones_own_needs_no_question(here: Office) -> None:
    receipt = await here.ask("a fox", ADA)
    assert (await here.say("cancel", job=receipt.accepted.jobs[0].id)).state is CardState.INFO
    await here.bot.until_over(receipt.accepted.request.id)


@pytest.mark.parametrize("user", [{"user": mention(ANN)}, {"user": "Ann"}, {"job": "discord:4"}])
async def test_all_that_somebody_has_in_line(here: Office, user: dict[str, str]) -> None:
    first, second = await here.ask("a fox --count 2", ANN), await here.ask("an owl", ANN)
    others = await here.ask("a bear", BOB)
    card = await here.say("cancel", reason="floods", **user)
    assert "What Ann has in line, 2 requests" in plain(card)
    assert "Cancelled" in plain(await here.press(answer(card)))
    for receipt in (first, second):
        jobs = await here.bot.until_over(receipt.accepted.request.id)
        assert {job.state for job in jobs} == {JobState.CANCELLED}
    assert await state(here, others.accepted.jobs[0].id) is not JobState.CANCELLED
    assert (await here.deeds())[-1] == (ADA.identity, "cancel", ANN.identity, "2 requests floods")
    assert "Ann has nothing in line" in plain(await here.say("cancel", **user))


class Deaf(FakeServer):
    """It hears no cancel."""

    async def cancel(self, prompt_id: PromptId) -> None:
        self.cancelled.append(prompt_id)


async def test_whoever_was_linked_meanwhile_is_still_who_was_meant(here: Office) -> None:
    await here.bot.service.operator.pause("test:root")
    receipt = await here.ask("a fox", BOB)
    card = await here.say("cancel", user=BOB.identity)
    store = here.bot.store
    await store.person(ANN.identity, name="Ann", at=here.bot.clock.now())
    moved = await store.link(BOB.identity, UserId(ANN.identity), at=here.bot.clock.now())
    await here.bot.service.dispatcher.line.regroup(moved)
    assert "is taken back" in plain(await here.press(answer(card)))
    (job,) = await store.jobs_of(receipt.accepted.request.id)
    assert job.state is JobState.CANCELLED


async def test_what_a_server_does_not_stop_is_asked_for_once(tmp_path: Path) -> None:
    server = Deaf()
    async with office(tmp_path, [server]) as here, asyncio.timeout(5):
        await here.ask("a fox --count 2", ANN)
        await server.until_waiting(1)
        server.start()
        done = plain(await here.sure("cancel", user=mention(ANN)))
        assert "1 was waiting" in done
        assert "1 is at a server" in done
        assert len(server.cancelled) == 1


@pytest.mark.parametrize("options", [{}, {"job": "k3v9x2m7qa", "user": "Ann"}])
async def test_it_must_be_said_what(here: Office, options: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        await here.say("cancel", **options)


async def test_a_job_that_there_is_not(here: Office) -> None:
    with pytest.raises(NotFound, match="There is no job nosuchjob"):
        await here.say("cancel", job="nosuchjob")


async def test_a_moderator_cancels_what_was_asked_for_in_their_place(here: Office) -> None:
    receipt = await here.ask("a fox", ANN)
    card = await here.say("cancel", MO, job=receipt.accepted.request.id)
    await here.press(answer(card), MO)
    (job,) = await here.bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.CANCELLED
    assert (await here.deeds())[-1][:3] == (MO.identity, "cancel", receipt.accepted.request.id)


async def test_a_moderator_cancels_nothing_of_another_place(here: Office) -> None:
    elsewhere = await here.ask("a fox", BOB)
    nowhere = await here.ask("a fox", replace(ANN, place=""))
    for receipt in (elsewhere, nowhere):
        with pytest.raises(NotAllowed, match="not asked for in this place"):
            await here.say("cancel", MO, job=receipt.accepted.jobs[0].id)
    request = elsewhere.accepted.request.id
    forged = OnQuestion(Danger.CANCEL, True, 2**31, mark(MO.identity), request)
    with pytest.raises(NotAllowed):
        await here.press(forged, MO)
    # A question of one place, answered in another.
    mine = await here.say("cancel", MO, job=(await here.ask("an owl", ANN)).accepted.request.id)
    with pytest.raises(NotAllowed):
        await here.press(answer(mine), replace(MO, place=THERE))
    assert await here.deeds() == []


async def test_a_moderator_cancels_somebodys_in_their_place_alone(here: Office) -> None:
    inside = await here.ask("a fox", ANN)
    outside = await here.ask("an owl", replace(ANN, place=THERE))
    card = await here.say("cancel", MO, user=mention(ANN))
    assert "1 request, is stopped" in plain(card)
    await here.press(answer(card), MO)
    await here.bot.until_over(inside.accepted.request.id)
    assert await state(here, outside.accepted.jobs[0].id) is not JobState.CANCELLED
    assert HERE != THERE


async def test_progress_is_shown_in_steps(here: Office) -> None:
    await here.ask("a fox", ANN)
    await here.bot.server.until_waiting(1)
    run = here.bot.server.start()
    assert run.on_event is not None
    run.on_event(Progressed(0.43, NodeId("3"), "KSampler", 13, 30))
    assert "40 % at fake" in plain(await here.say("queue"))
