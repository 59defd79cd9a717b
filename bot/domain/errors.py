"""One tree of errors. Each carries a sentence for the person and, apart from it, a cause for the log.

::

    FairbrushError
    ├── UserError                  the person asked for something that cannot be (exit code 2)
    │   ├── FlagError              the line of text cannot be read
    │   ├── ParameterError         a value is outside what the template allows
    │   ├── ImageRefused           an input image that is no image, or too large
    │   ├── TemplateNotFound
    │   ├── ConfigError            config.toml or the environment
    │   │   ├── AlreadyRunning     another bot works in this data directory
    │   │   └── DatabaseUnusable   corrupted, or written by a newer Fairbrush; nothing was changed
    │   └── Denied                 allowed in itself, but not to this person now
    │       ├── QuotaUsedUp        GPU seconds or jobs of the day
    │       ├── TooManyWaiting     of one's own jobs
    │       ├── QueueIsFull        the whole bot's
    │       ├── NotAccepting       draining, or shutting down
    │       ├── Blocked            by an operator
    │       ├── WordsBlocked       a word that the operator does not want
    │       ├── CheckUnavailable   texts are refused as long as the operator's check of them is down
    │       ├── NsfwRefused        a template for adults, where it may not be used
    │       ├── TemplateNotHere    a template that the rules of the place do not name
    │       ├── TooBigForGpu       every server ran out of memory at less
    │       ├── Quarantined        a template that kept failing
    │       ├── NoServerCan        no server has the nodes and models
    │       ├── NotYours           somebody else's job
    │       │   └── IsPrivate      and not even to be imagined again
    │       ├── NotAllowed         an operator's command, or a moderator's elsewhere
    │       └── NotFound           no such job, user or tier
    ├── StoreUnavailable           the database cannot be written: disk full, locked, read-only
    ├── TemplateError              a workflow file or its sidecar is not usable
    ├── OutputError                finished pictures cannot be written here
    ├── CensorFailed               the operator's check of texts gave no answer, or one that makes no sense
    └── BackendError               a ComfyUI server did not do it (exit code 1)
        ├── ServerUnreachable      no answer: down, wrong address, network
        ├── AuthenticationFailed   401 or 403
        ├── ProtocolError          an answer that no ComfyUI server would give
        ├── GraphRejected          the graph did not validate
        ├── NodeFailed             a node raised
        │   └── OutOfMemory
        ├── RunInterrupted         stopped by somebody
        ├── RunLost                the server forgot the run (restart); safe to submit again
        ├── RunTimedOut            no sign of life
        ├── NothingPainted         it ran and left nothing
        └── ServerWedged           runs without progress and ignores interrupts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.domain.text import Text


class FairbrushError(Exception):
    """Base of all failures that a person can cause or meet.

    ``text`` is one sentence (or two) for the person: what happened, whose fault, what to do.
    ``cause`` is for the log: ids, statuses, the library's own words. Never shown, never translated.
    """

    code: ClassVar[str] = "failed"
    """Stable word for scripts (``--json``) and for the troubleshooting page."""

    def __init__(self, text: Text, *, cause: str = "") -> None:
        super().__init__(str(text))
        self.text = text
        self.cause = cause


class UserError(FairbrushError):
    """The person asked for something that cannot be; nothing was started."""

    code = "usage"


class FlagError(UserError):
    code = "flag"


class ParameterError(UserError):
    """A value that the template does not allow. ``parameter`` is its name."""

    code = "parameter"

    def __init__(self, parameter: str, text: Text, *, cause: str = "") -> None:
        super().__init__(text, cause=cause)
        self.parameter = parameter


class ImageRefused(UserError):
    code = "image"


class TemplateNotFound(UserError):
    code = "template_not_found"


class ConfigError(UserError):
    code = "config"


class TemplateError(FairbrushError):
    code = "template"


class OutputError(FairbrushError):
    code = "output"


class CensorFailed(FairbrushError):
    """Of the check that an operator runs; people are told :class:`CheckUnavailable`, if anything."""

    code = "censor"


class BackendError(FairbrushError):
    code = "backend"


class ServerUnreachable(BackendError):
    code = "server_unreachable"


class AuthenticationFailed(BackendError):
    code = "authentication"


class ProtocolError(BackendError):
    code = "protocol"


@dataclass(frozen=True, slots=True)
class GraphProblem:
    """One reason why a server refused a graph.

    ``title`` is the node's title in the export, else its class; ``value`` what was sent, ``allowed``
    what would be, ``nearest`` the closest allowed choice. Empty strings where a server does not say.
    """

    node_id: str
    title: str
    class_type: str
    input: str
    kind: str
    """The server's own word, e.g. ``value_not_in_list``."""
    value: str = ""
    allowed: str = ""
    nearest: str = ""
    message: str = ""


class GraphRejected(BackendError):
    code = "graph_rejected"

    def __init__(self, text: Text, problems: tuple[GraphProblem, ...], *, cause: str = "") -> None:
        super().__init__(text, cause=cause)
        self.problems = problems


class NodeFailed(BackendError):
    code = "node_failed"

    def __init__(self, text: Text, *, node_id: str, class_type: str, message: str, cause: str = "") -> None:
        super().__init__(text, cause=cause)
        self.node_id = node_id
        self.class_type = class_type
        self.message = message


class OutOfMemory(NodeFailed):
    code = "out_of_memory"


class RunInterrupted(BackendError):
    code = "interrupted"


class RunLost(BackendError):
    code = "run_lost"


class RunTimedOut(BackendError):
    code = "timed_out"


class NothingPainted(BackendError):
    code = "nothing_painted"


class ServerWedged(BackendError):
    code = "server_wedged"


class AlreadyRunning(ConfigError):
    code = "already_running"


class DatabaseUnusable(ConfigError):
    code = "database"


class Denied(UserError):
    code = "denied"


class QuotaUsedUp(Denied):
    code = "quota"


class TooManyWaiting(Denied):
    code = "too_many_waiting"


class QueueIsFull(Denied):
    code = "queue_full"


class NotAccepting(Denied):
    code = "not_accepting"


class Blocked(Denied):
    code = "blocked"


class WordsBlocked(Denied):
    code = "words_blocked"


class CheckUnavailable(Denied):
    code = "check_unavailable"


class NsfwRefused(Denied):
    code = "nsfw"


class TemplateNotHere(Denied):
    code = "template_not_here"


class TooBigForGpu(Denied):
    code = "too_big_for_gpu"


class Quarantined(Denied):
    code = "quarantined"


class NoServerCan(Denied):
    code = "no_server_can"


class NotYours(Denied):
    code = "not_yours"


class IsPrivate(NotYours):
    """It may not even be imagined again."""

    code = "private"


class NotAllowed(Denied):
    """For operators, or for who looks after a place, and the person is not one of them."""

    code = "not_allowed"


class NotFound(Denied):
    code = "not_found"


class StoreUnavailable(FairbrushError):
    """What was asked for has not been written, and nothing of it will be."""

    code = "store"
