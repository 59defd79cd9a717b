"""Carrying out in Telegram what follows from what people do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from telegram import Bot, error

from bot.chat.telegram.address import Address
from bot.chat.telegram.calls import Trouble
from bot.chat.telegram.originals import picture_of
from bot.chat.telegram.poster import Poster
from bot.chat.telegram.render import plain_of
from bot.chat.telegram.screen import TelegramScreen
from bot.domain.errors import NotFound
from bot.domain.text import Text
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.actions import OnRequest, encode
from bot.presentation.card_denied import error_card
from bot.presentation.cards import Card, CardState, Code
from bot.presentation.forms import Form
from bot.service.gate import Asker, Origin
from bot.service.outcomes import Bring, Document, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.reporter import Reporter
from bot.service.store import Store

log = logging.getLogger(__name__)

ANSWER_WITHIN = 2.0
"""Seconds after which a press is answered with nothing, whatever it will lead to: Telegram shows a spinner
until then, and takes no answer after a while."""
TOAST = 200
"""Characters of an answer to a press."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody did something somewhere. ``address``: where a reply to it goes; ``event``: unique; ``card``:
    the message that was pressed on; ``language``: a code."""

    asker: Asker
    address: Address
    event: str
    language: str
    card: Address | None = None
    private: bool = False

    def origin(self, *, command: str = "imagine") -> Origin:
        return Origin(
            platform="telegram",
            event=self.event,
            reply=self.address.to_text(),
            private=self.private,
            command=command,
            options={"language": self.language},
        )

    def alone(self) -> Scene:
        """With the person alone."""
        return replace(self, address=self.address.direct(), card=None, private=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """Something is to be filled in: the card that asks for it, and what it is for."""

    card: Card
    form: str


@dataclass(slots=True)
class Outcomes:
    """``poster_in``: by the code of a language."""

    bot: Bot
    poster_in: Callable[[str], Poster]
    screen: TelegramScreen
    reporter: Reporter
    store: Store
    username: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]]
    _answered: set[str] = field(default_factory=set)

    async def carry_out(self, scene: Scene, outcome: Outcome) -> Asked | None:
        """What has to be asked, if anything."""
        match outcome:
            case Tell(card=card, document=document):
                await self._tell(scene, card, document)
            case Follow(requests=requests):
                for request in requests:
                    self.reporter.follow(request)
            case Open(form=form):
                return Asked(_question(form), encode(form.action))
            case Bring(request=request):
                await self.reporter.bring(request, scene.address.to_text())
            case Remove(request=request):
                record = await self.store.request(request)
                if record is not None:
                    await self.screen.remove(replace(record, reply=_reply_of(scene, record.reply)))
            case Nothing():
                pass
        return None

    async def original(self, scene: Scene, action: OnRequest) -> None:
        """One picture as the file that was painted."""
        picture = await picture_of(self.store, action)
        if picture is None:
            lost = NotFound(Text("That picture is not kept any more. Ask for it anew."))
            await self._say(scene, error_card(lost))
            return
        await self._surely(scene.address, lambda: self.screen.original(scene.address, picture))

    async def tell(self, scene: Scene, card: Card) -> bool:
        """A card in a message of its own; whether it came through."""
        return bool(await self._say(scene, card))

    async def ask(self, scene: Scene, card: Card) -> int:
        """A question that is answered by a reply; the id of its message, 0 when it did not come through."""
        poster = self.poster_in(scene.language)
        return await self._surely(scene.address, lambda: poster.ask(scene.address, card))

    async def refuse(self, scene: Scene, card: Card) -> None:
        """In answer to what was typed, where it was typed."""
        await self._say(scene, card)

    # Presses

    @asynccontextmanager
    async def answering(self, query: str) -> AsyncIterator[None]:
        """A press is answered soon, however long the body takes."""
        late = asyncio.ensure_future(self._answer_late(query))
        try:
            yield
        finally:
            late.cancel()
            await self.toast(query, None)
            self._answered.discard(query)

    async def refuse_press(self, query: str, scene: Scene, card: Card) -> None:
        """To whoever pressed, over the chat; with a way on as a message where there is one."""
        text = plain_of(card, self.poster_in(scene.language).language, TOAST)
        await self.toast(query, text)
        if card.all_buttons:
            await self._privately(scene, card, hint=False)

    async def toast(self, query: str, text: str | None) -> None:
        """Answer a press, once."""
        if query in self._answered:
            return
        self._answered.add(query)
        try:
            await self.bot.answer_callback_query(query, text=text, show_alert=text is not None)
        except error.TelegramError as refused:
            log.info("a press was not answered: %s", refused.message)
        if text is None:
            self._answered.discard(query)

    async def _answer_late(self, query: str) -> None:
        await self.sleep(ANSWER_WITHIN)
        await self.toast(query, None)

    # Cards

    async def _tell(self, scene: Scene, card: Card, document: Document | None) -> None:
        if document is not None:
            await self._send_document(scene, card, document)
        elif scene.card is not None and not scene.card.is_group:
            await self._turn(scene, scene.card, card)
        elif card.private and scene.address.is_group and card.state is not CardState.DENIED:
            await self._privately(scene, card, hint=True)
        else:
            await self._say(scene, card)

    async def _turn(self, scene: Scene, at: Address, card: Card) -> None:
        """The card that was pressed on becomes another."""
        poster = self.poster_in(scene.language)
        if not await self._surely(at, lambda: poster.redraw(at, card)):
            await self._say(scene, card)

    async def _privately(self, scene: Scene, card: Card, *, hint: bool) -> None:
        """To the person alone; where Telegram does not let us write to them, say how to change that."""
        direct = scene.address.direct()
        poster = self.poster_in(scene.language)
        if await self._surely(direct, lambda: poster.say(direct, card)) or not hint:
            return
        await self._say(
            scene,
            Card(
                CardState.INFO,
                Text("That is for your eyes alone"),
                lines=(
                    Text("Open a chat with me and press Start, then ask again: {link}", link=self._link()),
                ),
            ),
        )

    def _link(self) -> Code:
        return Code(f"@{self.username()}")

    async def _say(self, scene: Scene, card: Card) -> int:
        poster = self.poster_in(scene.language)
        return await self._surely(scene.address, lambda: poster.say(scene.address, card))

    async def _send_document(self, scene: Scene, card: Card, document: Document) -> None:
        chat = scene.address.user

        async def send() -> Address | Trouble:
            poster = self.poster_in(scene.language)
            return await poster.send_document(Address(chat, user=chat), card, document.name, document.content)

        await self._surely(Address(chat, user=chat), send)

    async def _surely(self, address: Address, call: Callable[[], Awaitable[Address | Trouble]]) -> int:
        """In its turn among what the chat carries; the message's id, 0 when it did not come through."""
        made: list[Address] = []

        async def once() -> Refusal | None:
            answer = await call()
            if isinstance(answer, Address):
                made.append(answer)
                return None
            return answer if isinstance(answer, RetryAfter | Transient) else Gone()

        route = Route("group" if address.is_group else "private", str(address.chat))
        await self.reporter.say(route, once)
        return made[0].message if made else 0


def _reply_of(scene: Scene, reply: str | None) -> str | None:
    """The message that was pressed on goes, where it is another than the request's own."""
    own = None if reply is None else Address.from_text(reply)
    if scene.card is None or (own is not None and own.message == scene.card.message):
        return reply
    return scene.card.to_text()


def _question(form: Form) -> Card:
    now = form.line
    lines = [Text("Answer this message with the new words. Flags may follow them, like --steps 30.")]
    if now:
        lines.append(Text("Now it is: {line}", line=Code(now)))
    return Card(CardState.QUESTION, form.title, lines=tuple(lines))
