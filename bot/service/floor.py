"""What goes on at this moment, for an operator who looks on: who waits, what is painted where.

It is looked at every second while somebody watches, so it asks the store only about what it has not seen
before, and says times in steps in which they seldom change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.domain.durations import about
from bot.domain.fair_view import FlowView
from bot.domain.ids import JobId, ServerName, UserId
from bot.domain.text import Text
from bot.presentation.card_words import eta
from bot.service.operator import ServerState
from bot.service.running import RunningBot
from bot.service.servers import Active, Server
from bot.service.surveys import Work

MOST_LANES, MOST_BLOCKS, MOST_PLACES = 20, 6, 100
"""Users, jobs of each of them, and places in line that are looked at."""
MOST_SERVERS = 64
LOOKS_AT_SERVERS = 10.0
"""Seconds between asking servers for their memory, and the store for what they did."""
HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Block:
    """One job. ``place`` counts from 1 and is left out far back in line; ``eta`` says when it is over."""

    job: JobId
    template: str
    state: Literal["waiting", "next", "running"]
    waited: Text
    place: int | None = None
    eta: Text | None = None
    why: Text | None = None
    server: str = ""
    percent: int | None = None
    """Of what runs, how much is done."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A user. ``lead``: GPU seconds per weight ahead of virtual time; None while no server can run what
    waits. ``more``: jobs that wait behind those of ``blocks``."""

    user: UserId
    name: str
    weight: float
    lead: float | None
    waiting: int
    blocks: tuple[Block, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ServerStand:
    """``memory``: of each device that says so, bytes free and in all. ``virtual_time``: GPU seconds per
    weight; None before its first job. ``work``: since the day began; ``duty``: the share of the last hour
    that it painted for us. ``since``: how long it has been as it is."""

    name: ServerName
    url: str
    state: ServerState
    since: Text | None
    reason: Text | None
    model: str
    foreign: int
    running: Block | None
    running_of: str
    next: Block | None
    next_of: str
    virtual_time: float | None
    memory: tuple[tuple[str, int, int], ...]
    done_today: int
    duty: int
    """Percent."""


@dataclass(frozen=True, slots=True)
class Floor:
    """``waiting`` jobs of ``people`` users in all; ``lanes`` are the first of them."""

    paused: bool
    draining: bool
    waiting: int
    running: int
    people: int
    lanes: tuple[Lane, ...]
    servers: tuple[ServerStand, ...]
    notices: tuple[tuple[Text, Text], ...]
    """How long ago, and what the operator should know; the newest first."""

    @property
    def hidden_people(self) -> int:
        return max(0, self.people - len(self.lanes))

    @property
    def hidden_jobs(self) -> int:
        """That wait and are in no lane here."""
        return max(0, self.waiting - sum(lane.waiting for lane in self.lanes))


@dataclass(slots=True)
class FloorWatch:
    """``day_began(now)``: when the operator's day began, UTC milliseconds."""

    operator: RunningBot
    day_began: Callable[[int], int]
    _accepted: Mapping[JobId, int] = field(default_factory=dict)
    _names: Mapping[UserId, str] = field(default_factory=dict)
    _looked: float = float("-inf")
    _memory: Mapping[ServerName, tuple[tuple[str, int, int], ...]] = field(default_factory=dict)
    _today: Mapping[ServerName, Work] = field(default_factory=dict)
    _hour: Mapping[ServerName, Work] = field(default_factory=dict)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> Floor:
        """Raises StoreUnavailable."""
        async with self._busy:
            flows = self.operator.dispatcher.queue.views(most_flows=MOST_LANES, most_jobs=MOST_BLOCKS)
            await self._learn(flows)
            # From here on nothing is waited for: it is one moment.
            return self._floor(flows)

    def _floor(self, flows: Iterable[FlowView]) -> Floor:
        dispatcher, now = self.operator.dispatcher, self.operator.clock.now()
        places = {
            item.job: place for place, item in enumerate(dispatcher.queue.upcoming(MOST_PLACES), start=1)
        }
        servers = list(dispatcher.servers.values())
        notices = [(about(now - each.at), each.text) for each in reversed(self.operator.notices.latest())]
        return Floor(
            paused=dispatcher.gates.paused,
            draining=dispatcher.gates.draining,
            waiting=len(dispatcher.queue),
            running=sum(len(server.active) for server in servers),
            people=dispatcher.queue.active_flows,
            lanes=tuple([self._lane(flow, places) for flow in flows]),
            servers=tuple([self._stand(server) for server in servers[:MOST_SERVERS]]),
            notices=tuple(notices[:5]),
        )

    def _lane(self, flow: FlowView, places: Mapping[JobId, int]) -> Lane:
        waiting = [self._waits(item.job, places.get(item.job)) for item in flow.head if self._is_in(item.job)]
        at_servers = [
            replace(self._at_server(server, active), percent=None)  # it would change every second
            for server in self.operator.dispatcher.servers.values()
            for active in server.active.values()
            if active.item.flow == flow.user
        ]
        return Lane(
            user=flow.user,
            name=self._names.get(flow.user, str(flow.user)),
            weight=flow.weight,
            # Whole seconds: what is charged is an estimate, and nobody looks closer.
            lead=None if flow.lead is None else float(round(max(0.0, flow.lead))),
            waiting=flow.waiting,
            blocks=(*at_servers, *waiting),
            more=flow.waiting - len(flow.head),
        )

    def _is_in(self, job: JobId) -> bool:
        return self.operator.dispatcher.job(job) is not None

    def _waits(self, job: JobId, place: int | None) -> Block:
        outlook = self.operator.dispatcher.outlook(job)
        seconds = outlook.seconds if outlook else None
        return Block(
            job,
            self._title(job),
            "waiting",
            self._waited(job),
            place=place,
            eta=None if seconds is None else eta(seconds),
            why=outlook.why if outlook is not None and seconds is None else None,
        )

    def _at_server(self, server: Server, active: Active) -> Block:
        job, remaining = active.item.job, self.operator.dispatcher.remaining(active.item.job)
        running = active.started is not None
        return Block(
            job,
            self._title(job),
            "running" if running else "next",
            self._waited(job),
            eta=None if remaining is None or remaining <= 0 else eta(remaining),
            server=server.name,
            percent=round(100 * active.fraction) if running else None,
        )

    def _stand(self, server: Server) -> ServerStand:
        now, running, staged = self.operator.clock.now(), server.running, server.staged
        times = self.operator.dispatcher.queue.virtual_times()
        hour, today = self._hour.get(server.name), self._today.get(server.name)
        return ServerStand(
            name=server.name,
            url=server.url,
            state=server.state.value,
            since=about(now - server.since) if server.since else None,
            reason=server.reason,
            model=server.model,
            foreign=server.foreign,
            running=None if running is None else self._at_server(server, running),
            running_of=self._owner(running),
            next=None if staged is None else self._at_server(server, staged),
            next_of=self._owner(staged),
            virtual_time=times.get(server.name),
            memory=self._memory.get(server.name, ()),
            done_today=today.jobs if today else 0,
            duty=min(100, round(100 * hour.busy_ms / HOUR)) if hour else 0,
        )

    def _owner(self, active: Active | None) -> str:
        return "" if active is None else self._names.get(active.item.flow, str(active.item.flow))

    def _title(self, job: JobId) -> str:
        known = self.operator.dispatcher.job(job)
        return "" if known is None else self.operator.usecases.shelf.title_of(known.work.template)

    def _waited(self, job: JobId) -> Text:
        now = self.operator.clock.now()
        return about(now - self._accepted.get(job, now))

    async def _learn(self, flows: Iterable[FlowView]) -> None:
        """What only the store knows of those that are shown; what is not shown any more is forgotten."""
        flows, store = tuple(flows), self.operator.store
        active = [each for s in self.operator.dispatcher.servers.values() for each in s.active.values()]
        jobs = {item.job for flow in flows for item in flow.head} | {each.item.job for each in active}
        users = {flow.user for flow in flows} | {each.item.flow for each in active}
        if new := jobs - self._accepted.keys():
            self._accepted = {**self._accepted, **await store.accepted_at(sorted(new))}
        if unknown := users - self._names.keys():
            found = await store.names_of(sorted(unknown))
            self._names = {**self._names, **{user: found.get(user, str(user)) for user in unknown}}
        self._accepted = {job: at for job, at in self._accepted.items() if job in jobs}
        self._names = {user: name for user, name in self._names.items() if user in users}

    async def ask_servers(self) -> None:
        """For what takes a while to be told, every :data:`LOOKS_AT_SERVERS` at most. Raises
        StoreUnavailable."""
        ticks = self.operator.clock.monotonic()
        if ticks - self._looked < LOOKS_AT_SERVERS:
            return
        self._looked = ticks
        now, store = self.operator.clock.now(), self.operator.store
        self._hour = await store.work_of_servers(since=now - HOUR, until=now)
        self._today = await store.work_of_servers(since=self.day_began(now), until=now)
        self._memory = {
            name: tuple((device.name, device.vram_free, device.vram_total) for device in devices)
            for name, devices in (await self.operator.memory()).items()
        }
