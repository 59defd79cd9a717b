"""What must be the same on every platform: each scenario is played in all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import JobState
from tests.support.stages import Stage

Scenario = Callable[[Stage], Awaitable[None]]


def literals(stage: Stage, posted: int = -1) -> list[object]:
    return [value for node in stage.server.posted[posted].graph for value in node.inputs.values()]


async def a_request_shows_how_it_goes_and_ends_in_a_picture(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing():
        seen = await stage.imagines(alice, "a fox <b>in</b> *snow*", "--seed 7")
        await stage.theatre.waiting()
        await stage.says(seen, "fox")
        run = stage.server.start()
        assert run.on_event is not None
        run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
        await stage.says(seen, "Sampler")
        stage.server.finish()
        await stage.shows(seen)
        assert "7" in seen.words
        assert "a fox <b>in</b> *snow*" in literals(stage)


async def a_picture_is_rolled_again_and_the_second_is_cancelled(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing():
        seen = await stage.painted(await stage.imagines(alice, "a fox"))
        again = await stage.presses(alice, seen, "Re-roll")
        await stage.theatre.waiting()
        await stage.says(again, "fox")
        await stage.presses(alice, again, "Cancel")
        await stage.says(again, "cancelled")
        assert not stage.server.waiting
        assert (
            len({str(each) for each in literals(stage, 0)} ^ {str(each) for each in literals(stage, 1)}) == 2
        )


async def a_restart_in_the_middle_ends_in_the_same_reply(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing() as bot:
        seen = await stage.imagines(alice, "a fox")
        await stage.theatre.waiting()
        await stage.says(seen, "fox")
        stage.server.start()
        (request,) = await bot.store.open_requests(stage.platform)
        (job,) = await bot.store.jobs_of(request.id)
        await bot.until_state(job.id, JobState.RUNNING)
    stage.server.finish()
    async with stage.playing():
        await stage.shows(seen)
        again = await stage.presses(alice, seen, "Re-roll")
        await stage.painted(again)
        assert seen.pictures == 1
    assert len(stage.server.posted) == 2


async def one_who_floods_does_not_keep_others_waiting(stage: Stage) -> None:
    alice, bob = stage.person("Alice"), stage.person("Bob")
    async with stage.playing() as bot:
        for number in range(6):
            await stage.imagines(alice, f"fox {number}")
        await stage.theatre.waiting()
        his = await stage.imagines(bob, "a boat")
        await stage.says(his, "boat")
        order: list[str] = []
        while "boat" not in order:
            await stage.theatre.waiting()
            order = [
                "boat" if "a boat" in literals(stage, each) else "fox"
                for each in range(len(stage.server.posted))
            ]
            stage.server.finish()
        # One runs, and at most one more was handed to the server before he came.
        assert order.index("boat") <= 2
        await stage.shows(his)
        assert len(await bot.store.open_requests(stage.platform)) >= 3


async def anothers_buttons_are_refused_in_private_and_lead_to_ones_own(stage: Stage) -> None:
    alice, bob = stage.person("Alice"), stage.person("Bob")
    async with stage.playing() as bot:
        hers = await stage.painted(await stage.imagines(alice, "a fox"))
        refused = await stage.says(await stage.presses(bob, hers, "Re-roll"), "somebody else")
        assert len(stage.server.posted) == 1
        await stage.says(await stage.presses(bob, hers, "Delete"), "somebody else")
        assert hers.there
        his = await stage.painted(await stage.presses(bob, refused, "Imagine it as me"))
        assert his.pictures == 1
        (record,) = await bot.store.requests_of((await stage.user(bob)).user)
        assert record.prompt_text == "a fox"


async def a_picture_is_edited(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing():
        seen = await stage.painted(await stage.imagines(alice, "a fox", "--steps 9"))
        await stage.painted(await stage.edits(alice, seen, "a boat"))
        assert {"a boat", 9} <= {each for each in literals(stage) if isinstance(each, str | int)}


async def a_picture_is_deleted_with_all_that_is_kept_of_it(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing() as bot:
        seen = await stage.painted(await stage.imagines(alice, "a fox"))
        pictures = bot.settings.data_dir / "pictures"
        assert list(pictures.rglob("*.png"))
        await stage.presses(alice, seen, "Delete")
        await stage.theatre.until(lambda: not seen.there, lambda: "the end of the reply")
        assert not list(pictures.rglob("*.png"))
        (record,) = await bot.store.requests_of((await stage.user(alice)).user)
        assert record.prompt_text == ""


async def whose_quota_is_used_up_is_told_so(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing(tiers={"default": {"jobs_per_day": 1}}):
        await stage.painted(await stage.imagines(alice, "a fox"))
        refused = await stage.imagines(alice, "a boat")
        await stage.says(refused, "0 of your 1 pictures a day are left")
        assert len(stage.server.posted) == 1


async def who_is_blocked_is_told_why(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing() as bot:
        await stage.painted(await stage.imagines(alice, "a fox"))
        person, now = await stage.user(alice), bot.clock.now()
        await bot.store.block(person.user, until=now + 3_600_000, reason="enough foxes", actor="test", at=now)
        await stage.says(await stage.imagines(alice, "another fox"), "enough foxes")
        assert len(stage.server.posted) == 1


async def a_reply_that_was_deleted_loses_no_picture(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing():
        seen = await stage.imagines(alice, "a fox")
        await stage.theatre.waiting()
        await stage.says(seen, "fox")
        await stage.loses(seen)
        assert not seen.there
        stage.server.finish()
        await stage.theatre.until(lambda: stage.pictures() == 1, lambda: "the picture")


async def a_picture_that_is_too_large_is_not_even_fetched(stage: Stage) -> None:
    alice = stage.person("Alice")
    async with stage.playing():
        refused = await stage.imagines(alice, "at night", picture=30 << 20)
        await stage.says(refused, "at most 20 MB")
        assert not stage.server.posted


async def what_is_private_is_seen_by_one(stage: Stage) -> None:
    alice, bob = stage.person("Alice"), stage.person("Bob")
    async with stage.playing() as bot:
        await stage.painted(await stage.imagines(alice, "a secret", "--private"))
        assert stage.pictures() == 0
        (record,) = await bot.store.requests_of((await stage.user(alice)).user)
        refused = await stage.commands(bob, "show", job=record.id)
        await stage.says(refused, "somebody else's")
        assert refused.pictures == 0


SCENARIOS: tuple[Scenario, ...] = (
    a_request_shows_how_it_goes_and_ends_in_a_picture,
    a_picture_is_rolled_again_and_the_second_is_cancelled,
    a_restart_in_the_middle_ends_in_the_same_reply,
    one_who_floods_does_not_keep_others_waiting,
    anothers_buttons_are_refused_in_private_and_lead_to_ones_own,
    a_picture_is_edited,
    a_picture_is_deleted_with_all_that_is_kept_of_it,
    whose_quota_is_used_up_is_told_so,
    who_is_blocked_is_told_why,
    a_reply_that_was_deleted_loses_no_picture,
    a_picture_that_is_too_large_is_not_even_fetched,
    what_is_private_is_seen_by_one,
)
