"""What the log entries of a task are about: ids that every entry below carries, whoever writes it.

The websocket, the uploads and the store know nothing of jobs, and what they log is about one all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

FIELDS = ("request", "job", "server", "platform", "template", "who", "code", "seconds")
"""Names that entries may carry (``extra=``), in this order. ``who`` is an identity, never a name."""

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Within the block, and in tasks that begin there, entries are about these."""
    token = _ABOUT.set({**_ABOUT.get(), **ids})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def ids() -> Mapping[str, str]:
    """What entries are about here."""
    return _ABOUT.get()
