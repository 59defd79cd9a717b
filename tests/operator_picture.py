"""The picture of the operator's page in the documentation: ``python -m tests.operator_picture FILE``.

A bot at work over servers that are played by hand, with people whom nobody knows, in a real Chromium.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import async_playwright

from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.service.ports import DeviceMemory, Health
from tests.operator_page_support import Visit, visited
from tests.support.browser import ARGS, needs_chromium
from tests.support.fake_server import FakeServer

WIDTH = 1200
COLOURS = 128
PAINTED = (("Ada", ""), ("Dmitri", " --template flux"))
"""What the two servers are at."""
WAITING = (
    *(("Ada", 3, ""), ("Benoît", 2, " --template flux"), ("clara_k", 8, ""), ("Emre", 3, "")),
    *(("Dmitri", 1, " --template flux"), ("Fatima", 6, ""), ("clara_k", 6, "")),
)
"""Who asks for how many, of what."""
TIERS = {
    name: {"weight": weight, "max_waiting": 100, "max_count": 10}
    for name, weight in (("default", 1.0), ("patron", 2.0))
}
GIB = 1 << 30


class Card(FakeServer):
    """A server that tells of its graphics card."""

    card: DeviceMemory

    async def health(self) -> Health:
        return Health("0.3.60", (self.card,))


def servers() -> list[Card]:
    found = [Card("attic"), Card("basement")]
    found[0].card = DeviceMemory("cuda:0 NVIDIA GeForce RTX 4090", 24 * GIB, 9 * GIB)
    found[1].card = DeviceMemory("cuda:0 NVIDIA GeForce RTX 3090", 24 * GIB, 14 * GIB)
    return found


async def fill(visit: Visit) -> None:
    bot = visit.bot
    await bot.service.accounts.person("test:Fatima", "Fatima")  # type: ignore[arg-type]
    await bot.service.accounts.set_tier("test:Fatima", "patron", actor="shell:you", reason="")
    for number in range(14):
        receipt = await bot.ask("a lighthouse", who=WAITING[number * number % 6][0])
        while not (busy := [server for server in bot.servers if server.waiting]):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        busy[0].start()
        bot.clock.advance(6.0 + number % 5)
        busy[0].finish(6.0 + number % 5)
        await bot.until_over(receipt.accepted.request.id)
    for who, more in PAINTED:
        await bot.ask(f"a bridge{more}", who=who)
    for server, fraction in zip(bot.servers, (0.62, 0.18), strict=True):
        await server.until_waiting(1)
        run = server.start()
        bot.clock.advance(9)
        assert run.on_event is not None
        run.on_event(Progressed(node=NodeId("3"), title="KSampler", fraction=fraction, step=8, steps=20))
    for who, count, more in WAITING:
        await bot.ask(f"a harbour --count {count}{more}", who=who)
        bot.clock.advance(3)
    await asyncio.sleep(0.1)
    bot.clock.advance(1)


async def take(address: str) -> bytes:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=needs_chromium(), args=list(ARGS))
        page = await browser.new_page(viewport={"width": WIDTH, "height": 700})
        await page.goto(f"{address}/operator")
        picture = await page.screenshot(full_page=True)
        await browser.close()
    return picture


async def main(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with visited(Path(folder), servers(), tiers=TIERS) as visit:
            await fill(visit)
            picture = await take(visit.parts.site.address)
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
