"""What operators do with templates: look into the folder again, offer one no longer, or again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import NotFound
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.actions import Danger, mark
from bot.presentation.card_admin import reason_line, told_card
from bot.presentation.card_admin_lists import FileChange, reload_card
from bot.presentation.card_admin_pages import name_of
from bot.presentation.cards import Card
from bot.service.admin_questions import Questions, Wish
from bot.service.admin_words import Said
from bot.service.gate import Asker
from bot.service.records import AuditEntry
from bot.service.running import RunningBot
from bot.service.shelf import Shelf


@dataclass(frozen=True, slots=True)
class AdminTemplates:
    operator: RunningBot
    questions: Questions

    @property
    def shelf(self) -> Shelf:
        return self.operator.usecases.shelf

    async def reload(self, asker: Asker) -> Card:
        changes = await self.shelf.refresh()
        problems = {broken.name: broken.problems for broken in self.shelf.library.disabled()}
        found = [
            FileChange(name, what, problems.get(name, ()))
            for names, what in (
                (changes.added, Text("new")),
                (changes.changed, Text("changed")),
                (changes.removed, Text("removed")),
            )
            for name in names
        ]
        named = {change.name for change in found}
        still = [
            FileChange(name, Text("cannot be used"), why)
            for name, why in problems.items()
            if name not in named
        ]
        if found:
            counts = (("new", changes.added), ("changed", changes.changed), ("removed", changes.removed))
            detail = ", ".join(f"{what}: {', '.join(names)}" for what, names in counts if names)
            await self._audit(asker, "template reload", "templates", detail)
        return reload_card(found, still_broken=still, usable=len(self.shelf.library.enabled()))

    async def enable(self, said: Said, asker: Asker) -> Card:
        name = self._called(said)
        broken = next((each for each in self.shelf.library.disabled() if each.name == name), None)
        quarantine, now = self.operator.usecases.gate.guards.quarantine, self.operator.clock.now()
        rested = quarantine.until(name, now) is not None
        changed = await self.shelf.offer(name, offered=True)
        if changed or rested:
            await self._audit(asker, "template on", name, said.reason())
        quarantine.lift(name)
        shown = name_of(name)
        if broken is not None:
            return told_card(
                Text("Template {name} cannot be used as it is", name=shown),
                *broken.problems[:3],
                notes=(Text("Mend its files in the folder of workflows, and have it read anew."),),
            )
        if rested and not changed:
            return told_card(
                Text("Template {name} rests no longer", name=shown),
                notes=(Text("If it fails again and again, it rests again."),),
            )
        if not changed:
            return told_card(Text("Template {name} was offered already", name=shown))
        return told_card(Text("Template {name} is offered again", name=shown))

    async def disable(self, said: Said, asker: Asker) -> Card:
        name = self._called(said)
        return await self.ask_disable(Wish(Danger.DISABLE, mark(name), said.reason()), asker)

    async def ask_disable(self, wish: Wish, asker: Asker) -> Card:
        name = self._marked(wish.subject)
        if name in self.shelf.library.switched_off():
            return _disabled_already(name)
        what = Text(
            "Nobody can ask for {name} any more until somebody enables it. What is in line is painted.",
            name=name_of(name),
        )
        if [each.name for each in self.shelf.library.enabled()] == [name]:
            what = Text("{what} It is the last template that is offered.", what=what)
        return self.questions.ask(wish, what, asker.identity)

    async def do_disable(self, wish: Wish, asker: Asker) -> Card:
        name = self._marked(wish.subject)
        if not await self.shelf.offer(name, offered=False):
            return _disabled_already(name)
        await self._audit(asker, "template off", name, wish.reason)
        headline = Text("Template {name} is offered no longer", name=name_of(name))
        return told_card(headline, reason_line(wish.reason))

    def _called(self, said: Said) -> TemplateName:
        """Raises ParameterError for no name, and TemplateNotFound with the nearest ones."""
        return self.shelf.library.called(said.needed("template", Text("Say which template.")))

    def _marked(self, subject: str) -> TemplateName:
        found = next((name for name in self.shelf.library.names() if mark(name) == subject), None)
        if found is None:
            raise NotFound(Text("That template is not in the folder any more."))
        return found

    async def _audit(self, asker: Asker, action: str, subject: str, detail: str) -> None:
        at = self.operator.clock.now()
        await self.operator.store.audit(AuditEntry(at, asker.identity, action, subject, detail))


def _disabled_already(name: TemplateName) -> Card:
    return told_card(Text("Template {name} was disabled already", name=name_of(name)))
