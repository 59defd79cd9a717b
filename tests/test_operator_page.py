"""The operator's page: who may see it, the queue as it is, and what can be done there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientWebSocketResponse, hdrs

from bot.chat.web.operator import frame
from bot.chat.web.operator.frame import own_address
from bot.chat.web.pages import Pages
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import JobState
from bot.service import floor, running
from bot.service.ports import Health
from tests.operator_page_support import HOSTILE, TOKEN, Page, Visit, visited
from tests.support.fake_server import FakeServer, unreachable

SECTIONS = ("", "/jobs", "/usage", "/people", "/templates", "/audit")


@asynccontextmanager
async def watching(visit: Visit, page: Page) -> AsyncIterator[ClientWebSocketResponse]:
    """As a browser that has loaded ``page`` keeps it up to date."""
    address = visit.parts.site.address + page.attribute("data-live")
    async with visit.session.ws_connect(address) as socket:
        yield socket


async def pieces(visit: Visit, socket: ClientWebSocketResponse) -> dict[str, str]:
    """What comes within the next look: html by id."""
    await asyncio.sleep(0.02)
    visit.bot.clock.advance(1.0)
    found: dict[str, str] = {}
    while True:
        try:
            told = json.loads(await socket.receive_str(timeout=0.15))
        except TimeoutError:
            return found
        for piece in told if isinstance(told, list) else [told]:
            found[piece["id"]] = piece["html"]


async def test_the_queue_is_shown_as_it_is(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.bot.ask("a lighthouse", who="alice")
        await visit.bot.server.until_waiting(1)
        visit.bot.server.start()
        for who in ("bob", "carol"):
            await visit.bot.ask("a harbour --count 3", who=who)
        visit.bot.clock.advance(130)
        page = await visit.get("/operator")
        assert page.status == 200
        for words in ("alice", "bob", "carol", "In line 6", "At servers 1", "People 3", "waits 3 min"):
            assert words in page.text
        # Who runs is last; among the others whoever came first has the first place.
        assert page.text.index("bob") < page.text.index("carol")
        assert "place 1 Text to image" in page.text
        assert "harbour" not in page.html


async def test_a_long_queue_is_cut_short(tmp_path: Path) -> None:
    generous = {"default": {"max_waiting": 1000, "max_count": 10}}
    async with visited(tmp_path, queue={"max_waiting": 1000}, tiers=generous) as visit:
        people = floor.MOST_LANES + 3
        for number in range(people):
            await visit.bot.ask("a harbour --count 10", who=f"user{number:02}")
        page = await visit.get("/operator")
        assert page.html.count('class="op-lane"') == floor.MOST_LANES
        assert f"In line {10 * people - 1}" in page.text
        assert "and 3 more people, 29 more jobs" in page.text
        assert "and 4 more" in page.text
        assert len(page.html) < 80_000


async def test_only_operators_see_it(tmp_path: Path) -> None:
    async with visited(tmp_path, open_to_all=False) as visit:
        page = await visit.get("/operator")
        assert "/sign-in" in page.url
        assert "Sign in as the operator" in page.text
        guest = page.csrf
        for route in visit.routes("/operator"):
            path = route.path.replace("{request}", "a").replace("{user:.+}", "test:a").replace("{key}", "b")
            if route.method == hdrs.METH_GET:
                assert "/sign-in" in (await visit.get(path)).url, path
                assert (await visit.get(path, Accept="*/*")).status == 403, path
            elif route.method == hdrs.METH_POST:
                refused = await visit.post(path, csrf=guest, what="pause")
                assert (refused.status, refused.url) == (403, visit.parts.site.address + path), path
        assert not visit.bot.service.dispatcher.gates.paused
        signed = await visit.post("/sign-in", token=TOKEN)
        assert (signed.status, signed.url.rpartition("/")[2]) == (200, "operator")
        await visit.post("/sign-out")
        assert "/sign-in" in (await visit.get("/operator")).url


async def test_what_changes_something_must_come_from_our_own_page(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.get("/operator")
        for route in visit.routes("/operator"):
            if route.method == hdrs.METH_POST:
                path = route.path.replace("{key}", "b")
                refused = await visit.post(path, csrf="0" * 32, what="resume")
                assert refused.status == (400 if path == "/operator/templates" else 403), path
                assert (await visit.post(path, csrf="", file=b"{}")).status == 403, path
        elsewhere = {"Origin": "http://evil.example"}
        assert (await visit.post("/operator/do", headers=elsewhere, what="resume")).status == 403
        assert await visit.bot.store.audit_log() == ()


async def test_pausing_asks_first_and_stands_in_the_log(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        asked = await visit.do("pause", reason="cleaning")
        assert "Are you sure?" in asked.text
        assert not visit.bot.service.dispatcher.gates.paused
        assert "Nothing was changed" in (await visit.answer(asked, yes=False)).text
        done = await visit.answer(asked, yes=True)
        assert "The queue is paused" in done.text
        assert visit.bot.service.dispatcher.gates.paused
        assert "Nothing new begins until somebody resumes." in (await visit.get("/operator")).text
        (entry,) = await visit.bot.store.audit_log()
        assert (entry.action, entry.detail) == ("pause", "cleaning")
        assert entry.actor.startswith("web:")
        assert "It goes on" in (await visit.do("resume")).text


async def test_a_job_is_cancelled_by_its_button(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        receipt = await visit.bot.ask("a lighthouse")
        (job,) = receipt.accepted.jobs
        asked = await visit.do("cancel", job=job.id)
        assert "is stopped. It is not painted later" in asked.text
        await visit.answer(asked, yes=True)
        await visit.bot.until_state(job.id, JobState.CANCELLED)


async def test_what_was_done_is_told_to_whoever_did_it_alone(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        done = await visit.do("resume")
        assert "neither paused nor draining" in done.text
        visit.session.cookie_jar.clear()
        other = await visit.get(done.url.removeprefix(visit.parts.site.address))
        assert other.status == 200
        assert "neither paused nor draining" not in other.text


async def test_unknown_deeds_and_answers_are_refused_with_a_card(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        for what in ("", "quota", "audit", "erase everything", "templates"):
            assert "of another version" in (await visit.do(what)).text
        for action in ("", "v1:page:aqueue:0::", "v1:yes:erase:1::", "nonsense"):
            page = await visit.post("/operator/answer", action=action)
            assert page.status == 200
            assert "version" in page.text or "Somebody else was asked" in page.text
        assert "There is no user" in (await visit.do("quota grant", user="nobody", seconds="5")).text


@pytest.mark.parametrize(
    "address",
    [
        *("https://evil.example/operator", "//evil.example/operator", "/\\evil.example", "http:/operator"),
        *("javascript:1", "/operatorx", "/operator\r\nX: y", "", "/", "/operator/../secret"),
    ],
)
def test_nobody_is_sent_elsewhere(address: str) -> None:
    assert own_address(address) == frame.HOME


def test_one_goes_back_to_where_one_was() -> None:
    assert own_address("/operator/jobs?state=done&user=%C3%A9") == "/operator/jobs?state=done&user=%C3%A9"


# Kept fresh


async def test_an_open_page_follows_what_goes_on(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        page = await visit.get("/operator")
        async with watching(visit, page) as socket:
            assert await pieces(visit, socket) == {}
            # A page that is loaded while nothing has changed is as new as the one before.
            assert (await visit.get("/operator")).attribute("data-live") == page.attribute("data-live")
            await visit.bot.ask("a lighthouse", who="alice")
            await visit.bot.server.until_waiting(1)
            found = await pieces(visit, socket)
            assert set(found) == {"op-head", "op-lanes", "op-server-0"}
            assert "alice" in found["op-lanes"]
            run = visit.bot.server.start()
            assert run.on_event is not None
            run.on_event(Progressed(node=NodeId("3"), title="KSampler", fraction=0.4, step=8, steps=20))
            found = await pieces(visit, socket)
            assert 'value="40"' in found["op-server-0"]
            assert "op-head" not in found
            visit.bot.server.finish()
            await visit.bot.until_over(await newest(visit))
            assert "Nobody waits" in (await pieces(visit, socket))["op-lanes"]


async def newest(visit: Visit) -> Any:
    (found,) = (await visit.bot.store.survey_requests(limit=1)).found
    return found.request.id


async def test_a_page_gets_what_it_missed_while_it_was_loaded(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        page = await visit.get("/operator")
        await visit.bot.ask("a lighthouse", who="alice")
        await visit.bot.server.until_waiting(1)
        await visit.get("/operator")  # somebody else looks, so the change is seen before the socket is open
        async with watching(visit, page) as socket:
            assert "alice" in (await pieces(visit, socket))["op-lanes"]
        # A page of an earlier process gets everything.
        async with visit.session.ws_connect(f"{visit.parts.site.address}/operator/live?since=x.1") as socket:
            assert set(await pieces(visit, socket)) == {"op-head", "op-lanes", "op-server-0"}


async def test_pieces_are_drawn_once_for_all_who_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    async with visited(tmp_path) as visit:
        page = await visit.get("/operator")
        draw = Pages.draw

        def noted(self: Pages, name: str, *rest: Any, **values: Any) -> Any:
            drawn.append(name.removeprefix("operator/piece_"))
            return draw(self, name, *rest, **values)

        monkeypatch.setattr(Pages, "draw", noted)
        async with watching(visit, page) as one, watching(visit, page) as other:
            await pieces(visit, one)
            drawn.clear()
            await visit.bot.ask("a lighthouse", who="alice")
            await visit.bot.server.until_waiting(1)
            assert await pieces(visit, one) == await pieces(visit, other)
            # Whoever loads the page now gets what is drawn already.
            await visit.get("/operator")
            await visit.get("/operator")
        pages = ["operator/queue.html"] * 2
        assert sorted(drawn) == ["head.html", "lane.html", "lanes.html", *pages, "server.html"]


async def test_nothing_is_looked_at_while_nobody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = floor.FloorWatch.look

    async def counted(self: floor.FloorWatch) -> floor.Floor:
        looks.append(1)
        return await look(self)

    monkeypatch.setattr(floor.FloorWatch, "look", counted)
    async with visited(tmp_path) as visit:
        page = await visit.get("/operator")
        async with watching(visit, page) as socket:
            looks.clear()
            for _ in range(3):
                await pieces(visit, socket)
            assert len(looks) == 3
        await asyncio.sleep(0.05)
        looks.clear()
        for _ in range(3):
            await asyncio.sleep(0.02)
            visit.bot.clock.advance(1.0)
        await asyncio.sleep(0.05)
        assert looks == []


class Slow(FakeServer):
    """At some time it says no longer how it is."""

    silent = False

    async def health(self) -> Health:
        if self.silent:
            await asyncio.Event().wait()
        return await super().health()


async def test_a_slow_server_does_not_make_the_queue_stand_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MEMORY_WAITS", 60.0)
    server = Slow()
    async with visited(tmp_path, [server]) as visit:
        page = await visit.get("/operator")
        async with watching(visit, page) as socket:
            server.silent = True
            visit.bot.clock.advance(floor.LOOKS_AT_SERVERS)
            await pieces(visit, socket)
            await visit.bot.ask("a lighthouse", who="alice")
            assert "alice" in (await pieces(visit, socket))["op-lanes"]


async def test_lanes_change_one_by_one_where_few_do(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        for who in ("alice", "bob", "carol"):
            await visit.bot.ask("a lighthouse", who=who)
        await visit.bot.server.until_waiting(1)
        page = await visit.get("/operator")
        async with watching(visit, page) as socket:
            assert await pieces(visit, socket) == {}
            await visit.bot.ask("a harbour", who="carol")
            found = await pieces(visit, socket)
            lanes = [html for name, html in found.items() if name.startswith("op-lane-")]
            assert "op-lanes" not in found
            assert len(lanes) == 1
            assert "carol" in lanes[0]


async def test_a_failing_page_stops_nobody_who_paints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with visited(tmp_path) as visit:
        page = await visit.get("/operator")
        async with watching(visit, page) as socket:
            await pieces(visit, socket)
            monkeypatch.setattr(floor.FloorWatch, "look", lambda _: 1 / 0)
            assert await pieces(visit, socket) == {}
            assert "cannot be kept fresh" in caplog.text
            monkeypatch.undo()
            await visit.bot.ask("a lighthouse", who="alice")
            assert "alice" in (await pieces(visit, socket))["op-lanes"]


async def test_a_server_that_is_down_says_why(tmp_path: Path) -> None:
    servers = [FakeServer("one"), FakeServer("two")]
    async with visited(tmp_path, servers) as visit:
        visit.bot.service.dispatcher.take_out(visit.bot.state("two"), unreachable())
        page = await visit.get("/operator")
        assert "Servers up 1/2" in page.text
        assert "does not answer" in page.text


async def test_hostile_words_come_out_as_text_in_every_section(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        bot = visit.bot
        receipt = await bot.ask(HOSTILE, who=HOSTILE)
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        await bot.ask(HOSTILE, who=HOSTILE)
        user = receipt.accepted.request.user
        await visit.do("quota grant", user=user, seconds="10", reason=HOSTILE)
        await visit.do("pause", reason=HOSTILE)
        paths = [*SECTIONS, f"/people/{quote(user)}", f"/jobs/{receipt.accepted.request.id}"]
        paths += [f"/{section}={quote(HOSTILE)}" for section in ("jobs?user", "people?search", "audit?actor")]
        for path in paths:
            page = await visit.get(f"/operator{path}")
            assert page.status == 200, path
            assert "&lt;script&gt;alert(1)" in page.html or path == "/templates", path
            assert "<script>alert" not in page.html, path
            assert "<img src=x" not in page.html, path
            assert "style=" not in page.html, path
            # What somebody typed themselves comes back to them as it was.
            assert "\u202e" not in page.text, path
