"""The room that everybody on the page shares: its messages, and who sees which of them.

What was asked for is in the store, and the room only remembers which requests it shows: after a restart it
looks the same. What was said to one visitor alone lives in memory, and not for ever.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from bot.chat.web.live import Live, Piece, Where
from bot.chat.web.visitors import Visitor
from bot.domain.ids import IdentityId, RequestId
from bot.presentation.cards import Card, CardState
from bot.presentation.language import Language

MOST_SHOWN = 30
"""Requests that are over, the newest."""
MOST_OPEN = 100
"""Requests that wait or are painted: who asks for more sees the rest when it is done."""
MOST_OWN = 20
"""Answers for one visitor's eyes."""
MOST_VISITORS = 500
"""Who have such answers."""
_MOST_REMOVED = 100
MESSAGES = "messages"
"""The element that holds them."""


@dataclass(eq=False, slots=True)
class Message:
    """``id``: of its element. ``at``: UTC milliseconds. ``only``: whose eyes it is for; None: everybody's.
    ``preview``, ``picture``: addresses of an unfinished picture and of a drawing that belongs to the card.
    ``hidden``: what it shows is for adults."""

    id: str
    at: int
    owner: IdentityId
    author: str
    card: Card
    request: RequestId | None = None
    only: IdentityId | None = None
    preview: str = ""
    picture: tuple[str, str] | None = None
    hidden: bool = False
    answer: bool = False
    """Said to one visitor alone, and not kept."""
    change: int = 0
    """Grows with every change in the room."""
    drawn: dict[str, Markup] = field(default_factory=dict)
    """By language, until it changes."""

    def seen_by(self, visitor: Visitor) -> bool:
        return self.only is None or self.only == visitor.identity


Draw = Callable[[Message, Language], Markup]


class Room:
    """``draw`` makes the HTML of a message. ``now``: UTC milliseconds."""

    def __init__(
        self, live: Live, draw: Draw, languages: Iterable[Language], *, now: Callable[[], int]
    ) -> None:
        self._live = live
        self._draw = draw
        self._languages = tuple(languages)
        self._shown: OrderedDict[RequestId, Message] = OrderedDict()
        self._own: OrderedDict[IdentityId, OrderedDict[str, Message]] = OrderedDict()
        self._removed: deque[tuple[int, str, IdentityId | None]] = deque(maxlen=_MOST_REMOVED)
        # Pages that were open before a restart have numbers of the earlier process: those are smaller.
        self.change = now() * 1000
        self.changed: Callable[[], None] = lambda: None
        """Called when other requests are shown than before."""

    @property
    def requests(self) -> tuple[RequestId, ...]:
        """Those that are shown, the oldest first."""
        return tuple(self._shown)

    def message(self, request: RequestId) -> Message | None:
        return self._shown.get(request)

    def own(self, visitor: IdentityId, message: str) -> Message | None:
        """Something that was said to one visitor alone."""
        return self._theirs(visitor).get(message)

    def seen_by(self, visitor: Visitor) -> list[Message]:
        """In their order."""
        own = self._theirs(visitor.identity).values()
        found = [message for message in self._shown.values() if message.seen_by(visitor)]
        return sorted([*found, *own], key=lambda message: message.at)

    def html(self, message: Message, language: Language) -> Markup:
        if (known := message.drawn.get(language.code)) is None:
            known = message.drawn[language.code] = self._draw(message, language)
        return known

    # What changes

    def put(self, message: Message) -> None:
        """Show a request; one that is shown already changes."""
        assert message.request is not None
        is_new = message.request not in self._shown
        if is_new and self._is_crowded_out(message):
            return
        self._shown[message.request] = message
        self._tell(message)
        self._make_room()
        if is_new:
            self.changed()

    def _is_crowded_out(self, message: Message) -> bool:
        """How a request stands that gave its place to others; its result is shown all the same."""
        waits = not message.card.state.final and message.card.state is not CardState.ACCEPTED
        return waits and sum(not each.card.state.final for each in self._shown.values()) >= MOST_OPEN

    def _make_room(self) -> None:
        for final, most in ((True, MOST_SHOWN), (False, MOST_OPEN)):
            alike = [key for key, each in self._shown.items() if each.card.state.final is final]
            for oldest in alike[: max(0, len(alike) - most)]:
                del self._shown[oldest]

    def say(self, message: Message) -> None:
        """Show something to one visitor; the same id again changes it."""
        assert message.only is not None
        theirs = self._own.setdefault(message.only, OrderedDict())
        self._own.move_to_end(message.only)
        theirs[message.id] = message
        while len(theirs) > MOST_OWN:
            theirs.popitem(last=False)
        while len(self._own) > MOST_VISITORS:
            self._own.popitem(last=False)
        self._tell(message)

    def remove(self, request: RequestId) -> None:
        """Everywhere, also where it was shown once more."""
        message = self._shown.pop(request, None)
        if message is not None:
            self._gone(message)
            self.changed()
        for theirs in self._own.values():
            for own in [each for each in theirs.values() if each.request == request]:
                del theirs[own.id]
                self._gone(own)

    def dismiss(self, visitor: IdentityId, message: str) -> None:
        found = self._theirs(visitor).pop(message, None)
        if found is not None:
            self._gone(found)

    def since(self, change: int, visitor: Visitor) -> Iterator[Piece]:
        """What a page has missed that shows the room as it was at ``change``."""
        for at, gone, only in self._removed:
            if at > change and only in (None, visitor.identity):
                yield Piece(gone, where=Where.REMOVE)
        for message in self.seen_by(visitor):
            if message.change > change:
                yield self._piece(message, visitor.language)

    def _theirs(self, visitor: IdentityId) -> OrderedDict[str, Message]:
        return self._own.get(visitor) or OrderedDict()

    # Telling pages

    def _tell(self, message: Message) -> None:
        self.change += 1
        message.change = self.change
        message.drawn.clear()
        for language in self._languages:
            channel = channel_of(message.only, language)
            if self._live.watchers(channel):
                self._live.put(channel, self._piece(message, language))

    def _piece(self, message: Message, language: Language) -> Piece:
        said = ""
        if message.answer or message.card.state.final:
            headline = language.label(message.card.headline)
            said = headline if message.answer else f"{message.author}: {headline}"
        html = self.html(message, language)
        return Piece(message.id, html, Where.APPEND, into=MESSAGES, say=said)

    def _gone(self, message: Message) -> None:
        self.change += 1
        self._removed.append((self.change, message.id, message.only))
        for language in self._languages:
            self._live.put(channel_of(message.only, language), Piece(message.id, where=Where.REMOVE))


def channel_of(only: IdentityId | None, language: Language) -> str:
    """What is told to everybody who reads a language, or to one visitor."""
    return f"room:{language.code}" if only is None else f"own:{only}:{language.code}"
