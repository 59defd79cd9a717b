"""Pictures that were handed in with a form that is not filled in yet."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from bot.domain.errors import ImageRefused, NotFound
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.service import cloakroom
from bot.service.cloakroom import MOST_KEPT, MOST_OF_ONE, Cloakroom
from bot.service.images import InputImage

ALICE, BOB = IdentityId("discord:1"), IdentityId("discord:2")


def image(size: int = 1) -> InputImage:
    return InputImage(b"x" * size, ".png", 1, 1)


async def fetched(found: InputImage | Exception) -> InputImage:
    await asyncio.sleep(0)
    if isinstance(found, Exception):
        raise found
    return found


async def kept(room: Cloakroom, *keys: str, who: IdentityId = ALICE) -> set[str]:
    found = set()
    for key in keys:
        try:
            await room.get(key, who)
        except NotFound:
            continue
        found.add(key)
    return found


async def test_its_owner_gets_it_as_often_as_they_come() -> None:
    room, mine = Cloakroom(), image()
    room.hand_in("a", fetched(mine), ALICE)
    assert await room.get("a", ALICE) is mine
    assert await room.get("a", ALICE) is mine


async def test_nobody_else_gets_it_and_they_hear_what_they_would_of_no_picture_at_all() -> None:
    room = Cloakroom()
    room.hand_in("a", fetched(image()), ALICE)
    with pytest.raises(NotFound) as theirs:
        await room.get("a", BOB)
    with pytest.raises(NotFound) as none:
        await room.get("b", BOB)
    assert str(theirs.value) == str(none.value)


async def test_what_is_wrong_with_it_is_said_when_it_is_asked_for() -> None:
    room = Cloakroom()
    room.hand_in("a", fetched(ImageRefused(Text("no picture"))), ALICE)
    for _ in range(2):
        with pytest.raises(ImageRefused):
            await room.get("a", ALICE)


async def test_of_one_person_the_last_few_are_kept_whatever_others_do() -> None:
    room = Cloakroom()
    room.hand_in("bob's", fetched(image()), BOB)
    keys = [f"{number}" for number in range(5)]
    for key in keys:
        room.hand_in(key, fetched(image()), ALICE)
    assert await kept(room, *keys) == set(keys[-MOST_OF_ONE:])
    assert await kept(room, "bob's", who=BOB)


async def test_all_of_them_have_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloakroom, "MOST_BYTES", 10)
    room = Cloakroom()
    for number in range(4):
        who = IdentityId(f"discord:{number}")
        room.hand_in(f"{number}", fetched(image(4)), who)
        await room.get(f"{number}", who)
        await asyncio.sleep(0)
    held = [
        number for number in range(4) if await kept(room, f"{number}", who=IdentityId(f"discord:{number}"))
    ]
    assert held == [2, 3]


async def test_a_crowd_of_them_is_bounded() -> None:
    room = Cloakroom()
    for number in range(MOST_KEPT + 20):
        room.hand_in(f"{number}", fetched(image()), IdentityId(f"discord:{number}"))
    assert len(room) == MOST_KEPT


async def test_whoever_waits_for_one_that_has_to_go_is_told() -> None:
    room, never = Cloakroom(), asyncio.Event()

    async def slowly() -> InputImage:
        await never.wait()
        return image()

    room.hand_in("a", slowly(), ALICE)
    waiting = asyncio.ensure_future(room.get("a", ALICE))
    await asyncio.sleep(0)
    for number in range(MOST_OF_ONE):
        room.hand_in(f"{number}", fetched(image()), ALICE)
    with pytest.raises(NotFound):
        await waiting


async def test_it_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloakroom, "KEPT_SECONDS", 0.0)
    room = Cloakroom()
    room.hand_in("a", fetched(image()), ALICE)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not len(room)


async def test_of_two_under_one_key_the_later_one_stays_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers = asyncio.get_running_loop(), []
    later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda *call: timers.append(later(*call)) or timers[-1])
    room, mine = Cloakroom(), image()
    room.hand_in("a", fetched(image()), ALICE)
    room.hand_in("a", fetched(mine), ALICE)
    assert [timer.cancelled() for timer in timers] == [True, False]
    assert await room.get("a", ALICE) is mine


class Known(InputImage):
    """One that can be watched."""


async def test_nothing_is_remembered_of_what_has_gone() -> None:
    room = Cloakroom()
    mine = Known(b"x", ".png", 1, 1)
    gone = weakref.ref(mine)
    room.hand_in("a", fetched(mine), ALICE)
    await room.get("a", ALICE)
    del mine
    for number in range(MOST_OF_ONE):
        room.hand_in(f"{number}", fetched(image()), ALICE)
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None
