"""Write down a database of the newest version, with something in every table, as SQL.

``python -m tests.store_dump > tests/data/store/v3.sql``, once, when migration 3 is finished.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from bot.domain.errors import ServerUnreachable
from bot.domain.ids import IdentityId, QuotaDay, TierName, UserId
from bot.domain.quota import Allowance
from bot.domain.strikes import Ladder, Strike
from bot.domain.text import Text
from tests.store_support import NOON, RULES, file, opened

ANN = UserId("discord:1")


async def fill(folder: Path) -> None:
    """Something in every table."""
    async with opened(folder) as desk:
        store = desk.store
        await store.person(IdentityId(ANN), name="Ann", at=NOON)
        await store.set_tier(ANN, TierName("patron"), actor="shell", at=NOON)
        await store.set_allowance(ANN, Allowance(20.0, None), actor="shell", at=NOON)
        await store.block(UserId(ANN), until=NOON - 1, reason="it was a test", actor="shell", at=NOON)
        await store.grant(ANN, 100.0, QuotaDay("2026-11-18"), actor="shell", reason="a present", at=NOON)
        rules = replace(RULES, allowance=Allowance(20.0, None))
        accepted = await desk.accept(ANN, jobs=4, inputs=(file("input"),), rules=rules, reply=None)
        done, failed, cancelled, _ = (job.id for job in accepted.jobs)
        await desk.finish(done, seconds=150.0)
        error = ServerUnreachable(Text("The server does not answer."))
        await store.fail(failed, error, NOON, reason=error.code)
        await desk.run(cancelled)
        await store.cancel(cancelled, NOON, by=ANN, settle_seconds=2.5, swap_seconds=1.0)
        lost = await desk.run(await desk.one("telegram:5"))
        await store.requeue(lost, NOON, "server_unreachable")
        await store.lose(lost, NOON)
        await desk.stage(await desk.one("telegram:5", private=True, options={"guild": "7"}))
        await desk.run(await desk.one("telegram:5"))
        await store.save_learned("estimate", {"text-to-image": {"p50": 3.5}})
        await store.save_flows(12.5, {ANN: 13.5})
        await store.put("paused", False)
        await store.set_default(ANN, "size", "1024x768")
        for place in ("", "discord:guild:7"):
            await store.strike(Strike(ANN, IdentityId(ANN), NOON, "word", place), Ladder(3), "too many")
        await store.block_in("discord:guild:7", ANN, None, "noise", actor="discord:2", at=NOON)
        for who in ("telegram:6", "telegram:7", "telegram:8"):
            await store.person(IdentityId(who), name="", at=NOON)
        await store.make_link_code(IdentityId("telegram:6"), "5d41402abc4b2a76", NOON + 600_000)
        await store.use_link_code("no such code", IdentityId("telegram:7"), NOON)
        await store.link(IdentityId("telegram:7"), ANN, at=NOON)
        await desk.finish(await desk.one("telegram:8"), seconds=4.0)
        await store.erase(UserId("telegram:8"), actor="telegram:8", at=NOON)
        await store.keep_updates([(901, '{"update_id":901}'), (902, '{"update_id":902}')], NOON)
        await store.update_done(901, NOON)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder)))
        with closing(sqlite3.connect(Path(folder) / "fairbrush.db")) as connection:
            lines = [*connection.iterdump()]
            for pragma in ("user_version", "application_id"):
                (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
                lines.append(f"PRAGMA {pragma} = {value};")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
