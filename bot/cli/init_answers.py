"""What ``fairbrush init`` was told, and the configuration that says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit
from tomlkit.items import Table
from tomlkit.toml_document import TOMLDocument

WEB_LISTEN = "127.0.0.1:8765"
_FRONT = (
    'Fairbrush settings, made by "fairbrush init". Whatever is not here has its built-in default;',
    'config.example.toml describes all settings, and "fairbrush check" says what is wrong.',
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A token, and the file that holds it: one that is there already, or (``is_new``) one to be written."""

    file: str
    """As the configuration writes it; empty: the token comes from the environment."""
    value: str = field(default="", repr=False)
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Platform:
    token: Secret
    admin_ids: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """Discord: ids of the servers that get the commands. Telegram: ids of the chats that may use it."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """An export that is to become a template."""

    file: Path
    name: str


@dataclass(frozen=True, slots=True)
class Answers:
    """``comfyui`` empty: the built-in engine. Quotas None: unlimited. ``web`` empty: off."""

    comfyui: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    discord: Platform | None = None
    telegram: Platform | None = None
    timezone: str = "UTC"
    gpu_seconds: float | None = None
    jobs: int | None = None
    web: str = ""
    workflows: Sequence[Workflow] = ()

    @property
    def new_secrets(self) -> tuple[Secret, ...]:
        each = [platform.token for platform in (self.discord, self.telegram) if platform is not None]
        return tuple(secret for secret in each if secret.is_new)


def config_text(answers: Answers) -> str:
    """The file: what differs from the defaults, each with a word of why. Ends with a line break."""
    document = tomlkit.document()
    for line in _FRONT:
        document.add(tomlkit.comment(line))
    if answers.timezone != "UTC":
        _commented(document, "When a quota day begins: midnight in this time zone.")
        document["timezone"] = answers.timezone
    if answers.comfyui:
        document["comfyui"] = _servers(answers)
    if answers.discord is not None:
        document["discord"] = _platform(
            answers.discord,
            places="guild_ids",
            about="Servers that get the commands, at once.",
        )
    if answers.telegram is not None:
        document["telegram"] = _platform(
            answers.telegram,
            places="allowed_chat_ids",
            about="Only these chats may use the bot.",
        )
    if answers.gpu_seconds is not None or answers.jobs is not None:
        document["tiers"] = _tiers(answers)
    if answers.web:
        section = tomlkit.table()
        section.add(
            tomlkit.comment("Playground and operator's page. What opens it is in the data directory, in the")
        )
        section.add(tomlkit.comment("file web-token, from the first start on."))
        section["listen"] = answers.web
        section.add(tomlkit.comment("Let everybody who reaches the page paint there without it:"))
        section.add(tomlkit.comment("guests = true"))
        document["web"] = section
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def _commented(document: TOMLDocument, words: str) -> None:
    document.add(tomlkit.nl())
    document.add(tomlkit.comment(words))


def _servers(answers: Answers) -> object:
    servers = tomlkit.aot()
    section = tomlkit.table()
    section.add(tomlkit.comment("Your ComfyUI. One such section a server; the first is the default."))
    section["name"] = "local"
    section["url"] = answers.comfyui
    if answers.headers:
        section.add(tomlkit.comment("Sent with every request. A secret: keep this file to yourself."))
        headers = tomlkit.inline_table()
        headers.update(dict(answers.headers))
        section["headers"] = headers
    servers.append(section)
    return servers


def _platform(platform: Platform, *, places: str, about: str) -> Table:
    section = tomlkit.table()
    if platform.token.file:
        section.add(tomlkit.comment("The bot's token, in a file of its own: whoever has it is the bot."))
        section["token_file"] = platform.token.file
    else:
        section.add(tomlkit.comment("The bot's token comes from the environment."))
    if platform.places:
        section.add(tomlkit.comment(about))
        section[places] = list(platform.places)
    if platform.admin_ids:
        section.add(tomlkit.comment("Who runs this bot: quotas, tiers, blocks, pause."))
        section["admin_ids"] = list(platform.admin_ids)
    return section


def _tiers(answers: Answers) -> Table:
    tiers, default = tomlkit.table(is_super_table=True), tomlkit.table()
    default.add(tomlkit.comment("What everybody may use in a day who is in no other tier."))
    if answers.gpu_seconds is not None:
        seconds = answers.gpu_seconds
        default["gpu_seconds_per_day"] = int(seconds) if float(seconds).is_integer() else seconds
    if answers.jobs is not None:
        default["jobs_per_day"] = answers.jobs
    tiers["default"] = default
    return tiers
