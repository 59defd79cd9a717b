"""The settings as types: one class a section of ``config.toml``, with the built-in defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from bot.config.fields import (
    DataDir,
    DiscordIds,
    ExistingDir,
    Headers,
    HttpUrl,
    Listen,
    NotNegative,
    NumberLimit,
    OptionalHttpsUrl,
    OptionalHttpUrl,
    OptionalListen,
    OptionalWebsocketUrl,
    Place,
    Positive,
    Refused,
    RequiredListen,
    Secret,
    Switch,
    TelegramChatIds,
    TelegramUserIds,
    TimeZone,
    UserIds,
    Whole,
    WholeLimit,
    WholeOrNone,
    Words,
)
from bot.config.languages import known_code, known_codes
from bot.domain.quota import Window
from bot.domain.text import Text


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


class Discord(Section):
    token: Secret = SecretStr("")
    guild_ids: DiscordIds = ()
    admin_ids: DiscordIds = ()
    allowed_guild_ids: DiscordIds = ()
    """Empty: any guild that invites the bot."""
    api_base_url: HttpUrl = "https://discord.com/api/v10"
    gateway_url: OptionalWebsocketUrl = ""
    """Empty: Discord's own."""
    progress_interval: Positive = 2.0
    """Seconds between edits of one message."""
    previews: Switch = True
    """Show unfinished pictures while they are painted."""


class Webhook(Section):
    url: OptionalHttpsUrl = ""
    listen: RequiredListen = Listen("127.0.0.1", 8443)
    secret_token: Secret = SecretStr("")


class Telegram(Section):
    token: Secret = SecretStr("")
    admin_ids: TelegramUserIds = ()
    allowed_chat_ids: TelegramChatIds = ()
    """Empty: everyone who finds the bot."""
    api_base_url: HttpUrl = "https://api.telegram.org"
    progress_interval: Positive = 4.0
    """Seconds between edits of one message in a group."""
    previews: Switch = True
    """Show unfinished pictures while they are painted."""
    group_admins: Switch = True
    """A group's own administrators may cancel and block there."""
    webhook: Webhook | None = None
    """None: long polling."""


def _server_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,40}", name):
        raise Refused(Text("must be a short name of letters, digits, . _ and -"))
    return name


class ComfyServer(Section):
    name: Annotated[str, AfterValidator(_server_name)] = "local"
    url: HttpUrl = "http://127.0.0.1:8188"
    """Without a slash at the end; it may hold a path prefix."""
    headers: Headers = Field(default_factory=dict)

    def plain_headers(self) -> dict[str, str]:
        """The headers with their secrets, for the wire only."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}


class Queue(Section):
    max_waiting: Whole = 500
    """Jobs of the whole bot."""
    affinity_slack: NotNegative = 30.0
    """GPU seconds."""
    job_timeout: Positive = 900.0
    """Seconds without any sign of life."""
    shutdown_seconds: NotNegative = 30.0
    """How long a stopping bot waits for what runs."""


class Quota(Section):
    window: Window = Window.DAY
    """Calendar days in ``timezone``, or the last 24 hours."""


class Tier(Section):
    """What a user of this tier may use. None is unlimited, 0 is nothing."""

    weight: Annotated[Positive, Field(le=1000)] = 1.0
    max_waiting: Whole = 10
    gpu_seconds_per_day: NumberLimit = None
    jobs_per_day: WholeLimit = None
    max_pixels: Whole = 2_097_152
    max_count: Whole = 4
    discord_role_ids: DiscordIds = ()
    user_ids: UserIds = ()


Nsfw = Literal["allow", "spoiler", "nsfw-channels", "block"]


class PlaceRules(Section):
    """What else holds in one Discord server or Telegram chat."""

    place: Place
    blocked_words: Words = ()
    """Besides those of the whole bot."""
    nsfw: Nsfw | None = None
    """None: as in the whole bot."""
    templates: Words = ()
    """Names of those that may be used there. Empty: all."""


def _distinct_places(places: tuple[PlaceRules, ...]) -> tuple[PlaceRules, ...]:
    names = [each.place for each in places]
    for name in names:
        if names.count(name) > 1:
            raise Refused(Text("{place} has two sections. Put its rules into one", place=name))
    return places


def _list_of_places(value: Any) -> Any:
    if isinstance(value, dict):
        raise Refused(Text("needs two brackets, [[moderation.places]]: each such section is one place"))
    return value


class Moderation(Section):
    blocked_words: Words = ()
    nsfw: Nsfw = "spoiler"
    hook_url: OptionalHttpUrl = ""
    """Asked about every text. Empty: nobody is."""
    hook_headers: Headers = Field(default_factory=dict)
    hook_seconds: Positive = 3.0
    """How long it may take."""
    hook_down: Literal["allow", "refuse"] = "refuse"
    """What happens to texts while it does not answer."""
    warnings: WholeOrNone = 0
    """After so many refused texts within ``warnings_days`` somebody is blocked; 0: never."""
    warnings_days: Positive = 7.0
    block_hours: Positive = 24.0
    places: Annotated[
        tuple[PlaceRules, ...], AfterValidator(_distinct_places), BeforeValidator(_list_of_places)
    ] = ()

    def plain_hook_headers(self) -> dict[str, str]:
        """The headers with their secrets, for the wire only."""
        return {name: value.get_secret_value() for name, value in self.hook_headers.items()}


class Retention(Section):
    pictures_days: Whole = 30


class Web(Section):
    listen: OptionalListen = None
    token: Secret = SecretStr("")
    """Opens the operator's page. Empty: one is drawn and kept in the data directory."""
    guests: Switch = False
    """Whoever reaches the page may paint, without the token."""
    hosts: Words = ()
    """Names under which the page is reached, besides its own address: behind a reverse proxy."""


class Metrics(Section):
    listen: OptionalListen = None


class Log(Section):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "warning"


def _list_of_servers(value: Any) -> Any:
    if isinstance(value, dict):
        raise Refused(Text("needs two brackets, [[comfyui]]: each such section is one server"))
    return value


def _distinct(servers: tuple[ComfyServer, ...]) -> tuple[ComfyServer, ...]:
    names = [server.name for server in servers]
    for name in names:
        if names.count(name) > 1:
            raise Refused(Text("two servers are named “{name}”. Give each its own name", name=name))
    return servers


def _with_default(tiers: dict[str, Tier]) -> dict[str, Tier]:
    default = tiers.get("default", Tier())
    if default.discord_role_ids or default.user_ids:
        raise Refused(Text("the default tier is everyone's. Give roles and users to another tier"))
    return {"default": default, **tiers}


def _language(code: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code):
        raise Refused(Text("must be the code of a language, like en or pt-BR"))
    known = known_code(code)
    if known is None:
        raise Refused(
            Text(
                "the bot does not speak {language}. It speaks {known}",
                language=code,
                known=", ".join(known_codes()),
            )
        )
    return known


class Settings(Section):
    """All settings. Paths are absolute."""

    data_dir: DataDir
    workflows_dir: ExistingDir
    language: Annotated[str, AfterValidator(_language)] = "en"
    timezone: TimeZone = "UTC"
    """IANA name; when a quota day begins."""
    discord: Discord | None = None
    telegram: Telegram | None = None
    comfyui: Annotated[
        tuple[ComfyServer, ...], AfterValidator(_distinct), BeforeValidator(_list_of_servers)
    ] = ()
    """The first is the default. Empty: the embedded engine."""
    queue: Queue = Queue()
    quota: Quota = Quota()
    tiers: Annotated[dict[str, Tier], AfterValidator(_with_default)] = Field(
        default_factory=lambda: {"default": Tier()}
    )
    moderation: Moderation = Moderation()
    retention: Retention = Retention()
    web: Web = Web()
    metrics: Metrics = Metrics()
    log: Log = Log()

    @property
    def database(self) -> Path:
        return self.data_dir / "fairbrush.db"
