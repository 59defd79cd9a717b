"""Telegram in a box: chats, files and the Bot API on loopback, for the real python-telegram-bot."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.service.clock import Clock
from tests.support.discord.signals import Signal
from tests.support.telegram import schema
from tests.support.telegram.calls import Received
from tests.support.telegram.chats import CHANNEL, GROUP, PRIVATE, SUPERGROUP, Chat
from tests.support.telegram.downloads import Downloads
from tests.support.telegram.failures import Json
from tests.support.telegram.faults import Faults
from tests.support.telegram.files import Files
from tests.support.telegram.floods import Flood, FloodLimits
from tests.support.telegram.members import ADMIN, LEFT, MEMBER, OWNER, Member, User
from tests.support.telegram.messages import Message
from tests.support.telegram.methods_bot import BotMethods
from tests.support.telegram.methods_edit import EditMethods
from tests.support.telegram.methods_send import SendMethods
from tests.support.telegram.people import Person
from tests.support.telegram.posting import Posting
from tests.support.telegram.queries import Query
from tests.support.telegram.server import Server
from tests.support.telegram.updates import Updates
from tests.support.telegram.views import Shown
from tests.support.telegram.webhooks import Webhook

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
BOT_ID = 110201543
QUERY_SECONDS = 15.0
"""How long a press waits for an answer. Telegram does not publish it; it is seconds, not minutes."""


class TelegramWorld:
    """``async with TelegramWorld() as telegram``: a Bot API server for a bot with :attr:`token`.

    ``clock``: its ``now`` dates messages, its ``monotonic`` measures flood limits, its ``sleep`` long polls.
    ``limits``: :meth:`FloodLimits.quick` unless given. ``strict``: hold requests against the API, and fail on
    leaving if something was not allowed; ``check_answers``: the stand-in's own answers and updates too.
    ``recording``: keep what was received. ``privacy``: the bot hears only what is meant for it in groups.
    ``local``: a self-hosted server: large files, and files laid into a folder.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: FloodLimits | None = None,
        token: str = TOKEN,
        username: str = "FairbrushBot",
        strict: bool = True,
        check_answers: bool = False,
        recording: bool = True,
        privacy: bool = True,
        local: bool = False,
    ) -> None:
        self.clock = clock or Clock()
        self.token, self.strict, self.check_answers = token, strict, check_answers
        self.recording, self.privacy, self.local = recording, privacy, local
        self.now = self.clock.now
        self.query_seconds = QUERY_SECONDS
        self.changed = Signal()
        self.bot = User(BOT_ID, "Fairbrush", username, bot=True)
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.queries: dict[str, Query] = {}
        self.faults = Faults(self.clock.sleep, self.changed)
        self.files = Files(local=local)
        self.downloads = Downloads(self.files, self.faults, self.now)
        self.flood = Flood(limits or FloodLimits.quick(), self.clock.monotonic)
        self.updates = Updates(self.now, self.clock.sleep, self.changed)
        self.webhook = Webhook(self)
        self.posting = Posting(self)
        self.bot_methods = BotMethods(self)
        self.server = Server(self)
        self._last_id = 0
        self._stack = ExitStack()

    # Life

    async def __aenter__(self) -> Self:
        if self.local:
            self.downloads.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        sending = SendMethods(self)
        table = sending.table() | EditMethods(self, sending).table() | self.bot_methods.table()
        await self.server.start(table)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.updates.close()
        await self.webhook.close()
        await self.server.stop()
        self._stack.close()
        if kind is None and self.strict:
            assert not self.server.violations, self.server.violations
            assert not self.server.unknown, self.server.unknown

    @property
    def api_url(self) -> str:
        """For ``ApplicationBuilder().base_url(url + "/bot")``."""
        return self.server.url

    @property
    def base_url(self) -> str:
        return f"{self.server.url}/bot"

    @property
    def file_url(self) -> str:
        """For ``base_file_url``."""
        return f"{self.server.url}/file/bot"

    # People and places

    def user(self, name: str, *, language: str | None = "en", username: str | None = "") -> Person:
        """Somebody new, who has never met the bot. ``username``: as the name, unless given; None: none."""
        if username == "":
            username = re.sub(r"\W+", "_", name).lower()
        number = 5_000_000_000 + 7 * len(self.users)
        person = Person(self, number, name, username=username, language=language)
        self.users[person.id] = person
        return person

    def private(self, person: Person, *, started: bool = True) -> Chat:
        """The chat of the bot and ``person``; there is one. ``started``: the bot may write there."""
        if person.id not in self.chats:
            chat = self.chats[person.id] = Chat(self, person.id, PRIVATE, "")
            status = MEMBER if started else LEFT
            chat.members = {person.id: Member(person), self.bot.id: Member(self.bot, status)}
        return self.chats[person.id]

    def group(self, title: str, *people: Person, bot: bool = True, admins: Sequence[Person] = ()) -> Chat:
        """A basic group."""
        return self._peopled(self.place(GROUP, title), people, bot, admins)

    def supergroup(
        self,
        title: str,
        *people: Person,
        bot: bool = True,
        admins: Sequence[Person] = (),
        forum: bool = False,
        username: str | None = None,
    ) -> Chat:
        made = self.place(SUPERGROUP, title, forum=forum, username=username)
        return self._peopled(made, people, bot, admins)

    def channel(self, title: str, *people: Person, bot: bool = True, admins: Sequence[Person] = ()) -> Chat:
        """The bot is an administrator there."""
        made = self._peopled(self.place(CHANNEL, title), people, bot, admins)
        if bot:
            made.bot.status = ADMIN
        return made

    def place(self, kind: str, title: str, *, forum: bool = False, username: str | None = None) -> Chat:
        number = 4_000_000 + 11 * len(self.chats)
        chat_id = -number if kind == GROUP else -(1_000_000_000_000 + number)
        made = self.chats[chat_id] = Chat(self, chat_id, kind, title, username, forum)
        return made

    def _peopled(self, chat: Chat, people: Sequence[Person], bot: bool, admins: Sequence[Person]) -> Chat:
        """The first of ``admins`` owns it."""
        for person in people:
            chat.members[person.id] = Member(person)
        for number, person in enumerate(admins):
            chat.members[person.id] = Member(person, ADMIN if number else OWNER)
        if bot:
            chat.members[self.bot.id] = Member(self.bot)
        return chat

    # What happens

    def next_message_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def shown(self, message: Message) -> Shown:
        return Shown(self, message)

    def tell(self, kind: str, body: Json, chat: int) -> None:
        """The bot hears of something, if it asked for such things."""
        self.updates.add(kind, body, chat)
        if self.check_answers:
            self.server.violations += schema.update_violations({"update_id": 1, kind: body})

    def ask(self, person: User, message: Message, data: str, sent_ago: float) -> Query:
        """A press that waits for the bot's answer."""
        number = str(4_382_000_000_000_000 + len(self.queries))
        query = Query(self, number, person, message, data, self.now() - round(sent_ago * 1000))
        self.queries[number] = query
        return query

    def move_bot(self, chat: Chat, by: User, status: str, denied: frozenset[str] = frozenset()) -> None:
        """The bot gets another standing in a chat, and hears of it."""
        before = chat.members.get(self.bot.id) or Member(self.bot, LEFT)
        after = Member(self.bot, status, denied=denied)
        chat.members[self.bot.id] = after
        body = {
            "chat": chat.json(),
            "from": by.json(),
            "date": self.now() // 1000,
            "old_chat_member": before.json(channel=chat.kind == CHANNEL),
            "new_chat_member": after.json(channel=chat.kind == CHANNEL),
        }
        self.tell("my_chat_member", body, chat.id)

    def note(self, words: str) -> None:
        """Something that Telegram takes, and that is surely not meant."""
        self.server.violations.append(words)

    def forgive(self) -> list[str]:
        """What would fail on leaving; it does not any more."""
        server = self.server
        found = [*server.violations, *server.unknown]
        server.violations.clear()
        server.unknown.clear()
        return found

    def calls(self, method: str | None = None) -> list[Received]:
        """The recorded requests of a method, oldest first."""
        return [each for each in self.server.received if method in (None, each.method)]

    async def until(self, met: Callable[[], object], *, within: float = 40.0, what: str = "") -> None:
        """Wait until ``met()`` holds; looked at after each request, message and update."""
        await self.changed.until(met, within=within, what=what)
