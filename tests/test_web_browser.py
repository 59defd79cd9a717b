"""The playground in a real browser: what a guest does with keyboard, mouse and finger, and what they see.

One demo and one browser for all of it; small pictures, so that each takes a moment.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.support.browser import ARGS, Demo, demo, needs_chromium
from tests.support.discord_bot import picture

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

SMALL = "--size 256x256"
SLOW = "--size 768x768 --steps 40"
"""About a second a picture: long enough to be seen in line."""
PATIENCE = 30_000
"""Milliseconds."""
MOST_BYTES = 100_000
"""Of the first load, pictures aside."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = needs_chromium()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield made
        made.close()


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo") / "data") as made:
        yield made


@pytest.fixture
def window(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody who was never here. Nothing may go wrong in it unseen."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    context.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("http://127.0.0.1:", "blob:")) else wrong.append(asked.url)
        ),
    )
    yield context
    context.close()
    assert not [each for each in wrong if "ERR_CONNECTION_REFUSED" not in each], wrong


def comes_in(window: BrowserContext, house: Demo, name: str, path: str = "/") -> Page:
    page = window.new_page()
    page.goto(house.address + path)
    page.get_by_label("What shall the others call you?").fill(name)
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("combobox")).to_be_visible()
    return page


def says(page: Page, words: str) -> None:
    page.get_by_role("combobox").fill(words)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_have_value("")


def message(page: Page, words: str) -> Locator:
    """The newest that holds these."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("article")).filter(has_text=words).last


def test_a_guest_paints_with_the_keyboard_alone(window: BrowserContext, house: Demo) -> None:
    page = comes_in(window, house, "Ada")
    line = page.get_by_role("combobox", name="What to paint")
    expect(line).to_be_focused()
    page.keyboard.type("/im")
    expect(page.get_by_role("option", name="/imagine")).to_be_visible()
    page.keyboard.press("ArrowDown")
    offered = page.get_by_role("listbox", name="Suggestions")
    expect(offered.get_by_role("option", selected=True)).to_contain_text("/imagine")
    page.keyboard.press("Enter")
    expect(line).to_have_value("/imagine ")
    page.keyboard.type("a red fox --si")
    expect(offered.get_by_role("option", name="--size")).to_be_visible()
    page.keyboard.press("Tab")
    expect(line).to_have_value("/imagine a red fox --size ")
    page.keyboard.type("512x512 --steps 60 --seed 5")
    page.keyboard.press("Enter")
    mine = page.locator(f"#{message(page, 'a red fox').get_attribute('id')}")
    expect(mine.get_by_role("progressbar")).to_be_visible()
    expect(mine.get_by_role("button", name="Cancel")).to_be_visible()
    result = mine.get_by_role("img", name="a red fox")
    expect(result).to_be_visible()
    assert result.evaluate("image => image.decode().then(() => image.naturalWidth)") == 512
    expect(page.locator("#said")).to_contain_text("Ada")

    # What is pressed stays where the focus is, and what follows is another message.
    button = mine.get_by_role("button", name="Settings")
    button.focus()
    page.locator(".room").evaluate("room => { room.scrollTop = 0; }")
    page.keyboard.press("Enter")
    told = message(page, "Only you see this")
    expect(told).to_contain_text("--seed 5")
    expect(button).to_be_focused()
    expect(told).to_be_in_viewport()
    told.get_by_role("button", name="Take this away").press("Enter")
    expect(page.get_by_text("Only you see this")).to_have_count(0)

    mine.get_by_role("button", name="Edit").press("Enter")
    dialog = page.get_by_role("dialog")
    words = dialog.get_by_label("What to paint", exact=True)
    expect(words).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    mine.get_by_role("button", name="Edit").press("Enter")
    words.fill("a blue fox")
    dialog.get_by_role("button", name="Send").press("Enter")
    expect(message(page, "a blue fox").get_by_role("img", name="a blue fox")).to_be_visible()


def when_begun(house: Demo) -> dict[str, list[int]]:
    """When the pictures of each prompt text were begun, as the bot has written it down."""
    found: dict[str, list[int]] = {}
    file = (house.folder / "fairbrush.db").resolve().as_uri()
    with closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as database:
        rows = database.execute(
            """SELECT "values" ->> '$.values.prompt_text', started_at FROM jobs
            JOIN requests ON requests.id = jobs.request WHERE started_at IS NOT NULL"""
        )
        for words, at in rows:
            found.setdefault(words, []).append(at)
    return found


def test_two_guests_in_one_browser_share_one_line(window: BrowserContext, house: Demo) -> None:
    ada = comes_in(window, house, "Ada")
    with window.expect_page() as opened:
        ada.get_by_role("link", name="Another guest").click()
    bob = opened.value
    bob.get_by_label("What shall the others call you?").fill("Bob")
    bob.keyboard.press("Enter")
    expect(bob.get_by_role("combobox")).to_be_visible()
    for words in ("many boats --count 3", "more boats --count 2"):
        says(ada, f"{words} {SLOW}")
    says(bob, f"one owl {SMALL}")
    expect(ada.locator("#line-now")).to_contain_text("Bob")
    expect(message(bob, "many boats")).to_contain_text("Ada")
    says(bob, f"a secret --private {SMALL}")
    owl = message(ada, "one owl")
    expect(owl.get_by_role("img", name="one owl")).to_be_visible()
    expect(message(bob, "a secret").get_by_role("img", name="a secret")).to_be_visible()
    assert ada.get_by_text("a secret").count() == 0
    owl.get_by_role("button", name="Re-roll").click()
    expect(message(ada, "one owl").last).to_contain_text("Ada")

    # Bob is no operator, though the first guest of a demo is.
    boats = message(bob, "many boats")
    expect(boats.get_by_role("button", name="Re-roll")).to_be_visible()
    boats.get_by_role("button", name="Re-roll").click()
    refused = message(bob, "somebody else")
    expect(refused.get_by_role("button", name="Imagine it as me")).to_be_visible()
    expect(bob.locator("#line-now")).to_contain_text("Nobody waits")
    # Who asks for little does not wait for who asks for much.
    begun = when_begun(house)
    assert min(begun["one owl"]) < max(begun["many boats"] + begun["more boats"])
    bob.reload()
    expect(message(bob, "a secret").get_by_role("img", name="a secret")).to_be_visible()


DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: "image/png" }));
  for (const type of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_picture_is_dropped_and_one_of_the_room_is_begun_with(window: BrowserContext, house: Demo) -> None:
    page = comes_in(window, house, "Cleo")
    chips = page.get_by_role("list", name="Pictures to begin with")
    page.evaluate(DROP, ["fox.png", base64.b64encode(picture((128, 128))).decode()])
    expect(chips.get_by_role("img", name="fox.png")).to_be_visible()
    expect(page.get_by_role("combobox")).to_be_focused()
    chips.get_by_role("button", name="Remove this picture").click()
    expect(chips).to_be_hidden()
    page.locator("#files").set_input_files(
        {"name": "fox.png", "mimeType": "image/png", "buffer": picture((128, 128))}
    )
    says(page, "the same at night")
    expect(chips).to_be_hidden()
    night = message(page, "the same at night")
    expect(night.get_by_role("img", name="the same at night")).to_be_visible()
    expect(night).to_contain_text("Image to image")
    night.get_by_role("button", name="Start from this").click()
    expect(chips.get_by_role("listitem")).to_have_count(1)
    chips.get_by_role("button").click()
    page.evaluate(DROP, ["notes.txt", base64.b64encode(b"no picture").decode()])
    page.get_by_role("combobox").fill("from words")
    page.keyboard.press("Enter")
    expect(message(page, "is not an image")).to_be_visible()
    # What was typed is not lost over a refusal.
    expect(page.get_by_role("combobox")).to_have_value("from words")


def test_options_are_a_form_that_writes_flags(window: BrowserContext, house: Demo) -> None:
    page = comes_in(window, house, "Dora")
    line = page.get_by_role("combobox", name="What to paint")
    line.fill("a boat --ar 2:3")
    page.get_by_text("Options", exact=True).click()
    expect(page.get_by_label("Shape")).to_have_value("2:3")
    page.get_by_label("Shape").select_option("16:9")
    page.get_by_label("How many").select_option("2")
    page.get_by_label("Template").select_option("flux")
    page.get_by_label("Seed").fill("-1")
    page.get_by_label("Only I see it").check()
    expect(line).to_have_value("a boat --ar 16:9 --count 2 --template flux --seed -1 --private")
    page.get_by_label("Only I see it").uncheck()
    page.get_by_label("How many").select_option("1")
    expect(line).to_have_value("a boat --ar 16:9 --template flux --seed -1")


UNNAMED = """() => [...document.querySelectorAll("button, a, input, select, textarea, summary, img")]
  .filter((it) => it.checkVisibility() && it.type !== "hidden")
  .filter((it) => it.tagName === "IMG" ? !it.hasAttribute("alt")
    : !(it.ariaLabel || it.textContent.trim() || it.title || it.labels?.length
        || it.querySelector("img[alt]:not([alt=''])")))
  .map((it) => it.outerHTML.slice(0, 120))"""
FAINT = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => each / 255)
      .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (it) => {
    for (; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const it of document.querySelectorAll("body *")) {
    const own = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !it.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const [one, other] = [light(getComputedStyle(it).color), light(ground(it))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) faint.push(it.outerHTML.slice(0, 120));
  }
  return faint;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_it_fits_is_named_and_can_be_read(
    browser: Browser, house: Demo, tmp_path: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 720},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=width == 320,
        locale="en-GB",
    )
    page = comes_in(context, house, "Finn")
    says(page, "/settings")
    expect(message(page, "Only you see this")).to_be_visible()
    page.get_by_text("Options", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(FAINT) == []
    assert page.get_by_role("heading", level=1).count() == 1
    for role in ("banner", "navigation", "main", "complementary"):
        assert page.get_by_role(role).count() == 1, role
    page.screenshot(path=tmp_path / "page.png")
    context.close()


def test_the_first_load_is_light_and_a_lost_connection_is_found_again(
    window: BrowserContext, house: Demo
) -> None:
    page = comes_in(window, house, "Gus")
    size = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter((it) => it.initiatorType !== 'img').reduce((sum, it) => sum + it.encodedBodySize, 0)"
    )
    assert 0 < size <= MOST_BYTES
    says(page, f"a fox {SMALL} --seed 1")
    expect(message(page, "a fox").get_by_role("img", name="a fox")).to_be_visible()
    assert house.ends() == 0
    expect(page.get_by_role("alert")).to_contain_text("The connection to Fairbrush is lost")
    house.start_again()
    expect(page.get_by_role("alert")).to_be_hidden()
    says(page, f"a boat {SMALL} --seed 1")
    expect(message(page, "a boat").get_by_role("img", name="a boat")).to_be_visible()
    expect(message(page, "a fox")).to_have_count(1)
