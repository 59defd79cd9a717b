"""Use cases. They speak the ports of :mod:`bot.service.ports` and know no adapter."""
