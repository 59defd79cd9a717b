"""Fairbrush in Telegram. Only here is python-telegram-bot known."""
