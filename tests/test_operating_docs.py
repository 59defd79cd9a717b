"""The page for operators is true: its commands run, in its order, and print what stands there."""

from __future__ import annotations

import asyncio
import re
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import load_settings
from bot.domain.errors import NotFound
from bot.domain.ids import IdentityId, JobId, ServerName, TemplateName
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import CancelResult, JobView, QueueView, ServerView
from tests.store_support import completion, opened
from tests.support.bot_process import bot_in_thread, zone_of_noon
from tests.support.commands import call, empty_folder
from tests.support.fake_operator import FakeOperator
from tests.support.templates import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL)
here = empty_folder()


def view() -> QueueView:
    def job(name: str, user: str, waited: int, eta: float, **more: object) -> JobView:
        template = TemplateName("flux" if name.startswith("w8d4t6z1rb-2") else "text-to-image")
        state = more.pop("state", JobState.QUEUED)
        return JobView(JobId(name), user, template, state, 1000 * waited, eta, **more)  # type: ignore[arg-type]

    return QueueView(
        paused=False,
        draining=False,
        waiting=14,
        users=3,
        servers=(
            ServerView(
                ServerName("local"),
                "http://127.0.0.1:8188",
                "up",
                0,
                model="sdxl.safetensors",
                running=job("k3v9q2m7xa-1", "Ann", 9, 7.0, state=JobState.RUNNING, fraction=0.45),
                staged=job("k3v9q2m7xa-2", "Ann", 9, 9.0, state=JobState.STAGED),
            ),
            ServerView(
                ServerName("big"),
                "http://gpu:8188",
                "up",
                0,
                model="flux.safetensors",
                running=job("w8d4t6z1rb-1", "Bob", 9, 3.0, state=JobState.RUNNING, fraction=0.8),
                foreign=2,
            ),
        ),
        jobs=(
            job("h5n2c8y4pe-1", "Cleo", 12, 24.0, place=1),
            job("k3v9q2m7xa-3", "Ann", 40, 31.0, place=2),
            job("w8d4t6z1rb-2", "Bob", 35, 120.0, place=3, why=Text("Another model is loaded first.")),
        ),
    )


class Bot(FakeOperator):
    async def resume(self, actor: str) -> bool:
        return not await super().resume(actor)

    async def cancel(self, job: str, actor: str) -> CancelResult:
        await self._note("cancel", job, actor)
        assert job == "k3v9q2m7xa"
        return CancelResult(cancelled=(JobId("k3v9q2m7xa-2"),), stopping=(JobId("k3v9q2m7xa-1"),))


@pytest.fixture
def used(here: Path) -> Path:
    """What the page speaks of has happened."""
    zone = zone_of_noon()
    tier = "[tiers.default]\ngpu_seconds_per_day = 600\njobs_per_day = 50\n"
    (here / "config.toml").write_text(f'timezone = "{zone}"\n{tier}', encoding="utf-8")
    now = Clock().now()

    async def fill() -> None:
        (here / "data").mkdir()
        async with opened(here / "data") as desk:
            rules = replace(desk.draft().rules, timezone=zone)
            for number, name in ((123, "Ann"), (456, "Bob")):
                await desk.store.person(IdentityId(f"discord:{number}"), name=name, at=now)
            accepted = await desk.accept("discord:123", jobs=3, at=now, rules=rules)
            for job, seconds, swap in zip(accepted.jobs[:2], (12.0, 7.5), (4.0, 0.0), strict=True):
                prompt = await desk.run(job.id, at=now + 12_000)
                await desk.store.complete(prompt, completion(job.id, seconds, swap=swap), now + 20_000)
            await desk.store.fail(accepted.jobs[2].id, NotFound(Text("x")), now, reason="x")
            cancelled = await desk.one("discord:456", at=now, rules=rules)
            await desk.store.cancel(cancelled, now, by="discord:456", settle_seconds=None)

    asyncio.run(fill())
    return here


def plain(words: str) -> list[str]:
    """Lines without what depends on when and where they are printed."""
    words = re.sub(r"\d{4}-\d\d-\d\d 00:00 \S+,", "MIDNIGHT,", words)
    return re.sub(
        r", in (\d+ (h|min)|less than a minute)$", ", in a while", words, flags=re.MULTILINE
    ).splitlines()


def test_every_example_prints_what_the_page_shows(used: Path) -> None:
    shown = 0
    with bot_in_thread(used, Bot(view())):
        for block in BLOCKS:
            for example in re.split(r"(?m)^\$ ", block)[1:]:
                line, _, expected = example.partition("\n")
                words = shlex.split(line.partition(" > ")[0])
                result = call(*words[1:])
                assert result.exit_code == 0, f"{line}: {result.stderr}"
                if expected.strip():
                    assert plain(result.stdout) == plain(expected), line
                    shown += 1
    assert shown >= 7
    assert PAGE.count("```console") == len(BLOCKS)


def test_settings_of_the_page_exist(here: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        tomllib.loads(block)
        (here / "config.toml").write_text(block, encoding="utf-8")
        load_settings(here / "config.toml", environ={}, folder=here)


def test_messages_of_the_page_are_those_of_the_program() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    said = re.sub(r'"\s*\n\s*f?"', "", sources).replace("{file}", "control.json")
    for message in re.findall(r"^\| \*(.+?)\* \|", PAGE, re.MULTILINE):
        for part in message.split("…"):
            assert part.strip(" ()") in said, message
