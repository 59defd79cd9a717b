"""``fairbrush run`` as a process of its own, in a local Telegram that other processes reach, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit

from tests.support.chaos_actors import Process
from tests.support.cli import COMMAND
from tests.support.telegram import TelegramWorld


class TelegramProcess(Process):
    """The bot of the ``config.toml`` in ``folder``; it says ``ready`` when it is connected."""

    def __init__(self, folder: Path, name: str = "bot", *, command: Sequence[str] = COMMAND) -> None:
        super().__init__(folder, name, "run", "--config", "config.toml", command=command)


def configure(folder: Path, world: TelegramWorld, **sections: Any) -> None:
    """Write the config of a bot in that world. ``sections``: others, and what ``telegram`` holds besides."""
    own = {"token": world.token, "api_base_url": world.api_url, **sections.pop("telegram", {})}
    content = {"data_dir": "data", "telegram": own, **sections}
    (folder / "config.toml").write_text(tomlkit.dumps(content), encoding="utf-8")
