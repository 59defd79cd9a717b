"""The calls that show something: each by one way, each told how it ended, nothing tried twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from bot.chat.discord.address import Address
from bot.chat.discord.letters import Letter
from bot.chat.discord.refusals import Forbidden, Verdict, answered
from bot.domain.throttle import Transient


class Posts:
    """``client``: the one that is connected now."""

    def __init__(self, client: Callable[[], discord.Client]) -> None:
        self._client = client

    async def edit_by_token(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """Through the interaction's token: needs no rights, and works on private replies."""

        async def edit() -> discord.Message:
            return await self._webhook(address).edit_message(address.message, **letter.changes())

        return await self._made(edit, letter)

    async def edit(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """With the bot's own token."""

        async def edit() -> discord.Message:
            message = self._channel(address).get_partial_message(address.message)
            return await message.edit(**letter.changes())

        return await self._made(edit, letter)

    async def follow_up(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """A new message through the interaction's token; private where the reply is. The library repeats it
        after a fault of Discord's, and it may then be there twice."""

        async def send() -> discord.Message:
            webhook = self._webhook(address)
            return await webhook.send(**letter.message(), ephemeral=address.ephemeral, wait=True)

        return await self._made(send, letter)

    async def send(self, address: Address, letter: Letter, nonce: int) -> discord.Message | Verdict:
        """A new message in the channel. The same ``nonce`` again, within minutes, is the same message."""

        async def send() -> discord.Message:
            return await self._channel(address).send(**letter.message(), nonce=nonce)

        return await self._made(send, letter)

    async def send_directly(self, user: int, letter: Letter, nonce: int) -> discord.Message | Verdict:
        """To one person alone."""

        async def send() -> discord.Message:
            place = await self._client().create_dm(discord.Object(user))
            return await place.send(**letter.message(), nonce=nonce)

        return await self._made(send, letter)

    async def _made(
        self, call: Callable[[], Awaitable[discord.Message]], letter: Letter
    ) -> discord.Message | Verdict:
        client = self._client()
        if client.is_closed() or client.application_id is None:
            return Transient()  # between two connections
        message = await answered(call())
        if (
            isinstance(message, discord.Message)
            and letter.files
            and len(message.attachments) < len(letter.files)
        ):
            return Forbidden()  # files are dropped without a word where they may not be attached
        return message

    def _webhook(self, address: Address) -> discord.Webhook:
        webhook = discord.Webhook.partial(address.application, address.token, client=self._client())
        webhook.type = discord.WebhookType.application  # only such may say something to one person alone
        return webhook

    def _channel(self, address: Address) -> discord.PartialMessageable:
        return self._client().get_partial_messageable(address.channel, guild_id=address.guild or None)
