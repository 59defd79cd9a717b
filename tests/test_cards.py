"""Cards: one snapshot for each situation, and what holds for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.durations import HOUR
from bot.domain.errors import FairbrushError
from bot.domain.ids import JobId, RequestId, TemplateName
from bot.domain.jobs import OPEN, DeliveryState, JobState
from bot.domain.outputs import MediaKind
from bot.domain.quota import Allowance, Standing, Use
from bot.domain.text import Text
from bot.presentation.actions import OnPage, OnQuestion, OnRequest, Verb, decode, encode, mark
from bot.presentation.card_account import quota_card
from bot.presentation.card_failures import KINDS, kind_of
from bot.presentation.card_lists import OpenJob, TemplateEntry, queue_card, templates_card
from bot.presentation.card_plain import bar, plain
from bot.presentation.card_request import card_of, state_of
from bot.presentation.card_situation import Failure, File, Gone, Job, Offers, Run, Rung, Situation, Wait
from bot.presentation.cards import CELLS, Button, Card, CardState
from bot.presentation.flags import CHAT, parse_line
from bot.presentation.help_cards import EXAMPLES
from tests.card_gallery import OTHERS, PROMPT, REQUEST, SITUATIONS, SNAPSHOTS, gallery, of, running

GALLERY = gallery()


@pytest.mark.parametrize("name", GALLERY)
def test_cards_look_as_they_did(name: str) -> None:
    """After a wanted change: ``python -m tests.card_gallery``, and look at the difference."""
    assert plain(GALLERY[name]) + "\n" == (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8")


def test_every_snapshot_has_its_card() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(GALLERY) == {*SITUATIONS, *OTHERS}


def texts(value: object) -> Iterator[Text]:
    """Every sentence in a card, those inside sentences too."""
    if isinstance(value, Text):
        yield value
        for argument in value.args.values():
            yield from texts(argument)
    elif isinstance(value, tuple):
        for part in value:
            yield from texts(part)
    elif is_dataclass(value):
        for one in fields(value):
            yield from texts(getattr(value, one.name))


def buttons(card: Card) -> list[Button]:
    return [button for row in card.all_buttons for button in row]


def check(card: Card) -> None:
    """What a platform relies on, whatever the card."""
    assert len(card.buttons) <= 5
    assert all(1 <= len(row) <= 5 for row in card.buttons)
    assert len(card.all_buttons) <= 5
    assert all(1 <= len(row) <= 5 for row in card.all_buttons)
    ids = [encode(button.action) for button in buttons(card)]
    assert len(set(ids)) == len(ids), "Discord wants them unique in a message"
    for button in buttons(card):
        assert decode(encode(button.action)) == button.action
        assert 1 <= len(str(button.label)) <= 20
        assert button.number is None or str(button.number) in str(button.label)
    for text in texts(card):
        assert str(text)
        assert "{" not in str(Text(text.msgid, **dict.fromkeys(text.args, "x"))), text.msgid
    if card.progress is not None and card.progress.cells is not None:
        assert 0 <= card.progress.cells <= CELLS
    assert card == replace(card)
    assert isinstance(hash(card), int)
    assert plain(card)


@pytest.mark.parametrize("name", GALLERY)
def test_platforms_can_rely_on_cards(name: str) -> None:
    check(GALLERY[name])


# Any situation

SECONDS = st.one_of(st.none(), st.floats(0, 1e6))
SENTENCES = st.sampled_from([Text("You are next."), Text("{pictures} pictures.", pictures=7)])
WORDS = st.text(max_size=30)
CODES = st.sampled_from([*KINDS, "of the future"])
FILES = st.builds(
    File,
    WORDS,
    st.just("image/png"),
    st.sampled_from(MediaKind),
    st.integers(0, 10**8),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)


@st.composite
def jobs(draw: st.DrawFn, index: int) -> Job:
    state = draw(st.sampled_from(JobState))
    job = Job(JobId(f"{REQUEST}-{index}"), state, draw(st.one_of(st.none(), st.integers(0, 2**64))))
    match state:
        case JobState.QUEUED:
            wait = st.builds(Wait, st.integers(1, 5000), SECONDS, SENTENCES, st.booleans())
            return replace(
                job, wait=draw(st.one_of(st.none(), wait)), again=draw(st.one_of(st.none(), SENTENCES))
            )
        case JobState.STAGED | JobState.RUNNING:
            run = st.builds(
                Run,
                st.one_of(st.none(), st.floats(0, 0.9999)),
                WORDS,
                st.floats(0, 1000),
                st.floats(0, 1000),
                SECONDS,
                st.one_of(st.none(), SENTENCES),
                st.one_of(st.none(), st.integers(1, 99)),
            )
            return replace(job, run=draw(st.one_of(st.none(), run)))
        case JobState.DONE:
            return replace(
                job,
                files=tuple(draw(st.lists(FILES, max_size=3))),
                texts=tuple(draw(st.lists(WORDS, max_size=2))),
                charged=draw(st.one_of(st.none(), st.floats(0, 1e5))),
                kept=draw(st.booleans()),
            )
        case JobState.FAILED:
            failure = st.builds(Failure, CODES, SENTENCES)
            return replace(job, failure=draw(st.one_of(st.none(), failure)))
        case JobState.CANCELLED:
            return replace(job, charged=draw(st.one_of(st.none(), st.floats(0, 1e5))))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    count = draw(st.integers(1, 14))
    return Situation(
        REQUEST,
        draw(WORDS) or "?",
        tuple(draw(jobs(index)) for index in range(1, count + 1)),
        draw(st.text(max_size=300)),
        draw(st.integers(0, 9000)),
        draw(st.integers(0, 9000)),
        tuple(draw(st.lists(SENTENCES, max_size=2))),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.one_of(st.none(), st.sampled_from(Gone))),
        draw(st.sampled_from(DeliveryState)),
        draw(st.sampled_from(Rung)),
        draw(st.integers(0, 10**9)),
        Offers(*(draw(st.booleans()) for _ in range(4))),
    )


@given(situations())
@settings(max_examples=50, deadline=None)
def test_there_is_a_card_for_any_situation(situation: Situation) -> None:
    card = card_of(situation)
    check(card)
    assert card == card_of(situation)
    assert card.request == situation.request
    assert card.private is situation.private
    is_open = any(job.state in OPEN for job in situation.jobs)
    assert card.state.final is not is_open
    verbs = {b.action.verb for b in buttons(card) if isinstance(b.action, OnRequest)}
    assert (Verb.CANCEL in verbs) is is_open
    if is_open:
        assert verbs == {Verb.CANCEL}
        assert not card.pictures
    if card.state in (CardState.DONE, CardState.PARTLY):
        assert len(card.pictures) == sum(len(job.files) for job in situation.jobs)


@given(situations(), WORDS)
@settings(max_examples=50, deadline=None)
def test_what_somebody_typed_never_is_part_of_a_sentence(situation: Situation, words: str) -> None:
    secret = f"⟦{words}⟧{{x}}"
    card = card_of(replace(situation, prompt_text=secret))
    assert all(secret not in text.msgid and secret not in str(text) for text in texts(card))
    assert card.prompt_text in ("", secret), "as it was typed, or not at all"
    if situation.gone and card.state is CardState.EXPIRED:
        assert card.prompt_text == ""


@given(situations())
@settings(max_examples=50, deadline=None)
def test_buttons_name_what_is_there(situation: Situation) -> None:
    names = {(picture.index, picture.file) for picture in card_of(situation).pictures}
    for button in buttons(card_of(situation)):
        assert isinstance(button.action, OnRequest)
        if button.action.index:
            assert (button.action.index, button.action.file) in names


# What is promised of them


def test_a_run_shows_few_different_cards() -> None:
    """However many steps: what is equal is not sent again."""
    shown = {
        card_of(of(running(fraction=step / 1000, step=step, steps=1000, seconds=(1000 - step) / 10)))
        for step in range(1000)
    }
    assert len(shown) <= 60
    nodes = {card_of(of(running(fraction=0.5, step=step, steps=30, seconds=7.0))) for step in range(31)}
    assert len(nodes) <= 20


def test_the_bar_is_full_only_at_the_end() -> None:
    assert bar(CELLS) == "█" * CELLS
    assert bar(CELLS - 1, 10) == "█" * 9 + "░"
    card = card_of(of(running(fraction=0.9999)))
    assert card.progress is not None
    assert card.progress.cells == CELLS - 1


def test_progress_of_several_counts_what_is_over() -> None:
    failed = Job(JobId(f"{REQUEST}-1"), JobState.FAILED, failure=Failure("backend", Text("x")))
    card = card_of(of(failed, running(2, 0.5)))
    assert card.progress is not None
    assert card.progress.fraction == pytest.approx(0.75)


def test_far_places_change_seldom_and_near_ones_at_once() -> None:
    def headline(place: int) -> str:
        why = Text("{pictures} pictures come before yours.", pictures=place - 1)
        wait = Wait(place, None, why)
        return plain(card_of(of(Job(JobId(f"{REQUEST}-1"), JobState.QUEUED, wait=wait))))

    assert len({headline(place) for place in range(1, 6)}) == 5
    assert len({headline(place) for place in range(6, 500)}) <= 36


@pytest.mark.parametrize(
    ("gone", "words"),
    [(Gone.EXPIRED, "no longer kept"), (Gone.DELETED, "deleted"), (Gone.ERASED, "erased")],
)
def test_what_is_gone_offers_nothing(gone: Gone, words: str) -> None:
    card = card_of(replace(SITUATIONS["done-four"], gone=gone))
    assert words in str(card.headline)
    assert not card.buttons
    assert not card.pictures
    assert not card.prompt_text


def test_open_jobs_go_before_what_is_gone() -> None:
    assert state_of(replace(SITUATIONS["running"], gone=Gone.DELETED)) is CardState.RUNNING


@pytest.mark.parametrize("count", [2, 5, 6, 10, 11, 30])
def test_pictures_have_buttons_as_far_as_there_is_room(count: int) -> None:
    done = SITUATIONS["done"].jobs[0]
    many = tuple(replace(done, id=JobId(f"{REQUEST}-{index}")) for index in range(1, count + 1))
    card = card_of(of(*many))
    check(card)
    numbers = [button.number for button in buttons(card) if button.number]
    assert numbers == ([] if count > 10 else [*range(1, count + 1)] * 2)
    assert len(card.buttons) == (1 if count > 10 else 3 if count <= 5 else 5)


def test_upscale_needs_a_template_and_a_picture() -> None:
    done = SITUATIONS["done"]
    verbs = {
        b.action.verb
        for b in buttons(card_of(replace(done, offers=Offers())))
        if isinstance(b.action, OnRequest)
    }
    assert Verb.UPSCALE not in verbs
    video = {b.action.verb for b in buttons(GALLERY["done-video"]) if isinstance(b.action, OnRequest)}
    assert Verb.UPSCALE not in video


def test_every_error_has_its_words() -> None:
    def tree(error: type[FairbrushError]) -> Iterator[type[FairbrushError]]:
        yield error
        for child in error.__subclasses__():
            yield from tree(child)

    codes = {error.code for error in tree(FairbrushError) if error.__module__ == "bot.domain.errors"}
    assert codes == set(KINDS)
    assert len({kind.headline.msgid for kind in KINDS.values()}) == len(KINDS)
    assert kind_of("never heard of it") is KINDS["failed"]


@pytest.mark.parametrize("code", KINDS)
def test_a_failure_says_all_that_a_person_needs(code: str) -> None:
    sentence = Text("This is what happened, and what to do.")
    job = Job(JobId(f"{REQUEST}-1"), JobState.FAILED, failure=Failure(code, sentence))
    card = card_of(of(job))
    assert card.headline == KINDS[code].headline
    assert card.lines == (sentence,)
    assert "Nothing is charged" in plain(card)
    kind = KINDS[code]
    assert (card.incident is not None) is kind.incident
    if card.incident:
        assert str(card.incident) == f"{code} {REQUEST}-1"
    labels = [str(button.label) for button in buttons(card)]
    assert labels == (["Try again", "Edit"] if kind.again else ["Edit"])


def test_a_place_in_a_list_that_has_shrunk() -> None:
    one = OpenJob(JobId(f"{REQUEST}-1"), JobState.QUEUED, PROMPT, "x")
    card = queue_card((one,), owner=mark("me"), page=7)
    assert len(card.rows) == 1
    assert not card.buttons
    assert queue_card((one,), owner=mark("me"), page=-1) == card


@pytest.mark.parametrize("count", [1, 5, 6, 11, 60])
def test_every_entry_is_on_one_page(count: int) -> None:
    entries = [TemplateEntry(TemplateName(f"t{number}"), f"T{number}") for number in range(count)]
    seen: list[str] = []
    page = 0
    while True:
        card = templates_card(entries, page=page)
        check(card)
        seen += [str(row.title) for row in card.rows]
        onward = [b.action for b in buttons(card) if str(b.label) == "More"]
        if not onward:
            break
        assert isinstance(onward[0], OnPage)
        page = onward[0].page
    assert seen == [f"{number + 1}. T{number}" for number in range(count)]


def test_words_of_people_in_lists_are_tamed() -> None:
    job = OpenJob(JobId(f"{REQUEST}-1"), JobState.QUEUED, "a\u202eb\n\n" + "c" * 6000, "x")
    (row,) = queue_card((job,), owner="").rows
    assert "\n" not in str(row.title)
    assert "\u202e" not in str(row.title)
    assert len(str(row.title)) <= 64
    arabic = replace(job, prompt_text="ثعلب في الثلج")
    assert "\u2068ثعلب في الثلج\u2069" in str(queue_card((arabic,), owner="").rows[0].title)


@given(
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(-1e5, 1e5),
    st.floats(0, 1e5),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.one_of(st.none(), st.integers(0, 1000)),
)
def test_any_standing_has_a_card(
    settled: float, reserved: float, granted: float, carried: float, limit: float | None, most: int | None
) -> None:
    standing = Standing(Allowance(limit, most), Use(settled, reserved, granted, carried, 3), HOUR)
    check(quota_card(standing, tier="default", now=0))


def test_questions_say_who_and_until_when() -> None:
    yes, no = buttons(GALLERY["erase-question"])
    assert isinstance(yes.action, OnQuestion)
    assert yes.action == replace(no.action, agreed=True)  # type: ignore[type-var]
    assert yes.action.owner == mark("discord:123")


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_can_be_painted(line: str) -> None:
    assert parse_line(line, CHAT).prompt_text


def test_the_example_of_a_template_can_be_painted() -> None:
    line = next(str(line) for line in GALLERY["template"].lines if "example" in str(line))
    ask = parse_line(line.partition("/imagine ")[2], CHAT)
    assert ask.template == "flux"


def test_sentences_are_whole() -> None:
    """Each line and note ends as a sentence does, so that they can follow one another."""
    for name, card in GALLERY.items():
        for text in (*card.lines, *card.notes):
            last = str(text)[-1]
            assert last in ".…:" or re.search(r"--\S+ \S+$|dusk$|2:$|flux$|:\S+", str(text)), (
                name,
                str(text),
            )


def test_nothing_here_writes_down_a_request_id_that_cannot_be_a_button() -> None:
    with pytest.raises(ValueError, match="cannot be a button"):
        encode(OnRequest(Verb.SHOW, RequestId("not an id")))
