"""Find out what can be set in a workflow, by tracing its graph. Pure.

From the output nodes back: the samplers that make what is saved, and from these their settings, texts,
models and latents. What counts is how nodes are connected and what their inputs are called; ids and
titles say nothing. With a catalogue the declared types decide; without one the names of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.domain.ids import NodeId
from bot.domain.text import Text
from bot.templates.catalogue import Catalogue
from bot.templates.detect_companions import companions
from bot.templates.detect_conditioning import Conditionings, conditionings, encoders
from bot.templates.detect_flow import Flow
from bot.templates.detect_media import Sinks, container_rates, media_input, model_rates, sinks, uploads
from bot.templates.detect_partner import partner_roles, partners
from bot.templates.detect_sampling import Found, guides, latents, models, settings, sizes
from bot.templates.detect_stages import main_samplers
from bot.templates.detect_values import number_places
from bot.templates.graph import Address, Graph, Node
from bot.templates.roles import Role

_MAIN_MODELS = frozenset({"ckpt_name", "unet_name"})
"""Without a sampler nothing says which model is the main one, so only files of that kind count."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found. Every place is an existing literal, except those of ``Role.OUTPUT``: links."""

    roles: Mapping[Role, tuple[Address, ...]]
    """Only roles that were found; all places of a role have to be written, in the order of the file."""
    outputs: tuple[NodeId, ...]
    """The saving nodes; preview nodes only when nothing saves."""
    notes: tuple[Text, ...] = ()
    """Things that a person should know."""
    companions: Mapping[Role, tuple[Address, ...]] = field(default_factory=dict)
    """Literals elsewhere that hold a role's value too (the size in a scheduler): to be written along."""

    @property
    def places(self) -> dict[Role, tuple[Address, ...]]:
        """Every literal that has to be written for a role: its own places and those that repeat them."""
        return {role: (*own, *self.companions.get(role, ())) for role, own in self.roles.items()}


def detect(graph: Graph, catalogue: Catalogue | None = None) -> Detection:
    """The roles of a graph. Never raises: what cannot be understood carries no role."""
    return _Detector(Flow(graph, catalogue)).run()


class _Detector:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._places: dict[Role, dict[Address, None]] = {}
        self._notes: list[Text] = []

    def run(self) -> Detection:
        flow = self._flow
        ends = sinks(flow)
        live = self._nodes(flow.live(ends.outputs))
        samplers = main_samplers(flow, live, ends.outputs)
        holders = [node for sampler in samplers for node in guides(flow, sampler)]
        texts = conditionings(flow, holders)
        self._sampling(samplers, holders, texts)
        services = partners(flow, live, beside_samplers=bool(samplers))
        self._add_all(partner_roles(flow, [node for node in services if node.id not in texts.passed]))
        if not samplers:
            self._without_sampler(live, bool(services))
        self._media(ends, live)
        roles = self._sorted(self._places)
        repeated: dict[Role, dict[Address, None]] = {}
        for role, place in companions(flow, roles, live, holders, texts.visited.values()):
            repeated.setdefault(role, {})[place] = None
        return Detection(roles, ends.outputs, tuple(self._notes), self._sorted(repeated))

    def _sampling(self, samplers: list[Node], holders: list[Node], texts: Conditionings) -> None:
        flow = self._flow
        for sampler in samplers:
            self._add_all(settings(flow, sampler))
        self._add_all(models(flow, holders))
        creators = list(latents(flow, samplers))
        for creator in creators:
            self._add_all(sizes(flow, creator))
        self._note_computed_size(creators)
        self._texts(texts)
        for node in (*holders, *texts.visited.values()):
            if "guidance" in node.inputs:
                self._add(Role.GUIDANCE, number_places(flow, node, "guidance", Role.GUIDANCE))
        self._add(Role.FPS, model_rates(flow, (*texts.visited.values(), *creators)))

    def _note_computed_size(self, creators: list[Node]) -> None:
        if self._places.get(Role.WIDTH):
            return
        links = (self._flow.link(creator, "width") for creator in creators)
        if (link := next((link for link in links if link), None)) is not None:
            node = self._flow.graph.nodes[link.node]
            name = node.title or node.class_type
            self._notes.append(Text("The size is computed by {node}: it cannot be set here.", node=name))

    def _texts(self, texts: Conditionings) -> None:
        self._add(Role.PROMPT_TEXT, texts.positive)
        negative = [place for place in texts.negative if place not in texts.positive]
        self._add(Role.NEGATIVE_TEXT, negative)
        if texts.zeroed and not negative:
            self._notes.append(Text("The negative conditioning is zeroed out: there is no negative text."))
        elif texts.negative and not negative:
            self._notes.append(Text("The negative conditioning holds the positive text: it cannot be set."))

    def _without_sampler(self, live: list[Node], has_services: bool) -> None:
        """No sampler: what a detector or a language model is asked, and the models that are used."""
        self._add_all(
            Found(found.role, tuple(place for place in found.places if place.input in _MAIN_MODELS))
            for found in models(self._flow, live)
            if found.role is Role.MODEL
        )
        if not has_services:
            self._add(Role.PROMPT_TEXT, encoders(self._flow, live))

    def _media(self, ends: Sinks, live: list[Node]) -> None:
        flow = self._flow
        shown = self._nodes(flow.live((*ends.saves, *ends.previews)))
        self._add_all(uploads(flow, shown))
        self._add(Role.FPS, container_rates(flow, live))
        for node_id in ends.saves:
            place = media_input(flow, flow.graph.nodes[node_id])
            self._add(Role.OUTPUT, (place,) if place else ())

    def _nodes(self, ids: frozenset[NodeId]) -> list[Node]:
        return [node for node in self._flow.graph if node.id in ids]

    def _add_all(self, found: Iterable[Found]) -> None:
        for each in found:
            self._add(each.role, each.places)

    def _add(self, role: Role, places: Iterable[Address]) -> None:
        self._places.setdefault(role, {}).update(dict.fromkeys(places))

    def _sorted(self, places: Mapping[Role, Iterable[Address]]) -> dict[Role, tuple[Address, ...]]:
        inputs = (Address(node.id, name) for node in self._flow.graph for name in node.inputs)
        order = {place: index for index, place in enumerate(inputs)}
        return {role: tuple(sorted(places[role], key=order.__getitem__)) for role in Role if places.get(role)}
