"""Text and what is marked in it: HTML as bots write it, and what Telegram finds by itself.

Offsets and lengths of entities count UTF-16 units; offsets in errors count bytes of UTF-8. Source of the
rules and of the words of errors: ``td/telegram/MessageEntity.cpp`` of github.com/tdlib/td.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.support.telegram.failures import ApiError, Json, bad

TEXT = 4096
CAPTION = 1024
RAW_BYTES = 1 << 15

TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,8})|#([0-9]{1,8})|([a-zA-Z]+));?")

COMMAND = re.compile(r"(?<![\w/<>])/([a-zA-Z0-9_]{1,64})(?:@([a-zA-Z0-9_]{3,32}))?(?![\w/<>@])")
MENTION = re.compile(r"(?<![\w@/])@([a-zA-Z0-9_]{3,32})(?!\w)")
HASHTAG = re.compile(r"(?<![\w#])#(?=\w*[^\W\d_])\w+")
URL = re.compile(r"(?<![\w@./])https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
FOUND = ((COMMAND, "bot_command"), (URL, "url"), (MENTION, "mention"), (HASHTAG, "hashtag"))

# Written as escapes: the characters themselves turn the text around them.
DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f]")


def utf16(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def sliced(text: str, offset: int, length: int) -> str:
    """The part of ``text`` that an entity marks."""
    return text.encode("utf-16-le")[2 * offset : 2 * (offset + length)].decode("utf-16-le")


@dataclass(frozen=True)
class Marked:
    """A text and its entities, as the API says them."""

    text: str = ""
    entities: list[Json] = field(default_factory=list)

    def marks(self) -> list[tuple[str, str]]:
        """Kinds of entities with the text that each marks."""
        return [(each["type"], sliced(self.text, each["offset"], each["length"])) for each in self.entities]


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


@dataclass
class Open:
    """A tag that is not closed yet. ``start``: UTF-16 units; ``at``: where its text begins."""

    tag: str
    argument: str
    start: int
    at: int


class Html:
    """HTML as Telegram reads it. ``raw``: UTF-8."""

    def __init__(self, raw: bytes) -> None:
        # Latin-1 keeps one character for each byte, so that positions are byte offsets.
        self._text = raw.decode("latin-1")
        self._out = bytearray()
        self._units = 0
        self._open: list[Open] = []
        self._entities: list[Json] = []

    def parse(self) -> Marked:
        text, at = self._text, 0
        while at < len(text):
            if text[at] == "&" and (found := _reference(text, at)) is not None:
                character, at = found
                self._out += character.encode("utf-8", "surrogatepass")
                self._units += utf16_of(character)
            elif text[at] != "<":
                byte = ord(text[at])
                self._out.append(byte)
                self._units += (byte & 0xC0 != 0x80) + (byte >= 0xF0)
                at += 1
            else:
                at = self._end(at) if text[at + 1 : at + 2] == "/" else self._start(at)
        if self._open:
            raise _cannot(f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        try:
            plain = self._out.decode()
        except UnicodeDecodeError:
            raise _cannot(
                "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched "
                "surrogate code units"
            ) from None
        for entity in self._entities:
            if entity["type"] == "code":
                entity.pop("language", None)
        return Marked(plain, sorted(self._entities, key=lambda each: (each["offset"], -each["length"])))

    def _start(self, begin: int) -> int:
        text = self._text
        match = re.compile(r"[^\s>]*").match(text, begin + 1)
        assert match is not None
        at, tag = match.end(), match[0].lower()
        if at >= len(text):
            raise _cannot(f"Unclosed start tag at byte offset {begin}")
        if tag not in TAGS:
            raise _cannot(f'Unsupported start tag "{tag}" at byte offset {begin}')
        argument, at = self._attributes(tag, begin, at)
        if tag == "span" and argument != "spoiler":
            raise _cannot(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self._open.append(Open(tag, argument, self._units, len(self._out)))
        return at + 1

    def _attributes(self, tag: str, begin: int, at: int) -> tuple[str, int]:
        """What the attributes of a tag say that counts, and where its ``>`` is."""
        text, argument = self._text, ""
        while True:
            at = _spaces(text, at)
            if text[at : at + 1] == ">":
                return argument, at
            name = re.compile(r"[^\s=>/\"']*").match(text, at)
            assert name is not None
            if not name[0]:
                where = f'Empty attribute name in the tag "{tag}" at byte offset {begin}'
                raise _cannot(where if at < len(text) else f"Unclosed start tag at byte offset {begin}")
            at = _spaces(text, name.end())
            if text[at : at + 1] != "=":
                if at >= len(text):
                    raise _cannot(f'Unclosed start tag "{tag}" at byte offset {begin}')
                argument = "1" if (tag, name[0]) == ("blockquote", "expandable") else argument
                continue
            at = _spaces(text, at + 1)
            if at >= len(text):
                raise _cannot(f'Unclosed start tag "{tag}" at byte offset {begin}')
            value, at = _value(text, at)
            if at >= len(text):
                raise _cannot(f"Unclosed start tag at byte offset {begin}")
            argument = _argument(tag, name[0], value, argument)

    def _end(self, begin: int) -> int:
        text = self._text
        if not self._open:
            raise _cannot(f"Unexpected end tag at byte offset {begin}")
        match = re.compile(r"[^\s>]*").match(text, begin + 2)
        assert match is not None
        at = _spaces(text, match.end())
        if text[at : at + 1] != ">":
            raise _cannot(f"Unclosed end tag at byte offset {begin}")
        opened, tag = self._open.pop(), match[0].lower()
        if tag and tag != opened.tag:
            words = f'expected "</{opened.tag}>", found "</{tag}>"'
            raise _cannot(f"Unmatched end tag at byte offset {begin}, {words}")
        if self._units > opened.start:
            self._mark(opened)
        return at + 1

    def _mark(self, opened: Open) -> None:
        kind = TAGS[opened.tag]
        found: Json = {"type": kind, "offset": opened.start, "length": self._units - opened.start}
        inside = self._entities[-1] if self._entities else {}
        same = all(inside.get(key) == found[key] for key in ("offset", "length"))
        if kind == "text_link":
            url = opened.argument or self._out[opened.at :].decode()
            if not re.match(r"(https?://|tg://)?[^\s/]+\.|tg://", url):
                return
            found["url"] = url if "://" in url else f"http://{url}"
        elif kind == "blockquote" and opened.argument:
            found["type"] = "expandable_blockquote"
        elif kind == "custom_emoji":
            found["custom_emoji_id"] = opened.argument
        elif kind == "pre" and same and inside.get("type") == "code" and inside.get("language"):
            self._entities.pop()
            found["language"] = inside["language"]
        elif kind == "code" and opened.argument:
            found["language"] = opened.argument
        self._entities.append(found)


def _reference(text: str, at: int) -> tuple[str, int] | None:
    """The character that an ``&…;`` stands for and where it ends; None: it is just an ampersand."""
    match = REFERENCE.match(text, at)
    if match is None:
        return None
    if match[3]:
        return (NAMED[match[3]], match.end()) if match[3] in NAMED else None
    code = int(match[1], 16) if match[1] else int(match[2])
    return (chr(code), match.end()) if 0 < code < 0x10FFFF else None


def utf16_of(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _spaces(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in " \t\r\n\0\x0b\x0c":
        at += 1
    return at


def _value(text: str, at: int) -> tuple[str, int]:
    """The value of an attribute and where it ends; the end of the text if it is not closed."""
    quote = text[at]
    if quote not in "\"'":
        match = re.compile(r"[a-zA-Z0-9.-]*").match(text, at)
        assert match is not None
        follows = text[match.end() : match.end() + 1]
        if follows and not follows.isspace() and follows != ">":
            raise _cannot(f"Unexpected end of name token at byte offset {at}")
        return match[0].lower(), match.end()
    value, at = "", at + 1
    while at < len(text) and text[at] != quote:
        found = _reference(text, at) if text[at] == "&" else None
        if found is not None:
            value, at = value + found[0].encode().decode("latin-1"), found[1]
        else:
            value, at = value + text[at], at + 1
    return value.encode("latin-1").decode(), at + 1


def _argument(tag: str, name: str, value: str, before: str) -> str:
    if (tag, name) in (("a", "href"), ("tg-emoji", "emoji-id")):
        return value
    if (tag, name) == ("code", "class") and value.startswith("language-"):
        return value.removeprefix("language-")
    if (tag, name) == ("span", "class") and value.startswith("tg-"):
        return value.removeprefix("tg-")
    return "1" if (tag, name) == ("blockquote", "expandable") else before


def _cannot(words: str) -> ApiError:
    return ApiError(400, f"Bad Request: can't parse entities: {words}")
