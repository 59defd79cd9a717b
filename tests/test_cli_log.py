"""What a running bot says on stderr of what it and its libraries log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import discord
import pytest

from bot.cli.log import Guard, Say, secrets_in, start_logging
from bot.config import Settings
from bot.domain.errors import NodeFailed
from bot.domain.ids import IdentityId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.about import about
from bot.service.gate import Asker
from tests.support.service import bot_at_work, settings_for

DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789"
TELEGRAM = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_12345"
SECRETS = {
    "discord": {"token": DISCORD},
    "telegram": {
        "token": TELEGRAM,
        "webhook": {"url": "https://bot.example.org/hook", "secret_token": "hook-secret-1"},
    },
    "comfyui": [{"name": "gpu", "headers": {"Authorization": 'Bearer key-"quoted"-\\-0123456'}}],
    "moderation": {"hook_url": "https://words.example.org", "hook_headers": {"X-Key": "moderation-key"}},
    "web": {"listen": "127.0.0.1:0", "token": "web/token-0123456789"},
}


Begin = Callable[..., Say]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins to log as a process of its own would; afterwards everything is as it was."""
    root, ours = logging.getLogger(), logging.getLogger("bot")
    before: list[tuple[list[logging.Handler], int, int]] = []

    def begin(settings: Settings, *, first: Callable[[], None] = lambda: None) -> Say:
        # Not when the fixture is made: handlers of pytest come later than that.
        before.append((root.handlers, root.level, ours.level))
        root.handlers = []
        first()
        return start_logging(settings)

    yield begin
    for handlers, level, of_ours in before:
        root.handlers = handlers
        root.setLevel(level)
        ours.setLevel(of_ours)


def stumble(words: str) -> None:
    raise ValueError(words)


def console(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was told, without the time."""
    return [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_warnings_are_told_and_what_nobody_needs_is_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    begin(settings_for(tmp_path))
    library = logging.getLogger("discord.client")
    library.warning("PyNaCl is not installed, voice will NOT be supported")
    library.warning("something else")
    logging.getLogger("bot.service").warning("Server local is back.")
    logging.getLogger("bot.service").info("nothing to worry about")
    assert console(capsys) == ["discord.client: something else", "Server local is back."]


def test_the_library_still_says_it_in_these_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is left out would be told again, after an update."""
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", True)
    discord.Client(intents=discord.Intents.none())
    found = [record for record in caplog.records if "voice will NOT be supported" in record.getMessage()]
    assert {record.name for record in found} == {"discord.client"}


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["bot debug", "bot info", "bot warning", "bot error", "lib warning", "lib error"]),
        ("info", ["bot info", "bot warning", "bot error", "lib warning", "lib error"]),
        ("warning", ["bot warning", "bot error", "lib warning", "lib error"]),
        ("error", ["bot error", "lib error"]),
    ],
)
def test_levels_are_ours_and_libraries_never_say_more_than_warnings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin, level: str, told: list[str]
) -> None:
    begin(settings_for(tmp_path, log={"level": level, "format": "json"}))
    for logger, short in (("bot.service", "bot"), ("httpx", "lib")):
        for name in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(logger), name)(f"{short} {name}")
    assert [entry["message"] for entry in entries(capsys)] == told


def test_json_is_one_object_a_line_with_what_it_is_about(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    say = begin(settings_for(tmp_path, log={"format": "json", "level": "info"}))
    say("Data directory: x")
    log = logging.getLogger("bot.comfy.session")
    with about(job="abc-1", server="gpu"):
        log.info("two\nlines \u2028 of %s", "text", extra={"server": "other", "seconds": 1.5})
    log.info("no job")
    first, second, third = entries(capsys)
    assert first["message"] == "Data directory: x"
    assert second.pop("ts").endswith("Z")
    assert second == {
        "level": "info",
        "logger": "bot.comfy.session",
        "message": "two\nlines \u2028 of text",
        "job": "abc-1",
        "server": "other",  # who writes the entry knows better
        "seconds": 1.5,
    }
    assert "job" not in third


def test_the_line_for_people_names_the_job_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    begin(settings_for(tmp_path))
    log = logging.getLogger("bot.service")
    with about(request="abc", job="abc-1"):
        log.warning("job %s failed", "abc-1")
        log.warning("no answer to the POST")
    assert console(capsys) == ["job abc-1 failed", "no answer to the POST [job abc-1]"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exception_is_told_by_its_kind_and_place_and_not_by_its_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin, form: str
) -> None:
    begin(settings_for(tmp_path, log={"format": form}))
    try:
        stumble("the prompt was: a secret otter")
    except ValueError:
        logging.getLogger("bot").exception("stumbled over job %s", "abc-1")
    told = capsys.readouterr().err
    assert "otter" not in told
    assert "ValueError" in told
    assert "test_cli_log.py, line" in told
    assert len(told.splitlines()) == 1
    if form == "json":
        assert json.loads(told)["error"] == "ValueError"


def test_a_message_whose_arguments_do_not_fit_is_told_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    begin(settings_for(tmp_path))
    logging.getLogger("bot").warning("%d of %d", "x")
    assert console(capsys) == ["%d of %d"]


def test_every_secret_of_the_configuration_is_known(tmp_path: Path) -> None:
    assert set(secrets_in(settings_for(tmp_path, **SECRETS))) >= {
        DISCORD,
        TELEGRAM,
        "hook-secret-1",
        'Bearer key-"quoted"-\\-0123456',
        "moderation-key",
        "web/token-0123456789",
    }


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_secret_is_told_whoever_would_tell_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin, form: str
) -> None:
    begin(settings_for(tmp_path, log={"format": form}, **SECRETS))
    log, secrets = logging.getLogger("library"), [*secrets_in(settings_for(tmp_path, **SECRETS))]
    for secret in filter(None, secrets):
        log.warning("plain %s", secret)
        log.warning("address https://api.example.org/bot%s/getMe", quote(secret, safe=""))
        log.warning("repr %r in %r", secret, {"token": secret})
        log.warning("field", extra={"who": secret})
        with about(server=secret):
            log.warning("around")
    log.warning("the second half alone: %s", TELEGRAM.partition(":")[2])
    told = capsys.readouterr().err
    assert told.count("[hidden]") >= 4 * len([*filter(None, secrets)])
    for secret in filter(None, secrets):
        for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            assert written not in told
    assert TELEGRAM.partition(":")[2] not in told


def test_a_log_that_tells_everything_hides_secrets_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    as_in_debugging = partial(logging.basicConfig, format="%(name)s: %(message)s")
    begin(settings_for(tmp_path, **SECRETS), first=as_in_debugging)
    try:
        stumble(f"no answer from https://api.telegram.org/bot{TELEGRAM}/getMe")
    except ValueError:
        logging.getLogger("bot").exception("cannot reach %s", TELEGRAM)
    told = capsys.readouterr().err
    assert "cannot reach [hidden]" in told
    assert "ValueError: no answer" in told
    assert TELEGRAM not in told


def test_short_secrets_do_not_eat_the_log() -> None:
    guard = Guard(["", "a", "true", "longenough"])
    assert guard.clean("a true story, longenough") == "a true story, [hidden]"


async def test_the_story_of_a_request_without_its_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, begin: Begin
) -> None:
    sections = {"log": {"level": "info", "format": "json"}, "tiers": {"default": {"max_waiting": 4}}}
    async with bot_at_work(tmp_path, **sections) as bot:
        begin(bot.settings)
        receipt = await bot.ask("a confidential otter --no turnips --count 4 --seed 5", "alice")
        with pytest.raises(Exception, match="4"):
            await bot.ask("one confidential otter more", "alice")
        jobs = [job.id for job in receipt.accepted.jobs]
        await bot.server.until_waiting(1)
        bot.server.finish(seconds=4.25)
        await bot.until_state(jobs[0], JobState.DONE)
        await bot.server.until_waiting(1)
        words = "CLIPTextEncode: cannot encode 'a confidential otter'"
        bot.server.fail(NodeFailed(Text(words), node_id="6", class_type="CLIPTextEncode", message=words))
        await bot.until_state(jobs[1], JobState.FAILED)
        await bot.server.until_waiting(1)
        await bot.service.usecases.cancel(jobs[3], Asker(IdentityId("test:alice"), "alice"))
        bot.server.crash()
        await bot.server.until(lambda _: bot.state().state.value == "down")
    told = capsys.readouterr().err
    assert "otter" not in told
    assert "turnip" not in told
    story = [json.loads(line) for line in told.splitlines()]
    request = receipt.accepted.request
    told_of: dict[str | None, list[str]] = {}
    for entry in story:
        if "story" in entry["logger"]:
            told_of.setdefault(entry.get("job"), []).append(entry["message"])
    assert told_of == {
        None: [
            f"request {request.id} of test:alice is accepted: 4 x text-to-image",
            "a request of test:alice is refused: too_many_waiting",
        ],
        jobs[0]: [f"job {jobs[0]} begins on fake", f"job {jobs[0]} is done after 4.2 GPU s"],
        jobs[1]: [f"job {jobs[1]} begins on fake", f"job {jobs[1]} has failed: node_failed"],
        jobs[3]: [f"job {jobs[3]} is cancelled"],
    }
    assert all(
        entry["request"] == request.id and entry["who"] == "test:alice"
        for entry in story
        if "story" in entry["logger"] and entry.get("job")
    )
    failed = next(entry for entry in story if entry["level"] == "warning" and "failed on" in entry["message"])
    assert (failed["job"], failed["server"]) == (jobs[1], "fake")
