"""What the commands share: options, messages on stderr, results on stdout, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot.domain.errors import FairbrushError, UserError
from bot.domain.text import Text

if TYPE_CHECKING:
    from bot.cli.interruption import Interruption
    from bot.config import Settings

_LONGEST_DEBUG_LINE = 500

FAILED, USAGE, INTERRUPTED = 1, 2, 130

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Configuration file (default: config.toml here, else built-in defaults).",
)
comfyui_option = click.option(
    "--comfyui",
    metavar="URL",
    help="ComfyUI server, e.g. http://127.0.0.1:8188 (default: the config's, else the built-in engine).",
)


class ResultsLost(FairbrushError):
    """Standard output does not take the results any more."""

    code = "stdout"


class NobodyReads(ResultsLost):
    """The reader of the results has left (``| head``). Not worth a message by itself."""


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """``text`` without the control characters by which other people's words could steer a terminal."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def say(message: object) -> None:
    """A line for the person, on stderr: stdout is for results."""
    # Nobody may be there to read it; that is no reason to stop.
    with contextlib.suppress(OSError):
        click.echo(printable(str(message)), err=True)


def put(line: str) -> None:
    """A line of results, on stdout, at once. Raises :class:`ResultsLost`."""
    put_styled(printable(line) if sys.stdout is not None and sys.stdout.isatty() else line)


def put_styled(line: str) -> None:
    """The same for a line that holds colours of our own."""
    stream = sys.stdout
    if stream is None:  # closed by whoever started us
        return
    try:
        try:
            stream.write(f"{line}\n")
        except UnicodeEncodeError:
            _put_bytes(line)
        stream.flush()
    except OSError as error:
        _silence(stream)
        if isinstance(error, BrokenPipeError):
            raise NobodyReads(Text("Nobody reads the results any more."), cause=repr(error)) from error
        reason = error.strerror or error
        said = Text("The results cannot be written to standard output: {reason}.", reason=reason)
        raise ResultsLost(said, cause=repr(error)) from error


def put_json(value: object) -> None:
    """One JSON object a line; in ASCII where stdout cannot show it otherwise."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(value)
    put(line)


def _put_bytes(line: str) -> None:
    """Names of files may be no text: on POSIX their very bytes come out again. Elsewhere stdout may have a
    small alphabet; an escape then shows what is missing."""
    encoding = sys.stdout.encoding or "utf-8"
    plain = encoding.lower().replace("-", "") == "utf8"
    data = line.encode(encoding, "surrogateescape" if plain else "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(data + b"\n")


def _silence(stream: Any) -> None:
    """What is still buffered must not fail once more when the interpreter ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def load(config_file: Path | None) -> Settings:
    """The settings. Raises ConfigError when they are wrong."""
    from bot.config import find_config, load_settings

    here = Path.cwd()
    return load_settings(find_config(config_file, here), environ=os.environ, folder=here)


def exit_code(error: FairbrushError) -> int:
    return USAGE if isinstance(error, UserError) else FAILED


def message_of(error: FairbrushError) -> str:
    """What to say about a failure; with FAIRBRUSH_DEBUG set, the cause for the log as well."""
    cause = f"\nCause: {error.cause}" if _debugging() and error.cause else ""
    return f"Error: {error}{cause}"


def leave(work: Callable[[], int]) -> NoReturn:
    """Do the work of a command and end the process with its exit code; every failure becomes a message."""
    import asyncio  # it takes a while to load, and --help needs none of it

    if _debugging():
        import logging

        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("bot").setLevel(logging.DEBUG)
    try:
        code = work()
    except (Exception, KeyboardInterrupt, asyncio.CancelledError, BaseExceptionGroup) as raised:  # noqa: BLE001 - the outermost frame: a person reads no traceback
        code = _explain(_leaf(raised))
    sys.exit(code)


def drive(main: Callable[[Interruption], Coroutine[Any, Any, int]]) -> int:
    """Run a command's coroutine, which Ctrl-C interrupts as it wishes; its exit code."""
    import asyncio

    from bot.cli.interruption import interruptible

    async def run() -> int:
        async with interruptible() as interruption:
            return await main(interruption)

    return asyncio.run(run())


def _explain(error: BaseException) -> int:
    import asyncio
    import traceback

    match error:
        case NobodyReads():
            return FAILED
        case FairbrushError():
            say(message_of(error))
            return exit_code(error)
        case KeyboardInterrupt() | asyncio.CancelledError():
            say("Interrupted.")
            return INTERRUPTED
    if _debugging():
        for line in "".join(traceback.format_exception(error)).splitlines():
            say(line[:_LONGEST_DEBUG_LINE])  # an exception may quote a whole file
    # The words of an unexpected error may hold anything, a prompt text too; its place says enough.
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in place)
    say(
        f"Error: Fairbrush stumbled over itself ({type(error).__name__}{where}). That is a bug, not your "
        "fault. With FAIRBRUSH_DEBUG=1 set, the same command shows all of it, for a report."
    )
    return FAILED


def _debugging() -> bool:
    return bool(os.environ.get("FAIRBRUSH_DEBUG"))


def _leaf(error: BaseException) -> BaseException:
    """The first real exception of what a task group raised; not a cancellation that another one caused."""
    import asyncio

    while isinstance(error, BaseExceptionGroup):
        real = [e for e in error.exceptions if not isinstance(e, asyncio.CancelledError)]
        error = (real or list(error.exceptions))[0]
    return error
