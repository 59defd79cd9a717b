"""Templates as people may ask for them, and as each server runs them.

The library is fitted to all servers together: what one of them can do may be asked for. A request keeps
the snapshot that it was accepted with, and each server gets that snapshot fitted to its own catalogue.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping

from bot.domain.errors import TemplateError
from bot.domain.ids import ServerName, TemplateName
from bot.domain.text import Text
from bot.service.records import Snapshot
from bot.service.store import Store
from bot.service.threads import in_thread
from bot.templates.catalogue import Catalogue, merge
from bot.templates.loader import Changes, TemplateLibrary
from bot.templates.needs import restore
from bot.templates.template import Template

SWITCHED_OFF = "templates switched off"
"""Where the store keeps (``put``, ``get``) their names."""
_MOST_RESTORED = 64
"""Templates kept ready, fitted to a server each: a few hundred kilobytes apiece."""


class Shelf:
    """All templates. ``library`` is what may be asked for now; it changes between two turns of the event
    loop, never within one, so that a template and its files belong together as long as nobody waits."""

    def __init__(self, library: TemplateLibrary, store: Store) -> None:
        self.library = library
        self.merged: Catalogue | None = None
        self._store = store
        self._catalogues: dict[ServerName, Catalogue] = {}
        self._changing = asyncio.Lock()
        """One change at a time: each begins with what the one before has left."""
        self._watchers: list[Callable[[], None]] = []
        self._restored: OrderedDict[tuple[str, ServerName], tuple[Catalogue | None, Template]] = OrderedDict()

    def watch(self, changed: Callable[[], None]) -> None:
        """``changed`` is called whenever what may be asked for has changed."""
        self._watchers.append(changed)

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()

    async def use_catalogues(self, catalogues: Mapping[ServerName, Catalogue]) -> None:
        """Fit the library to what the servers offer now; does nothing when that has not changed."""
        async with self._changing:
            if not catalogues or all(
                self._catalogues.get(name) is catalogue for name, catalogue in catalogues.items()
            ):
                return
            merged = await in_thread(merge, tuple(catalogues.values()))
            look = await in_thread(self.library.fit, merged)
            self._catalogues, self.merged = dict(catalogues), merged
            self.library.take(look)
        self._tell()

    def title_of(self, name: TemplateName) -> str:
        """What people know a template by; its name when it has gone."""
        return self.library.title(name)

    async def refresh(self) -> Changes:
        """Notice new, changed and removed files. Raises ConfigError when the folder is gone."""
        async with self._changing:
            changes = self.library.take(await in_thread(self.library.look))
        if changes:
            self._tell()
        return changes

    async def recall(self) -> None:
        """At start: what an operator has switched off stays so."""
        names = await self._store.get(SWITCHED_OFF)
        if isinstance(names, list):
            self.library.switch_off([TemplateName(str(name)) for name in names])

    async def offer(self, name: TemplateName, *, offered: bool) -> bool:
        """Switch a template on or off for good. False: it was so already. Raises StoreUnavailable; then
        nothing has changed."""
        async with self._changing:
            off = set(await self._store.get(SWITCHED_OFF) or ())
            if (name not in off) is offered:
                return False
            off ^= {name}
            await self._store.put(SWITCHED_OFF, sorted(off))
            self.library.switch_off([TemplateName(each) for each in off])
        self._tell()
        return True

    def snapshot(self, template: Template) -> Snapshot:
        sources = self.library.sources(template.name)
        return Snapshot(template.content_hash, template.name, sources.export, sources.sidecar)

    async def restored(
        self, name: TemplateName, content_hash: str, server: ServerName, catalogue: Catalogue | None
    ) -> Template:
        """The template of a snapshot as one server runs it. Raises TemplateError."""
        key = (content_hash, server)
        if (known := self._restored.get(key)) is not None and known[0] is catalogue:
            self._restored.move_to_end(key)
            return known[1]
        snapshot = await self._store.snapshot(content_hash)
        if snapshot is None:
            raise TemplateError(
                Text("The template {name} of this request is not kept any more. Ask again.", name=name),
                cause=f"no snapshot {content_hash}",
            )
        made = await in_thread(restore, snapshot.name, snapshot.export, snapshot.sidecar, catalogue)
        self._restored[key] = (catalogue, made)
        while len(self._restored) > _MOST_RESTORED:
            self._restored.popitem(last=False)
        return made
