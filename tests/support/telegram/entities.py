"""Text and what is marked in it: what Telegram finds by itself, and how it tidies what is sent.

Bots write HTML or say their entities; Markdown is not played. Source of the rules and of the words of errors:
``td/telegram/MessageEntity.cpp`` and ``misc.cpp`` of github.com/tdlib/td.
"""

from __future__ import annotations

import re

from tests.support.telegram.failures import Json, bad
from tests.support.telegram.html import Html, Marked, sliced, utf16

TEXT = 4096
CAPTION = 1024
RAW_BYTES = 1 << 15

COMMAND = re.compile(r"(?<![\w/<>])/([a-zA-Z0-9_]{1,64})(?:@([a-zA-Z0-9_]{3,32}))?(?![\w/<>@])")
MENTION = re.compile(r"(?<![\w@/])@([a-zA-Z0-9_]{3,32})(?!\w)")
HASHTAG = re.compile(r"(?<![\w#])#(?=\w*[^\W\d_])\w+")
URL = re.compile(r"(?<![\w@./])https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
FOUND = ((COMMAND, "bot_command"), (URL, "url"), (MENTION, "mention"), (HASHTAG, "hashtag"))

# Written as escapes: the characters themselves turn the text around them.
DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f]")


def clean(text: str) -> str:
    """Characters that Telegram takes out of every text: controls, and those that turn the writing around."""
    return CONTROL.sub(" ", DROPPED.sub("", text))


def found_in(text: str) -> list[Json]:
    """What Telegram marks by itself in what anybody writes."""
    found: list[Json] = []
    taken: list[tuple[int, int]] = []
    for pattern, kind in FOUND:
        for match in pattern.finditer(text):
            start, end = match.span()
            if all(end <= low or start >= high for low, high in taken):
                taken.append((start, end))
                found.append({"type": kind, "offset": utf16(text[:start]), "length": utf16(match[0])})
    return sorted(found, key=lambda entity: entity["offset"])


def written(text: str) -> Marked:
    """What a person writes: cleaned, trimmed, with what is found in it."""
    plain = clean(text).strip()
    return Marked(plain, found_in(plain))


def sent(text: str, parse_mode: str, entities: list[Json] | None, *, most: int, what: str) -> Marked:
    """What a bot sends, after parsing. ``what``: "Message" or "Message caption". Raises :class:`ApiError`."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise bad("strings must be encoded in UTF-8") from None
    if len(raw) > RAW_BYTES:
        raise bad("Text is too long")
    mode = parse_mode.lower()
    if mode == "html":
        marked = Html(raw).parse()
    elif mode in ("", "none"):
        marked = Marked(text, _checked(entities or []))
    else:
        raise bad("Unsupported parse_mode")
    marked = _tidy(marked)
    if len(marked.text) > most:
        raise bad(f"{what} is too long")
    return marked


def _checked(entities: list[Json]) -> list[Json]:
    """Entities as a bot says them. Raises :class:`ApiError`."""
    for each in entities:
        for key in ("offset", "length", "type"):
            if key not in each:
                raise bad(f"can't parse MessageEntity: Can't find field \"{key}\"")
    return entities


def _tidy(marked: Marked) -> Marked:
    """Cleaned and trimmed, with what is found outside code and links; entities in their order."""
    text, kept = clean(marked.text), []
    # Taking characters out moves what follows; it is told by what stands before each end.
    source = marked.text
    left = len(text) - len(text.lstrip())
    shown = text.strip()
    for entity in marked.entities:
        start = utf16(clean(sliced(source, 0, entity["offset"]))) - utf16(text[:left])
        end = utf16(clean(sliced(source, 0, entity["offset"] + entity["length"]))) - utf16(text[:left])
        start, end = max(start, 0), min(end, utf16(shown))
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    solid = [each for each in kept if each["type"] in ("code", "pre", "text_link", "text_mention")]
    for entity in found_in(shown):
        end = entity["offset"] + entity["length"]
        if all(
            end <= each["offset"] or entity["offset"] >= each["offset"] + each["length"] for each in solid
        ):
            kept.append(entity)
    kept.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return Marked(shown, kept)
