"""Drawing pages and pieces of them, with Jinja: everything that is put into them is text, never markup."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import bot
from bot.chat.web.visitors import visitor_of
from bot.domain.text import Text
from bot.presentation.card_text import isolated, one_line
from bot.presentation.cards import Code, Command
from bot.presentation.language import ENGLISH, Language

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def shown(value: object) -> object:
    """A value inside a sentence, drawn as HTML."""
    match value:
        case Code(text=text):
            return Markup("<code>{}</code>").format(one_line(text))
        case Command():
            return Markup("<code>{}</code>").format(str(value))
        case str():
            return escape(isolated(one_line(value)))
        case int() | float():
            return value
    return escape(str(value))


def sentence(text: Text, language: Language = ENGLISH) -> Markup:
    """A sentence with its values as HTML. The sentence itself is ours, or a translator's."""
    # Braces are all that a sentence holds for its values, so it can be escaped before they are put in.
    escaped = Language(
        language.code,
        lambda msgid: str(escape(language.gettext(msgid))),
        lambda one, many, count: str(escape(language.ngettext(one, many, count))),
    )
    return Markup(escaped.say(text, shown))  # noqa: S704 - both parts are escaped above


class Pages:
    """The templates of the package. Call it once: to compile them takes a moment."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("bot.chat.web"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(static=static_url, code=Code, version=bot.__version__)
        self._environment.filters["sentence"] = sentence

    def draw(self, name: str, language: Language = ENGLISH, **values: Any) -> Markup:
        """A template as HTML. In it, ``say("… {name} …", name=…)`` is a sentence in the language;
        ``text|sentence(language)`` draws a :class:`~bot.domain.text.Text`."""

        def say(msgid: str, /, **inside: Any) -> Markup:
            return sentence(Text(msgid, **inside), language)

        template = self._environment.get_template(name)
        return Markup(template.render(say=say, language=language, **values))  # noqa: S704 - autoescaped

    def answer(self, request: web.Request, name: str, *, status: int = 200, **values: Any) -> web.Response:
        """A whole page for whoever asks; ``visitor`` is known in it."""
        visitor = visitor_of(request)
        html = self.draw(name, visitor.language, visitor=visitor, **values)
        return web.Response(text=html, content_type="text/html", status=status)


@cache
def _static() -> Mapping[str, tuple[str, bytes]]:
    """Name -> (fingerprint, content) of everything that pages load."""
    folder = files("bot.chat.web") / "static"
    return {
        entry.name: (hashlib.sha256(content).hexdigest()[:12], content)
        for entry in folder.iterdir()
        if entry.is_file()
        for content in (entry.read_bytes(),)
    }


def static_url(name: str) -> str:
    """The address of a file below ``static/``; it changes with its content. Raises KeyError."""
    return f"/static/{_static()[name][0]}/{name}"


async def serve_static(request: web.Request) -> web.Response:
    """``/static/{fingerprint}/{name}``: browsers keep it for good."""
    name = request.match_info["name"]
    found = _static().get(name)
    if found is None:
        raise web.HTTPNotFound(text="There is no such file.\n")
    suffix = name[name.rfind(".") :]
    response = web.Response(body=found[1], content_type=_TYPES[suffix], charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.enable_compression()
    return response
