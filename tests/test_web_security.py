"""What the page refuses: other sites, other names, forged forms, other people's files, and all markup."""

from __future__ import annotations

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientError, ClientSession, CookieJar, FormData, WSMsgType

from bot.chat.web import doors, listening, live
from bot.chat.web.doors import CSRF_HEADER, is_known_host
from bot.chat.web.play import sent as intake
from bot.chat.web.play.files import attachment
from bot.chat.web.site import kept_token
from bot.chat.web.tries import WRONG_TRIES, Tries
from bot.domain.events import Finished
from bot.domain.ids import NodeId
from bot.domain.outputs import OutputFile, media_kind
from bot.domain.throttle import Importance, Outbox, Route, Send, web_policy
from bot.presentation.cards import Card, CardState, Row
from tests.support.discord_bot import LiveClock, picture
from tests.support.fake_server import FakeServer
from tests.support.web import TOKEN, Guest, House, Words, buttons_of, messages_of, open_house

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>&amp;{{7*7}}{name}"


@dataclass
class EvilServer(FakeServer):
    """It says of its files what it likes."""

    mime: str = "image/png"

    async def fetch(self, file: OutputFile, target: Path) -> str:
        await super().fetch(file, target)
        return self.mime

    def leave(self, name: str, mime: str, content: bytes) -> None:
        self.mime, self.picture = mime, lambda: content
        self.end(Finished((OutputFile(NodeId("7"), name, kind=media_kind(name)),), 1.0, False))


@pytest.fixture
def server() -> EvilServer:
    return EvilServer(picture=picture)


@pytest.fixture
async def house(tmp_path: Path, server: EvilServer) -> AsyncIterator[House]:
    async with open_house(tmp_path, [server], clock=LiveClock(), web={"hosts": ["paint.example"]}) as made:
        yield made


@pytest.fixture
async def locked(tmp_path: Path, server: EvilServer) -> AsyncIterator[House]:
    """A page for its operators alone."""
    async with open_house(tmp_path, [server], clock=LiveClock(), open_to_all=False) as made:
        yield made


async def status(house: House, path: str, *, method: str = "GET", **headers: str) -> int:
    async with (
        ClientSession() as session,
        session.request(method, f"{house.address}{path}", headers=headers, allow_redirects=False) as answer,
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        await answer.read()
        return answer.status


class TestWhereARequestComesFrom:
    @pytest.mark.parametrize(
        ("host", "known"),
        [
            ("127.0.0.1:8765", True),
            ("localhost", True),
            ("[::1]:8765", True),
            ("192.168.1.7:8765", True),
            ("paint.example", True),
            ("paint.example:443", True),
            ("LOCALHOST:8765", True),
            ("localhost.:8765", True),
            ("Paint.Example", True),
            ("evil.example", False),
            ("evil.example@localhost", False),
            ("localhost/evil.example", False),
            ("localhost#evil.example", False),
            ("localhost:80:80", False),
            ("localhost.evil", False),
            ("2130706433", False),
            ("127.0.0.1.evil.example", False),
            ("localhost.evil.example", False),
            ("", False),
        ],
    )
    def test_names_that_were_made_to_point_here_are_not_ours(self, host: str, known: bool) -> None:
        assert is_known_host(host, {"paint.EXAMPLE"}) is known

    async def test_pages_and_sockets_under_other_names_are_refused(self, house: House) -> None:
        assert await status(house, "/") == 200
        assert await status(house, "/", Host="paint.example") == 200
        for host in ("evil.example", "a b", "[::1", "evil.example:8765"):
            assert await status(house, "/", Host=host) == 403
        socket = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert await status(house, "/live", **socket, Origin="http://evil.example") == 403
        assert (
            await status(house, "/live", **socket, Host="evil.example", Origin="http://evil.example") == 403
        )

    async def test_other_sites_change_nothing(self, house: House) -> None:
        ada = await house.guest("Ada")
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            form = {"line": "a fox", "nonce": uuid.uuid4().hex}
            async with ada.session.post(
                ada.at("/say"), data=form, headers={CSRF_HEADER: ada.csrf, **headers}
            ) as answer:
                assert answer.status == 403, headers
        assert not messages_of(await ada.look())

    async def test_a_form_shows_that_it_is_ours(self, house: House) -> None:
        ada, bob = await house.guest("Ada"), await house.guest("Bob")
        for path in ("/say", "/press", "/fill", "/dismiss", "/name", "/sign-in", "/sign-out"):
            for wrong in ("", "x" * 32, bob.csrf, "ü"):
                data = {"line": "a fox", "name": "Mallory", "token": TOKEN, "csrf": wrong}
                async with ada.session.post(ada.at(path), data=data) as answer:
                    assert answer.status == 403, path
        assert "Mallory" not in await ada.look()


class TestWhoComesIn:
    async def test_without_the_token_there_is_nothing_to_be_seen(self, locked: House) -> None:
        stranger = await locked.stranger()
        async with stranger.session.get(stranger.at("/")) as answer:
            assert answer.url.path == "/sign-in"
        assert await status(locked, "/live") == 403
        assert await status(locked, "/suggest?line=/") == 403
        assert await status(locked, "/operator", Accept="text/html") == 303
        assert await status(locked, "/say", method="POST") == 403

    async def test_the_token_opens_it_and_wrong_ones_soon_do_not_count(self, locked: House) -> None:
        boss = await locked.stranger()
        csrf = Words(await _page(boss, "/sign-in")).all("input", name="csrf")[0]["value"]

        async def tries(token: str) -> tuple[int, str]:
            data = {"csrf": csrf, "token": token}
            async with boss.session.post(boss.at("/sign-in"), data=data, allow_redirects=False) as answer:
                return answer.status, answer.headers.get("Location", "")

        assert await tries("wrong") == (403, "")
        assert await tries(TOKEN) == (303, "/operator")
        assert "What shall the others call you?" in await boss.look()
        for _ in range(WRONG_TRIES - 1):
            assert (await tries("wrong"))[0] == 403
        assert (await tries(TOKEN))[0] == 429
        locked.bot.clock.advance(61)
        assert (await tries(TOKEN))[0] == 303

    async def test_a_cookie_that_was_written_by_somebody_else_is_none(self, locked: House) -> None:
        stranger = await locked.stranger()
        for forged in ("x", "eyJpZCI6IjEifQ.x.y", '{"id":"1","name":"","operator":true}', "\x7f", "a" * 4000):
            stranger.session.cookie_jar.update_cookies({"fairbrush": forged})
            async with stranger.session.get(stranger.at("/")) as answer:
                assert answer.url.path == "/sign-in"

    async def test_what_an_open_door_allows_holds_only_while_it_is_open(
        self, tmp_path: Path, server: EvilServer
    ) -> None:
        async with open_house(tmp_path, [server], clock=LiveClock()) as house:
            boss = await (await house.stranger()).comes_in("Boss")
            assert await status(house, "/operator") == 200
            cookies = {each.key: each.value for each in boss.session.cookie_jar}
        async with open_house(tmp_path, [server], clock=LiveClock(), open_to_all=False) as house:
            later = await house.stranger()
            later.session.cookie_jar.update_cookies(cookies)
            async with later.session.get(later.at("/")) as answer:
                assert answer.url.path == "/sign-in"

    async def test_cookies_are_out_of_scripts_reach(self, house: House) -> None:
        async with ClientSession() as session, session.get(f"{house.address}/") as answer:
            (cookie,) = answer.headers.getall("Set-Cookie")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    async def test_a_token_is_drawn_once_and_is_its_owners_alone(self, tmp_path: Path) -> None:
        first = await kept_token(tmp_path / "new")
        assert await kept_token(tmp_path / "new") == first
        assert len(first) >= 32
        assert (tmp_path / "new" / "web-token").stat().st_mode & 0o077 == 0


async def _page(guest: Guest, path: str) -> str:
    async with guest.session.get(guest.at(path)) as answer:
        return await answer.text()


def only_ours(html: str) -> None:
    """No element or attribute came from somebody's words."""
    read = Words(html)
    for tag, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes), attributes
        assert tag != "script" or str(attributes["src"]).startswith("/static/")
        assert tag != "img" or str(attributes["src"]).startswith(
            ("/static/", "/pictures/", "/thumbs/", "/doc")
        )
        assert "style" not in attributes


class TestMarkup:
    async def test_peoples_words_are_words_wherever_they_stand(self, house: House) -> None:
        eve = await house.guest(HOSTILE)
        await eve.says(f"{HOSTILE} --no {HOSTILE}", ("<svg onload=x>.png", picture()))
        await eve.says(HOSTILE)
        done = await house.paints()
        await eve.says(f"/{HOSTILE}")
        await eve.says(f"/show {HOSTILE}")
        await eve.says(f"a fox --template {HOSTILE}")
        await eve.says("x", (f"{HOSTILE}.png", b"none"))
        for button in ("Settings", "Edit"):
            html = messages_of(await eve.look())[done.id]
            answer = await eve.presses(buttons_of(html)[button], done.id)
            only_ours(answer.get("form", ""))
        page = await eve.look()
        only_ours(page)
        assert HOSTILE[:25] in Words(page).text
        bob = await house.guest("Bob")
        only_ours(await bob.look())
        assert "{name}" in done.card.prompt_text

    async def test_what_servers_say_is_words_too(self, house: House) -> None:
        bob = await house.guest("Bob")
        await bob.says("a fox")
        message = await house.paints()
        message.card = Card(
            CardState.DONE,
            message.card.headline,
            texts=(HOSTILE,),
            rows=(Row(CardState.INFO, message.card.headline),),
        )
        house.room.put(message)
        page = await bob.look()
        only_ours(page)
        assert HOSTILE[:25] in Words(page).text


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "mime", "content", "shown"),
        [
            ("a.png", "image/png", picture(), "image/png"),
            ("a.png", "text/html", b"<script>alert(1)</script>", None),
            ("a.svg", "image/svg+xml", b"<svg onload='alert(1)'/>", None),
            ("a.html", "text/html; charset=utf-8", b"<script>", None),
            ("a.mp4", "video/mp4", b"\0" * 4096, "video/mp4"),
            ("a.json", "application/json", b"{}", None),
        ],
    )
    async def test_are_shown_only_where_nothing_can_run(
        self, house: House, server: EvilServer, name: str, mime: str, content: bytes, shown: str | None
    ) -> None:
        ada = await house.guest("Ada")
        await ada.says("a fox")
        await house.until(lambda: server.waiting)
        server.leave(name, mime, content)
        (request,) = house.room.requests
        await house.until(lambda: (found := house.room.message(request)) and found.card.state.final)
        only_ours(await ada.look())
        async with ada.session.get(f"{house.address}/pictures/{request}/1/0") as answer:
            assert answer.status == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert await answer.read() == content
            if shown is None:
                assert answer.content_type == "application/octet-stream"
                assert answer.headers["Content-Disposition"].startswith("attachment")
            else:
                assert answer.content_type == shown
        async with ada.session.get(
            f"{house.address}/pictures/{request}/1/0", headers={"Range": "bytes=1-3"}
        ) as answer:
            assert (answer.status, await answer.read()) == (206, content[1:4])

    async def test_paths_lead_nowhere_else(self, house: House) -> None:
        ada = await house.guest("Ada")
        await ada.says("a fox")
        (request,) = house.room.requests
        for path in (
            "/pictures/../fairbrush.db",
            "/pictures/..%2f..%2fweb-token/1/0",
            f"/pictures/{request}/1/0",
            f"/pictures/{request}/999/0",
            f"/pictures/{request}/1/..%2f0",
            f"/thumbs/{request}/1/0",
            f"/previews/{request}/{'0' * 16}.jpg",
            "/previews/..%2f..%2fx/y.jpg",
            "/documents/x",
            "/static/x/..%2f..%2fsite.py",
            "/static/x/site.py",
        ):
            assert await status(house, path) == 404, path

    def test_names_of_files_cannot_leave_their_header(self) -> None:
        said = attachment('a"\r\nSet-Cookie: x=1; ü/../<b>.png')
        assert "\r" not in said
        assert "\n" not in said
        assert said.count('"') == 2

    async def test_much_at_once_is_refused_before_it_is_read(self, house: House, server: EvilServer) -> None:
        ada = await house.guest("Ada")
        await ada.says("x" * 9000)
        await ada.says("a fox", ("large.png", b"\0" * (21 << 20)))
        said = Words(await ada.look()).text
        assert "at most 8000 are read" in said
        assert "at most 20 MB are taken" in said
        assert not server.posted


async def test_pages_of_one_visitor_are_bounded(house: House) -> None:
    session = ClientSession(cookie_jar=CookieJar(unsafe=True))
    async with session:
        ada = await Guest(session, house.address, "2").comes_in("Ada")
        sockets = [await session.ws_connect(ada.at("/live", since="0")) for _ in range(40)]
        async with session.get(
            ada.at("/live"), headers={"Upgrade": "websocket", "Connection": "Upgrade"}
        ) as full:
            assert full.status == 503
        for socket in sockets:
            await socket.close()


async def test_whoever_looks_after_the_bot_finds_room_beside_all_guests(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PAGES", live.FOR_OPERATORS + 1)
    boss = await (await house.stranger()).comes_in("Boss")
    guest = await Guest(boss.session, house.address, "2").comes_in("Ada")
    async with guest.session.ws_connect(guest.at("/live", since="0")):
        async with guest.session.get(
            guest.at("/live"), headers={"Upgrade": "websocket", "Connection": "Upgrade"}
        ) as full:
            assert full.status == 503
        async with boss.session.ws_connect(boss.at("/operator/live")) as socket:
            assert not socket.closed


async def test_a_page_that_talks_is_hung_up_on(house: House) -> None:
    ada = await house.guest("Ada")
    async with ada.session.ws_connect(ada.at("/live", since="0")) as socket:
        await socket.send_str("x")
        while (said := await socket.receive(5)).type is WSMsgType.TEXT:
            pass
        assert said.type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSING)


class TestForms:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("application/x-www-form-urlencoded; charset=none", b"line=x"),
            ("application/x-www-form-urlencoded; charset=ascii", b"line=\xff"),
            ("multipart/form-data", b"--x\r\n\r\n"),
            ("multipart/form-data; boundary=", b"--x\r\n\r\n"),
            ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
            (
                "multipart/form-data; boundary=x",
                b"--x\r\nContent-Disposition: form-data; name=line\r\n\r\nfo",
            ),
            (
                "multipart/mixed; boundary=x",
                b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n",
            ),
        ],
    )
    async def test_what_is_no_form_is_nobodys_bug(
        self, house: House, caplog: pytest.LogCaptureFixture, kind: str, content: bytes
    ) -> None:
        ada = await house.guest("Ada")
        headers = {CSRF_HEADER: ada.csrf, "Content-Type": kind}
        for path in ("/say", "/press", "/fill", "/name", "/sign-in", "/operator/do"):
            async with ada.session.post(
                ada.at(path), data=content, headers=headers, allow_redirects=False
            ) as answer:
                assert answer.status < 500, path
        assert "stumbled" not in caplog.text

    async def test_nothing_is_held_beyond_what_a_form_may_hold(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada = await house.guest("Ada")
        headers = {CSRF_HEADER: ada.csrf}
        many = FormData([(f"field{number}", "x") for number in range(intake.MOST_FIELDS + 1)])
        many._is_multipart = True
        async with ada.session.post(ada.at("/say"), data=many, headers=headers) as answer:
            assert answer.status == 400
        for path in ("/press", "/fill", "/name"):
            form = FormData()
            form.add_field("name", io.BytesIO(b"x" * (doors.MOST_BYTES + 1)), filename="name")
            async with ada.session.post(ada.at(path), data=form, headers=headers) as answer:
                assert answer.status == 413, path
        monkeypatch.setattr(intake, "MOST_HELD", 100)
        await ada.says("a fox", ("a.png", picture()))
        assert "Too many pictures are being sent" in Words(await ada.look()).text
        monkeypatch.undo()
        await ada.says("a fox", ("a.png", picture()))
        assert house.room.requests

    async def test_who_sends_slowly_keeps_nobody_else_waiting(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada = await house.guest("Ada")
        sent_on = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="line"\r\n\r\na '
            await sent_on.wait()
            yield b"fox\r\n--x--\r\n"

        async def sends() -> int:
            headers = {CSRF_HEADER: ada.csrf, "Content-Type": "multipart/form-data; boundary=x"}
            async with ada.session.post(ada.at("/say"), data=slowly(), headers=headers) as answer:
                return answer.status

        slow = [asyncio.create_task(sends()) for _ in range(6)]
        await ada.says("an owl", ("a.png", picture()))
        assert len(house.room.requests) == 1
        sent_on.set()
        assert await asyncio.gather(*slow) == [200] * 6
        monkeypatch.setattr(intake, "READ_SECONDS", 0.05)
        sent_on.clear()
        assert await sends() == 408

    async def test_a_long_name_is_cut_before_it_is_looked_at(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked_at: list[int] = []

        def one_line(text: str) -> str:
            looked_at.append(len(text))
            return text

        monkeypatch.setattr("bot.chat.web.visitors.one_line", one_line)
        await house.guest("Bob" * 100_000)
        assert max(looked_at) < 1000


class TestTries:
    def test_a_stranger_who_guesses_shuts_out_only_who_shares_their_address(self) -> None:
        now = 0.0
        tries = Tries(lambda: now)
        for _ in range(WRONG_TRIES):
            assert not tries.are_over("10.0.0.1")
            tries.wrong("10.0.0.1")
        assert tries.are_over("10.0.0.1")
        assert not tries.are_over("10.0.0.2")
        now = 61.0
        assert not tries.are_over("10.0.0.1")

    def test_a_household_has_one_number_of_the_sixth_version(self) -> None:
        tries = Tries(lambda: 0.0)
        for number in range(WRONG_TRIES):
            tries.wrong(f"2001:db8::{number:x}")
        assert tries.are_over("2001:db8::ffff")
        assert not tries.are_over("2001:db8:0:1::1")

    def test_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.chat.web.tries.MOST_ADDRESSES", 2)
        tries = Tries(lambda: 0.0)
        for address in ("a", "b", "c"):
            for _ in range(WRONG_TRIES):
                tries.wrong(address)
        assert not tries.are_over("a")
        assert tries.are_over("c")


async def test_a_room_full_of_waiting_cards_finds_the_next_one_without_looking_at_all(house: House) -> None:
    ada = await house.guest("Ada")
    await ada.says("a fox")
    await ada.says("an owl")
    one, other = [await house.bot.service.store.request(each) for each in house.room.requests]
    assert one is not None
    assert other is not None
    screen = house.parts.outcomes.screen
    assert screen.route(one, 0) != screen.route(other, 0)
    outbox = Outbox[int, int](web_policy())
    for number in range(100):
        outbox.show(number, Route("page", str(number)), 0, Importance.WAITING, 0.0)
    sends = 0
    while isinstance(outbox.next(0.0), Send):
        sends += 1
    # What is kept for results is kept for all of them together.
    assert 0 < sends <= web_policy().calls - web_policy().kept


async def answers(house: House) -> bool:
    try:
        return await status(house, "/") == 200
    except ClientError:
        return False


async def test_whoever_opens_many_connections_leaves_files_for_the_bot(
    tmp_path: Path, server: EvilServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "open_files", lambda: 8)
    async with open_house(tmp_path, [server], clock=LiveClock()) as house:
        where = urlsplit(house.address)
        opened = [await asyncio.open_connection(where.hostname, where.port) for _ in range(6)]
        for reader, _ in opened[4:]:
            with contextlib.suppress(ConnectionResetError):
                async with asyncio.timeout(10):
                    assert await reader.read() == b""
        for _, writer in opened[:4]:
            writer.close()
            await writer.wait_closed()
        for _ in range(500):
            if found := await answers(house):
                break
            await asyncio.sleep(0.01)
        assert found
        for _, writer in opened[4:]:
            writer.close()
