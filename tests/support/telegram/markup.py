"""What may stand under a message: inline keyboards, forced replies, keyboards of words."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.telegram.failures import Json, bad

DATA_BYTES = 64
BUTTONS = 100
ROW = 8
COPIED = 256
KINDS = (
    "url",
    "callback_data",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "copy_text",
    "web_app",
)
KINDS_TOO = ("switch_inline_query_chosen_chat", "login_url", "pay", "callback_game")
LINK = re.compile(r"(https?://|tg://|t\.me/)\S+|[\w-]+(\.[\w-]+)+(/\S*)?")


def read_markup(text: str | None, *, inline_only: bool) -> tuple[Json | None, Json | None]:
    """The inline keyboard, and whatever else was asked for instead. Raises :class:`ApiError`."""
    if not text:
        return None, None
    try:
        markup = json.loads(text)
    except ValueError:
        raise bad("can't parse reply keyboard markup JSON object") from None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" in markup:
        return _inline(markup["inline_keyboard"]), None
    if inline_only and any(markup.get(key) for key in ("force_reply", "remove_keyboard", "keyboard")):
        raise bad("inline keyboard expected")
    return None, markup or None


def _inline(rows: Any) -> Json | None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    kept = [[_button(button) for button in row] for row in rows if row]
    if sum(map(len, kept)) > BUTTONS:
        raise bad("reply markup is too long")
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad("can't parse inline keyboard button: Can't find field \"text\"")
    # Only the first kind counts, and an empty one is none: so does the real server look for them.
    kinds = [key for key in (*KINDS, *KINDS_TOO) if button.get(key)]
    if not kinds:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not button["text"].strip():
        raise bad("inline keyboard button text must be non-empty")
    if len(button.get("callback_data", "").encode()) > DATA_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if kinds[0] == "url" and not LINK.fullmatch(button["url"]):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: URL host is empty")
    if kinds[0] == "copy_text" and not 1 <= len(button["copy_text"].get("text", "")) <= COPIED:
        raise bad("BUTTON_COPY_TEXT_INVALID")
    return button


def too_wide(keyboard: Json | None) -> bool:
    """Rows longer than apps show: taken by the server, and surely not meant."""
    return keyboard is not None and any(len(row) > ROW for row in keyboard["inline_keyboard"])
