"""What a running bot says on stderr of what it and its libraries log."""

from __future__ import annotations

import logging
from pathlib import Path

import discord
import pytest

from bot.cli.log import start_logging
from tests.support.service import settings_for


def test_warnings_are_told_and_what_nobody_needs_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    start_logging(settings_for(tmp_path))
    library = logging.getLogger("discord.client")
    library.warning("PyNaCl is not installed, voice will NOT be supported")
    library.warning("something else")
    logging.getLogger("bot.service").warning("Server local is back.")
    logging.getLogger("bot.service").info("nothing to worry about")
    told = [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["discord.client: something else", "Server local is back."]


def test_the_library_still_says_it_in_these_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is left out would be told again, after an update."""
    monkeypatch.setattr(discord.VoiceClient, "warn_nacl", True)
    discord.Client(intents=discord.Intents.none())
    found = [record for record in caplog.records if "voice will NOT be supported" in record.getMessage()]
    assert {record.name for record in found} == {"discord.client"}
