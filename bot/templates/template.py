"""A template: an untouched export with named places to write to. Pure.

The straight line: :meth:`Template.resolve` turns what a person asked for into complete values,
:meth:`ResolvedValues.for_index` into those of one job, :meth:`Template.bind` into the graph to submit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.errors import ParameterError
from bot.domain.ids import NodeId, TemplateName
from bot.domain.text import Text
from bot.templates import adapt, resolution
from bot.templates.assemble import role_of
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Address, Graph, Json
from bot.templates.params import MEDIA, MediaParameter, Parameter, Value
from bot.templates.reading import Raw
from bot.templates.roles import Role
from bot.templates.sizes import NO_LIMITS, Canvas, Limits, Size, canvas
from bot.templates.values import LoraChoice, ResolvedValues, Style


@dataclass(frozen=True)
class Template:
    """Graph, parameters, and which literals each parameter writes.

    ``fixed`` literals are written whatever is asked: batch sizes are always 1, because a request for n
    pictures is n jobs (batching changes the noise, and holds the GPU for longer than one turn).
    ``fallbacks`` are notes by parameter, said when the default that a server lacks was replaced.
    ``content_hash`` names export and sidecar together.
    """

    name: TemplateName
    graph: Graph
    parameters: Mapping[str, Parameter]
    bindings: Mapping[str, tuple[Address, ...]]
    outputs: tuple[NodeId, ...]
    content_hash: str
    title: str = ""
    description: str = ""
    command: str = "imagine"
    is_default: bool = False
    presets: Mapping[str, Mapping[str, Raw]] = field(default_factory=dict)
    styles: Mapping[str, Style] = field(default_factory=dict)
    nsfw: bool = False
    estimate_seconds: float | None = None
    limits: Limits = NO_LIMITS
    fixed: Mapping[Address, Json] = field(default_factory=dict)
    fallbacks: Mapping[str, Text] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()

    @property
    def media(self) -> tuple[str, ...]:
        """Names of the parameters that need a file."""
        return tuple(n for n, p in self.parameters.items() if isinstance(p, MediaParameter) and p.required)

    @property
    def lora_places(self) -> tuple[str, ...]:
        """Names of the parameters that choose a LoRA, in the order in which ``--lora`` fills them."""
        return tuple(name for name in self.parameters if role_of(name) is Role.LORA)

    @property
    def canvas(self) -> Canvas | None:
        """Size rules, for a template whose width and height can be set."""
        width, height = self._exported("width"), self._exported("height")
        size = Size(width, height) if isinstance(width, int) and isinstance(height, int) else None
        return canvas(
            self.parameters.get("width"), self.parameters.get("height"), size, self.limits.max_pixels
        )

    def resolve(
        self,
        request: Mapping[str, Raw | None],
        *,
        limits: Limits,
        draw: Callable[[int, int], int],
        preset: str | None = None,
        style: str | None = None,
        loras: Sequence[LoraChoice] = (),
    ) -> ResolvedValues:
        """Complete, checked values for ``request`` (parameter names, and ``size`` or ``aspect``).

        What is asked goes before the preset, that before the defaults. The template's limits and
        ``limits`` (the tier's) both hold. ``draw(low, high)`` draws a seed, both ends included.
        Raises :class:`ParameterError`.
        """
        return resolution.resolve(
            self, request, limits=limits, draw=draw, preset=preset, style=style, loras=loras
        )

    def check_count(self, count: int, limits: Limits) -> None:
        """Raise :class:`ParameterError` for a number of pictures that template or tier does not allow."""
        for most, owner in ((self.limits.max_count, "template"), (limits.max_count, "tier")):
            if count < 1 or (most is not None and count > most):
                who = Text("this template allows") if owner == "template" else Text("you may ask for")
                text = (
                    Text("count must be 1 or more, not {count}.", count=count)
                    if count < 1
                    else Text(
                        "count {count} is too many: {who} at most {most}.", count=count, who=who, most=most
                    )
                )
                raise ParameterError("count", text)

    def bind(self, values: ResolvedValues, uploads: Mapping[str, str] | None = None) -> Graph:
        """The graph to submit: bound literals written, and only what the wanted outputs need.

        Links, nodes, classes and all other literals stay as exported; a written literal keeps the JSON
        type that it had. ``uploads`` gives the server's name for each input file that ``values`` refers
        to. Raises KeyError for a file that was not uploaded and ValueError for values of another template.
        """
        if values.template != self.name:
            raise ValueError(f"values of {values.template} for template {self.name}")
        writes: dict[Address, Json] = dict(self.fixed)
        for name, value in values.values.items():
            if value is None:
                continue
            if self.parameters[name].kind in MEDIA:
                value = (uploads or {})[str(value)]
            for address in self.bindings[name]:
                writes[address] = _like(self.graph.value(address), value)
        return adapt.needed_nodes(self.graph.with_values(writes), self.outputs)

    def with_catalogue(self, catalogue: Catalogue) -> Template:
        """This template as ``catalogue``'s server can run it: ranges and choices filled in, file names
        written as the server writes them, missing defaults replaced (``fallbacks`` and ``notes`` say so)."""
        return adapt.to_catalogue(self, catalogue)

    def _exported(self, name: str) -> Value:
        """The default, else what the first place holds."""
        parameter, places = self.parameters.get(name), self.bindings.get(name)
        if parameter is None or not places:
            return None
        value = parameter.default if parameter.default is not None else self.graph.value(places[0])
        return value if isinstance(value, str | int | float) else None


def _like(exported: Json, value: str | int | float | bool) -> Json:
    """``value`` in the JSON type of the literal that it replaces: the server must read what a person's
    export would have said. A whole number in a place for fractions may be written without a point by the
    browser, so a fraction is never cut off there."""
    if isinstance(exported, str) or isinstance(value, str):
        return str(value)
    if isinstance(exported, bool):
        return bool(value)
    if isinstance(exported, float):
        return float(value) if float(value) == value else value
    return value if isinstance(value, float) and not value.is_integer() else int(value)
