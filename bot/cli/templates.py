"""``fairbrush templates``: what can be painted, what was detected in a workflow file, adding one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.common import comfyui_option, config_option
from bot.cli.help import INSPECT_JSON_HELP, LIST_JSON_HELP

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.config import Settings
    from bot.templates.catalogue import Catalogue
    from bot.templates.template import Template

SWITCHED_OFF = "Switched off by an operator: /admin templates enable in chat offers it again."

object_info_option = click.option(
    "--object-info",
    metavar="FILE or URL",
    help="Node catalogue for ranges and choices: a saved /object_info, or a server's address.",
)


class _InOrder(click.Group):
    """Shows its commands in the order in which they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    "templates",
    cls=_InOrder,
    short_help="List, inspect and add templates.",
    epilog="\b\nExample:\n  fairbrush templates list",
)
def command() -> None:
    """List the templates, inspect workflow files, add one."""


@command.command(
    "list",
    short_help="List the templates with their parameters.",
    epilog=(
        "\b\nExample:\n  fairbrush templates list\n"
        f"  fairbrush templates list --comfyui http://127.0.0.1:8188 --json\n\n{LIST_JSON_HELP}"
    ),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a template on stdout.")
@comfyui_option
@config_option
def list_command(as_json: bool, comfyui: str | None, config_file: Path | None) -> None:
    """List the templates with their parameters.

    With a server, ranges and choices are that server's, and templates that it cannot run are disabled. Those
    that an operator switched off are marked.
    """
    from bot.cli.common import drive, leave

    leave(lambda: drive(lambda _: _list(as_json, comfyui, config_file)))


@command.command(
    "inspect",
    short_help="Show what is found in workflow files.",
    epilog=f"\b\nExample:\n  fairbrush templates inspect my_workflow.json --json\n\n{INSPECT_JSON_HELP}",
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False), metavar="FILE…"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on stdout.")
@object_info_option
@config_option
def inspect_command(
    files: tuple[Path, ...], as_json: bool, object_info: str | None, config_file: Path | None
) -> None:
    """Show what is detected in exported workflows: every role with its places, ranges and choices.

    Works offline; then there are no ranges and choices. Exit code 1 when a file cannot be used.
    """
    from bot.cli.common import drive, leave, load

    def work() -> int:
        # Nothing in it concerns a file that is only looked at; one that was named must be right, though.
        if config_file is not None:
            load(config_file)
        return drive(lambda _: _inspect(files, as_json, object_info))

    leave(work)


@command.command(
    "add",
    short_help="Add a workflow file as a template.",
    epilog="\b\nExample:\n  fairbrush templates add my_workflow.json --name portrait",
)
@click.argument("file", type=click.Path(path_type=Path, readable=False), metavar="FILE")
@click.option("--name", metavar="NAME", help="Name of the template (default: the file's).")
@click.option(
    "--workflows",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder to add it to, made if need be (default: workflows_dir of the configuration).",
)
@object_info_option
@config_option
def add_command(
    file: Path, name: str | None, folder: Path | None, object_info: str | None, config_file: Path | None
) -> None:
    """Copy an exported workflow into the workflows folder and write its sidecar for review."""
    from bot.cli.common import drive, leave

    leave(lambda: drive(lambda _: _add(file, name, folder, object_info, config_file)))


async def _list(as_json: bool, comfyui: str | None, config_file: Path | None) -> int:
    import asyncio

    from bot.app import configured_server, open_backend
    from bot.cli.common import load, put, put_json, say
    from bot.templates.loader import TemplateLibrary

    settings = load(config_file)
    catalogue = None
    if configured_server(settings, comfyui) is not None:
        async with open_backend(settings, comfyui) as opened:
            catalogue = await opened.backend.catalogue()
    library = await asyncio.to_thread(TemplateLibrary, settings.workflows_dir, catalogue)
    off = await _switched_off(settings)
    if as_json:
        for template in library.enabled():
            switched = {"enabled": False, "problems": [SWITCHED_OFF]} if template.name in off else {}
            put_json({**_as_json(template), **switched})
        for broken in library.disabled():
            reasons = [str(problem) for problem in broken.problems]
            put_json({"name": broken.name, "enabled": False, "problems": reasons})
        return 0
    if not library.enabled() and not library.disabled():
        say(
            f"{settings.workflows_dir} holds no workflow. Save one in ComfyUI with Workflow → Export (API) "
            "and add it:  fairbrush templates add FILE"
        )
    for template in library.enabled():
        _print_template(template, off=template.name in off)
    for broken in library.disabled():
        put(f"{broken.name}  (disabled)")
        for problem in broken.problems:
            put(f"    {problem}")
        put("")
    return 0


async def _switched_off(settings: Settings) -> Collection[str]:
    """A database that cannot be read is no reason to list nothing: ``check`` says what is wrong with it."""
    from bot.cli.switched import switched_off
    from bot.domain.errors import FairbrushError

    try:
        return await switched_off(settings)
    except FairbrushError:
        return ()


def _print_template(template: Template, *, off: bool) -> None:
    from bot.cli.common import put

    about = " – ".join(part for part in (template.title, template.description) if part)
    default = " (default)" if template.is_default else ""
    put(f"{template.name}  /{template.command}{default}  {about}".rstrip())
    if off:
        put(f"    {SWITCHED_OFF}")
    width = max((len(name) for name in template.parameters), default=0)
    for name, parameter in template.parameters.items():
        default = "" if parameter.default is None else f"  (default {_short(parameter.default)})"
        put(f"    {name:<{width}}  {parameter.kind:<6}  {_short(parameter.allowed())}{default}")
    for what, names in (("presets", template.presets), ("styles", template.styles)):
        if names:
            put(f"    {what}: {', '.join(names)}")
    for note in template.notes:
        put(f"    note: {note}")
    put("")


def _short(value: object, most: int = 70) -> str:
    line = " ".join(str(value).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _as_json(template: Template) -> dict[str, object]:
    return {
        "name": template.name,
        "enabled": True,
        "title": template.title,
        "description": template.description,
        "command": template.command,
        "parameters": [
            {
                "name": name,
                "kind": parameter.kind,
                "default": parameter.default,
                "allowed": str(parameter.allowed()),
                "bind": [str(address) for address in template.bindings[name]],
            }
            for name, parameter in template.parameters.items()
        ],
        "presets": list(template.presets),
        "styles": list(template.styles),
        "outputs": list(template.outputs),
        "notes": [str(note) for note in template.notes],
    }


async def _inspect(files: tuple[Path, ...], as_json: bool, object_info: str | None) -> int:
    import asyncio

    from bot.cli.common import FAILED, put, put_json
    from bot.templates.inspection import inspect_file

    catalogue = await read_catalogue(object_info)
    usable = True
    for file in files:
        found = await asyncio.to_thread(inspect_file, file, catalogue)
        usable = usable and bool(found["outputs"]) and found["format"] == "api"
        if as_json:
            put_json(found)
            continue
        put(f"{found['file']}  ({found['format']})")
        for role, places in found["roles"].items():
            if places:
                put(f"    {role:<14}  {', '.join(places)}")
        for problem in found["problems"]:
            put(f"    problem: {problem}")
        put("")
    return 0 if usable else FAILED


async def _add(
    file: Path, name: str | None, named: Path | None, object_info: str | None, config_file: Path | None
) -> int:
    import asyncio

    from bot.cli.common import load, put, say
    from bot.cli.own_folder import named_folder, usual_folder
    from bot.templates.add import add_template

    settings = load(config_file)
    catalogue = await read_catalogue(object_info)
    used = settings.workflows_dir
    with named_folder(named, used) if named else usual_folder(used, config_file) as folder:
        added = await asyncio.to_thread(add_template, file, folder, name, catalogue)
    put(str(added.export))
    put(str(added.sidecar))
    for note in added.notes:
        say(f"Note: {note}")
    say(
        f"Read {added.sidecar.name}, change what you like, then:  fairbrush imagine … --template {added.name}"
    )
    return 0


async def read_catalogue(source: str | None) -> Catalogue | None:
    """A node catalogue from a saved /object_info or from a server; None when none is named.

    Raises ConfigError for a file that is none, BackendError for a server that does not give one.
    """
    import asyncio
    import json

    from bot.comfy.client import ComfyClient
    from bot.domain.errors import ConfigError
    from bot.domain.text import Text
    from bot.templates.catalogue import Catalogue

    if source is None:
        return None
    if source.startswith(("http://", "https://")):
        async with ComfyClient(source.removesuffix("/object_info")) as client:
            return Catalogue.from_object_info(await client.object_info())
    try:
        data = json.loads(await asyncio.to_thread(Path(source).read_text, encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            Text("The node catalogue {file} cannot be read: {reason}.", file=source, reason=error.strerror)
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(Text("The node catalogue {file} is not JSON.", file=source)) from error
    catalogue = Catalogue.from_object_info(data)
    if not catalogue.classes:
        raise ConfigError(
            Text("{file} is no node catalogue: save what a server gives at /object_info.", file=source)
        )
    return catalogue
