"""Templates switched off and on, and files that change while the bot is at work."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import NotFound, ParameterError, Quarantined, StoreUnavailable, TemplateNotFound
from bot.domain.ids import RequestId, ServerName, TemplateName
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.presentation.card_plain import plain
from bot.presentation.cards import CardState
from bot.service.shelf import SWITCHED_OFF
from bot.templates.loader import Changes, Look, TemplateLibrary
from tests.admin_support import ADA, ANN, OLAF, Office, answer, office
from tests.support.templates import catalogue, export_of

EXPORT = export_of("text-to-image")


def write(folder: Path, name: str, text: str | None = None, title: str = "") -> None:
    (folder / f"{name}.json").write_text(json.dumps(EXPORT) if text is None else text, encoding="utf-8")
    if title:
        (folder / f"{name}.toml").write_text(f'title = "{title}"', encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "workflows"
    found.mkdir()
    write(found, "first", title="First of all")
    write(found, "second", title="Second")
    return found


@pytest.fixture
async def here(tmp_path: Path, folder: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, workflows_dir=str(folder)) as found:
        yield found


def offered(here: Office) -> list[str]:
    return [template.name for template in here.bot.service.usecases.shelf.library.enabled()]


def changes(here: Office) -> list[list[str]]:
    """What is offered, each time that it is told to have changed."""
    told: list[list[str]] = []
    here.bot.service.usecases.shelf.watch(lambda: told.append(offered(here)))
    return told


# Off and on


async def test_a_template_is_offered_no_longer_and_again(here: Office) -> None:
    told = changes(here)
    card = await here.say("templates disable", template="SECOND", reason="ugly")
    assert card.state is CardState.QUESTION
    assert offered(here) == ["first", "second"]
    assert "second is offered no longer" in plain(await here.press(answer(card)))
    assert offered(here) == ["first"]
    with pytest.raises(TemplateNotFound, match="not offered at the moment"):
        await here.ask("a fox --template second")
    assert "disabled already" in plain(await here.say("templates disable", OLAF, template="second"))
    assert "disabled already" in plain(await here.press(answer(card))), "pressed twice"
    assert "offered again" in plain(await here.say("templates enable", OLAF, template="second"))
    assert "was offered already" in plain(await here.say("templates enable", template="second"))
    await here.ask("a fox --template second")
    assert told == [["first"], ["first", "second"]]
    assert await here.deeds() == [
        (ADA.identity, "template off", "second", "ugly"),
        (OLAF.identity, "template on", "second", ""),
    ]


async def test_one_that_rests_is_offered_again_when_an_operator_has_looked_at_it(here: Office) -> None:
    quarantine, now = here.bot.service.usecases.gate.guards.quarantine, here.bot.clock.now()
    for number in range(3):
        quarantine.failed(TemplateName("second"), RequestId(f"r{number}"), now)
    with pytest.raises(Quarantined):
        await here.ask("a fox --template second")
    assert "rests no longer" in plain(await here.say("templates enable", template="second", reason="mended"))
    await here.ask("a fox --template second")
    assert await here.deeds() == [(ADA.identity, "template on", "second", "mended")]
    assert "was offered already" in plain(await here.say("templates enable", template="second"))


async def test_what_is_in_line_is_painted_all_the_same(here: Office) -> None:
    receipt = await here.ask("a fox --template second")
    await here.sure("templates disable", template="second")
    assert here.bot.service.usecases.shelf.title_of(receipt.accepted.request.template) == "Second"
    await here.bot.server.until_waiting(1)
    here.bot.server.finish()
    (job,) = await here.bot.until_over(receipt.accepted.request.id)
    assert job.state is JobState.DONE


async def test_it_stays_off_over_a_restart_whatever_becomes_of_its_files(
    tmp_path: Path, folder: Path
) -> None:
    async with office(tmp_path, workflows_dir=str(folder)) as here:
        await here.sure("templates disable", template="second")
        (folder / "second.json").rename(folder / "second.away")
        await here.say("templates reload")
    async with office(tmp_path, workflows_dir=str(folder)) as again:
        (folder / "second.away").rename(folder / "second.json")
        await again.say("templates reload")
        assert offered(again) == ["first"]
        assert again.bot.service.usecases.shelf.library.switched_off() == ("second",)
        await again.say("templates enable", template="second")
    async with office(tmp_path, workflows_dir=str(folder)) as at_last:
        assert offered(at_last) == ["first", "second"]


async def test_nothing_is_switched_off_that_could_not_be_written_down(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreUnavailable(Text("The disk is full."))

    card = await here.say("templates disable", template="second")
    monkeypatch.setattr(type(here.bot.store), "put", full)
    with pytest.raises(StoreUnavailable):
        await here.press(answer(card))
    assert offered(here) == ["first", "second"]


async def test_two_who_switch_at_once_lose_nothing(here: Office) -> None:
    shelf = here.bot.service.usecases.shelf
    names = [shelf.library.called(name) for name in ("first", "second", "first")]
    changed = await asyncio.gather(*(shelf.offer(name, offered=False) for name in names))
    assert changed == [True, True, False]
    assert offered(here) == []
    assert await here.bot.store.get(SWITCHED_OFF) == ["first", "second"]


async def test_the_last_one_is_warned_of(here: Office) -> None:
    await here.sure("templates disable", template="second")
    card = await here.say("templates disable", template="first")
    assert "It is the last template that is offered" in plain(card)


async def test_templates_that_there_are_not(here: Office, folder: Path) -> None:
    with pytest.raises(TemplateNotFound, match="Did you mean second"):
        await here.say("templates disable", template="secnd")
    with pytest.raises(ParameterError, match="Say which"):
        await here.say("templates enable")
    card = await here.say("templates disable", template="second")
    for suffix in ("json", "toml"):
        (folder / f"second.{suffix}").unlink()
    await here.say("templates reload")
    with pytest.raises(NotFound, match="not in the folder any more"):
        await here.press(answer(card))


async def test_a_broken_one_cannot_be_had_by_enabling_it(here: Office, folder: Path) -> None:
    write(folder, "broken", "[]")
    await here.say("templates reload")
    shown = plain(await here.say("templates enable", template="broken"))
    assert "cannot be used as it is" in shown
    assert "broken.json" in shown


# Reading anew


async def test_a_reload_tells_of_every_file_and_why(here: Office, folder: Path) -> None:
    told = changes(here)
    write(folder, "third")
    write(folder, "hurt", '{"1": ')
    write(folder, "second", title="Second, with more words")
    (folder / "first.json").unlink()
    (folder / "first.toml").unlink()
    shown = plain(await here.say("templates reload"))
    assert "4 templates have changed" in shown
    assert "third: new" in shown
    assert "second: changed" in shown
    assert "first: removed" in shown
    assert "hurt: new: hurt.json" in shown
    assert "in line 1" in shown
    assert "1 of these cannot be used" in shown
    assert told == [["second", "third"]]
    who, action, _, detail = (await here.deeds())[-1]
    assert (who, action) == (ADA.identity, "template reload")
    assert detail == "new: hurt, third, changed: second, removed: first"
    again = plain(await here.say("templates reload"))
    assert "Nothing has changed in the folder" in again
    assert "hurt: cannot be used: hurt.json" in again
    assert len(await here.deeds()) == 1
    assert len(told) == 1


async def test_two_reloads_at_once_find_a_file_once(here: Office, folder: Path) -> None:
    write(folder, "third")
    shown = [
        plain(card)
        for card in await asyncio.gather(
            here.say("templates reload"), here.say("templates reload", OLAF), here.ask("a fox", ANN)
        )
        if not hasattr(card, "accepted")
    ]
    assert sorted("third: new" in each for each in shown) == [False, True]
    assert offered(here) == ["first", "second", "third"]


async def test_a_folder_that_is_gone_changes_nothing(here: Office, folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(Exception, match="There is no folder of workflows"):
        await here.say("templates reload")
    assert offered(here) == ["first", "second"]


# While others read


def test_looking_and_fitting_change_nothing_until_it_is_taken(folder: Path) -> None:
    library = TemplateLibrary(folder)
    before = library.enabled()
    write(folder, "third")
    (folder / "first.json").unlink()
    (folder / "first.toml").unlink()
    look = library.look()
    assert library.enabled() == before
    assert library.take(look) == look.changes
    assert [template.name for template in library.enabled()] == ["second", "third"]
    fitted = library.fit(catalogue({"ckpt_name": ()}))
    assert library.disabled() == ()
    library.take(fitted)
    assert len(library.disabled()) == 2


def test_whoever_reads_meanwhile_sees_the_old_or_the_new_and_nothing_between(folder: Path) -> None:
    """Reading in one thread while another puts in what was read."""
    library = TemplateLibrary(folder)
    one = library.look()
    for number in range(20):
        write(folder, f"more-{number}")
    other = library.look()
    seen: set[int] = set()
    failed: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                seen.add(len(library.enabled()) + len(library.disabled()))
                library.title(library.names()[0])
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shall hear of it
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3000):
        library.take(other)
        library.take(one)
    stop.set()
    reader.join()
    assert failed == []
    assert seen <= {2, 22}


async def test_what_is_offered_changes_between_two_turns_of_the_event_loop(
    here: Office, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a request keeps the files of the very template that it chose, whatever is read anew meanwhile."""
    shelf = here.bot.service.usecases.shelf
    where: list[int] = []
    take = TemplateLibrary.take

    def taken(library: TemplateLibrary, look: Look) -> Changes:
        where.append(threading.get_ident())
        return take(library, look)

    monkeypatch.setattr(TemplateLibrary, "take", taken)
    for number in range(3):
        write(folder, "second", title=f"Second, {number} times changed")
        reload = asyncio.ensure_future(shelf.refresh())
        while not reload.done():
            template = shelf.library.get("second")
            snapshot = shelf.snapshot(template)
            assert snapshot.content_hash == template.content_hash
            assert snapshot.sidecar is not None
            assert template.title.encode() in snapshot.sidecar
            await asyncio.sleep(0)
        await reload
    await shelf.use_catalogues({ServerName("other"): catalogue()})
    assert where == [threading.get_ident()] * 4
