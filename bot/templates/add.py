"""``templates add``: an export comes into the workflows folder, with a sidecar to look through.

The export is copied byte for byte. Each file appears whole or not at all, and nothing is overwritten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from bot.domain.errors import OutputError, ParameterError, TemplateError
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.templates.assemble import assemble
from bot.templates.build import BATCH, Broken, read_template
from bot.templates.catalogue import Catalogue
from bot.templates.detect import Detection, detect
from bot.templates.exports import read_export
from bot.templates.files import read_file, write_new
from bot.templates.graph import Address, Graph
from bot.templates.loader import MAX_NAME
from bot.templates.params import MEDIA, Parameter

COMMAND = "imagine"
"""By which a template is asked for unless its sidecar says otherwise."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
"""Characters that some operating system does not take in a file's name."""
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that are no files on Windows, whatever they end in: a folder may move there."""


@dataclass(frozen=True, slots=True)
class Added:
    name: TemplateName
    export: Path
    sidecar: Path
    notes: tuple[Text, ...]
    """What detection wants the operator to know."""


def add_template(
    file: Path,
    folder: Path,
    name: str | None = None,
    catalogue: Catalogue | None = None,
    *,
    title: str = "",
    command: str = COMMAND,
) -> Added:
    """Copy ``file`` into ``folder`` and write what was detected beside it, with ``title`` (by default made of
    the name) and ``command``.

    A file that lies there already only gets its sidecar. Raises :class:`TemplateError` when it is no
    usable export, :class:`ParameterError` for a name that cannot be, :class:`OutputError` when a file is
    in the way or the folder cannot be written.
    """
    target = folder / f"{_checked_name(file.stem if name is None else name)}.json"
    sidecar = target.with_name(f"{target.name.removesuffix('.json')}.toml")
    template_name = TemplateName(target.name.removesuffix(".json"))
    data = read_file(file)
    graph = read_export(data)
    detection = detect(graph, catalogue)
    text = sidecar_text(template_name, graph, detection, catalogue, title=title, command=command)
    made = read_template(template_name, data, text.encode(), catalogue)
    if isinstance(made, Broken):
        raise TemplateError(Text("{reason}", reason=made.problems[0]))
    there = _is_same(file, target)
    for path in (sidecar,) if there else (sidecar, target):
        if path.exists():
            raise OutputError(Text("{path} is there already. Give another name, or remove it.", path=path))
    write_new(sidecar, text.encode())
    if not there:
        try:
            write_new(target, data)
        except OutputError:
            sidecar.unlink(missing_ok=True)
            raise
    return Added(template_name, target, sidecar, detection.notes)


def sidecar_text(
    name: TemplateName,
    graph: Graph,
    detection: Detection,
    catalogue: Catalogue | None = None,
    *,
    title: str = "",
    command: str = COMMAND,
) -> str:
    """A sidecar that says what is detected anyway, for an operator to change. Defaults and ranges are
    comments, so that they follow the export and the server until somebody decides otherwise."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(f"What {name}.json offers. Change what is not right; docs/templates.md has all keys.")
    )
    document["title"] = title or name.replace("-", " ").replace("_", " ").strip().capitalize()
    document["description"] = ""
    document["command"] = command
    document["outputs"] = list(detection.outputs)
    parameters, bindings = assemble(graph, detection.places, catalogue)
    section = tomlkit.table(is_super_table=True)
    for parameter in parameters.values():
        if parameter.name != BATCH:
            section.add(parameter.name, _parameter_table(graph, parameter, bindings[parameter.name]))
    document["parameters"] = section
    return tomlkit.dumps(document)


def _parameter_table(graph: Graph, parameter: Parameter, places: tuple[Address, ...]) -> Table:
    table = tomlkit.table()
    bind = tomlkit.array()
    for place in places:
        node = graph.nodes[place.node]
        entry = tomlkit.inline_table()
        entry.update({"node": node.id, "input": place.input, "class_type": node.class_type})
        bind.append(entry)
    table["bind"] = bind.multiline(len(places) > 1)
    titles = dict.fromkeys(graph.nodes[place.node].title for place in places if graph.nodes[place.node].title)
    if titles:
        table.add(tomlkit.comment(_one_line(f"in ComfyUI: {', '.join(titles)}")))
    if parameter.kind not in MEDIA:
        table.add(tomlkit.comment(_one_line(f"takes {parameter.allowed()}")))
    if parameter.default is not None and parameter.default != "":
        table.add(tomlkit.comment(_one_line(f"default = {tomlkit.item(parameter.default).as_string()}")))
    return table


def _one_line(text: str, most: int = 160) -> str:
    """A comment ends with its line, whatever an export's texts hold."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= most else line[: most - 1] + "…"


def _checked_name(name: str) -> str:
    bad = _FORBIDDEN.intersection(name) or not name.isprintable() or _DEVICE.fullmatch(name)
    # What begins with a dash is an option to whoever names it in a shell.
    if bad or not name.strip(" .") or name != name.strip() or name[:1] in ".-" or len(name) > MAX_NAME:
        raise ParameterError(
            "name",
            Text(
                "{name} cannot be a template's name. Use letters, digits, dashes, at most {most} characters.",
                name=ascii(name)[1:-1][:MAX_NAME],
                most=MAX_NAME,
            ),
        )
    return name


def _is_same(file: Path, target: Path) -> bool:
    try:
        return target.exists() and file.samefile(target)
    except OSError:
        return False
