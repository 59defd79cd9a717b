"""What a message is about: pictures that came with it, or those of the message that it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.chat.telegram.address import Address
from bot.chat.telegram.albums import Albums
from bot.chat.telegram.updates import FileKind, FileRef, Incoming, Replied
from bot.chat.telegram.uploads import Uploads
from bot.domain.errors import FlagError, NotFound
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb, decode, encode
from bot.service.follow_ups import FollowUps
from bot.service.gate import Asker
from bot.service.images import InputImage

MOST_LOOKED_AT = 100
"""Of somebody's own requests, the latest ones, among which the picture of an album is looked for."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A picture that the bot itself has painted: what is kept of it is better than what Telegram made of it.
    ``shown``: the latter, if nothing is kept any more."""

    action: OnRequest
    shown: FileRef


Source = FileRef | Ours


@dataclass(frozen=True, slots=True)
class Pictures:
    uploads: Uploads
    albums: Albums
    follow_ups: FollowUps
    bot: int
    """Its own id."""

    async def of(self, message: Incoming, asker: Asker) -> tuple[Source, ...]:
        """Its own pictures with those of its album, else those of what it answers. Raises FlagError where
        that are several of ours, of which one must be meant."""
        if message.files:
            return self.albums.files(message.chat.id, message.album) or message.files[:1]
        if message.replied is None:
            return ()
        return await self.of_replied(message.chat.id, message.replied, asker)

    async def of_replied(self, chat: int, replied: Replied, asker: Asker) -> tuple[Source, ...]:
        if not replied.files:
            return ()
        file = replied.files[0]
        if replied.sender is not None and replied.sender.id == self.bot:
            if replied.album:
                action = await self._of_album(chat, replied.message, asker)
            else:
                action = _of_buttons(replied.buttons)
            return (Ours(action, file),) if action is not None else (file,)
        return self.albums.files(chat, replied.album) or (file,)

    async def _of_album(self, chat: int, message: int, asker: Asker) -> OnRequest | None:
        """Messages of an album have no buttons; which is which, the requests of the one who asks tell."""
        for record in await self.follow_ups.usecases.my_requests(asker, MOST_LOOKED_AT):
            address = None if record.reply is None else Address.from_text(record.reply)
            if address is None or address.chat != chat or message not in address.album:
                continue
            jobs = await self.follow_ups.usecases.store.jobs_of(record.id)
            if len(jobs) == len(address.album):
                return OnRequest(Verb.SHOW, record.id, address.album.index(message) + 1)
        return None

    async def fetch(self, sources: Sequence[Source], asker: Asker) -> dict[str, InputImage]:
        """In their order, by what stands for them in an :class:`Ask`. Raises ImageRefused, and NotYours for
        somebody's private picture."""
        for source in sources:
            if isinstance(source, FileRef):
                self.uploads.refuse(source)  # before anything is fetched
        return {
            f"{number}. picture": await self._image(source, asker) for number, source in enumerate(sources, 1)
        }

    async def _image(self, source: Source, asker: Asker) -> InputImage:
        if isinstance(source, FileRef):
            return await self.uploads.fetch(source)
        try:
            return (await self.follow_ups.picture(source.action, asker)).image
        except NotFound:
            return await self.uploads.fetch(source.shown)


def _of_buttons(buttons: Sequence[str]) -> OnRequest | None:
    """Which picture of ours a message shows, by what its buttons are about; None while it is not done."""
    actions = [action for data in buttons if isinstance(action := decode(data), OnRequest)]
    if not actions or any(action.verb is Verb.CANCEL for action in actions):
        return None
    shown = {(action.index, action.file) for action in actions if action.index}
    if len(shown) > 1:
        raise FlagError(
            Text("There are several pictures. Answer the one that you mean, or press its button.")
        )
    index, file = next(iter(shown), (0, 0))
    return OnRequest(Verb.SHOW, actions[0].request, index, file)


# Kept with a question until it is answered


def as_json(source: Source) -> dict[str, Any]:
    if isinstance(source, Ours):
        return {"action": encode(source.action), "shown": as_json(source.shown)}
    return {
        "id": source.file_id,
        "unique": source.unique_id,
        "kind": source.kind.value,
        "mime": source.mime,
        "name": source.name,
        "size": source.size,
        "moving": source.moving,
    }


def from_json(found: object) -> Iterator[Source]:
    """What :func:`as_json` wrote of several; of anything else, nothing."""
    for each in found if isinstance(found, list) else []:
        match each:
            case {"action": str(data), "shown": dict(shown)}:
                action, files = (
                    decode(data),
                    [file for file in from_json([shown]) if isinstance(file, FileRef)],
                )
                if isinstance(action, OnRequest) and files:
                    yield Ours(action, files[0])
            case {"id": str(file_id), "unique": str(unique), "kind": str(kind)}:
                yield _file(each, file_id, unique, kind)


def _file(found: Mapping[str, Any], file_id: str, unique: str, kind: str) -> FileRef:
    known = next((each for each in FileKind if each.value == kind), FileKind.DOCUMENT)
    return FileRef(
        file_id,
        unique,
        known,
        str(found.get("name", "")),
        str(found.get("mime", "")),
        int(found.get("size", 0)),
        moving=found.get("moving") is True,
    )
