"""Showing cards in Discord: through the interaction's token while it lives, then with the bot's own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord

from bot.chat.discord.delivery import Delivery
from bot.chat.discord.further import Further, ReplyOf
from bot.chat.discord.letters import NOBODY as NOBODY
from bot.chat.discord.letters import Enclosure, Letter
from bot.chat.discord.posts import Posts
from bot.chat.discord.refusals import Expired, Forbidden, Malformed, TooLarge, Verdict
from bot.chat.discord.replies import Replies, Reply
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.card_situation import Offers
from bot.presentation.language import ENGLISH, Language
from bot.service import courier
from bot.service.nsfw import SPOILER
from bot.service.parcels.pace import PreviewPace
from bot.service.parcels.packing import Packer
from bot.service.parcels.preview import preview_jpeg
from bot.service.records import RequestRecord
from bot.service.screens import Shown

log = logging.getLogger(__name__)

PLATFORM = "discord"
PREVIEW_SECONDS = 3.0
"""An unfinished picture that takes longer is given up: words go before it."""
ALT_OF_PREVIEW = Text("The unfinished picture")


class DiscordScreen:
    """:class:`bot.service.screens.Screen` over a connected client."""

    platform = PLATFORM

    def __init__(
        self,
        client: Callable[[], discord.Client | None],
        *,
        language: Language = ENGLISH,
        language_of: Callable[[RequestRecord], Language] | None = None,
        packer: Packer,
        offers: Callable[[RequestRecord], Offers],
        moved: Callable[[RequestId, str], Awaitable[None]],
        reply_of: ReplyOf | None = None,
        now: Callable[[], int],
        previews: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``client``: the one that is connected now, None before the first. ``moved``: a reply has another
        address from now on; ``reply_of``: the one that it has. ``now``: UTC milliseconds; ``monotonic``:
        seconds. ``previews``: show unfinished pictures. ``language``: of all requests, where
        ``language_of`` is None."""
        self._client = client
        self._language_of = language_of or (lambda _: language)
        self._packer = packer
        self._offers = offers
        self._moved = moved
        self._further = Further(reply_of or _nothing_known, moved)
        self._now = now
        self._previews = previews
        self._monotonic = monotonic
        self._posts = Posts(client)
        self._replies = Replies()
        self._pace = PreviewPace()

    def offers(self, request: RequestRecord) -> Offers:
        return self._offers(request)

    def route(self, request: RequestRecord, now: int) -> Route | None:
        reply = self._replies.of(request)
        return None if reply is None else reply.route(now)

    def cost(self, shown: Shown) -> int:  # noqa: ARG002 - other platforms count files
        return 1

    def forget(self, request: RequestRecord) -> None:
        self._replies.forget(request, self._pace.forget)

    # Progress

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        reply = self._replies.of(request)
        if reply is None or not self._is_there(reply):
            return Gone()  # progress is not worth a message of its own
        letter = Letter(shown.card, self._language_of(request), None, plain=reply.plain)
        if (preview := await self._preview(request, reply, shown)) is not None:
            verdict = await self._with_preview(request, reply, letter, preview)
            if verdict is None or isinstance(verdict, RetryAfter):
                return verdict
        if shown.card.preview is None and reply.hanging is not False:
            letter = letter.with_files(())
        return await self._edited(request, reply, letter)

    async def _edited(self, request: RequestRecord, reply: Reply, letter: Letter) -> Refusal | None:
        """Once more without an embed where it is that which is not taken; not again after that."""
        verdict = await self._edit(reply, letter)
        if verdict in (Forbidden(), Malformed()) and not reply.plain:
            if reply.once("plain"):
                log.warning("the card of %s is shown as text: %s", request.id, type(verdict).__name__)
            reply.plain = True
            verdict = await self._edit(reply, letter.plainer())
        match verdict:
            case discord.Message():
                reply.hanging = letter.files is None and reply.hanging
                return None
            case RetryAfter() | Transient():
                return verdict
            case Expired():
                reply.address = replace(reply.address, token="")
            case _:
                if reply.once("gone"):
                    log.info("the reply of %s cannot be changed: %s", request.id, type(verdict).__name__)
        return Gone()

    async def _edit(self, reply: Reply, letter: Letter) -> discord.Message | Verdict:
        address = reply.address
        if address.token_lives(self._now()):
            return await self._posts.edit_by_token(address, letter)
        return await self._posts.edit(address, letter)

    def _is_there(self, reply: Reply) -> bool:
        address = reply.address
        return address.token_lives(self._now()) or bool(address.reachable and address.message)

    # Unfinished pictures

    async def _preview(self, request: RequestRecord, reply: Reply, shown: Shown) -> bytes | None:
        """The picture that is to come along now."""
        newest = shown.preview
        if newest is None or newest is reply.preview or not self._previews or reply.plain:
            return None
        route = reply.route(self._now())
        # What is to be hidden is not shown half done either; and old messages may seldom be changed.
        if request.options.get(SPOILER) or route.kind == "old":
            return None
        key = request.id, request.reply
        if not self._pace.due(key, route, self._monotonic()):
            return None
        reply.preview = newest
        small = await preview_jpeg(newest)
        if small is None:
            self._pace.tried(key, self._monotonic(), arrived=False)
        return small

    async def _with_preview(
        self, request: RequestRecord, reply: Reply, letter: Letter, preview: bytes
    ) -> Verdict | None:
        """None when it is shown; otherwise the words are to be sent without it."""
        alt = letter.language.label(ALT_OF_PREVIEW)
        file = Enclosure("preview.jpg", preview, len(preview), alt)
        verdict: discord.Message | Verdict
        try:
            async with asyncio.timeout(PREVIEW_SECONDS):
                verdict = await self._edit(reply, letter.with_files((file,)))
        except TimeoutError:
            verdict = Transient()
        arrived = isinstance(verdict, discord.Message)
        self._pace.tried((request.id, request.reply), self._monotonic(), arrived=arrived)
        reply.hanging = True if arrived else None
        if isinstance(verdict, discord.Message):
            return None
        if isinstance(verdict, Forbidden | TooLarge | Malformed) and reply.once("preview"):
            log.info("no preview of %s is shown: %s", request.id, type(verdict).__name__)
        return verdict

    # Results

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        reply, client = self._replies.of(request), self._client()
        if reply is None:
            return courier.Nowhere("no address")
        if client is None:
            return Transient()
        return await Delivery(
            request,
            shown,
            reply,
            self._language_of(request),
            client=client,
            posts=self._posts,
            packer=self._packer,
            moved=self._moved,
            remembered=self._further,
            now=self._now,
        ).bring()


async def _nothing_known(_: RequestId) -> str | None:
    return None
