"""Which custom nodes usually bring a node class that a server lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bot.templates.choices import nearest


@dataclass(frozen=True, slots=True)
class _Known:
    """``version``: of the ComfyUI whose own classes are ``core``; ``services`` call paid ones."""

    version: str
    core: frozenset[str]
    services: frozenset[str]
    packs: Sequence[tuple[re.Pattern[str], str]]


def brings(node_class: str) -> str | None:
    """A sentence about where a node class comes from; None where nobody knows.

    >>> brings("UnetLoaderGGUF")
    'Usually it comes with the custom nodes ComfyUI-GGUF (https://github.com/city96/ComfyUI-GGUF).'
    """
    known = _known()
    if node_class in known.services:
        return (
            "It comes with ComfyUI itself and calls a paid service: update ComfyUI, and start it without "
            "--disable-api-nodes."
        )
    if node_class in known.core:
        return f"It comes with ComfyUI itself: update that to {known.version} or later."
    for form, url in known.packs:
        if form.fullmatch(node_class):
            return f"Usually it comes with the custom nodes {url.rsplit('/', 1)[-1]} ({url})."
    if (close := nearest(node_class, known.core, 92.0)) is not None:
        return f"ComfyUI itself has {close}."
    return None


@cache
def _known() -> _Known:
    core, packs = _read("core_nodes.toml"), _read("packs.toml")
    forms = [(_form(each), url) for url, names in packs.items() for each in names]
    return _Known(str(core["version"]), frozenset(core["nodes"]), frozenset(core["services"]), forms)


def _form(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))))


def _read(name: str) -> Mapping[str, Sequence[str]]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
