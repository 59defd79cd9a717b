"""The page on moderation shows settings that load, words that are found, and a check that works."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.app.moderation import house_rules
from bot.config import Settings
from bot.config.load import load_settings
from bot.domain.errors import CensorFailed
from bot.domain.moderation import BlockedWords
from bot.hook import HttpCensor
from bot.hook.protocol import MOST_BYTES, MOST_REASON, question_json
from bot.service.moderation_hook import AT_ONCE, FAILURES, REMEMBERED_SECONDS, TRIED_AFTER, Question
from bot.service.moderation_strikes import AUDIT_SECONDS, MOST_AUDITED, SAME_SECONDS

PAGE = (Path(__file__).parent.parent / "docs" / "moderation.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", PAGE)


def settings_of(block: str, folder: Path) -> Settings:
    (folder / "workflows").mkdir()
    file = folder / "config.toml"
    file.write_text(block, encoding="utf-8")
    return load_settings(file, environ={}, folder=folder)


def asked(*texts: str) -> Question:
    place = "discord:123456789012345678"
    return Question(texts, "3f2a9c0d1b4e5f60718293a4", place, "discord", "text-to-image", "imagine")


def test_its_settings_load(tmp_path: Path) -> None:
    house = house_rules(settings_of(blocks("toml")[0], tmp_path))
    there = "discord:guild:123456789012345678"
    assert house.nsfw_in(there) == "nsfw-channels"
    assert house.broken(["how rude"], there)
    assert house.nsfw_in("telegram:chat:-1001234567890") == "block"


def test_its_disguises_are_seen_through() -> None:
    section = PAGE.partition("## Blocked words")[2].partition("\n## ")[0]
    table, _, after = section.rpartition("|\n")
    word, found = "", 0
    for row in re.findall(r"(?m)^\| (.*?) ?\| (.*?) \|?$", table)[1:]:
        word = row[0].strip("` ") or word
        for text in re.findall(r"`(.+?)`", row[1]):
            assert BlockedWords([word]).find(text) == word, text
            found += 1
    assert found > 20
    missed = re.findall(r"`(\w{3,})`", after)
    assert missed == ["fvck"]
    assert BlockedWords(["fuck"]).find(missed[0]) is None


def test_its_question_is_what_is_sent() -> None:
    sent: Any = json.loads(question_json(asked("a lighthouse at dusk", "people, boats")))
    assert json.loads(blocks("json")[0]) == sent


@contextmanager
def example() -> Iterator[str]:
    """The check that the page shows, on a port of its own."""
    names: dict[str, Any] = {"__name__": "check"}
    exec(compile(blocks("python")[0], "docs/moderation.md", "exec"), names)
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Check"])
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def test_its_example_works_with_its_settings(tmp_path: Path) -> None:
    chosen = settings_of(blocks("toml")[1], tmp_path).moderation
    with example() as url:
        async with HttpCensor(url, chosen.plain_hook_headers(), chosen.hook_seconds) as censor:
            assert (await censor.judge(asked("a child with a kite", "wine"))).allow
            verdict = await censor.judge(asked("fog", "a child drinks wine"))
            assert (verdict.allow, verdict.reason) == (False, "No children with wine.")
        async with HttpCensor(url, {}, 5.0) as stranger:
            with pytest.raises(CensorFailed, match="401"):
                await stranger.judge(asked("a fox"))


def test_its_numbers_are_so() -> None:
    for said, number in [
        (r"at most (\d+) KiB", MOST_BYTES / 1024),
        (r"up to (\d+) characters", MOST_REASON),
        (r"\*\* (\d+) questions at a time", AT_ONCE),
        (r"at most (\d+) a\s+minute", MOST_AUDITED),
        (r"try again after (\d+) seconds|tries again after (\d+) seconds", TRIED_AFTER[0]),
    ]:
        found = re.search(said, PAGE)
        assert found, said
        assert float(next(filter(None, found.groups()))) == number, said
    words = {3: "three", 10: "ten"}
    assert f"After {words[FAILURES]} failures" in PAGE
    assert f"holds for {words[round(REMEMBERED_SECONDS / 60)]} minutes" in " ".join(PAGE.split())
    assert f"within {words[round(SAME_SECONDS)]} seconds" in PAGE
    assert TRIED_AFTER[1:] == (15.0, 60.0)
    assert "then 15, then each minute" in PAGE
    assert AUDIT_SECONDS == 60
