"""What may be done with a result, on the real use cases with a server that the test plays."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.errors import (
    FairbrushError,
    FlagError,
    ImageRefused,
    IsPrivate,
    NodeFailed,
    NotFound,
    NotYours,
    ParameterError,
    QuotaUsedUp,
    TemplateNotFound,
    WordsBlocked,
)
from bot.domain.events import Finished
from bot.domain.ids import IdentityId, NodeId, RequestId
from bot.domain.jobs import JobState
from bot.domain.outputs import MediaKind, OutputFile
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_plain import plain
from bot.presentation.card_situation import Offers
from bot.presentation.flags import CHAT, SHELL, Ask, parse_line
from bot.service.acceptance import Receipt
from bot.service.follow_up_settings import made_with_values
from bot.service.follow_ups import LOOKING, FollowUps
from bot.service.gate import Asker, Origin
from bot.service.housekeeping import DAY_MS
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image
from bot.service.records import RequestRecord
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.support.templates import shipped


def png(color: str = "red", size: tuple[int, int] = (1248, 832)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


PAINTED = png()


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    server = FakeServer(picture=lambda: PAINTED)
    async with bot_at_work(tmp_path, [server], moderation={"blocked_words": ["bad"]}) as bot:
        yield bot


def asker(who: str = "alice", *, admin: bool = False) -> Asker:
    return Asker(IdentityId(f"test:{who}"), who, admin=admin)


def origin(event: str = "press-1") -> Origin:
    return Origin("test", event)


def follow_ups(bot: Bot) -> FollowUps:
    return FollowUps(bot.service.usecases)


async def painted(
    bot: Bot, line: str, who: str = "alice", files: int = 1, kind: str = "png"
) -> RequestRecord:
    """A request whose pictures are there."""
    receipt = await bot.ask(line, who)
    return await finished(bot, receipt, files, kind)


async def finished(bot: Bot, receipt: Receipt, files: int = 1, kind: str = "png") -> RequestRecord:
    outputs = tuple(
        OutputFile(NodeId("7"), f"f_{n}.{kind}", kind=MediaKind.VIDEO if kind == "mp4" else MediaKind.IMAGE)
        for n in range(files)
    )
    request = receipt.accepted.request
    async with asyncio.timeout(10):
        while any(job.state is not JobState.DONE for job in await bot.store.jobs_of(request.id)):
            if bot.server.waiting:
                bot.server.end(Finished(outputs, 3.0, cached=False))
            await asyncio.sleep(0.001)
    return request


async def photo(color: str = "blue") -> InputImage:
    return await check_image(png(color, (64, 64)), "photo.png")


async def from_photo(bot: Bot, line: str, who: str = "alice") -> Receipt:
    (receipt,) = await bot.service.usecases.imagine(
        parse_line(f"{line} --image photo.png", SHELL),
        asker(who),
        origin(f"{who}-photo"),
        {"photo.png": await photo()},
    )
    return receipt


def vary(record: RequestRecord, index: int = 1, file: int = 0) -> OnRequest:
    return OnRequest(Verb.VARIATION, record.id, index, file)


def upscale(record: RequestRecord, index: int = 1, file: int = 0) -> OnRequest:
    return OnRequest(Verb.UPSCALE, record.id, index, file)


async def message(call: object) -> str:
    with pytest.raises(FairbrushError) as caught:
        await call  # type: ignore[misc]
    return str(caught.value)


# Variations


async def test_a_variation_is_painted_over_the_very_picture(bot: Bot) -> None:
    bot.server.picture = itertools.chain([png("red"), PAINTED], itertools.repeat(png("green"))).__next__
    line = "a fox --no boats --style ink --count 3 --seed 7 --steps 20 --ar 3:2"
    record = await painted(bot, line)
    (varied,) = await follow_ups(bot).vary(vary(record, 2), asker(), origin())
    values, request = varied.values, varied.accepted.request
    assert request.template == "image-to-image"
    assert request.count == 1
    assert values.words == {"prompt_text": "a fox", "negative_text": "boats"}
    assert values.style == "ink"
    assert values.values["denoise"] == 0.6
    assert values.values["steps"] == 20
    assert values.seed not in (7, 8, 9)
    await finished(bot, varied)
    assert bot.server.uploads == [PAINTED]


async def test_varying_a_variation_goes_on_with_its_own_template_and_all_that_was_asked(bot: Bot) -> None:
    first = await from_photo(bot, "in the rain --denoise 0.9 --cfg 3 --preset fast --count 2 --seed 5")
    record = await finished(bot, first)
    (varied,) = await follow_ups(bot).vary(vary(record, 2), asker(), origin())
    assert varied.values.values["denoise"] == 0.6
    assert varied.values.values["cfg"] == 3
    assert varied.values.preset == "fast"
    await finished(bot, varied)
    assert bot.server.uploads[-1] == PAINTED
    assert {file.sha256 for file in varied.accepted.request.inputs} != {file.sha256 for file in record.inputs}
    # Its line reads back, so that it can be asked for again itself.
    (again,) = await follow_ups(bot).again(
        OnRequest(Verb.REROLL, varied.accepted.request.id), asker(), origin("press-2")
    )
    assert again.accepted.request.inputs[0].sha256 == varied.accepted.request.inputs[0].sha256
    assert again.values.seed != varied.values.seed


async def test_the_file_that_was_pressed_is_the_one(bot: Bot) -> None:
    bot.server.picture = iter([png("red"), png("green")]).__next__
    record = await painted(bot, "a fox", files=2)
    (varied,) = await follow_ups(bot).vary(vary(record, 1, file=1), asker(), origin())
    await finished_with(bot, varied, png("green"))
    (large,) = await follow_ups(bot).upscale(upscale(record, 1), asker(), origin("press-2"))
    await finished_with(bot, large, png("red"))


async def finished_with(bot: Bot, receipt: Receipt, upload: bytes) -> None:
    bot.server.picture = lambda: PAINTED
    await finished(bot, receipt)
    assert bot.server.uploads[-1] == upload


async def test_a_result_that_was_kept_from_an_earlier_job_is_varied_too(bot: Bot) -> None:
    await painted(bot, "a fox --seed 7")
    repeat = await bot.ask("a fox --seed 7")
    assert repeat.kept
    (varied,) = await follow_ups(bot).vary(vary(repeat.accepted.request), asker(), origin())
    await finished(bot, varied)
    assert bot.server.uploads == [PAINTED]


async def test_the_only_picture_needs_no_number(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    (varied,) = await follow_ups(bot).vary(vary(record, 0), asker(), origin())
    assert varied.accepted.fresh
    many = await painted(bot, "a fox --count 2")
    assert "several pictures" in await message(
        follow_ups(bot).vary(vary(many, 0), asker(), origin("press-2"))
    )


async def test_a_variation_of_a_seed_range_is_one_picture(bot: Bot) -> None:
    first, second = await bot.service.usecases.imagine(
        parse_line("a fox --seed 3-4", SHELL), asker(), origin("range")
    )
    await finished(bot, first)
    record = await finished(bot, second)
    receipts = await follow_ups(bot).vary(vary(record), asker(), origin())
    assert [receipt.accepted.request.count for receipt in receipts] == [1]
    again = await follow_ups(bot).again(OnRequest(Verb.REROLL, record.id), asker(), origin("press-2"))
    assert [receipt.accepted.request.count for receipt in again] == [1]


# Enlarging


async def test_an_enlargement_is_of_the_very_picture(bot: Bot) -> None:
    record = await painted(bot, "a fox --count 2 --style ink")
    (large,) = await follow_ups(bot).upscale(upscale(record, 2), asker(), origin())
    assert large.accepted.request.template == "upscale"
    assert large.accepted.request.count == 1
    await finished(bot, large)
    assert bot.server.uploads == [PAINTED]


async def test_the_gate_is_the_same_for_what_follows(tmp_path: Path) -> None:
    """It costs, is counted, and is refused like everything else."""
    tiers = {"default": {"gpu_seconds_per_day": 30}}
    async with bot_at_work(tmp_path, [FakeServer(picture=lambda: PAINTED)], tiers=tiers) as bot:
        record = await painted(bot, "a fox")
        spent = (await bot.service.usecases.standing(asker())).use.reserved
        await follow_ups(bot).vary(vary(record), asker(), origin())
        assert (await bot.service.usecases.standing(asker())).use.reserved > spent

        async def enlarge_and_enlarge() -> None:
            for number in range(5):
                await follow_ups(bot).upscale(upscale(record), asker(), origin(f"more-{number}"))

        with pytest.raises(QuotaUsedUp):
            await enlarge_and_enlarge()


# Who may


@pytest.mark.parametrize("verb", [Verb.VARIATION, Verb.UPSCALE, Verb.REROLL])
async def test_what_is_somebody_elses_is_left_to_them(bot: Bot, verb: Verb) -> None:
    record = await painted(bot, "a fox")
    calls = {
        Verb.VARIATION: follow_ups(bot).vary,
        Verb.UPSCALE: follow_ups(bot).upscale,
        Verb.REROLL: follow_ups(bot).again,
    }
    with pytest.raises(NotYours, match="imagine it as yourself"):
        await calls[verb](OnRequest(verb, record.id, 1), asker("bob"), origin())
    (receipt,) = await calls[verb](OnRequest(verb, record.id, 1), asker("root", admin=True), origin())
    assert receipt.accepted.request.user == "test:root"


async def test_anybody_may_imagine_it_as_themselves_and_look_at_its_settings(bot: Bot) -> None:
    record = await painted(bot, "a fox --seed 7")
    (mine,) = await follow_ups(bot).again(OnRequest(Verb.AGAIN, record.id), asker("bob"), origin())
    assert mine.accepted.request.user == "test:bob"
    assert mine.values.seed != 7
    assert "a fox" in plain(await follow_ups(bot).made_with(record.id, asker("bob")))
    for call in (
        follow_ups(bot).edit_form(record.id, asker("bob")),
        follow_ups(bot).edited(record.id, {"prompt": "a boat"}, asker("bob"), origin("press-2")),
    ):
        with pytest.raises(NotYours):
            await call


async def test_what_is_private_is_its_owners(bot: Bot) -> None:
    record = await painted(bot, "a fox --private")
    bob = asker("bob")
    with pytest.raises(IsPrivate):
        await follow_ups(bot).again(OnRequest(Verb.AGAIN, record.id), bob, origin())
    with pytest.raises(IsPrivate):
        await follow_ups(bot).made_with(record.id, bob)
    with pytest.raises(IsPrivate):
        await follow_ups(bot).made_with(record.id, asker("root", admin=True))
    assert "a fox" in plain(await follow_ups(bot).made_with(record.id, asker()))
    for number, call in enumerate((follow_ups(bot).vary, follow_ups(bot).upscale)):
        (receipt,) = await call(vary(record), asker(), origin(f"press-{number}"))
        assert receipt.accepted.request.private
    (edited,) = await follow_ups(bot).edited(record.id, {"prompt": "a boat"}, asker(), origin("edit"))
    assert edited.accepted.request.private


async def test_what_is_not_there(bot: Bot) -> None:
    nothing = RequestId("nosuch")
    for call in (
        follow_ups(bot).vary(OnRequest(Verb.VARIATION, nothing, 1), asker(), origin()),
        follow_ups(bot).upscale(OnRequest(Verb.UPSCALE, nothing, 1), asker(), origin()),
        follow_ups(bot).again(OnRequest(Verb.REROLL, nothing), asker(), origin()),
        follow_ups(bot).edit_form(nothing, asker()),
        follow_ups(bot).edited(nothing, {}, asker(), origin()),
        follow_ups(bot).made_with(nothing, asker()),
    ):
        assert "There is no request nosuch" in await message(call)


# Twice


@pytest.mark.parametrize("verb", [Verb.VARIATION, Verb.UPSCALE, Verb.EDIT])
async def test_an_event_that_comes_twice_makes_one_request_whatever_has_gone_since(
    bot: Bot, verb: Verb
) -> None:
    record = await painted(bot, "a fox")

    async def press() -> Receipt:
        match verb:
            case Verb.EDIT:
                (receipt,) = await follow_ups(bot).edited(record.id, {"prompt": "a dog"}, asker(), origin())
            case Verb.UPSCALE:
                (receipt,) = await follow_ups(bot).upscale(upscale(record), asker(), origin())
            case _:
                (receipt,) = await follow_ups(bot).vary(vary(record), asker(), origin())
        return receipt

    first = await press()
    for path in (bot.settings.data_dir / "pictures").rglob("*.png"):
        path.unlink()
    again = await press()
    assert again.accepted.request.id == first.accepted.request.id
    assert not again.accepted.fresh


# Pictures that cannot be gone on from


async def test_pictures_that_are_not_there_yet_or_never_were(bot: Bot) -> None:
    waiting = (await bot.ask("a fox")).accepted.request
    assert "not painted yet" in await message(follow_ups(bot).vary(vary(waiting), asker(), origin()))
    await bot.server.until_waiting(1)
    bot.server.fail(
        NodeFailed(Text("It broke."), node_id="3", class_type="KSampler", message="broke", cause="test")
    )
    await bot.until_over(waiting.id)
    assert "left no picture" in await message(follow_ups(bot).vary(vary(waiting), asker(), origin()))
    cancelled = (await bot.ask("a dog")).accepted.request
    await bot.service.usecases.cancel(cancelled.id, asker())
    await bot.until_over(cancelled.id)
    assert "left no picture" in await message(follow_ups(bot).upscale(upscale(cancelled), asker(), origin()))


@pytest.mark.parametrize(
    ("index", "file", "said"),
    [
        (3, 0, "has 2 pictures; there is no picture 3"),
        (999, 0, "there is no picture 999"),
        (1, 1, "-1 has no file of that number"),
        (2, 999, "-2 has no file of that number"),
    ],
)
async def test_forged_numbers(bot: Bot, index: int, file: int, said: str) -> None:
    record = await painted(bot, "a fox --count 2")
    for call in (follow_ups(bot).vary, follow_ups(bot).upscale):
        assert said in await message(call(vary(record, index, file), asker(), origin()))


async def test_films_are_neither_varied_nor_enlarged(bot: Bot) -> None:
    record = await painted(bot, "a fox", kind="mp4")
    for call in (follow_ups(bot).vary, follow_ups(bot).upscale):
        with pytest.raises(FlagError, match="no still picture"):
            await call(vary(record), asker(), origin())


async def test_a_picture_that_is_none_after_all(bot: Bot) -> None:
    bot.server.picture = lambda: b"not really a picture"
    record = await painted(bot, "a fox")
    with pytest.raises(ImageRefused, match=f"“{record.id}-1” is not an image"):
        await follow_ups(bot).vary(vary(record), asker(), origin())


async def test_a_picture_that_is_too_large_is_not_even_read(bot: Bot) -> None:
    bot.server.picture = lambda: b"x" * (MAX_IMAGE_BYTES + 1)
    record = await painted(bot, "a fox")
    with pytest.raises(ImageRefused, match=r"This picture has 20\.0 MB"):
        await follow_ups(bot).upscale(upscale(record), asker(), origin())


async def test_a_result_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(bot: Bot) -> None:
    bot.server.picture = lambda: png("red", (8000, 6300))
    record = await painted(bot, "a fox")
    with pytest.raises(ImageRefused, match="8000 × 6300 pixels"):
        await follow_ups(bot).vary(vary(record), asker(), origin())


async def test_few_pictures_are_opened_at_a_time(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many press at once: a large one takes 200 MB while it is looked at."""
    record = await painted(bot, "a fox")
    opened: list[int] = []
    now = itertools.count()

    async def looked(content: bytes, name: str) -> InputImage:
        opened.append(1)
        assert sum(opened) <= LOOKING
        for _ in range(20):
            await asyncio.sleep(0)
        opened.append(-1)
        return await check_image(content, name)

    monkeypatch.setattr("bot.service.follow_up_pictures.check_image", looked)
    pressing = follow_ups(bot)
    receipts = await asyncio.gather(
        *(pressing.vary(vary(record), asker(), origin(f"many-{next(now)}")) for _ in range(8)),
        pressing.picture(vary(record), asker("bob")),
    )
    assert len(receipts) == 9
    assert len(opened) == 18


async def test_a_file_that_somebody_changed_on_the_disk_is_not_what_was_painted(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    files, _ = await bot.store.results((await bot.store.jobs_of(record.id))[0].id)
    path = bot.service.usecases.gallery.path(files[0].file)
    for content in (png("blue"), PAINTED[:-1], b""):
        path.write_bytes(content)
        for number, verb in enumerate((follow_ups(bot).vary, follow_ups(bot).upscale)):
            with pytest.raises(NotFound, match="not kept any more"):
                await verb(vary(record), asker(), origin(f"changed-{number}"))
    begun = await finished(bot, await from_photo(bot, "in the rain"))
    bot.service.usecases.gallery.path(begun.inputs[0]).write_bytes(png("red", (64, 64)))
    with pytest.raises(NotFound, match="began with is not kept"):
        await follow_ups(bot).again(OnRequest(Verb.REROLL, begun.id), asker(), origin("changed-again"))


async def test_other_words_for_what_began_with_a_picture_for_adults_are_ruled_as_it_was(bot: Bot) -> None:
    options = {"nsfw": True, "spoiler": True}
    (receipt,) = await bot.service.usecases.imagine(
        parse_line("in the rain --image photo.png", SHELL),
        asker(),
        replace(origin("adult"), options=options),
        {"photo.png": await photo()},
    )
    record = await finished(bot, receipt)
    (other,) = await follow_ups(bot).reworded(record.id, "in the snow", asker(), origin())
    assert other.accepted.request.prompt_text == "in the snow"
    assert {name: other.accepted.request.options.get(name) for name in options} == options


async def test_what_retention_took_is_gone(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    bot.clock.wall += 40 * DAY_MS
    await bot.service.housekeeping.round()
    forgotten = await bot.store.request(record.id)
    assert forgotten is not None
    assert follow_ups(bot).offers(forgotten) == Offers(
        upscale=False, variation=False, edit=False, reroll=False
    )
    for call in (follow_ups(bot).vary, follow_ups(bot).upscale):
        assert f"The picture {record.id}-1 is not kept any more" in await message(
            call(vary(record), asker(), origin())
        )
    for other in (
        follow_ups(bot).again(OnRequest(Verb.REROLL, record.id), asker(), origin()),
        follow_ups(bot).edit_form(record.id, asker()),
        follow_ups(bot).edited(record.id, {"prompt": "a dog"}, asker(), origin()),
        follow_ups(bot).made_with(record.id, asker()),
    ):
        assert "What this picture was made with is not kept any more" in await message(other)


async def test_files_that_somebody_removed_from_the_disk(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    first = await from_photo(bot, "in the rain")
    for path in (bot.settings.data_dir / "pictures").rglob("*.png"):
        path.unlink()
    for path in (bot.settings.data_dir / "inputs").rglob("*.png"):
        path.unlink()
    with pytest.raises(NotFound, match=r"is not kept any more\. Ask for it again first"):
        await follow_ups(bot).vary(vary(record), asker(), origin())
    reroll = OnRequest(Verb.REROLL, first.accepted.request.id)
    with pytest.raises(NotFound, match="The picture that this one began with is not kept any more"):
        await follow_ups(bot).again(reroll, asker(), origin())
    with pytest.raises(NotFound, match="The picture that this one began with is not kept any more"):
        await follow_ups(bot).edited(first.accepted.request.id, {"prompt": "snow"}, asker(), origin())


# Editing


async def test_the_form_sent_off_unchanged_paints_the_same_with_a_new_seed(bot: Bot) -> None:
    line = "a fox --no boats --style ink --count 2 --steps 20 --ar 3:2 --lora ink-lines:0.5"
    record = await painted(bot, line)
    assert record.template == "text-to-image-lora"
    form = await follow_ups(bot).edit_form(record.id, asker())
    fields = {field.name: field.value for field in form.fields}
    (edited,) = await follow_ups(bot).edited(record.id, fields, asker(), origin())
    before, after = dict(record.values["values"]), dict(edited.values.values)
    assert before.pop("seed") != after.pop("seed")
    assert before == after
    assert edited.accepted.request.count == 2
    assert edited.accepted.request.template == record.template


async def test_a_seed_that_was_given_stays(bot: Bot) -> None:
    record = await painted(bot, "a fox --seed 7")
    form = await follow_ups(bot).edit_form(record.id, asker())
    fields = {field.name: field.value for field in form.fields} | {"prompt": "a dog"}
    (edited,) = await follow_ups(bot).edited(record.id, fields, asker(), origin())
    assert edited.values.seed == 7
    assert edited.values.words["prompt_text"] == "a dog"


async def test_editing_begins_with_the_same_pictures(bot: Bot) -> None:
    first = await from_photo(bot, "in the rain --denoise 0.4")
    record = first.accepted.request
    form = await follow_ups(bot).edit_form(record.id, asker())
    fields = {field.name: field.value for field in form.fields}
    assert fields["denoise"] == "0.4"
    (edited,) = await follow_ups(bot).edited(
        record.id, {**fields, "prompt": "in the snow"}, asker(), origin()
    )
    assert [file.sha256 for file in edited.accepted.request.inputs] == [file.sha256 for file in record.inputs]
    # A template without a place for the picture leaves it out.
    (words,) = await follow_ups(bot).edited(
        record.id,
        {"prompt": "in the snow", "options": "--template text-to-image"},
        asker(),
        origin("press-2"),
    )
    assert words.accepted.request.inputs == ()
    assert words.accepted.request.template == "text-to-image"


async def test_what_is_edited_passes_the_gate(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    edited = follow_ups(bot).edited
    with pytest.raises(WordsBlocked):
        await edited(record.id, {"prompt": "b.a.d boat"}, asker(), origin())
    with pytest.raises(FlagError, match="no text that says what to paint"):
        await edited(record.id, {"prompt": " "}, asker(), origin())
    with pytest.raises(ParameterError, match="steps"):
        await edited(record.id, {"prompt": "x", "steps": "999"}, asker(), origin())
    with pytest.raises(TemplateNotFound, match="Did you mean flux"):
        await edited(record.id, {"prompt": "x", "options": "--template flix"}, asker(), origin())
    assert await bot.store.request_of_event("press-1") is None


async def test_a_picture_of_somebodys_own_is_edited(bot: Bot) -> None:
    form = follow_ups(bot).edit_picture_form("key1", "in the rain")
    fields = {field.name: field.value for field in form.fields} | {"denoise": "0.3", "options": "--steps 12"}
    (receipt,) = await follow_ups(bot).edited_picture(fields, await photo(), asker("bob"), origin())
    assert receipt.accepted.request.template == "image-to-image"
    assert receipt.values.values["denoise"] == 0.3
    assert receipt.values.values["steps"] == 12
    assert receipt.values.words["prompt_text"] == "in the rain"
    await finished(bot, receipt)
    assert bot.server.uploads == [(await photo()).content]
    with pytest.raises(FlagError, match="no text that says what to paint"):
        await follow_ups(bot).edited_picture({}, await photo(), asker("bob"), origin("press-2"))
    with pytest.raises(FlagError, match=r"takes no picture\. Leave the picture out"):
        await follow_ups(bot).edited_picture(
            {"prompt": "x", "options": "--template flux"}, await photo(), asker("bob"), origin("press-2")
        )


# Settings


async def test_settings_say_what_makes_the_picture_again(bot: Bot) -> None:
    record = await painted(bot, "a fox --no boats --style ink --count 2 --ar 3:2")
    card = await follow_ups(bot).made_with(record.id, asker())
    shown = plain(card)
    seeds = [job.seed for job in await bot.store.jobs_of(record.id)]
    for word in (
        *map(str, seeds),
        "1248 × 832",
        "style: ink",
        "negative: boats",
        "steps: 25",
        "sd_xl_base_1.0",
    ):
        assert word in shown
    assert card.prompt_text == "a fox"
    assert card.private
    line = follow_ups(bot).line_for(record)
    assert line in shown
    assert "began with" not in shown
    again = parse_line(line, CHAT)
    (repeat,) = await bot.service.usecases.imagine(again, asker("bob"), origin())
    # Nothing has to be painted: it is the same picture.
    assert len(repeat.kept) == 2


async def test_settings_show_what_was_left_as_exported_too(bot: Bot) -> None:
    record = await painted(bot, "a fox")
    left = {name: None if name == "cfg" else value for name, value in record.values["values"].items()}
    record = replace(record, values={**record.values, "values": left})
    template = shipped("text-to-image")
    assert ("cfg", "6.5") in made_with_values(record, (), template)
    assert "cfg" not in dict(made_with_values(record, (), None))
    assert ("steps", "25") in made_with_values(record, (), None)


async def test_the_line_of_a_picture_made_of_a_picture_can_be_written_in_a_chat(bot: Bot) -> None:
    record = await finished(bot, await from_photo(bot, "in the rain --private"))
    assert parse_line(follow_ups(bot).line_for(record), CHAT) == Ask(
        "in the rain", template="image-to-image", seed=record.values["values"]["seed"], private=True
    )
    shown = plain(await follow_ups(bot).made_with(record.id, asker()))
    assert "It began with a picture" in shown
    assert "photo.png" not in shown
    assert record.inputs[0].sha256 not in shown


async def test_settings_with_very_long_words_keep_to_a_cards_size(bot: Bot) -> None:
    record = await painted(bot, f"{'fox ' * 1400} --seed 7")
    card = await follow_ups(bot).made_with(record.id, asker())
    assert sum(len(str(line)) for line in card.lines) < 1100
    assert "behind the same words: --seed 7" in str(card.lines[0])
    longer = await painted(bot, f"{'fox ' * 400} --no “{'boats ' * 500}” --seed 7")
    card = await follow_ups(bot).made_with(longer.id, asker())
    assert "too long to be shown" in str(card.lines[0])
    assert sum(len(str(row.detail)) for row in card.rows) < 2000
