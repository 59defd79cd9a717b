"""An export and its sidecar become a template, or the list of what is wrong with them. Pure.

A request keeps the two texts that it was accepted with (their ``content_hash`` names them); reading them
again here gives the same template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.errors import ParameterError, TemplateError
from bot.domain.ids import NodeId, TemplateName
from bot.domain.text import Text
from bot.templates.adapt import needed_nodes
from bot.templates.addresses import node_called
from bot.templates.assemble import assemble
from bot.templates.catalogue import Catalogue
from bot.templates.detect import Detection, detect
from bot.templates.exports import damage, read_export
from bot.templates.graph import Graph
from bot.templates.overrides import Report, apply_overrides
from bot.templates.reading import Raw
from bot.templates.resolution import SHAPES
from bot.templates.sidecar import Sidecar, parse_sidecar
from bot.templates.sizes import Limits, parse_aspect, parse_size
from bot.templates.template import Template
from bot.templates.toml_table import MOST_MISTAKES, Mistake

BATCH = "batch_size"


@dataclass(frozen=True, slots=True)
class Broken:
    """A template that cannot be used, and why; listed as disabled."""

    name: TemplateName
    problems: tuple[Text, ...]


def read_template(
    name: TemplateName, export: bytes, sidecar: bytes | None = None, catalogue: Catalogue | None = None
) -> Template | Broken:
    """The template, fitted to ``catalogue`` when one is given. Never raises for what the files hold."""
    said, mistakes = _read_sidecar(sidecar)
    try:
        graph = read_export(export)
    except TemplateError as error:
        broken = Text("{file}: {reason}", file=f"{name}.json", reason=error.text)
        return Broken(name, (broken, *(mistake.about(f"{name}.toml") for mistake in mistakes)))
    digest = hashlib.sha256(export + b"\0" + (sidecar or b"")).hexdigest()
    template, found = build(name, graph, said, digest, detect(graph, catalogue), catalogue, mistakes)
    if found:
        return Broken(name, found)
    return template.with_catalogue(catalogue) if catalogue is not None else template


def build(
    name: TemplateName,
    graph: Graph,
    sidecar: Sidecar,
    content_hash: str,
    detection: Detection,
    catalogue: Catalogue | None = None,
    misread: Sequence[Mistake] = (),
) -> tuple[Template, tuple[Text, ...]]:
    """The template as the sidecar wants it, and every problem; unusable unless there are none.

    ``catalogue`` only tells the kinds of parameters that the sidecar adds without one. ``misread``: what
    was wrong with the sidecar already, told with the rest, and nothing that only follows from it.
    """
    mistakes = list(misread)

    def report(key: str, reason: Text) -> None:
        if len(mistakes) < MOST_MISTAKES and not _follows(key, misread, mistakes):
            mistakes.append(Mistake(key, reason))

    outputs = _outputs(graph, sidecar, detection, report)
    problems = [] if any(each.concerns("outputs") for each in mistakes) else _damage(name, graph, outputs)
    sent = needed_nodes(graph, outputs)
    roles = {role: tuple(p for p in places if p.node in sent) for role, places in detection.places.items()}
    parameters, bindings = assemble(graph, roles)
    apply_overrides(graph, sidecar, parameters, bindings, catalogue, report)
    batches = bindings.pop(BATCH, ())
    parameters.pop(BATCH, None)
    template = Template(
        name=name,
        graph=graph,
        parameters=parameters,
        bindings=bindings,
        outputs=outputs,
        content_hash=content_hash,
        title=sidecar.title or name.replace("-", " ").replace("_", " ").strip().capitalize(),
        description=sidecar.description,
        command=sidecar.command,
        is_default=sidecar.default,
        presets=sidecar.presets,
        styles=sidecar.styles,
        nsfw=sidecar.nsfw,
        estimate_seconds=sidecar.estimate_seconds,
        limits=Limits(max_pixels=sidecar.max_pixels, max_count=sidecar.max_count),
        fixed=dict.fromkeys(batches, 1),
    )
    for preset, values in sidecar.presets.items():
        for key, why in _wrong_values(template, values).items():
            report(f"presets.{preset}.{key}", Text("cannot be used: {reason}", reason=why))
    return template, (*problems, *(mistake.about(f"{name}.toml") for mistake in mistakes))


def _follows(key: str, misread: Sequence[Mistake], earlier: Sequence[Mistake]) -> bool:
    """Whether a mistake at ``key`` may be but a consequence: of what could not be read there, of a kind that
    had to be guessed, or, in a preset, of a parameter that is not as it was meant."""
    if key.startswith("presets."):
        parameter = f"parameters.{key.split('.', 2)[2]}"
        return any(each.concerns(parameter) for each in earlier)
    return any(each.concerns(key) or _is_kind_of(each, key) for each in misread)


def _is_kind_of(mistake: Mistake, key: str) -> bool:
    parameter, _, last = (mistake.key or "").rpartition(".")
    return last == "kind" and key.startswith(f"{parameter}.")


def _damage(name: TemplateName, graph: Graph, outputs: tuple[NodeId, ...]) -> list[Text]:
    """What is wrong with the export, as far as ``outputs`` need it."""
    if not outputs:
        return [Text("The workflow saves nothing. Add a node that does (Save Image) and export it again.")]
    return [Text("{file}: {reason}", file=f"{name}.json", reason=each) for each in damage(graph, outputs)]


def _read_sidecar(sidecar: bytes | None) -> tuple[Sidecar, tuple[Mistake, ...]]:
    if sidecar is None:
        return Sidecar(), ()
    try:
        text = sidecar.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Sidecar(), (Mistake(None, Text(" is not UTF-8 text.")),)
    return parse_sidecar(text)


def _outputs(graph: Graph, sidecar: Sidecar, detection: Detection, report: Report) -> tuple[NodeId, ...]:
    """The nodes whose results are wanted: those that the sidecar names, else (and where it names one that
    is not there) all that save."""
    if sidecar.outputs is None:
        return detection.outputs
    found = [node_called(graph, name) for name in sidecar.outputs]
    for index, each in enumerate(found):
        if isinstance(each, Text):
            report(f"outputs[{index}]", each)
    outputs = dict.fromkeys(each for each in found if not isinstance(each, Text))
    return tuple(outputs) if all(each in outputs for each in found) else detection.outputs


def _wrong_values(template: Template, values: Mapping[str, Raw]) -> dict[str, Text]:
    """The values of a preset that the template does not take."""
    wrong: dict[str, Text] = {}
    for key, raw in values.items():
        try:
            _check_value(template, key, raw)
        except ParameterError as error:
            wrong[key] = error.text
    return wrong


def _check_value(template: Template, key: str, raw: Raw) -> None:
    canvas = template.canvas
    if key in template.parameters:
        template.parameters[key].parse(raw)
    elif key not in SHAPES or canvas is None:
        names = ", ".join([*template.parameters, *(SHAPES if canvas else ())])
        raise ParameterError(key, Text("the template has no such parameter. It has: {names}.", names=names))
    elif key == "size":
        canvas.fixed(parse_size(raw), Limits())
    else:
        parse_aspect(raw)
