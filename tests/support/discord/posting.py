"""Messages made and changed by bodies of requests.

Source: https://discord.com/developers/docs/resources/message (create, edit, uploading files)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.discord import check_messages as rules
from tests.support.discord import failures
from tests.support.discord.bodies import Body, RawFile
from tests.support.discord.cdn import TYPES, Upload, attachment_of, suffix
from tests.support.discord.check_components import check_components
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form
from tests.support.discord.forms import Path as FormPath
from tests.support.discord.mentions import note_mentions
from tests.support.discord.messages import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Attachment,
    Message,
    media_of,
)

if TYPE_CHECKING:
    from tests.support.discord.guilds import Channel
    from tests.support.discord.interactions import Interaction
    from tests.support.discord.users import User
    from tests.support.discord.world import DiscordWorld

SETTABLE = SUPPRESS_EMBEDS | EPHEMERAL | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
CHANGEABLE = SUPPRESS_EMBEDS | COMPONENTS_V2


@dataclass(frozen=True)
class Wish:
    """What a body asks for. ``prefix``: where in it the message is; ``limit``: bytes of a file."""

    body: Body
    limit: int
    prefix: FormPath = ()

    @property
    def data(self) -> Json:
        found = self.body.json
        for step in self.prefix:
            found = (found or {}).get(step)
        return found if isinstance(found, dict) else {}


class Posting:
    """Writes messages into the world."""

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    def create(
        self,
        channel: Channel,
        author: User,
        wish: Wish,
        *,
        interaction: Interaction | None = None,
        loading: bool = False,
        private: bool = False,
    ) -> Message:
        """``private``: ephemeral whatever the flags say."""
        data = wish.data
        flags = int(data.get("flags") or 0) & (EPHEMERAL if loading else SETTABLE)
        private = private or bool(flags & EPHEMERAL)
        message = self.blank(channel, author)
        message.interaction = interaction
        message.flags = flags & ~EPHEMERAL | (EPHEMERAL if private and interaction else 0)
        if interaction is not None and private:
            message.audience = interaction.user
        if loading:
            message.flags |= LOADING
        else:
            self._apply(message, wish)
            if not self._says_something(message):
                raise failures.empty_message()
        if interaction is not None:
            message.signals.append(interaction.signal)
        self.publish(message)
        return message

    def blank(self, channel: Channel, author: User) -> Message:
        return Message(self._world.ids.mint(), channel, author, self._world.now())

    def publish(self, message: Message) -> None:
        message.channel.messages[message.id] = message
        self._world.messages[message.id] = message
        self.note(message)
        self._announce("MESSAGE_CREATE", message)

    def edit(self, message: Message, wish: Wish) -> None:
        if message.deleted:
            raise failures.unknown_message()
        self._apply(message, wish)
        if not self._says_something(message):
            raise failures.empty_message()
        message.flags &= ~LOADING
        message.edited = self._world.now()
        self.note(message)
        self._announce("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        if message.deleted:
            raise failures.unknown_message()
        message.deleted = True
        message.channel.messages.pop(message.id, None)
        for file in message.files:
            file.deleted = True
        message.wake()
        data = {"id": str(message.id), "channel_id": str(message.channel.id)}
        self._world.gateway.announce("MESSAGE_DELETE", data, message)

    def note(self, message: Message) -> None:
        message.note(self._world.now(), asyncio.get_running_loop().time())
        self._world.changed.fire()

    def _announce(self, event: str, message: Message) -> None:
        self._world.gateway.announce(event, None, message)

    def _says_something(self, message: Message) -> bool:
        return bool(message.content or message.embeds or message.files or message.components)

    def _apply(self, message: Message, wish: Wish) -> None:
        """All or nothing: the checks come before the first change."""
        data = wish.data
        form = Form(wish.prefix)
        flags = int(data.get("flags") or 0) & CHANGEABLE
        new_layout = bool((message.flags | flags) & COMPONENTS_V2)
        content = rules.check_content(form, data["content"]) if "content" in data else message.content
        embeds = rules.check_embeds(form, data["embeds"]) if "embeds" in data else message.embeds
        allowed = rules.check_allowed_mentions(form, data.get("allowed_mentions"))
        rules.check_files(form, data.get("attachments"))
        components = message.components
        if "components" in data:
            components = check_components(form, data["components"], new_layout=new_layout)
        if new_layout:
            rules.no_legacy_fields(form, content=content, embeds=embeds)
        form.raise_if_any()
        files = self._files(message, wish)
        shown = {id(embed): list(_embed_files(embed, files)) for embed in embeds} if "embeds" in data else {}
        if "components" in data:
            self._resolve_media(form, components, files)
            form.raise_if_any()
        for file in files:
            self._world.cdn.keep(file)
        if "embeds" in data:
            message.hidden = {file.id for embed in embeds for file in shown[id(embed)]}
            for embed in embeds:
                self._resolve_embed(embed, files)
        message.content, message.embeds, message.components = content, embeds, components
        message.files, message.flags = files, message.flags | flags
        note_mentions(message, allowed)

    def _files(self, message: Message, wish: Wish) -> list[Attachment]:
        """What the message has afterwards: listed ones, kept or new; without a list, its old ones and new."""
        if any(raw.size > wish.limit for raw in wish.body.files.values()):
            raise failures.too_large()
        described = wish.data.get("attachments")
        form = Form(wish.prefix)
        made = [] if "attachments" in wish.data else list(message.files)
        had = {file.id: file for file in message.files}
        todo = dict(wish.body.files)
        for index, item in enumerate(described or []):
            number = int(item["id"])
            if number in todo:
                raw = todo.pop(number)
                made.append(self._new_file(message, raw, item))
            elif number in had:
                had[number].description = item.get("description", had[number].description)
                made.append(had[number])
            else:
                words = f"Attachment data {number} not found"
                form.add(("attachments", index, "id"), "MESSAGE_ATTACHMENT_NOT_FOUND", words)
        form.raise_if_any()
        if not message.history or "attachments" not in wish.data:
            made += [self._new_file(message, raw, {}) for raw in todo.values()]
        if len(made) > rules.MAX_FILES:
            raise failures.too_many_attachments()
        return made

    def _new_file(self, message: Message, raw: RawFile, described: Json) -> Attachment:
        kind = "ephemeral-attachments" if message.ephemeral else "attachments"
        name = described.get("filename") or raw.filename
        # What a file is says its name, whatever the client says.
        upload = Upload(name, raw.content, TYPES.get(suffix(name)) or raw.content_type, raw.size)
        upload.description = described.get("description")
        return attachment_of(upload, self._world.ids.mint(), f"{kind}/{message.channel.id}")

    def _resolve_embed(self, embed: Json, files: list[Attachment]) -> None:
        """Names of files become addresses; one that is not there is not shown."""
        for holder, key in _embed_urls(embed):
            file = _named(files, holder[key])
            if file is not None:
                holder[key] = self._world.cdn.url(file)
                if file.width is not None:
                    holder.update(width=file.width, height=file.height)
                holder["proxy_" + key] = holder[key]
            elif holder[key].startswith("attachment://"):
                del holder[key]
        for key in ("image", "thumbnail"):
            if key in embed and "url" not in embed[key]:
                del embed[key]

    def _resolve_media(self, form: Form, components: list[Json], files: list[Attachment]) -> None:
        holder = Message(0, None, None, 0, components=components)  # type: ignore[arg-type]
        for item in holder.items():
            for media in media_of(item):
                file = _named(files, media["url"])
                media["id"] = str(self._world.ids.mint())
                if file is not None:
                    media["url"] = self._world.cdn.url(file)
                    media |= {"attachment_id": str(file.id), "width": file.width, "height": file.height}
                    media["content_type"] = file.content_type
                elif media["url"].startswith("attachment://"):
                    code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
                    form.add(("components",), code, f"The referenced attachment {media['url']} was not found")
                media["proxy_url"] = media["url"]


def _named(files: list[Attachment], url: str) -> Attachment | None:
    scheme, _, name = url.partition("://")
    return next((file for file in files if scheme == "attachment" and file.filename == name), None)


def _embed_urls(embed: Json) -> Iterator[tuple[Json, str]]:
    for part, key in (("image", "url"), ("thumbnail", "url"), ("author", "icon_url"), ("footer", "icon_url")):
        if embed.get(part, {}).get(key):
            yield embed[part], key


def _embed_files(embed: Json, files: list[Attachment]) -> Iterator[Attachment]:
    for holder, key in _embed_urls(embed):
        if (file := _named(files, holder[key])) is not None:
            yield file
