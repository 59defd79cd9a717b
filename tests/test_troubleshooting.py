"""Every error that people can meet stands in the page, once; and nothing that there is not."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import bot
from bot.domain.errors import FairbrushError
from tests.support.templates import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def codes() -> Iterator[str]:
    for package in ("bot.control", "bot.cli.common", "bot.service", "bot.store", "bot.comfy", "bot.chat.web"):
        module = importlib.import_module(package)
        for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
            importlib.import_module(found.name)
    todo: list[type[FairbrushError]] = [FairbrushError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.split(".")[0] == bot.__name__:
            yield kind.code


def test_every_id_is_explained_once_and_no_other() -> None:
    explained = re.findall(r"(?m)^\| `(\w+)` \|", PAGE)
    assert sorted(explained) == sorted(set(codes()))
