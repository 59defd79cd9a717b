"""Settings: ``config.toml`` and the environment, checked and typed.

Importing this package imports pydantic, so ``fairbrush --help`` must not.
"""

from bot.config.fields import Listen, check_url
from bot.config.load import find_config, load_settings
from bot.config.model import ComfyServer, Discord, Queue, Quota, Settings, Telegram, Tier, Webhook
from bot.config.policy import tiers_of
from bot.config.problems import Problem, SettingsRefused

__all__ = [
    "ComfyServer",
    "Discord",
    "Listen",
    "Problem",
    "Queue",
    "Quota",
    "Settings",
    "SettingsRefused",
    "Telegram",
    "Tier",
    "Webhook",
    "check_url",
    "find_config",
    "load_settings",
    "tiers_of",
]
