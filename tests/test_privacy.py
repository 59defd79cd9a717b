"""What is kept about a person: told, handed over, erased."""

from __future__ import annotations

import asyncio
import io
import json
import random
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import Denied, OutputError
from bot.domain.ids import IdentityId, QuotaDay, UserId
from bot.domain.quota import Window
from bot.domain.tiers import Tiers
from bot.presentation.actions import Danger, OnPage, OnQuestion, decode, encode, mark
from bot.presentation.card_plain import plain
from bot.service.accounts import Accounts
from bot.service.clock import Clock as ServiceClock
from bot.service.defaults import Defaults
from bot.service.gallery import Gallery
from bot.service.gate import Asker
from bot.service.outcomes import Document, Tell
from bot.service.privacy import PACKING, Privacy
from bot.service.records import StoredFile
from bot.service.shelf import Shelf
from bot.templates.loader import TemplateLibrary
from tests.store_support import NOON, Clock, Desk, file, opened

ANN, TED, BOB = IdentityId("discord:1"), IdentityId("telegram:5"), IdentityId("discord:2")
ASKER = Asker(ANN, "Ann Smith")
MINUTE = 60_000


@dataclass
class World:
    privacy: Privacy
    defaults: Defaults
    desk: Desk
    clock: Clock
    folder: Path

    async def paint(self, who: str, name: str, *, size: int = 1000, inputs: tuple[str, ...] = ()) -> str:
        """A finished job whose files are on the disk."""
        for each in (name, *inputs):
            path = self.folder / file(each).path
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(random.Random(each).randbytes(size))
        job = await self.desk.one(who, inputs=tuple(map(file, inputs)))
        await self.desk.finish(job, name=name)
        return job


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "workflows").mkdir()
    async with opened(tmp_path) as desk:
        store, clock = desk.store, Clock()
        accounts = Accounts(store, Tiers([]), window=Window.DAY, timezone="UTC", clock=clock)
        defaults = Defaults(store, Shelf(TemplateLibrary(tmp_path / "workflows"), store))
        for who, name in ((ANN, "Ann Smith"), (TED, "Annie"), (BOB, "Bob")):
            await store.person(who, name=name, at=NOON)
        privacy = Privacy(
            store, accounts, Gallery(tmp_path), defaults, ServiceClock(now=clock), pictures_days=30
        )
        yield World(privacy, defaults, desk, clock, tmp_path)


def unpacked(tell: Tell) -> tuple[zipfile.ZipFile, Mapping[str, Any], list[dict[str, Any]]]:
    """The archive, what it says, and which files it names."""
    assert isinstance(tell.document, Document)
    archive = zipfile.ZipFile(io.BytesIO(tell.document.content))
    assert archive.testzip() is None
    return archive, json.loads(archive.read("data.json")), json.loads(archive.read("files.json"))


# Told


async def test_the_card_says_what_is_there_and_for_how_long(here: World) -> None:
    await here.paint(ANN, "a", inputs=("in",))
    await here.paint(BOB, "b")
    card = await here.privacy.card(ASKER)
    shown = plain(card)
    assert "1 request of yours is written down." in shown
    assert "1 picture is kept." in shown
    assert "removed after 30 days" in shown
    assert card.private
    actions = [decode(encode(button.action)) for button in card.buttons[0]]
    assert [each.subject for each in actions if isinstance(each, OnPage)] == ["export", "erase"]
    assert {each.owner for each in actions if isinstance(each, OnPage)} == {mark(ANN)}


# Handed over


async def test_few_archives_are_made_at_a_time(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.paint(ANN, "a")
    parts = here.desk.store.export_parts
    making: list[int] = []

    async def watched(user: UserId) -> AsyncIterator[Any]:
        making.append(1)
        assert sum(making) <= PACKING
        async for some in parts(user):
            yield some
        making.append(-1)

    monkeypatch.setattr(here.desk.store, "export_parts", watched)
    told = await asyncio.gather(*(here.privacy.export(ASKER) for _ in range(6)))
    assert len({unpacked(each)[0].read("data.json") for each in told}) == 1
    assert len(making) == 12


async def test_the_archive_names_nobody_else(here: World) -> None:
    """Neither who decided something, nor whose accounts were linked for a while, nor whose picture it was."""
    store = here.desk.store
    theirs = await here.paint(BOB, "bobs")
    await here.desk.accept(ANN, kept_from=theirs)
    stopped = await here.desk.one(ANN)
    await store.cancel(stopped, NOON, by=BOB, settle_seconds=None)
    await store.block_in("discord:guild:7", UserId(ANN), None, "noise", actor=BOB, at=NOON)
    await store.grant(UserId(ANN), 5.0, QuotaDay("2026-11-18"), actor=BOB, reason="a present", at=NOON)
    await store.set_allowance(UserId(ANN), None, actor=BOB, at=NOON)
    await store.link(TED, UserId(ANN), at=NOON)
    await store.unlink(TED, at=NOON)
    _, data, _ = unpacked(await here.privacy.export(ASKER))
    text = json.dumps(data)
    for other in (BOB, TED, "Bob", "Annie", theirs):
        assert other not in text, other
    assert {each["actor"] for each in data["decisions"]} == {"somebody else"}
    assert {each["actor"] for each in data["ledger"]} == {"somebody else", ANN}
    assert "noise" in text
    assert "a present" in text


async def test_the_archive_holds_all_that_is_known_and_every_picture(here: World) -> None:
    first = await here.paint(ANN, "a", inputs=("in",))
    await here.desk.store.link(TED, UserId(ANN), at=NOON)
    second = await here.paint(TED, "c")
    await here.paint(BOB, "bobs")
    await here.desk.store.set_default(UserId(ANN), "size", "512x512")
    await here.desk.store.block_in("discord:guild:7", UserId(ANN), None, "noise", actor=BOB, at=NOON)
    await here.desk.store.make_link_code(ANN, "a hash", NOON + MINUTE)
    tell = await here.privacy.export(ASKER)
    assert tell.card.private
    assert "3 pictures are in the archive" in plain(tell.card)
    archive, data, files = unpacked(tell)
    names = {f"pictures/{first}-1.png": "a", f"pictures/{second}-1.png": "c"}
    names[f"inputs/{first.partition('-')[0]}-1.png"] = "in"
    assert set(archive.namelist()) == {"README.txt", "data.json", "files.json", *names}
    for name, content in names.items():
        assert archive.read(name) == (here.folder / file(content).path).read_bytes()
    assert {each["name"] for each in files} == set(names)
    assert data == await here.desk.store.export(UserId(ANN))
    assert [each["identity"] for each in data["identities"]] == [ANN, TED]
    assert len(data["requests"]) == 2
    assert data["requests"][0]["values"]["prompt_text"].startswith("a lighthouse")
    assert len(data["ledger"]) == 4
    assert data["defaults"] == [{"name": "size", "value": "512x512"}]
    assert [each["place"] for each in data["blocks_in_places"]] == ["discord:guild:7"] * 2
    assert [each["identity"] for each in data["link_codes"]] == [ANN]
    # Of others, and of what is secret, nothing.
    for other in ("Bob", "bobs", "a hash"):
        assert other not in json.dumps(data)


async def test_the_newest_pictures_are_packed_as_long_as_there_is_room(here: World) -> None:
    jobs = [await here.paint(ANN, f"p{number}", size=10_000) for number in range(10)]
    whole = unpacked(await here.privacy.export(ASKER))[0]
    assert len(whole.namelist()) == 13
    for most in (30_000, 45_000, 72_345, 120_000):
        tell = await here.privacy.export(ASKER, most_bytes=most)
        assert tell.document is not None
        assert len(tell.document.content) <= most
        archive, _, files = unpacked(tell)
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert pictures == [f"pictures/{job}-1.png" for job in reversed(jobs)][: len(pictures)]
        # Nothing is left out for which there was room.
        assert len(tell.document.content) > most - 17_000 or len(pictures) == 10
        assert [each["name"] for each in files][: len(pictures)] == pictures
        left = [each for each in files if "left_out" in each]
        assert len(left) == len(files) - len(pictures) == 10 - len(pictures)
        assert {each["left_out"] for each in left} <= {"no room in this archive"}
        if left:
            assert f"{len(left)} more did not fit" in plain(tell.card)


async def test_a_picture_that_is_not_on_the_disk_any_more_is_told_of(here: World) -> None:
    await here.paint(ANN, "a")
    (here.folder / file("a").path).unlink()
    tell = await here.privacy.export(ASKER)
    _, _, files = unpacked(tell)
    assert [each["left_out"] for each in files] == ["not on the disk any more"]
    assert "did not fit" not in plain(tell.card)


async def test_words_that_fit_no_message_are_refused(here: World) -> None:
    for _ in range(250):
        await here.paint(ANN, "a", size=10)
    for most in (200, 4000, 12_000):
        with pytest.raises(OutputError, match="Ask the operator"):
            await here.privacy.export(ASKER, most_bytes=most)
    _, data, files = unpacked(await here.privacy.export(ASKER))
    # More than is read in one go.
    assert len(data["requests"]) == len(files) == 250
    assert data == await here.desk.store.export(UserId(ANN))


async def test_one_who_never_asked_for_anything_gets_an_archive_too(here: World) -> None:
    stranger = Asker(IdentityId("telegram:77"), "Zoe \ud83d")
    archive, data, files = unpacked(await here.privacy.export(stranger))
    assert archive.namelist() == ["README.txt", "data.json", "files.json"]
    assert (data["requests"], data["decisions"], files) == ([], [], [])


# Erased


def answer(question: Any, agreed: bool) -> OnQuestion:
    """The button that was pressed, after its way through a platform."""
    for button in question.buttons[0]:
        action = decode(encode(button.action))
        if isinstance(action, OnQuestion) and action.agreed is agreed:
            return action
    raise AssertionError


async def test_an_erase_is_asked_about_first(here: World) -> None:
    await here.paint(ANN, "a")
    question = await here.privacy.question(ASKER)
    assert question.private
    assert "1 request of yours" in plain(question)
    yes, no = answer(question, True), answer(question, False)
    assert yes == OnQuestion(Danger.ERASE, True, NOON // MINUTE + 5, mark(ANN))
    assert "Nothing was erased" in plain(await here.privacy.answered(no, ASKER))
    assert (here.folder / file("a").path).exists()
    here.clock.now += 6 * MINUTE
    again = await here.privacy.answered(yes, ASKER)
    assert answer(again, True).until == yes.until + 6
    assert (here.folder / file("a").path).exists()
    here.clock.now += 5 * MINUTE
    assert "Your data is erased" in plain(await here.privacy.answered(answer(again, True), ASKER))
    assert not (here.folder / file("a").path).exists()


async def test_nothing_is_erased_while_jobs_are_open(here: World) -> None:
    job = await here.desk.one(ANN)
    with pytest.raises(Denied, match="Cancel them or let them finish"):
        await here.privacy.erase(ASKER)
    assert (await here.desk.store.find_people("Ann Smith")) != ()
    await here.desk.store.cancel(job, NOON, by=ANN, settle_seconds=None)
    await here.privacy.erase(ASKER)


async def test_erased_means_that_no_file_and_no_row_knows_them(here: World) -> None:
    store = here.desk.store
    await store.link(TED, UserId(ANN), at=NOON)
    await here.paint(ANN, "a", inputs=("in",))
    await here.paint(TED, "c")
    await here.paint(BOB, "bobs")
    await here.defaults.set(UserId(ANN), "private", "on")
    await store.set_default(UserId(TED), "size", "123x456")
    await store.grant(UserId(ANN), 5.0, QuotaDay("2026-11-18"), actor="shell", reason="", at=NOON)
    await store.make_link_code(TED, "a hash", NOON + MINUTE)
    await store.use_link_code("wrong", ANN, NOON)
    await store.block_in("discord:guild:7", UserId(ANN), NOON - 1, "", actor="shell", at=NOON)
    # As a moderator they are named in what was decided about others, too.
    await store.block_in("discord:guild:7", UserId(BOB), None, "noise", actor=ANN, at=NOON)
    card = await here.privacy.erase(ASKER)
    assert "2 requests with their words are gone." in plain(card)
    assert "3 files are deleted." in plain(card)
    for note in ("stays: numbers", "counts for you until the day is over", "block", "posted in chats"):
        assert note in plain(card)
    assert [path.name for path in here.folder.glob("files/*")] == ["bobs.png"]
    assert not here.defaults.private(ANN)
    with closing(sqlite3.connect(store.path)) as connection:
        left = "\n".join(connection.iterdump())
    for gone in ("discord:1'", "telegram:5", "Ann", "files/a", "123x456", "a hash", "message:0"):
        assert gone not in left, gone
    assert "Bob" in left
    # And they may come again, as somebody of whom nothing is known.
    assert plain(await here.privacy.card(ASKER)).count("0 ") >= 2


async def test_a_file_that_cannot_be_deleted_now_is_deleted_later(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.paint(ANN, "a")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        await here.privacy.erase(ASKER)
    # No row knows it any more, and such files are removed at the next start.
    assert await here.desk.store.known_files() == frozenset()


async def test_a_picture_that_another_has_as_well_stays_theirs(here: World) -> None:
    job = await here.paint(ANN, "shared")
    repeat = (await here.desk.accept(BOB, kept_from=job)).jobs[0].id
    await here.privacy.erase(ASKER)
    kept: tuple[StoredFile, ...] = tuple(each.file for each in (await here.desk.store.results(repeat))[0])
    assert kept == (file("shared"),)
    assert (here.folder / file("shared").path).exists()
