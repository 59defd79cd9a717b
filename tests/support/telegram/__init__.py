"""A local Telegram for tests and benches: the Bot API on loopback, for the real python-telegram-bot.

It keeps the rules that the real one keeps (limits of size and number, what may be edited and deleted,
privacy mode, flood limits, one poller at a time), can be broken in every way that a network breaks, and lets
tests act as people do::

    async with TelegramWorld() as telegram:
        alice = telegram.user("alice", language="de")
        chat = telegram.private(alice)
        # … start a bot with telegram.token, telegram.base_url and telegram.file_url, and then
        await alice.says(chat, "/imagine a fox --ar 3:2")
        await telegram.until(lambda: chat.by_bot and chat.by_bot[-1].photo)
        query = await alice.presses(chat.by_bot[-1].button("Re-roll"))
        await query.until_answered()

Nothing here knows python-telegram-bot, so that its mistakes are not repeated.
"""

from tests.support.telegram.chats import Chat, Topic
from tests.support.telegram.failures import ApiError, CannotUse
from tests.support.telegram.files import Stored, Upload
from tests.support.telegram.floods import FloodLimits, Window
from tests.support.telegram.members import Member, User
from tests.support.telegram.messages import Look, Message
from tests.support.telegram.people import Person
from tests.support.telegram.queries import Query
from tests.support.telegram.views import Button, Shown
from tests.support.telegram.world import TelegramWorld

__all__ = [
    "ApiError",
    "Button",
    "CannotUse",
    "Chat",
    "FloodLimits",
    "Look",
    "Member",
    "Message",
    "Person",
    "Query",
    "Shown",
    "Stored",
    "TelegramWorld",
    "Topic",
    "Upload",
    "User",
    "Window",
]
