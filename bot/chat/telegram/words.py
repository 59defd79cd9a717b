"""Commands that do not paint, as people type them in Telegram: who is named, and who is answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.chat.telegram.updates import Incoming, Mention, Sender, SenderKind
from bot.domain.ids import IdentityId
from bot.presentation.specs import Commands
from bot.service import call_lines
from bot.service.outcomes import Call, CallValue


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom Telegram itself has named."""

    identity: IdentityId
    name: str
    roles: frozenset[str] = frozenset()


def identity_of(number: int) -> IdentityId:
    return IdentityId(f"telegram:{number}")


def name_of(sender: Sender) -> str:
    """As operators can write it: a user name where there is one."""
    return f"@{sender.username}" if sender.username else sender.name or str(sender.id)


def read_call(commands: Commands, name: str, rest: str, message: Incoming) -> Call:
    """Words that mean nothing stay in the call, for whoever answers it to say so. Never raises."""
    mentioned = [(mention.text, _person(mention)) for mention in message.mentions]
    return call_lines.read_call(commands, name, rest, mentioned, _writer(message))


def _writer(message: Incoming) -> Named | None:
    """Who wrote what is answered."""
    sender = message.replied.sender if message.replied is not None else None
    if sender is None or sender.kind is not SenderKind.PERSON:
        return None
    return Named(identity_of(sender.id), name_of(sender))


def _person(mention: Mention) -> CallValue:
    return Named(identity_of(mention.id), mention.name or mention.text) if mention.id else mention.text
