"""Where the bot listens: addresses that are free, and none that is public by mistake."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from bot.chat.web.site import TOKEN_FILE
from bot.cli.checks.rows import Row
from bot.cli.run_warnings import is_public
from bot.config import Listen, Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to recognise it


@dataclass(frozen=True, slots=True)
class _Door:
    """``danger``: what anybody who reaches it from elsewhere could do."""

    key: str
    listen: Listen
    danger: str


def listening(settings: Settings, *, running: bool) -> list[Row]:
    """``running``: a bot works with this data directory, so its own addresses are taken, by it."""
    found: list[Row] = []
    earlier: list[_Door] = []
    for door in _doors(settings):
        if (other := next((each for each in earlier if _same(door.listen, each.listen)), None)) is not None:
            words = f"{_shown(door.listen)} is {other.key}'s as well. Give one of them another port."
            found.append(Row("problem", "pages", door.key, words))
        else:
            found.append(_looked(door, running=running))
        earlier.append(door)
    return found


def _same(one: Listen, other: Listen) -> bool:
    """Whether both cannot be had at the same time. Port 0 is a free one each time."""
    hosts = {one.host, other.host}
    return one.port == other.port != 0 and (len(hosts) == 1 or bool(hosts & _EVERYWHERE))


def _doors(settings: Settings) -> Iterator[_Door]:
    web = settings.web
    if web.listen is not None:
        what = "Its operator's part opens" if web.guests else "It opens"
        if web.token.get_secret_value():
            where = f"{what} with web.token"
        else:
            where = f"{what} with the token in {settings.data_dir / TOKEN_FILE}"
        guests = "; everybody may paint, without a token (web.guests)" if web.guests else ""
        yield _Door("web.listen", web.listen, f"{where}{guests}")
    if settings.metrics.listen is not None:
        danger = "Whoever reaches it reads all numbers of the bot, without a token"
        yield _Door("metrics.listen", settings.metrics.listen, danger)
    if settings.telegram is not None and (hook := settings.telegram.webhook) is not None:
        yield _Door("telegram.webhook.listen", hook.listen, "Only Telegram's calls are taken")


def _looked(door: _Door, *, running: bool) -> Row:
    shown = _shown(door.listen)
    failed = cannot_listen(door.listen)
    if failed is not None:
        if running and failed == errno.EADDRINUSE:
            return Row("ok", "pages", door.key, f"{shown} is in use, as it should be while the bot runs.")
        return Row("problem", "pages", door.key, f"Nothing can listen at {shown}: {_reason(door, failed)}")
    free = f"{shown} is free."
    if is_public(door.listen.host):
        return Row(
            "warning",
            "pages",
            door.key,
            f"{free} Other machines can reach it, in plain HTTP that can be read on the way. {door.danger}. "
            "Listen on 127.0.0.1, with a reverse proxy for https in front, if that is not meant.",
        )
    return Row("ok", "pages", door.key, f"{free} {door.danger}.")


def _reason(door: _Door, failed: int) -> str:
    match failed:
        case errno.EADDRINUSE:
            return f"another program is there. Stop it, or give {door.key} another port."
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {door.listen.host}. Correct {door.key}."
        case errno.EACCES:
            return f"that is not allowed here. Ports below 1024 are the system's: give {door.key} another."
    return (
        f"{os.strerror(failed)}. Correct {door.key}." if failed > 0 else f"no such host. Correct {door.key}."
    )


def cannot_listen(listen: Listen) -> int | None:
    """The error's number; None where one can; -1 for a host that has no address."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as tried:
            # As servers do: an address that was in use a moment ago is no reason to fail. On Windows the
            # same option would mean to share it with whoever is there.
            if os.name == "posix":
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen(1)
    except (socket.gaierror, UnicodeError):
        return -1
    except OSError as error:
        return error.errno or -1
    return None


def _shown(listen: Listen) -> str:
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{host}:{listen.port}"
