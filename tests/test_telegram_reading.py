"""Updates read into values: what people mean, and nothing that raises."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.telegram.reading import read
from bot.chat.telegram.updates import (
    Chat,
    ChatKind,
    Command,
    FileKind,
    FileRef,
    Incoming,
    Membership,
    Mention,
    Pressed,
    Sender,
    SenderKind,
)

ALICE = {"id": 7, "is_bot": False, "first_name": "Alice", "last_name": "Fox", "language_code": "de"}
GROUP = {"id": -1005, "type": "supergroup", "title": "Painters", "is_forum": True}
SIZES = [
    {"file_id": "small", "file_unique_id": "s", "width": 90, "height": 60, "file_size": 900},
    {"file_id": "large", "file_unique_id": "l", "width": 1280, "height": 853, "file_size": 90_000},
    {"file_id": "middle", "file_unique_id": "m", "width": 320, "height": 213, "file_size": 9_000},
]


def message(**fields: Any) -> dict[str, Any]:
    return {"update_id": 5, "message": {"message_id": 9, "date": 60, "chat": GROUP, "from": ALICE, **fields}}


def incoming(**fields: Any) -> Incoming:
    found = read(message(**fields))
    assert isinstance(found, Incoming)
    return found


def command(text: str, length: int, **fields: Any) -> Command | None:
    entities = [{"type": "bot_command", "offset": 0, "length": length}]
    return incoming(text=text, entities=entities, **fields).command


def test_a_message_says_who_where_and_when() -> None:
    found = incoming(text="hello")
    assert found.update == 5
    assert found.message == 9
    assert found.chat == Chat(-1005, ChatKind.SUPERGROUP, "Painters", forum=True)
    assert found.sender == Sender(7, SenderKind.PERSON, "Alice Fox", "", "de")
    assert found.sent_at == 60_000
    assert found.text == "hello"
    assert found.command is None
    assert not found.edited


@pytest.mark.parametrize(
    ("text", "length", "read_as"),
    [
        ("/imagine a fox --ar 3:2", 8, Command("imagine", "", "a fox --ar 3:2")),
        ("/imagine@FairbrushBot a fox", 21, Command("imagine", "FairbrushBot", "a fox")),
        ("/Imagine", 8, Command("imagine", "", "")),
        ("/imagine\na fox\nin snow ", 8, Command("imagine", "", "a fox\nin snow")),
        ("/imagine 🦊 a", 8, Command("imagine", "", "🦊 a")),
        ("/start job_k3v9", 6, Command("start", "", "job_k3v9")),
        ("imagine a fox", 8, None),
        ("/", 1, None),
        ("/@bot", 5, None),
    ],
)
def test_commands(text: str, length: int, read_as: Command | None) -> None:
    assert command(text, length) == read_as


def test_a_command_in_the_middle_is_talk() -> None:
    entities = [{"type": "bot_command", "offset": 4, "length": 8}]
    assert incoming(text="try /imagine", entities=entities).command is None


def test_a_caption_may_be_a_command() -> None:
    entities = [{"type": "bot_command", "offset": 0, "length": 8}]
    found = incoming(caption="/imagine a fox", caption_entities=entities, photo=SIZES)
    assert found.command == Command("imagine", "", "a fox")
    assert found.files == (FileRef("large", "l", FileKind.PHOTO, size=90_000, width=1280, height=853),)
    assert found.files[0].is_picture
    assert found.files[0].key == "telegram:l"


def test_mentions_count_in_utf16() -> None:
    entities = [
        {"type": "mention", "offset": 3, "length": 4},
        {"type": "text_mention", "offset": 8, "length": 5, "user": {"id": 4, "first_name": "Ünal"}},
        {"type": "mention", "offset": 90, "length": 4},
        {"type": "mention", "offset": -1, "length": 4},
        {"type": "text_mention", "offset": 0, "length": 1},
    ]
    found = incoming(text="🦊 @bob Ünal!", entities=entities)
    assert found.mentions == (Mention("@bob", username="bob"), Mention("Ünal!", id=4, name="Ünal"))


@pytest.mark.parametrize(
    ("fields", "kind", "picture"),
    [
        (
            {"document": {"file_id": "a", "file_name": "x.PNG", "mime_type": "Image/PNG", "file_size": 5}},
            "document",
            True,
        ),
        ({"document": {"file_id": "a", "mime_type": "application/pdf"}}, "document", False),
        ({"sticker": {"file_id": "a", "width": 512, "height": 512}}, "sticker", True),
        ({"sticker": {"file_id": "a", "is_animated": True}}, "sticker", False),
        ({"sticker": {"file_id": "a", "is_video": True}}, "sticker", False),
        ({"video": {"file_id": "a"}}, "video", False),
        ({"video_note": {"file_id": "a"}}, "video", False),
        ({"voice": {"file_id": "a"}}, "voice", False),
        ({"audio": {"file_id": "a"}}, "audio", False),
        (
            {"animation": {"file_id": "a"}, "document": {"file_id": "a", "mime_type": "video/mp4"}},
            "animation",
            False,
        ),
        ({"animation": {"file_id": "a"}}, "animation", False),
    ],
)
def test_files(fields: dict[str, Any], kind: str, picture: bool) -> None:
    (file,) = incoming(**fields).files
    assert file.kind.value == kind
    assert file.is_picture is picture


def test_pieces_of_an_album_are_known() -> None:
    assert incoming(photo=SIZES, media_group_id="14").album == "14"


def test_what_is_answered_comes_along() -> None:
    reply = {
        "message_id": 3,
        "date": 1,
        "chat": GROUP,
        "from": {"id": 99, "is_bot": True, "first_name": "Fairbrush"},
        "photo": SIZES,
        "caption": "Done",
        "reply_markup": {
            "inline_keyboard": [[{"text": "a", "callback_data": "v1:x"}, {"text": "b", "url": "u"}], 5]
        },
    }
    replied = incoming(text="again", reply_to_message=reply).replied
    assert replied is not None
    assert replied.message == 3
    assert replied.sender is not None
    assert replied.sender.kind is SenderKind.BOT
    assert replied.files[0].file_id == "large"
    assert replied.buttons == ("v1:x",)
    assert replied.text == "Done"


def test_a_reply_to_another_chat_brings_its_picture() -> None:
    replied = incoming(text="this", external_reply={"photo": SIZES}).replied
    assert replied is not None
    assert replied.message == 0
    assert [file.file_id for file in replied.files] == ["large"]


def test_topics_are_told_from_threads_of_replies() -> None:
    created = {"message_id": 2, "date": 1, "chat": GROUP, "forum_topic_created": {"name": "Foxes"}}
    found = incoming(message_thread_id=2, is_topic_message=True, reply_to_message=created)
    assert (found.thread, found.replied) == (2, None)
    found = incoming(message_thread_id=2, reply_to_message={**created, "message_id": 2, "text": "x"})
    assert found.thread == 0
    assert found.replied is not None


@pytest.mark.parametrize(
    ("spoken_as", "kind"),
    [
        (GROUP, SenderKind.ANONYMOUS),
        ({"id": -1009, "type": "channel", "title": "News"}, SenderKind.CHANNEL),
        ({"id": -1008, "type": "supergroup", "title": "Other"}, SenderKind.CHANNEL),
    ],
)
def test_who_hides_behind_a_chat_is_that_chat(spoken_as: dict[str, Any], kind: SenderKind) -> None:
    found = incoming(text="/admin", sender_chat=spoken_as, **{"from": {"id": 1087968824, "is_bot": True}})
    assert (found.sender.id, found.sender.kind) == (spoken_as["id"], kind)


def test_a_post_of_a_channel() -> None:
    channel = {"id": -1007, "type": "channel", "title": "News"}
    found = read({"update_id": 1, "channel_post": {"message_id": 1, "date": 1, "chat": channel, "text": "x"}})
    assert isinstance(found, Incoming)
    assert found.sender == Sender(-1007, SenderKind.CHANNEL, "News")


def test_edits_and_forwards_and_moves_are_seen() -> None:
    edited = read({"update_id": 1, "edited_message": message(text="x")["message"]})
    assert isinstance(edited, Incoming)
    assert edited.edited
    assert incoming(forward_origin={"type": "user"}).forwarded
    assert incoming(migrate_to_chat_id=-1009).moved_to == -1009


def test_a_press() -> None:
    on = message(
        text="Done",
        reply_to_message={"message_id": 2, "date": 1, "chat": GROUP, "text": "a fox"},
        reply_markup={"inline_keyboard": [[{"text": "a", "callback_data": "v1:show:abc:0"}, {"text": "b"}]]},
    )
    press = {
        "id": "77",
        "from": ALICE,
        "data": "v1:show:abc:0",
        "message": on["message"],
        "chat_instance": "1",
    }
    found = read({"update_id": 6, "callback_query": press})
    assert isinstance(found, Pressed)
    assert (found.query, found.data, found.message) == ("77", "v1:show:abc:0", 9)
    assert found.replied is not None
    assert (found.replied.message, found.replied.text) == (2, "a fox")
    assert found.buttons == ("v1:show:abc:0",)
    assert not found.old
    assert not found.media


def test_a_press_on_a_message_that_telegram_does_not_show_any_more() -> None:
    press = {"id": "77", "from": ALICE, "data": "x", "message": {"message_id": 9, "date": 0, "chat": GROUP}}
    found = read({"update_id": 6, "callback_query": press})
    assert isinstance(found, Pressed)
    assert found.old
    assert found.chat is not None
    assert (found.chat.id, found.message) == (-1005, 9)


@pytest.mark.parametrize(
    ("now", "inside", "administrator"),
    [
        ({"status": "member"}, True, False),
        ({"status": "administrator"}, True, True),
        ({"status": "restricted", "is_member": True}, True, False),
        ({"status": "restricted", "is_member": False}, False, False),
        ({"status": "kicked"}, False, False),
        ({"status": "left"}, False, False),
    ],
)
def test_coming_and_going(now: dict[str, Any], inside: bool, administrator: bool) -> None:
    raw = {"chat": GROUP, "from": ALICE, "date": 1, "old_chat_member": {}, "new_chat_member": now}
    found = read({"update_id": 1, "my_chat_member": raw})
    assert isinstance(found, Membership)
    assert (found.inside, found.administrator) == (inside, administrator)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WHOLE = [
    message(
        text="/imagine a fox",
        entities=[
            {"type": "bot_command", "offset": 0, "length": 8},
            {"type": "mention", "offset": 9, "length": 1},
        ],
        photo=SIZES,
        document={"file_id": "a", "file_unique_id": "b"},
        reply_to_message={
            **message(text="x", photo=SIZES)["message"],
            "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "v1:x"}]]},
        },
        sender_chat=GROUP,
        media_group_id="4",
    ),
    {
        "update_id": 6,
        "callback_query": {"id": "7", "from": ALICE, "data": "x", "message": message(text="x")["message"]},
    },
    {
        "update_id": 7,
        "my_chat_member": {"chat": GROUP, "from": ALICE, "new_chat_member": {"status": "member"}},
    },
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += places(each, (*path, key))
    return found


@given(st.sampled_from(WHOLE), JSON, st.data())
def test_nothing_odd_raises(whole: dict[str, Any], odd: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(whole)[1:]))
    broken = copy.deepcopy(whole)
    holder: Any = broken
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = odd
    read(broken)


@given(JSON)
def test_what_is_no_update_is_none_or_read(odd: Any) -> None:
    read(odd)
    read({"update_id": 1, "message": odd, "callback_query": odd})
