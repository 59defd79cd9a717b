"""Templates: what each offers, which servers can paint it; and workflow files that become new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web

from bot.chat.web.doors import CSRF_FIELD, read_form, require_csrf, require_operator
from bot.chat.web.operator.drops import Drop, Drops, read_drop
from bot.chat.web.operator.frame import HOME, Frame, refusal
from bot.chat.web.visitors import visitor_of
from bot.domain.durations import DAY, about
from bot.domain.errors import FairbrushError
from bot.domain.ids import ServerName, TemplateName
from bot.domain.text import Text
from bot.presentation.card_words import gpu_seconds
from bot.service.new_templates import NewTemplates
from bot.service.records import UsageRow
from bot.service.running import RunningBot
from bot.service.servers import Server
from bot.service.threads import in_thread
from bot.templates.build import Broken
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.exports import MAX_BYTES
from bot.templates.template import Template

_DAYS = 30
_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether a server can paint a template. ``lacks``: why not; None while its catalogue is not known."""

    server: ServerName
    lacks: tuple[Text, ...] | None


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """``template`` None: it cannot be used, as ``problems`` say. ``rests``: in quarantine, for so long."""

    name: TemplateName
    title: str
    template: Template | None
    problems: tuple[Text, ...]
    off: bool
    rests: Text | None
    abilities: tuple[Ability, ...]
    usage: Text


@dataclass(slots=True)
class Templates:
    frame: Frame
    operator: RunningBot
    new: NewTemplates
    drops: Drops = field(default_factory=Drops)
    _checked: dict[tuple[str, ServerName], tuple[Catalogue, Ability]] = field(default_factory=dict)
    """By the hash of a template's files, with the catalogue that it was held against."""

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{HOME}/templates", self._list)
        router.add_post(f"{HOME}/templates", self._drop)
        router.add_get(f"{HOME}/templates/new/{{key}}", self._look)
        router.add_post(f"{HOME}/templates/new/{{key}}", self._add)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        return self.frame.show(
            request,
            "templates.html",
            section="templates",
            lines=await self._lines(),
            folder=self.new.folder,
            shipped=self.new.is_shipped(),
            most=MAX_BYTES,
        )

    async def _lines(self) -> list[TemplateLine]:
        library, now = self.new.shelf.library, self.operator.clock.now()
        usable: Mapping[str, Template] = {each.name: each for each in library.usable()}
        broken: Mapping[str, Broken] = {each.name: each for each in library.disabled()}
        off = set(library.switched_off())
        rows = await self.operator.usecases.accounts.usage("template", since=now - _DAYS * DAY, until=now + 1)
        usage = {row.key: row for row in rows}
        quarantine = self.operator.usecases.gate.guards.quarantine
        lines = []
        for name in library.names():
            template, why = usable.get(name), broken.get(name)
            until = quarantine.until(name, now)
            lines.append(
                TemplateLine(
                    name,
                    library.title(name),
                    template,
                    why.problems if why else (),
                    name in off,
                    None if until is None else about(until - now),
                    () if template is None else await self._abilities(template),
                    _used(usage.get(name)),
                )
            )
        return lines

    async def _abilities(self, template: Template) -> tuple[Ability, ...]:
        servers: Sequence[Server] = tuple(self.operator.dispatcher.servers.values())
        return tuple([await self._ability(template, server) for server in servers])

    async def _ability(self, template: Template, server: Server) -> Ability:
        catalogue = server.catalogue
        if catalogue is None:
            return Ability(server.name, None)
        key = (template.content_hash, server.name)
        known = self._checked.get(key)
        if known is None or known[0] is not catalogue:
            found = await in_thread(check, template, catalogue)
            problems = tuple(each.text for each in found if each.severity == "problem")
            known = catalogue, Ability(server.name, problems[:_MOST_REASONS])
            there = {each.content_hash for each in self.new.shelf.library.usable()}
            self._checked = {each: ability for each, ability in self._checked.items() if each[0] in there}
            self._checked[key] = known
        return known[1]

    async def _drop(self, request: web.Request) -> web.StreamResponse:
        """A file is handed in: it is looked at, and nothing is written yet."""
        require_operator(request)
        visitor = visitor_of(request)
        try:
            drop = await read_drop(request)
            await self.new.look(drop.filename, drop.data)
        except FairbrushError as error:
            return self.frame.back(request, refusal(error), f"{HOME}/templates")
        key = self.drops.keep(visitor.id, drop)
        return web.Response(status=303, headers={"Location": f"{HOME}/templates/new/{key}"})

    async def _look(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        drop = self._dropped(request)
        found = await self.new.look(drop.filename, drop.data)
        library = self.new.shelf.library
        return self.frame.show(
            request,
            "new_template.html",
            section="templates",
            found=found,
            filename=drop.filename,
            chosen={"name": request.query.get("name", found.name), "title": request.query.get("title", "")},
            command=request.query.get("command", "imagine"),
            commands=sorted({each.command for each in library.usable()} | {"imagine"}),
            folder=self.new.folder,
            shipped=self.new.is_shipped(),
        )

    async def _add(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        form = await read_form(request)
        require_csrf(request, form.get(CSRF_FIELD))
        said = {name: form.get(name, "") for name in ("name", "title", "command")}
        drop, key = self._dropped(request), request.match_info["key"]
        try:
            card = await self.new.add(drop.data, actor=visitor_of(request).identity, **said)
        except FairbrushError as error:
            return self.frame.back(request, refusal(error), f"{request.path}?{urlencode(said)}")
        self.drops.forget(key)
        return self.frame.back(request, card, f"{HOME}/templates")

    def _dropped(self, request: web.Request) -> Drop:
        return self.drops.of(visitor_of(request).id, request.match_info["key"])


def _used(row: UsageRow | None) -> Text:
    if row is None:
        return Text("not used")
    return Text(
        "{jobs}, {failed} failed, {seconds} of GPU time",
        jobs=Text.counted("{count} job", "{count} jobs", row.jobs),
        failed=row.failed,
        seconds=gpu_seconds(row.gpu_seconds),
    )
