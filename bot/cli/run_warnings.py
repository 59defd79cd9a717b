"""What ``fairbrush run`` looks at before it begins: what is wrong, and what may not be meant."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from bot.cli.tokens import not_for_discord, not_for_telegram
from bot.config import Settings
from bot.domain.errors import ConfigError
from bot.domain.text import Text


def refuse_other_tokens(settings: Settings) -> None:
    """Raises ConfigError for what cannot be a platform's token: it shall get to see no other's."""
    found = {
        "discord.token": settings.discord and not_for_discord(settings.discord.token.get_secret_value()),
        "telegram.token": settings.telegram and not_for_telegram(settings.telegram.token.get_secret_value()),
    }
    for key, why in found.items():
        if why:
            raise ConfigError(Text("{key}: {reason}", key=key, reason=why))


def open_doors(settings: Settings) -> Iterator[str]:
    """Addresses that other machines reach."""
    for key, listen, what in (
        ("web.listen", settings.web.listen, "the page, in plain HTTP: put a proxy with TLS before it"),
        ("metrics.listen", settings.metrics.listen, "the metrics, which ask for no token"),
    ):
        if listen is not None and is_public(listen.host):
            yield f"{key}: other machines may reach {what} (docs/security.md)."


def is_public(host: str) -> bool:
    """Whether other machines may reach what listens there."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() != "localhost"
