"""From what somebody asked for to jobs: choose a template, resolve what was asked.

A request becomes ``count`` jobs, each painted alone with seed + index (a batch would change the noise),
so that every picture can be made again by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bot.domain.errors import FairbrushError, FlagError, ParameterError, TemplateError, TemplateNotFound
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.cards import Command
from bot.presentation.flags import Ask
from bot.service.images import InputImage
from bot.templates.choosing import INPUT_IMAGE, TemplateFit, likely
from bot.templates.loader import TemplateLibrary
from bot.templates.params import Kind
from bot.templates.reading import Raw, label
from bot.templates.resolution import ALIASES
from bot.templates.sizes import Limits
from bot.templates.template import Template
from bot.templates.values import LoraChoice, ResolvedValues

Draw = Callable[[int, int], int]
_INPUT = "input_"


@dataclass(frozen=True, slots=True)
class Request:
    """What one line of text asked for, complete and checked. ``inputs`` are its files by reference."""

    template: Template
    values: ResolvedValues
    count: int
    inputs: Mapping[str, InputImage] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        return (Job(self, index, self.values.for_index(index)) for index in range(self.count))


@dataclass(frozen=True, slots=True)
class Job:
    """One picture of a request."""

    request: Request
    index: int
    values: ResolvedValues

    @property
    def stem(self) -> str:
        """File name of its results, without extension: the template, and the seed that makes it again."""
        seed = self.values.seed
        name = self.request.template.name
        return name if seed is None else f"{name}-{seed}"


def choose_template(
    library: TemplateLibrary,
    ask: Ask,
    command: str = "imagine",
    *,
    fits: Callable[[TemplateName], bool] = lambda _: True,
) -> Template:
    """The template that was named, else the command's default for what was given: words, an image, a LoRA.
    ``fits``: which may be chosen for somebody who names none; where none of these does, any may.

    Raises :class:`TemplateNotFound` with the nearest names, or when the command has no template at all,
    and TemplateError when those that it has are disabled.
    """
    if ask.template is not None:
        return library.get(ask.template)
    of_command = [template for template in library.enabled() if template.command == command]
    candidates = [template for template in of_command if fits(template.name)] or of_command
    image = ask.image is not None
    found = likely(map(TemplateFit, candidates), image=image, lora=bool(ask.loras))
    if found is None:
        raise _nothing_for(library, command, image=image)
    return found.template


def _nothing_for(library: TemplateLibrary, command: str, *, image: bool) -> FairbrushError:
    what = Text("takes a picture") if image else Text("makes pictures from words")
    if broken := library.disabled():
        return TemplateError(
            Text(
                "No template that can be used here {what}. Of {count} that cannot, the first is {name}: "
                "{reason} For all reasons:  fairbrush check",
                what=what,
                count=len(broken),
                name=broken[0].name,
                reason=broken[0].problems[0],
            )
        )
    if not library.enabled() and library.switched_off():
        return TemplateNotFound(
            Text(
                "All templates are switched off for now. An operator offers them again with {command}.",
                command=Command("admin templates enable"),
            )
        )
    if not library.enabled():
        return TemplateNotFound(
            Text(
                "There is no template in {folder}. Put a workflow there that was saved with "
                "Workflow → Export (API).",
                folder=library.folder,
            )
        )
    return TemplateNotFound(
        Text(
            "No template for {command} {what}. Add one, or name one with --template: {names}.",
            command=command,
            what=what,
            names=", ".join(template.name for template in library.enabled()),
        )
    )


def plan(
    ask: Ask,
    template: Template,
    *,
    limits: Limits,
    draw: Draw,
    images: Mapping[str, InputImage] = MappingProxyType({}),
) -> tuple[Request, ...]:
    """The requests that ``ask`` means: one, or one a seed of a seed range.

    ``images`` are the checked files that the ask names, by the name it gives them. Raises
    :class:`ParameterError` or :class:`FlagError`; nothing has been uploaded or painted by then.
    """
    template.check_count(ask.count, limits)
    files = {name: images[file] for name, file in _files(ask, template, images).items()}
    references = {name: hashlib.sha256(image.content).hexdigest() for name, image in files.items()}
    inputs = {references[name]: image for name, image in files.items()}
    asked: dict[str, Raw | None] = {**ask.values, **_words(ask, template), **references}
    if ask.size is not None:
        asked["size"] = f"{ask.size[0]}x{ask.size[1]}"
    if ask.aspect is not None:
        asked["aspect"] = "{:.6f}:{:.6f}".format(*ask.aspect)
    loras = tuple(LoraChoice(lora.name, lora.strength) for lora in ask.loras)
    requests = []
    for seed in ask.seeds or (ask.seed,):
        values = template.resolve(
            {**asked, **({} if seed is None else {"seed": seed})},
            limits=limits,
            draw=draw,
            preset=ask.preset,
            style=ask.style,
            loras=loras,
        )
        requests.append(Request(template, values, ask.count, inputs))
    return tuple(requests)


def named_files(ask: Ask) -> Iterator[str]:
    """The files that an ask names, for :func:`plan` to be given: ``--image``, ``--set input_mask=…``."""
    return (value for _, value in files_of(ask))


def files_of(ask: Ask) -> Iterator[tuple[str, str]]:
    """Each file that an ask names, behind the parameter that it is for."""
    if ask.image is not None:
        yield INPUT_IMAGE, ask.image
    named = ((plain_parameter(name), value) for name, value in ask.values.items())
    yield from ((name, value) for name, value in named if name.startswith(_INPUT))


def without_files(ask: Ask) -> Ask:
    values = {k: v for k, v in ask.values.items() if not plain_parameter(k).startswith(_INPUT)}
    return replace(ask, image=None, values=values)


def plain_parameter(name: str) -> str:
    """A parameter's name from what a person wrote after ``--set``."""
    plain = name.strip().replace("-", "_").casefold()
    return ALIASES.get(plain, plain)


def _words(ask: Ask, template: Template) -> dict[str, str]:
    words = {} if ask.negative_text is None else {"negative_text": ask.negative_text}
    if "prompt_text" in template.parameters:
        return {**words, "prompt_text": ask.prompt_text}
    if ask.prompt_text.strip():
        raise ParameterError(
            "prompt_text", Text("Template {template} takes no text.", template=template.name)
        )
    return words


def _files(ask: Ask, template: Template, images: Container[str]) -> dict[str, str]:
    """The file for each parameter that needs one."""
    given = {plain_parameter(name): value for name, value in ask.values.items()}
    if ask.image is not None:
        given[INPUT_IMAGE] = ask.image
    if ask.image is not None and INPUT_IMAGE not in template.parameters:
        raise FlagError(
            Text("Template {template} takes no picture. Leave the picture out.", template=template.name)
        )
    files: dict[str, str] = {}
    for name in template.media:
        kind = template.parameters[name].kind
        if kind not in (Kind.IMAGE, Kind.MASK):
            raise FlagError(
                Text(
                    "Template {template} needs a file of the kind {kind}; only pictures can be given.",
                    template=template.name,
                    kind=kind,
                )
            )
        if given.get(name) not in images:
            raise _picture_missing(template, name)
        files[name] = given[name]
    return files


def _picture_missing(template: Template, parameter: str) -> FlagError:
    if parameter == INPUT_IMAGE:
        return FlagError(
            Text(
                "Template {template} needs a picture to start from. Attach one; in a shell, name its file: "
                "--image FILE",
                template=template.name,
            )
        )
    return FlagError(
        Text(
            "Template {template} needs a picture as its {name}, too. Attach one; in a shell, name its file: "
            "--set {parameter}=FILE",
            template=template.name,
            name=label(parameter.removeprefix(_INPUT)),
            parameter=parameter,
        )
    )
