"""Which rights the bot lacks in a channel, in words for whoever can give them."""

from __future__ import annotations

import discord

from bot.chat.discord.address import Address
from bot.domain.text import Text

_NEEDED = {
    "view_channel": Text("View Channel"),
    "send_messages": Text("Send Messages"),
    "embed_links": Text("Embed Links"),
    "attach_files": Text("Attach Files"),
}
"""Names as Discord shows them in the settings of a role."""
_IN_THREADS = ("send_messages", "send_messages_in_threads", Text("Send Messages in Threads"))


def why_forbidden(client: discord.Client, address: Address) -> Text:
    """A sentence about what is missing, as far as the library knows it."""
    missing = _missing(client, address)
    if not missing:
        return Text("The rights that the bot has in this channel do not suffice to show it here.")
    listed = missing[0]
    for right in missing[1:]:
        listed = Text("{rights}, {right}", rights=listed, right=right)
    return Text(
        "The bot may not show it here: it lacks the right {rights}. Whoever looks after this server can give "
        "it.",
        rights=listed,
    )


def _missing(client: discord.Client, address: Address) -> list[Text]:
    guild = client.get_guild(address.guild)
    channel = None if guild is None else guild.get_channel_or_thread(address.channel)
    if guild is None or channel is None:
        return []
    allowed = channel.permissions_for(guild.me)
    needed = dict(_NEEDED)
    if isinstance(channel, discord.Thread):
        usual, right, words = _IN_THREADS
        del needed[usual]
        needed[right] = words
    return [words for right, words in needed.items() if not getattr(allowed, right)]
