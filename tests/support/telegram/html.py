"""HTML as Telegram reads it: which tags there are, and the words for what is wrong with them.

Offsets and lengths of entities count UTF-16 units; offsets in errors count bytes of UTF-8. Source of the
rules and of the words: ``parse_html`` in ``td/telegram/MessageEntity.cpp`` of github.com/tdlib/td.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.support.telegram.failures import ApiError, Json

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
