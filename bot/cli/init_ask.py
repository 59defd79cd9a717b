"""The questions of ``fairbrush init``: each says what it is for, and is asked again for a wrong answer."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from bot.cli import init_probe
from bot.cli.common import say
from bot.cli.init_answers import WEB_LISTEN, Platform, Secret, Workflow
from bot.cli.init_workflows import Export, exports
from bot.cli.tokens import not_for_discord, not_for_telegram
from bot.config import Discord, Telegram, check_url
from bot.config.fields import Refused, refuse_placeholder
from bot.domain.errors import FairbrushError
from bot.presentation.nearest import nearest

T = TypeVar("T")
NONE = ("none", "no", "-")
_SHOWN_PARAMETERS = 8


class Unfit(Exception):
    """An answer that cannot be; the words say why."""


@dataclass(frozen=True, slots=True)
class ComfyAnswer:
    """``url`` empty: the built-in engine."""

    url: str
    headers: Mapping[str, str]


# Each kind of question


def ask(question: str, read: Callable[[str], T], *, default: str = "", hidden: bool = False) -> T:
    """Until ``read`` takes the answer; it raises :class:`Unfit` for one that cannot be."""
    while True:
        try:
            words = click.prompt(
                question, default=default, show_default=bool(default), hide_input=hidden, err=True
            )
            return read(str(words).strip())
        except Unfit as error:
            say(f"  {error}")
        except click.Abort:  # Ctrl-C, or nobody is there any more
            raise KeyboardInterrupt from None


def agreed(question: str, *, default: bool = False) -> bool:
    try:
        return click.confirm(question, default=default, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None


def heading(words: str) -> None:
    say("")
    say(words)


# What words mean


def read_url(words: str) -> str:
    """An address of a ComfyUI; empty for none. Without http:// in front it is taken so."""
    if not words or words.casefold() in NONE:
        return ""
    try:
        return check_url(words if "://" in words else f"http://{words}")
    except FairbrushError as error:
        raise Unfit(str(error)) from error


def read_ids(words: str, *, negative: bool = False) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(re.findall(r"[^\s,;]+", words)))
    for each in ids:
        if not re.fullmatch(r"-?\d{1,19}" if negative else r"\d{1,19}", each):
            raise Unfit(f"“{each}” is no id: those are numbers. Put commas between several.")
    return ids


def read_zone(words: str) -> str:
    known = zoneinfo.available_timezones()
    exact = {name.casefold(): name for name in known}
    if (name := exact.get(words.casefold().replace(" ", "_"))) is not None:
        return name
    close = nearest(words, known)
    raise Unfit(f"There is no time zone “{words}”." + (f" Did you mean {close}?" if close else ""))


def read_seconds(words: str) -> float | None:
    return _amount(words, float)


def read_count(words: str) -> int | None:
    return _amount(words, int)


def _amount(words: str, kind: Callable[[str], T]) -> T | None:
    if not words or words.casefold() in ("unlimited", *NONE):
        return None
    if not re.fullmatch(r"\d{1,9}" if kind is int else r"\d{1,9}(\.\d+)?", words):
        raise Unfit("Write a number, or press Enter for no limit.")
    return kind(words)


def read_listen(words: str) -> str:
    host, colon, port = words.rpartition(":")
    if not (host and colon and re.fullmatch(r"\d{1,5}", port) and int(port) <= 65535):
        raise Unfit(f"Write a host and a port, like {WEB_LISTEN}.")
    if not init_probe.is_free(words):
        raise Unfit(f"Nothing can listen at {words}: it is taken, or not this machine's. Give another port.")
    return words


def read_token(words: str, unfit: Callable[[str], str | None]) -> str:
    try:
        refuse_placeholder(words)
    except Refused as error:
        raise Unfit(f"It {error}.") from error
    if re.search(r"\s", words) or not words.isascii():
        raise Unfit("That holds a space or a character that no token holds. Copy it again.")
    if (reason := unfit(words)) is not None:
        raise Unfit(reason)
    return words


# What is asked


def comfyui() -> ComfyAnswer:
    heading("ComfyUI")
    found = init_probe.server(init_probe.HERE, {}, init_probe.HERE_SECONDS)
    say(f"  {found.words}" if found.answers else f"  None answers at {init_probe.HERE}, its usual address.")
    known = init_probe.HERE if found.answers else ""
    question = "  Its address" + ("" if known else " (Enter: none, the built-in engine paints sketches)")
    while True:
        url = ask(question, read_url, default=known)
        if not url or url == known:
            return ComfyAnswer(url, {})
        headers: dict[str, str] = {}
        looked = init_probe.server(url, headers)
        say(f"  {looked.words}")
        if looked.wants_login:
            value = ask(
                "  What it wants as Authorization, like Bearer … (hidden; Enter: nothing)", str, hidden=True
            )
            if value:
                headers = {"Authorization": value}
                looked = init_probe.server(url, headers)
                say(f"  {looked.words}")
        if looked.answers or agreed("  Take this address all the same?"):
            return ComfyAnswer(url, headers)


def discord(base: str = Discord().api_base_url) -> Platform | None:
    heading("Discord")
    if not agreed("  Shall it work in Discord?"):
        return None
    say(
        "  Make an application at https://discord.com/developers/applications. Bot → Reset Token shows its "
        "token."
    )
    found = _known_token("Discord", not_for_discord, lambda token: init_probe.discord_bot(token, base))
    if found is None:
        return None
    token, bot = found
    listed = bot.places or {}
    for number, name in listed.items():
        say(f"  It is in {name}: {number}")
    places = ask(
        "  Ids of the servers that get the commands, at once (Enter: every server with the bot)",
        read_ids,
        default=", ".join(listed) if 0 < len(listed) <= 10 else "",
    )
    admins = ask("  Your own id there, to run the bot (Enter: nobody)", read_ids, default=bot.owner)
    return Platform(Secret("discord-token", token, is_new=True), admins, places)


def telegram(base: str = Telegram().api_base_url) -> Platform | None:
    heading("Telegram")
    if not agreed("  Shall it work in Telegram?"):
        return None
    say("  Write /newbot to https://t.me/BotFather; it answers with the token.")
    found = _known_token("Telegram", not_for_telegram, lambda token: init_probe.telegram_bot(token, base))
    if found is None:
        return None
    token, _ = found
    admins = ask("  Your own id there, a number, to run the bot (Enter: nobody yet)", read_ids)
    places = ask(
        "  Ids of the only chats that may use it (Enter: everybody who finds it)",
        lambda words: read_ids(words, negative=True),
    )
    return Platform(Secret("telegram-token", token, is_new=True), admins, places)


def _known_token(
    name: str, unfit: Callable[[str], str | None], look: Callable[[str], init_probe.Bot]
) -> tuple[str, init_probe.Bot] | None:
    """A token that the platform knows, or that could not be asked about; None for none after all."""
    while True:
        token = ask(
            f"  The token (hidden; Enter: no {name})",
            lambda words: words and read_token(words, unfit),
            hidden=True,
        )
        if not token:
            return None
        bot = look(token)
        say(f"  {bot.words}")
        if bot.known is not False:
            return token, bot


def timezone() -> str:
    heading("Time and quotas")
    return ask("  Time zone, in which a quota day begins", read_zone, default=init_probe.time_zone())


def quota() -> tuple[float | None, int | None]:
    seconds = ask("  GPU seconds for everybody in a day (Enter: no limit)", read_seconds)
    jobs = ask("  Pictures for everybody in a day (Enter: no limit)", read_count)
    return seconds, jobs


def web() -> str:
    heading("Web page")
    if not agreed("  A page on this machine, to paint and to look after the bot?", default=True):
        return ""
    host, _, port = WEB_LISTEN.rpartition(":")
    free = next(
        (f"{host}:{n}" for n in range(int(port), int(port) + 20) if init_probe.is_free(f"{host}:{n}")), ""
    )
    return ask("  Where it listens", read_listen, default=free or WEB_LISTEN)


def workflows(taken: Collection[str]) -> list[Workflow]:
    heading("Workflows")

    def read_folder(words: str) -> list[Export]:
        if not words or words.casefold() in NONE:
            return []
        try:
            return exports(Path(words).expanduser(), taken)
        except (FairbrushError, RuntimeError) as error:
            raise Unfit(str(error)) from error

    question = "  Folder with your exports, Workflow → Export (API) in ComfyUI (Enter: none now)"
    return chosen(ask(question, read_folder), taken)


def chosen(found: list[Export], taken: Collection[str]) -> list[Workflow]:
    picked: list[Workflow] = []
    for export in found:
        say(f"  {shown(export)}")
        if export.problem:
            continue
        used = {name.casefold() for name in taken} | {each.name.casefold() for each in picked}

        def read_name(words: str, used: Collection[str] = used) -> str:
            if words.casefold() in used:
                raise Unfit(f"There is a template {words} already.")
            if not re.fullmatch(r"[\w][\w .-]{0,99}", words) and words not in NONE:
                raise Unfit("Use letters, digits and dashes.")
            return "" if words.casefold() in NONE else words

        if name := ask("    Its name as a template (- leaves it out)", read_name, default=export.name):
            picked.append(Workflow(export.file, name))
    return picked


def shown(export: Export) -> str:
    if export.problem:
        return f"{export.file.name}: {export.problem}"
    more = len(export.detected) - _SHOWN_PARAMETERS
    names = ", ".join(export.detected[:_SHOWN_PARAMETERS]) or "nothing that can be set"
    return f"{export.file.name}: {names}" + (f" and {more} more" if more > 0 else "")
