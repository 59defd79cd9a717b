"""What Telegram answers when it refuses, and what a person's app does not let them do.

Words: the sources of Telegram's Bot API server and library (github.com/tdlib), and what its servers are
known to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class ApiError(Exception):
    """An answer that is not ``ok``. ``html``: the body when the proxy in front answers instead."""

    code: int
    description: str
    parameters: Json = field(default_factory=dict)
    html: str | None = None

    def body(self) -> Json:
        found: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return found | ({"parameters": self.parameters} if self.parameters else {})

    def __str__(self) -> str:
        return f"{self.code} {self.description}"


class CannotUse(Exception):
    """A person's own app would not let them do this, so that Telegram never hears of it."""


def bad(words: str) -> ApiError:
    """400. The first letter is made small, unless the word is all capitals, as the real server does."""
    plain = len(words) > 1 and (words[1] == "_" or "A" <= words[1] <= "Z")
    return ApiError(400, f"Bad Request: {words if plain else words[0].lower() + words[1:]}")


def forbidden(words: str) -> ApiError:
    return ApiError(403, f"Forbidden: {words}")


def conflict(words: str) -> ApiError:
    return ApiError(409, f"Conflict: {words}")


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized")


def no_such_method() -> ApiError:
    return ApiError(404, "Not Found: method not found")


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def too_many_requests(seconds: float) -> ApiError:
    """429. The real server says whole seconds."""
    return ApiError(429, f"Too Many Requests: retry after {seconds:g}", {"retry_after": seconds})


def too_large() -> ApiError:
    return ApiError(413, "Request Entity Too Large")


def by_proxy(code: int, words: str) -> ApiError:
    """The proxy in front answers, in HTML."""
    page = (
        f"<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1>"
    )
    return ApiError(
        code, words, html=page + "</center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
    )


def migrated(chat_id: int) -> ApiError:
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    return ApiError(400, words, {"migrate_to_chat_id": chat_id})


def not_modified() -> ApiError:
    return bad(
        "message is not modified: specified new message content and reply markup are exactly the same as a "
        "current content and reply markup of the message"
    )


def query_too_old() -> ApiError:
    return bad("query is too old and response timeout expired or query ID is invalid")


def too_big_photo(size: int, most: int) -> ApiError:
    return bad(f"File of size {size} bytes is too big for a photo; the maximum size is {most} bytes")
