"""Cards with lists: one's own jobs, and the templates. PURE.

``owner`` is :func:`~bot.presentation.actions.mark` of the identity that a card is for: its buttons are not
for others. Pages count from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.domain.ids import JobId, RequestId, TemplateName
from bot.domain.jobs import JobState, request_of
from bot.domain.text import Text
from bot.presentation.actions import (
    Listing,
    OnPage,
    OnRequest,
    Verb,
    mark,
)
from bot.presentation.card_situation import Run, Wait
from bot.presentation.card_text import isolated, one_line, shorten
from bot.presentation.card_words import cells, eta
from bot.presentation.cards import Button, Buttons, Card, CardState, Code, Command, Row, Style

ON_A_PAGE = 5
"""Entries with a button each: one row of them."""
_TITLE_CHARACTERS = 60

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenJob:
    """One of a person's own jobs that is not over."""

    id: JobId
    state: JobState
    prompt_text: str
    title: str
    """Of its template."""
    wait: Wait | None = None
    run: Run | None = None


def queue_card(
    jobs: Sequence[OpenJob], *, owner: str, page: int = 0, waiting: int = 0, people: int = 0
) -> Card:
    """One's own open jobs. ``waiting``, ``people``: jobs of everybody in line, and how many people's."""
    shown, page, pages = _page(jobs, page)
    lines: list[Text] = []
    if why := next((job.wait.why for job in jobs if job.wait), None):
        lines.append(why)
    if waiting:
        lines.append(
            Text.counted(
                "{count} picture is in line altogether.", "{count} pictures are in line altogether.", waiting
            )
            if people < 2
            else Text.counted(
                "{count} picture of {people} people is in line altogether.",
                "{count} pictures of {people} people are in line altogether.",
                waiting,
                people=people,
            )
        )
    if not jobs:
        lines.append(Text("Ask for a picture with {command}.", command=Command("imagine")))
    headline = (
        Text.counted(
            "{count} of your pictures is on its way", "{count} of your pictures are on their way", len(jobs)
        )
        if jobs
        else Text("You have nothing in line")
    )
    rows = tuple(_queue_row(job, number) for number, job in shown)
    return Card(
        CardState.INFO,
        headline,
        lines=tuple(lines),
        rows=rows,
        notes=_page_note(page, pages),
        buttons=_turn(Listing.QUEUE, page, pages, owner),
        private=True,
    )


def _queue_row(job: OpenJob, number: int) -> Row:
    index = int(job.id.rpartition("-")[2])
    words = isolated(shorten(one_line(job.prompt_text or job.title), _TITLE_CHARACTERS))
    running = job.state is not JobState.QUEUED
    return Row(
        CardState.RUNNING if running else CardState.QUEUED,
        Text("{number}. {words}", number=number, words=words),
        _running_detail(job) if running else _waiting_detail(job),
        Button(
            OnRequest(Verb.CANCEL, request_of(job.id), index),
            Text("Cancel {number}", number=number),
            "⏹️",
            Style.DANGER,
            number,
        ),
    )


def _waiting_detail(job: OpenJob) -> Text:
    code = Code(job.id)
    if job.wait is None:
        return Text("in line ({job})", job=code)
    # Whoever asks wants to know exactly, and this card does not change by itself.
    where = Text("place {place}", place=job.wait.place)
    if job.wait.paused:
        return Text("paused, {place} ({job})", place=where, job=code)
    if job.wait.seconds is None:
        return Text("{place} ({job})", place=where, job=code)
    return Text("{place}, done in {eta} ({job})", place=where, eta=eta(job.wait.seconds), job=code)


def _running_detail(job: OpenJob) -> Text:
    code = Code(job.id)
    if job.state is JobState.STAGED or job.run is None or job.run.fraction is None:
        return Text("at the server ({job})", job=code)
    percent = cells(job.run.fraction) * 5
    if job.run.seconds is None:
        return Text("{percent} % ({job})", percent=percent, job=code)
    return Text("{percent} %, {eta} left ({job})", percent=percent, eta=eta(job.run.seconds), job=code)


@dataclass(frozen=True, slots=True)
class Result:
    """One of one's own requests of which something is kept. ``ago``: how long it has been."""

    request: RequestId
    prompt_text: str
    title: str
    ago: Text


def results_card(results: Sequence[Result], *, owner: str, page: int = 0) -> Card:
    """One's latest results, each to be brought back."""
    shown, page, pages = _page(results, page)
    return Card(
        CardState.INFO,
        Text("Your latest pictures") if results else Text("You have no pictures yet"),
        lines=() if results else (Text("Ask for a picture with {command}.", command=Command("imagine")),),
        rows=tuple(_result_row(result, number) for number, result in shown),
        notes=_page_note(page, pages),
        buttons=_turn(Listing.RESULTS, page, pages, owner),
        private=True,
    )


def _result_row(result: Result, number: int) -> Row:
    words = isolated(shorten(one_line(result.prompt_text or result.title), _TITLE_CHARACTERS))
    return Row(
        CardState.DONE,
        Text("{number}. {words}", number=number, words=words),
        Text("{time} ago ({request})", time=result.ago, request=Code(result.request)),
        Button(
            OnRequest(Verb.SHOW, result.request),
            Text("Show {number}", number=number),
            "🖼️",
            Style.PLAIN,
            number,
        ),
    )


@dataclass(frozen=True, slots=True)
class TemplateEntry:
    name: TemplateName
    title: str
    description: str = ""
    command: str = "imagine"
    needs_image: bool = False


def templates_card(templates: Sequence[TemplateEntry], *, page: int = 0) -> Card:
    """What can be painted here."""
    shown, page, pages = _page(templates, page)
    return Card(
        CardState.INFO,
        Text.counted("{count} template", "{count} templates", len(templates))
        if templates
        else Text("There are no templates yet"),
        lines=() if templates else (Text("The operator puts exported workflows into the workflows folder."),),
        rows=tuple(_template_row(template, number) for number, template in shown),
        notes=_page_note(page, pages),
        buttons=_turn(Listing.TEMPLATES, page, pages, ""),
    )


def _template_row(template: TemplateEntry, number: int) -> Row:
    title = shorten(one_line(template.title or template.name), _TITLE_CHARACTERS)
    what = one_line(template.description)
    how = (
        Text("with {command} and a picture", command=Command(template.command))
        if template.needs_image
        else Text("with {command}", command=Command(template.command))
    )
    return Row(
        CardState.INFO,
        Text("{number}. {title}", number=number, title=title),
        Text("{what} ({how})", what=shorten(what, 200), how=how) if what else how,
        Button(
            OnPage(Listing.TEMPLATE, 0, "", mark(template.name)),
            Text("More on {number}", number=number),
            "ℹ️",
            number=number,
        ),
    )


def _page(entries: Sequence[T], page: int) -> tuple[list[tuple[int, T]], int, int]:
    """Numbered entries of a page, the page that is there (lists shrink), and how many there are."""
    pages = max(1, -(-len(entries) // ON_A_PAGE))
    page = min(max(0, page), pages - 1)
    first = page * ON_A_PAGE
    numbered = list(enumerate(entries[first : first + ON_A_PAGE], first + 1))
    return numbered, page, pages


def _page_note(page: int, pages: int) -> tuple[Text, ...]:
    return (Text("Page {page} of {pages}.", page=page + 1, pages=pages),) if pages > 1 else ()


def _turn(listing: Listing, page: int, pages: int, owner: str) -> Buttons:
    back = Button(OnPage(listing, page - 1, owner), Text("Back"), "◀️")
    on = Button(OnPage(listing, page + 1, owner), Text("More"), "▶️")
    buttons = (*((back,) if page else ()), *((on,) if page + 1 < pages else ()))
    return (buttons,) if buttons else ()
