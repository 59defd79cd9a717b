"""Pictures without what is written beside them: ComfyUI puts the whole workflow, and the prompt text in it,
into the files it saves. The pixels' own bytes are copied as they stand; nothing is decoded.

What is kept is named, all else is dropped: texts, EXIF, XMP, private chunks, whatever follows the end.
PNG: W3C PNG (third edition) §11; JPEG: ITU-T T.81 annex B; WebP: RFC 9649; GIF: GIF89a.
"""

from __future__ import annotations

import re
import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_HAS_EXIF_OR_XMP = 0x08 | 0x04

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APPS = range(0xE0, 0xF0)
_JPEG_KEPT = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)

_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_GIF_CONTROL, _GIF_APPLICATION = 0xF9, 0xFF


def without_metadata(content: bytes) -> bytes | None:
    """``content`` of a PNG, JPEG, WebP or GIF without metadata. None: it is none of them, is damaged, or
    cannot be shown rightly without (a photograph that its EXIF turns)."""
    try:
        if content.startswith(_PNG):
            return _png(content)
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
        if content[:6] in (b"GIF87a", b"GIF89a"):
            return _gif(content)
    except (IndexError, struct.error):
        return None
    return None


def _png(content: bytes) -> bytes | None:
    parts, at = [_PNG], len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            return None
        if kind in _PNG_KEPT:
            parts.append(content[at:end])
        elif not kind[0] & 0x20:
            return None  # a chunk that one must understand to decode it
        if kind == b"IEND":
            return b"".join(parts)
        at = end


def _webp(content: bytes) -> bytes | None:
    (riff,) = struct.unpack_from("<I", content, 4)
    stop = 8 + riff
    if stop > len(content):
        return None
    parts: list[bytes] = []
    at = 12
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        if at + 8 + length > stop:
            return None
        chunk = content[at:end]
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_HAS_EXIF_OR_XMP]) + chunk[9:]
        if kind in _WEBP_KEPT:
            parts.append(chunk)
        at = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _jpeg(content: bytes) -> bytes | None:
    parts, at = [content[:2]], 2
    while True:
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _EOI:
            parts.append(content[at : at + 2])
            return b"".join(parts)
        (length,) = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(content):
            return None
        body = content[at + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\x00\x00") and _turned(body):
            return None
        if marker == _SOS:
            found = _AFTER_SCAN.search(content, end)
            if found is None:
                return None
            end = found.start()
        kept = _JPEG_KEPT.get(marker)
        if body.startswith(kept) if kept else marker != _COM and marker not in _APPS:
            parts.append(content[at:end])
        at = end


def _turned(body: bytes) -> bool:
    """Whether an EXIF segment says that the picture is to be shown turned. Unreadable counts as turned."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(body[6:10])
    if order is None:
        return True
    (first,) = struct.unpack_from(f"{order}I", body, 10)
    (count,) = struct.unpack_from(f"{order}H", body, 6 + first)
    for entry in range(count):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", body, 6 + first + 2 + 12 * entry)
        if tag == 0x0112:
            return bool(value != 1)
    return False


def _gif(content: bytes) -> bytes | None:
    at = 13 + _palette(content[10])
    parts = [content[:at]]
    while True:
        start, sign = at, content[at]
        if sign == 0x3B:
            parts.append(b"\x3b")
            return b"".join(parts)
        if sign == 0x21:
            label = content[at + 1]
            at = _blocks_end(content, at + 2)
            loops = label == _GIF_APPLICATION and content[start + 3 : start + 14] in _GIF_LOOPS
            if label == _GIF_CONTROL or loops:
                parts.append(content[start:at])
        elif sign == 0x2C:
            at = _blocks_end(content, at + 10 + _palette(content[at + 9]) + 1)
            parts.append(content[start:at])
        else:
            return None


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(content: bytes, at: int) -> int:
    while length := content[at]:
        at += 1 + length
    return at + 1
