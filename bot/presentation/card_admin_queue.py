"""Cards of the whole queue and of the servers, for operators. PURE.

Numbers, names and templates alone: what people want painted is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.durations import about
from bot.domain.ids import JobId
from bot.domain.text import Text
from bot.presentation.actions import Danger, Listing, OnQuestion
from bot.presentation.card_admin_pages import joined, name_of, page_of
from bot.presentation.card_text import one_line, shorten
from bot.presentation.card_words import cells, eta, gpu_seconds
from bot.presentation.cards import IN_A_ROW, Button, Buttons, Card, CardState, Code, Command, Row, Style

_MODEL_CHARACTERS = 60
_LATEST = 3
"""Notices under a queue."""
SIDE, STEPS = 1024, 20
"""Of the picture by which speeds are told."""
ASK_FIRST = 0
"""As the minute until which a question holds: it is asked anew when it is pressed."""


@dataclass(frozen=True, slots=True)
class LineJob:
    """A job that waits or runs. ``server``: the one that has it. Times are milliseconds and seconds, as the
    names say; None where nobody can tell."""

    id: JobId
    user: str
    template: str
    waited_ms: int
    place: int | None = None
    eta_seconds: float | None = None
    why: Text | None = None
    server: str = ""
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class WholeLine:
    """``jobs``: those at servers first, then those that wait, in order; perhaps not all of them."""

    waiting: int
    people: int
    jobs: tuple[LineJob, ...] = ()
    paused: bool = False
    draining: bool = False
    notices: tuple[tuple[int, Text], ...] = ()
    """When (UTC milliseconds), and what the operator should know; the newest last."""


def admin_queue_card(line: WholeLine, *, owner: str, now: int, page: int = 0) -> Card:
    """Everything that waits and runs, with buttons that ask first."""
    found = page_of(line.jobs, page, IN_A_ROW)
    lines = []
    if line.paused:
        lines.append(Text("Paused: nothing new begins until {command}.", command=Command("admin resume")))
    if line.draining:
        lines.append(Text("Draining: nothing new is taken until {command}.", command=Command("admin resume")))
    lines += [_notice(at, text, now) for at, text in line.notices[-_LATEST:]]
    rows = [_job_row(number, job, owner) for number, job in found.shown]
    at_servers = sum(bool(job.server) for job in line.jobs)
    more = line.waiting - (len(line.jobs) - at_servers)
    if more > 0 and found.number + 1 == found.pages:
        rows.append(Row(CardState.INFO, Text.counted("and {count} more", "and {count} more", more)))
    return Card(
        CardState.INFO,
        _headline(line),
        lines=tuple(lines),
        rows=tuple(rows),
        notes=found.note,
        buttons=(*found.turn(Listing.ADMIN_QUEUE, owner), *_gates(line, owner)),
        private=True,
    )


def _headline(line: WholeLine) -> Text:
    if not line.waiting:
        return Text("Nothing waits")
    if line.people < 2:
        return Text.counted("{count} picture waits", "{count} pictures wait", line.waiting)
    return Text.counted(
        "{count} picture waits, of {people} people",
        "{count} pictures wait, of {people} people",
        line.waiting,
        people=line.people,
    )


def _notice(at: int, text: Text, now: int) -> Text:
    return Text("{time} ago: {notice}", time=about(now - at), notice=text)


def _job_row(number: int, job: LineJob, owner: str) -> Row:
    return Row(
        CardState.RUNNING if job.server else CardState.QUEUED,
        Text(
            "{number}. {user}, {template}",
            number=number,
            user=name_of(job.user),
            template=name_of(job.template),
        ),
        joined(_stands(job), _time(job), Text("{job}", job=Code(job.id))),
        Button(
            OnQuestion(Danger.CANCEL, True, ASK_FIRST, owner, job.id),
            Text("Cancel {number}", number=number),
            "⏹️",
            Style.DANGER,
            number,
        ),
    )


def _stands(job: LineJob) -> Text:
    if not job.server:
        waited = Text("has waited {time}", time=about(job.waited_ms))
        where = (
            waited if job.place is None else Text("place {place}, {waited}", place=job.place, waited=waited)
        )
        return where if job.why is None or job.eta_seconds is not None else _because(where, job.why)
    if job.fraction is None:
        return Text("next at {server}", server=name_of(job.server))
    percent = cells(job.fraction) * 5
    return Text("{percent} % at {server}", percent=percent, server=name_of(job.server))


def _because(where: Text, why: Text) -> Text:
    return Text("{where}: {why}", where=where, why=why)


def _time(job: LineJob) -> Text | None:
    return None if job.eta_seconds is None else Text("done in {eta}", eta=eta(job.eta_seconds))


def _gates(line: WholeLine, owner: str) -> Buttons:
    pause = Button(OnQuestion(Danger.PAUSE, True, ASK_FIRST, owner), Text("Pause"), "⏸️")
    drain = Button(OnQuestion(Danger.DRAIN, True, ASK_FIRST, owner), Text("Drain"), "🚱")
    buttons = (*(() if line.paused else (pause,)), *(() if line.draining else (drain,)))
    return (buttons,) if buttons else ()


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """``state``: ``starting``, ``up``, ``down`` or ``wedged``. ``memory``: bytes free and in all, of each
    device that says so. ``job``: what runs, ``next_job``: what comes after it. ``speed``: GPU seconds for a
    picture of :data:`SIDE` pixels a side at :data:`STEPS` steps, ``load``: those for loading the model; None
    where that was not measured."""

    name: str
    state: str
    since: int
    reason: Text | None = None
    model: str = ""
    memory: tuple[tuple[int, int], ...] = ()
    job: LineJob | None = None
    next_job: LineJob | None = None
    foreign: int = 0
    speed: float | None = None
    load: float | None = None


_STATES: Mapping[str, tuple[CardState, Text]] = MappingProxyType(
    {
        "starting": (CardState.QUEUED, Text("not heard of yet")),
        "up": (CardState.DONE, Text("up")),
        "down": (CardState.FAILED, Text("down")),
        "wedged": (CardState.FAILED, Text("stuck")),
    }
)


def servers_card(servers: Sequence[ServerEntry], *, now: int) -> Card:
    """How the servers are. ``now``: UTC milliseconds."""
    at_work = sum(server.state == "up" for server in servers)
    return Card(
        CardState.INFO,
        Text.counted(
            "{up} of {count} server is up", "{up} of {count} servers are up", len(servers), up=at_work
        ),
        rows=tuple(_server_row(server, now) for server in servers),
        private=True,
    )


def _server_row(server: ServerEntry, now: int) -> Row:
    state, words = _STATES[server.state]
    since = Text("{state} for {time}", state=words, time=about(now - server.since)) if server.since else words
    model = shorten(one_line(server.model), _MODEL_CHARACTERS)
    return Row(
        state,
        Text("{name}: {state}", name=name_of(server.name), state=since),
        joined(
            server.reason,
            _work(server),
            Text("model {model}", model=Code(model)) if model else None,
            Text("loads it in {seconds}", seconds=gpu_seconds(server.load))
            if model and server.load
            else None,
            *(_memory(free, total) for free, total in server.memory),
            _speed(server.speed),
            Text.counted(
                "{count} prompt of somebody else", "{count} prompts of somebody else", server.foreign
            )
            if server.foreign
            else None,
        ),
    )


def _work(server: ServerEntry) -> Text | None:
    if server.job is None:
        return Text("idle") if server.state == "up" and not server.foreign and not server.next_job else None
    return Text(
        "paints {job} of {user}, {template}",
        job=Code(server.job.id),
        user=name_of(server.job.user),
        template=name_of(server.job.template),
    )


def _speed(seconds: float | None) -> Text | None:
    if not seconds:
        return None
    size = f"{SIDE}×{SIDE}"
    return Text("{seconds} for {size} at {steps} steps", seconds=gpu_seconds(seconds), size=size, steps=STEPS)


def _memory(free: int, total: int) -> Text:
    """Caches fill what is free; that is no trouble, but an operator wants to see it."""
    return Text("{free} of {total} GiB free", free=f"{free / 2**30:.1f}", total=f"{total / 2**30:.1f}")
