"""The types of single settings: what is accepted, and why something is not.

A refusal is a :class:`Refused`, whose sentence completes "config.toml: queue.max_waiting: …". None of
them repeats a value that could be a secret.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.presentation.nearest import nearest


class Refused(ValueError):
    """A value that a setting does not take. Pydantic collects these with their place."""

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server of ours listens. Port 0 takes a free one."""

    host: str
    port: int


def _number(value: Any) -> Any:
    # Python takes true for 1; a person who wrote true meant something else.
    if isinstance(value, bool):
        raise Refused(Text("must be a number, not true or false"))
    return value


def _switch(value: Any) -> Any:
    """The environment knows texts alone."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise Refused(Text("must be true or false"))
    return value


def _unlimited(value: Any) -> Any:
    if isinstance(value, str) and value.strip().casefold() == "unlimited":
        return None
    if value is None or (isinstance(value, str) and not re.fullmatch(r"[-+\d.eE_]+", value.strip())):
        raise Refused(Text('must be a number or "unlimited"'))
    return _number(value)


def _items(value: Any) -> Any:
    """The environment knows no lists: there, commas part them."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _integer_id(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Refused(Text("must be an id: a number, with or without quotes"))


def _user_id(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(
        r"(discord|telegram):\d{1,19}|shell:[^\s:]{1,64}", value.strip()
    ):
        return value.strip()
    raise Refused(Text('must name the platform and the id, like "discord:123" or "telegram:456"'))


def _place(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"discord:\d{1,19}|telegram:-?\d{1,19}", value.strip()):
        return value.strip()
    raise Refused(
        Text('must name a Discord server or a Telegram chat by its id, like "discord:123" or "telegram:-456"')
    )


_PLACEHOLDER = re.compile(
    r"(?=.*(?:your|here|change|placeholder|example|dummy|insert|replace|paste|todo|xxx))"
    r"(?:(?:your|my|the|a|an|bot|app|api|discord|telegram|comfyui|secret|token|key|password|value|here|"
    r"changeme|change|me|this|it|placeholder|example|dummy|insert|replace|paste|put|in|with|real|todo|x)"
    r"[-_ .:!]*)+"
    r"|<.*>|\.\.\.|…|\*+|123456:ABC-DEF.*",
    re.IGNORECASE,
)


def refuse_placeholder(value: str) -> None:
    """Refuse what stands in examples instead of a secret."""
    if _PLACEHOLDER.fullmatch(value):
        raise Refused(Text("is the text of an example, not a secret. Put the real one there"))


def _secret(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise Refused(Text("must be text in quotes"))
    secret = value.strip()
    if re.search(r"\s", secret) and not _PLACEHOLDER.fullmatch(secret):
        raise Refused(Text("holds a space or a line break; no token does"))
    if not secret.isascii() or not all(c.isprintable() for c in secret):
        raise Refused(Text("holds a character that no token holds. Copy it again"))
    refuse_placeholder(secret)
    return secret


def _header_value(value: Any) -> Any:
    if not isinstance(value, str):
        raise Refused(Text("must be text in quotes"))
    if not all(c.isprintable() for c in value) or not value.isascii():
        raise Refused(Text("may hold letters, digits and signs of ASCII only, and no line break"))
    refuse_placeholder(value.split()[-1] if value.split() else "")
    return value


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", value):
        raise Refused(Text("is no name of a header"))
    return value


def url_problem(value: str, schemes: tuple[str, ...] = ("http", "https")) -> Text | None:
    """Why this is no address of a server; None if it is one. A path prefix is fine."""
    allowed = " or ".join(f"{scheme}://" for scheme in schemes)
    if re.search(r"[\s\\\x00-\x1f]", value):
        return Text("is no address: it holds a space, a backslash or a line break")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return Text("is no address: its host or port cannot be read")
    if "@" in parts.netloc:
        return Text(
            "holds a user name or a password. Take them out, and send them as a header: "
            'headers = {{ Authorization = "Basic …" }}'
        )
    if parts.scheme not in schemes:
        return Text("must begin with {allowed}", allowed=allowed)
    if not host or port == 0:
        return Text("is no address: the host is missing, or the port is 0")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        return Text("may hold no ? and no #: give the address of the server alone")
    return None


def check_url(value: str) -> str:
    """The address of a ComfyUI server from anywhere but the settings, without a slash at the end.

    Raises :class:`ConfigError`.
    """
    if (reason := url_problem(value.strip())) is not None:
        # The address itself is not repeated: it may hold a password.
        raise ConfigError(
            Text("The ComfyUI address {reason}. Write it like http://127.0.0.1:8188.", reason=reason)
        )
    return value.strip().rstrip("/")


def _url(*schemes: str, optional: bool = False) -> Callable[[str], str]:
    def validate(value: str) -> str:
        value = value.strip()
        if optional and not value:
            return value
        if (reason := url_problem(value, schemes)) is not None:
            raise Refused(reason)
        # Paths are put behind those of http; a websocket's address is whole as it is.
        return value if "wss" in schemes else value.rstrip("/")

    return validate


def _listen(value: Any) -> Listen | None:
    if value is None or isinstance(value, Listen):
        return value
    if isinstance(value, str):
        if not value.strip():
            return None
        host, colon, port = value.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if host and colon and re.fullmatch(r"\d{1,5}", port) and int(port) <= 65535 and " " not in host:
            return Listen(host, int(port))
    raise Refused(Text('must be a host and a port, like "127.0.0.1:8765"'))


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        close = nearest(value, zoneinfo.available_timezones())
        raise Refused(
            Text("there is no time zone “{value}”. Did you mean {nearest}?", value=value, nearest=close)
            if close
            else Text("there is no time zone “{value}”. Write one like Europe/Berlin", value=value)
        ) from None
    return value


def resolve(folder: Path, value: object) -> Path | None:
    """``value`` as a path seen from ``folder``; None if it can be none."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        return None
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:  # the home folder of nobody
        return None


def _path(value: Any, info: ValidationInfo) -> Path:
    assert info.context is not None
    path = resolve(info.context["folder"], value)
    if path is None:
        raise Refused(Text("must be the path of a folder"))
    return path


def _data_dir(path: Path) -> Path:
    try:
        usable = path.is_dir() or not path.exists()
    except OSError as error:
        raise _unusable(path, error) from error
    if not usable:
        raise Refused(Text("{path} is not a folder", path=path))
    return path


def _existing_dir(path: Path) -> Path:
    try:
        found = path.is_dir()
    except OSError as error:
        raise _unusable(path, error) from error
    if not found:
        raise Refused(Text("there is no folder {path}", path=path))
    return path


def _unusable(path: Path, error: OSError) -> Refused:
    reason = error.strerror or "unknown reason"
    return Refused(Text("{path} cannot be used: {reason}", path=path, reason=reason))


MOST = 1_000_000_000
"""Of any number: more is a mistake, and a limit beyond it is "unlimited"."""

Switch = Annotated[bool, BeforeValidator(_switch)]
Whole = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MOST)]
Positive = Annotated[float, BeforeValidator(_number), Field(gt=0, le=MOST)]
NotNegative = Annotated[float, BeforeValidator(_number), Field(ge=0, le=MOST)]
WholeOrNone = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MOST)]
WholeLimit = Annotated[Annotated[int, Field(ge=0, le=MOST)] | None, BeforeValidator(_unlimited)]
"""None: unlimited."""
NumberLimit = Annotated[Annotated[float, Field(ge=0, le=MOST)] | None, BeforeValidator(_unlimited)]
"""None: unlimited."""

DiscordId = Annotated[int, BeforeValidator(_integer_id), Field(ge=1)]
TelegramUserId = Annotated[int, BeforeValidator(_integer_id), Field(ge=1)]
TelegramChatId = Annotated[int, BeforeValidator(_integer_id)]
"""Groups have negative ids."""
Place = Annotated[str, BeforeValidator(_place)]
UserId = Annotated[str, BeforeValidator(_user_id)]
DiscordIds = Annotated[tuple[DiscordId, ...], BeforeValidator(_items)]
TelegramUserIds = Annotated[tuple[TelegramUserId, ...], BeforeValidator(_items)]
TelegramChatIds = Annotated[tuple[TelegramChatId, ...], BeforeValidator(_items)]
UserIds = Annotated[tuple[UserId, ...], BeforeValidator(_items)]
Words = Annotated[tuple[str, ...], BeforeValidator(_items)]

Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Headers = Annotated[
    dict[
        Annotated[str, AfterValidator(_header_name)],
        Annotated[SecretStr, BeforeValidator(_header_value)],
    ],
    Field(),
]
HttpUrl = Annotated[str, AfterValidator(_url("http", "https"))]
OptionalHttpUrl = Annotated[str, AfterValidator(_url("http", "https", optional=True))]
OptionalHttpsUrl = Annotated[str, AfterValidator(_url("https", optional=True))]
OptionalWebsocketUrl = Annotated[str, AfterValidator(_url("ws", "wss", optional=True))]
OptionalListen = Annotated[Listen | None, BeforeValidator(_listen)]
RequiredListen = Annotated[Listen, BeforeValidator(_listen)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
DataDir = Annotated[Path, AfterValidator(_data_dir), BeforeValidator(_path)]
ExistingDir = Annotated[Path, AfterValidator(_existing_dir), BeforeValidator(_path)]
