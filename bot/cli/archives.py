"""Making backups, looking into them, putting them back."""

from __future__ import annotations

import re
import sys
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.cli.common import load, put, say
from bot.cli.interruption import Interruption
from bot.cli.own_config import packed_config, put_config, workflows_elsewhere
from bot.cli.progress import Bar, display
from bot.cli.reach import shell_actor
from bot.config import find_config
from bot.domain.errors import UserError
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.threads import in_thread
from bot.store import locked
from bot.store.archive import (
    Manifest,
    Packed,
    Refused,
    Report,
    Restored,
    Stopped,
    open_archive,
    pack,
    restore,
    verify,
)
from bot.store.archive.contents import moment, stamp
from bot.store.migrations import packaged

T = TypeVar("T")

COMMANDS_TAKE = 1.0
"""Seconds that another command at most holds the data directory of a bot that does not run."""
_OURS = re.compile(r"fairbrush-\d{8}-\d{6}\.zip")
_TOLD_SECONDS = 0.1
"""Between two changes of a bar."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What ``fairbrush backup`` was asked for."""

    target: Path
    force: bool
    keep: int | None
    config: bool
    tokens: bool


async def back_up(wish: Wish, config_file: Path | None, interruption: Interruption) -> int:
    settings, now, target = load(config_file), Clock().now(), wish.target
    into_folder = target.is_dir()
    if into_folder:
        target = target / f"fairbrush-{stamp(now)}.zip"
    elif wish.keep is not None:
        raise UserError(Text("--keep goes with a folder, and {file} is none.", file=target))
    file = find_config(config_file, Path.cwd())
    extras = packed_config(settings, file, tokens=wish.tokens) if wish.config else ()
    work = partial(pack, settings.data_dir, target, extras=extras, force=wish.force, now=now)
    packed = await _watched(interruption, target.name, lambda report: work(report=report))
    put(str(target))
    _tell_of(packed)
    if into_folder and wish.keep is not None:
        _remove_all_but(wish.keep, target.parent)
    return 0


async def check(archive: Path, interruption: Interruption) -> int:
    def work(report: Report) -> Manifest:
        with open_archive(archive) as opened:
            return verify(opened, report)

    manifest = await _watched(interruption, archive.name, work)
    put(f"{archive} is whole: {_contents(manifest)}.")
    return 0


async def put_back(archive: Path, config_file: Path | None, interruption: Interruption) -> int:
    settings, now = load(config_file), Clock().now()

    def work(report: Report) -> Restored:
        # What is no backup is told before the data directory is touched, even before it is made.
        with open_archive(archive) as opened, locked(settings.data_dir, patience=COMMANDS_TAKE):
            return restore(opened, settings.data_dir, actor=shell_actor(), now=now, report=report)

    restored = await _watched(interruption, archive.name, work)
    manifest = restored.manifest
    put(f"Restored into {settings.data_dir}: {_contents(manifest)}.")
    if restored.before is not None:
        say(f"What was there before is in {restored.before}. Remove it when you do not need it any more.")
    if manifest.missing:
        say(f"{_count(len(manifest.missing), 'file')} of it had been lost or forgotten before the backup.")
    if manifest.schema < len(packaged()):
        say("The next start of the bot brings the database up to date.")
    return 0


async def restore_config(archive: Path, config_file: Path | None, interruption: Interruption) -> int:
    """``config_file``: where config.toml goes, instead of this folder; workflows go beside it."""
    config = (config_file or Path("config.toml")).absolute()

    def work(report: Report) -> Sequence[Path]:
        with open_archive(archive) as opened:
            if not opened.manifest.of_config():
                raise Refused(
                    Text("{file} holds no configuration: it was made without --with-config.", file=archive)
                )
            verify(opened, report)
            return put_config(opened, config)

    for path in await _watched(interruption, archive.name, work):
        put(str(path))
    if (named := workflows_elsewhere(config)) is not None:
        say(
            f"The workflows are in {config.parent / 'workflows'}, and config.toml has workflows_dir = "
            f"{named!r}."
        )
    say("Put the tokens in if they are missing, look at data_dir, then restore the rest.")
    return 0


def _contents(manifest: Manifest) -> str:
    """``as of 2026-11-22 09:00 UTC, 3 users, 12 requests, 1 job waiting, 20 files``"""
    counts = {name: manifest.counts.get(name, 0) for name in ("users", "requests", "waiting")}
    return ", ".join(
        (
            f"as of {moment(manifest.created)}",
            _count(counts["users"], "user"),
            _count(counts["requests"], "request"),
            f"{_count(counts['waiting'], 'job')} waiting",
            _count(len(manifest.of_data()) - 1, "file"),
        )
    )


def _tell_of(packed: Packed) -> None:
    for files, what in (
        (packed.lost, "are not there any more"),
        (packed.changed, "were changed on the disk"),
    ):
        if files:
            say(f"Warning: {_count(len(files), 'file')} of the data directory {what}, among them {files[0]}.")


def _remove_all_but(number: int, folder: Path) -> None:
    """Names of such files sort by their moments."""
    ours = sorted((path for path in folder.iterdir() if _OURS.fullmatch(path.name)), reverse=True)
    for path in ours[number:]:
        try:
            path.unlink()
        except OSError as error:
            say(f"Warning: {path} cannot be removed: {error.strerror or error}.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


# Progress


async def _watched(interruption: Interruption, label: str, work: Callable[[Report], T]) -> T:
    """Do ``work`` in a thread, with a bar if somebody looks; Ctrl-C ends it between two steps."""
    unwanted = threading.Event()

    async def stop() -> None:
        unwanted.set()

    with _bar(label) as tell, interruption.handled_by(stop, bounded=False):

        def report(done: float, what: str) -> None:
            if unwanted.is_set():
                raise Stopped
            tell(done, what)

        try:
            return await in_thread(work, report)
        except Stopped:
            raise CancelledError from None


@contextmanager
def _bar(label: str) -> Iterator[Report]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _what: None  # what runs by the clock has nobody who looks
        return
    with display(1) as shown:
        bar = shown.bar(label)
        try:
            yield _now_and_then(bar)
        except BaseException:
            bar.stopped()
            raise
        bar.done("done")


def _now_and_then(bar: Bar) -> Report:
    told = 0.0

    def tell(done: float, what: str) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _TOLD_SECONDS:
            told = now
            bar.at(done, what)

    return tell
