"""What the bot does with its own token: messages in channels and direct messages.

Source: https://discord.com/developers/docs/resources/message and …/resources/channel
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.discord import failures, payloads
from tests.support.discord import permissions as bits
from tests.support.discord.failures import ApiError, Json
from tests.support.discord.forms import Form
from tests.support.discord.guilds import Channel
from tests.support.discord.messages import Message
from tests.support.discord.posting import Wish
from tests.support.discord.server import Call, Route
from tests.support.discord.users import Nitro

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld

NONCE_SECONDS = 300
"""Discord says "the past few minutes"."""


class ChannelRoutes:
    def __init__(self, world: DiscordWorld) -> None:
        self._world = world
        self._nonces: dict[tuple[int, str], Message] = {}

    def routes(self) -> list[Route]:
        channel = "/channels/{channel}"
        message = channel + "/messages/{message}"
        return [
            Route("get_channel", "GET", channel, self.get_channel),
            Route("create_message", "POST", channel + "/messages", self.send),
            Route("list_messages", "GET", channel + "/messages", self.list),
            Route("get_message", "GET", message, self.get),
            Route("update_message", "PATCH", message, self.edit),
            Route("delete_message", "DELETE", message, self.delete),
            Route("trigger_typing_indicator", "POST", channel + "/typing", self.typing),
            Route("create_dm", "POST", "/users/@me/channels", self.open_dm),
            Route("refresh_attachment_urls", "POST", "/attachments/refresh-urls", self.refresh),
        ]

    # Rights

    def _channel(self, call: Call) -> Channel:
        channel = self._world.channels.get(call.number("channel"))
        if channel is None or channel.deleted:
            raise failures.unknown_channel()
        if not self._rights(channel) & bits.VIEW_CHANNEL:
            raise failures.missing_access()
        return channel

    def _rights(self, channel: Channel) -> int:
        if channel.guild is None:
            return bits.ALL if self._world.bot in channel.recipients or channel.kind == 1 else 0
        if not channel.guild.has_bot:
            return 0
        return bits.in_channel(channel, channel.guild.bot_member())

    def _need(self, channel: Channel, *wanted: int) -> None:
        rights = self._rights(channel)
        if any(not rights & bit for bit in wanted):
            raise failures.missing_permissions()

    def _need_for(self, channel: Channel, call: Call) -> None:
        """What the contents of a body need."""
        if call.body.files:
            self._need(channel, bits.ATTACH_FILES)
        if isinstance(call.body.json, dict) and call.body.json.get("embeds"):
            self._need(channel, bits.EMBED_LINKS)

    def _limit(self, channel: Channel) -> int:
        return Nitro.NONE.value if channel.guild is None else channel.guild.upload_limit

    def _message(self, call: Call, channel: Channel) -> Message:
        """Private answers are not there for this route."""
        message = channel.messages.get(call.number("message"))
        if message is None or message.deleted or message.ephemeral:
            raise failures.unknown_message()
        return message

    # Messages

    def get_channel(self, call: Call) -> Json:
        return payloads.channel(self._channel(call))

    def send(self, call: Call) -> Json:
        call.headers |= self._world.limiter.take("send", call.text("channel"))
        channel = self._channel(call)
        self._may_send(channel, call)
        data = Form().mapping((), call.body.json)
        nonce = data.get("nonce")
        earlier = self._earlier(nonce) if nonce is not None and data.get("enforce_nonce") else None
        if earlier is not None:
            return payloads.message(earlier)
        message = self._world.posting.create(channel, self._world.bot, Wish(call.body, self._limit(channel)))
        message.nonce = nonce
        if nonce is not None:
            self._nonces[self._world.bot.id, str(nonce)] = message
        channel.last_sent[self._world.bot.id] = self._world.now()
        if channel.archived:
            channel.archived = False
            channel.announce("THREAD_UPDATE")
        return payloads.message(message)

    def _earlier(self, nonce: Any) -> Message | None:
        found = self._nonces.get((self._world.bot.id, str(nonce)))
        if found is None or self._world.now() - found.born > NONCE_SECONDS * 1000:
            return None
        return found

    def _may_send(self, channel: Channel, call: Call) -> None:
        if channel.guild is None:
            self._may_write_to(channel)
            return
        self._need(channel, bits.SEND_MESSAGES_IN_THREADS if channel.is_thread else bits.SEND_MESSAGES)
        self._need_for(channel, call)
        if channel.locked:
            raise failures.missing_permissions()
        last = channel.last_sent.get(self._world.bot.id)
        if channel.slowmode and last is not None and not self._rights(channel) & bits.BYPASS_SLOWMODE:
            left = channel.slowmode - (self._world.now() - last) / 1000
            if left > 0:
                words = "This action cannot be performed due to slowmode rate limit"
                extra = {"retry_after": left, "global": False}
                raise ApiError(429, 20016, words, extra, {"Via": "1.1 google", "Retry-After": f"{left:.3f}"})

    def _may_write_to(self, channel: Channel) -> None:
        for user in channel.recipients:
            shared = any(guild.has_bot and user.id in guild.members for guild in self._world.guilds.values())
            if not shared and not user.installed:
                raise failures.no_mutual_guilds()
            if not user.dms_open:
                raise failures.cannot_message_user()

    def list(self, call: Call) -> list[Json]:
        call.headers |= self._world.limiter.take("read", call.text("channel"))
        channel = self._channel(call)
        self._need(channel, bits.READ_MESSAGE_HISTORY)
        limit = int(call.request.query.get("limit", "50"))
        return [payloads.message(each) for each in reversed(channel.public[-limit:])]

    def get(self, call: Call) -> Json:
        call.headers |= self._world.limiter.take("read", call.text("channel"))
        channel = self._channel(call)
        self._need(channel, bits.READ_MESSAGE_HISTORY)
        return payloads.message(self._message(call, channel))

    def edit(self, call: Call) -> Json:
        call.headers |= self._world.limiter.take("edit", call.text("channel"))
        channel = self._channel(call)
        message = self._message(call, channel)
        if message.author is not self._world.bot:
            raise failures.not_the_author()
        if channel.archived:
            raise failures.thread_archived()
        self._need_for(channel, call)
        self._world.limiter.take_old_edit(call.text("channel"), message.born)
        self._world.posting.edit(message, Wish(call.body, self._limit(channel)))
        return payloads.message(message)

    def delete(self, call: Call) -> None:
        call.headers |= self._world.limiter.take("delete", call.text("channel"))
        channel = self._channel(call)
        message = self._message(call, channel)
        if message.author is not self._world.bot:
            self._need(channel, bits.MANAGE_MESSAGES)
        self._world.posting.delete(message)

    def typing(self, call: Call) -> None:
        self._need(self._channel(call), bits.SEND_MESSAGES)

    def open_dm(self, call: Call) -> Json:
        form = Form()
        recipient = form.mapping((), call.body.json).get("recipient_id")
        user = self._world.users.get(int(recipient)) if str(recipient or "").isdigit() else None
        if user is None:
            words = f'Value "{recipient}" is not a user.'
            form.add(("recipient_id",), "NUMBER_TYPE_COERCE", words)
            form.raise_if_any()
        assert user is not None
        return payloads.channel(self._world.dm(user))

    def refresh(self, call: Call) -> Json:
        urls = Form().mapping((), call.body.json).get("attachment_urls") or []
        fresh = []
        for url in urls[:50]:
            file = self._world.cdn.file_at(url)
            refreshed = None if file is None or file.deleted else self._world.cdn.url(file)
            fresh.append({"original": url, "refreshed": refreshed})
        return {"refreshed_urls": fresh}
