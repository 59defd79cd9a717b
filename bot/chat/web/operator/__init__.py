"""The operator's page: who waits and why, what was painted, who used what, and the ways to change it.

Everything that changes something goes the way that an operator's command goes in chat
(:class:`bot.service.admin.AdminCommands`), so that questions, permissions and the audit log are the same.
"""

from __future__ import annotations

from bot.chat.web.operator.page import OperatorPage

__all__ = ["OperatorPage"]
