"""A browser within a test's own event loop, where the bot is; :mod:`tests.support.browser` has it beside.

``from tests.support.browsing import browser  # noqa: F401`` gives a module the fixture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.browser import ARGS, needs_chromium


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Started for each test: it belongs to that test's event loop."""
    path = needs_chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=list(ARGS))
        try:
            yield started
        finally:
            await started.close()


@dataclass
class Troubles:
    """What a page complained about, and what it asked for elsewhere."""

    address: str
    said: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._noted(message))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))

    def _noted(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, self.address.replace("http", "ws", 1), "data:", "blob:")):
            self.said.append(f"asked for {url}")


@asynccontextmanager
async def opened(
    browser: Browser, address: str, *, dark: bool = False, width: int = 1200, scripts: bool = True
) -> AsyncIterator[Page]:
    """A page of a fresh browser at ``address``. On leaving, it must have complained about nothing, and must
    have asked for nothing but what comes from there."""
    context = await browser.new_context(
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 800},
        base_url=address,
        java_script_enabled=scripts,
    )
    troubles = Troubles(address)
    try:
        page = await context.new_page()
        page.set_default_timeout(20_000)
        troubles.watch(page)
        yield page
        assert troubles.said == []
    finally:
        await context.close()


async def is_as_wide_as_its_window(page: Page) -> bool:
    """Whether nobody has to scroll sideways."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(wide) <= 0
