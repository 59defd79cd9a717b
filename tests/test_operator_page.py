"""The operator's page: who may see it, the queue as it is, and what can be done there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.operator_page_support import HOSTILE, TOKEN, visited


async def test_the_queue_is_shown_as_it_is(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.bot.ask("a lighthouse", who="alice")
        await visit.bot.server.until_waiting(1)
        visit.bot.server.start()
        for who in ("bob", "carol"):
            await visit.bot.ask("a harbour --count 3", who=who)
        page = await visit.get("/operator")
        assert page.status == 200
        for words in ("alice", "bob", "carol", "In line 6", "At servers 1", "People 3"):
            assert words in page.text


async def test_only_operators_see_it(tmp_path: Path) -> None:
    async with visited(tmp_path, open_to_all=False) as visit:
        page = await visit.get("/operator")
        assert "/sign-in" in page.url
        assert "Sign in as the operator" in page.text
        assert (await visit.get("/operator/live", Accept="*/*")).status == 403
        signed = await visit.post("/sign-in", token=TOKEN)
        assert signed.url.endswith("/operator")
        assert signed.status == 200


async def test_pausing_asks_first_and_stands_in_the_log(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        asked = await visit.do("pause", reason="cleaning")
        assert "Are you sure?" in asked.text
        assert not visit.bot.service.dispatcher.gates.paused
        done = await visit.answer(asked, yes=True)
        assert "The queue is paused" in done.text
        assert visit.bot.service.dispatcher.gates.paused
        (entry,) = await visit.bot.store.audit_log()
        assert (entry.action, entry.detail) == ("pause", "cleaning")
        assert entry.actor.startswith("web:")
        assert "It goes on" in (await visit.do("resume")).text


SECTIONS = ("", "/jobs", "/usage", "/people", "/templates", "/audit")


async def test_hostile_words_come_out_as_text_in_every_section(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        bot = visit.bot
        receipt = await bot.ask(HOSTILE, who=HOSTILE)
        await bot.server.until_waiting(1)
        bot.server.finish()
        await bot.until_over(receipt.accepted.request.id)
        await bot.ask(HOSTILE, who=HOSTILE)
        user = receipt.accepted.request.user
        await visit.do("quota grant", user=user, seconds="10", reason=HOSTILE)
        await visit.do("pause", reason=HOSTILE)
        paths = [*SECTIONS, f"/people/{quote(user)}", f"/jobs/{receipt.accepted.request.id}"]
        paths += [f"/{section}={quote(HOSTILE)}" for section in ("jobs?user", "people?search", "audit?actor")]
        for path in paths:
            page = await visit.get(f"/operator{path}")
            assert page.status == 200, path
            assert "&lt;script&gt;alert(1)" in page.html or path == "/templates", path
            assert "<script>alert" not in page.html, path
            assert "<img src=x" not in page.html, path
            assert "style=" not in page.html, path
