"""The stand-in of Telegram: groups, topics, channels, and what a bot hears and may do there."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Chat, ChatMemberAdministrator, Update
from telegram.error import BadRequest, ChatMigrated, Forbidden

from tests.support.telegram import CannotUse, Upload
from tests.support.telegram.small_bot import Stage, refused, staged


def texts(updates: list[Update]) -> list[str]:
    """What was written."""
    return [update.effective_message.text or "" for update in updates if update.effective_message]


async def talk(stage: Stage, chat: Any) -> list[str]:
    """What the bot hears of a usual talk."""
    alice = stage.alice
    sent = await stage.bot.send_message(chat.id, "a card")
    (card,) = [shown for shown in chat.by_bot if shown.id == sent.message_id]
    hello = await alice.says(chat, "hello all")
    await alice.says(chat, "I say /imagine in the middle")
    await alice.says(chat, "/imagine a fox")
    await alice.says(chat, "/imagine@fairbrushbot a fox")
    await alice.says(chat, "/imagine@otherbot a fox")
    await alice.replies(hello, "replying to myself")
    await alice.replies(card, "replying to the bot")
    await alice.says(chat, "hey @FairbrushBot")
    await alice.sends_photo(chat, caption="/upscale")
    await alice.sends_photo(chat, caption="my cat")
    return [text or "photo" for text in texts(await stage.heard())]


async def test_privacy_mode() -> None:
    async with staged() as stage:
        group = stage.telegram.group("Painters", stage.alice)
        meant = [
            "/imagine a fox",
            "/imagine@fairbrushbot a fox",
            "replying to the bot",
            "hey @FairbrushBot",
            "photo",
        ]
        assert await talk(stage, group) == meant
        group.promote_bot()
        await stage.heard()
        everything = await talk(stage, group)
        assert len(everything) == 10
        group.demote_bot()
        await stage.heard()
        assert await talk(stage, group) == meant


async def test_without_privacy_mode_all_is_heard() -> None:
    async with staged(privacy=False) as stage:
        assert stage.bot.can_read_all_group_messages
        assert len(await talk(stage, stage.telegram.supergroup("Painters", stage.alice))) == 10


async def test_who_comes_and_goes_is_told() -> None:
    async with staged() as stage:
        group, bob = stage.telegram.group("Painters", admins=[stage.alice]), stage.telegram.user("Bob")
        with pytest.raises(CannotUse):
            await bob.says(group, "let me in")
        group.join(bob)
        await bob.says(group, "/hello")
        group.leave(bob)
        came, _, left = await stage.heard()
        assert came.message is not None
        assert came.message.new_chat_members[0].id == bob.id
        assert left.message is not None
        assert left.message.left_chat_member is not None


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_the_bot_is_kicked_and_comes_back(kind: str) -> None:
    async with staged() as stage:
        group = getattr(stage.telegram, kind)("Painters", admins=[stage.alice])
        sent = await stage.bot.send_message(group.id, "x")
        group.kick_bot()
        await stage.alice.says(group, "/imagine nobody hears this")
        (update,) = await stage.heard()
        assert update.my_chat_member is not None
        assert update.my_chat_member.new_chat_member.status == "kicked"
        assert update.my_chat_member.from_user.id == stage.alice.id
        for doing in (
            stage.bot.send_message(group.id, "x"),
            sent.edit_text("y"),
            sent.delete(),
            stage.bot.send_chat_action(group.id, "typing"),
            stage.bot.get_chat_administrators(group.id),
        ):
            error = await refused(doing, Forbidden)
            assert str(error) == f"Forbidden: bot was kicked from the {kind} chat"
        group.add_bot(admin=True)
        await sent.edit_text("y")
        await stage.bot.leave_chat(group.id)
        error = await refused(stage.bot.send_message(group.id, "x"), Forbidden)
        assert str(error) == f"Forbidden: bot is not a member of the {kind} chat"


async def test_members_and_administrators() -> None:
    async with staged() as stage:
        bob, carol = stage.telegram.user("Bob"), stage.telegram.user("Carol")
        group = stage.telegram.supergroup("Painters", stage.alice, admins=[bob], username="painters")
        admins = await stage.bot.get_chat_administrators("@Painters")
        assert [(each.user.id, each.status) for each in admins] == [(bob.id, "creator")]
        group.promote_bot(without=["can_delete_messages"])
        mine = await stage.bot.get_chat_member(group.id, stage.bot.id)
        assert isinstance(mine, ChatMemberAdministrator)
        assert not mine.can_delete_messages
        assert mine.can_pin_messages
        statuses = [
            (await stage.bot.get_chat_member(group.id, person.id)).status
            for person in (stage.alice, bob, carol)
        ]
        assert statuses == ["member", "creator", "left"]
        assert await stage.wrong("getChatMember", chat_id=group.id, user_id=3) == "user not found"
        words = await stage.wrong("getChatAdministrators", chat_id=stage.chat.id)
        assert words == "there are no administrators in the private chat"
        assert (await stage.bot.get_chat(group.id)).type == Chat.SUPERGROUP


async def test_what_a_restricted_bot_may_not_send() -> None:
    async with staged() as stage:
        group = stage.telegram.supergroup("Painters", admins=[stage.alice])
        group.restrict_bot("can_send_photos")
        await stage.bot.send_message(group.id, "x")
        picture = Upload.picture().content
        error = await refused(stage.bot.send_photo(group.id, picture), BadRequest)
        assert "not enough rights to send photos to the chat" in str(error).lower()
        group.restrict_bot()
        error = await refused(stage.bot.send_message(group.id, "x"), BadRequest)
        assert "not enough rights to send text messages to the chat" in str(error).lower()


async def test_a_group_becomes_a_supergroup() -> None:
    async with staged() as stage:
        group = stage.telegram.group("Painters", admins=[stage.alice])
        sent = await stage.bot.send_message(group.id, "a card")
        bigger = stage.alice.upgrades(group)
        gone, come = await stage.heard()
        assert gone.message is not None
        assert come.message is not None
        assert (gone.message.chat.id, gone.message.migrate_to_chat_id) == (group.id, bigger.id)
        assert (come.message.chat.id, come.message.migrate_from_chat_id) == (bigger.id, group.id)
        error = await refused(stage.bot.send_message(group.id, "x"), ChatMigrated)
        assert error.new_chat_id == bigger.id
        answer = await stage.ask("sendMessage", chat_id=group.id, text="x")
        assert answer["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
        assert "can't be edited" in str(await refused(sent.edit_text("y"), BadRequest))
        await stage.bot.send_message(bigger.id, "x")
        with pytest.raises(CannotUse):
            await stage.alice.says(group, "anybody here?")


# Topics


async def test_what_is_written_in_a_topic_is_answered_there() -> None:
    async with staged() as stage:
        forum = stage.telegram.supergroup("Painters", admins=[stage.alice], forum=True)
        foxes = forum.topic("Foxes")
        await stage.alice.says(forum, "/imagine a fox", topic=foxes)
        await stage.alice.says(forum, "/imagine in general")
        _, inside, general = await stage.heard()
        assert inside.message is not None
        assert general.message is not None
        assert (inside.message.is_topic_message, inside.message.message_thread_id) == (True, foxes.id)
        assert general.message.message_thread_id is None
        await inside.message.reply_text("by thread")
        await stage.bot.send_message(forum.id, "by answer", reply_to_message_id=inside.message.message_id)
        await general.message.reply_text("outside")
        assert [shown.text for shown in foxes.messages if shown.raw.outgoing] == ["by thread", "by answer"]
        assert forum.by_bot[-1].thread is None
        later = await stage.alice.replies(foxes.messages[-1], "thanks")
        assert later.thread == foxes.id


async def test_closed_and_deleted_topics() -> None:
    async with staged() as stage:
        bob = stage.telegram.user("Bob")
        forum = stage.telegram.supergroup("Painters", bob, admins=[stage.alice], forum=True)
        foxes, birds, cats = (forum.topic(name) for name in ("Foxes", "Birds", "Cats"))

        async def sends(thread: int | None) -> str:
            about = {"chat_id": forum.id, "text": "x", "message_thread_id": thread or 0}
            return await stage.wrong("sendMessage", **about)

        sent = await stage.bot.send_message(forum.id, "x", message_thread_id=foxes.id)
        foxes.close()
        assert await sends(foxes.id) == "TOPIC_CLOSED"
        await sent.edit_text("edits go on")
        with pytest.raises(CannotUse):
            await bob.says(forum, "hello?", topic=foxes)
        forum.promote_bot()
        await stage.bot.send_message(forum.id, "x", message_thread_id=foxes.id)
        forum.demote_bot()
        foxes.reopen()
        await stage.bot.send_message(forum.id, "x", message_thread_id=foxes.id)
        birds.delete()
        assert await sends(birds.id) == "message thread not found"
        cats.delete(noticed=False)
        assert await sends(cats.id) == "TOPIC_DELETED"
        foxes.delete()
        assert "message to edit not found" in str(await refused(sent.edit_text("x"), BadRequest)).lower()
        assert await sends(1) == "message thread not found"
        forum.general_closed = True
        assert await sends(None) == "TOPIC_CLOSED"


async def test_outside_forums_threads_are_ignored() -> None:
    async with staged() as stage:
        group = stage.telegram.supergroup("Painters", stage.alice)
        first = await stage.alice.says(group, "/one")
        await stage.alice.replies(first, "/two")
        _, update = await stage.heard()
        assert update.message is not None
        assert update.message.message_thread_id == first.id
        assert not update.message.is_topic_message
        await stage.bot.send_message(group.id, "x", message_thread_id=first.id)
        assert group.by_bot[0].thread is None


# Nobody in person


async def test_channels_and_hidden_administrators() -> None:
    async with staged() as stage:
        channel = stage.telegram.channel("News", admins=[stage.alice])
        group = stage.telegram.supergroup("Painters", admins=[stage.alice])
        post = await stage.alice.says(channel, "/imagine a fox")
        await stage.alice.edits(post, "/imagine two foxes")
        await stage.alice.says(group, "/imagine hidden", anonymous=True)
        await stage.alice.says(group, "/imagine as a channel", as_channel=channel)
        posted, edited, hidden, spoken = await stage.heard()
        assert posted.channel_post is not None
        assert posted.channel_post.from_user is None
        assert posted.channel_post.sender_chat is not None
        assert edited.edited_channel_post is not None
        assert hidden.message is not None
        assert hidden.message.from_user is not None
        assert hidden.message.from_user.username == "GroupAnonymousBot"
        assert hidden.message.sender_chat is not None
        assert hidden.message.sender_chat.id == group.id
        assert spoken.message is not None
        assert spoken.message.sender_chat is not None
        assert spoken.message.sender_chat.id == channel.id
        await stage.bot.send_message(channel.id, "posted")
        channel.demote_bot()
        error = await refused(stage.bot.send_message(channel.id, "x"), BadRequest)
        assert "need administrator rights in the channel chat" in str(error).lower()
        with pytest.raises(CannotUse):
            await stage.telegram.user("Bob").says(channel, "me too")


async def test_numbers_of_messages() -> None:
    """Private chats and groups share theirs; each supergroup has its own."""
    async with staged() as stage:
        group = stage.telegram.group("Painters", stage.alice)
        bigger = stage.telegram.supergroup("Foxes", stage.alice)
        chats = (stage.chat, group, bigger, stage.chat, bigger)
        assert [(await stage.alice.says(chat, "/x")).id for chat in chats] == [1, 2, 1, 3, 2]
        assert stage.chat.id > 0 > group.id > -1_000_000_000_000 > bigger.id
