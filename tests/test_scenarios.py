"""Every scenario on every platform, and both platforms with one bot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios import SCENARIOS, Scenario, literals
from tests.support.stages import both, stage


@pytest.mark.parametrize("platform", ["discord", "telegram", "web"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_scenario(scenario: Scenario, platform: str, tmp_path: Path) -> None:
    async with stage(platform, tmp_path) as made:
        await scenario(made)


async def test_two_platforms_share_one_server_fairly(tmp_path: Path) -> None:
    async with both(tmp_path) as (theatre, here, there):
        alice, bob = here.person("Alice"), there.person("Bob")
        async with theatre.playing():
            hers = [await here.imagines(alice, f"fox {number}") for number in range(4)]
            await theatre.waiting()
            his = [await there.imagines(bob, f"boat {number}") for number in range(4)]
            for seen in (*hers, *his):
                await here.says(seen, "fox" if seen in hers else "boat")
            for _ in range(8):
                await theatre.waiting()
                theatre.server.finish()
            for seen in (*hers, *his):
                await here.shows(seen)
            painted = [str(literals(here, each)) for each in range(8)]
            order = "".join("f" if "'fox " in each else "b" for each in painted)
            # From when both wait they take turns; what the server had before is not taken back.
            assert sorted(order) == ["b"] * 4 + ["f"] * 4
            assert all(2 <= order[start : start + 5].count("b") <= 3 for start in range(1, 4)), order
            assert (here.pictures(), there.pictures()) == (4, 4)


async def test_who_is_linked_is_one_person_with_one_quota_and_one_history(tmp_path: Path) -> None:
    async with both(tmp_path) as (theatre, here, there):
        alice, also = here.person("Alice"), there.person("Alice")
        stranger = there.person("Mallory")
        async with theatre.playing(tiers={"default": {"jobs_per_day": 2}}) as bot:
            first = await here.painted(await here.imagines(alice, "a fox"))
            # The code comes alone, and is good once.
            told = await there.says(await there.commands(also, "link"), "code")
            assert not [each for each in there.group.by_bot if "code" in each.text]
            (code,) = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", told.words)
            await here.says(await here.commands(alice, "link", code=code), "one person now")
            await there.says(await there.commands(stranger, "link", code=code), "wrong")

            await there.painted(await there.imagines(also, "a boat"))
            for stage, who in ((here, alice), (there, also)):
                await stage.says(await stage.imagines(who, "a third"), "0 of your 2 pictures a day are left")
            assert (await here.user(alice)).user == (await there.user(also)).user
            assert len(theatre.server.posted) == 2

            # What was painted on one platform is shown on the other, and goes on from there.
            (fox,) = [
                each
                for each in await bot.store.requests_of((await here.user(alice)).user)
                if "fox" in each.prompt_text
            ]
            brought = await there.shows(await there.commands(also, "show", job=fox.id))
            await there.presses(also, brought, "Delete")
            await theatre.until(lambda: not brought.there, lambda: "its end")
            assert first.there

            await there.says(await there.commands(also, "unlink"), "own again")
            question = there.world.private(also).by_bot[-1]
            await also.presses(next(each for each in question.buttons if ":yes:" in each.data))
            await theatre.until(lambda: "two people" in question.text, lambda: question.text)
        async with theatre.playing():
            assert (await here.user(alice)).user != (await there.user(also)).user


async def test_a_code_of_discord_is_entered_alone_or_in_a_group_and_wrong_ones_are_counted(
    tmp_path: Path,
) -> None:
    async with both(tmp_path) as (theatre, here, there):
        alice, also = here.person("Alice"), there.person("Alice")
        async with theatre.playing():
            for tries in range(4, -1, -1):
                refused = await there.commands(also, "link", code="ABCD-2345")
                await there.says(refused, f"{tries} more")
            await there.says(await there.commands(also, "link", code="ABCD-2345"), "Wait ten minutes")
            theatre.move(601)
            told = await here.says(await here.commands(alice, "link"), "code")
            (code,) = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", told.words)
            await there.says(await there.commands(also, "link", code=code.lower()), "one person now")
            own = there.world.private(also)
            assert any("one person now" in each.text for each in own.by_bot)


async def test_both_go_on_after_a_restart(tmp_path: Path) -> None:
    async with both(tmp_path) as (theatre, here, there):
        alice, bob = here.person("Alice"), there.person("Bob")
        async with theatre.playing():
            hers, his = await here.imagines(alice, "a fox"), await there.imagines(bob, "a boat")
            await theatre.waiting()
            await here.says(hers, "fox")
            await there.says(his, "boat")
        async with theatre.playing():
            for _ in range(2):
                await theatre.waiting()
                theatre.server.finish()
            await here.shows(hers)
            await there.shows(his)
        assert len(theatre.server.posted) == 2
