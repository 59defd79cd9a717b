"""The commands as Telegram lists them, and telling it only what has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chat.telegram.client import Client, make_client
from bot.chat.telegram.commands import (
    ADMINISTRATORS,
    GROUPS,
    PRIVATE,
    Listed,
    Target,
    make_lists,
    telegram_name,
)
from bot.chat.telegram.sync import sync_commands
from bot.domain.text import Text
from bot.presentation.language import ENGLISH, Language
from bot.presentation.specs import Commands, CommandSpec, make_commands
from tests.support.telegram import FloodLimits, TelegramWorld

ADMIN = 4242


class Memory(dict[str, Any]):
    async def get(self, key: str) -> Any:  # type: ignore[override]
        return super().get(key)

    async def put(self, key: str, value: Any) -> None:
        self[key] = value


def german(text: str) -> str:
    return {"How to use this bot": "So geht es"}.get(text, text)


BOTH = {"": ENGLISH, "de": Language("de", gettext=german)}
OURS = make_commands([])


def names(listed: tuple[Listed, ...]) -> list[str]:
    return [each.name for each in listed]


def test_each_place_lists_what_can_be_used_there() -> None:
    lists = make_lists(OURS, {"": ENGLISH}, [ADMIN]).lists
    private, groups = names(lists[Target(PRIVATE)]), names(lists[Target(GROUPS)])
    assert private[0] == groups[0] == "imagine"
    assert {"queue", "link", "privacy", "help"} <= set(private)
    assert "admin" not in private
    assert set(private) - set(groups) == {"link", "unlink", "privacy"}
    assert set(names(lists[Target(ADMINISTRATORS)])) - set(groups) == {"admin"}
    assert set(names(lists[Target("chat", ADMIN)])) == {*private, "admin"}


def test_each_language_has_its_own() -> None:
    lists = make_lists(OURS, BOTH).lists
    said = {
        target.language: each.description
        for target, listed in lists.items()
        if target.scope == PRIVATE
        for each in listed
        if each.name == "help"
    }
    assert said == {"": "How to use this bot", "de": "So geht es"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("imagine", "imagine"),
        ("image-to-image", "image_to_image"),
        ("Flux", "flux"),
        ("bild-größe", None),
        ("x" * 33, None),
        ("", None),
    ],
)
def test_names(ours: str, theirs: str | None) -> None:
    assert telegram_name(ours) == theirs


def test_what_cannot_be_listed_is_said_and_the_first_of_a_name_stays() -> None:
    commands = Commands(tuple(CommandSpec(name, Text("Paint")) for name in ("a-b", "a_b", "größe", "ok")))
    made = make_lists(commands, {"": ENGLISH})
    assert made.names == {"a_b": "a-b", "ok": "ok"}
    assert len(made.notes) == 2
    assert "größe" in str(made.notes[1])


def test_lists_and_descriptions_keep_to_the_limits() -> None:
    commands = Commands(tuple(CommandSpec(f"c{n}", Text("{words}", words="ü" * 400)) for n in range(150)))
    for listed in make_lists(commands, {"": ENGLISH}).lists.values():
        assert len(listed) <= 100
        assert all(1 <= len(each.description) <= 256 for each in listed)


def test_targets_survive_being_written_down() -> None:
    for target in (Target(PRIVATE), Target("chat", 5, "de"), Target(GROUPS, language="en")):
        assert Target.read(str(target)) == target
    assert Target.read("nonsense") is None


# Telling


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramWorld]:
    async with TelegramWorld(limits=FloodLimits.off()) as world:
        yield world


@pytest.fixture
async def client(telegram: TelegramWorld) -> AsyncIterator[Client]:
    async with make_client(telegram.token, telegram.api_url) as made:
        yield made


async def no_time(_: float) -> None: ...


async def test_telegram_is_told_once(telegram: TelegramWorld, client: Client) -> None:
    admin = telegram.user("Admin")
    telegram.private(admin)
    lists = make_lists(OURS, BOTH, [admin.id]).lists
    memory = Memory()
    first = await sync_commands(client, client.number, lists, memory, sleep=no_time)
    assert not first.problems
    assert set(first.updated) == set(lists)
    again = await sync_commands(client, client.number, lists, memory, sleep=no_time)
    assert set(again.unchanged) == set(lists)
    assert len(telegram.calls("setMyCommands")) == len(lists) == 8
    told = telegram.calls("setMyCommands")[0].json
    assert told["commands"][0]["command"] == "imagine"


async def test_only_what_changed_is_told_again_and_what_is_unwanted_taken_back(
    telegram: TelegramWorld, client: Client
) -> None:
    memory = Memory()
    lists = dict(make_lists(OURS, BOTH).lists)
    await sync_commands(client, client.number, lists, memory, sleep=no_time)
    lists[Target(PRIVATE)] = lists[Target(PRIVATE)][:3]
    gone = Target(GROUPS, language="de")
    del lists[gone]
    synced = await sync_commands(client, client.number, lists, memory, sleep=no_time)
    assert synced.updated == (Target(PRIVATE),)
    assert synced.cleared == (gone,)
    (call,) = telegram.calls("deleteMyCommands")
    assert call.json == {"scope": {"type": GROUPS}, "language_code": "de"}


async def test_an_operator_who_never_wrote_is_told_of_and_the_rest_goes_on(
    telegram: TelegramWorld, client: Client
) -> None:
    lists = make_lists(OURS, {"": ENGLISH}, [ADMIN]).lists
    synced = await sync_commands(client, client.number, lists, Memory(), sleep=no_time)
    assert [problem.target for problem in synced.problems] == [Target("chat", ADMIN)]
    assert len(synced.updated) == 3


async def test_waits_are_obeyed_and_trouble_is_told(telegram: TelegramWorld, client: Client) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    lists = make_lists(OURS, {"": ENGLISH}).lists
    telegram.faults.fail("setMyCommands", 429, parameters={"retry_after": 9})
    telegram.faults.fail("setMyCommands", 502, times=1, html=True)
    memory = Memory()
    synced = await sync_commands(client, client.number, lists, memory, sleep=sleep)
    assert slept == [9.0]
    assert len(synced.problems) == 1
    assert len(synced.updated) == 2
    later = await sync_commands(client, client.number, lists, memory, sleep=sleep)
    assert len(later.updated) == 1
