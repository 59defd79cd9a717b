"""How the operator's commands reach the bot: the running one through its channel, else its database.

Without a running bot, looking opens the database for reading alone and makes nothing; changing holds the
lock of the data directory, as a bot would, so that two writers are impossible.
"""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bot.config import Settings, tiers_of
from bot.control import ControlClient
from bot.control.failures import BotGone
from bot.domain.errors import AlreadyRunning, StoreUnavailable
from bot.domain.text import Text
from bot.service.accounts import Accounts
from bot.service.at_rest import AtRest
from bot.service.clock import Clock
from bot.service.operator import CancelResult, Desk, QueueView
from bot.store import locked, open_store
from bot.store.lock import PID_NAME

PATIENCE_SECONDS = 5.0
"""A bot that starts is not to be reached for a moment, and another command holds the lock for one."""
_RETRY_SECONDS = 0.1


class QueueDesk(Protocol):
    """What can be done to a queue, whether its bot runs or not."""

    async def queue(self) -> QueueView: ...
    async def pause(self, actor: str) -> bool: ...
    async def resume(self, actor: str) -> bool: ...
    async def drain(self, actor: str) -> bool: ...
    async def cancel(self, job: str, actor: str) -> CancelResult: ...


@dataclass(frozen=True, slots=True)
class Reached:
    """``running``: a bot answers. ``begun``: there is a database, so a bot has run before. ``silent``: a bot
    works here and does not answer."""

    queue: QueueDesk
    desk: Desk
    running: bool
    begun: bool
    silent: Text | None = None


def shell_actor() -> str:
    """Who is at this shell, for the audit log: ``shell:alice``."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in containers
        return "shell"
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:64]
    return f"shell:{plain}" if plain else "shell"


async def running_bot(folder: Path) -> ControlClient | None:
    """The bot that works in this data directory; None when none does.

    Raises BotGone when one does and does not answer within PATIENCE_SECONDS.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        client = await ControlClient.connect(folder)
        if client is not None or (holder := await asyncio.to_thread(_holder, folder)) is None:
            return client
        if asyncio.get_running_loop().time() > deadline:
            raise _does_not_answer(folder, holder) from holder
        await asyncio.sleep(_RETRY_SECONDS)


def _holder(folder: Path) -> AlreadyRunning | None:
    """Who holds the data directory, if anybody does."""
    # Without this file the lock need not be tried, in whose way a bot that starts might come.
    if not (folder / PID_NAME).exists():
        return None
    try:
        with locked(folder):
            return None
    except AlreadyRunning as error:
        return error
    except StoreUnavailable:
        return None  # nobody could hold it, or it is not ours to try


@asynccontextmanager
async def reach_to_look(settings: Settings) -> AsyncIterator[Reached]:
    """Raises DatabaseUnusable and StoreUnavailable."""
    client, silent = None, None
    try:
        client = await running_bot(settings.data_dir)
    except BotGone as error:
        silent = error.text
    if client is not None:
        yield Reached(client, client, running=True, begun=True)
        return
    async with AsyncExitStack() as stack:
        begun = await asyncio.to_thread(_begun, settings.database)
        file = settings.database
        if not begun:
            # The same answers as from an empty database, and nothing is made where the bot's will be.
            folder = stack.enter_context(TemporaryDirectory(prefix="fairbrush-", ignore_cleanup_errors=True))
            file = Path(folder) / file.name
        reached = await _open(stack, settings, file, begun=begun, read_only=begun)
        yield replace(reached, silent=silent)


@asynccontextmanager
async def reach_to_change(settings: Settings) -> AsyncIterator[Reached]:
    """Raises BotGone when a bot holds the data directory and does not answer within PATIENCE_SECONDS;
    DatabaseUnusable and StoreUnavailable."""
    async with AsyncExitStack() as stack:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            client = await ControlClient.connect(settings.data_dir)
            if client is not None:
                yield Reached(client, client, running=True, begun=True)
                return
            try:
                stack.enter_context(locked(settings.data_dir))
            except AlreadyRunning as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise _does_not_answer(settings.data_dir, error) from error
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        yield await _open(stack, settings, settings.database, begun=True, read_only=False)


def _begun(file: Path) -> bool:
    # A file without content is what a crash in the very first moment leaves.
    return file.exists() and (file.is_dir() or file.stat().st_size > 0)


async def _open(
    stack: AsyncExitStack, settings: Settings, file: Path, *, begun: bool, read_only: bool
) -> Reached:
    clock = Clock().now
    store = await stack.enter_async_context(open_store(file, clock=clock, read_only=read_only))
    accounts = Accounts(
        store,
        tiers_of(settings),
        window=settings.quota.window,
        timezone=settings.timezone,
        clock=clock,
    )
    return Reached(AtRest(store, clock=clock), accounts, running=False, begun=begun)


def _does_not_answer(folder: Path, error: AlreadyRunning) -> BotGone:
    return BotGone(
        Text(
            "The bot that works in {folder} does not answer: it starts, stops or hangs. Nothing was changed. "
            "Try again in a moment, or look into its log.",
            folder=folder,
        ),
        cause=str(error),
    )
