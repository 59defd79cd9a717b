"""Showing cards in Discord: through the interaction's token while it lives, then with the bot's own."""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import discord

from bot.chat.discord.address import Address
from bot.chat.discord.render import Language, embed_of, view_of
from bot.domain.ids import RequestId
from bot.domain.throttle import Gone, Refusal, RetryAfter, Route, Transient
from bot.presentation.card_situation import Offers, Rung
from bot.service import courier
from bot.service.parcels.limits import DISCORD
from bot.service.parcels.packing import Packer, Parcel, ParcelFile
from bot.service.records import RequestRecord
from bot.service.reporter import Shown

log = logging.getLogger(__name__)

PLATFORM = "discord"
_GONE = {10003, 10004, 10008, 10015, 10062, 50001, 50013, 50027}
"""Unknown channel, guild, message, webhook, interaction; missing access or permissions; dead token."""
NOBODY = discord.AllowedMentions.none()

T = TypeVar("T")


class DiscordScreen:
    """:class:`bot.service.reporter.Screen` over a connected client."""

    platform = PLATFORM

    def __init__(
        self,
        client: Callable[[], discord.Client],
        *,
        language: Language,
        packer: Packer,
        offers: Callable[[RequestRecord], Offers],
        moved: Callable[[RequestId, str], Awaitable[None]],
        now: Callable[[], int],
    ) -> None:
        """``client``: the one that is connected now. ``moved``: the reply of a request has another address
        from now on. ``now``: UTC milliseconds."""
        self._client = client
        self._language = language
        self._packer = packer
        self._offers = offers
        self._moved = moved
        self._now = now

    def offers(self, request: RequestRecord) -> Offers:
        return self._offers(request)

    def route(self, request: RequestRecord, now: int) -> Route | None:
        address = _address(request)
        if address is None:
            return None
        if address.token_lives(now):
            return Route("token", str(address.interaction))
        if address.reachable and address.message:
            return Route("old" if address.is_old(now) else "channel", str(address.channel))
        return Route("channel", f"dm-{address.user}")

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        address = _address(request)
        if address is None:
            return Gone()
        if not address.token_lives(self._now()) and not (address.reachable and address.message):
            return Gone()  # progress is not worth a message of its own
        return await _told(self._edit(address, shown, None))

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        address = _address(request)
        if address is None:
            return courier.Nowhere("no address")
        file_bytes = int(request.options.get("file_bytes") or DISCORD.file_bytes)
        limits = replace(DISCORD, file_bytes=file_bytes)
        several = len(shown.card.pictures) > 1
        async with self._packer.pack(shown.card.pictures, limits, overview=several) as packed:
            if packed.rung is not Rung.ORIGINAL and shown.card_at is not None:
                shown = replace(shown, card=shown.card_at(packed.rung, file_bytes))
            first, *rest = packed.parcels or (None,)
            files = () if first is None else first.files
            outcome = await self._deliver(request, address, shown, files)
            if isinstance(outcome, courier.Sent):
                for parcel in rest:
                    await self._add(address, parcel)
            return outcome

    async def _deliver(
        self, request: RequestRecord, address: Address, shown: Shown, files: Sequence[ParcelFile]
    ) -> courier.Outcome | Refusal:
        if address.token_lives(self._now()) or (address.reachable and address.message):
            refusal = await _told(self._edit(address, shown, files))
            if refusal is None:
                return courier.Sent(f"{address.channel}/{address.message}")
            if not isinstance(refusal, Gone):
                return refusal
        return await self._elsewhere(request, address, shown, files)

    async def _add(self, address: Address, parcel: Parcel) -> None:
        """Pictures that did not fit into the first message. Best effort: the result is shown, and /show
        brings all of it again."""
        files = [_file(file) for file in parcel.files]
        if address.token_lives(self._now()):
            webhook = discord.Webhook.partial(address.application, address.token, client=self._client())
            await _told(webhook.send(files=files, ephemeral=address.ephemeral, allowed_mentions=NOBODY))
        elif address.reachable:
            place = await self._channel(address)
            await _answered(place.send(files=files, allowed_mentions=NOBODY))

    async def _edit(self, address: Address, shown: Shown, files: Sequence[ParcelFile] | None) -> None:
        """Change the reply where it stands. ``files``: its pictures from now on; None: as they are."""
        changes: dict[str, Any] = {
            "embeds": [embed_of(shown.card, self._language)],
            "view": view_of(shown.card, self._language),
            "allowed_mentions": NOBODY,
        }
        if files is not None:
            changes["attachments"] = [_file(file) for file in files]
        if address.token_lives(self._now()):
            webhook = discord.Webhook.partial(address.application, address.token, client=self._client())
            await webhook.edit_message(address.message, **changes)
            return
        channel = self._client().get_partial_messageable(address.channel, guild_id=address.guild or None)
        await channel.get_partial_message(address.message).edit(**changes)

    async def _elsewhere(
        self, request: RequestRecord, address: Address, shown: Shown, files: Sequence[ParcelFile]
    ) -> courier.Outcome | Refusal:
        """The reply is gone or out of reach: a new message in its channel, else a direct one."""
        places: list[Callable[[Address], Awaitable[discord.abc.Messageable]]] = []
        if address.reachable and not request.private:
            places.append(self._channel)
        if address.user:
            places.append(self._direct)
        for place in places:
            sent = await _answered(self._send(place(address), request, shown, files))
            if isinstance(sent, discord.Message):
                moved = replace(
                    address,
                    token="",
                    channel=sent.channel.id,
                    guild=sent.guild.id if sent.guild else 0,
                    message=sent.id,
                    ephemeral=False,
                    reachable=True,
                )
                await self._moved(request.id, moved.to_text())
                return courier.Sent(f"{moved.channel}/{moved.message}")
            if not isinstance(sent, Gone):
                return sent
        return courier.Nowhere("neither the channel nor the person can be reached")

    async def _send(
        self,
        place: Awaitable[discord.abc.Messageable],
        request: RequestRecord,
        shown: Shown,
        files: Sequence[ParcelFile],
    ) -> discord.Message:
        return await (await place).send(
            embed=embed_of(shown.card, self._language),
            files=[_file(file) for file in files],
            view=view_of(shown.card, self._language) or discord.utils.MISSING,
            allowed_mentions=NOBODY,
            nonce=nonce_of(request.id),
        )

    async def _channel(self, address: Address) -> discord.abc.Messageable:
        return self._client().get_partial_messageable(address.channel, guild_id=address.guild or None)

    async def _direct(self, address: Address) -> discord.abc.Messageable:
        return await self._client().create_dm(discord.Object(address.user))


def _file(file: ParcelFile) -> discord.File:
    content = file.content if isinstance(file.content, Path) else io.BytesIO(file.content)
    return discord.File(content, filename=file.name, description=file.alt or None, spoiler=file.spoiler)


def nonce_of(request: RequestId) -> int:
    """The same for every try, so that Discord shows a result once (``enforce_nonce``)."""
    return int.from_bytes(request.encode(), "big") % (1 << 62)


def _address(request: RequestRecord) -> Address | None:
    return None if request.reply is None else Address.from_text(request.reply)


async def _told(call: Awaitable[None]) -> Refusal | None:
    """None when the call did what it should."""
    answer = await _answered(call)
    return answer if isinstance(answer, RetryAfter | Transient | Gone) else None


async def _answered(call: Awaitable[T]) -> T | Refusal:
    """What Discord said to a call, its refusals in the words of the scheduler."""
    try:
        return await call
    except discord.RateLimited as error:
        return RetryAfter(error.retry_after)
    except discord.HTTPException as error:
        if error.code in _GONE or error.status in (401, 403, 404):
            log.info("discord refused for good: %s %s", error.status, error.code)
            return Gone()
        if error.status == 429:
            return RetryAfter(5.0)
        log.warning("discord refused: %s %s %s", error.status, error.code, error.text[:200])
        return Transient() if error.status >= 500 else Gone()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.info("discord does not answer: %r", error)
        return Transient()
