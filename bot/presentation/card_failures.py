"""Each failure in the words of a card: what happened, whose fault it was, whether trying again helps. PURE.

What exactly happened is the error's own sentence. This table adds what a stored job still knows of its
error: the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from bot.domain.text import Text


class Fault(Enum):
    ASKED = "asked"
    """Nothing is broken: it cannot be had like that."""
    BUSY = "busy"
    """Nothing is broken: not now."""
    RULES = "rules"
    """Nothing is broken: the operator does not want it."""
    SIZE = "size"
    SERVER = "server"
    WORKFLOW = "workflow"
    BOT = "bot"
    SOMEBODY = "somebody"

    @property
    def text(self) -> Text | None:
        return _FAULTS[self]


_FAULTS: Mapping[Fault, Text | None] = MappingProxyType(
    {
        Fault.ASKED: None,
        Fault.BUSY: None,
        Fault.RULES: None,
        Fault.SIZE: Text("Nobody's fault: it needs more memory than there is."),
        Fault.SERVER: Text("The fault is the server's, not yours."),
        Fault.WORKFLOW: Text("The fault is the workflow's, not yours. Its operator can repair it."),
        Fault.BOT: Text("The fault is the bot's, not yours."),
        Fault.SOMEBODY: Text("Nobody's fault: somebody who may do so stopped it at the server."),
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Of a failure. ``again``: the very same may work another time."""

    headline: Text
    fault: Fault
    again: bool
    incident: bool = True
    """Whether the operator may be asked about it."""


def _asked(headline: Text) -> Kind:
    return Kind(headline, Fault.ASKED, again=False, incident=False)


def _rules(headline: Text) -> Kind:
    return Kind(headline, Fault.RULES, again=False, incident=False)


def _busy(headline: Text) -> Kind:
    return Kind(headline, Fault.BUSY, again=True, incident=False)


def _server(headline: Text) -> Kind:
    return Kind(headline, Fault.SERVER, again=True)


def _workflow(headline: Text) -> Kind:
    return Kind(headline, Fault.WORKFLOW, again=False)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "usage": _asked(Text("That cannot be done")),
        "flag": _asked(Text("I could not read that")),
        "parameter": _asked(Text("A setting does not fit")),
        "image": _asked(Text("That picture cannot be used")),
        "template_not_found": _asked(Text("There is no such template")),
        "config": Kind(Text("The bot is not set up rightly"), Fault.BOT, again=False),
        "already_running": Kind(Text("Another bot is at work"), Fault.BOT, again=False),
        "database": Kind(Text("The bot cannot read its database"), Fault.BOT, again=False),
        "denied": _rules(Text("That is not allowed")),
        "quota": _busy(Text("Your share of the graphics card is used up")),
        "too_many_waiting": _busy(Text("You have enough pictures in line")),
        "queue_full": _busy(Text("The queue is full")),
        "not_accepting": _busy(Text("Nothing new is taken right now")),
        "blocked": _rules(Text("You cannot use this bot at the moment")),
        "words_blocked": _rules(Text("These words are not allowed here")),
        "check_unavailable": _busy(Text("Your text cannot be checked right now")),
        "nsfw": _rules(Text("That template is not for this place")),
        "template_not_here": _rules(Text("This place has other templates")),
        "too_big_for_gpu": _asked(Text("That is too big for the graphics card")),
        "quarantined": Kind(Text("This template is resting"), Fault.WORKFLOW, again=True, incident=False),
        "no_server_can": Kind(Text("No server can paint this"), Fault.SERVER, again=True, incident=False),
        "not_yours": _rules(Text("That is somebody else's")),
        "private": _rules(Text("That is private")),
        "not_allowed": _rules(Text("That is not for you to do")),
        "not_found": _asked(Text("Not found")),
        "censor": Kind(Text("Your text could not be checked"), Fault.BOT, again=True),
        "store": Kind(Text("The bot cannot write anything down"), Fault.BOT, again=True),
        "template": _workflow(Text("The template does not work")),
        "output": Kind(Text("The picture could not be kept"), Fault.BOT, again=True),
        "backend": _server(Text("The server did not do it")),
        "server_unreachable": _server(Text("The server does not answer")),
        "authentication": _server(Text("The server does not let the bot in")),
        "protocol": _server(Text("The server gave an answer that makes no sense")),
        "graph_rejected": _workflow(Text("The server refused the workflow")),
        "node_failed": _workflow(Text("The workflow failed")),
        "out_of_memory": Kind(Text("The graphics card ran out of memory"), Fault.SIZE, again=False),
        "interrupted": Kind(Text("It was stopped at the server"), Fault.SOMEBODY, again=True),
        "run_lost": _server(Text("The server lost the picture")),
        "timed_out": _server(Text("The server gave no sign of life")),
        "nothing_painted": _workflow(Text("The workflow made no picture")),
        "server_wedged": _server(Text("The server is stuck")),
        "failed": Kind(Text("That did not work"), Fault.BOT, again=True),
    }
)
"""By :attr:`~bot.domain.errors.FairbrushError.code`."""


def kind_of(code: str) -> Kind:
    """An older or newer version of the bot may have written a code that this one does not know."""
    return KINDS.get(code, KINDS["failed"])
