"""Listening, with a bound: whoever opens connections must not take the files from all that the bot does."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

MOST_CONNECTIONS = 1500
"""At a time, pages that are kept open among them; fewer where the process may open few files."""


async def listen(server: web.Server, host: str, port: int) -> asyncio.Server:
    """Serve at that address. More connections than there may be are closed at once. Raises OSError."""
    files = open_files()
    most = min(MOST_CONNECTIONS, files // 2)

    def accepted() -> asyncio.BaseProtocol:
        return server() if len(server.connections) < most else _Refused()

    # So many are accepted before the first of them can be refused.
    return await asyncio.get_running_loop().create_server(
        accepted, host, port, backlog=min(128, max(8, files // 8))
    )


def open_files() -> int:
    """How many this process may open."""
    if sys.platform == "win32":
        return 2 * MOST_CONNECTIONS  # sockets are no files there
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2 * MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else soft


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
