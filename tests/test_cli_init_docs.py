"""The page about setting up is true: so it asks, so the table looks, and this file is written."""

from __future__ import annotations

import json
import re
import shlex
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.cli import init, init_ask, init_probe, init_write
from bot.cli.checks import discord, machine, platforms, servers, showing, templates
from bot.cli.checks import settings as configuration
from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Row, in_order
from bot.cli.init_answers import Answers
from bot.comfy.client import Device, SystemStats
from bot.config import load_settings
from bot.domain.ids import ServerName
from bot.templates.catalogue import Catalogue
from bot.templates.loader import shipped_folder
from tests.support.cli import posix_only
from tests.support.commands import call, empty_folder
from tests.support.discord import DiscordWorld
from tests.support.service import settings_for
from tests.support.telegram import TelegramWorld
from tests.support.templates import ROOT

PAGE = (ROOT / "docs" / "setup.md").read_text(encoding="utf-8")
GB = 1024**3
HERE = "http://127.0.0.1:8188"
CARD = Device("cuda:0 NVIDIA GeForce RTX 4090", "cuda", 24 * GB, int(22.5 * GB))
STATS = SystemStats("0.33.0", "3.12", "2.9", "posix", (CARD,))
APPLICATION = "123456789012345678"
DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB"
TELEGRAM_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
here = empty_folder()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```", PAGE)


class Told:
    """What stands at a terminal, and the answers that somebody types there."""

    def __init__(self, transcript: list[str], hidden: list[str]) -> None:
        self.expected = transcript
        self.hidden = hidden
        self.lines: list[str] = []

    def say(self, message: object) -> None:
        self.lines += str(message).splitlines() or [""]

    def prompt(self, question: str, *, default: str, show_default: bool, hide_input: bool, **_: bool) -> str:
        asked = f"{question} [{default}]:" if show_default else f"{question}:"
        answer = self._answer(asked)
        return self.hidden.pop(0) if hide_input else answer or default

    def confirm(self, question: str, *, default: bool, **_: bool) -> bool:
        answer = self._answer(f"{question} [{'Y/n' if default else 'y/N'}]:")
        return {"y": True, "n": False, "": default}[answer]

    def _answer(self, asked: str) -> str:
        line = self.expected[len(self.lines)]
        assert line.startswith(asked), f"asked: {asked}\nthe page: {line}"
        self.lines.append(line)
        return line.removeprefix(asked).strip()


def known_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, guild = "345678901234567890", {"234567890123456789": "Painters"}
    words = f"This is Fairbrush. To invite it:  {discord.invitation(APPLICATION)}"
    found = init_probe.Server(servers.described(STATS, HERE), answers=True)
    monkeypatch.setattr(init_probe, "server", lambda *_: found)
    monkeypatch.setattr(
        init_probe, "discord_bot", lambda *_: init_probe.Bot(words, known=True, places=guild, owner=owner)
    )
    link = "This is @FairbrushBot:  https://t.me/FairbrushBot"
    monkeypatch.setattr(init_probe, "telegram_bot", lambda *_: init_probe.Bot(link, known=True))
    monkeypatch.setattr(init_probe, "time_zone", lambda: "Europe/Berlin")
    monkeypatch.setattr(init_probe, "is_free", lambda _: True)


def test_the_questions_are_asked_as_the_page_shows_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (transcript,) = [block for block in blocks("text") if block.startswith("$ fairbrush init\n")]
    known_bots(monkeypatch)
    folder = here / "exports"
    folder.mkdir()
    graph = json.loads((shipped_folder() / "text-to-image-lora.json").read_text("utf-8"))
    (folder / "Portrait v2.json").write_text(json.dumps(graph), "utf-8")
    (folder / "old.json").write_text('{"nodes": [], "links": []}', "utf-8")
    told = Told(transcript.splitlines()[1:], [DISCORD_TOKEN, DISCORD_TOKEN, TELEGRAM_TOKEN])
    monkeypatch.setattr(init_ask, "say", told.say)
    monkeypatch.setattr("bot.cli.common.say", told.say)
    monkeypatch.setattr(init_ask.click, "prompt", told.prompt)
    monkeypatch.setattr(init_ask.click, "confirm", told.confirm)
    given = init.Given(None, (), None, (), (), None, (), (), None, None, None, None, None)
    answers: Answers = init._answers(given, here / "config.toml", asking=True)
    assert told.lines == told.expected
    (written,) = [block for block in blocks("toml") if "[[comfyui]]" in block]
    monkeypatch.undo()
    monkeypatch.chdir(here)
    made = init_write.write(answers, here / "config.toml")
    assert (here / "config.toml").read_text("utf-8") == written
    assert [path.name for path in made] == ["config.toml", *SECRETS, "portrait.json", "portrait.toml"]


SECRETS = ("discord-token", "telegram-token")


def test_files_of_the_page_load(here: Path) -> None:
    for name, token in zip(SECRETS, (DISCORD_TOKEN, TELEGRAM_TOKEN), strict=True):
        (here / name).write_text(token, "utf-8")
    for block in blocks("toml"):
        tomllib.loads(block)
        (here / "config.toml").write_text(block, "utf-8")
        load_settings(here / "config.toml", environ={}, folder=here)


def test_commands_of_the_page_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_bots(monkeypatch)
    ran = 0
    for block in re.findall(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL):
        for line in re.findall(r"(?m)^\$ (.+)$", block):
            result = call(*shlex.split(line)[1:], "--no-check")
            assert result.exit_code == 0, result.stderr
            ran += 1
    assert ran == PAGE.count("```console") == 1
    assert load_settings(here / "config.toml", environ={}, folder=here).comfyui[0].url == HERE


def test_flags_of_the_page_are_those_of_the_command() -> None:
    shown = set(re.findall(r"`(--[\w-]+)", PAGE))
    known = {option for parameter in init.command.params for option in parameter.opts}
    assert shown == known - {"--config", "--help"}


async def example(folder: Path) -> list[Row]:
    """Each row as the program says it, for a bot, servers and a machine as the page has them."""
    core = json.loads((ROOT / "tests" / "data" / "object_info_core.json").read_text("utf-8"))
    workflows = folder / "workflows"
    workflows.mkdir()
    for name in ("text-to-image", "upscale", "flux"):
        for file in shipped_folder().glob(f"{name}.*"):
            (workflows / file.name).write_bytes(file.read_bytes())
    graph = json.loads((shipped_folder() / "flux.json").read_text("utf-8"))
    graph["1"] = {"class_type": "UnetLoaderGGUF", "inputs": {"unet_name": "portrait-Q5.gguf"}}
    (workflows / "portrait.json").write_text(json.dumps(graph), "utf-8")
    for node, name, file in (
        ("CheckpointLoaderSimple", "ckpt_name", "sd_xl_base_1.0.safetensors"),
        ("UpscaleModelLoader", "model_name", "RealESRGAN_x4plus.safetensors"),
        ("UNETLoader", "unet_name", "flux1-schnell.safetensors"),
        ("DualCLIPLoader", "clip_name1", "clip_l.safetensors"),
        ("DualCLIPLoader", "clip_name2", "t5xxl_fp16.safetensors"),
        ("VAELoader", "vae_name", "ae.safetensors"),
    ):
        core[node]["input"]["required"][name][0] = [file]
    async with DiscordWorld(point=False) as one, TelegramWorld() as other:
        guild = one.guild("Painters")
        sections: dict[str, Any] = {
            "discord": {"token": one.token, "api_base_url": one.api_url, "guild_ids": [str(guild.id)]},
            "telegram": {"token": other.token, "api_base_url": other.api_url},
        }
        settings = settings_for(folder, workflows_dir=str(workflows), **sections)
        talk = await platforms.rows(settings, Questions(time.time))
    catalogue = Catalogue.from_object_info(core)
    local = servers.Server(ServerName("local"), (), catalogue)
    now = datetime(2026, 11, 22, 15, 3, 21, tzinfo=UTC)
    zone = settings_for(folder, timezone="Europe/Berlin")
    files = machine.files()
    return in_order(
        [
            Row("ok", "settings", "configuration", configuration._used(Path("/srv/fairbrush/config.toml"))),
            Row("ok", "servers", "server local", servers.described(STATS, HERE)),
            *templates.rows(settings, [local]),
            *talk,
            Row("ok", "bot", "bot", "None runs with this data directory."),
            Row("ok", "bot", "database", "There is none yet; the bot makes it when it starts."),
            machine.clock(now, {"discord.com": 0.2}),
            *([files] if files else []),
            machine.zone(zone, now),
        ]
    )


@posix_only
async def test_the_table_is_shown_as_the_page_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (table,) = [block for block in blocks("text") if block.startswith("$ fairbrush check\n")]
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 1024))
    monkeypatch.setenv("TZ", "UTC")
    rows = [
        Row(
            row.status,
            row.group,
            row.subject,
            re.sub(r"client_id=\d+", f"client_id={APPLICATION}", row.message),
        )
        for row in await example(tmp_path)
    ]
    shown = "\n".join(showing._painted(rows))
    assert f"$ fairbrush check\n{shown}\n" == table
