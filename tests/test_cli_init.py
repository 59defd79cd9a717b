"""``fairbrush init``: at a terminal, without one, and when something goes wrong in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tomllib
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import init, init_ask, init_probe, init_write
from bot.cli.init_answers import Answers, Platform, Secret, config_text
from bot.cli.init_workflows import exports
from bot.config import Settings, load_settings
from bot.domain.errors import UserError
from bot.sketch import SketchEngine
from bot.templates.loader import shipped_folder
from tests.support.answering import answering
from tests.support.commands import call, empty_folder, refused, unused_port
from tests.support.discord import DiscordWorld
from tests.support.telegram import TelegramWorld

DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"
TELEGRAM_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
QUICK = ("--yes", "--no-check", "--comfyui", "none", "--timezone", "UTC")
here = empty_folder()


@pytest.fixture(autouse=True)
def nobody_at_the_usual_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine is no part of these tests."""
    monkeypatch.setattr(init_probe, "HERE", f"http://127.0.0.1:{unused_port()}")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "at_terminal", lambda: True)


def settings_in(folder: Path) -> Settings:
    return load_settings(folder / "config.toml", environ={}, folder=folder)


def answered(*lines: str, flags: Sequence[str] = ("--no-check",)) -> Result:
    return call("init", *flags, input="".join(f"{line}\n" for line in lines))


NOTHING_ELSE = ("n", "n", "", "", "", "n", "")
"""Neither Discord nor Telegram, the usual time zone, no limits, no page, no workflows."""


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Without questions


def test_flags_say_all_and_the_file_holds_what_differs(here: Path) -> None:
    (here / "discord.txt").write_text(DISCORD_TOKEN + "\n", "utf-8")
    (here / "telegram.txt").write_text(TELEGRAM_TOKEN, "utf-8")
    port = unused_port()
    result = call(
        *("init", "--no-check", "--comfyui", f"127.0.0.1:{port}", "--header", "Authorization=Bearer a=b"),
        *(
            "--discord-token-file",
            "discord.txt",
            "--discord-guild",
            "12345678",
            "--discord-admin",
            "87654321",
        ),
        *("--telegram-token-file", "telegram.txt", "--telegram-chat", "-100123", "--telegram-admin", "42"),
        *("--timezone", "europe/berlin", "--gpu-seconds", "600", "--jobs", "50"),
        *("--web", f"127.0.0.1:{unused_port()}"),
    )
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{here / 'config.toml'}\n"
    assert "Warning: The ComfyUI server" in result.stderr
    found = settings_in(here)
    assert found.discord is not None
    assert found.telegram is not None
    assert found.comfyui[0].url == f"http://127.0.0.1:{port}"
    assert found.comfyui[0].plain_headers() == {"Authorization": "Bearer a=b"}
    assert found.discord.token.get_secret_value() == DISCORD_TOKEN
    assert (found.discord.guild_ids, found.discord.admin_ids) == ((12345678,), (87654321,))
    assert found.telegram.token.get_secret_value() == TELEGRAM_TOKEN
    assert (found.telegram.allowed_chat_ids, found.telegram.admin_ids) == ((-100123,), (42,))
    assert found.timezone == "Europe/Berlin"
    assert found.tiers["default"].gpu_seconds_per_day == 600
    assert found.tiers["default"].jobs_per_day == 50
    assert found.web.listen is not None
    text = (here / "config.toml").read_text("utf-8")
    assert DISCORD_TOKEN not in text
    assert TELEGRAM_TOKEN not in text
    if os.name == "posix":
        assert (here / "config.toml").stat().st_mode & 0o077 == 0, "it holds a header that logs in"


def test_where_nobody_can_be_asked_defaults_hold(here: Path) -> None:
    result = call("init", "--timezone", "UTC", input="")
    assert result.exit_code == 0, result.stderr
    assert "the built-in engine will paint" in result.stderr
    text = (here / "config.toml").read_text("utf-8")
    assert all(line.startswith("#") or not line for line in text.splitlines()), text
    assert settings_in(here) == load_settings(None, environ={}, folder=here)
    assert "ok       configuration" in result.stdout
    assert "Start the bot:  fairbrush run\n" in result.stderr
    if os.name == "posix":
        assert (here / "config.toml").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--discord-guild", "123"), "Give --discord-token-file FILE."),
        (("--telegram-admin", "123"), "Give --telegram-token-file FILE."),
        (("--discord-token-file", "nowhere"), "nowhere cannot be read"),
        (("--discord-token-file", "telegram.txt"), "it belongs into [telegram]"),
        (("--telegram-token-file", "discord.txt"), "it belongs into [discord]"),
        (("--discord-token-file", "example.txt"), "is the text of an example"),
        (("--timezone", "Europe/Berln"), "Did you mean Europe/Berlin?"),
        (("--gpu-seconds", "-5"), "--gpu-seconds: Write a number"),
        (("--jobs", "1.5"), "--jobs: Write a number"),
        (("--comfyui", "http://a b"), "--comfyui: The ComfyUI address is no address"),
        (("--comfyui", "http://me:pass@gpu:8188"), "holds a user name or a password"),
        (("--header", "Authorization"), "Write --header like"),
        (("--web", "8765"), "Write a host and a port"),
        (("--workflows", "nowhere"), "There is no folder nowhere."),
        (("--config", "no/such/config.toml"), "There is no folder"),
    ],
)
def test_flags_that_cannot_be_are_refused_and_nothing_is_made(
    here: Path, flags: tuple[str, ...], words: str
) -> None:
    (here / "discord.txt").write_text(DISCORD_TOKEN, "utf-8")
    (here / "telegram.txt").write_text(TELEGRAM_TOKEN, "utf-8")
    (here / "example.txt").write_text("YOUR_TOKEN_HERE", "utf-8")
    before = contents(here)
    base = [flag for flag in QUICK if flag not in ("--comfyui", "none") or "--comfyui" not in flags]
    said = refused("init", *base, *flags)
    assert words in said
    assert "pass" not in said.replace("password", "")
    assert contents(here) == before


def test_a_port_that_is_taken_is_refused(here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "it is taken" in refused("init", *QUICK, "--web", listen)


def test_nothing_is_replaced_without_being_told_to(here: Path) -> None:
    (here / "config.toml").write_text("# mine\n", "utf-8")
    assert "Replace it with --force." in refused("init", *QUICK)
    assert contents(here) == {"config.toml": b"# mine\n"}
    assert call("init", *QUICK, "--force").exit_code == 0
    assert (here / "config.toml.bak").read_bytes() == b"# mine\n"
    first = (here / "config.toml").read_bytes()
    assert call("init", *QUICK, "--force", "--jobs", "5").exit_code == 0
    assert (here / "config.toml.bak-2").read_bytes() == first
    assert sorted(contents(here)) == ["config.toml", "config.toml.bak", "config.toml.bak-2"]


def test_a_token_from_the_environment_is_written_nowhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRBRUSH__TELEGRAM__TOKEN", TELEGRAM_TOKEN)
    assert call("init", *QUICK, "--telegram-admin", "42").exit_code == 0
    assert list(contents(here)) == ["config.toml"]
    assert b"[telegram]" in contents(here)["config.toml"]
    assert TELEGRAM_TOKEN.encode() not in contents(here)["config.toml"]


# Workflows


def folder_of_exports(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(shipped_folder() / "flux.json", folder / "My Flux!.json")
    shutil.copy(shipped_folder() / "upscale.json", folder / "upscale.json")
    (folder / "ui.json").write_text('{"nodes": [], "links": []}', "utf-8")
    (folder / "broken.json").write_text("{", "utf-8")
    with (folder / "huge.json").open("wb") as huge:
        huge.truncate(50 * 1024 * 1024)
    (folder / "a folder.json").mkdir()
    (folder / "notes.txt").write_text("nothing", "utf-8")
    return folder


def test_a_folder_is_looked_through_and_names_are_proposed(tmp_path: Path) -> None:
    found = {one.file.name: one for one in exports(folder_of_exports(tmp_path / "x"), {"Upscale"})}
    assert sorted(found) == ["My Flux!.json", "broken.json", "huge.json", "ui.json", "upscale.json"]
    assert found["My Flux!.json"].name == "my-flux"
    assert found["upscale.json"].name == "upscale-2"
    assert {"prompt_text", "seed", "steps"} <= set(found["My Flux!.json"].detected)
    assert "too large (50 MB; at most 20 MB)" in found["huge.json"].problem
    assert "Workflow → Export (API)" in found["ui.json"].problem
    assert "not valid JSON" in found["broken.json"].problem
    many = tmp_path / "many"
    many.mkdir()
    for number in range(201):
        (many / f"{number}.json").touch()
    with pytest.raises(UserError, match="holds 201 files"):
        exports(many, ())


def test_the_exports_of_a_folder_become_templates(here: Path) -> None:
    folder = folder_of_exports(here / "exports")
    result = call("init", *QUICK, "--workflows", str(folder))
    assert result.exit_code == 0, result.stderr
    assert "huge.json: The file is too large" in result.stderr
    made = [Path(line).name for line in result.stdout.splitlines()]
    assert made == ["config.toml", "my-flux.json", "my-flux.toml", "upscale-2.json", "upscale-2.toml"]
    listed = [json.loads(line) for line in call("templates", "list", "--json").stdout.splitlines()]
    assert {"my-flux", "upscale-2", "upscale", "text-to-image"} <= {one["name"] for one in listed}
    assert all(one["enabled"] for one in listed)


# When something goes wrong in the middle


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_stops_it_in_the_middle_everything_is_as_it_was(
    here: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    folder = folder_of_exports(here / "exports")
    (here / "config.toml").write_text("# mine\n", "utf-8")
    (here / "telegram-token").write_text("older\n", "utf-8")
    before = contents(here)
    real, done = init_write.add_template, []

    def second_fails(*arguments: Any) -> Any:
        if done:
            raise error
        done.append(real(*arguments))
        return done[0]

    monkeypatch.setattr(init_write, "add_template", second_fails)
    chosen = [one for one in exports(folder, ()) if not one.problem]
    answers = Answers(
        telegram=Platform(Secret("telegram-token", TELEGRAM_TOKEN, is_new=True)),
        discord=Platform(Secret("discord-token", DISCORD_TOKEN, is_new=True)),
        workflows=[init_ask.Workflow(one.file, one.name) for one in chosen],
    )
    assert len(chosen) == 2
    with pytest.raises(error):
        init_write.write(answers, here / "config.toml")
    assert done
    assert contents(here) == before
    assert not (here / "workflows").exists()


def test_a_folder_that_cannot_be_written_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(init_write.tempfile, "mkstemp", full)
    said = refused("init", *QUICK, code=1)
    assert "cannot be written: No space left on device. Nothing was changed." in said
    assert contents(here) == {}


@pytest.mark.usefixtures("terminal")
def test_leaving_in_the_middle_leaves_nothing(here: Path) -> None:
    for given_up in range(len(NOTHING_ELSE)):
        result = answered("", *NOTHING_ELSE[:given_up])
        assert result.exit_code == 130, result.stderr
        assert result.stderr.endswith("Interrupted.\n")
    said_no = answered("", *NOTHING_ELSE, "n")
    assert said_no.exit_code == 1
    assert "Nothing was written." in said_no.stderr
    assert contents(here) == {}


# Questions


@pytest.mark.usefixtures("terminal")
def test_enter_is_enough(here: Path) -> None:
    result = answered("", *NOTHING_ELSE, "")
    assert result.exit_code == 0, result.stderr
    assert list(contents(here)) == ["config.toml"]
    assert result.stdout == f"{here / 'config.toml'}\n"


@pytest.mark.usefixtures("terminal")
def test_answers_that_cannot_be_are_asked_for_again(here: Path) -> None:
    folder = folder_of_exports(here / "exports")
    result = answered(
        "",
        *("n", "n"),
        *("Nowhere/At_All", "Asia/Tokyo"),
        *("many", "90.5", "2.5", "7"),
        *("y", "here", f"127.0.0.1:{unused_port()}"),
        *("nowhere", str(folder), "../x", "my-flux", "my-flux", "-"),
        "y",
    )
    assert result.exit_code == 0, result.stderr
    for words in (
        "There is no time zone “Nowhere/At_All”.",
        "Write a number, or press Enter for no limit.",
        "Write a host and a port, like 127.0.0.1:8765.",
        "There is no folder nowhere.",
        "Use letters, digits and dashes.",
        "There is a template my-flux already.",
    ):
        assert words in result.stderr, words
    found = settings_in(here)
    assert found.timezone == "Asia/Tokyo"
    assert (found.tiers["default"].gpu_seconds_per_day, found.tiers["default"].jobs_per_day) == (90.5, 7)
    assert (here / "workflows" / "my-flux.json").exists()
    assert not (here / "workflows" / "upscale-2.json").exists()


@pytest.mark.usefixtures("terminal")
async def test_what_answers_at_the_usual_address_is_proposed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SketchEngine(here.parent / "engine") as engine:
        monkeypatch.setattr(init_probe, "HERE", engine.url)
        result = await asyncio.to_thread(answered, "", *NOTHING_ELSE, "")
    assert result.exit_code == 0, result.stderr
    assert settings_in(here).comfyui[0].url == engine.url
    assert f"Its address [{engine.url}]" in result.stderr


@pytest.mark.usefixtures("terminal")
async def test_a_server_behind_a_login_is_asked_about_again_with_it(here: Path) -> None:
    async with answering(401) as url:
        result = await asyncio.to_thread(answered, url, "Bearer s3cr3t", "n", url, "", "y", *NOTHING_ELSE, "")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("wants a login") == 3
    assert "The headers that are configured for it are not accepted." in result.stderr
    assert settings_in(here).comfyui[0].plain_headers() == {}, "the last answer holds"


@pytest.mark.usefixtures("terminal")
async def test_tokens_are_proven_and_tell_what_else_is_asked(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DiscordWorld(point=False) as discords, TelegramWorld() as telegrams:
        guild = discords.guild("Painters")
        monkeypatch.setenv("FAIRBRUSH__DISCORD__API_BASE_URL", discords.api_url)
        monkeypatch.setenv("FAIRBRUSH__TELEGRAM__API_BASE_URL", telegrams.api_url)
        result = await asyncio.to_thread(
            answered,
            "",
            *("y", telegrams.token, "your-token-here", "MTIzNDU2.wrong.wrong-token", discords.token, "", ""),
            *("y", DISCORD_TOKEN, "123456:AAEwrong-wrong", telegrams.token, "@me", "42", ""),
            *NOTHING_ELSE[2:],
            "",
        )
    assert result.exit_code == 0, result.stderr
    for words in (
        "it belongs into [telegram]",
        "it belongs into [discord]",
        "is the text of an example",
        "Discord does not know the token",
        "Telegram does not know the token",
        "This is Fairbrush. To invite it:  https://discord.com/oauth2/authorize?client_id=",
        f"It is in Painters: {guild.id}",
        "This is @FairbrushBot:  https://t.me/FairbrushBot",
        "“@me” is no id",
    ):
        assert words in result.stderr, words
    assert discords.token not in result.output
    assert telegrams.token not in result.output
    found = settings_in(here)
    assert found.discord is not None
    assert found.telegram is not None
    assert found.discord.token.get_secret_value() == discords.token
    assert found.discord.guild_ids == (guild.id,)
    assert found.discord.admin_ids == (discords.owner.id,)
    assert found.telegram.token.get_secret_value() == telegrams.token
    assert found.telegram.admin_ids == (42,)
    assert sorted(contents(here)) == ["config.toml", "discord-token", "telegram-token"]
    if os.name == "posix":
        for name in ("discord-token", "telegram-token"):
            assert (here / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("terminal")
def test_a_platform_out_of_reach_is_taken_with_a_word(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRBRUSH__DISCORD__API_BASE_URL", f"http://127.0.0.1:{unused_port()}")
    result = answered("", "y", DISCORD_TOKEN, "", "", "n", *NOTHING_ELSE[2:], "")
    assert result.exit_code == 0, result.stderr
    assert (
        "It could not be asked whether the token is right: Discord is not reached from here." in result.stderr
    )
    assert settings_in(here).discord is not None


@pytest.mark.usefixtures("terminal")
def test_an_older_configuration_is_replaced_when_that_is_agreed(here: Path) -> None:
    (here / "config.toml").write_text("# mine\n", "utf-8")
    assert "Replace it with --force." in answered("n").stderr
    assert contents(here) == {"config.toml": b"# mine\n"}
    assert answered("y", "", *NOTHING_ELSE, "y").exit_code == 0
    assert contents(here)["config.toml.bak"] == b"# mine\n"


# What is written


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=12)
IDS = st.lists(st.integers(1, 10**18).map(str), max_size=3, unique=True).map(tuple)


@given(
    header=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20),
    name=WORDS,
    ids=IDS,
    seconds=st.none() | st.floats(0, 1e6, allow_nan=False),
    jobs=st.none() | st.integers(0, 10**6),
)
def test_what_is_written_says_what_was_answered(
    header: str,
    name: str,
    ids: tuple[str, ...],
    seconds: float | None,
    jobs: int | None,
    tmp_path_factory: Any,
) -> None:
    folder = tmp_path_factory.mktemp("written")
    answers = Answers(
        comfyui="http://gpu:8188/a/path",
        headers={"Authorization": f"Basic {header}"},
        discord=Platform(Secret(f"{name}token"), ids, ids),
        timezone="Europe/Berlin",
        gpu_seconds=seconds,
        jobs=jobs,
        web="[::1]:8765",
    )
    text = config_text(answers)
    data = tomllib.loads(text)
    assert data["discord"]["token_file"] == f"{name}token"
    assert data["comfyui"][0]["headers"] == {"Authorization": f"Basic {header}"}
    data["discord"]["token"] = data["discord"].pop("token_file") and "x.y.z"
    found = Settings.model_validate(
        {**data, "data_dir": "data", "workflows_dir": str(shipped_folder())}, context={"folder": folder}
    )
    assert found.discord is not None
    assert found.discord.guild_ids == found.discord.admin_ids == tuple(map(int, ids))
    assert found.tiers["default"].gpu_seconds_per_day == seconds
    assert found.tiers["default"].jobs_per_day == jobs
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_the_time_zone_of_the_machine_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Europe/Lisbon")
    assert init_probe.time_zone() == "Europe/Lisbon"
    monkeypatch.setenv("TZ", "Etc/UTC")
    assert init_probe.time_zone() == "UTC"
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    assert init_probe.time_zone() in zoneinfo.available_timezones()
