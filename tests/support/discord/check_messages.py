"""The rules for what a message says: text, embeds, flags, allowed mentions, descriptions of files.

Sources: https://discord.com/developers/docs/resources/message (limits of embeds, allowed mentions)
"""

from __future__ import annotations

from typing import Any

from tests.support.discord.check_components import well_formed_url, without_nulls
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form, Path

MAX_CONTENT, MAX_EMBEDS, MAX_EMBED_SUM, MAX_FILES = 2000, 10, 6000, 10
ANY_SCHEME = ("http", "https", "attachment")
NEW_LAYOUT_CODE = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"


def check_content(form: Form, value: Any) -> str:
    return form.text(("content",), value, 0, MAX_CONTENT)


def check_embeds(form: Form, value: Any) -> list[Json]:
    path: Path = ("embeds",)
    embeds = form.items(path, value, 0, MAX_EMBEDS)
    for index, embed in enumerate(embeds):
        _embed(form, (*path, index), form.mapping((*path, index), embed))
    if not form.errors and sum(map(_letters, embeds)) > MAX_EMBED_SUM:
        words = f"Embed size exceeds maximum size of {MAX_EMBED_SUM}"
        form.add(path, "MAX_EMBED_SIZE_EXCEEDED", words)
    return [] if form.errors else [{"type": "rich", **_kept(embed)} for embed in embeds]


def _letters(embed: Json) -> int:
    total = len(embed.get("title") or "") + len(embed.get("description") or "")
    total += len((embed.get("footer") or {}).get("text") or "")
    total += len((embed.get("author") or {}).get("name") or "")
    fields = embed.get("fields") or []
    return total + sum(len(field["name"]) + len(field["value"]) for field in fields)


def _kept(embed: Json) -> Json:
    kept: Json = {key: value for key, value in without_nulls(embed).items() if value not in ([], {})}
    kept.pop("type", None)
    return kept


def _embed(form: Form, path: Path, embed: Json) -> None:
    form.text((*path, "title"), embed.get("title"), 0, 256)
    form.text((*path, "description"), embed.get("description"), 0, 4096)
    form.number((*path, "color"), embed.get("color"), 0, 0xFFFFFF)
    for index, value in enumerate(form.items((*path, "fields"), embed.get("fields"), 0, 25)):
        where = (*path, "fields", index)
        field = form.mapping(where, value)
        form.text((*where, "name"), field.get("name"), 1, 256, needed=True)
        form.text((*where, "value"), field.get("value"), 1, 1024, needed=True)
    footer = form.mapping((*path, "footer"), embed.get("footer"))
    form.text((*path, "footer", "text"), footer.get("text"), 0, 2048, needed=bool(footer))
    author = form.mapping((*path, "author"), embed.get("author"))
    form.text((*path, "author", "name"), author.get("name"), 0, 256, needed=bool(author))
    _url(form, (*path, "url"), embed.get("url"), ("http", "https"))
    _url(form, (*path, "author", "url"), author.get("url"), ("http", "https"))
    _url(form, (*path, "author", "icon_url"), author.get("icon_url"))
    _url(form, (*path, "footer", "icon_url"), footer.get("icon_url"))
    for key in ("image", "thumbnail"):
        _url(form, (*path, key, "url"), form.mapping((*path, key), embed.get(key)).get("url"))


def _url(
    form: Form, path: Path, value: Any, schemes: tuple[str, ...] = ("http", "https", "attachment")
) -> None:
    well_formed_url(form, path, form.text(path, value, 0, 2048), schemes)


def check_allowed_mentions(form: Form, value: Any) -> Json | None:
    """What may notify; None where the body leaves it open."""
    if value is None:
        return None
    path: Path = ("allowed_mentions",)
    allowed = form.mapping(path, value)
    parse = form.items((*path, "parse"), allowed.get("parse"), 0, 3)
    for index, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            words = "Value must be one of ('everyone', 'roles', 'users')."
            form.add((*path, "parse", index), "BASE_TYPE_CHOICES", words)
    for kind in ("users", "roles"):
        if form.items((*path, kind), allowed.get(kind), 0, 100) and kind in parse:
            words = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
    return allowed


def check_files(form: Form, value: Any) -> list[Json]:
    """The descriptions of files, kept and new, that ``attachments`` lists."""
    path: Path = ("attachments",)
    found = form.items(path, value, 0, MAX_FILES)
    for index, each in enumerate(found):
        where = (*path, index)
        item = form.mapping(where, each)
        if not str(item.get("id", "")).isdigit():
            form.add((*where, "id"), "NUMBER_TYPE_COERCE", f'Value "{item.get("id")}" is not snowflake.')
        form.text((*where, "description"), item.get("description"), 0, 1024)
        form.text((*where, "filename"), item.get("filename"), 0, 1024)
    return found


def no_legacy_fields(form: Form, *, content: str, embeds: list[Json]) -> None:
    """What the new layout forbids beside itself."""
    for key, value in (("content", content), ("embeds", embeds)):
        if value:
            words = f"The {key} field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            form.add((key,), NEW_LAYOUT_CODE, words)
