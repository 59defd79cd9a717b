"""Messages of the room as HTML: a card whole, with its pictures and buttons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zlib import crc32

from markupsafe import Markup

from bot.chat.web.pages import Pages
from bot.chat.web.play.files import is_light
from bot.chat.web.play.room import Message
from bot.domain.ids import IdentityId, RequestId
from bot.domain.jobs import request_of
from bot.domain.outputs import MediaKind
from bot.presentation.actions import OnRequest, Verb, encode, mark
from bot.presentation.card_plain import SYMBOLS
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import CELLS, Card, Picture
from bot.presentation.language import Language

PROMPT = 1200
"""Characters of somebody's own words that are shown; the whole of it stands behind Edit."""
ALT = 300
HUES = 8
"""Colours that tell people apart, beside their names."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One file of a result. ``use``: by which it can be the beginning of another picture."""

    how: Literal["image", "video", "audio", "file"]
    src: str
    href: str
    alt: str
    width: int
    height: int
    number: int
    use: str
    hidden: bool
    key: str


def drawer(pages: Pages) -> Callable[[Message, Language], Markup]:
    """What draws messages for a :class:`~bot.chat.web.play.room.Room`."""

    def draw(message: Message, language: Language) -> Markup:
        card = message.card
        return pages.draw(
            "play/message.html",
            language,
            message=message,
            card=card,
            pictures=tuple(pictures_of(card)),
            symbol=SYMBOLS[card.state],
            symbols=SYMBOLS,
            prompt=shorten(card.prompt_text, PROMPT),
            texts=[shorten(text, PROMPT) for text in card.texts],
            encode=encode,
            cells=CELLS,
            hue=hue_of(message.owner),
            owner=mark(message.owner),
            moment=datetime.fromtimestamp(message.at / 1000, UTC).isoformat(timespec="seconds"),
        )

    return draw


def hue_of(identity: IdentityId) -> int:
    """The same for somebody at all times."""
    return crc32(identity.encode()) % HUES


def pictures_of(card: Card) -> Iterator[Shown]:
    for picture in card.pictures:
        request = card.request or request_of(picture.job)
        address = f"{request}/{picture.index}/{picture.file}"
        full = f"/pictures/{address}"
        yield Shown(
            how=_how(picture),
            src=full if is_light(picture.size, picture.kind) else f"/thumbs/{address}",
            href=full,
            alt=one_line(shorten(picture.alt, ALT)),
            width=picture.width,
            height=picture.height,
            number=picture.number,
            use=use_of(request, picture) if picture.kind is MediaKind.IMAGE else "",
            hidden=picture.spoiler,
            key=f"{picture.job}.{picture.file}",
        )


def use_of(request: RequestId, picture: Picture) -> str:
    return encode(OnRequest(Verb.SHOW, request, picture.index, picture.file))


def _how(picture: Picture) -> Literal["image", "video", "audio", "file"]:
    match picture.kind:
        case MediaKind.IMAGE | MediaKind.ANIMATED:
            return "image"
        case MediaKind.VIDEO:
            return "video"
        case MediaKind.AUDIO:
            return "audio"
    return "file"
