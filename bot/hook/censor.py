"""One HTTP address that says whether a text is allowed. Its headers are secrets, and so are the texts: they
are never logged, nor shown in an error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp

from bot.domain.errors import CensorFailed
from bot.domain.text import Text
from bot.hook.protocol import MOST_BYTES, question_json, read_verdict
from bot.service.moderation_hook import Question, Verdict

_OURS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


class HttpCensor:
    """Implements :class:`bot.service.moderation_hook.Censor`. ``seconds``: for a whole question, from the
    connection to the last byte of the answer. Nothing is tried twice, and no redirect is followed: the
    headers are meant for this address alone."""

    def __init__(self, url: str, headers: Mapping[str, str], seconds: float) -> None:
        self._url = url
        self._headers = {**_OURS, **headers}
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def judge(self, question: Question) -> Verdict:
        """Raises CensorFailed."""
        assert self._http is not None, "to be used within its context"
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http.post(self._url, data=question_json(question), allow_redirects=False) as response,
            ):
                if response.status != HTTPStatus.OK:
                    raise CensorFailed(
                        Text("It answered with status {status}; 200 would be right.", status=response.status),
                        cause=f"status {response.status}",
                    )
                return read_verdict(await _body(response))
        except TimeoutError as error:
            raise CensorFailed(
                Text("It did not answer within {seconds} s.", seconds=f"{self._seconds:g}"), cause="timed out"
            ) from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            # Its words may name the address, which may hold a secret.
            raise CensorFailed(Text("It cannot be reached."), cause=type(error).__name__) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(MOST_BYTES):
        size += len(chunk)
        if size > MOST_BYTES:
            raise CensorFailed(Text("Its answer is too long."), cause=f"more than {MOST_BYTES} bytes")
        parts.append(chunk)
    return b"".join(parts)
