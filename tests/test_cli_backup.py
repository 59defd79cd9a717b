"""``fairbrush backup`` and ``restore``: beside a bot at work, and as their page tells it."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from bot.cli.own_config import HEADERS
from bot.config import load_settings
from bot.config.model import Settings
from bot.config.problems import secret_keys
from tests.support.backups import filled, state
from tests.support.bot_process import bot_in_thread
from tests.support.cli import SMALL, Running, at_terminal, eventually, posix_only, running
from tests.support.commands import call, empty_folder, refused
from tests.support.templates import ROOT, WORKFLOWS

PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
here = empty_folder()


@contextmanager
def bot(folder: Path, *args: str) -> Iterator[Running]:
    with running("run", *args, cwd=folder) as process:
        process.until(lambda p: p.stdout.startswith("ready: ") or p.process.poll() is not None)
        assert process.process.poll() is None, process.stderr
        yield process


def one(folder: Path, sql: str) -> Any:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'fairbrush.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchone()[0]


UNBALANCED = """
SELECT (SELECT sum(settled_us) FROM usage_days)
     - (SELECT coalesce(sum(us), 0) FROM ledger WHERE kind = 'settle')
"""


def test_beside_a_bot_at_work_and_put_back_elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = here.parent / f"{here.name}-there"
    there.mkdir()
    with bot(here) as process:
        assert call("imagine", "a fox", "--seed", "5", *SMALL, "--out", "new").exit_code == 0
        call("queue", "pause")
        with running("imagine", "a boat", "--seed", "1-3", *SMALL, "--out", "new", cwd=here) as shell:
            eventually(lambda: one(here, "SELECT count(*) FROM jobs") == 4)
            made = call("backup", "a.zip")
            assert (made.exit_code, made.stdout, made.stderr) == (0, "a.zip\n", "")
            assert "works in" in refused("restore", "a.zip")
            usage = call("usage", "--json").stdout
            shell.process.kill()
        process.process.kill()
    monkeypatch.chdir(there)
    restored = call("restore", str(here / "a.zip"))
    assert restored.exit_code == 0
    assert "jobs waiting, 1 file." in restored.stdout
    assert json.loads(call("usage", "--json").stdout) == json.loads(usage)
    assert one(there, UNBALANCED) == 0
    call("queue", "resume")
    with bot(there) as process:
        assert "3 jobs from before" in process.stdout
        eventually(lambda: one(there, "SELECT count(*) FROM jobs WHERE state = 'done'") == 4)
    assert one(there, "SELECT count(*) FROM results") == 4
    assert one(there, UNBALANCED) == 0
    assert one(there, "SELECT sum(reserved_us) FROM usage_days") == 0
    assert len(list((there / "data" / "pictures").rglob("*.png"))) == 4


# The page


def in_time(words: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "THEN", words)


def examples(mark: str) -> list[tuple[str, str]]:
    blocks = re.findall(rf"<!-- {mark} -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    found = [each.partition("\n") for block in blocks for each in re.split(r"(?m)^\$ ", block)[1:]]
    return [(line, expected) for line, _, expected in found]


def run(line: str, expected: str) -> None:
    words = shlex.split(line)
    if words[0] == "mkdir":
        Path(words[1]).mkdir()
        return
    assert words[0] == "fairbrush"
    result = call(*words[1:])
    assert result.exit_code == 0, f"{line}: {result.stderr}"
    if expected.strip():
        said = result.stdout.replace(f"{Path.cwd()}/", "")
        assert in_time(said) == in_time(expected), line


def test_every_example_prints_what_the_page_shows(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(filled(here / "data", b"one", b"two"))
    (here / "config.toml").write_text('timezone = "Europe/Berlin"\n', encoding="utf-8")
    shown = examples("run")
    assert len(shown) >= 5
    for line, expected in shown:
        run(line, expected)
    call("backup", "fairbrush.zip", "--force", "--with-tokens")
    there = here / "there"
    there.mkdir()
    (there / "fairbrush.zip").write_bytes((here / "fairbrush.zip").read_bytes())
    monkeypatch.chdir(there)
    for line, _ in examples("elsewhere"):
        if line != "fairbrush check":  # tests of its own
            run(line, "")
    assert state(there / "data") == state(here / "data")
    assert (there / "config.toml").read_text(encoding="utf-8") == 'timezone = "Europe/Berlin"\n'


def test_exit_codes_and_options_of_the_page_exist() -> None:
    for name in ("backup", "restore"):
        help_text = call(name, "--help").stdout
        for option in set(re.findall(rf"fairbrush {name}[^\n`|]*?(--[a-z-]+)", PAGE)):
            assert option in help_text, option


# Answers


def test_a_folder_gets_names_and_keeps_so_many(here: Path) -> None:
    asyncio.run(filled(here / "data"))
    (here / "all").mkdir()
    strangers = ["fairbrush-20200101-000000.zip.txt", "other-20200101-000000.zip"]
    for name in (*strangers, *(f"fairbrush-2020010{day}-000000.zip" for day in range(1, 6))):
        (here / "all" / name).touch()
    made = call("backup", "all", "--keep", "3").stdout.strip()
    left = sorted(path.name for path in (here / "all").iterdir())
    assert left == sorted(
        [*strangers, "fairbrush-20200104-000000.zip", "fairbrush-20200105-000000.zip", Path(made).name]
    )
    assert "--keep goes with a folder" in refused("backup", "a.zip", "--keep", "3")


def test_refusals(here: Path) -> None:
    assert "There is no database at" in refused("backup", "a.zip", code=1)
    assert "There is no file" in refused("restore", "a.zip")
    (here / "a.zip").write_bytes(b"rubbish")
    assert "is no backup of Fairbrush" in refused("restore", "a.zip")
    assert "is no backup of Fairbrush" in refused("restore", "a.zip", "--check")
    assert not (here / "data").exists()
    asyncio.run(filled(here / "data"))
    assert "is there already" in refused("backup", "a.zip")
    assert call("backup", "a.zip", "--force").exit_code == 0
    before = state(here / "data")
    with bot_in_thread(here):
        assert "Another Fairbrush" in refused("restore", "a.zip")
    assert state(here / "data") == before
    assert "holds no configuration" in refused("restore", "a.zip", "--config-only")
    assert call("restore", "a.zip", "--check", "--config-only").exit_code == 2


def test_a_restore_says_where_the_former_state_is(here: Path) -> None:
    asyncio.run(filled(here / "data", b"one"))
    call("backup", "a.zip")
    said = call("restore", "a.zip").stderr
    (before,) = (here / "data").glob("before-restore-*")
    assert f"is in {before}." in said
    log = one(here, "SELECT actor || ' ' || action FROM audit")
    assert re.fullmatch(r"shell(:\S+)? restore", log)


@posix_only
def test_a_bar_on_a_terminal(here: Path) -> None:
    asyncio.run(filled(here / "data", b"one"))
    code, written = at_terminal("backup", "a.zip", cwd=here)
    assert code == 0
    assert "100%" in written


# The configuration

CONFIG = """\
# Mine.
timezone = "Europe/Berlin"
[discord]
token = "{discord}"
admin_ids = [1]
[telegram]
token_file = "telegram-token"
[[comfyui]]
url = "http://127.0.0.1:1"
headers = {{ Authorization = "Bearer of-bad-news" }}
[moderation]
hook_url = "http://127.0.0.1:2"
hook_headers = {{ X-Key = "of-the-hook" }}
"""
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"
TELEGRAM = "123456789:AAabcdefghijklmnopqrstuvwxyz012345_"
SECRETS = (DISCORD, TELEGRAM, "of-bad-news", "of-the-hook")


@pytest.fixture
def configured(here: Path) -> Path:
    (here / "config.toml").write_text(CONFIG.format(discord=DISCORD), encoding="utf-8")
    (here / "telegram-token").write_text(TELEGRAM, encoding="utf-8")
    (here / "workflows").mkdir()
    source = (WORKFLOWS / "text-to-image.json").read_bytes()
    for name in ("mine.json", "Ünïcode name.json", "trailing .json", ".hidden.json"):
        (here / "workflows" / name).write_bytes(source)
    asyncio.run(filled(here / "data"))
    return here


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_secrets_stay_at_home(configured: Path) -> None:
    made = call("backup", "a.zip", "--with-config")
    assert "has a name that not every system takes" in made.stderr
    found = members(configured / "a.zip")
    config = found["config/config.toml"].decode()
    assert config.startswith("# Mine.\n")
    assert 'token_file = "telegram-token"' in config
    for secret in SECRETS:
        assert not any(secret.encode() in content for content in found.values()), secret
    assert {name for name in found if name.startswith("config/w")} == {
        "config/workflows/mine.json",
        "config/workflows/Ünïcode name.json",
    }
    assert not any(name.startswith("config/") for name in _packed_without_config(configured))


def _packed_without_config(folder: Path) -> list[str]:
    call("backup", "plain.zip")
    return list(members(folder / "plain.zip"))


def test_with_tokens_all_that_is_needed_goes_along(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("backup", "a.zip", "--with-tokens")
    there = configured / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    put = call("restore", "../a.zip", "--config-only")
    assert put.exit_code == 0, put.stderr
    settings = load_settings(there / "config.toml", environ={}, folder=there)
    assert settings.discord is not None
    assert settings.telegram is not None
    assert settings.discord.token.get_secret_value() == DISCORD
    assert settings.telegram.token.get_secret_value() == TELEGRAM
    assert settings.comfyui[0].plain_headers() == {"Authorization": "Bearer of-bad-news"}
    assert settings.workflows_dir == there / "workflows"
    assert not (there / "data").exists()
    assert "config.toml is there already" in refused("restore", "../a.zip", "--config-only")


def test_workflows_that_will_not_be_found_are_told(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (configured / "workflows").rename(configured / "flows")
    config = (configured / "config.toml").read_text(encoding="utf-8")
    (configured / "config.toml").write_text(f'workflows_dir = "flows"\n{config}', encoding="utf-8")
    call("backup", "a.zip", "--with-config")
    (configured / "there").mkdir()
    monkeypatch.chdir(configured / "there")
    put = call("restore", "../a.zip", "--config-only")
    assert "config.toml has workflows_dir = 'flows'." in put.stderr
    assert Path("workflows/mine.json").exists()


@posix_only
def test_a_restored_configuration_is_for_its_owner_alone(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("backup", "a.zip", "--with-tokens")
    (configured / "there").mkdir()
    monkeypatch.chdir(configured / "there")
    call("restore", "../a.zip", "--config-only")
    assert Path("config.toml").stat().st_mode & 0o777 == 0o600


def secret_fields(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every setting whose type holds a secret, found by another way than the program's."""
    for name, field in model.model_fields.items():
        inner = [
            each
            for each in _parts(field.annotation)
            if isinstance(each, type) and issubclass(each, BaseModel)
        ]
        if SecretStr in _parts(field.annotation):
            yield (*prefix, name)
        for each in inner:
            yield from secret_fields(each, (*prefix, name))


def _parts(annotation: Any) -> list[Any]:
    inner = [part for each in getattr(annotation, "__args__", ()) for part in _parts(each)]
    return [annotation, *inner]


def test_no_setting_that_is_a_secret_is_forgotten() -> None:
    assert set(secret_fields(Settings)) == {*secret_keys(), *HEADERS}
