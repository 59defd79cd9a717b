"""Translations: complete, safe to render, found for what platforms say that people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import discord
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from hypothesis import given
from hypothesis import strategies as st

from bot.app.languages import load_languages
from bot.chat.discord.commands import MOST_DESCRIPTION, Payload, is_name, register
from bot.config.languages import catalogue_files, known_code, known_codes
from bot.domain.text import Text
from bot.presentation.card_plain import plain
from bot.presentation.language import ENGLISH, Language, Languages, best
from bot.presentation.spec_types import CommandSpec
from bot.presentation.specs import MENUS, make_commands
from tests import messages
from tests.card_gallery import gallery
from tests.operator_page_support import visited
from tests.support.templates import SHIPPED, TIER, catalogue, shipped

CHINESE = load_languages("zh-CN").default
CARDS = gallery()
SPECS = make_commands([shipped(name, catalogue()) for name in SHIPPED], TIER, tiers=("default",)).specs
PO_FILES = messages.po_files()
HAN = re.compile(r"[\u4e00-\u9fff]")


class TestMatching:
    @pytest.mark.parametrize(
        ("tag", "code"),
        [
            ("zh-CN", "zh-CN"),  # Discord
            ("zh-hans", "zh-CN"),  # Telegram
            ("zh", "zh-CN"),
            ("zh_SG", "zh-CN"),
            ("ZH-Hans-HK", "zh-CN"),
            ("zh_CN.UTF-8", "zh-CN"),
            ("en-US", "en"),
            ("en-GB", "en"),
            ("pt", "pt-BR"),
            ("pt-PT", "pt"),
            ("pt-br", "pt-BR"),
        ],
    )
    def test_a_tag_finds_its_language(self, tag: str, code: str) -> None:
        known = ["en", "zh-CN", "pt-BR"] + (["pt"] if tag == "pt-PT" else [])
        assert best(tag, known) == code

    @pytest.mark.parametrize(
        "tag", ["zh-TW", "zh-hant", "zh-HK", "zh-Hant-CN", "fr", "", "x", "-", "zhong", "1337", None]
    )
    def test_readers_of_another_language_or_script_are_not_served(self, tag: str | None) -> None:
        assert best(tag, ["en", "zh-CN"]) is None

    def test_simplified_is_not_taken_for_traditional(self) -> None:
        assert best("zh-TW", ["en", "zh-CN", "zh-TW"]) == "zh-TW"
        assert best("zh-HK", ["en", "zh-CN", "zh-TW"]) == "zh-TW"
        assert best("zh-MY", ["en", "zh-TW", "zh-CN"]) == "zh-CN"

    @given(st.one_of(st.none(), st.text(max_size=30), st.from_regex(r"[a-zA-Z]{2,3}([-_]\w{0,9}){0,4}")))
    def test_whatever_a_platform_says_there_is_a_language(self, tag: str | None) -> None:
        languages = Languages((ENGLISH, CHINESE), CHINESE)
        assert languages.of(tag) in languages.known

    def test_a_configured_language_serves_those_that_have_none(self) -> None:
        languages = load_languages("zh-CN")
        assert [languages.of(tag).code for tag in (None, "fr", "zh-TW", "en-GB")] == [
            "zh-CN",
            "zh-CN",
            "zh-CN",
            "en",
        ]
        assert languages.match("fr") is None
        assert load_languages("en").of("fr") == ENGLISH

    def test_a_default_without_a_catalogue_is_english(self) -> None:
        assert load_languages("tlh").default == ENGLISH

    def test_tables_beside_english_hold_only_what_is_there(self) -> None:
        found = load_languages("en").gettexts(str(locale.value) for locale in discord.Locale)
        assert list(found) == ["zh-CN"]
        assert found["zh-CN"]("queue") == CHINESE.gettext("queue")


class TestLanguage:
    def test_english_needs_no_catalogue(self) -> None:
        assert Language() == ENGLISH
        assert ENGLISH.label(Text.counted("{count} picture", "{count} pictures", 1)) == "1 picture"

    def test_values_are_drawn_and_sentences_are_not(self) -> None:
        text = Text("seed {seed}", seed="*7*")
        assert CHINESE.say(text, show=lambda value: str(value).replace("*", "\\*")) == r"种子 \*7\*"
        assert CHINESE.label(text) == "种子 *7*"

    def test_a_sentence_that_counts_is_another_than_one_that_does_not(self) -> None:
        assert CHINESE.label(Text("Accepted")) == "已受理"
        counted = Text.counted("Accepted", "Accepted: {count} pictures", 3)
        assert CHINESE.label(counted) == "已受理 3 张图片"

    def test_nothing_is_nothing(self) -> None:
        assert CHINESE.label(Text("")) == ""

    def test_what_has_no_translation_stays_english(self) -> None:
        assert CHINESE.label(Text("{name} is unheard of.", name="x")) == "x is unheard of."
        assert CHINESE.label(Text.counted("{count} gnu", "{count} gnus", 2)) == "2 gnus"

    def test_every_catalogue_has_a_code_that_is_found(self) -> None:
        assert {code for code in known_codes() if known_code(code) == code} == {"en", *catalogue_files()}
        assert "zh-CN" in catalogue_files()

    @pytest.mark.parametrize("name", CARDS)
    def test_every_card_can_be_said(self, name: str) -> None:
        said = plain(CARDS[name], CHINESE.label)
        assert HAN.search(CHINESE.label(CARDS[name].headline)) or "{" in CARDS[name].headline.msgid
        assert said.count("\n") == plain(CARDS[name]).count("\n")


@cache
def sentences() -> tuple[messages.Sentence, ...]:
    return tuple(messages.sentences())


def in_the_code() -> set[tuple[str, str | None]]:
    return {(each.msgid, each.many) for each in sentences()}


def in_the_catalogue(found: Catalog) -> set[tuple[str, str | None]]:
    return {(ids[0], ids[1] if len(ids) > 1 else None) for _, ids in entries(found)}


def entries(found: Catalog) -> Iterator[tuple[Message, tuple[str, ...]]]:
    for message in found:
        if message.id:
            yield message, (message.id,) if isinstance(message.id, str) else tuple(message.id)


def places(sentence: str) -> set[str]:
    """The values in it. Fails for what only ``str.format`` itself should understand."""
    found = set()
    for _, name, spec, conversion in Formatter().parse(sentence):
        if name is not None:
            assert name.isidentifier(), f"no name: {{{name}}} in {sentence}"
            assert not spec, f"{{{name}:{spec}}}: values are drawn before they are filled in"
            assert not conversion
            found.add(name)
    return found


HINT = "Run: make messages"
PAGES = sorted((messages.ROOT / "bot").rglob("*.html"))


class Words(HTMLParser):
    """What people read in a page, code and the product's name apart."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._inside: str = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            if name in ("title", "alt", "placeholder", "aria-label"):
                self._see(value or "")

    def handle_endtag(self, _tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("code", "script", "style"):
            self._see(data)

    def _see(self, words: str) -> None:
        words = words.replace("Fairbrush", "").replace("discord:123", "").strip()
        if words:
            self.seen.append(words)


class TestCatalogues:
    def test_the_template_holds_what_the_code_says_and_nothing_else(self) -> None:
        found = messages.parsed(messages.POT.read_bytes(), "en")
        assert in_the_catalogue(found) == in_the_code(), HINT

    @pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
    def test_a_catalogue_is_complete(self, po: Path) -> None:
        found = messages.read(po)
        assert in_the_catalogue(found) == in_the_code(), HINT
        assert messages.unfinished(found) == []

    @pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
    def test_what_is_compiled_is_what_is_written(self, po: Path) -> None:
        assert po.with_suffix(".mo").read_bytes() == messages.compiled(messages.read(po)), HINT

    @pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
    def test_a_translation_has_the_same_places_for_values(self, po: Path) -> None:
        wrong = []
        for message, ids in entries(messages.read(po)):
            if message.fuzzy or not messages.is_full(message):
                continue
            forms = [message.string] if isinstance(message.string, str) else list(message.string)
            known = set().union(*map(places, ids))
            if any(places(form) - known for form in forms) or places(forms[-1]) != places(ids[-1]):
                wrong.append((ids, forms))
        assert wrong == []

    @pytest.mark.parametrize("po", PO_FILES, ids=lambda po: po.parent.parent.name)
    def test_a_fragment_keeps_its_edges(self, po: Path) -> None:
        """What is glued to another sentence begins and ends so in every language without blanks, too."""
        for message, ids in entries(messages.read(po)):
            for form in [message.string] if isinstance(message.string, str) else message.string:
                assert form == form.strip() or ids[0] != ids[0].strip(), form
                assert "\n" not in form or "\n" in ids[0]

    def test_the_files_are_packed(self) -> None:
        patterns = (messages.ROOT / ".gitignore").read_text(encoding="utf-8").split()
        assert PO_FILES
        for po in PO_FILES:
            for name in ("fairbrush.mo", "bot/locale", "locale", "LC_MESSAGES", po.parent.parent.name):
                assert not any(fnmatch(name, pattern.strip("/")) for pattern in patterns)
            assert po.with_suffix(".mo").exists()

    def test_chinese_is_chinese(self) -> None:
        """Only signs, values and words of the trade may stay as they are."""
        po = next(po for po in PO_FILES if po.parent.parent.name == "zh_CN")
        same = set()
        for message, _ in entries(messages.read(po)):
            for form in [message.string] if isinstance(message.string, str) else message.string:
                words = re.sub(r"\{\w+\}", "", form)
                if re.search(r"[A-Za-z]", words) and not HAN.search(words):
                    same.add(form)
        assert same <= {"{size} MiB", "lora", "--seed 7 --count 2 --style ink"}


class TestReadingTheCode:
    def test_babel_finds_nothing_else(self) -> None:
        """Another reader of the same code: what it sees as a literal is in the catalogue."""
        keywords: dict[str, Any] = {"Text": None, "counted": (1, 2)}
        seen = 0
        for path in sorted((messages.ROOT / "bot").rglob("*.py")):
            file = path.relative_to(messages.ROOT).as_posix()
            if any(file.startswith(entry) for entry in messages.LEFT_OUT) or b"Text" not in path.read_bytes():
                continue
            for _, found, *_ in extract_from_file("python", path, keywords=keywords):
                msgid = found if isinstance(found, str) else found[0]
                assert msgid in known(), (file, msgid)
                seen += 1
        assert seen > 500

    @pytest.mark.parametrize(
        "call",
        [
            'Text(f"{name} is gone", name=1)',
            'Text("a" + b)',
            "Text(sentence)",
            "Text.counted(one, 'many', 2)",
        ],
    )
    def test_what_cannot_be_translated_is_refused(self, call: str) -> None:
        with pytest.raises(messages.CannotBeRead, match=r"bot/some\.py:2"):
            list(messages.in_code(f"\n{call}", "bot/some.py"))

    def test_sentences_are_found_wherever_they_stand(self) -> None:
        source = 'x = Text("a " "b", n=1)\ny = Text("c" if x else "d")\nz = Text.counted("one", "many", 2)'
        found = [(each.msgid, each.many) for each in messages.in_code(source, "bot/some.py")]
        assert found == [("a b", None), ("c", None), ("d", None), ("one", "many")]

    def test_sentences_of_pages_are_found(self) -> None:
        source = '<p>{{ say("a {x}", x=say("b")) }}</p>{% if y %}<i title="{{ say("c") }}">{% endif %}'
        assert {each.msgid for each in messages.in_page(source, "bot/some.html")} == {"a {x}", "b", "c"}
        with pytest.raises(messages.CannotBeRead, match=r"bot/some\.html:2"):
            list(messages.in_page("\n{{ say(x) }}", "bot/some.html"))
        found = {each.msgid for each in sentences() if each.file.endswith("play/composer.html")}
        assert "What to paint, or a command that begins with a slash" in found

    def test_every_exception_is_still_one(self) -> None:
        for file, code in [*messages.TABLES, *messages.PASSED_ON]:
            tree = ast.parse((messages.ROOT / file).read_text(encoding="utf-8"))
            said = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
            assert any(call.startswith((f"Text({code}", f"Text.counted({code}")) for call in said), (
                file,
                code,
            )
        for entry in messages.LEFT_OUT:
            path = messages.ROOT / entry
            files = [path] if path.is_file() else path.rglob("*.py")
            assert any(
                re.search(r"\bText(\.counted)?\(", file.read_text(encoding="utf-8")) for file in files
            ), entry

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_pages_have_no_words_but_sentences(self, page: Path) -> None:
        """What stands in them as it is would stay English."""
        words = Words()
        words.feed(re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))
        assert [each for each in words.seen if re.search(r"[^\W\d_]{2}", each)] == []

    def test_words_of_pages_are_seen(self) -> None:
        words = Words()
        words.feed('<p title="a tip">some <b>words</b><code>x</code> <img alt="alternative"></p>')
        assert words.seen == ["a tip", "some", "words", "alternative"]

    def test_one_sentence_is_said_in_one_way(self) -> None:
        """Two plurals of one singular would be one entry to gettext, and one of them lost."""
        plurals: dict[str, set[str]] = {}
        for each in sentences():
            if each.many is not None:
                plurals.setdefault(each.msgid, set()).add(each.many)
        assert {one: many for one, many in plurals.items() if len(many) > 1} == {}


def spoken(locale: str = "zh-CN") -> list[Payload]:
    registration = register(SPECS, locales={locale: CHINESE.gettext})
    assert registration.notes == ()
    return list(registration.payloads)


def named(payload: Mapping[str, Any]) -> str:
    return str(payload.get("name_localizations", {}).get("zh-CN", payload["name"]))


def parts(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield payload
    for inner in payload.get("options", ()):
        yield from parts(inner)


class TestCommands:
    def test_every_name_is_chinese(self) -> None:
        english = {
            part["name"] for payload in spoken() for part in parts(payload) if "zh-CN" not in localised(part)
        }
        # What an operator's own templates call their options and commands is theirs.
        ours = {part.name for spec in SPECS for part in of(spec)} | {menu.label.msgid for menu in MENUS}
        assert english & ours <= {"lora", "upscale", "flux", "resize"} | own_options()

    def test_names_are_valid_and_tell_things_apart(self) -> None:
        commands = [payload for payload in spoken() if "description" in payload]
        for level in [
            commands,
            *(part["options"] for c in commands for part in parts(c) if "options" in part),
        ]:
            names = [named(part) for part in level]
            assert all(map(is_name, names)), names
            assert len(names) == len(set(names)), names
            others = [part["name"] for part in level]
            assert not [name for name in names if name in others and others.index(name) != names.index(name)]

    def test_descriptions_are_chinese_and_whole(self) -> None:
        for payload in spoken():
            for part in parts(payload):
                if "description" in part and part["description"] in known():
                    said = part["description_localizations"]["zh-CN"]
                    assert HAN.search(said)
                    assert len(said) <= MOST_DESCRIPTION
                    assert not said.endswith("…")

    def test_menus_are_called_in_chinese(self) -> None:
        menus = [payload for payload in spoken() if "description" not in payload]
        assert len(menus) == len(MENUS)
        assert all(HAN.search(named(menu)) for menu in menus)


class TestPages:
    async def test_a_browser_is_shown_the_language_that_it_asks_for(self, tmp_path: Path) -> None:
        async with visited(tmp_path) as visit:
            for address in ("/", "/operator", "/operator/jobs", "/operator/people", "/operator/audit"):
                chinese = await visit.get(address, **{"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
                assert '<html lang="zh-CN">' in chinese.html
                ours = re.sub(r"Fairbrush|discord:123|JavaScript", "", chinese.text)
                assert HAN.search(ours)
                assert not re.findall(r"[A-Za-z]{3,} [a-z]{2,}", ours), address
            english = await visit.get("/operator", **{"Accept-Language": "en-GB,en;q=0.5"})
            assert '<html lang="en">' in english.html
            assert not HAN.search(english.text)


@cache
def known() -> frozenset[str]:
    return frozenset(each.msgid for each in sentences())


def localised(part: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = part.get("name_localizations", {})
    return found


def of(spec: CommandSpec) -> Iterator[Any]:
    yield spec
    yield from spec.options
    for inner in spec.subcommands:
        yield from of(inner)


def own_options() -> set[str]:
    """Names that are no word of the bot's: parameters and commands of templates."""
    return {part.name for spec in SPECS if spec.templates for part in of(spec) if part.name not in known()}
