"""``fairbrush init`` without questions: what its flags say, and the defaults of what they leave open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from bot.cli import init_ask, init_probe
from bot.cli.common import say
from bot.cli.init import Given
from bot.cli.init_answers import Platform, Secret, Workflow
from bot.cli.init_ask import ComfyAnswer, Unfit
from bot.cli.init_workflows import exports
from bot.cli.tokens import not_for_discord, not_for_telegram
from bot.config import Discord, Telegram
from bot.config.overlay import MAX_SECRET_BYTES
from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.templates.loader import shipped_folder

T = TypeVar("T")
_TOKENS = {"discord": "FAIRBRUSH__DISCORD__TOKEN", "telegram": "FAIRBRUSH__TELEGRAM__TOKEN"}
_UNFIT = {"discord": not_for_discord, "telegram": not_for_telegram}


def comfyui(given: Given) -> ComfyAnswer:
    """The one that is named, whether it answers or not; else one at the usual address, else none."""
    headers = dict(_header(each) for each in given.headers)
    if given.comfyui is None:
        found = init_probe.server(init_probe.HERE, headers, init_probe.HERE_SECONDS)
        if found.answers:
            say(found.words)
            return ComfyAnswer(init_probe.HERE, headers)
        say(
            f"No ComfyUI answers at {init_probe.HERE}: the built-in engine will paint. Name one with "
            "--comfyui URL."
        )
        return ComfyAnswer("", {})
    url = _read("--comfyui", given.comfyui, init_ask.read_url)
    if url:
        found = init_probe.server(url, headers)
        say(found.words if found.answers else f"Warning: {found.words}")
    return ComfyAnswer(url, headers)


def platforms(given: Given, folder: Path, *, asking: bool) -> tuple[Platform | None, Platform | None]:
    """Discord and Telegram; asked about only where no flag speaks of them."""
    discord_flags = bool(given.discord_token_file or given.discord_guilds or given.discord_admins)
    telegram_flags = bool(given.telegram_token_file or given.telegram_chats or given.telegram_admins)
    if asking and not discord_flags and not os.environ.get(_TOKENS["discord"]):
        discord = init_ask.discord(_base("discord"))
    else:
        discord = _platform(
            "discord", given.discord_token_file, given.discord_guilds, given.discord_admins, folder
        )
    if asking and not telegram_flags and not os.environ.get(_TOKENS["telegram"]):
        telegram = init_ask.telegram(_base("telegram"))
    else:
        telegram = _platform(
            "telegram", given.telegram_token_file, given.telegram_chats, given.telegram_admins, folder
        )
    return discord, telegram


def _platform(
    name: str, file: Path | None, places: Iterable[str], admins: Iterable[str], folder: Path
) -> Platform | None:
    flag = "--discord-guild" if name == "discord" else "--telegram-chat"
    places = _read(flag, " ".join(places), lambda words: init_ask.read_ids(words, negative=True))
    admins = _read(f"--{name}-admin", " ".join(admins), init_ask.read_ids)
    token = os.environ.get(_TOKENS[name], "").strip()
    if file is None and not token:
        if places or admins:
            raise ConfigError(Text("For {name} a token is needed. Give --{name}-token-file FILE.", name=name))
        return None
    shown = ""
    if file is not None:
        token = _token_in(file)
        shown = _as_written(file, folder)
    _read(f"--{name}-token-file", token, lambda words: init_ask.read_token(words, _UNFIT[name]))
    return Platform(Secret(shown), tuple(admins), tuple(places))


def zone(given: Given) -> str:
    return (
        init_probe.time_zone()
        if given.timezone is None
        else _read("--timezone", given.timezone, init_ask.read_zone)
    )


def seconds(given: Given) -> float | None:
    return _read("--gpu-seconds", given.gpu_seconds or "", init_ask.read_seconds)


def count(given: Given) -> int | None:
    return _read("--jobs", given.jobs or "", init_ask.read_count)


def listen(given: Given) -> str:
    if given.web is None or given.web.casefold() in init_ask.NONE:
        return ""
    return _read("--web", given.web, init_ask.read_listen)


def workflows(given: Given, own: Path, *, asking: bool) -> list[Workflow]:
    """``own``: the folder of templates beside the configuration; where there is none yet, it begins with
    those that come with the program."""
    used = own if own.is_dir() else shipped_folder()
    taken = {path.stem for path in used.glob("*.json")}
    if given.workflows is None:
        return init_ask.workflows(taken) if asking else []
    found = exports(given.workflows, taken)
    if asking:
        return init_ask.chosen(found, taken)
    for export in found:
        say(init_ask.shown(export))
    return [Workflow(export.file, export.name) for export in found if not export.problem]


def _base(name: str) -> str:
    """Where the platform is asked: a proxy of one's own may come from the environment."""
    usual = Discord().api_base_url if name == "discord" else Telegram().api_base_url
    return os.environ.get(f"FAIRBRUSH__{name.upper()}__API_BASE_URL") or usual


def _token_in(file: Path) -> str:
    try:
        with file.expanduser().open(encoding="utf-8-sig") as stream:
            return stream.read(MAX_SECRET_BYTES).strip()
    except (OSError, UnicodeError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(Text("{file} cannot be read: {reason}.", file=file, reason=reason)) from error


def _as_written(file: Path, folder: Path) -> str:
    """Seen from the configuration, by which relative paths count."""
    whole = (Path.cwd() / file.expanduser()).resolve()
    try:
        return whole.relative_to(folder.resolve()).as_posix()
    except ValueError:
        return str(whole)


def _header(words: str) -> tuple[str, str]:
    name, equals, value = words.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise ConfigError(Text("Write --header like  --header 'Authorization=Bearer …'"))
    return name.strip(), value.strip()


def _read(flag: str, words: str, read: Callable[[str], T]) -> T:
    try:
        return read(words)
    except Unfit as error:
        raise ConfigError(Text("{flag}: {reason}", flag=flag, reason=str(error))) from error
