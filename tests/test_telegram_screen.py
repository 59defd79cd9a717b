"""Replies in Telegram: progress in one message, results that come once, and every place that may be gone."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.chat.telegram.address import Address
from bot.chat.telegram.client import Client, make_client
from bot.chat.telegram.file_ids import FileIds
from bot.chat.telegram.places import Places
from bot.chat.telegram.poster import Poster
from bot.chat.telegram.screen import ORIGINALS, TelegramScreen
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import IdentityId, RequestId, TemplateName, TierName, UserId
from bot.domain.jobs import DeliveryState
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.domain.throttle import Gone, RetryAfter, Transient
from bot.presentation.actions import OnRequest, Verb, decode
from bot.presentation.card_situation import Offers, Rung
from bot.presentation.card_words import eta
from bot.presentation.cards import Button, Card, CardState, Progress
from bot.service.courier import MaybeSent, Nowhere, Sent
from bot.service.parcels.limits import TELEGRAM, Limits
from bot.service.parcels.packing import Packer
from bot.service.records import RequestRecord
from bot.service.screens import Shown
from tests.support.parcels import Wall, encoded, painted
from tests.support.service import FakeClock
from tests.support.telegram import FloodLimits, TelegramWorld
from tests.support.telegram import Shown as Message

REQUEST = RequestId("k3v9x2m7qa")
CANCEL = Button(OnRequest(Verb.CANCEL, REQUEST), Text("Cancel"), "⏹️")
REROLL = Button(OnRequest(Verb.REROLL, REQUEST), Text("Re-roll"), "🎲")


class Memory:
    """What the store remembers, or will not."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {}
        self.replies: list[str] = []
        self.full = False

    async def get(self, key: str) -> Any:
        return self.held.get(key)

    async def put(self, key: str, value: Any) -> None:
        self._check()
        self.held[key] = value

    async def moved(self, _: RequestId, reply: str) -> None:
        self._check()
        self.replies.append(reply)

    def _check(self) -> None:
        if self.full:
            raise StoreUnavailable(Text("full"), cause="disk full")

    @property
    def address(self) -> Address:
        found = Address.from_text(self.replies[-1])
        assert found is not None
        return found


@dataclass
class Desk:
    """A screen, and what lies around it."""

    telegram: TelegramWorld
    client: Client
    wall: Wall
    memory: Memory
    clock: FakeClock
    screen: TelegramScreen = field(init=False)
    limits: Limits = TELEGRAM

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What a new process knows."""
        poster = Poster(self.client, FileIds(self.memory, self.client.number))
        self.screen = TelegramScreen(
            poster,
            Places(self.memory.moved),
            packer=Packer(self.wall.gallery),
            offers=lambda _: Offers(),
            monotonic=self.clock.monotonic,
            limits=self.limits,
        )

    def hang(self, count: int = 1, **options: Any) -> None:
        for number in range(count):
            self.wall.hang(
                encoded(painted(64, 48, seed=number + len(self.wall.pictures), noise=4)), **options
            )

    def result(self, **fields: Any) -> Shown:
        def card(rung: Rung = Rung.ORIGINAL, limit: int = 0) -> Card:
            notes = () if rung is Rung.ORIGINAL else (Text("{rung}", rung=rung.value),)
            return Card(
                CardState.DONE,
                Text("Done"),
                prompt_text="a fox in the <snow>",
                pictures=tuple(self.wall.pictures) if rung is not Rung.TOO_LARGE else (),
                notes=notes,
                buttons=((REROLL,),),
                **fields,
            )

        def kept(delivery: DeliveryState) -> Card:
            show, delete = (
                Button(OnRequest(verb, REQUEST), Text(verb.value)) for verb in (Verb.SHOW, Verb.DELETE)
            )
            words = Text("It is {state}", state=delivery.value)
            return Card(CardState.KEPT, words, buttons=((show, delete),))

        return Shown(card(), deliver=True, card_at=card, card_if=kept)


@asynccontextmanager
async def at_desk(folder: Path, **options: Any) -> AsyncIterator[Desk]:
    options = {"limits": FloodLimits.off(), **options}
    async with TelegramWorld(**options) as telegram, make_client(telegram.token, telegram.api_url) as client:
        yield Desk(telegram, client, Wall(folder), Memory(), FakeClock())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_desk(tmp_path) as made:
        yield made


def asked(address: Address, **fields: Any) -> RequestRecord:
    return replace(
        RequestRecord(
            id=REQUEST,
            identity=IdentityId("telegram:1"),
            user=UserId("u1"),
            event="telegram:1",
            platform="telegram",
            template=TemplateName("text-to-image"),
            template_hash="",
            values={},
            count=1,
            inputs=(),
            private=False,
            tier=TierName("default"),
            weight=1.0,
            reply=address.to_text(),
            created_at=0,
        ),
        **fields,
    )


def running(cells: int = 3, left: float = 60, **fields: Any) -> Shown:
    progress = Progress(cells, Text("Sampler"), Text("{eta} left", eta=eta(left)))
    preview = fields.pop("preview", None)
    card = Card(
        CardState.RUNNING, Text("Painting"), "a fox", progress=progress, buttons=((CANCEL,),), **fields
    )
    return Shown(card, preview=preview)


@dataclass
class Private:
    desk: Desk
    alice: Any
    chat: Any
    request: RequestRecord

    @property
    def last(self) -> Message:
        found: Message = self.chat.by_bot[-1]
        return found


@pytest.fixture
async def private(desk: Desk) -> Private:
    return await in_private(desk)


async def in_private(desk: Desk, **fields: Any) -> Private:
    alice = desk.telegram.user("Alice")
    chat = desk.telegram.private(alice)
    typed = await alice.says(chat, "/imagine a fox")
    address = Address(chat.id, answers=typed.id, user=alice.id)
    return Private(desk, alice, chat, asked(address, **fields))


@dataclass
class Grouped(Private):
    direct: Any = None


async def in_group(desk: Desk, *, basic: bool = False, **fields: Any) -> Grouped:
    alice = desk.telegram.user("Alice")
    direct = desk.telegram.private(alice)
    make = desk.telegram.group if basic else desk.telegram.supergroup
    group = make("Painters", alice, bot=True)
    typed = await alice.says(group, "/imagine a fox")
    address = Address(group.id, answers=typed.id, user=alice.id)
    return Grouped(desk, alice, group, asked(address, **fields), direct)


# Progress


async def test_the_first_card_is_a_reply_that_is_changed_from_then_on(private: Private) -> None:
    desk, request = private.desk, private.request
    assert await desk.screen.show(request, running(3)) is None
    assert await desk.screen.show(request, running(9)) is None
    (message,) = private.chat.by_bot
    assert message.reply_to is not None
    assert "45 %" in message.text
    assert message.edits == 1
    assert message.keyboard == [["⏹️ Cancel"]]
    assert decode(message.button("Cancel").data) == CANCEL.action
    assert desk.memory.address.message == message.id
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.show(moved, running(12)) is None
    assert "60 %" in message.text


async def test_what_looks_the_same_is_not_sent_again(private: Private) -> None:
    desk, request = private.desk, private.request
    for _ in range(3):
        assert await desk.screen.show(request, running(3)) is None
    assert len(desk.telegram.calls("editMessageText")) == 0
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.show(moved, running(3)) is None
    (call,) = desk.telegram.calls("editMessageText")
    assert "not modified" in call.description


async def test_what_is_typed_is_no_link_and_pulls_no_preview(private: Private) -> None:
    shown = replace(running(), card=replace(running().card, prompt_text="@alice https://example.org/x <b>"))
    assert await private.desk.screen.show(private.request, shown) is None
    kinds = {kind for kind, _ in private.last.marks}
    assert kinds == {"bold", "blockquote", "code"}
    (call,) = private.desk.telegram.calls("sendMessage")
    assert call.json["link_preview_options"] == {"is_disabled": True}


async def test_replies_stay_in_their_topic(desk: Desk) -> None:
    alice = desk.telegram.user("Alice")
    group = desk.telegram.supergroup("Painters", alice, bot=True, forum=True)
    topic = group.topic("Foxes")
    typed = await alice.says(group, "/imagine a fox", topic=topic)
    request = asked(Address(group.id, thread=typed.thread or 0, answers=typed.id, user=alice.id))
    desk.hang(2)
    assert await desk.screen.show(request, running()) is None
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    ours = [message for message in topic.messages if message in group.by_bot]
    assert len(ours) == 3


async def test_a_deleted_command_is_answered_without_it(private: Private) -> None:
    command = private.chat.messages[0]
    await private.alice.deletes(command)
    assert await private.desk.screen.show(private.request, running()) is None
    assert private.last.reply_to is None


async def test_flood_limits_are_handed_to_the_scheduler(private: Private) -> None:
    desk = private.desk
    desk.telegram.faults.storm("*", retry_after=7)
    assert await desk.screen.show(private.request, running()) == RetryAfter(7.0)
    desk.telegram.faults.clear()
    assert await desk.screen.show(private.request, running()) is None
    desk.telegram.faults.storm("*", retry_after=3)
    assert await desk.screen.show(private.request, running(9)) == RetryAfter(3.0)


async def test_a_lost_answer_to_an_edit_is_tried_again(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.telegram.faults.lose_answer("editMessageText")
    assert await desk.screen.show(request, running(9)) == Transient()
    assert await desk.screen.show(request, running(9)) is None
    assert private.last.edits == 1


@pytest.mark.parametrize("code", [None, 502])
async def test_a_lost_answer_to_the_first_card_is_the_end_of_progress_not_of_the_result(
    private: Private, code: int | None
) -> None:
    desk, request = private.desk, private.request
    desk.telegram.faults.lose_answer("sendMessage", code=code)
    assert await desk.screen.show(request, running()) == Gone()
    assert len(private.chat.by_bot) == 1
    desk.hang()
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert [message.kind for message in private.chat.by_bot] == ["text", "photo"]


async def test_progress_ends_where_the_reply_is_gone(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.telegram.faults.fail("editMessageText", 400, description="Bad Request: message to edit not found")
    assert await desk.screen.show(request, running(9)) == Gone()


async def test_a_fault_in_our_markup_costs_the_markup_alone(private: Private) -> None:
    desk, request = private.desk, private.request
    desk.telegram.faults.fail("sendMessage", 400, description="Bad Request: can't parse entities: byte 3")
    assert await desk.screen.show(request, running()) is None
    assert private.last.marks == [] or {kind for kind, _ in private.last.marks} == set()
    assert "Painting" in private.last.text


async def test_near_the_end_telegram_says_that_a_picture_comes(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running(3, left=60))
    assert private.chat.actions == []
    for cells in (15, 16, 17):
        await desk.screen.show(request, running(cells, left=4))
    assert private.chat.actions == ["upload_photo"]
    desk.clock.advance(5)
    await desk.screen.show(request, running(18, left=4))
    assert len(private.chat.actions) == 2


async def test_previews_take_the_place_of_words_and_the_result_theirs(private: Private) -> None:
    desk, request = private.desk, private.request
    preview = encoded(painted(64, 64), "PNG")
    await desk.screen.show(request, running(3))
    await desk.screen.show(request, running(4, preview=preview))
    assert private.last.kind == "photo"
    await desk.screen.show(request, running(5, preview=preview))
    assert len(desk.telegram.calls("editMessageMedia")) == 1
    assert "25 %" in (private.last.caption or "")
    desk.clock.advance(10)
    await desk.screen.show(request, running(6, preview=preview))
    assert len(desk.telegram.calls("editMessageMedia")) == 2
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.show(moved, running(9)) is None
    assert "45 %" in (private.last.caption or "")
    desk.hang()
    assert isinstance(await desk.screen.deliver(moved, desk.result()), Sent)
    (message,) = private.chat.by_bot
    assert message.photo is not None
    assert message.photo.width == 64
    assert message.photo.height == 48


# Results


async def test_one_picture_takes_the_place_of_the_words(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(spoiler=True)
    outcome = await desk.screen.deliver(request, desk.result())
    (message,) = private.chat.by_bot
    assert outcome == Sent(f"{private.chat.id}/{message.id}")
    assert message.kind == "photo"
    assert message.spoiler
    assert "a fox in the <snow>" in (message.caption or "")
    assert message.keyboard == [["🎲 Re-roll"], ["📄 Original"]]
    assert decode(message.button("Original").data) == OnRequest(Verb.ORIGINAL, REQUEST, 1)


async def test_bringing_it_again_after_a_lost_answer_makes_no_second_message(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang()
    desk.telegram.faults.lose_answer("editMessageMedia")
    assert await desk.screen.deliver(request, desk.result()) == Transient()
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert isinstance(await desk.screen.deliver(moved, desk.result()), Sent)
    assert len(private.chat.by_bot) == 1


async def test_what_was_sent_once_is_not_uploaded_again(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang()
    await desk.screen.deliver(request, desk.result())
    desk.restart()
    again = asked(Address(private.chat.id, user=private.alice.id), id=RequestId("another"))
    assert isinstance(await desk.screen.deliver(again, desk.result()), Sent)
    (call,) = desk.telegram.calls("sendPhoto")
    assert call.files == []
    assert private.last.photo is not None


async def test_a_file_that_telegram_forgot_is_uploaded_again(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang()
    await desk.screen.deliver(request, desk.result())
    again = asked(Address(private.chat.id, user=private.alice.id), id=RequestId("another"))
    desk.telegram.faults.fail(
        "sendPhoto", 400, description="Bad Request: wrong file identifier/HTTP URL specified"
    )
    assert isinstance(await desk.screen.deliver(again, desk.result()), Sent)
    assert [bool(call.files) for call in desk.telegram.calls("sendPhoto")] == [False, True]


async def test_a_photo_that_telegram_cannot_show_comes_as_a_file(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang()
    desk.telegram.faults.fail("editMessageMedia", 400, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert private.last.kind == "document"


async def test_pictures_beyond_the_limits_of_photos_come_as_files(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.wall.hang(encoded(painted(2100, 100)))
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert private.last.kind == "document"
    assert private.last.keyboard == [["🎲 Re-roll"]]


async def test_originals_come_as_files_where_they_are_asked_for(desk: Desk) -> None:
    private = await in_private(desk, options={ORIGINALS: True})
    desk.hang()
    await desk.screen.show(private.request, running())
    assert isinstance(await desk.screen.deliver(private.request, desk.result()), Sent)
    assert private.last.kind == "document"
    assert private.last.document is not None
    assert private.last.document.data == (desk.wall.folder / desk.wall.pictures[0].path).read_bytes()


async def test_one_original_comes_in_a_message_of_its_own(private: Private) -> None:
    desk = private.desk
    desk.hang()
    address = Address(private.chat.id, answers=private.chat.messages[0].id)
    kept = desk.wall.folder / desk.wall.pictures[0].path
    sent = await desk.screen.original(address, desk.wall.pictures[0])
    assert isinstance(sent, Address)
    assert sent.message == private.last.id
    assert private.last.document.data == kept.read_bytes()
    kept.unlink()
    assert await desk.screen.original(address, desk.wall.pictures[0]) == Gone()


async def test_animations_and_films_come_as_such(private: Private) -> None:
    desk, request = private.desk, private.request
    frames = [painted(32, 32, seed=seed) for seed in range(3)]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    await desk.screen.show(request, running())
    desk.wall.hang(gif.getvalue(), ".gif", kind=MediaKind.ANIMATED, mime="image/gif")
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert private.last.kind == "animation"


async def test_several_pictures_are_an_album_and_the_reply_holds_the_buttons(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(3)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    summary, *album = private.chat.by_bot
    assert summary.kind == "text"
    assert "Done" in summary.text
    assert summary.keyboard == [["🎲 Re-roll"], ["📄 1", "📄 2", "📄 3"]]
    assert [message.kind for message in album] == ["photo"] * 3
    assert all(message.album == album[0].album != [] for message in album)
    assert all(message.reply_to is not None for message in album)
    assert desk.memory.address.album == tuple(message.id for message in album)
    assert not desk.memory.address.trying


async def test_an_album_is_not_sent_again_for_the_sake_of_its_summary(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(3)
    desk.telegram.faults.storm("editMessageText", retry_after=5)
    assert await desk.screen.deliver(request, desk.result()) == RetryAfter(5.0)
    desk.telegram.faults.clear()
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert isinstance(await desk.screen.deliver(moved, desk.result()), Sent)
    assert len(desk.telegram.calls("sendMediaGroup")) == 1
    assert "Done" in private.chat.by_bot[0].text


async def test_an_album_whose_answer_is_lost_is_never_sent_again_but_offered(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(3)
    desk.telegram.faults.lose_answer("sendMediaGroup")
    assert await desk.screen.deliver(request, desk.result()) == MaybeSent()
    assert len(private.chat.by_bot) == 4
    status = private.chat.by_bot[0]
    assert "It is unknown" in status.text
    assert [decode(button.data) for button in status.buttons] == [
        OnRequest(Verb.SHOW, REQUEST),
        OnRequest(Verb.DELETE, REQUEST),
    ]
    # The process may have died before the courier wrote it down.
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.deliver(moved, desk.result()) == MaybeSent()
    assert len(private.chat.by_bot) == 4


async def test_a_process_that_dies_while_an_album_is_sent_does_not_send_it_twice(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(3)
    held = desk.telegram.faults.hold("sendMediaGroup", after=True)
    sending = asyncio.create_task(desk.screen.deliver(request, desk.result()))
    await held.arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    held.release()
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.deliver(moved, desk.result()) == MaybeSent()
    assert len(desk.telegram.calls("sendMediaGroup")) == 1


async def test_nothing_new_is_sent_that_could_not_be_written_down_before(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(2)
    desk.memory.full = True
    assert await desk.screen.deliver(request, desk.result()) == Transient()
    assert desk.telegram.calls("sendMediaGroup") == []
    desk.memory.full = False
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)


async def test_what_could_not_even_be_sent_is_tried_again(private: Private) -> None:
    desk, request = private.desk, private.request
    desk.hang(2)
    await desk.screen.show(request, running())
    client = desk.client
    desk.client = make_client(desk.telegram.token, "http://127.0.0.1:1")
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert await desk.screen.deliver(moved, desk.result()) == Transient()
    await desk.client.shutdown()
    desk.client = client
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert isinstance(await desk.screen.deliver(moved, desk.result()), Sent)


async def test_more_than_ten_pictures_are_several_albums(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(12)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert [len(call.answer) for call in desk.telegram.calls("sendMediaGroup")] == [10, 2]
    assert len(private.chat.by_bot) == 13
    assert desk.screen.cost(desk.result()) == 13


async def test_a_later_album_goes_on_where_the_first_one_ended(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(13)
    held = desk.telegram.faults.hold("sendMediaGroup")
    sending = asyncio.create_task(desk.screen.deliver(request, desk.result()))
    await held.arrived.wait()
    desk.telegram.faults.storm("sendMediaGroup", retry_after=9)
    held.release()
    first = await sending
    assert first == RetryAfter(9.0)
    desk.telegram.faults.clear()
    desk.restart()
    moved = replace(request, reply=desk.memory.replies[-1])
    assert isinstance(await desk.screen.deliver(moved, desk.result()), Sent)
    assert len(private.chat.by_bot) == 14


async def test_an_album_below_a_preview_gets_an_overview_above_it(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    await desk.screen.show(request, running(5, preview=encoded(painted(64, 64))))
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    summary, *album = private.chat.by_bot
    assert summary.photo is not None
    assert summary.photo.width > 64
    assert "Done" in (summary.caption or "")
    assert len(album) == 2


async def test_words_alone_are_shown_as_such(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    failed = Shown(Card(CardState.FAILED, Text("That did not work"), buttons=((REROLL,),)), deliver=True)
    assert isinstance(await desk.screen.deliver(request, failed), Sent)
    (message,) = private.chat.by_bot
    assert "That did not work" in message.text


async def test_what_telegram_finds_too_large_is_kept_and_said_so(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang()
    desk.telegram.faults.fail("editMessageMedia", 413, times=2, html=True)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert "too large" in private.last.text
    assert private.last.kind == "text"


# Places


async def test_a_result_whose_reply_was_deleted_comes_anew(desk: Desk) -> None:
    grouped = await in_group(desk)
    await desk.screen.show(grouped.request, running())
    grouped.last.raw.deleted = True
    desk.hang()
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert desk.memory.address.message == grouped.last.id
    assert desk.memory.address.media
    assert grouped.last.photo is not None


async def test_a_new_picture_whose_answer_is_lost_is_offered_not_repeated(desk: Desk) -> None:
    private = await in_private(desk)
    desk.hang()
    desk.telegram.faults.lose_answer("sendPhoto")
    assert await desk.screen.deliver(private.request, desk.result()) == MaybeSent()
    photo, offer = private.chat.by_bot
    assert photo.photo is not None
    assert decode(offer.button("show").data) == OnRequest(Verb.SHOW, REQUEST)


async def test_a_group_that_became_a_supergroup_is_followed(desk: Desk) -> None:
    grouped = await in_group(desk, basic=True)
    await desk.screen.show(grouped.request, running())
    new = grouped.chat.migrate()
    desk.telegram.faults.fail(
        "editMessageText", 400, description="migrated", parameters={"migrate_to_chat_id": new.id}
    )
    assert await desk.screen.show(grouped.request, running(9)) == Transient()
    assert await desk.screen.show(grouped.request, running(9)) is None
    assert desk.memory.address.chat == new.id
    route = desk.screen.route(grouped.request, 0)
    assert route is not None
    assert route.name == str(new.id)
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert len(new.by_bot) == 3


async def test_a_group_that_migrates_at_the_end_is_followed_too(desk: Desk) -> None:
    grouped = await in_group(desk, basic=True)
    await desk.screen.show(grouped.request, running())
    new = grouped.chat.migrate()
    desk.hang()
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert new.by_bot[-1].photo is not None


@pytest.mark.parametrize("count", [1, 3])
async def test_out_of_the_group_the_result_goes_to_whoever_asked(desk: Desk, count: int) -> None:
    grouped = await in_group(desk)
    await desk.screen.show(grouped.request, running())
    grouped.chat.kick_bot()
    desk.hang(count)
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert sum(message.photo is not None for message in grouped.direct.by_bot) == count
    assert desk.memory.address.chat == grouped.alice.id


async def test_where_pictures_are_not_allowed_words_say_where_they_went(desk: Desk) -> None:
    grouped = await in_group(desk)
    await desk.screen.show(grouped.request, running())
    grouped.chat.restrict_bot("can_send_photos")
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert "sent to whoever asked" in grouped.last.text
    assert len(grouped.direct.by_bot) == 3


async def test_blocked_by_the_person_the_result_is_kept(desk: Desk) -> None:
    private = await in_private(desk)
    await desk.screen.show(private.request, running())
    private.alice.blocks()
    desk.hang()
    assert isinstance(await desk.screen.deliver(private.request, desk.result()), Nowhere)
    assert not desk.memory.address.trying


async def test_where_pictures_have_nowhere_to_go_the_reply_offers_them(desk: Desk) -> None:
    bob = desk.telegram.user("Bob")
    group = desk.telegram.supergroup("Painters", bob, bot=True)
    typed = await bob.says(group, "/imagine a fox")
    request = asked(Address(group.id, answers=typed.id, user=bob.id))
    await desk.screen.show(request, running())
    group.restrict_bot("can_send_photos")
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Nowhere)
    assert "It is kept" in group.by_bot[-1].text


async def test_out_of_a_group_and_never_written_to_the_result_is_kept(desk: Desk) -> None:
    bob = desk.telegram.user("Bob")
    group = desk.telegram.supergroup("Painters", bob, bot=True)
    typed = await bob.says(group, "/imagine a fox")
    request = asked(Address(group.id, answers=typed.id, user=bob.id))
    await desk.screen.show(request, running())
    group.kick_bot()
    desk.hang()
    assert isinstance(await desk.screen.deliver(request, desk.result()), Nowhere)


@pytest.mark.parametrize("end", ["close", "delete"])
async def test_a_topic_that_is_closed_sends_the_result_to_whoever_asked(desk: Desk, end: str) -> None:
    alice = desk.telegram.user("Alice")
    direct = desk.telegram.private(alice)
    group = desk.telegram.supergroup("Painters", alice, bot=True, forum=True)
    topic = group.topic("Foxes")
    typed = await alice.says(group, "/imagine a fox", topic=topic)
    request = asked(Address(group.id, thread=typed.thread or 0, answers=typed.id, user=alice.id))
    await desk.screen.show(request, running())
    getattr(topic, end)()
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(request, desk.result()), Sent)
    assert sum(message.photo is not None for message in direct.by_bot) == 2
    assert not any(message.photo for message in group.by_bot)


async def test_a_private_result_never_goes_to_the_group(desk: Desk) -> None:
    grouped = await in_group(desk, private=True)
    desk.hang(2)
    assert isinstance(await desk.screen.deliver(grouped.request, desk.result()), Sent)
    assert grouped.chat.by_bot == []
    assert len(grouped.direct.by_bot) == 3


async def test_a_reply_is_taken_away_with_its_pictures(private: Private) -> None:
    desk, request = private.desk, private.request
    await desk.screen.show(request, running())
    desk.hang(3)
    await desk.screen.deliver(request, desk.result())
    desk.restart()
    assert await desk.screen.remove(replace(request, reply=desk.memory.replies[-1])) is None
    assert private.chat.by_bot == []


async def test_an_address_of_nobody_reaches_nothing(desk: Desk) -> None:
    request = asked(Address(1), reply="{}")
    assert desk.screen.route(request, 0) is None
    assert await desk.screen.show(request, running()) == Gone()
    assert isinstance(await desk.screen.deliver(request, desk.result()), Nowhere)
