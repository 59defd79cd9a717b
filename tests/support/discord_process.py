"""``fairbrush …`` as a process in a local Discord: ``python -m tests.support.discord_process run``.

The unmodified command. What its config names as ``api_base_url`` and ``gateway_url`` is given to the library
before it begins, and the library's pauses at a start are left out. With ``PROFILE_TO`` in the environment,
how the time was spent is written there at the end.
"""

from __future__ import annotations

import cProfile
import os
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import discord
import tomlkit

from bot.cli import main
from tests.support.chaos_actors import Process
from tests.support.discord.pointing import pointed

MODULE = (sys.executable, "-m", "tests.support.discord_process")


class DiscordProcess(Process):
    """``fairbrush run`` on ``folder``, in a local Discord that other processes reach, too."""

    def __init__(self, folder: Path, name: str = "bot", *, command: tuple[str, ...] = MODULE) -> None:
        super().__init__(folder, name, "run", "--config", "config.toml", command=command)


def configure(folder: Path, *, token: str, api: str, gateway: str, **sections: Any) -> None:
    """Write the config of a bot in ``folder``. ``sections``: others, and what ``discord`` holds besides."""
    own = {"token": token, "api_base_url": api, "gateway_url": gateway, **sections.pop("discord", {})}
    content = {"data_dir": "data", "discord": own, **sections}
    (folder / "config.toml").write_text(tomlkit.dumps(content), encoding="utf-8")


async def at_once(*_: object, **__: object) -> None:
    """The library would wait five seconds before it introduces itself again."""


def _point(stack: ExitStack) -> None:
    own = tomllib.loads(Path("config.toml").read_text(encoding="utf-8"))["discord"]
    stack.enter_context(pointed(own["api_base_url"], own["gateway_url"], own["api_base_url"] + "/cdn"))
    discord.Client.before_identify_hook = at_once  # type: ignore[method-assign]


if __name__ == "__main__":
    with ExitStack() as opened:
        _point(opened)
        if (target := os.environ.get("PROFILE_TO")) is not None:
            profile = cProfile.Profile()
            opened.callback(profile.dump_stats, target)
            opened.enter_context(profile)
        main()
