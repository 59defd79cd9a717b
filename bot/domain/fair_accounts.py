"""Flows, and what each has had of every server. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.fair_lanes import Lane, Waiting
from bot.domain.ids import ServerName, UserId

SMALL_BACKLOG = 4
"""A flow that has just woken with no more jobs than this is a newcomer: it goes first among equals ..."""
NEWCOMER = 1 << 20
"""... which advances the count of dispatches by this, and any other dispatch by 1, so that the count tells
newcomers and the order of all dispatches alike ..."""
HEAD_START = 64 * NEWCOMER
"""... until 64 newcomers have gone since another one woke or was last served: then that one is older. So
endless newcomers starve nobody."""


class Flow:
    """A user: the jobs that wait, by the servers that can run them, and an account with each server."""

    __slots__ = ("accounts", "lanes", "user", "weight")

    def __init__(self, user: UserId) -> None:
        self.user = user
        self.weight = 1.0
        self.lanes: dict[frozenset[ServerName], Lane] = {}
        self.accounts: dict[ServerName, Account] = {}

    def head(self, server: ServerName) -> Waiting | None:
        """The oldest job that ``server`` can run."""
        heads = [lane.head for servers, lane in self.lanes.items() if server in servers]
        return min(heads, key=lambda item: item.order) if heads else None

    def add(self, item: Waiting) -> None:
        lane = self.lanes.get(item.servers)
        if lane is None:
            lane = self.lanes[item.servers] = Lane()
        lane.add(item)

    def discard(self, item: Waiting) -> None:
        lane = self.lanes[item.servers]
        lane.discard(item)
        if not lane:
            del self.lanes[item.servers]


class Account:
    """What one flow has had of one server, and what of it waits there."""

    __slots__ = (
        "confirmed",
        "entry",
        "flow",
        "head",
        "in_floors",
        "in_service",
        "longest",
        "passed",
        "pending",
        "seconds",
        "since",
        "slot",
        "turn",
        "waiting",
        "woken",
    )

    def __init__(self, flow: Flow, confirmed: float) -> None:
        self.flow = flow
        self.confirmed = confirmed
        """Virtual time of the service that was certainly received."""
        self.pending = 0.0
        """Virtual charges of the jobs in service."""
        self.in_service = 0
        self.longest = 0.0
        """GPU seconds of its longest job that was measured here; 0 before the first."""
        self.waiting = 0
        """Jobs that this server can run, and their estimates in all."""
        self.seconds = 0.0
        self.head: Waiting | None = None
        self.entry: Entry | None = None
        self.in_floors = False
        self.since = 0
        """The count of dispatches when it woke or was last served."""
        self.woken = False
        """Not served since it woke."""
        self.passed = 0.0
        """GPU seconds for which it was passed over since then."""
        self.turn = 0
        """Tells one wait from the next."""
        self.slot = -1
        """Its row among the standings."""

    @property
    def virtual(self) -> float:
        return self.confirmed + self.pending

    @property
    def active(self) -> bool:
        return self.waiting > 0 or self.in_service > 0

    @property
    def age(self) -> int:
        """Decides between equal virtual times; the lower goes first."""
        return self.since - HEAD_START if self.newcomer else self.since

    @property
    def newcomer(self) -> bool:
        return self.woken and self.waiting <= SMALL_BACKLOG


Entry = tuple[float, int, int, int, Account]
"""Virtual time, age, order of the head, a serial number, the account: the line's order."""


@dataclass(frozen=True, slots=True)
class InService:
    """A job at a server, with what was charged for it."""

    item: Waiting
    server: ServerName
    estimate: float
    """GPU seconds that it was expected to take at its dispatch."""
    charge: float
    """GPU seconds that were charged then."""
    weight: float
    """Of that moment: a later one must not change what the charge was."""
    account: Account
    passed: Account | None
    """Whose turn it was, when this job was preferred for its model."""
    turn: int
