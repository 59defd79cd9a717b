"""The engine, the proxy before it, and a look at what a test leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clients import tidy
from tests.support.engines import Engine, engine
from tests.support.faults import FaultProxy


@pytest.fixture(autouse=True)
async def tidied() -> AsyncIterator[None]:
    async with tidy():
        yield


@pytest.fixture
async def server(tmp_path: Path, tidied: None) -> AsyncIterator[Engine]:
    async with engine(tmp_path / "engine") as made:
        yield made


@pytest.fixture
async def proxy(server: Engine) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(server.url) as made:
        yield made
