"""A workflow file that an operator hands in: what is in it, and how it becomes a template."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import OutputError, ParameterError, UserError
from bot.domain.ids import IdentityId, TemplateName
from bot.domain.text import Text
from bot.presentation.card_admin import told_card
from bot.presentation.card_admin_pages import name_of
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import Card, Command
from bot.presentation.spec_fixed import RESERVED
from bot.service.clock import Clock
from bot.service.records import AuditEntry
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.service.threads import in_thread
from bot.templates.add import add_template
from bot.templates.build import Broken, read_template
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.detect import detect
from bot.templates.exports import read_export
from bot.templates.loader import MAX_NAME, shipped_folder
from bot.templates.template import Template

_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a workflow file. ``template`` is what it would be without a word from anybody; None when it
    cannot be one, as ``problems`` say. ``lacking``: what no server here has yet; it is added all the same."""

    name: str
    template: Template | None
    problems: tuple[Text, ...]
    lacking: tuple[Text, ...]
    notes: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class NewTemplates:
    shelf: Shelf
    store: Store
    clock: Clock

    @property
    def folder(self) -> Path:
        return self.shelf.library.folder

    def is_shipped(self) -> bool:
        """Whether the folder came with the program: then an update takes away what is added to it."""
        return self.folder.resolve() == shipped_folder().resolve()

    async def look(self, filename: str, data: bytes) -> Found:
        """Raises TemplateError for what is no API export at all."""
        return await in_thread(_look, _name_from(filename), data, self.shelf.merged)

    async def add(self, data: bytes, *, name: str, title: str, command: str, actor: IdentityId) -> Card:
        """Into the folder, with a sidecar, and on offer at once. Raises ParameterError for a name or a
        command that cannot be, TemplateError, UserError where the folder does not take it, and
        StoreUnavailable."""
        command = command.strip().lstrip("/")
        if command in RESERVED:
            raise ParameterError(
                "command",
                Text(
                    "{command} is a command of the bot itself. Choose another one.", command=Command(command)
                ),
            )
        title = shorten(one_line(title), _LONGEST_TITLE)
        try:
            added = await in_thread(_add, data, self.folder, name.strip(), title, command, self.shelf.merged)
        except OutputError as error:
            # On its own it says that a picture could not be kept.
            raise UserError(error.text, cause=error.cause) from error
        await self.store.audit(
            AuditEntry(self.clock.now(), actor, "template add", added, f"/{command} {added}.json")
        )
        await self.shelf.refresh()
        return self._told(added, command)

    def _told(self, name: TemplateName, command: str) -> Card:
        broken = next((each for each in self.shelf.library.disabled() if each.name == name), None)
        if broken is not None:
            return told_card(
                Text("Template {name} is in the folder, and cannot be used yet", name=name_of(name)),
                *broken.problems[:5],
            )
        return told_card(
            Text("Template {name} is offered now", name=name_of(name)),
            Text("People ask for it with {command}.", command=Command(command)),
            Text(
                "{file} beside it says what it offers; change there what is not right.", file=f"{name}.toml"
            ),
        )


def _look(name: str, data: bytes, catalogue: Catalogue | None) -> Found:
    graph = read_export(data)
    detection = detect(graph, catalogue)
    made = read_template(TemplateName(name), data, None, catalogue)
    if isinstance(made, Broken):
        return Found(name, None, made.problems, (), detection.notes)
    found = () if catalogue is None else check(made, catalogue)
    lacking = tuple(each.text for each in found if each.severity == "problem")
    return Found(name, made, (), lacking, (*detection.notes, *made.notes))


def _add(
    data: bytes, folder: Path, name: str, title: str, command: str, catalogue: Catalogue | None
) -> TemplateName:
    # From where it is copied it is read once more: what is added is what was checked.
    with tempfile.TemporaryDirectory() as passing:
        file = Path(passing) / "workflow.json"
        file.write_bytes(data)
        return add_template(file, folder, name, catalogue, title=title, command=command).name


def _name_from(filename: str) -> str:
    """A name to propose: people's files have names of all kinds."""
    stem = filename.replace("\\", "/").rpartition("/")[2]
    stem = stem.removesuffix(".json").removesuffix(".JSON")
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem).strip("-_").lower()
    return "-".join(part for part in kept.split("-") if part)[: MAX_NAME // 2] or "workflow"
