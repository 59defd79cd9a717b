"""The catalogues of translations, brought up to date with the sentences in the code.

``python -m tests.messages`` reads the code, writes ``bot/locale/fairbrush.pot``, takes what is new into every
``.po``, compiles them, and lists what nobody has translated yet; its exit status is 1 if there is any. With
``--check`` nothing is written.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

from bot.config.languages import COUNTED
from bot.presentation.spec_fixed import fixed_commands
from bot.presentation.spec_painting import WORDS
from bot.presentation.specs import IMAGINE, CommandSpec

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "bot" / "locale"
POT = LOCALE / "fairbrush.pot"
HEADER = """\
# What people are told in chat and on the page. Made by: make messages.
# How to translate: docs/translating.md"""
SHIPPED = ("upscale",)
"""Commands of the templates that come with the package."""
NAME = "The name of a command or an option: small letters or other signs, no blanks, at most 32."

LEFT_OUT = (
    "bot/app",
    "bot/cli",
    "bot/config",
    "bot/control",
    "bot/metrics",
    "bot/service/at_rest.py",
    "bot/service/keep.py",
    "bot/store/archive",
    "bot/store/database.py",
    "bot/store/lock.py",
    "bot/store/troubles.py",
    "bot/templates/inspection.py",
)
"""What only the shell says, to whoever runs the bot: that is English."""

TABLES = {
    ("bot/domain/quota.py", "_REFUSALS[shortage.what, kind]"): "_REFUSALS",
}
"""Sentences that are chosen before they are said: the names that hold the literals."""
PASSED_ON = {
    ("bot/chat/web/pages.py", "msgid"),
    ("bot/presentation/card_words.py", "text.msgid"),
    ("bot/presentation/spec_ask.py", "error.text.msgid"),
}
"""Sentences that were one already, said with other values."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``file`` from the root of the repository, with slashes. ``many``: gettext's plural."""

    msgid: str
    many: str | None
    file: str
    comment: str = ""


class CannotBeRead(Exception):
    """A sentence of the code that is no literal, so that nobody could translate it."""


class _Catalogue(Catalog):
    """Without dates and versions: what was not changed is written as it was."""

    mime_headers = property(  # type: ignore[assignment]
        lambda self: [
            (name, value)
            for name, value in Catalog.mime_headers.fget(self)  # type: ignore[attr-defined]
            if name
            in ("Language", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
        ]
    )


def sentences() -> Iterator[Sentence]:
    """Everything that has to be translated, by file. Raises :class:`CannotBeRead`."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if any(file == entry or file.startswith(f"{entry}/") for entry in LEFT_OUT):
            continue
        source = path.read_text(encoding="utf-8")
        if "Text" in source:  # to parse the others takes as long again
            yield from in_code(source, file)
    for path in sorted((ROOT / "bot").rglob("*.html")):
        yield from in_page(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    fixed = _names(fixed_commands(tiers=(), linking=True))
    for name in dict.fromkeys((IMAGINE, *SHIPPED, *fixed, *WORDS)):
        yield Sentence(name, None, "bot/presentation/spec_fixed.py", NAME)


def in_code(source: str, file: str) -> Iterator[Sentence]:
    """What calls of ``Text`` and ``Text.counted`` say. Raises :class:`CannotBeRead`."""
    tree = ast.parse(source, file)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        match node.func:
            case ast.Name("Text"):
                for msgid in _literals(node.args[0], tree, file):
                    yield Sentence(msgid, None, file)
            case ast.Attribute(ast.Name("Text"), "counted"):
                one, many = (_literals(each, tree, file) for each in node.args[:2])
                for msgid, plural in zip(one, many, strict=True):
                    yield Sentence(msgid, plural, file)


def in_page(source: str, file: str) -> Iterator[Sentence]:
    """What a template of a page says. Raises :class:`CannotBeRead`."""
    calls = [
        call
        for call in Environment().parse(source, filename=file).find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "say"
    ]
    for call in calls:
        match call.args:
            case [nodes.Const(value=str(msgid))]:
                yield Sentence(msgid, None, file)
            case _:
                raise CannotBeRead(f"{file}:{call.lineno}: what is said is no literal")


def _literals(node: ast.expr, tree: ast.Module, file: str) -> list[str]:
    written = ast.unparse(node)
    if (file, written) in PASSED_ON or written == "text.plural":
        return []
    if (file, written) in TABLES:
        name = TABLES[file, written]
        return [msgid for value in _assigned(name, tree) for msgid in _strings(value)]
    found = list(_strings(node))
    if not found:
        raise CannotBeRead(f"{file}:{node.lineno}: Text({written}, …) is no literal")
    return found


def _strings(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(str(value)):
            yield value
        case ast.IfExp(_, first, second):
            yield from (*_strings(first), *_strings(second))
        case ast.Dict(_, values):
            yield from (msgid for value in values for msgid in _strings(value))
        case ast.Call(ast.Name("MappingProxyType"), [inner]):
            yield from _strings(inner)


def _assigned(name: str, tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(found)], value) if found == name:
                yield value
            case ast.AnnAssign(ast.Name(found), _, value) if found == name and value is not None:
                yield value


def _names(commands: tuple[CommandSpec, ...]) -> Iterator[str]:
    for command in commands:
        yield command.name
        yield from (option.name for option in command.options)
        yield from _names(command.subcommands)


def template() -> Catalog:
    """The catalogue without translations."""
    made = _Catalogue(header_comment=HEADER, fuzzy=False)
    for each in sentences():
        key = each.msgid if each.many is None else (each.msgid, each.many)
        comments = [each.comment] if each.comment else []
        context = None if each.many is None else COUNTED
        made.add(key, locations=[(each.file, 1)], auto_comments=comments, context=context)
    return made


def po_files() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/fairbrush.po"))


def read(po: Path) -> Catalog:
    return parsed(po.read_bytes(), po.parent.parent.name)


def parsed(content: bytes, code: str) -> Catalog:
    found = read_po(BytesIO(content), locale=code)
    made = _Catalogue(locale=code, header_comment=HEADER, fuzzy=False)
    for message in found:
        if message.id:
            made[message.id] = message
    return made


def written(catalogue: Catalog) -> bytes:
    """As a text file. Braces are no printf, whatever stands behind a percent sign."""
    for message in catalogue:
        message.flags -= {"python-format", "python-brace-format"}
    buffer = BytesIO()
    write_po(buffer, catalogue, width=110, ignore_obsolete=True, include_lineno=False)
    return buffer.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def unfinished(catalogue: Catalog) -> list[str]:
    return [
        _first(message) for message in catalogue if message.id and (message.fuzzy or not is_full(message))
    ]


def is_full(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, list | tuple) else bool(message.string)


def _first(message: Message) -> str:
    return str(message.id if isinstance(message.id, str) else message.id[0])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.messages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    fresh = template()
    files = {POT: written(fresh)}
    missing: dict[Path, list[str]] = {}
    for po in po_files():
        catalogue = read(po)
        catalogue.update(fresh)
        files[po] = written(catalogue)
        catalogue = parsed(files[po], po.parent.parent.name)
        files[po.with_suffix(".mo")] = compiled(catalogue)
        missing[po] = unfinished(catalogue)
    outdated = [path for path, content in files.items() if not path.exists() or path.read_bytes() != content]
    for path in outdated:
        if not check:
            path.write_bytes(files[path])
        print(f"{path.relative_to(ROOT).as_posix()} {'is out of date' if check else 'written'}")
    for po, msgids in missing.items():
        print(f"{po.relative_to(ROOT).as_posix()}: {len(fresh)} sentences, {len(msgids)} to be translated")
        print("".join(f"  {msgid}\n" for msgid in msgids), end="")
    return 1 if any(missing.values()) or (check and outdated) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
