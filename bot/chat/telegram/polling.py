"""Asking Telegram for updates. They are written down before the next ones are asked for, since that makes
Telegram forget them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from telegram import error as said

from bot.chat.telegram.calls import seconds_of
from bot.chat.telegram.client import POLL_SECONDS, Client
from bot.chat.telegram.inbox import Inbox, number_of
from bot.chat.telegram.reading import ALLOWED_UPDATES
from bot.domain.errors import AuthenticationFailed, StoreUnavailable
from bot.domain.text import Text

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0
"""Seconds between attempts while Telegram cannot be reached."""
CONFLICT = Text(
    "Another program asks Telegram for the updates of this bot, so that each of them misses some. Stop it, "
    "or give it a token of its own."
)
WEBHOOK = Text(
    "A webhook has been set for this bot elsewhere, so that Telegram sends its updates there. Restart "
    "Fairbrush to have them again."
)
TOKEN = Text("Telegram does not know the token. Copy it anew from @BotFather (/token) into telegram.token.")


class Backoff:
    """Pauses that grow until something works again."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self._next = RETRY_FIRST

    def worked(self) -> None:
        self._next = RETRY_FIRST

    async def pause(self, *, at_least: float = 0.0) -> None:
        pause = max(self._next, at_least)
        self._next = min(2 * self._next, RETRY_LONGEST)
        await self._sleep(pause)


async def log_in(client: Client, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Wait until Telegram can be reached. Raises AuthenticationFailed for a token that it does not know."""
    backoff = Backoff(sleep)
    while True:
        try:
            return await client.initialize()
        except said.InvalidToken as error:
            raise refused_token(error) from error
        except said.RetryAfter as error:
            await backoff.pause(at_least=seconds_of(error))
        except said.TelegramError as error:
            log.warning("Telegram cannot be reached: %s", error.message)
            await backoff.pause()


def refused_token(error: said.TelegramError) -> AuthenticationFailed:
    return AuthenticationFailed(TOKEN, cause=error.message)


class Polling:
    """Run it, and it asks until cancelled."""

    def __init__(
        self,
        client: Client,
        inbox: Inbox,
        *,
        tell: Callable[[Text], None],
        sleep: Callable[[float], Awaitable[None]],
        hold: int = POLL_SECONDS,
    ) -> None:
        """``tell``: the operator. ``hold``: seconds that Telegram holds a question that has no answer yet."""
        self._client = client
        self._inbox = inbox
        self._tell = tell
        self._backoff = Backoff(sleep)
        self._hold = hold
        self._told = ""
        self._offset = 0
        self.heard = False
        """Whether Telegram answered when it was last asked."""

    async def run(self) -> None:
        """Raises AuthenticationFailed for a token that Telegram does not know (any more)."""
        await self._until_it_works(self._begin)
        while True:
            await self._until_it_works(self._round)

    async def _until_it_works(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            pause = 0.0
            try:
                await step()
            except said.InvalidToken as error:
                raise refused_token(error) from error
            except said.Conflict as error:
                self._tell_once(WEBHOOK if "webhook" in error.message.casefold() else CONFLICT)
            except said.RetryAfter as error:
                pause = seconds_of(error)
            except said.TelegramError as error:
                log.warning("Telegram gives no updates: %s", error.message)
            except StoreUnavailable as error:
                # Telegram keeps them until they are written down here.
                log.warning("updates are not written down yet: %s", error.cause)
                self._tell_once(error.text)
            else:
                self._backoff.worked()
                self._told = ""
                self.heard = True
                return
            self.heard = False
            await self._backoff.pause(at_least=pause)

    async def _begin(self) -> None:
        # As long as there is a webhook, nothing is given to those who ask.
        await self._client.delete_webhook(drop_pending_updates=False)
        last = await self._inbox.last()
        self._offset = 0 if last is None else last + 1

    async def _round(self) -> None:
        updates = await self._client.raw_updates(self._offset, allowed=ALLOWED_UPDATES, hold=self._hold)
        if updates:
            await self._inbox.take(updates)
            numbers = [number for each in updates if (number := number_of(each)) is not None]
            if not numbers:
                raise said.TelegramError("updates without numbers")
            self._offset = max(numbers) + 1
        elif self._offset and await self._inbox.last() is None:
            # After a long silence Telegram may begin to count anew, lower.
            self._offset = 0

    def _tell_once(self, text: Text) -> None:
        """Not at every try, for as long as it is the same."""
        if self._told != str(text):
            self._told = str(text)
            self._tell(text)
