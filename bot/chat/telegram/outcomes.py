"""Carrying out in Telegram what follows from what people do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.chat.telegram.address import Address
from bot.chat.telegram.background import Background
from bot.chat.telegram.calls import Migrated, Refused, Trouble, Unsure
from bot.chat.telegram.originals import picture_of
from bot.chat.telegram.poster import Poster
from bot.chat.telegram.scenes import Scene
from bot.chat.telegram.screen import TelegramScreen
from bot.domain.errors import FairbrushError, NotFound
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_denied import error_card
from bot.presentation.cards import Card, CardState, Code
from bot.presentation.forms import Form
from bot.service import courier
from bot.service.outcomes import Bring, Document, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.reporter import Reporter
from bot.service.store import Store

T = TypeVar("T")
Asked = Callable[[int], Awaitable[None]]
"""A question was sent as this message; 0: it was not."""
PATIENCE = 1.0
"""Seconds that what a person does next waits for what is said to them: a crowded chat takes longer, and holds
up nobody else meanwhile."""


@dataclass(slots=True)
class Outcomes:
    """``poster_in``: by the code of a language. ``username``: the bot's own."""

    poster_in: Callable[[str], Poster]
    screen: TelegramScreen
    reporter: Reporter
    store: Store
    background: Background
    username: Callable[[], str]

    async def carry_out(
        self, scene: Scene, outcome: Outcome, *, turn: bool = False, openly: bool = False
    ) -> Form | None:
        """What has to be filled in first, if anything. ``turn``: a card may take the place of the one that
        was pressed on. ``openly``: it is the group's business, so that the group may read it."""
        match outcome:
            case Tell(card=card):
                said = replace(outcome, card=replace(card, private=card.private and not openly))
                await self._patiently(scene, self._tell(scene, said, turn=turn))
            case Follow(requests=requests):
                for request in requests:
                    self.reporter.follow(request)
            case Open(form=form):
                return form
            case Bring(request=request, index=0):
                await self._patiently(scene, self._bring(scene, request))
            case Bring(request=request, index=index, file=file):
                await self._patiently(
                    scene, self._original(scene, OnRequest(Verb.ORIGINAL, request, index, file))
                )
            case Remove(request=request):
                await self.remove(scene, request)
            case Nothing():
                pass
        return None

    async def tell(self, scene: Scene, card: Card) -> None:
        """A card in a message of its own."""
        await self._patiently(scene, self._say(scene, card))

    async def ask(self, scene: Scene, card: Card, asked: Asked) -> None:
        """A question that is answered by a reply."""

        async def ask() -> None:
            poster = self.poster_in(scene.language)
            answer = await self._new(scene.address, lambda place: poster.ask(place, card))
            await asked(answer.message if isinstance(answer, Address) else 0)

        await self._patiently(scene, ask())

    async def whisper(self, scene: Scene, card: Card) -> None:
        """To the person alone; where Telegram does not let us write to them, where they are."""

        async def whisper() -> None:
            if not await self._directly(scene, card):
                await self._say(scene, card)

        await self._patiently(scene, whisper())

    async def reaches(self, scene: Scene) -> bool:
        """Whether Telegram lets us write to the person alone; if not, they are told what to do."""
        direct = scene.address.direct()
        poster = self.poster_in(scene.language)
        answer = await self._in_turn(direct, lambda: poster.say_that_a_picture_comes(direct))
        if not isinstance(answer, Gone | Refused):
            return True
        await self.tell(scene, self._closed())
        return False

    async def remove(self, scene: Scene, request: RequestId) -> Text | None:
        """Take away the message that was pressed on, with its pictures. Why it stays, if it does."""
        record = await self.store.request(request)
        if record is None:
            return None
        theirs = replace(record, reply=_reply_of(scene, record.reply))
        # It makes no message, so it need not wait for its turn unless Telegram says so.
        answer = await self.screen.remove(theirs)
        if isinstance(answer, RetryAfter | Transient):
            answer = await self._in_turn(scene.address, lambda: self.screen.remove(theirs))
        if answer is None or isinstance(answer, Gone):
            return None
        said = Text(
            "What was kept of it is erased. Telegram lets no bot delete a message that is older than two "
            "days: delete this one yourself."
        )
        at = Address.from_text(theirs.reply or "")
        if at is not None:
            await self._turn(scene, at, Card(CardState.EXPIRED, Text("Deleted"), lines=(said,)))
        return said

    # Cards

    async def _tell(self, scene: Scene, said: Tell, *, turn: bool) -> None:
        card, grouped = said.card, scene.address.is_group
        document = await said.file(self.poster_in(scene.alone().language).language)
        if document is not None:
            await self._send_document(scene, card, document)
        elif card.private and grouped:
            if not await self._directly(scene, card):
                await self._say(scene, self._closed())
        elif turn and scene.card is not None:
            await self._turn(scene, scene.card, card)
        else:
            await self._say(scene, card)

    async def _turn(self, scene: Scene, at: Address, card: Card) -> None:
        """The card that was pressed on becomes another."""
        poster = self.poster_in(scene.language)
        answer = await self._in_turn(at, lambda: poster.redraw(at, card))
        if not isinstance(answer, Address):
            await self._say(scene, card)

    async def _say(self, scene: Scene, card: Card) -> None:
        poster = self.poster_in(scene.language)
        await self._new(scene.address, lambda place: poster.say(place, card))

    async def _directly(self, scene: Scene, card: Card) -> bool:
        """Whether it came through, or may have."""
        alone = scene.alone()
        poster = self.poster_in(alone.language)
        place = alone.address if scene.address.is_group else scene.address
        answer = await self._in_turn(place, lambda: poster.say(place, card))
        return isinstance(answer, Address | Unsure)

    async def _send_document(self, scene: Scene, card: Card, document: Document) -> None:
        alone = scene.alone()
        poster = self.poster_in(alone.language)
        place = alone.address
        if document.is_picture and not poster.fits_below(card):
            # The words first, for they say more; below the picture stands what it shows.
            answer = await self._in_turn(place, lambda: poster.say(place, card))
            card = Card(CardState.INFO, Text("{alt}", alt=document.alt), private=True)
            if isinstance(answer, Address):
                await self._in_turn(place, lambda: poster.send_document(place, card, document))
        else:
            answer = await self._in_turn(place, lambda: poster.send_document(place, card, document))
        if not isinstance(answer, Address | Unsure):
            await self._say(scene, self._closed())

    def _closed(self) -> Card:
        return Card(
            CardState.INFO,
            Text("That is for your eyes alone"),
            lines=(
                Text(
                    "Open a chat with me and press Start, then ask again: {bot}",
                    bot=Code(f"@{self.username()}"),
                ),
            ),
        )

    # Results

    async def _bring(self, scene: Scene, request: RequestId) -> None:
        outcome = await self.reporter.bring(request, scene.address.to_text())
        match outcome:
            case courier.Nowhere() if scene.address.is_group:
                await self._say(scene, self._closed())
            case courier.Nowhere() | courier.Later():
                lost = FairbrushError(Text("It cannot be shown right now. It is kept: ask again later."))
                await self._say(scene, error_card(lost))

    async def _original(self, scene: Scene, action: OnRequest) -> None:
        """One picture as the file that was painted."""
        picture = await picture_of(self.store, action)
        answer: Address | Trouble = Gone()
        if picture is not None:
            answer = await self._new(scene.address, lambda place: self.screen.original(place, picture))
        if not isinstance(answer, Address | Unsure):
            lost = NotFound(Text("This file is not kept any more, or is too large for Telegram."))
            await self._say(scene, error_card(lost))

    # Calls

    async def _patiently(self, scene: Scene, doing: Coroutine[Any, Any, None]) -> None:
        await self.background.within(PATIENCE, doing, f"what follows from {scene.event}")

    async def _new(
        self, place: Address, send: Callable[[Address], Awaitable[Address | Trouble]]
    ) -> Address | Trouble:
        """Something new, in the supergroup that a group has become if need be."""
        answer = await self._in_turn(place, lambda: send(place))
        if isinstance(answer, Migrated):
            self.screen.upgraded(place.chat, answer.chat)
            moved = place.moved_to(answer.chat)
            return await self._in_turn(moved, lambda: send(moved))
        return answer

    async def _in_turn(self, address: Address, call: Callable[[], Awaitable[T | Trouble]]) -> T | Trouble:
        """A call in its turn among what the chat carries; tried again where Telegram asks to wait."""
        made: list[T | Trouble] = []

        async def once() -> Refusal | None:
            answer = await call()
            made[:] = [answer]
            return answer if isinstance(answer, RetryAfter | Transient) else None

        route = Route("group" if address.is_group else "private", str(address.chat))
        await self.reporter.say(route, once)
        return made[0] if made else Transient()


def _reply_of(scene: Scene, reply: str | None) -> str | None:
    """The message that was pressed on goes, where it is another than the request's own."""
    own = None if reply is None else Address.from_text(reply)
    if scene.card is None or (own is not None and own.message == scene.card.message):
        return reply
    return scene.card.to_text()
