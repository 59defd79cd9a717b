"""A local Discord for tests and benches: REST, gateway and CDN on loopback, for the real discord.py.

It keeps the rules that the real one keeps (deadlines of answers and tokens, forms, limits of size and number,
permissions, rate limits), can be broken in every way that a network breaks, and lets tests act as people do::

    async with DiscordWorld() as discord:
        guild = discord.guild()
        alice, channel = guild.member("alice"), guild.channel()
        # … start a bot with discord.token, and then
        reply = await alice.slash(channel, "imagine", prompt="a fox", image=Upload.picture())
        await reply.acknowledged(within=3)
        await reply.until(lambda reply: reply.attachments)
        again = await alice.press(reply.button("Re-roll"))

Nothing here but :mod:`.pointing` knows discord.py, so that its mistakes are not repeated.
"""

from tests.support.discord.cdn import Upload
from tests.support.discord.failures import CannotUse
from tests.support.discord.guilds import Channel, Guild, Member, Role
from tests.support.discord.interactions import Answer, Interaction, Kind
from tests.support.discord.messages import Attachment, Look, Message
from tests.support.discord.people import Person
from tests.support.discord.pointing import Pauses
from tests.support.discord.ratelimits import RateLimits, Window
from tests.support.discord.replies import Reply
from tests.support.discord.users import Nitro, User
from tests.support.discord.views import Button, Menu, Modal, Shown
from tests.support.discord.world import DiscordWorld

__all__ = [
    "Answer",
    "Attachment",
    "Button",
    "CannotUse",
    "Channel",
    "DiscordWorld",
    "Guild",
    "Interaction",
    "Kind",
    "Look",
    "Member",
    "Menu",
    "Message",
    "Modal",
    "Nitro",
    "Pauses",
    "Person",
    "RateLimits",
    "Reply",
    "Role",
    "Shown",
    "Upload",
    "User",
    "Window",
]
