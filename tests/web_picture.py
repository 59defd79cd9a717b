"""The picture of the playground in the README: ``python -m tests.web_picture`` makes it anew."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import ARGS, chromium, demo

TARGET = Path(__file__).parent.parent / "docs" / "images" / "playground.png"
MOST_BYTES = 300_000
COLOURS = 192
WIDTH, HEIGHT = 1100, 1240


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="fairbrush-") as folder,
        demo(Path(folder) / "data") as house,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB")
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        ada = _comes_in(context.new_page(), house.address, "Ada")
        bob = _comes_in(context.new_page(), f"{house.address}/?guest=2", "Bob")
        cleo = _comes_in(context.new_page(), f"{house.address}/?guest=3", "Cleo")
        expect(ada.locator("#line-now")).to_contain_text("Nobody waits")
        _says(bob, "two foxes in the snow, northern lights --count 2 --size 768x512 --seed 11")
        expect(ada.locator(".message.done").last).to_contain_text("two foxes")
        _says(ada, "a harbour at dusk, boats and gulls --count 3 --steps 60 --seed 4")
        _says(cleo, "an owl in a birch forest --seed 9")
        _says(bob, "a windmill by a river --seed 3")
        _says(cleo, "three boats in the fog --count 2 --seed 8")
        expect(ada.locator(".message.running img.preview")).to_be_visible()
        expect(ada.locator(".message").last).to_contain_text("three boats")
        ada.bring_to_front()
        ada.wait_for_timeout(1200)
        foxes = ada.locator(".message", has_text="two foxes")
        foxes.evaluate(
            "it => { const room = it.closest('.room'); room.scrollTop = it.offsetTop - room.offsetTop; }"
        )
        ada.wait_for_timeout(300)
        shot = ada.screenshot()
        browser.close()
    small = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(TARGET, "PNG", optimize=True)
    size = TARGET.stat().st_size
    assert size <= MOST_BYTES, size
    print(f"{TARGET.name}: {size // 1000} kB")


def _comes_in(page: Page, address: str, name: str) -> Page:
    page.goto(address)
    page.get_by_label("What shall the others call you?").fill(name)
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("combobox")).to_be_visible()
    return page


def _says(page: Page, words: str) -> None:
    page.get_by_role("combobox").fill(words)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_have_value("")


if __name__ == "__main__":
    main()
