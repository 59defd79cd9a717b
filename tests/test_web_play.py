"""The playground as guests use it: what they say, press and see, through a browser's requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from bot.chat.web.live import Live
from bot.chat.web.play.room import MOST_OPEN, MOST_SHOWN, Message, Room
from bot.domain.events import Previewed, Progressed
from bot.domain.ids import IdentityId, NodeId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import Danger, OnQuestion, encode, mark
from bot.presentation.cards import Card, CardState
from bot.presentation.language import ENGLISH
from tests.support.discord_bot import LiveClock, picture
from tests.support.fake_server import FakeServer
from tests.support.web import Guest, House, Words, buttons_of, messages_of, open_house

Seen = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(picture=lambda: picture((900, 600)))


@pytest.fixture
async def house(tmp_path: Path, server: FakeServer) -> AsyncIterator[House]:
    async with open_house(tmp_path, [server], clock=LiveClock()) as made:
        yield made


@asynccontextmanager
async def watching(house: House, page: str, guest: Guest) -> AsyncIterator[Seen]:
    """A page that is open; what comes to it until some words do."""
    (live,) = (found["data-live"] for _, found in Words(page).tags if "data-live" in found)
    came: list[dict[str, Any]] = []

    async def listen() -> None:
        async for message in socket:
            told = json.loads(message.data)
            came.append(told)

    async def until(words: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next(
                (
                    each
                    for each in came
                    if words in Words(each.get("html", "")).text or words == each.get("where")
                ),
                None,
            )

        await house.until(found)
        told = found()
        assert told is not None
        del came[: came.index(told) + 1]
        return told

    address = f"{house.address}{live}"
    async with guest.session.ws_connect(address, headers={"Origin": house.address}) as socket:
        listening = asyncio.create_task(listen())
        yield until
        listening.cancel()


class TestPainting:
    async def test_words_become_a_picture_that_everybody_sees_come_along(
        self, house: House, server: FakeServer
    ) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        async with watching(house, await bob.look(), bob) as seen:
            assert await ada.says("a fox in snow --seed 7") == {"done": True}
            assert "Ada" in (await seen("a fox in snow"))["html"]
            await house.until(lambda: server.waiting)
            run = server.start()
            assert run.on_event is not None
            run.on_event(Previewed(picture((64, 64)), "image/png"))
            run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
            told = await seen("50 %")
            progress = Words(told["html"]).all("progress")[0]
            assert (progress["max"], progress["value"]) == ("20", "10")
            preview = next(each for each in Words(told["html"]).all("img") if each.get("class") == "preview")
            async with bob.session.get(f"{house.address}{preview['src']}") as answer:
                assert (answer.status, answer.content_type) == (200, "image/jpeg")
            server.finish()
            done = await seen("seed 7")
            assert "Ada" in done["say"]
        images = Words(done["html"]).all("img", alt="a fox in snow")
        assert len(images) == 1
        async with bob.session.get(f"{house.address}{images[0]['src']}") as answer:
            assert answer.status == 200
        assert "Bob" not in " ".join(messages_of(await bob.look()).values())

    async def test_only_who_said_a_name_may_do_anything(self, house: House) -> None:
        nobody = await house.stranger()
        page = await nobody.look()
        assert "What shall the others call you?" in Words(page).text
        assert 'id="composer"' not in page
        with pytest.raises(AssertionError, match="403"):
            await nobody.says("a fox")
        assert 'id="composer"' in await (await nobody.comes_in("Nora")).look()

    async def test_the_same_line_once_more_is_accepted_once(self, house: House) -> None:
        ada = await house.guest("Ada")
        await ada.says("a fox", nonce="0123456789abcdef")
        await ada.says("a fox", nonce="0123456789abcdef")
        assert len(messages_of(await ada.look())) == 1

    async def test_a_double_click_paints_once(self, house: House) -> None:
        ada = await house.guest("Ada")
        await ada.says("a fox")
        done = await house.paints()
        again = buttons_of(messages_of(await ada.look())[done.id])["Re-roll"]
        await asyncio.gather(ada.presses(again, done.id), ada.presses(again, done.id))
        assert len(messages_of(await ada.look())) == 2

    async def test_a_picture_of_ones_own_and_one_of_the_room_are_begun_with(
        self, house: House, server: FakeServer
    ) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        await ada.says("at night", ("fox.png", picture((80, 60))))
        done = await house.paints()
        assert server.uploads == [picture((80, 60))]
        (use,) = {
            each["data-use"]
            for each in Words(messages_of(await bob.look())[done.id]).all("img")
            if "data-use" in each
        }
        assert use is not None
        await bob.says("by day", use=use)
        await house.paints()
        assert server.uploads[1:] == [picture((900, 600))]

    async def test_pictures_that_cannot_be_used_are_refused_and_nothing_is_painted(
        self, house: House, server: FakeServer
    ) -> None:
        ada = await house.guest("Ada")
        assert await ada.says("at night", ("<b>.png", b"no picture")) == {"done": False}
        assert await ada.says("at night", *[(f"{n}.png", picture()) for n in range(5)]) == {"done": False}
        assert await ada.says("at night", *[(f"{n}.png", picture()) for n in range(3)]) == {"done": False}
        page = await ada.look()
        assert "“<b>.png” is not an image" in Words(page).text
        assert "At most 4 pictures" in Words(page).text
        assert "takes 1 picture; 3 came" in Words(page).text
        assert not server.posted

    async def test_a_form_is_opened_and_filled_in(self, house: House) -> None:
        ada = await house.guest("Ada")
        await ada.says("a fox --steps 9")
        done = await house.paints()
        opened = await ada.presses(buttons_of(messages_of(await ada.look())[done.id])["Edit"], done.id)
        assert "<dialog" not in opened["form"]
        assert await ada.fills(opened["form"], prompt="a boat\nat sea") == {"done": True}
        after = await house.paints()
        assert after.card.prompt_text == "a boat\nat sea"


ANSWERS = {
    "/queue": "You have nothing in line",
    "/quota": "Used today",
    "/help": "--seed",
    "/templates flux": "Flux",
    "/settings private=on": "Your defaults",
    "/start": "Hello Ada",
    "/queu": "Did you mean /queue?",
    "/nothing at all": "There is no command /nothing",
    "a fox --sede 7": "--seed",
    "/imagine": "There is no text",
    "/show k3v9x2m7qa": "There is no",
    "/admin queue": "operator",
}


class TestCommands:
    async def test_are_answered_to_whoever_gave_them_alone(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        for line, said in ANSWERS.items():
            await ada.says(line)
            answer = list(messages_of(await ada.look()).values())[-1]
            assert said in Words(answer).text, line
            assert "Only you see this" in Words(answer).text
        assert not messages_of(await bob.look())

    async def test_a_card_turns_in_its_place_and_is_taken_away(self, house: House) -> None:
        ada = await house.guest("Ada")
        await ada.says("/help")
        ((first, html),) = messages_of(await ada.look()).items()
        await ada.presses(buttons_of(html)["Templates"], first)
        ((second, turned),) = messages_of(await ada.look()).items()
        assert (second, "Text to image" in Words(turned).text) == (first, True)
        await ada._post("/dismiss", {"message": first})
        assert not messages_of(await ada.look())

    async def test_operators_command_here_and_the_second_guest_of_a_browser_is_none(
        self, house: House
    ) -> None:
        boss = await (await house.stranger()).comes_in("Boss")
        await boss.says("/admin servers")
        assert "fake" in Words("".join(messages_of(await boss.look()).values())).text
        boss.number = "2"
        await boss.comes_in("Guest")
        await boss.says("/admin servers")
        said = Words("".join(messages_of(await boss.look()).values())).text
        assert "fake" not in said
        assert "operator" in said

    async def test_ones_own_data_come_as_a_file_once(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        await ada.says("a fox")
        await house.paints()
        await ada.says("/privacy")
        (_, card) = messages_of(await ada.look()).values()
        answer = await ada.presses(buttons_of(card)["Send me my data"])
        for guest, status in ((bob, 404), (ada, 200), (ada, 404)):
            async with guest.session.get(f"{house.address}{answer['download']}") as got:
                assert got.status == status
                if status == 200:
                    assert got.headers["Content-Disposition"].startswith("attachment")

    async def test_what_is_erased_is_gone_from_the_room(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        await ada.says("a fox")
        done = await house.paints()
        yes = OnQuestion(
            Danger.ERASE, True, house.bot.clock.now() // 60_000 + 5, mark(IdentityId(done.owner))
        )
        async with watching(house, await bob.look(), bob) as seen:
            await ada.presses(encode(yes))
            assert not messages_of(await bob.look())
            assert (await seen("remove"))["id"] == done.id


class TestWhoSeesWhat:
    async def test_what_is_private_is_its_owners_alone(self, tmp_path: Path, server: FakeServer) -> None:
        async with open_house(
            tmp_path, [server], clock=LiveClock(), web={"guests": True}, open_to_all=False
        ) as house:
            ada, bob = await house.guest("Ada", ""), await house.guest("Bob", "")
            async with watching(house, await bob.look(), bob) as seen:
                await ada.says("a secret --private")
                done = await house.paints()
                await ada.says("an open fox")
                assert "secret" not in (await seen("an open fox"))["html"]
                await house.paints()
            (shown,) = messages_of(await bob.look()).values()
            assert "secret" not in shown
            mine = messages_of(await ada.look())[done.id]
            assert "Only you see this" in Words(mine).text
            address = next(each["href"] for each in Words(mine).all("a") if each["href"])
            for guest, status in ((bob, 403), (ada, 200)):
                async with guest.session.get(f"{house.address}{address}") as answer:
                    assert answer.status == status
            # What one guest of a browser may see, the person in front of it may.
            ada.number = "2"
            await ada.comes_in("Ada's friend")
            assert done.id not in messages_of(await ada.look())
            async with ada.session.get(ada.at(str(address))) as answer:
                assert answer.status == 200
            again = buttons_of(mine)["Re-roll"]
            await bob.presses(again)
            assert "private" in Words("".join(messages_of(await bob.look()).values())).text

    async def test_a_page_that_was_away_hears_what_it_missed(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        await ada.says("first --seed 1")
        first = await house.paints()
        page = await bob.look()
        await ada.presses(buttons_of(messages_of(page)[first.id])["Delete"], first.id)
        await ada.says("second")
        async with watching(house, page, bob) as seen:
            assert (await seen("remove"))["id"] == first.id
            assert "first" not in (await seen("second"))["html"]

    async def test_a_result_is_shown_once_more_to_whoever_asks(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        await ada.says("a fox")
        done = await house.paints()
        await bob.says(f"/show {done.request}")
        assert len(messages_of(await bob.look())) == 2
        assert len(messages_of(await ada.look())) == 1

    async def test_the_room_is_the_same_after_a_restart(self, tmp_path: Path, server: FakeServer) -> None:
        clock = LiveClock()
        async with open_house(tmp_path, [server], clock=clock) as house:
            ada = await house.guest("Ada")
            await ada.says("a fox")
            await house.paints()
            await ada.says("a boat")
            await house.until(lambda: server.waiting)
            before = messages_of(await ada.look())
            cookies = list(ada.session.cookie_jar)
        async with open_house(tmp_path, [server], clock=clock) as house:
            again = await house.stranger("2")
            again.session.cookie_jar.update_cookies({each.key: each.value for each in cookies})
            page = await again.look()
            assert list(messages_of(page)) == list(before)
            assert messages_of(page)[next(iter(before))] == before[next(iter(before))]
            assert 'id="composer"' in page
            await house.paints()
            assert "a boat" in Words(list(messages_of(await again.look()).values())[1]).text


SUGGESTED = {
    "/qu": "/queue",
    "a fox --s": "--size WxH",
    "a fox --ar ": "1:1 · square",
    "a fox --template flu": "Text to image (Flux) · flux",
    "a fox --template=flu": "Text to image (Flux) · flux",
    "/settings private=": "on",
    "/admin": None,
    "just words": None,
    "--": "--no TEXT",
}


class TestSuggestions:
    async def test_are_what_may_be_typed_next(self, house: House) -> None:
        ada = await house.guest("Ada")
        for line, first in SUGGESTED.items():
            async with ada.session.get(
                f"{house.address}/suggest", params={"line": line, "guest": "2"}
            ) as answer:
                items = (await answer.json())["items"]
            assert (items[0]["label"] if items else None) == first, line


class TestRoom:
    def message(self, number: int, state: CardState) -> Message:
        return Message(
            f"m-{number}",
            number,
            IdentityId("web:1"),
            "Ada",
            Card(state, Text("Here")),
            request=RequestId(str(number)),
        )

    def test_a_flood_takes_neither_the_room_nor_the_disk(self) -> None:
        room = Room(Live(), lambda *_: Markup("<li></li>"), [ENGLISH], now=lambda: 1)
        noted: list[int] = []
        room.changed = lambda: noted.append(len(room.requests))
        for number in range(MOST_SHOWN + 20):
            room.put(self.message(number, CardState.DONE))
        assert room.requests[0] == "20"
        flood = range(1000, 1000 + 2 * MOST_OPEN)
        for number in flood:
            room.put(self.message(number, CardState.ACCEPTED))
        assert len(room.requests) == MOST_SHOWN + MOST_OPEN
        before = room.requests, len(noted)
        for number in flood:
            room.put(self.message(number, CardState.QUEUED))
        assert (room.requests, len(noted)) == before
        # A result is shown, whoever was crowded out before.
        room.put(self.message(1000, CardState.DONE))
        assert room.requests[-1] == "1000"
        assert sum(int(each) < 1000 for each in room.requests) == MOST_SHOWN - 1
