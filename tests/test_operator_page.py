"""The operator's page: who may see it, the queue as it is, and what can be done there."""

from __future__ import annotations

from pathlib import Path

from tests.operator_page_support import TOKEN, visited


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
