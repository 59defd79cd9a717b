"""The pages on Discord, on Telegram and on operators' commands: what they show works as it stands there."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.chat.discord.address import TOKEN_MARGIN_MS, TOKEN_MS
from bot.chat.telegram import answers, questions
from bot.cli.tokens import RIGHTS
from bot.config import load_settings
from bot.domain.ids import RequestId
from bot.domain.linking import CODE_MS, MOST_TRIES
from bot.domain.throttle import telegram_policy
from bot.presentation.specs import MENUS, PROMPT, CommandSpec, make_commands
from bot.service import courier, first_answers
from bot.service.admin_questions import LASTS
from bot.service.images import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from bot.service.parcels import pace
from bot.service.parcels.limits import DISCORD, TELEGRAM
from tests.support.discord import DiscordWorld, Person, Reply
from tests.support.discord_bot import LiveClock, in_discord
from tests.support.fake_server import FakeServer
from tests.support.service import Bot
from tests.support.telegram import Shown, TelegramWorld
from tests.support.telegram_bot import in_telegram, picture

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("discord", "telegram", "admin")}
TIERS = {"patron": {"weight": 3.0}}
REFUSED = ("✋", "⛔", "🚫")
SHOWN_ID = "k3v9q2m7xa"
"""Stands in examples for the id of somebody's request."""


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"(?ms)^ *```{kind}\n(.*?)^ *```", PAGES[page])


def lines(page: str, start: str) -> list[str]:
    """Of the page's blocks of text, those that begin so, without that."""
    found = [line.strip() for block in blocks(page, "text") for line in block.splitlines()]
    return [line.removeprefix(start).strip() for line in found if line.startswith(start)]


# Settings, addresses, numbers


@pytest.mark.parametrize("page", PAGES)
def test_its_settings_load(page: str, tmp_path: Path) -> None:
    for name in ("discord-token", "telegram-token"):
        (tmp_path / name).write_text("123456789:AAErealistic-enough_0123456789abcdefg", encoding="utf-8")
    for block in blocks(page, "toml"):
        content = "\n".join(line.strip() for line in block.splitlines())
        tomllib.loads(content)
        (tmp_path / "config.toml").write_text(content, encoding="utf-8")
        load_settings(tmp_path / "config.toml", environ={}, folder=tmp_path)


def test_the_invitation_asks_for_the_rights_that_are_explained() -> None:
    table = dict(re.findall(r"(?m)^\| ([A-Z][\w ]+) \| (\d+) \|", PAGES["discord"]))
    wanted = discord.Permissions(
        view_channel=True,
        send_messages=True,
        embed_links=True,
        attach_files=True,
        send_messages_in_threads=True,
    )
    assert len(table) == 5
    assert sum(map(int, table.values())) == wanted.value == RIGHTS
    for name, bit in table.items():
        flag = name.lower().replace(" ", "_").replace("view_channels", "view_channel")
        assert getattr(discord.Permissions(int(bit)), flag), name
    (invitation, own) = re.findall(r"https://discord\.com/oauth2/authorize\?(\S+)", PAGES["discord"])
    assert "scope=bot+applications.commands" in invitation
    assert f"permissions={wanted.value}" in invitation
    assert "integration_type=1" in own


@pytest.mark.parametrize(
    ("page", "words", "number"),
    [
        ("discord", "It is used for {}½;", (TOKEN_MS - TOKEN_MARGIN_MS) // 60_000),
        (
            "discord",
            "pressed twice within three seconds",
            None if first_answers.PRESSED_TWICE == 3.0 else "?",
        ),
        ("discord", "at most every eight seconds", None if pace.EVERY == 8.0 else "?"),
        ("discord", "| {}, and", DISCORD.most_files),
        ("discord", "and {} MiB together", DISCORD.request_bytes // 1024**2),
        ("discord", "what the server allows: {} MiB", DISCORD.file_bytes // 1024**2),
        ("discord", "{} MB, 50 megapixels", MAX_IMAGE_BYTES // 1024**2),
        ("telegram", "20 MB, {} megapixels", MAX_IMAGE_PIXELS // 1_000_000),
        (
            "telegram",
            "| a photo; a file | {} MB; 50 MB |",
            TELEGRAM.photo and TELEGRAM.photo.file_bytes // 10**6,
        ),
        ("telegram", "10 MB; {} MB |", TELEGRAM.file_bytes // 10**6),
        ("telegram", "| pictures of an album | {} |", TELEGRAM.most_files),
        ("telegram", "next message, for {} minutes.", "ten" if questions.MINUTES == 10 else "?"),
        ("telegram", "for a day; alone", None if questions.REPLY_MINUTES == 24 * 60 else "?"),
        ("telegram", "A code is good once, for {} minutes", "ten" if CODE_MS == 600_000 else "?"),
        ("telegram", "Up to {} questions wait", "five" if questions.MOST_OPEN == 5 else "?"),
        ("telegram", "is answered within {} second,", "a" if answers.ANSWER_WITHIN == 1.0 else "?"),
        ("telegram", "After {} wrong ones", "five" if MOST_TRIES == 5 else "?"),
        ("telegram", "| messages in a group | {} a minute", telegram_policy().routes["group"].calls),
        ("telegram", "| messages in a private chat | {} in 3", telegram_policy().routes["private"].calls),
        ("admin", "it is taken for {} minutes", "five" if LASTS == 5 else "?"),
    ],
)
def test_its_numbers_are_those_of_the_program(page: str, words: str, number: object) -> None:
    assert number != "?", words
    assert words.format(number) in re.sub(r"\s*\n\s*", " ", PAGES[page])


def test_results_are_tried_for_as_long_as_it_says() -> None:
    pauses = [courier.retry_pause(tries) for tries in range(courier.MOST_TRIES)]
    assert "about eight hours" in PAGES["discord"]
    assert 7 <= sum(pauses) / 3600 <= 9


@pytest.mark.parametrize("page", ["discord", "telegram"])
def test_it_tells_of_every_command_and_every_menu(page: str) -> None:
    for spec in make_commands(()).specs:
        assert f"`/{spec.name}" in PAGES[page], spec.name
    if page == "discord":
        for menu in MENUS:
            assert f"*{menu.label}*" in PAGES[page]


def test_it_tells_of_every_command_of_operators() -> None:
    admin = make_commands(()).get("admin")
    assert admin is not None
    for words in leaves(admin):
        for platform in ("Discord", "Telegram"):
            shown = lines("admin", f"{platform}   " if platform == "Discord" else f"{platform}  ")
            assert any(line.startswith(f"/{words}") for line in shown), (platform, words)


def leaves(spec: CommandSpec) -> Iterator[str]:
    if not spec.subcommands:
        yield spec.name
    for each in spec.subcommands:
        yield from (f"{spec.name} {words}" for words in leaves(each))


@pytest.mark.parametrize("page", ["discord", "telegram"])
def test_its_messages_are_those_of_the_program(page: str) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    said = re.sub(r'"\s*\n\s*f?"', "", sources)
    found = re.findall(r"(?m)^\| \*(.+?)\* \|", PAGES[page].partition("## When something is wrong")[2])
    assert len(found) >= 8
    own = [each for each in found if each != "The application did not respond"]  # Discord's words
    for message in own:
        written = message.replace("[discord]", "[{name}]").replace("[telegram]", "[{name}]")
        written = re.sub(r"^(Discord|Telegram)( not reached yet)", r"\2", written)
        for part in written.split("…"):
            assert part.strip(" ():*") in said, message


# Examples


async def test_examples_for_telegram_are_understood(tmp_path: Path) -> None:
    clock = LiveClock()
    examples = lines("telegram", "/")
    assert len(examples) >= 10
    async with TelegramWorld(clock=clock.as_clock()) as world, in_telegram(world, tmp_path, clock) as bot:
        for number, example in enumerate(examples):
            # Somebody else each time: a chat takes few messages a second.
            person = world.user(f"Ann {number}")
            answer = await telegram_answer(bot, person, world.private(person), f"/{example}")
            assert not words(answer).startswith(REFUSED), f"/{example}: {words(answer)}"
            if example.startswith("imagine"):
                await cancelled(bot)


async def test_operators_examples_for_telegram_do_what_they_say(tmp_path: Path) -> None:
    clock = LiveClock()
    examples = lines("admin", "Telegram  ")
    async with TelegramWorld(clock=clock.as_clock()) as world:
        ops = [world.user(f"Op {number}") for number in range(len(examples))]
        bob = world.user("Bob", username="bob")
        bobs = world.private(bob)
        configured = {"telegram": {"admin_ids": [op.id for op in ops]}, "tiers": TIERS}
        async with in_telegram(world, tmp_path, clock, **configured) as bot:
            await telegram_answer(bot, bob, bobs, "/quota")  # names are those last seen
            for op, shown in zip(ops, examples, strict=True):
                example = shown
                if example.startswith("/admin cancel"):
                    await telegram_answer(bot, bob, bobs, "/imagine a fox")
                    example = example.replace(SHOWN_ID, await open_request(bot))
                answer = await telegram_answer(bot, op, world.private(op), example)
                assert not words(answer).startswith(REFUSED), f"{example}: {words(answer)}"
                if question_in(words(answer)):
                    await op.presses(answer.button("Yes, do it"))
                    await until(bot, lambda: not question_in(words(answer)))  # noqa: B023 - awaited here
                    assert not words(answer).startswith(REFUSED), f"{example}: {words(answer)}"
            await nothing_open(bot)


async def test_examples_for_discord_do_what_they_say(tmp_path: Path) -> None:
    clock = LiveClock()
    async with DiscordWorld(clock=clock.as_clock()) as world:
        guild = world.guild("Painters")
        channel = guild.channel("general")
        op, bob = guild.member("op", admin=True), guild.member("Bob")
        people = {"@Bob": bob}
        configured = {"discord": {"admin_ids": [str(op.id)]}, "tiers": TIERS}
        async with in_discord(world, tmp_path, [FakeServer(picture=picture)], clock, **configured) as bot:
            shown = (*lines("admin", "Discord   "), *(f"/{line}" for line in lines("discord", "/")))
            for example in shown:
                if example.startswith("/admin cancel"):
                    await (await bob.slash(channel, "imagine", prompt="a fox")).acknowledged(within=3)
                    example = example.replace(SHOWN_ID, await open_request(bot))
                command, options = in_discords_words(example, people)
                reply = await op.slash(channel, command, **options)
                await settled(bot, reply)
                assert not reply.text.startswith(REFUSED), f"{example}: {reply.text}"
                if question_in(reply.text):
                    await op.press(reply.button("Yes, do it"))
                    await until(bot, lambda: not question_in(reply.text))  # noqa: B023 - awaited here
                    assert not reply.text.startswith(REFUSED), f"{example}: {reply.text}"
                if command == "imagine":
                    await cancelled(bot)
            await nothing_open(bot)


def in_discords_words(example: str, people: Mapping[str, Person]) -> tuple[str, dict[str, Any]]:
    """``/admin tier user:@Bob tier:patron`` as a command and its options."""
    command, _, rest = re.fullmatch(r"/([a-z ]+?)(?:( )((?:\w+):.*))?", example).groups("")  # type: ignore[union-attr]
    names = "|".join((*_option_names(), PROMPT))
    found = re.findall(rf"({names}):(.*?)(?= (?:{names}):|$)", rest)
    options: dict[str, Any] = {}
    for name, written in found:
        value = written.strip()
        if value in people:
            options[name] = people[value]
        elif value in ("True", "False"):
            options[name] = value == "True"
        elif name in ("seconds", "days") and command.split()[-1] != "set":
            options[name] = int(value)
        else:
            options[name] = value
    return command, options


def _option_names() -> set[str]:
    def of(spec: CommandSpec) -> Iterator[str]:
        yield from (option.name for option in spec.options)
        for each in spec.subcommands:
            yield from of(each)

    found = {name for spec in make_commands(()).specs for name in of(spec)}
    return found | {"aspect", "size", "seed"}


# Small things


async def telegram_answer(bot: Bot, who: Any, chat: Any, line: str) -> Shown:
    before = len(chat.by_bot)
    await who.says(chat, line)
    await until(bot, lambda: len(chat.by_bot) > before)
    found: Shown = chat.by_bot[before]
    return found


async def settled(bot: Bot, reply: Reply) -> None:
    await reply.acknowledged(within=3)
    await until(bot, lambda: reply.message is not None and not reply.message.loading and reply.text)


async def until(bot: Bot, met: Any) -> None:
    async with asyncio.timeout(20):
        while not met():
            bot.clock.advance(0.2)
            await asyncio.sleep(0.01)


def words(shown: Shown) -> str:
    return f"{shown.text or shown.caption}"


def question_in(text: str) -> bool:
    return "Are you sure?" in text


async def open_request(bot: Bot) -> RequestId:
    """The only one there is, once it is written."""
    await until(bot, bot.service.dispatcher.known_jobs)
    (job,) = bot.service.dispatcher.known_jobs()
    return (await bot.job(job.id)).request


async def cancelled(bot: Bot) -> None:
    """Room for the next one."""
    for job in bot.service.dispatcher.known_jobs():
        await bot.service.dispatcher.cancel(await bot.job(job.id), "test")


async def nothing_open(bot: Bot) -> None:
    async with asyncio.timeout(10):
        while bot.service.dispatcher.known_jobs():
            bot.clock.advance(0.2)
            await asyncio.sleep(0.01)
