"""The folder of workflows: what is usable, what is disabled and why, what has changed on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.errors import ConfigError, TemplateError, TemplateNotFound
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.templates.build import Broken, read_template
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.choices import AmbiguousChoice, find, nearest
from bot.templates.files import read_file
from bot.templates.template import Template

MAX_NAME = 100
"""Characters of a template's name; longer ones do not fit where people pick from a list."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The two files of a template, as they are on disk: the snapshot that a request keeps."""

    export: bytes
    sidecar: bytes | None


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a template's files are, and what changes when they do."""

    export: Path | None = None
    sidecar: Path | None = None
    signature: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a refresh found, by name. ``broken`` are those of the first two that cannot be used."""

    added: tuple[TemplateName, ...] = ()
    changed: tuple[TemplateName, ...] = ()
    removed: tuple[TemplateName, ...] = ()
    broken: tuple[TemplateName, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class _Entry:
    files: _Files
    sources: Sources | None
    usable: Template | Broken


@dataclass(frozen=True, slots=True)
class Look:
    """What the library would hold, made beside the one that is in use."""

    entries: Mapping[TemplateName, _Entry]
    catalogue: Catalogue | None
    changes: Changes = Changes()


class TemplateLibrary:
    """All templates of one folder. A broken file disables its own template and no other.

    With a catalogue, templates are fitted to that server; what it cannot run is disabled too. Besides, an
    operator may switch templates off, which says nothing about their files.

    Reading may take a while, so it is parted from changing: :meth:`look` and :meth:`fit` may be called in a
    thread, :meth:`take` puts what they made in place of what was there, in one step. Whoever looks after
    that lets no two of them overlap.
    """

    def __init__(self, folder: Path, catalogue: Catalogue | None = None) -> None:
        """Read the folder. Raises :class:`ConfigError` when there is none."""
        self.folder = folder
        self._catalogue = catalogue
        self._entries: Mapping[TemplateName, _Entry] = {}
        self._off: frozenset[TemplateName] = frozenset()
        self.refresh()

    def enabled(self) -> tuple[Template, ...]:
        """Usable templates that are not switched off, by name."""
        off = self._off
        return tuple(t for n, t in sorted(self._usable()) if isinstance(t, Template) and n not in off)

    def usable(self) -> tuple[Template, ...]:
        """Those of :meth:`enabled`, and those that are switched off, by name."""
        return tuple(template for _, template in sorted(self._usable()) if isinstance(template, Template))

    def disabled(self) -> tuple[Broken, ...]:
        """Templates that cannot be used, by name, each with its reasons."""
        return tuple(t for _, t in sorted(self._usable()) if isinstance(t, Broken))

    def names(self) -> tuple[TemplateName, ...]:
        """Of all templates, usable or not."""
        return tuple(sorted(self._entries))

    def switched_off(self) -> tuple[TemplateName, ...]:
        """Those of the templates here that an operator switched off, by name."""
        return tuple(sorted(self._off & self._entries.keys()))

    def switch_off(self, names: Collection[TemplateName]) -> None:
        """Offer these no longer, and all others again. Names of which there is no template yet count too."""
        self._off = frozenset(names)

    def called(self, name: str) -> TemplateName:
        """The name as the library has it, usable or not; case does not count where it is not needed.

        Raises :class:`TemplateNotFound` with the nearest names.
        """
        entries = self._entries
        try:
            known = find(name, entries)
        except AmbiguousChoice as error:
            raise TemplateNotFound(
                Text("{name} could be {names}.", name=name, names=", ".join(error.candidates))
            ) from error
        if known is None:
            raise TemplateNotFound(self._not_found(name))
        return known

    def title(self, name: TemplateName) -> str:
        """What people know a template by, switched off or not; its name where it has no title, or is gone."""
        entry = self._entries.get(name)
        return (entry.usable.title if entry and isinstance(entry.usable, Template) else "") or name

    def get(self, name: str) -> Template:
        """The usable template of this name, as :meth:`called` finds it.

        Raises :class:`TemplateNotFound` with the nearest names, or when it is switched off;
        :class:`TemplateError` when the template is there but cannot be used.
        """
        known = self.called(name)
        if known in self._off:
            raise TemplateNotFound(Text("Template {name} is not offered at the moment.", name=known))
        found = self._entries[known].usable
        if isinstance(found, Broken):
            raise TemplateError(
                Text(
                    "Template {name} is disabled: {reasons}",
                    name=known,
                    reasons=" ".join(str(problem) for problem in found.problems[:3]),
                )
            )
        return found

    def sources(self, name: TemplateName) -> Sources:
        """The files of a usable template, for ``build.read_template`` to make it again later.

        Raises KeyError for any other name.
        """
        sources = self._entries[name].sources
        if sources is None:
            raise KeyError(name)
        return sources

    def refresh(self) -> Changes:
        """Read again what has changed on disk. Raises :class:`ConfigError` when the folder is gone."""
        return self.take(self.look())

    def use_catalogue(self, catalogue: Catalogue | None) -> None:
        """Fit every template to another server, or to none."""
        self.take(self.fit(catalogue))

    def look(self) -> Look:
        """What a refresh would make of the folder; nothing is changed. Raises :class:`ConfigError` when the
        folder is gone."""
        before, catalogue, found = self._entries, self._catalogue, _files(self.folder)
        entries: dict[TemplateName, _Entry] = {}
        added: list[TemplateName] = []
        changed: list[TemplateName] = []
        for name, files in found.items():
            known = before.get(name)
            if known is not None and known.files == files:
                entries[name] = known
                continue
            (added if known is None else changed).append(name)
            entries[name] = _entry(name, files, _read(name, files), catalogue)
        removed = before.keys() - entries.keys()
        broken = [n for n in (*added, *changed) if isinstance(entries[n].usable, Broken)]
        return Look(
            entries,
            catalogue,
            Changes(*(tuple(sorted(names)) for names in (added, changed, removed, broken))),
        )

    def fit(self, catalogue: Catalogue | None) -> Look:
        """Every template as it would be with another server, or with none; nothing is changed."""
        return Look(
            {
                name: entry if entry.sources is None else _entry(name, entry.files, entry.sources, catalogue)
                for name, entry in self._entries.items()
            },
            catalogue,
        )

    def take(self, look: Look) -> Changes:
        """Offer what was made beside."""
        self._entries, self._catalogue = look.entries, look.catalogue
        return look.changes

    def _usable(self) -> Iterable[tuple[TemplateName, Template | Broken]]:
        return ((name, entry.usable) for name, entry in self._entries.items())

    def _not_found(self, name: str) -> Text:
        if not self._entries:
            return Text("There is no template {name}: {folder} holds none.", name=name, folder=self.folder)
        close = nearest(name, self._entries)
        if close is not None:
            return Text("There is no template {name}. Did you mean {nearest}?", name=name, nearest=close)
        names = ", ".join(template.name for template in self.enabled())
        return Text("There is no template {name}. There are: {names}.", name=name, names=names)


def _entry(
    name: TemplateName, files: _Files, sources: Sources | Broken, catalogue: Catalogue | None
) -> _Entry:
    if isinstance(sources, Broken):
        return _Entry(files, None, sources)
    usable = read_template(name, sources.export, sources.sidecar, catalogue)
    if catalogue is not None and isinstance(usable, Template):
        found = check(usable, catalogue)
        if problems := tuple(f.text for f in found if f.severity == "problem"):
            usable = Broken(name, problems)
    return _Entry(files, sources, usable)


def shipped_folder() -> Path:
    """The workflows that come with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped_workflows"
    return installed if installed.is_dir() else package.parent / "workflows"


def _files(folder: Path) -> dict[TemplateName, _Files]:
    """Every export and sidecar in the folder. Links and folders called ``.json`` are no exports: the
    folder holds files that an operator put there, and nothing that points out of it."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except OSError as error:
        raise ConfigError(
            Text(
                "There is no folder of workflows at {folder}. Make one, or set workflows_dir.", folder=folder
            ),
            cause=str(error),
        ) from error
    found: dict[TemplateName, _Files] = {}
    for path in paths:
        name, suffix = TemplateName(path.stem), path.suffix.lower()
        files = found.get(name, _Files())
        if suffix not in (".json", ".toml") or path.name.startswith("."):
            continue
        stamp = (*files.signature, *_stamp(path))
        if suffix == ".json":
            found[name] = replace(files, export=path, signature=stamp)
        else:
            found[name] = replace(files, sidecar=path, signature=stamp)
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file does. A file that goes away meanwhile is read, and missed, next."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def _read(name: TemplateName, files: _Files) -> Sources | Broken:
    if len(name) > MAX_NAME or not name.isprintable():
        text = Text(
            "The file name is no name for a template: at most {most} printable letters.", most=MAX_NAME
        )
        return Broken(name, (text,))
    if files.export is None:
        return Broken(name, (Text("{name}.toml has no {name}.json beside it.", name=name),))
    try:
        sidecar = None if files.sidecar is None else read_file(files.sidecar)
        return Sources(read_file(files.export), sidecar)
    except TemplateError as error:
        return Broken(name, (error.text,))
