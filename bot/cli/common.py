"""What the commands share: options, messages on stderr, exit codes, Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot.domain.errors import FairbrushError, UserError

if TYPE_CHECKING:
    from bot.config import Settings

FAILED, USAGE, INTERRUPTED = 1, 2, 130
STOP_SECONDS = 20.0
"""How long a stopped run may take to end before the command leaves anyway."""

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration file (default: config.toml here, else built-in defaults).",
)
comfyui_option = click.option(
    "--comfyui",
    metavar="URL",
    help="ComfyUI server, e.g. http://127.0.0.1:8188 (default: the config's, else the built-in engine).",
)


def say(message: object) -> None:
    """A line for the person, on stderr: stdout is for results."""
    click.echo(str(message), err=True)


def load(config_file: Path | None) -> Settings:
    """The settings; ends the command with exit code 2 when they are wrong."""
    from bot.config import find_config, load_settings

    here = Path.cwd()
    return load_settings(find_config(config_file, here), environ=os.environ, folder=here)


def exit_code(error: FairbrushError) -> int:
    return USAGE if isinstance(error, UserError) else FAILED


def message_of(error: FairbrushError) -> str:
    """What to say about a failure; with FAIRBRUSH_DEBUG set, the cause for the log as well."""
    cause = f"\nCause: {error.cause}" if os.environ.get("FAIRBRUSH_DEBUG") and error.cause else ""
    return f"Error: {error}{cause}"


def fail(error: FairbrushError) -> NoReturn:
    """Say what went wrong and leave."""
    say(message_of(error))
    raise SystemExit(exit_code(error))


@asynccontextmanager
async def on_ctrl_c(stop: Callable[[], Awaitable[object]]) -> AsyncIterator[asyncio.Event]:
    """While inside, Ctrl-C (or SIGTERM) sets the event that this yields and calls ``stop``, once.

    What runs inside is expected to end by itself then; after STOP_SECONDS it is cancelled. A second
    Ctrl-C leaves at once.
    """
    pressed = asyncio.Event()
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def handler(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            os._exit(INTERRUPTED)
        loop.call_soon_threadsafe(pressed.set)

    async def watch() -> None:
        await pressed.wait()
        await stop()
        await asyncio.sleep(STOP_SECONDS)
        if main is not None:
            main.cancel()

    # signal.signal and not the loop's own handlers: those do not exist on Windows.
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(watch(), name="Ctrl-C")
            try:
                yield pressed
            finally:
                watcher.cancel()
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run a command's coroutine and leave with its exit code; errors of ours become a message."""
    if os.environ.get("FAIRBRUSH_DEBUG"):
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("bot").setLevel(logging.DEBUG)
    try:
        sys.exit(asyncio.run(main()))
    except (Exception, KeyboardInterrupt, asyncio.CancelledError, BaseExceptionGroup) as raised:
        error = _leaf(raised)
        if isinstance(error, FairbrushError):
            fail(error)
        if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
            sys.exit(INTERRUPTED)
        if isinstance(error, BrokenPipeError):
            # The reader of our results has left (`| head`): nothing to say, and nowhere to say it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(FAILED)
        raise


def _leaf(error: BaseException) -> BaseException:
    """The first real exception of what a task group raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
