"""Names to suggest, made ready once, so that an answer takes a moment whatever a server has. PURE."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from rapidfuzz import fuzz, process

from bot.domain.ids import TemplateName
from bot.presentation.card_text import one_line
from bot.presentation.flag_lexer import unreadable
from bot.presentation.spec_types import CommandSpec, Source
from bot.templates.choices import MODEL_SUFFIXES
from bot.templates.params import ChoiceParameter
from bot.templates.sizes import NO_LIMITS, Canvas, parse_aspect
from bot.templates.template import Template

MOST_LETTERS = 100
"""Of a suggestion's name and of its value: Discord's bounds."""
_MOST_TYPED = 64
_FUZZY_FROM = 3
"""Letters from which mistakes are looked past; two letters are like everything."""
_FUZZY_CUTOFF = 72.0
_FUZZY_MOST = 200
_FUZZY_LETTERS = 32
"""Of what was typed; comparing takes time in proportion, and nobody mistypes that much."""
RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4", "5:4", "4:5", "21:9", "9:21")
"""Shapes that people ask for, the usual ones first."""
_SEPARATORS = re.compile(r"[\s_\-./|·:()\[\]]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``name`` is read, ``value`` is sent; both of 1 to 100 characters."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Pool:
    """Suggestions of one kind in their natural order, with what they are searched by."""

    suggestions: tuple[Suggestion, ...]
    keys: tuple[str, ...]
    """Folded, with single blanks between words and one in front."""
    tails: tuple[str, ...]
    """Likewise, only what stands behind the last slash, and without the ending of a model's file."""
    compact: tuple[str, ...]
    """The keys without blanks."""

    def search(self, typed: str, limit: int) -> list[Suggestion]:
        """The best ``limit``: what begins so, then whose words begin so, then what holds it, then what is
        similar. Among equals the natural order holds."""
        wanted = fold(typed[:_MOST_TYPED])
        if not wanted:
            return list(self.suggestions[:limit])
        # The longest first: most names lack it, and need no further look.
        words = tuple(sorted(wanted.split(), key=len, reverse=True))
        squeezed = wanted.replace(" ", "")
        ranked = [
            (rank, index)
            for index, compact in enumerate(self.compact)
            if (rank := self._rank(index, squeezed in compact, wanted, words)) is not None
        ]
        ranked.sort()
        found = [index for _, index in ranked[:limit]]
        if len(found) < limit and len(squeezed) >= _FUZZY_FROM:
            found += self._similar(wanted, limit, frozenset(found))
        return [self.suggestions[index] for index in found[:limit]]

    def _rank(self, index: int, held: bool, wanted: str, words: tuple[str, ...]) -> int | None:
        """The lower the better; None: not at all. ``held``: the name holds what is typed, blanks aside."""
        if held:
            begin, key, tail = f" {wanted}", self.keys[index], self.tails[index]
            if begin in (key, tail):
                return 0
            if tail.startswith(begin):
                return 1
            if key.startswith(begin):
                return 2
            return 3 if begin in key else 5
        if len(words) > 1 and words[0] in self.compact[index]:
            key = self.keys[index]
            if all(word in key for word in words):
                return 4 if all(f" {word}" in key for word in words) else 6
        return None

    def _similar(self, wanted: str, limit: int, without: frozenset[int]) -> list[int]:
        """Those whose best part is like ``wanted``; of them, those first which are like it as a whole."""
        wanted = wanted[:_FUZZY_LETTERS]
        hits = process.extract(
            wanted, self.tails, scorer=fuzz.partial_ratio, score_cutoff=_FUZZY_CUTOFF, limit=_FUZZY_MOST
        )
        hits.sort(key=lambda hit: hit[1] + fuzz.ratio(f" {wanted}", hit[0]), reverse=True)
        return [index for _, _, index in hits if index not in without][:limit]


EMPTY = Pool((), (), (), ())


def fold(text: str) -> str:
    """How names are compared: without case, width, accents, and what parts words."""
    plain = unicodedata.normalize("NFKD", text.replace("\\", "/")).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c)) if not plain.isascii() else plain
    return _SEPARATORS.sub(" ", letters).strip()


def make_pool(entries: Iterable[tuple[str, str, str]]) -> Pool:
    """From names, values and further words to find them by. What a platform would refuse (a blank name, a
    value too long) is left out, and so is a second one of the same name or value."""
    suggestions: list[Suggestion] = []
    keys: list[str] = []
    tails: list[str] = []
    names: set[str] = set()
    values: set[str] = set()
    for name, value, more in entries:
        label = shown(name)
        if not label or label in names or value in values or not _usable(value):
            continue
        names.add(label)
        values.add(value)
        suggestions.append(Suggestion(label, value))
        keys.append(f" {fold(f'{name} {more}')}")
        tails.append(f" {fold(_stem(name))}")
    return _pool(suggestions, keys, tails)


def _pool(suggestions: Sequence[Suggestion], keys: Sequence[str], tails: Sequence[str]) -> Pool:
    compact = tuple(key.replace(" ", "") for key in keys)
    return Pool(tuple(suggestions), tuple(keys), tuple(tails), compact)


def shown(name: str) -> str:
    """``name`` in at most 100 characters; what tells long names apart stands at both ends."""
    label = one_line(name)
    if len(label) <= MOST_LETTERS:
        return label
    head = MOST_LETTERS // 2
    return f"{label[:head]}…{label[head + 1 - MOST_LETTERS :]}"


def is_plain(name: str) -> bool:
    """Whether it can be shown and sent just as it is."""
    return bool(name) and shown(name) == name and unreadable(name) is None


def _usable(value: str) -> bool:
    return bool(value.strip()) and len(value) <= MOST_LETTERS and unreadable(value) is None


def _stem(name: str) -> str:
    tail = name.replace("\\", "/").rpartition("/")[2]
    return next((tail[: -len(end)] for end in MODEL_SUFFIXES if tail.lower().endswith(end)), tail)


def _choice_entries(choices: Iterable[object]) -> Iterator[tuple[str, str, str]]:
    for choice in choices:
        name = str(choice)
        # A name too long for the platform is found by its last part, too, as templates read choices.
        value = next((v for v in (name, _tail(name), _stem(name)) if len(v) <= MOST_LETTERS), name)
        yield name, value, ""


def _tail(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class TemplateNames:
    """What can be said of one template. ``pools`` by source."""

    name: TemplateName
    is_default: bool
    from_words: bool
    takes_image: bool
    takes_lora: bool
    pools: Mapping[str, Pool]


@dataclass(frozen=True, slots=True)
class Index:
    """Everything to suggest, but for what is one person's own. Make it anew when templates or servers change,
    beside the event loop: some milliseconds for a thousand names."""

    templates: Mapping[str, TemplateNames] = field(default_factory=dict)
    commands: Mapping[str, tuple[TemplateName, ...]] = field(default_factory=dict)
    of_command: Mapping[tuple[str, str], Pool] = field(default_factory=dict)
    """By command and source: what any of its templates has. The command "" stands for all templates."""


def build_index(
    templates: Sequence[Template], specs: Sequence[CommandSpec], disabled: Sequence[str] = ()
) -> Index:
    """For these (enabled) templates, fitted to what the servers have, and the commands made from them;
    ``disabled`` are names of others."""
    shared: dict[tuple[object, ...], Pool] = {}
    names: dict[str, TemplateNames] = {each.name: _names_of(each, shared) for each in templates}
    commands = {spec.name: tuple(n for n in spec.templates if n in names) for spec in specs if spec.templates}
    by_name: dict[str, Template] = {template.name: template for template in templates}
    of_command = {("", str(Source.DISABLED)): make_pool((name, name, "") for name in disabled)}
    for command, members in {**commands, "": tuple(each.name for each in names.values())}.items():
        of_command[command, Source.TEMPLATE] = make_pool(_template_entry(by_name[name]) for name in members)
        sources = {source: None for name in members for source in names[name].pools}
        for source in sources:
            pools = [names[name].pools[source] for name in members if source in names[name].pools]
            of_command[command, source] = _united(pools)
    return Index(MappingProxyType(names), MappingProxyType(commands), MappingProxyType(of_command))


def _names_of(template: Template, shared: dict[tuple[object, ...], Pool]) -> TemplateNames:
    pools: dict[str, Pool] = {}
    for name, parameter in template.parameters.items():
        if isinstance(parameter, ChoiceParameter) and parameter.choices:
            # Many templates list the same thousands of files.
            key = parameter.choices
            if key not in shared:
                shared[key] = make_pool(_choice_entries(sorted(key, key=lambda each: str(each).casefold())))
            pools[name] = shared[key]
    if place := next((name for name in template.lora_places if name in pools), ""):
        pools[Source.LORA] = pools[place]
    if template.canvas is not None:
        pools[Source.SIZE] = make_pool(_sizes(template.canvas))
    if template.presets:
        pools[Source.PRESET] = make_pool(_choice_entries(template.presets))
    if template.styles:
        pools[Source.STYLE] = make_pool(_choice_entries(template.styles))
    return TemplateNames(
        TemplateName(template.name),
        template.is_default,
        not template.media,
        "input_image" in template.parameters,
        bool(template.lora_places),
        MappingProxyType(pools),
    )


def _sizes(canvas: Canvas) -> Iterator[tuple[str, str, str]]:
    """What a template paints by itself, and about as many pixels in other shapes."""
    yield str(canvas.default), str(canvas.default), ""
    for ratio in RATIOS:
        size = str(canvas.shaped(parse_aspect(ratio), NO_LIMITS))
        yield f"{size} · {ratio}", size, ""


def _template_entry(template: Template) -> tuple[str, str, str]:
    title = template.title or template.name
    name = title if title == template.name else f"{title} · {template.name}"
    return name, template.name, template.description


def _united(pools: Sequence[Pool]) -> Pool:
    distinct = {id(pool): pool for pool in pools}
    if len(distinct) == 1:
        return pools[0]
    found: dict[str, tuple[Suggestion, str, str]] = {}
    for pool in distinct.values():
        for each in zip(pool.suggestions, pool.keys, pool.tails, strict=True):
            found.setdefault(each[0].value, each)
    rows = list(found.values())
    return _pool([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])
