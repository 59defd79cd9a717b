"""Bringing a result to somebody: every way there is, one after the other, until one does."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import discord

from bot.chat.discord.address import Address
from bot.chat.discord.further import Further
from bot.chat.discord.letters import Enclosure, Letter, enclosure, words_of
from bot.chat.discord.posts import Posts
from bot.chat.discord.refusals import Forbidden, Malformed, TooLarge, Verdict
from bot.chat.discord.replies import Reply
from bot.chat.discord.rights import why_forbidden
from bot.domain.ids import RequestId
from bot.domain.jobs import DeliveryState
from bot.domain.text import Text
from bot.domain.throttle import Refusal, RetryAfter, Transient
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_situation import Rung
from bot.presentation.cards import Button, Card, Style
from bot.presentation.language import Language
from bot.service import courier
from bot.service.nsfw import SPOILER
from bot.service.parcels.limits import DISCORD, Limits
from bot.service.parcels.packing import Packed, Packer, Why
from bot.service.records import RequestRecord
from bot.service.screens import Shown

log = logging.getLogger(__name__)

MIB = 1024**2
_SMALLER = (10 * MIB, 8 * MIB, 4 * MIB, MIB)
"""Bytes of a file, where Discord takes less than it told: limits change with boosts, and with who sends."""


class Way(Enum):
    INTERACTION = "by the interaction's token"
    OWN = "with the bot's own"
    CHANNEL = "anew in the channel"
    FOLLOW_UP = "anew by the interaction's token"
    DIRECT = "as a direct message"


@dataclass(slots=True)
class Delivery:
    """One try. What was done by an earlier one is remembered in ``reply``, and not done again."""

    request: RequestRecord
    shown: Shown
    reply: Reply
    language: Language
    client: discord.Client
    posts: Posts
    packer: Packer
    moved: Callable[[RequestId, str], Awaitable[None]]
    remembered: Further
    now: Callable[[], int]

    async def bring(self) -> courier.Outcome | Refusal:
        for limits in self._limits():
            several = len(self.shown.card.pictures) > 1
            async with self.packer.pack(self.shown.card.pictures, limits, overview=several) as packed:
                outcome = await self._bring(packed, limits)
            if not isinstance(outcome, TooLarge):
                return outcome
        return await self._keep(Text("Discord takes no file of this size here."))

    def _limits(self) -> Iterator[Limits]:
        """What is tried, from the largest on."""
        told = int(self.request.options.get("file_bytes") or DISCORD.file_bytes)
        guild = self.client.get_guild(self.reply.address.guild)
        if guild is not None and not self.reply.address.token_lives(self.now()):
            told = min(told, guild.filesize_limit)  # what its user's subscription allows ends with the token
        yield replace(DISCORD, file_bytes=told)
        for size in _SMALLER:
            if size < told:
                yield replace(DISCORD, file_bytes=size, request_bytes=size)

    async def _bring(self, packed: Packed, limits: Limits) -> courier.Outcome | Refusal | TooLarge:
        card = self._card(packed, limits)
        messages = [[enclosure(file, self.language) for file in one.files] for one in packed.parcels] or [[]]
        spoiler = bool(self.request.options.get(SPOILER))
        if (words := words_of(card, self.language, spoiler=spoiler)) is not None:
            if (
                len(messages[-1]) >= limits.most_files
                or _size(messages[-1]) + words.size > limits.request_bytes
            ):
                messages.append([])
            messages[-1].append(words)
        outcome = await self._first(Letter(card, self.language, messages[0]))
        if not isinstance(outcome, courier.Sent) or self.reply.first is None:
            return outcome
        for number, files in enumerate(messages[1:], 1):
            if number > self.reply.parcels:
                refusal = await self._more(self.reply.first, files, number)
                if refusal is not None:
                    return refusal
                self.reply.parcels = number
        if self.reply.further:
            await self.remembered.remember(self.request.id, self.reply.first, self.reply.further)
        if self.reply.lost:
            await self._tell_of_lost(self.reply.first, card)
        return outcome

    def _card(self, packed: Packed, limits: Limits) -> Card:
        card = self.shown.card
        if packed.rung is not Rung.ORIGINAL and self.shown.card_at is not None:
            card = self.shown.card_at(packed.rung, limits.file_bytes)
        gone = sum(one.why is Why.GONE for one in packed.left_out)
        if gone:
            note = Text.counted(
                "One picture is not on the bot's disk any more.",
                "{count} pictures are not on the bot's disk any more.",
                gone,
            )
            card = replace(card, notes=(*card.notes, note))
        return card

    # The message with the card

    async def _first(self, letter: Letter) -> courier.Outcome | Refusal | TooLarge:
        if self.reply.first is not None:
            return _sent(self.reply.first)
        why: Text | None = None
        at_all = False
        for way in self._ways():
            if why is not None and way is not Way.DIRECT:
                continue
            verdict = await self._by(way, letter)
            match verdict:
                case discord.Message():
                    if why is not None and not at_all:
                        await self._say_where(why)
                    return _sent(await self._arrived(way, verdict))
                case RetryAfter() | Transient() | TooLarge():
                    return verdict
                case Forbidden():
                    at_all, why = verdict.at_all, why_forbidden(self.client, self.reply.address)
            said = type(verdict).__name__
            if self.reply.once(f"{way.value}: {said}"):
                log.info("result of %s cannot go %s: %s", self.request.id, way.value, said)
        return await self._keep(why)

    def _ways(self) -> Iterator[Way]:
        address, token = self.reply.address, self.reply.address.token_lives(self.now())
        if token:
            yield Way.INTERACTION
        if address.reachable and address.message:
            yield Way.OWN
        if address.reachable and not self.request.private:
            yield Way.CHANNEL
        if token and not address.reachable:
            yield Way.FOLLOW_UP
        if address.user:
            yield Way.DIRECT

    async def _by(self, way: Way, letter: Letter) -> discord.Message | Verdict:
        """Once more without what may be refused, where that is all that is wrong."""
        if self.reply.plain and way is not Way.DIRECT:
            letter = letter.plainer()
        verdict = await self._post(way, letter)
        if isinstance(verdict, Malformed) and not letter.plain:
            verdict = await self._post(way, letter.plainer())
        return verdict

    async def _post(self, way: Way, letter: Letter) -> discord.Message | Verdict:
        address, nonce = self.reply.address, self._nonce(0)
        match way:
            case Way.INTERACTION:
                return await self.posts.edit_by_token(address, letter)
            case Way.OWN:
                return await self.posts.edit(address, letter)
            case Way.CHANNEL:
                return await self.posts.send(address, letter, nonce)
            case Way.FOLLOW_UP:
                return await self.posts.follow_up(address, letter)
            case Way.DIRECT:
                return await self.posts.send_directly(address.user, letter, nonce)

    async def _arrived(self, way: Way, message: discord.Message) -> Address:
        """Remember where it is now; in the store, too, where that is another place than before."""
        address = self.reply.address
        if way is Way.FOLLOW_UP:
            address = replace(address, message=message.id)
        elif way in (Way.CHANNEL, Way.DIRECT):
            address = replace(
                address,
                token="",
                channel=message.channel.id,
                guild=message.guild.id if message.guild else 0,
                message=message.id,
                ephemeral=False,
                reachable=True,
            )
        self.reply.first = address
        if address is not self.reply.address:
            await self.moved(self.request.id, address.to_text())
        return address

    # What does not fit into it

    async def _more(self, first: Address, files: Sequence[Enclosure], number: int) -> Refusal | None:
        """A further message. A result is not held up for what cannot be sent: Show brings it."""
        letter = Letter(None, self.language, files)
        verdict: discord.Message | Verdict = Forbidden()
        if first.reachable:
            verdict = await self.posts.send(first, letter, self._nonce(number))
        if isinstance(verdict, Forbidden) and first.token_lives(self.now()):
            verdict = await self.posts.follow_up(first, letter)
            if isinstance(verdict, Transient):
                verdict = Malformed()  # it may be there; a second try could show it twice
        if isinstance(verdict, RetryAfter | Transient):
            return verdict
        if isinstance(verdict, discord.Message):
            self.reply.further.append(verdict.id)
        else:
            log.info("%s files of %s were not shown: %r", len(files), self.request.id, verdict)
            self.reply.lost += len(files)
        return None

    async def _tell_of_lost(self, first: Address, card: Card) -> None:
        note = Text.counted(
            "One more file could not be shown here: Show brings it.",
            "{count} more files could not be shown here: Show brings them.",
            self.reply.lost,
        )
        show = Button(OnRequest(Verb.SHOW, self.request.id), Text("Show"), "🖼️", Style.PRIMARY)
        rows = (*card.buttons[:4], (show,))
        await self._edit(first, replace(card, notes=(*card.notes, note), buttons=rows), files=None)

    # Where it cannot be shown

    async def _say_where(self, why: Text) -> None:
        """The result is a direct message; its reply says so, as far as it may say anything."""
        if self.shown.card_if is not None:
            sent = Text("It went to whoever asked for it, as a direct message.")
            card = self.shown.card_if(DeliveryState.KEPT)
            await self._edit(self.reply.address, replace(card, lines=(why, sent)))

    async def _keep(self, why: Text | None) -> courier.Nowhere:
        if self.shown.card_if is not None:
            card = self.shown.card_if(DeliveryState.KEPT)
            lines = card.lines if why is None else (why, *card.lines)
            await self._edit(self.reply.address, replace(card, lines=lines))
        return courier.Nowhere("there is no place that takes it")

    async def _edit(self, address: Address, card: Card, files: Sequence[Enclosure] | None = ()) -> None:
        """Best effort, with as much as is allowed."""
        letter = Letter(card, self.language, files, plain=self.reply.plain)
        for each in (letter, letter.plainer()):
            if address.token_lives(self.now()):
                verdict = await self.posts.edit_by_token(address, each)
            elif address.reachable and address.message:
                verdict = await self.posts.edit(address, each)
            else:
                return
            if verdict not in (Forbidden(), Malformed()):
                return

    def _nonce(self, number: int) -> int:
        """The same for every try of a message, so that Discord shows it once (``enforce_nonce``)."""
        name = f"{self.request.id}/{self.request.reply}/{number}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> 2


def _sent(address: Address) -> courier.Sent:
    return courier.Sent(f"{address.channel}/{address.message}")


def _size(files: Sequence[Enclosure]) -> int:
    return sum(file.size for file in files)
