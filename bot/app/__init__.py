"""Composition root: settings in, connected parts out."""

from bot.app.backends import Opened, configured_server, open_backend, temporary_folder

__all__ = ["Opened", "configured_server", "open_backend", "temporary_folder"]
