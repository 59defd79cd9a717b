"""Each template against what the servers have: nodes, models, ranges."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bot.cli.checks.packs import brings
from bot.cli.checks.rows import Row, Status
from bot.cli.checks.servers import Server
from bot.config import Settings
from bot.domain.errors import FairbrushError
from bot.domain.ids import TemplateName
from bot.templates.catalogue import Catalogue
from bot.templates.check import Finding, check
from bot.templates.loader import TemplateLibrary, shipped_folder
from bot.templates.template import Template


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one server would say to a template."""

    server: Server
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(found for found in self.findings if found.severity == "problem")


def rows(settings: Settings, servers: Sequence[Server], off: Collection[TemplateName] = ()) -> list[Row]:
    """``off``: those that an operator switched off. Reads files; call it in a thread."""
    return list(_rows(settings, servers, off))


def _rows(settings: Settings, servers: Sequence[Server], off: Collection[TemplateName]) -> Iterator[Row]:
    try:
        library = TemplateLibrary(settings.workflows_dir)
        shipped: TemplateLibrary | None = TemplateLibrary(shipped_folder())
    except FairbrushError as error:
        yield Row("problem", "templates", "templates", str(error))
        return
    if not library.enabled() and not library.disabled():
        yield Row(
            "problem",
            "templates",
            "templates",
            f"{settings.workflows_dir} holds no workflow. Add one:  fairbrush templates add FILE",
        )
    for broken in library.disabled():
        for problem in broken.problems:
            yield Row("problem", "templates", f"template {broken.name}", str(problem))
    if all(server.catalogue is None for server in servers):
        words = f"{len(library.enabled())} of them could not be checked: no server gave its node catalogue."
        yield Row("warning", "templates", "templates", words)
        return
    looks = {template.name: _look(template, servers) for template in library.enabled()}
    usable = {name for name, looked in looks.items() if any(not each.problems for each in looked)} - set(off)
    for template in library.enabled():
        subject = f"template {template.name}"
        if template.name in off:
            words = f"Switched off by an operator. In chat:  /admin templates enable {template.name}"
            yield Row("ok", "templates", subject, words)
            continue
        # Without the default one something can still be painted, if there is any other.
        unasked = (usable or not template.is_default) and _is_shipped(library, shipped, template.name)
        for status, message in _of_template(template, servers, looks[template.name], unasked=bool(unasked)):
            yield Row(status, "templates", subject, message)


def _look(template: Template, servers: Sequence[Server]) -> list[_Looked]:
    return [
        _Looked(server, _findings(template, server.catalogue, embedded=server.embedded))
        for server in servers
        if server.catalogue is not None
    ]


def _of_template(
    template: Template, servers: Sequence[Server], looked: Sequence[_Looked], *, unasked: bool
) -> Iterator[tuple[Status, str]]:
    """``unasked``: it came with the program, and nobody chose it."""
    several = len(servers) > 1
    able = [each for each in looked if not each.problems]
    if not able:
        # The one that lacks least is the nearest to a picture.
        best = min(looked, key=lambda each: len(each.problems))
        front = f"On {best.server.name}, the nearest to it: " if several else ""
        catalogue = best.server.catalogue
        if unasked:
            # Nobody chose it: that a server has other models than it names is nothing to repair.
            whose = "these servers" if several else "this server"
            more = len(best.problems) - 1
            rest = f" (and {more} more)" if more else ""
            said = f"{front}{_said(best.problems[0], catalogue)}{rest}"
            yield "warning", f"Comes with Fairbrush, not for {whose}: {said}"
            return
        for found in best.findings:
            yield found.severity, f"{front}{_said(found, catalogue)}"
        return
    names = ", ".join(each.server.name for each in able)
    unable = [each.server.name for each in looked if each.problems]
    where = "the server can run it" if not several else f"{names} can run it"
    if unable:
        where += f", {', '.join(unable)} cannot"
    notes = dict.fromkeys(
        (f"On {each.server.name}: " if several else "") + str(found.text)
        for each in able
        for found in each.findings
    )
    for note in notes:
        yield "warning", note
    if not notes:
        yield "ok", f"/{template.command}: {where}."


def _findings(template: Template, catalogue: Catalogue, *, embedded: bool) -> tuple[Finding, ...]:
    found = check(template, catalogue)
    # That the engine's models stand in for the template's is its nature, and said once of the server.
    return tuple(each for each in found if each.severity == "problem" or not embedded)


def _said(found: Finding, catalogue: Catalogue | None) -> str:
    """With where a missing node class comes from."""
    missing = found.text.args.get("name")
    if catalogue is None or not isinstance(missing, str) or found.text.args.keys() != _MISSING_NODE:
        return str(found.text)
    source = brings(missing)
    return f"{found.text} {source}" if source else str(found.text)


_MISSING_NODE = {"name", "nodes", "hint"}
"""The places of the one sentence of ``bot.templates.check`` that names a node class."""


def _is_shipped(library: TemplateLibrary, shipped: TemplateLibrary | None, name: TemplateName) -> bool:
    """Whether it came with the program and is as it came, wherever it lies now."""
    try:
        return shipped is not None and library.sources(name) == shipped.sources(name)
    except (KeyError, FairbrushError):
        return False
