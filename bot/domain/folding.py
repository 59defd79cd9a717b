"""Texts brought to one plain form, so that a word is found however its letters are dressed. Pure.

The plain form holds letters, digits and marks of words, a space for each white space, the symbols that stand
for letters (:data:`SYMBOLS`), an apostrophe for each of its kinds, and a dot for anything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import chain
from types import MappingProxyType

SYMBOLS = "@$!|"

_APOSTROPHES = "'’‘ʼ＇`´"
_INVISIBLE = "\u115f\u1160\u3164\uffa0\u17b4\u17b5"
_DIACRITICS = (
    (0x0300, 0x036F),  # Latin, Greek, Cyrillic
    (0x0483, 0x0489),  # Cyrillic
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x180B, 0x180F),  # Mongolian selectors
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),  # around symbols
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
"""Marks that dress a letter. In other scripts marks are letters of their own: vowels, voiced kana."""
_MOST_MARKS = 4
"""On one letter; more serve no language, and sorting them takes time that grows with their square."""

_LATIN = MappingProxyType(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ƀ": "b", "ı": "i"}
)
"""Accents that Unicode does not take apart."""
_ALIKE = MappingProxyType(
    dict(
        chain(
            zip("аАвВеЕзЗиИіІїЇјЈкКмМнНоОпПрРсСтТуУхХ", "aabbee33uuiiiijjkkmmhhoonnppccttyyxx", strict=True),
            zip("ѕЅһҺԁԀԛԚԝԜѵѴьЬӏӀғҒүҮҡґѡѠєЄґҐҝ", "sshhddqqwwvvbbllffyykrwweerrk", strict=True),
            zip(
                "αΑβΒγεΕζΖηΗιΙκΚλμΜνΝξοΟπρΡσςΣτΤυΥχΧωΩϲϹϳ",
                "aabbyeezznhiikklumvneoonppsssttuyxxwwccj",
                strict=True,
            ),
            zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True),
            zip(
                "ɑɐəɛɡɩʝɭɱɲŋɔɵɾɹʂʃƭʈʉʋʍƴʐɓɖƈɗƒɠɦƙƚɫɨʇ",
                "aaeegijlmnnoorrssttuvwyzbdcdfghkllit",
                strict=True,
            ),
            zip("օՕսոհքցԼ", "oounhpgl", strict=True),
            zip("ᎪᏴᏏᏟᎠᎬᏀᎻᏆᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᎩᏃ", "abbcdeghijklmprstvwyz", strict=True),
            zip("Ƅƅꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "bbabcdefghijklmnoprstuvwxyz", strict=True),
            zip("ⲀⲂⲈⲌⲎⲒⲔⲘⲚⲞⲢⲤⲦⲨⲬⲁⲃⲉⲍⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭ", "abezhikmnopctyxabezikmnopctyx", strict=True),
            zip("𐌀𐌁𐌂𐌃𐌄𐌅𐌇𐌉𐌊𐌋𐌌𐌍𐌏𐌐𐌓𐌔𐌕𐌖𐌗", "abcdefhiklmnoprstux", strict=True),
            # Alphabets that generators of "fancy text" put together of other scripts.
            zip("ᗩᗷᑕᗪᖴᕼᒍᒪᗰᑎᑭᑫᖇᔕᑌᐯᗯ᙭ᘔᗅᖯᗞ", "abcdfhjlmnpqrsuvwxzabd", strict=True),
            zip("卂乃匚乇千卄丨ﾌフㄥ爪几ㄖ卩尺丂ㄒㄩ山乂ㄚ乙", "abcefhijjlmnoprstuwxyz", strict=True),
            zip("ค๒๔เ๓ภ๏թรยฬץא", "abdimnopsuwyx", strict=True),
            zip(
                "ꍏꌃꉓꀸꍟꎇꁅꃅꀤꀭꀘ꒒ꂵꈤꂦꉣꆰꋪꌗ꓄ꀎꃴꅏꊼꌩꁴ",
                "abcdefghijklmnopqrstuvwxyz",
                strict=True,
            ),
            zip("ᏗᏰፈᎴᏋᎦᎶᏂᎥᏠᏝᏁᎧᎮᎤᏕᏖᏬᏉᏇጀፚ", "abcdefghijlnopqstuvwxz", strict=True),
            zip("ცʄɧɬყ", "bfhly", strict=True),
            zip("₳฿₵₣₲₭₥₦₱₴₮₩∀", "abcfgkmnpstwa", strict=True),
            ((chr(0x1F150 + i), chr(97 + i)) for i in range(26)),  # negative circled
            ((chr(0x1F170 + i), chr(97 + i)) for i in range(26)),  # negative squared
            ((chr(0x1F1E6 + i), chr(97 + i)) for i in range(26)),  # regional indicators
            {"ю": "io", "€": "e", "£": "l", "¢": "c", "¥": "y"}.items(),
        )
    )
)
"""Letters that look like Latin ones. Few words of another script are a Latin word from end to end."""
_LATIN_BLOCKS = (
    (0x00C0, 0x02FF),
    (0x0363, 0x036F),
    (0x1D00, 0x1DFF),
    (0x1E00, 0x1EFF),
    (0x2C60, 0x2C7F),
    (0xA720, 0xA7FF),
    (0xAB30, 0xAB6F),
    (0x10780, 0x107BF),
    (0x1DF00, 0x1DFFF),
)
_BY_NAME = re.compile(
    r"(?:COMBINING |MODIFIER )?(?:LATIN )?(?:CAPITAL |SMALL )?LETTER (?:SMALL )?(?:CAPITAL )?"
    r"(?:[A-Z-]+ )??([A-Z])(?: WITH .+)?"
)
"""Names of the Unicode standard say which letter a Latin one with hooks, tails and strokes is. A few of them
stand above others as marks."""


def fold(text: str, *, alike: bool = False) -> str:
    """The plain form. ``alike``: letters that look like Latin ones have become those.

    Takes time in proportion to the text, whatever it holds.
    """
    if text.isascii():
        return text.translate(_ASCII)
    text = _each(text, lambda c: c if not _is_dressing(c) else _by_name(c) if alike else "")
    if marks := "".join(re.escape(c) for c in set(text) if unicodedata.combining(c)):
        text = re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text)
    text = unicodedata.normalize("NFKC", text)
    return _each(text, _alike if alike else _plain)


def _each(text: str, change: Callable[[str], str]) -> str:
    return text.translate({ord(c): change(c) for c in set(text)})


def _is_dressing(c: str) -> bool:
    """Whether a character is to be dropped: a diacritic, or one that nobody sees."""
    match unicodedata.category(c):
        case "Mn" | "Me":
            return any(first <= ord(c) <= last for first, last in _DIACRITICS) or c in _INVISIBLE
        case "Cc" | "Cf":
            return not c.isspace()
        case _:
            return c in _INVISIBLE


def _alike(c: str) -> str:
    return "".join(_plain(_latin(letter)) for letter in _undressed(c))


def _latin(letter: str) -> str:
    found = _ALIKE.get(letter) or _ALIKE.get(letter.casefold()) or _ALIKE.get(letter.upper())
    return found or _by_name(letter) or letter


def _by_name(c: str) -> str:
    """The Latin letter that the standard calls it; "" for any other character, and for one that is read as
    Latin letters anyhow."""
    if not any(first <= ord(c) <= last for first, last in _LATIN_BLOCKS) or _plain(c).isascii():
        return ""
    found = _BY_NAME.fullmatch(unicodedata.name(c, ""))
    return found[1].lower() if found else ""


def _plain(c: str) -> str:
    """A character of a normalised text, as it stands in the plain form."""
    if c in _APOSTROPHES:
        return "'"
    bare = _undressed(_undressed(c).casefold())
    return "".join(_classified(part) for letter in bare for part in _LATIN.get(letter, letter))


def _undressed(c: str) -> str:
    if len(c) == 1 and not unicodedata.decomposition(c):
        return c
    if "\u3040" <= c <= "\u30ff" or "\uac00" <= c <= "\ud7af":
        return c  # kana with voicing marks and Hangul syllables are no dressed letters
    return "".join(part for part in unicodedata.normalize("NFD", c) if not _is_dressing(part))


def _classified(c: str) -> str:
    if c in SYMBOLS:
        return c
    if "\u30a1" <= c <= "\u30f6":
        return chr(ord(c) - 0x60)  # katakana read as hiragana
    kind = unicodedata.category(c)
    if kind[0] == "Z" or c.isspace():
        return " "
    if kind == "Lm" and "\u02b0" <= c <= "\u02ff":
        return "."
    return c if kind[0] in "LMN" else "."


_ASCII = MappingProxyType({code: "" if _is_dressing(chr(code)) else _plain(chr(code)) for code in range(128)})

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1100, 0x11FF),  # Korean, whose particles cling to words
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x30FF),  # Japanese
    (0x3130, 0x318F),
    (0x3400, 0x9FFF),  # Chinese characters
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def is_unspaced(text: str) -> bool:
    """Whether it holds letters of a script that puts no spaces between words."""
    return any(first <= ord(c) <= last for c in text for first, last in _UNSPACED)
