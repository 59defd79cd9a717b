"""What the file says, with the environment and the files of secrets laid over it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.config.fields import resolve
from bot.config.problems import KeyPath, Problem, dotted, secret_keys
from bot.domain.text import Text

PREFIX = "FAIRBRUSH__"
MAX_SECRET_BYTES = 4096


class Overlay:
    """Changes ``data`` in place; collects problems; remembers where each value came from."""

    def __init__(self, data: dict[str, Any], source: str) -> None:
        self.data = data
        self.source = source
        self.problems: list[Problem] = []
        self._in_file = copy.deepcopy(data)
        self._origins: dict[KeyPath, tuple[str, str]] = {}

    def apply(self, environ: Mapping[str, str]) -> None:
        """Lay ``FAIRBRUSH__SECTION__KEY`` over the data.

        Lists and tables are JSON, or items with commas between. ``FAIRBRUSH__COMFYUI__URL`` means the
        first server, ``FAIRBRUSH__COMFYUI__1__URL`` the second. Empty variables count as not set: compose
        files pass them for what is not given.
        """
        for name in sorted(environ):
            if name.upper().startswith(PREFIX) and (raw := environ[name].strip()):
                self._set(name, name[len(PREFIX) :].lower().split("__"), raw)

    def read_secret_files(self, root: Path) -> None:
        """Replace every ``token_file`` by the ``token`` that the file holds."""
        for key in secret_keys():
            section: Any = self.data
            for part in key[:-1]:
                section = section.get(part) if isinstance(section, dict) else None
            name, file_path = key[-1], (*key[:-1], f"{key[-1]}_file")
            if not isinstance(section, dict) or file_path[-1] not in section:
                continue
            value = section.pop(file_path[-1])
            if section.get(name):
                secret: str | Text = Text("give {key} or {file}, not both", key=name, file=file_path[-1])
            else:
                secret = _read_secret(value, root)
            self._origins[key] = origin = self.origin(file_path)
            if isinstance(secret, Text):
                self.problems.append(Problem(*origin, secret))
            else:
                section[name] = secret

    def origin(self, path: KeyPath) -> tuple[str, str]:
        """The source of the value at ``path``, and its key as it is written there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                return self._origins[path[:length]]
        if not _contains(self._in_file, path):
            for known, origin in self._origins.items():
                if known[: len(path)] == path:
                    return origin
        return self.source, dotted(path)

    def _set(self, name: str, parts: list[str], raw: str) -> None:
        node: Any = self.data
        path: KeyPath = ()
        if parts[0] == "comfyui" and len(parts) > 1:
            index = int(parts.pop(1)) if parts[1].isdecimal() else 0
            servers = self.data.setdefault("comfyui", [])
            if not isinstance(servers, list) or index > len(servers) or len(parts) < 2:
                return self._refuse(name, Text("names no key of a server, or one that is not there"))
            if index == len(servers):
                servers.append({})
            node, path, parts = servers[index], ("comfyui", index), parts[1:]
        for part in parts[:-1]:
            key = _key_in(node, part)
            path = (*path, key)
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                return self._refuse(name, Text("leads into {key}, which is no section", key=dotted(path)))
        key = _key_in(node, parts[-1])
        # Of a secret's two forms the environment's replaces the file's; both in the environment conflict.
        other = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
        if (*path, other) not in self._origins:
            node.pop(other, None)
        node[key] = _value(raw)
        self._origins[(*path, key)] = ("environment", name)
        return None

    def _refuse(self, name: str, reason: Text) -> None:
        self.problems.append(Problem("environment", name, reason))


def _key_in(node: Mapping[str, Any], part: str) -> str:
    """The key as the file writes it: names of variables are upper case, those of tiers may be any."""
    return next((key for key in node if key.lower() == part), part)


def _contains(data: Any, path: KeyPath) -> bool:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _value(raw: str) -> Any:
    if raw[0] in "[{":
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw


def _read_secret(value: object, root: Path) -> str | Text:
    """The secret in a file, or why there is none."""
    path = resolve(root, value)
    if path is None:
        return Text("must be the path of a file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        secret = content.decode("utf-8-sig").strip()
    except FileNotFoundError:
        return Text("there is no file {path}", path=path)
    except OSError as error:
        return Text("{path} cannot be read: {reason}", path=path, reason=error.strerror or "unknown reason")
    except UnicodeError:
        return Text("{path} is not text", path=path)
    if not secret or len(content) > MAX_SECRET_BYTES:
        return Text("{path} must hold the secret and nothing else", path=path)
    return secret
