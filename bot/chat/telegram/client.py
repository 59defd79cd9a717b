"""The library's bot, as we use it: its calls alone, with time limits that fit uploads."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from telegram import Bot
from telegram._utils.types import JSONDict, ODVInput
from telegram.error import InvalidToken, NetworkError
from telegram.request import BaseRequest, HTTPXRequest, RequestData

TELEGRAM_SERVER = "https://api.telegram.org"
CALLS_AT_ONCE = 40
ANSWER_SECONDS = 20.0
CONNECT_SECONDS = 10.0
UPLOAD_SECONDS = 120.0
"""An upload of 50 MB at 4 Mbit/s; also how long its answer may take."""
POLL_SECONDS = 30
"""How long Telegram holds a question for updates; it allows 50."""


class Client(Bot):
    """A bot that can read updates as they come, however new they are to the library."""

    @property
    def number(self) -> int:
        """The bot's id, which begins its token: known before Telegram has been reached. 0 for a token that
        is none."""
        found = self.token.partition(":")[0]
        return int(found) if found.isascii() and found.isdecimal() else 0

    async def initialize(self) -> None:
        try:
            await super().initialize()
        except InvalidToken:
            # The library's own words quote the token.
            raise InvalidToken("Unauthorized") from None

    async def raw_updates(
        self, offset: int, *, allowed: Sequence[str], hold: int = POLL_SECONDS
    ) -> list[JSONDict]:
        """Updates from ``offset`` on, within ``hold`` seconds; Telegram forgets those before. Raises
        telegram.error."""
        asked: JSONDict = {"offset": offset, "timeout": hold, "allowed_updates": list(allowed)}
        found = await self._post("getUpdates", asked, read_timeout=hold + ANSWER_SECONDS)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _unheard(_: int) -> None: ...


class _Request(HTTPXRequest):
    """Proxies in front of Telegram answer in HTML, which the library would print into the log.

    ``told``: of the HTTP status of each answer; 0 where none came."""

    def __init__(self, *, told: Callable[[int], None], **options: Any) -> None:
        super().__init__(**options)
        self._told = told

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        if request_data is not None and request_data.contains_files and read_timeout is self.DEFAULT_NONE:
            read_timeout = UPLOAD_SECONDS
        try:
            code, payload = await super().do_request(
                url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
            )
        except NetworkError:
            self._told(0)
            raise
        self._told(code)
        if code >= HTTPStatus.BAD_REQUEST and not payload.lstrip().startswith(b"{"):
            payload = json.dumps({"ok": False, "description": _phrase(code)}).encode()
        return code, payload


def make_client(
    token: str,
    api_base_url: str = TELEGRAM_SERVER,
    *,
    local_files: bool = False,
    told: Callable[[int], None] = _unheard,
    **options: Any,
) -> Client:
    """``local_files``: the server is one's own, on this machine, started with ``--local``: it gives paths
    instead of files. ``told``: of each answer's HTTP status, 0 for none. ``options``: for httpx. Enter it
    before use, leave it at the end."""
    # Otherwise the library warns each time that Telegram asks to wait.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    # The addresses of calls hold the token.
    logging.getLogger("httpx").setLevel(logging.WARNING)

    def request(connections: int) -> BaseRequest:
        return _Request(
            told=told,
            connection_pool_size=connections,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            pool_timeout=ANSWER_SECONDS,
            media_write_timeout=UPLOAD_SECONDS,
            httpx_kwargs=options,
        )

    base = api_base_url.rstrip("/")
    return Client(
        token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request(CALLS_AT_ONCE),
        get_updates_request=request(1),
        local_mode=local_files,
    )


def _phrase(code: int) -> str:
    try:
        return f"{HTTPStatus(code).phrase} ({code})"
    except ValueError:
        return f"Unknown HTTPError ({code})"
