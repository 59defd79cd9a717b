"""One HTTP server and how its failures read: requests in, answers or errors of ours out.

Every way in which a server cannot be reached, wants a login or is something else becomes one
:class:`~bot.domain.errors.BackendError` here; no caller sees an exception of aiohttp's.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.comfy import failures
from bot.domain.errors import AuthenticationFailed, BackendError, ProtocolError, ServerUnreachable, UserError
from bot.domain.text import Text

MAX_JSON_BYTES = 64 * 1024 * 1024
"""Largest JSON answer that is read; a full /object_info with many packs stays below 10 MB."""
CHUNK_BYTES = 256 * 1024
SMALL, LARGE, FILE = 2, 10, 120
"""How many times the timeout for one silence a whole request may take, by what is carried: with 30 seconds
for a silence, an hour for a file."""
_GATEWAY_ERRORS = frozenset({502, 503, 504})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, 5.6.2


class NotConnected(ServerUnreachable):
    """No connection came about: nothing was sent, so nothing can have happened."""


class NothingBehind(ServerUnreachable):
    """A proxy answered that there is no server behind it (any more)."""


class Transport:
    """Requests below ``base_url`` (which may hold a path prefix), ``headers`` with every one of them.

    ``timeout_seconds`` is for connecting and for each silence within an answer; whole requests may take a
    few times that, so that an answer that drips in for ever ends, too. Raises UserError for an address or a
    header that cannot be one.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout_seconds: float) -> None:
        self.base = _base(base_url)
        self._headers = _checked(headers)
        self._timeout_seconds = timeout_seconds
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        # Made on first use: aiohttp wants a running loop, and a client that is never used opens nothing.
        if self._http is None:
            self._http = aiohttp.ClientSession(
                headers=self._headers, timeout=self._timeout(), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    @asynccontextmanager
    async def request(
        self, method: str, path: str, *, statuses: tuple[int, ...] = (), times: int = SMALL, **kwargs: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; statuses other than 200 and ``statuses`` are raised as errors of ours. ``times`` the
        usual timeout is what all of it may take."""
        timeout = self._timeout(total=times * self._timeout_seconds)
        try:
            # A redirect would be a login page; following it would end in HTML that nobody asked for.
            async with self.http.request(
                method, self.base / path, allow_redirects=False, timeout=timeout, **kwargs
            ) as response:
                if response.status != HTTPStatus.OK and response.status not in statuses:
                    raise await self._refused(response, path)
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            said = Text("The certificate of the ComfyUI server at {url} is not trusted.", url=self.base)
            raise NotConnected(said, cause=repr(error)) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            said = Text(
                "The ComfyUI server at {url} cannot be reached. Is it running, and is the address right?",
                url=self.base,
            )
            raise NotConnected(said, cause=f"{method} /{path}: {error!r}") from error
        except TimeoutError as error:
            said = Text("The ComfyUI server at {url} did not answer in time.", url=self.base)
            raise ServerUnreachable(said, cause=f"{method} /{path}: timed out") from error
        except aiohttp.ClientError as error:
            said = Text("The connection to the ComfyUI server at {url} broke off.", url=self.base)
            raise ServerUnreachable(said, cause=f"{method} /{path}: {error!r}") from error

    def _timeout(self, total: float | None = None) -> aiohttp.ClientTimeout:
        seconds = self._timeout_seconds
        return aiohttp.ClientTimeout(total=total, sock_connect=min(10.0, seconds), sock_read=seconds)

    async def _refused(self, response: aiohttp.ClientResponse, path: str) -> BackendError:
        status = response.status
        cause = f"{response.method} /{path}: {status}"
        if 300 <= status < 400:
            target = failures.clean(response.headers.get("Location", "?"), 120)
            return AuthenticationFailed(
                Text(
                    "The server at {url} sends visitors on to {target}: to a login page, or to its right "
                    "address. Give a header that logs in, or correct the address.",
                    url=self.base,
                    target=target,
                ),
                cause=f"{cause} to {target}",
            )
        if status in (401, 403, 407):
            return AuthenticationFailed(
                Text(
                    "The ComfyUI server at {url} wants a login (it answered {status}). Give the operator's "
                    'credentials as a header: headers = {{ Authorization = "…" }} below [[comfyui]].',
                    url=self.base,
                    status=status,
                ),
                cause=cause,
            )
        if status in _GATEWAY_ERRORS:
            return NothingBehind(
                Text(
                    "The proxy at {url} answers, but no ComfyUI server behind it. Start ComfyUI.",
                    url=self.base,
                ),
                cause=cause,
            )
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return ProtocolError(
                Text("What was sent is larger than the ComfyUI server at {url} accepts.", url=self.base),
                cause=cause,
            )
        words = failures.clean((await response.content.read(300)).decode("utf-8", "replace"))
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProtocolError(
                Text(
                    "The ComfyUI server at {url} stumbled over a request (answer 500). Its log says why.",
                    url=self.base,
                ),
                cause=f"{cause}: {words}",
            )
        return self.not_comfy(f"{cause}: {words}")

    async def json(self, response: aiohttp.ClientResponse) -> Any:
        body = await _read_all(response)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            head = failures.clean(body[:80].decode("utf-8", "replace"))
            raise self.not_comfy(f"{response.method} {response.url.path}: no JSON: {head}") from error

    def not_comfy(self, cause: str) -> ProtocolError:
        return ProtocolError(
            Text(
                "What answers at {url} does not speak like a ComfyUI server. Check the address (and the "
                "path, behind a proxy).",
                url=self.base,
            ),
            cause=cause,
        )


async def _read_all(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > MAX_JSON_BYTES:
            raise ProtocolError(
                Text("The server's answer is too large to be ComfyUI's."),
                cause=f"{response.url.path}: {size}",
            )
        parts.append(chunk)
    return b"".join(parts)


def _base(base_url: str) -> URL:
    try:
        url = URL(base_url.strip())
        usable = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        usable = False
    if not usable:
        raise UserError(
            Text(
                "“{url}” is no address of a ComfyUI server. Write it like http://127.0.0.1:8188.",
                url=base_url,
            )
        )
    if url.user or url.password:
        raise UserError(
            Text("Leave user name and password out of the server's address; give them as a header instead.")
        )
    return url.with_query(None).with_fragment(None).with_path(url.path.rstrip("/") + "/")


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise UserError(Text("“{name}” cannot be the name of a header.", name=failures.clean(name, 60)))
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            # The value may be a secret: it is not repeated.
            raise UserError(
                Text("The header {name} holds a line break or another control character.", name=name)
            )
    return dict(headers)
