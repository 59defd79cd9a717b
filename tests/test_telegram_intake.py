"""Updates of Telegram: each is written down before Telegram forgets it, and handled once, in its order."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.chat.telegram.client import make_client
from bot.chat.telegram.inbox import Inbox, lane_of
from bot.chat.telegram.polling import CONFLICT, WEBHOOK, Polling, log_in
from bot.chat.telegram.reading import read
from bot.chat.telegram.updates import Incoming, Pressed
from bot.chat.telegram.webhook import HEADER, Webhook
from bot.domain.errors import AuthenticationFailed, ConfigError, StoreUnavailable
from bot.domain.text import Text
from bot.store import open_store
from tests.support.telegram import FloodLimits, TelegramWorld

Raw = Mapping[str, Any]
SECRET = "s3cret_-"


class Disk:
    """A store that can be full for a while. ``at``: its updates lie in ``store``."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.full = 0
        self.asked = 0

    async def keep_updates(self, updates: Sequence[tuple[int, str]], at: int) -> tuple[tuple[int, str], ...]:
        self._check()
        found: tuple[tuple[int, str], ...] = await self.store.keep_updates(updates, at)
        return found

    async def waiting_updates(self, limit: int) -> tuple[tuple[int, str], ...]:
        self._check()
        self.asked += 1
        found: tuple[tuple[int, str], ...] = await self.store.waiting_updates(limit)
        return found

    async def update_done(self, update_id: int, at: int) -> None:
        self._check()
        await self.store.update_done(update_id, at)

    async def last_update(self) -> int | None:
        found: int | None = await self.store.last_update()
        return found

    def _check(self) -> None:
        if self.full:
            self.full -= 1
            raise StoreUnavailable(Text("The disk is full."), cause="disk full")


@dataclass
class Handler:
    """What was handled. ``hold``: updates that wait until they are let go."""

    seen: list[Raw] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    hold: dict[int, asyncio.Event] = field(default_factory=dict)
    fail: Callable[[Raw], bool] = lambda _: False
    at_once: int = 0
    most: int = 0

    async def __call__(self, update: Raw) -> None:
        self.seen.append(update)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            number = update.get("update_id", -1)
            if number in self.hold:
                await self.hold[number].wait()
            if self.fail(update):
                raise ValueError("a bug")
            self.ended.append(number)
        finally:
            self.at_once -= 1

    @property
    def numbers(self) -> list[int]:
        return [each.get("update_id", -1) for each in self.seen]

    @property
    def texts(self) -> list[str]:
        found = [read(each) for each in self.seen]
        return [each.text for each in found if isinstance(each, Incoming)]


@dataclass
class Sleeper:
    """Passes the time at once, and remembers how much of it there was."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def running(*parts: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def emptied(disk: Disk) -> None:
    """Nothing waits any more."""
    async with asyncio.timeout(10):
        while await disk.store.waiting_updates(1):  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    async with open_store(tmp_path / "fairbrush.db", clock=lambda: 1_000) as store:
        yield Disk(store)


def inbox(disk: Disk, handler: Handler, sleeper: Sleeper | None = None, **options: Any) -> Inbox:
    return Inbox(disk, handler, now=lambda: 1_000, sleep=sleeper or Sleeper(), **options)


def message(number: int, chat: int = 1, sender: int = 1, text: str = "") -> dict[str, Any]:
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": 1,
            "chat": {"id": chat, "type": "private"},
            "from": {"id": sender, "is_bot": False, "first_name": "A"},
            "text": text or str(number),
        },
    }


# The inbox


async def test_what_is_taken_is_on_the_disk_before_it_is_handled(disk: Disk) -> None:
    handler = Handler()
    box = inbox(disk, handler)
    await box.take([message(5), message(6)])
    assert [number for number, _ in await disk.waiting_updates(10)] == [5, 6]
    assert handler.seen == []
    async with running(box.run):
        await until(lambda: len(handler.ended) == 2)
        await until(lambda: disk.asked >= 1)
        await emptied(disk)
    assert await box.last() == 6


async def test_what_an_earlier_process_left_is_handled_first_and_once(disk: Disk) -> None:
    handler = Handler(hold={1: asyncio.Event()})
    async with running((first := inbox(disk, handler)).run):
        await first.take([message(1), message(2)])
        await until(lambda: handler.numbers == [1])
    assert handler.ended == []
    later = Handler()
    async with running((box := inbox(disk, later)).run):
        await box.take([message(3)])
        await until(lambda: len(later.ended) == 3)
        await box.take([message(1), message(2), message(3)])
        await box.take([message(4)])
        await until(lambda: len(later.ended) == 4)
    assert later.numbers == [1, 2, 3, 4]


async def test_one_person_keeps_their_order_and_holds_up_nobody_else(disk: Disk) -> None:
    handler = Handler(hold={1: asyncio.Event()})
    async with running((box := inbox(disk, handler)).run):
        await box.take([message(1, chat=-9, sender=1), message(2, chat=-9, sender=2)])
        await box.take([message(3, chat=-9, sender=1), message(4, chat=7, sender=1)])
        await until(lambda: handler.ended == [2, 4])
        handler.hold[1].set()
        await until(lambda: handler.ended == [2, 4, 1, 3])


async def test_only_so_many_are_handled_at_a_time(disk: Disk) -> None:
    handler = Handler(hold={number: asyncio.Event() for number in range(1, 31)})
    async with running((box := inbox(disk, handler, at_once=4, patience=60.0)).run):
        await box.take([message(number, chat=number) for number in range(1, 31)])
        await until(lambda: handler.at_once == 4)
        for event in handler.hold.values():
            event.set()
        await until(lambda: len(handler.ended) == 30)
    assert handler.most == 4


async def test_those_that_wait_for_a_crowded_chat_hold_up_nobody(disk: Disk) -> None:
    handler = Handler(hold={number: asyncio.Event() for number in range(1, 31)})
    async with running((box := inbox(disk, handler, at_once=4, patience=0.0)).run):
        await box.take([message(number, chat=-9, sender=number) for number in range(1, 31)])
        await box.take([message(31, chat=7), message(32, chat=-9, sender=1)])
        await until(lambda: handler.ended == [31])
        await until(lambda: box.held == 31)
        handler.hold[1].set()
        await until(lambda: handler.ended == [31, 1, 32])
        await until(lambda: box.held == 29)


async def test_a_flood_waits_on_the_disk_and_every_one_is_handled_in_order(disk: Disk) -> None:
    handler = Handler()
    async with running((box := inbox(disk, handler, ahead=10)).run):
        for start in range(1, 200, 20):
            await box.take([message(number, chat=number % 3) for number in range(start, start + 20)])
        await until(lambda: len(handler.ended) == 200)
        assert sorted(handler.ended) == list(range(1, 201))
        for chat in range(3):
            mine = [number for number in handler.ended if number % 3 == chat]
            assert mine == sorted(mine)


async def test_a_flood_does_not_fill_the_memory(disk: Disk) -> None:
    handler = Handler(hold={number: asyncio.Event() for number in range(1, 301)})
    async with running((box := inbox(disk, handler, ahead=20)).run):
        for start in range(1, 300, 10):
            await box.take([message(number, chat=number % 7) for number in range(start, start + 10)])
        await until(lambda: handler.at_once)
        assert 0 < box.held <= 2 * 20
        for event in handler.hold.values():
            event.set()
        await until(lambda: len(handler.ended) == 300)
    assert sorted(handler.ended) == list(range(1, 301))


async def test_what_ends_while_the_disk_is_read_is_not_handled_again(disk: Disk) -> None:
    handler, gate = Handler(hold={1: asyncio.Event()}), asyncio.Event()
    read_all = disk.waiting_updates

    async def slowly(limit: int) -> tuple[tuple[int, str], ...]:
        found = await read_all(limit)
        await gate.wait()
        return found

    async with running((box := inbox(disk, handler, ahead=4)).run):
        await until(lambda: disk.asked)
        await box.take([message(1)])
        await until(lambda: handler.numbers == [1])
        disk.waiting_updates = slowly  # type: ignore[method-assign]
        await box.take([message(number, chat=number) for number in range(2, 7)])
        await until(lambda: disk.asked == 2)
        handler.hold[1].set()
        await until(lambda: handler.ended == [1])
        await until(lambda: not box.held)
        gate.set()
        await until(lambda: len(handler.ended) == 6)
        await emptied(disk)
    assert sorted(handler.numbers) == [1, 2, 3, 4, 5, 6]


async def test_what_is_read_while_it_is_being_taken_is_handled_once(disk: Disk) -> None:
    handler, read, written = Handler(hold={1: asyncio.Event()}), asyncio.Event(), asyncio.Event()
    read_all, keep = disk.waiting_updates, disk.keep_updates

    async def reads(limit: int) -> tuple[tuple[int, str], ...]:
        await read.wait()
        return await read_all(limit)

    async def writes(updates: Sequence[tuple[int, str]], at: int) -> tuple[tuple[int, str], ...]:
        found = await keep(updates, at)
        read.set()
        await written.wait()
        return found

    disk.waiting_updates, disk.keep_updates = reads, writes  # type: ignore[method-assign]
    async with running((box := inbox(disk, handler)).run):
        taking = asyncio.ensure_future(box.take([message(1)]))
        await until(lambda: handler.numbers == [1])
        written.set()
        await taking
        handler.hold[1].set()
        await emptied(disk)
        await until(lambda: not box.held)
    assert handler.numbers == [1]


async def test_a_bug_is_written_into_the_log_and_never_met_again(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler(fail=lambda update: update["update_id"] == 1)
    async with running((box := inbox(disk, handler)).run):
        await box.take([message(1, text="a secret wish"), message(2)])
        await until(lambda: handler.ended == [2])
        await until(lambda: "stumbled over update 1" in caplog.text)
        await emptied(disk)
    assert "a secret wish" not in caplog.text


async def test_a_full_disk_takes_nothing_and_forgets_nothing(disk: Disk) -> None:
    handler, sleeper = Handler(), Sleeper()
    async with running((box := inbox(disk, handler, sleeper)).run):
        await until(lambda: disk.asked)
        disk.full = 1
        with pytest.raises(StoreUnavailable):
            await box.take([message(1)])
        assert handler.seen == []
        await box.take([message(1)])
        disk.full = 3
        await until(lambda: handler.ended == [1] and not disk.full)
        await emptied(disk)
    assert len(sleeper.slept) >= 3
    assert handler.ended == [1]


@pytest.mark.parametrize(
    "odd", [{}, {"update_id": "1"}, {"update_id": True}, {"update_id": -1}, {"update_id": 2**80}]
)
async def test_what_has_no_number_is_no_update(disk: Disk, odd: Raw) -> None:
    box = inbox(disk, Handler())
    await box.take([odd, message(7)])
    assert [number for number, _ in await disk.waiting_updates(10)] == [7]


def test_lanes_are_told_by_chat_and_person() -> None:
    assert lane_of(message(1, chat=-5, sender=6)) == (-5, 6)
    query = {"id": "77", "from": {"id": 6}, "message": {"chat": {"id": -5}, "media_group_id": "8"}}
    assert lane_of({"update_id": 1, "callback_query": query}) == (0, "77")
    pieces = [message(number, chat=-5, sender=6) for number in (1, 2)]
    for piece in pieces:
        piece["message"]["media_group_id"] = "8"
    assert [lane_of(piece) for piece in pieces] == [(-5, "8"), (-5, "8")]
    post = {"update_id": 1, "channel_post": {"chat": {"id": -7}, "sender_chat": {"id": -7}}}
    assert lane_of(post) == (-7, -7)
    for odd in (
        {},
        {"update_id": 1},
        {"update_id": 1, "message": None},
        {"message": {"chat": 5, "from": "x"}},
    ):
        assert lane_of(odd) == (0, 0)


# Polling


@dataclass
class Post:
    """A bot that asks a local Telegram."""

    telegram: TelegramWorld
    disk: Disk
    handler: Handler
    sleeper: Sleeper
    told: list[Text] = field(default_factory=list)

    @asynccontextmanager
    async def polls(self, **options: Any) -> AsyncIterator[Inbox]:
        box = inbox(self.disk, self.handler, self.sleeper)
        client = make_client(self.telegram.token, self.telegram.api_url)
        await log_in(client, self.sleeper)
        polling = Polling(client, box, tell=self.told.append, sleep=self.sleeper, hold=1, **options)
        try:
            async with running(box.run, polling.run):
                yield box
        finally:
            await client.shutdown()


@pytest.fixture
async def post(disk: Disk) -> AsyncIterator[Post]:
    async with TelegramWorld(limits=FloodLimits.off()) as telegram:
        yield Post(telegram, disk, Handler(), Sleeper())


async def test_what_people_do_is_handled(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with post.polls():
        await alice.says(chat, "/imagine a fox")
        await until(lambda: post.handler.texts[-1:] == ["/imagine a fox"])
        await until(lambda: not post.telegram.updates.queue)
    assert read(post.handler.seen[-1]).sender.name == "Alice"  # type: ignore[union-attr]
    asked = post.telegram.calls("getUpdates")[0].json["allowed_updates"]
    assert "callback_query" in asked
    assert "my_chat_member" in asked


async def test_nothing_is_asked_for_before_it_is_written_down(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with post.polls():
        await until(lambda: post.telegram.updates.polling)
        post.disk.full = 3
        await alice.says(chat, "/imagine a fox")
        await until(lambda: post.handler.texts == ["/imagine a fox"])
        await until(lambda: not post.telegram.updates.queue)
    assert [str(text) for text in post.told] == ["The disk is full."]
    assert len(post.handler.seen) == 1


async def test_what_came_while_the_bot_was_away_is_handled_once(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with post.polls():
        await alice.says(chat, "one")
        await until(lambda: post.handler.texts == ["one"])
    await alice.says(chat, "two")
    await alice.says(chat, "three")
    async with post.polls():
        await until(lambda: len(post.handler.texts) == 3)
        await alice.says(chat, "four")
        await until(lambda: len(post.handler.texts) == 4)
    assert post.handler.texts == ["one", "two", "three", "four"]


@pytest.mark.parametrize("code", [500, 502, 504])
async def test_trouble_of_telegrams_own_is_ridden_out(
    post: Post, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    post.telegram.faults.fail("getUpdates", code, times=4, html=True)
    post.telegram.faults.hang_up("getUpdates", times=1)
    post.telegram.faults.lose_answer("getUpdates", times=1)
    with caplog.at_level(logging.DEBUG):
        async with post.polls():
            await alice.says(chat, "hello")
            await until(lambda: post.handler.texts == ["hello"])
    assert post.sleeper.slept[:4] == [1.0, 2.0, 4.0, 8.0]
    assert post.told == []
    bare = [
        r.getMessage() for r in caplog.records if r.name.startswith(("bot.", "httpx", "telegram.request"))
    ]
    assert not any(post.telegram.token in line for line in bare)


async def test_a_second_program_is_told_of_once(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with post.polls():
        await until(lambda: post.telegram.updates.polling)
        post.telegram.faults.fail("getUpdates", 409, times=3)
        await alice.says(chat, "hello")
        await until(lambda: post.handler.texts == ["hello"])
        await until(lambda: not post.telegram.faults.active or post.sleeper.slept)
        await alice.says(chat, "again")
        await until(lambda: post.handler.texts == ["hello", "again"])
    assert post.told == [CONFLICT]


async def test_a_webhook_that_was_left_is_taken_away(post: Post) -> None:
    client = make_client(post.telegram.token, post.telegram.api_url)
    async with client:
        await client.set_webhook("https://example.org/hook")
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with post.polls():
        await alice.says(chat, "hello")
        await until(lambda: post.handler.texts == ["hello"])


async def test_a_webhook_that_is_set_meanwhile_is_told_of(post: Post) -> None:
    async with post.polls():
        await until(lambda: post.telegram.updates.polling)
        async with make_client(post.telegram.token, post.telegram.api_url) as client:
            await client.set_webhook("https://example.org/hook")
            await until(lambda: post.told)
            await client.delete_webhook()
    assert post.told == [WEBHOOK]


async def test_flood_limits_of_polling_are_obeyed(post: Post) -> None:
    post.telegram.faults.fail("getUpdates", 429, parameters={"retry_after": 17})
    async with post.polls():
        await until(lambda: 17.0 in post.sleeper.slept)


async def test_a_token_that_is_none_ends_it_without_being_shown(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    token = "123:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    client = make_client(token, post.telegram.api_url)
    with pytest.raises(AuthenticationFailed) as refused:
        await log_in(client, post.sleeper)
    await client.shutdown()
    assert token not in f"{refused.value!r} {refused.value.cause} {refused.value.__cause__!r}"
    assert "AAAA" not in caplog.text


async def test_a_token_that_is_taken_back_ends_it(post: Post) -> None:
    client = make_client(post.telegram.token, post.telegram.api_url)
    await log_in(client, post.sleeper)
    polling = Polling(
        client, inbox(post.disk, post.handler), tell=post.told.append, sleep=post.sleeper, hold=1
    )
    post.telegram.faults.fail("getUpdates", 401, times=None)
    with pytest.raises(AuthenticationFailed):
        await polling.run()
    await client.shutdown()


async def test_without_a_network_at_first_it_waits(post: Post) -> None:
    post.telegram.faults.fail("getMe", 502, times=2, html=True)
    post.telegram.faults.hang_up("getMe", times=1)
    async with post.polls():
        await until(lambda: post.telegram.updates.polling)
    assert post.sleeper.slept[:3] == [1.0, 2.0, 4.0]


# The webhook


@asynccontextmanager
async def listening(post: Post, secret: str = SECRET) -> AsyncIterator[Webhook]:
    box = inbox(post.disk, post.handler, post.sleeper)
    with _free_port() as port:
        pass
    client = make_client(post.telegram.token, post.telegram.api_url)
    await log_in(client, post.sleeper)
    hook = Webhook(
        client,
        box,
        url=f"http://127.0.0.1:{port}/hook",
        host="127.0.0.1",
        port=port,
        secret=secret,
        tell=post.told.append,
        sleep=post.sleeper,
    )
    try:
        async with running(box.run, hook.run):
            await until(lambda: post.telegram.calls("setWebhook"))
            yield hook
    finally:
        await client.shutdown()


class _free_port:  # noqa: N801
    def __enter__(self) -> int:
        import socket

        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port: int = found.getsockname()[1]
            return port

    def __exit__(self, *_: object) -> None: ...


async def test_what_telegram_brings_is_handled(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with listening(post):
        await alice.says(chat, "hello")
        await until(lambda: post.handler.texts == ["hello"])
        await until(lambda: not post.telegram.updates.queue)
    (call,) = post.telegram.calls("setWebhook")
    assert call.json["secret_token"] == SECRET


async def test_without_a_secret_in_the_config_one_is_drawn(post: Post) -> None:
    async with listening(post, secret=""):
        (call,) = post.telegram.calls("setWebhook")
    assert len(call.json["secret_token"]) >= 32


async def asks(hook: Webhook, body: bytes, *, secret: str | None = SECRET, path: str = "/hook") -> int:
    assert hook.address is not None
    host, port = hook.address
    headers = {} if secret is None else {HEADER: secret}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{host}:{port}{path}", data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status


async def test_strangers_are_sent_away(post: Post) -> None:
    body = json.dumps(message(1)).encode()
    async with listening(post) as hook:
        for secret in (None, "", "wrong", SECRET + "x", "ü"):
            assert await asks(hook, body, secret=secret) == 403
        assert await asks(hook, body, path="/other") == 404
        assert await asks(hook, body) == 200
        await until(lambda: post.handler.ended == [1])
    assert len(post.handler.seen) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"update_id": "x"}', b"\xff\xfe", b"[" * 100_000]
)
async def test_junk_is_refused(post: Post, body: bytes) -> None:
    async with listening(post) as hook:
        assert await asks(hook, body) == 400
        assert await asks(hook, b"x" * (1 << 20) + b"x") == 413
    assert post.handler.seen == []


async def test_what_cannot_be_written_down_is_not_confirmed(post: Post) -> None:
    body = json.dumps(message(1)).encode()
    async with listening(post) as hook:
        await until(lambda: post.disk.asked)
        post.disk.full = 1
        assert await asks(hook, body) == 503
        assert post.handler.seen == []
        assert await asks(hook, body) == 200
        assert await asks(hook, body) == 200
        await until(lambda: post.handler.ended == [1])
    assert [str(text) for text in post.told] == ["The disk is full."]


async def test_an_address_that_is_taken_is_said_plainly(post: Post) -> None:
    async with listening(post) as hook:
        assert hook.address is not None
        host, port = hook.address
        client = make_client(post.telegram.token, post.telegram.api_url)
        second = Webhook(
            client,
            inbox(post.disk, post.handler),
            url="https://example.org/",
            host=host,
            port=port,
            secret=SECRET,
            tell=post.told.append,
            sleep=post.sleeper,
        )
        with pytest.raises(ConfigError, match=str(port)):
            await second.run()


async def test_presses_are_read_where_they_come_from(post: Post) -> None:
    alice = post.telegram.user("Alice")
    chat = post.telegram.private(alice)
    async with (
        post.polls(),
        make_client(post.telegram.token, post.telegram.api_url) as client,
    ):
        from telegram import InlineKeyboardButton, InlineKeyboardMarkup

        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="v1:show:abc:0")]])
        await client.send_message(chat.id, "hi", reply_markup=markup)
        await alice.presses(chat.by_bot[-1].button("Go"))
        await until(lambda: post.handler.seen)
        pressed = read(post.handler.seen[-1])
    assert isinstance(pressed, Pressed)
    assert pressed.data == "v1:show:abc:0"
    assert pressed.chat is not None
    assert (pressed.chat.id, pressed.message) == (chat.id, chat.by_bot[-1].id)
