"""``control.json`` in the data directory: where the running bot listens, and the token that opens it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.domain.errors import ConfigError, OutputError
from bot.domain.text import Text

NAME = "control.json"
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """``token`` opens the bot to whoever can read the file: its owner. Never logged, fresh at each start."""

    port: int
    token: str
    pid: int
    version: str

    def __repr__(self) -> str:
        return f"Address(port={self.port}, pid={self.pid})"


def write_address(folder: Path, address: Address) -> None:
    """Whole or not at all, and readable by the owner alone from its first moment. Blocks on the disk.

    Raises OutputError.
    """
    temporary = folder / f".{NAME}.{secrets.token_hex(8)}"
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            json.dump(asdict(address), stream)
        temporary.replace(folder / NAME)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(
            Text(
                "{file} cannot be written: {reason}. Through it the commands reach the running bot. Make "
                "room there, or set data_dir to another folder.",
                file=folder / NAME,
                reason=error.strerror or error,
            ),
            cause=repr(error),
        ) from error


def remove_address(folder: Path, address: Address) -> None:
    """Take the file away unless it is another bot's by now. Blocks on the disk."""
    with contextlib.suppress(OSError, ConfigError):
        if read_address(folder) == address:
            (folder / NAME).unlink()


def read_address(folder: Path) -> Address | None:
    """What the file says; None without one, and for one that says nothing of use. Blocks on the disk.

    Raises ConfigError when somebody else's bot wrote it.
    """
    try:
        with (folder / NAME).open("rb") as stream:
            data = json.loads(stream.read(_MOST_BYTES))
    except PermissionError as error:
        raise ConfigError(
            Text(
                "{file} belongs to another user of this machine, who runs the bot. Run the command as that "
                "user.",
                file=folder / NAME,
            ),
            cause=repr(error),
        ) from error
    except (OSError, ValueError, RecursionError):
        return None
    match data:
        case {"port": int(port), "token": str(token), "pid": int(pid), "version": str(version)}:
            usable = 0 < port < 65536 and bool(token) and token.isascii()
            return Address(port, token, pid, version) if usable else None
    return None
