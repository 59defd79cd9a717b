"""What a button means, as the few bytes that travel with it. PURE.

``v1:<verb>:<request>:<index>[:…]``, at most 64 bytes (Telegram's ``callback_data``; Discord's ``custom_id``
may have 100 characters). Buttons are stateless: they work after a restart and for old messages, because all
they say is looked up in the store, and who may press them is decided when they are pressed. Nothing here is
a secret: what comes back may be forged, and is judged like typed text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from bot.domain.ids import JobId, RequestId

VERSION = "v1"
MOST_BYTES = 64
_MOST_INDEX = 999
_MOST_MINUTES = 2**31


class Rule(Enum):
    """Who may press. The use cases check it again, whatever a front-end did."""

    OWNER_ONLY = "owner only"
    """Not even an operator: it is about one person's own data."""
    OWNER_OR_ADMIN = "owner or admin"
    ANYONE_AS_SELF = "anyone as self"
    """Whoever presses asks in their own name, with their own quota."""
    ADMIN = "admin"


class Verb(StrEnum):
    """On a request, or one picture of it. The words are on the wire: never change one, only add."""

    REROLL = "reroll"
    """The same words with another seed; after a failure or a cancel: the same once more."""
    VARIATION = "vary"
    UPSCALE = "upscale"
    EDIT = "edit"
    DELETE = "delete"
    CANCEL = "cancel"
    SHOW = "show"
    SETTINGS = "info"
    """Show what it was made with."""
    AGAIN = "again"
    """Imagine it again as me: of somebody else's request."""
    ORIGINAL = "original"
    """One picture as the file that it is, where a platform makes pictures smaller."""


class Listing(StrEnum):
    """Cards that have pages, or are reached by a button."""

    QUEUE = "queue"
    TEMPLATES = "templates"
    TEMPLATE = "template"
    """``subject``: :func:`mark` of a template's name."""
    RESULTS = "results"
    QUOTA = "quota"
    HELP = "help"
    SETTINGS = "settings"
    PRIVACY = "privacy"
    ADMIN_QUEUE = "aqueue"
    AUDIT = "audit"


class Danger(StrEnum):
    """What is asked about twice."""

    ERASE = "erase"
    """All that is kept about oneself."""
    UNLINK = "unlink"
    DRAIN = "drain"
    PAUSE = "pause"
    CANCEL = "cancel"
    """Somebody's jobs; ``subject``: a job, a request or a user."""
    RESET = "reset"
    BLOCK = "block"
    DISABLE = "disable"
    """A template; ``subject``: its :func:`mark`."""


@dataclass(frozen=True, slots=True)
class OnRequest:
    """``index``: 0 is the whole request, n its picture n (so that the job is ``<request>-n``).
    ``file``: which of a picture's files, from 0, for templates that save several."""

    verb: Verb
    request: RequestId
    index: int = 0
    file: int = 0

    @property
    def job(self) -> JobId | None:
        return JobId(f"{self.request}-{self.index}") if self.index else None


@dataclass(frozen=True, slots=True)
class OnPage:
    """Turn to a page (from 0). ``owner``: :func:`mark` of the identity whose list it is, "" for anybody."""

    listing: Listing
    page: int = 0
    owner: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class OnSetting:
    """Set one of one's own defaults. Both are plain words (``private``, ``on``); a template goes by its
    :func:`mark`."""

    name: str
    value: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class OnQuestion:
    """The answer to "are you sure?". ``until``: minutes since 1970 after which it is asked anew."""

    danger: Danger
    agreed: bool
    until: int
    owner: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class OnExample:
    """Paint the example of that number, or (None) the bare text that this message answers, in one's own
    name. The text is looked up, never carried."""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class OnPicture:
    """Paint something from a picture that was handed in, and is kept under ``key`` for a while."""

    key: str


Action = OnRequest | OnPage | OnSetting | OnQuestion | OnExample | OnPicture

RULES: Mapping[Verb | Danger, Rule] = MappingProxyType(
    {
        Verb.REROLL: Rule.OWNER_OR_ADMIN,
        Verb.VARIATION: Rule.OWNER_OR_ADMIN,
        Verb.UPSCALE: Rule.OWNER_OR_ADMIN,
        Verb.EDIT: Rule.OWNER_OR_ADMIN,
        Verb.DELETE: Rule.OWNER_OR_ADMIN,
        Verb.CANCEL: Rule.OWNER_OR_ADMIN,
        Verb.SHOW: Rule.OWNER_OR_ADMIN,
        Verb.ORIGINAL: Rule.OWNER_OR_ADMIN,
        Verb.SETTINGS: Rule.ANYONE_AS_SELF,
        Verb.AGAIN: Rule.ANYONE_AS_SELF,
        Danger.ERASE: Rule.OWNER_ONLY,
        Danger.UNLINK: Rule.OWNER_ONLY,
        Danger.DRAIN: Rule.ADMIN,
        Danger.PAUSE: Rule.ADMIN,
        Danger.CANCEL: Rule.ADMIN,
        Danger.RESET: Rule.ADMIN,
        Danger.BLOCK: Rule.ADMIN,
        Danger.DISABLE: Rule.ADMIN,
    }
)
"""Who may do what. A private request is its owner's alone, operators aside, whatever stands here."""

_ADMIN_LISTS = frozenset({Listing.ADMIN_QUEUE, Listing.AUDIT})


def rule_of(action: Action) -> Rule:
    match action:
        case OnRequest(verb=verb):
            return RULES[verb]
        case OnQuestion(danger=danger):
            return RULES[danger]
        case OnPage(listing=listing) if listing in _ADMIN_LISTS:
            return Rule.ADMIN
        case OnPage(owner=""):
            return Rule.ANYONE_AS_SELF
        case OnPage() | OnSetting():
            return Rule.OWNER_ONLY
        case OnExample() | OnPicture():
            return Rule.ANYONE_AS_SELF


def may_press(rule: Rule, *, owner: bool, admin: bool, private: bool = False) -> bool:
    """``private``: the request that the button stands on is its owner's alone."""
    match rule:
        case Rule.OWNER_ONLY:
            return owner
        case Rule.OWNER_OR_ADMIN:
            return owner or admin
        case Rule.ADMIN:
            return admin
        case Rule.ANYONE_AS_SELF:
            return owner or admin or not private


def mark(name: str) -> str:
    """Ten letters and digits that stand for a name of any length, of any script."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]


_REQUEST = re.compile(r"[0-9a-z]{1,20}")
_MARK = re.compile(r"[0-9a-f]{10}|")
_NAME = re.compile(r"[a-z_]{1,20}")
_VALUE = re.compile(r"[0-9a-z_.:-]{0,24}")
_SUBJECT = re.compile(r"[!-~]{0,40}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_NOBODY = "-"
_LISTINGS = MappingProxyType({str(listing): listing for listing in Listing})
_DANGERS = MappingProxyType({str(danger): danger for danger in Danger})


def encode(action: Action) -> str:
    """At most :data:`MOST_BYTES` of ASCII. Raises ValueError for an action that cannot be said in that."""
    text = ":".join((VERSION, *_parts(action)))
    if decode(text) != action:
        raise ValueError(f"{action} cannot be a button: {text}")
    return text


def _parts(action: Action) -> tuple[str, ...]:
    match action:
        case OnRequest(verb, request, index, 0):
            return verb, request, str(index)
        case OnRequest(verb, request, index, file):
            return verb, request, str(index), str(file)
        case OnPage(listing, page, owner, subject):
            return "page", listing, str(page), owner, subject
        case OnSetting(name, value, owner):
            return "set", name, "0", owner, value
        case OnQuestion(danger, agreed, until, owner, subject):
            return "yes" if agreed else "no", danger, str(until), owner, subject
        case OnExample(None):
            return "paint", _NOBODY, "0"
        case OnExample(number):
            return "try", _NOBODY, str(number)
        case OnPicture(key):
            return "from", key, "0"


def decode(text: str) -> Action | None:
    """None for everything that :func:`encode` does not write: forged, truncated, of another version."""
    if len(text) > MOST_BYTES:
        return None
    version, *parts = text.split(":", 5)
    if version != VERSION or len(parts) < 3:
        return None
    read = _READERS.get(parts[0])
    return None if read is None else read(parts)


def _on_request(parts: list[str]) -> Action | None:
    match parts:
        case [verb, request, index]:
            file: int | None = 0
        case [verb, request, index, file_text]:
            # Zero is never written: each action has one spelling.
            file = _number(file_text, _MOST_INDEX) or None
        case _:
            return None
    number = _number(index, _MOST_INDEX)
    if number is None or file is None or not _REQUEST.fullmatch(request):
        return None
    return OnRequest(Verb(verb), RequestId(request), number, file)


def _on_page(parts: list[str]) -> Action | None:
    match parts:
        case [_, listing, page, owner, subject] if listing in _LISTINGS:
            number = _number(page, _MOST_INDEX)
            if number is not None and _MARK.fullmatch(owner) and _SUBJECT.fullmatch(subject):
                return OnPage(_LISTINGS[listing], number, owner, subject)
    return None


def _on_setting(parts: list[str]) -> Action | None:
    match parts:
        case [_, name, "0", owner, value] if _NAME.fullmatch(name) and _VALUE.fullmatch(value):
            return OnSetting(name, value, owner) if _MARK.fullmatch(owner) else None
    return None


def _on_question(parts: list[str]) -> Action | None:
    match parts:
        case [answer, danger, until, owner, subject] if danger in _DANGERS:
            minutes = _number(until, _MOST_MINUTES)
            if minutes is not None and _MARK.fullmatch(owner) and _SUBJECT.fullmatch(subject):
                return OnQuestion(_DANGERS[danger], answer == "yes", minutes, owner, subject)
    return None


def _on_example(parts: list[str]) -> Action | None:
    match parts:
        case ["paint", "-", "0"]:
            return OnExample()
        case ["try", "-", text]:
            number = _number(text, _MOST_INDEX)
            return None if number is None else OnExample(number)
    return None


def _on_picture(parts: list[str]) -> Action | None:
    match parts:
        case ["from", key, "0"] if _REQUEST.fullmatch(key):
            return OnPicture(key)
    return None


def _number(text: str, most: int) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= most else None


_READERS: Mapping[str, Callable[[list[str]], Action | None]] = MappingProxyType(
    {
        **dict.fromkeys(map(str, Verb), _on_request),
        "page": _on_page,
        "set": _on_setting,
        "yes": _on_question,
        "no": _on_question,
        "try": _on_example,
        "paint": _on_example,
        "from": _on_picture,
    }
)
