"""The calls that show something: each by one way, each told how it ended, nothing tried twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord

from bot.chat.discord.address import Address
from bot.chat.discord.letters import Letter
from bot.chat.discord.refusals import Forbidden, Verdict, answered
from bot.domain.throttle import Gone, Transient


class Posts:
    """``client``: the one that is connected now, None before the first."""

    def __init__(self, client: Callable[[], discord.Client | None]) -> None:
        self._client = client

    async def edit_by_token(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """Through the interaction's token: needs no rights, and works on private replies."""

        async def edit(client: discord.Client) -> discord.Message:
            return await _webhook(client, address).edit_message(address.message, **letter.changes())

        return await self._made(edit, letter)

    async def edit(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """With the bot's own token."""

        async def edit(client: discord.Client) -> discord.Message:
            message = _channel(client, address).get_partial_message(address.message)
            return await message.edit(**letter.changes())

        return await self._made(edit, letter)

    async def follow_up(self, address: Address, letter: Letter) -> discord.Message | Verdict:
        """A new message through the interaction's token; private where the reply is. The library repeats it
        after a fault of Discord's, and it may then be there twice."""

        async def send(client: discord.Client) -> discord.Message:
            webhook = _webhook(client, address)
            return await webhook.send(**letter.message(), ephemeral=address.ephemeral, wait=True)

        return await self._made(send, letter)

    async def send(self, address: Address, letter: Letter, nonce: int) -> discord.Message | Verdict:
        """A new message in the channel. The same ``nonce`` again, within minutes, is the same message."""

        async def send(client: discord.Client) -> discord.Message:
            return await _channel(client, address).send(**letter.message(), nonce=nonce)

        return await self._made(send, letter)

    async def send_directly(self, user: int, letter: Letter, nonce: int) -> discord.Message | Verdict:
        """To one person alone."""

        async def send(client: discord.Client) -> discord.Message:
            place = await client.create_dm(discord.Object(user))
            return await place.send(**letter.message(), nonce=nonce)

        return await self._made(send, letter)

    async def delete(self, address: Address, message: int) -> bool:
        """Whether a message in that channel is gone."""
        return await self._gone(
            lambda client: _channel(client, address).get_partial_message(message).delete()
        )

    async def delete_by_token(self, address: Address, message: int) -> bool:
        """The same through the interaction's token: the only way to private ones."""
        return await self._gone(lambda client: _webhook(client, address).delete_message(message))

    async def _gone(self, call: Callable[[discord.Client], Awaitable[None]]) -> bool:
        client = self._client()
        verdict = Transient() if client is None else await answered(call(client))
        return verdict is None or isinstance(verdict, Gone)

    async def _made(
        self, call: Callable[[discord.Client], Awaitable[discord.Message]], letter: Letter
    ) -> discord.Message | Verdict:
        client = self._client()
        if client is None or client.is_closed() or client.application_id is None:
            return Transient()  # between two connections
        message = await answered(call(client))
        if (
            isinstance(message, discord.Message)
            and letter.files
            and len(message.attachments) < len(letter.files)
        ):
            return Forbidden()  # files are dropped without a word where they may not be attached
        return message


def _webhook(client: discord.Client, address: Address) -> discord.Webhook:
    webhook = discord.Webhook.partial(address.application, address.token, client=client)
    webhook.type = discord.WebhookType.application  # only such may say something to one person alone
    return webhook


def _channel(client: discord.Client, address: Address) -> discord.PartialMessageable:
    return client.get_partial_messageable(address.channel, guild_id=address.guild or None)
