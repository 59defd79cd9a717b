"""The Telegram front-end as one part: logged in, updates to their place, lists of commands up to date."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from telegram import ChatMember, ChatMemberRestricted, error

from bot.chat.telegram.background import Background
from bot.chat.telegram.client import Client
from bot.chat.telegram.commands import Lists, make_lists
from bot.chat.telegram.file_ids import Remember
from bot.chat.telegram.inbox import Inbox
from bot.chat.telegram.latest import Latest
from bot.chat.telegram.messages import Offered
from bot.chat.telegram.polling import Polling, log_in
from bot.chat.telegram.sync import sync_commands
from bot.chat.telegram.webhook import Webhook
from bot.domain.text import Text
from bot.presentation.language import Language
from bot.presentation.specs import Commands
from bot.service.clock import Clock
from bot.service.notices import Notices

log = logging.getLogger(__name__)

RIGHTS_SECONDS, MEMBER_SECONDS = 60.0, 600.0
"""How long it is remembered who looks after a group, and who is in it: asked anew at each press, it would
cost a call each."""
_LOOKS_AFTER = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR})
_IS_THERE = _LOOKS_AFTER | {ChatMember.MEMBER, ChatMember.RESTRICTED}


@dataclass(frozen=True, slots=True)
class Listening:
    """A webhook: Telegram reaches it at ``url``, and it listens at ``host`` and ``port``."""

    url: str
    host: str
    port: int
    secret: str = ""


class TelegramBot:
    """Run it, and it works until cancelled."""

    def __init__(
        self,
        client: Client,
        inbox: Inbox,
        background: Background,
        *,
        commands: Callable[[], Awaitable[Commands]],
        languages: Mapping[str, Language],
        admins: tuple[int, ...],
        remember: Remember,
        notices: Notices,
        clock: Clock,
        listening: Listening | None = None,
        hold: int | None = None,
    ) -> None:
        """``languages``: by Telegram's tags, the one for everybody else under "". ``listening``: None to ask
        for updates. ``hold``: seconds that Telegram holds a question."""
        self._client = client
        self._inbox = inbox
        self._background = background
        self._make_commands = commands
        self._languages = languages
        self._admins = admins
        self._remember = remember
        self._notices = notices
        self._clock = clock
        self._listening = listening
        self._hold = hold
        self._offered: Offered | None = None
        self._lists: Lists | None = None
        self._due = asyncio.Event()
        self._logged_in = False
        self._intake: Polling | Webhook | None = None
        self._outdated = False
        self._standing: Latest[tuple[int, int], tuple[float, str]] = Latest(2_000)
        self.connected = asyncio.Event()
        """Set once it has logged in, and its commands have been told."""

    @property
    def username(self) -> str:
        """The bot's own; "" before it has logged in."""
        return self._client.username if self._logged_in else ""

    @property
    def trouble(self) -> str:
        """What is wrong with the connection now, for an operator; "" when nothing is."""
        if not self._logged_in:
            return "not logged in to Telegram yet"
        if self._intake is None or not self._intake.heard:
            return "Telegram does not answer"
        return ""

    @property
    def reads_all(self) -> bool:
        """Whether it was made to see all that is said in groups."""
        return self._logged_in and self._client.can_read_all_group_messages is True

    async def run(self) -> None:
        """Raises AuthenticationFailed for a token that Telegram does not know, and ConfigError for a webhook
        that cannot be."""
        await self._make_offer()
        await log_in(self._client, self._clock.sleep)
        self._logged_in = True
        try:
            async with asyncio.TaskGroup() as tasks:
                self._background.attach(tasks)
                tasks.create_task(self._keep_commands(), name="commands of telegram")
                tasks.create_task(self._inbox.run(), name="updates of telegram")
                tasks.create_task(self._updates(), name="telegram")
        finally:
            await self._client.shutdown()

    def offered(self) -> Offered:
        assert self._offered is not None
        return self._offered

    def offer_changed(self) -> None:
        """Templates, or what servers have, are others now: the commands follow."""
        self._outdated = True
        self._due.set()

    async def looks_after(self, chat: int, user: int) -> bool:
        """Whether somebody is an administrator of a group; False where nobody can tell."""
        return await self._status(chat, user, RIGHTS_SECONDS) in _LOOKS_AFTER

    async def is_member(self, chat: int, user: int) -> bool:
        """Whether somebody is in a group; False where nobody can tell."""
        return await self._status(chat, user, MEMBER_SECONDS) in _IS_THERE

    async def is_called(self, chat: int, user: int, username: str) -> bool:
        """Whether somebody in a group has a user name now."""
        if not await self.is_member(chat, user):
            return False
        try:
            member = await self._client.get_chat_member(chat, user)
        except error.TelegramError as refused:
            log.info("who is who in %s is not known: %s", chat, refused.message)
            return False
        return (member.user.username or "").casefold() == username.casefold()

    async def _status(self, chat: int, user: int, fresh: float) -> str:
        now = self._clock.monotonic()
        known = self._standing.get((chat, user))
        if known is not None and now - known[0] < fresh:
            return known[1]
        try:
            member = await self._client.get_chat_member(chat, user)
        except error.TelegramError as refused:
            log.info("who is who in %s is not known: %s", chat, refused.message)
            return ""
        gone = isinstance(member, ChatMemberRestricted) and not member.is_member
        status = ChatMember.LEFT if gone else member.status
        self._standing.put((chat, user), (now, status))
        return status

    async def _updates(self) -> None:
        if self._listening is None:
            hold = {} if self._hold is None else {"hold": self._hold}
            self._intake = Polling(
                self._client, self._inbox, tell=self._notices.tell, sleep=self._clock.sleep, **hold
            )
            await self._intake.run()
            return
        self._intake = Webhook(
            self._client,
            self._inbox,
            url=self._listening.url,
            host=self._listening.host,
            port=self._listening.port,
            secret=self._listening.secret,
            tell=self._notices.tell,
            sleep=self._clock.sleep,
        )
        await self._intake.run()

    async def _make_offer(self) -> None:
        commands = await self._make_commands()
        self._lists = make_lists(commands, self._languages, self._admins)
        self._offered = Offered(commands, self._lists.names)

    async def _keep_commands(self) -> None:
        self._due.set()
        while True:
            await self._due.wait()
            self._due.clear()
            if self._outdated:
                self._outdated = False
                await self._make_offer()
            assert self._lists is not None
            synced = await sync_commands(
                self._client,
                self._client.id,
                self._lists.lists,
                self._remember,
                sleep=self._clock.sleep,
            )
            notes: tuple[Text, ...] = (*self._lists.notes, *(each.text for each in synced.problems))
            for note in notes:
                self._notices.tell(note)
            self.connected.set()
