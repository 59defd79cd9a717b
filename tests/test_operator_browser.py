"""The operator's page in a real browser: with the keyboard alone, without scripts, on a phone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from tests.operator_page_support import HOSTILE, Visit
from tests.support.browsing import browser, is_as_wide_as_its_window, opened  # noqa: F401
from tests.test_operator_page import SECTIONS, visited
from tests.test_operator_page_sections import painted
from tests.test_operator_page_templates import EXPORT, with_own_folder

pytestmark = pytest.mark.browser


FAULTS = """() => {
  const faults = [];
  const all = (chosen) => [...document.querySelectorAll(chosen)];
  const note = (what, e) => faults.push(what + ": " + e.outerHTML.slice(0, 200));
  const words = (id) => document.getElementById(id)?.innerText || "";
  const name = (e) => e.ariaLabel || e.innerText || e.value || e.querySelector("img")?.alt
    || (e.getAttribute("aria-labelledby") || "").split(" ").map(words).join("");
  for (const e of all("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.ariaLabel) note("no label", e);
  for (const e of all("button, a, summary, nav, progress, meter, [role=group], [role=alertdialog]"))
    if (!name(e).trim()) note("no name", e);
  for (const e of all("img:not([alt])")) note("no alt", e);
  for (const e of all("table")) if (!e.caption) note("no caption", e);
  for (const e of all("[style]")) note("styled in the page", e);
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) faults.push("twice: " + id);
  if (all("h1").length !== 1 || all("main").length !== 1) faults.push("not one h1, one main");
  let last = 1;
  for (const e of all("h1, h2, h3, h4")) {
    const level = Number(e.tagName[1]);
    if (level > last + 1) note("a heading too deep", e);
    last = level;
  }
  return faults;
}"""
"""What somebody who cannot see the page, or has no mouse, would stumble over."""


async def tabbed_to(page: Page, words: str) -> None:
    """Go on with the tab key until the focus is on what is called so."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focus = "document.activeElement.ariaLabel || document.activeElement.innerText"
        if words in str(await page.evaluate(focus)):
            return
    raise AssertionError(f"the tab key does not lead to {words}")


async def passing(visit: Visit, done: asyncio.Event) -> None:
    while not done.is_set():
        visit.bot.clock.advance(1.0)
        await asyncio.sleep(0.02)


async def test_an_operator_watches_and_steers_by_keyboard(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with visited(tmp_path) as visit, opened(browser, visit.parts.site.address) as page:
        await visit.bot.ask("a lighthouse", who="alice")
        await visit.bot.server.until_waiting(1)
        run = visit.bot.server.start()
        await page.goto("/operator")
        await expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
        done = asyncio.Event()
        time = asyncio.create_task(passing(visit, done))
        # Who comes, and how far it is, is seen without loading the page again.
        await visit.bot.ask("a harbour", who=HOSTILE)
        await expect(page.get_by_role("link", name="<script>")).to_be_visible()
        assert run.on_event is not None
        run.on_event(Progressed(node=NodeId("3"), title="KSampler", fraction=0.6, step=12, steps=20))
        await expect(page.get_by_role("progressbar")).to_have_attribute("value", "60")
        # Whoever is at a button stays there while pieces of the page change.
        await tabbed_to(page, "Pause")
        await visit.bot.ask("a bridge", who="carol")
        await expect(page.get_by_text("carol").first).to_be_visible()
        assert await page.evaluate("document.activeElement.dataset.key") == "pause"
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alertdialog")).to_contain_text("Nothing new begins")
        await tabbed_to(page, "Yes, do it")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The queue is paused")).to_be_visible()
        assert visit.bot.service.dispatcher.gates.paused
        done.set()
        await time


async def test_a_workflow_is_dropped_in(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with (
        with_own_folder(tmp_path) as (visit, folder),
        opened(browser, visit.parts.site.address) as page,
    ):
        await page.goto("/operator/templates")
        too_large = tmp_path / "large.json"
        too_large.write_bytes(b" " * (21 << 20))
        await page.set_input_files("#workflow", too_large)
        await expect(page.get_by_role("alert").filter(has_text="too large")).to_be_visible()
        await page.evaluate(
            """text => {
              const files = new DataTransfer();
              files.items.add(new File([text], "portrait.json", {type: "application/json"}));
              const drop = new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true});
              document.getElementById("drop").dispatchEvent(drop);
            }""",
            EXPORT.decode(),
        )
        await expect(page.get_by_role("heading", name="What is in portrait.json")).to_be_visible()
        await expect(page.get_by_role("row", name="prompt_text")).to_be_visible()
        await page.get_by_label("Command").fill("portrait")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("Template portrait is offered now")).to_be_visible()
        assert (folder / "portrait.toml").is_file()


async def test_every_section_fits_a_phone_and_needs_no_script(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with visited(tmp_path, tiers={"default": {"gpu_seconds_per_day": 100}}) as visit:
        await painted(visit, "a lighthouse", HOSTILE * 2)
        await visit.bot.ask("a harbour --count 4", who="x" * 60)
        async with opened(browser, visit.parts.site.address, width=320, scripts=False, dark=True) as page:
            for path in (*SECTIONS, "/people/test:" + "x" * 60):
                await page.goto(f"/operator{path}")
                assert await is_as_wide_as_its_window(page), path
                assert await page.evaluate(FAULTS) == [], path
            await page.goto("/operator/people/test:" + "x" * 60)
            await page.get_by_label("GPU seconds; a negative number takes away").fill("50")
            await page.get_by_role("button", name="Give").click()
            await expect(page.get_by_text("50 s of GPU time given")).to_be_visible()
