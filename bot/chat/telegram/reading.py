"""Updates as Telegram sends them, read into values. Pure.

They come from apps of every age, and from servers that people run themselves: what does not fit is left out,
and nothing raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
    Replied,
    Sender,
    SenderKind,
    Update,
)

Raw = Mapping[str, Any]

ALLOWED_UPDATES = ("message", "edited_message", "channel_post", "callback_query", "my_chat_member")
"""What Telegram is asked for."""
_NONE: Raw = {}
_MESSAGES = {"message": False, "edited_message": True, "channel_post": False, "edited_channel_post": True}
"""Fields of an update that hold a message, and whether it was edited."""
_FILES = {
    "document": FileKind.DOCUMENT,
    "sticker": FileKind.STICKER,
    "video": FileKind.VIDEO,
    "video_note": FileKind.VIDEO,
    "voice": FileKind.VOICE,
    "audio": FileKind.AUDIO,
}
_OUTSIDE = frozenset({"left", "kicked"})


def read(raw: object) -> Update | None:
    """None for an update of a kind that we have no use for, and for what is none at all."""
    update = _map(raw)
    number = _whole(update, "update_id")
    for field, edited in _MESSAGES.items():
        if field in update:
            return _message(number, _map(update[field]), edited=edited)
    if "callback_query" in update:
        return _pressed(number, _map(update["callback_query"]))
    if "my_chat_member" in update:
        return _membership(number, _map(update["my_chat_member"]))
    return None


def _message(number: int, raw: Raw, *, edited: bool) -> Incoming | None:
    chat, sender = _chat(raw.get("chat")), sender_of(raw)
    message = _whole(raw, "message_id")
    if chat is None or sender is None or not message:
        return None
    text, entities = _text(raw)
    return Incoming(
        update=number,
        chat=chat,
        message=message,
        sender=sender,
        text=text,
        command=_command(text, entities),
        files=tuple(_files(raw)),
        mentions=tuple(_mentions(text, entities)),
        replied=_replied(raw),
        thread=_topic(raw),
        album=_word(raw, "media_group_id"),
        edited=edited,
        forwarded="forward_origin" in raw or "forward_date" in raw,
        sent_at=1000 * _whole(raw, "date"),
        moved_to=_whole(raw, "migrate_to_chat_id"),
    )


def _pressed(number: int, raw: Raw) -> Pressed | None:
    sender, message = _user(raw.get("from")), _map(raw.get("message"))
    query = _word(raw, "id")
    if sender is None or not query:
        return None
    return Pressed(
        update=number,
        query=query,
        sender=sender,
        data=_word(raw, "data"),
        chat=_chat(message.get("chat")),
        message=_whole(message, "message_id"),
        thread=_topic(message),
        media=bool(_files_in(message)),
        replied=_replied(message),
        buttons=tuple(_buttons(_map(message.get("reply_markup")))),
        old=bool(message) and not _whole(message, "date"),
    )


def _membership(number: int, raw: Raw) -> Membership | None:
    chat, by = _chat(raw.get("chat")), _user(raw.get("from"))
    before, now = _map(raw.get("old_chat_member")), _map(raw.get("new_chat_member"))
    status = _word(now, "status")
    if chat is None or by is None or not status:
        return None
    inside = _is_inside(now)
    came = inside and not _is_inside(before)
    return Membership(number, chat, by, inside, status == "administrator", came)


def _is_inside(member: Raw) -> bool:
    status = _word(member, "status")
    return bool(status) and status not in _OUTSIDE and member.get("is_member") is not False


def sender_of(raw: Raw) -> Sender | None:
    """Who speaks in a message. Anonymous administrators and channels come under the name of a bot of
    Telegram's own; who they are is the chat that they speak as."""
    spoken_as, user = _map(raw.get("sender_chat")), _user(raw.get("from"))
    if identity := _whole(spoken_as, "id"):
        own = identity == _whole(_map(raw.get("chat")), "id")
        channel = _word(spoken_as, "type") == ChatKind.CHANNEL.value
        kind = SenderKind.ANONYMOUS if own and not channel else SenderKind.CHANNEL
        return Sender(identity, kind, _word(spoken_as, "title"), _word(spoken_as, "username"))
    if user is None and (chat := _chat(raw.get("chat"))) is not None and chat.kind is ChatKind.CHANNEL:
        return Sender(chat.id, SenderKind.CHANNEL, chat.title)
    return user


def _user(found: object) -> Sender | None:
    raw = _map(found)
    if not _whole(raw, "id"):
        return None
    name = f"{_word(raw, 'first_name')} {_word(raw, 'last_name')}".strip()
    kind = SenderKind.BOT if raw.get("is_bot") is True else SenderKind.PERSON
    username = _word(raw, "username")
    return Sender(_whole(raw, "id"), kind, name or username, username, _word(raw, "language_code"))


def _chat(found: object) -> Chat | None:
    raw = _map(found)
    try:
        kind = ChatKind(raw.get("type"))
    except (ValueError, TypeError):
        return None
    if not _whole(raw, "id"):
        return None
    return Chat(_whole(raw, "id"), kind, _word(raw, "title"), raw.get("is_forum") is True)


def _topic(raw: Raw) -> int:
    """Groups without topics give threads of replies an id, too, to which nothing can be sent."""
    return _whole(raw, "message_thread_id") if raw.get("is_topic_message") is True else 0


# Texts


def _text(raw: Raw) -> tuple[str, list[Raw]]:
    """Its text or caption, and what Telegram has found in it."""
    for text, entities in (("text", "entities"), ("caption", "caption_entities")):
        if words := _word(raw, text):
            return words, [each for each in map(_map, _list(raw.get(entities))) if each]
    return "", []


def _command(text: str, entities: list[Raw]) -> Command | None:
    """At the very beginning: anywhere else it is talked about."""
    for entity in entities:
        if entity.get("type") == "bot_command" and entity.get("offset") == 0:
            written = _piece(text, entity)
            name, _, to = written.removeprefix("/").partition("@")
            rest = text[len(written) :].strip()
            return Command(name.lower(), to, rest) if written.startswith("/") and name else None
    return None


def _mentions(text: str, entities: list[Raw]) -> Iterator[Mention]:
    for entity in entities:
        written = _piece(text, entity)
        if entity.get("type") == "mention" and len(written) > 1:
            yield Mention(written, username=written.removeprefix("@"))
        elif entity.get("type") == "text_mention" and (user := _user(entity.get("user"))) is not None:
            yield Mention(written, user.username, user.id, user.name)


def _piece(text: str, entity: Raw) -> str:
    """Offsets count UTF-16, in which many an emoji is two."""
    start, count = entity.get("offset"), entity.get("length")
    if type(start) is not int or type(count) is not int or start < 0 or count < 0:
        return ""
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * start : 2 * (start + count)].decode("utf-16-le", "replace")


# Files and replies


def _files(raw: Raw) -> Iterator[FileRef]:
    photo = _largest(_list(raw.get("photo")))
    if photo is not None:
        yield photo
    moving = "animation" in raw
    for field, kind in _FILES.items():
        if field in raw:
            # An animation comes as a document as well, for old apps.
            known = FileKind.ANIMATION if field == "document" and moving else kind
            if (found := _file(_map(raw[field]), known)) is not None:
                yield found
    if moving and "document" not in raw and (found := _file(_map(raw["animation"]), FileKind.ANIMATION)):
        yield found


def _files_in(raw: Raw) -> tuple[FileRef, ...]:
    return tuple(_files(raw))


def _largest(sizes: list[object]) -> FileRef | None:
    found = [each for size in sizes if (each := _file(_map(size), FileKind.PHOTO)) is not None]
    return max(found, key=lambda each: (each.width * each.height, each.size), default=None)


def _file(raw: Raw, kind: FileKind) -> FileRef | None:
    file_id, unique = _word(raw, "file_id"), _word(raw, "file_unique_id")
    if not file_id:
        return None
    return FileRef(
        file_id,
        unique or file_id,
        kind,
        _word(raw, "file_name"),
        _word(raw, "mime_type").lower(),
        _whole(raw, "file_size"),
        _whole(raw, "width"),
        _whole(raw, "height"),
        raw.get("is_animated") is True or raw.get("is_video") is True,
    )


def _replied(raw: Raw) -> Replied | None:
    reply = _map(raw.get("reply_to_message"))
    message = _whole(reply, "message_id")
    if not message:
        outside = _map(raw.get("external_reply"))
        return Replied(0, None, files=tuple(_files(outside))) if outside else None
    # In a topic, what answers nothing is shown as an answer to the topic's beginning.
    if _topic(raw) and ("forum_topic_created" in reply or message == _topic(raw)):
        return None
    text, _ = _text(reply)
    return Replied(
        message,
        sender_of(reply),
        text,
        tuple(_files(reply)),
        _word(reply, "media_group_id"),
        tuple(_buttons(_map(reply.get("reply_markup")))),
    )


def _buttons(markup: Raw) -> Iterator[str]:
    for row in _list(markup.get("inline_keyboard")):
        for button in _list(row):
            if data := _word(_map(button), "callback_data"):
                yield data


# Fields, whatever they hold


def _map(found: object) -> Raw:
    return found if isinstance(found, Mapping) else _NONE


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _whole(raw: Raw, field: str) -> int:
    found = raw.get(field)
    return found if type(found) is int else 0


def _word(raw: Raw, field: str) -> str:
    found = raw.get(field)
    return found if isinstance(found, str) else ""
