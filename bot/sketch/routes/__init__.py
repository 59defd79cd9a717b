"""Request handlers, by what they are about."""
