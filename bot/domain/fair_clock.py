"""One server's clock: who has had how much of it, and whose turn it is. Pure.

Start-time fair queuing (Goyal, Vin, Cheng 1996) for service times that are known only afterwards. A flow's
virtual time is what it has certainly received, divided by its weight, plus what its jobs in service are
estimated to take. The lowest is next.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace

from bot.domain.fair_accounts import NEWCOMER, Account, Entry, Flow, InService
from bot.domain.fair_lanes import Waiting
from bot.domain.fair_standings import Standings
from bot.domain.ids import ServerName, UserId

May = Callable[[Waiting], bool]
Floor = tuple[float, int, Account]
"""Confirmed virtual time, perhaps of a while ago; a serial number; whose it is."""


class Line:
    """A heap of accounts whose outdated entries are dropped when they come up, or outnumber the others."""

    __slots__ = ("_entries", "_limit")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._limit = 64

    def push(self, entry: Entry) -> None:
        heappush(self._entries, entry)
        if len(self._entries) > self._limit:
            self._entries = [each for each in self._entries if each[4].entry is each]
            heapify(self._entries)
            self._limit = 2 * len(self._entries) + 64

    def first(self, may: May | None) -> Account | None:
        """The first whose head may go."""
        entries = self._entries
        skipped = []
        found = None
        while entries:
            account = entries[0][4]
            if account.entry is not entries[0]:
                heappop(entries)
            elif may is None or (account.head is not None and may(account.head)):
                found = account
                break
            else:
                skipped.append(heappop(entries))
        for entry in skipped:
            heappush(entries, entry)
        return found


class Clock:
    """Virtual time of one server, and its line.

    ``virtual_time`` follows the lowest floor (service certainly received) of the active flows. It moves
    when service is given or confirmed, never when jobs come: so filling the queue again after a restart
    gives the same state in whatever order it is done.
    """

    __slots__ = (
        "_by_model",
        "_floors",
        "_idle",
        "_line",
        "_serial",
        "accounts",
        "dispatches",
        "standings",
        "virtual_time",
    )

    def __init__(self, virtual_time: float) -> None:
        self.virtual_time = virtual_time
        self.dispatches = 0
        self.accounts: dict[UserId, Account] = {}
        self.standings = Standings()
        self._line = Line()
        self._by_model: dict[str, Line] = {}
        self._floors: list[Floor] = []
        self._idle: list[Floor] = []
        self._serial = 0

    def open(self, flow: Flow, server: ServerName, confirmed: float = 0.0) -> Account:
        account = flow.accounts[server] = self.accounts[flow.user] = Account(flow, confirmed)
        return account

    def first(self, may: May | None = None) -> Account | None:
        return self._line.first(may)

    def first_of(self, model: str, may: May | None = None) -> Account | None:
        line = self._by_model.get(model)
        return line.first(may) if line else None

    def wake(self, account: Account) -> None:
        """An idle flow is about to have jobs here: idling has earned nothing, debts stay."""
        account.confirmed = max(account.confirmed, self.virtual_time)
        account.woken = True
        account.since = self.dispatches
        self._next_turn(account)
        if not account.in_floors:
            account.in_floors = True
            self._floors = self._without_leavers(self._floors)
            heappush(self._floors, (account.confirmed, self._next_serial(), account))

    def serve(self, account: Account, seconds: float) -> float:
        """Begin a service that is expected to take ``seconds``; how many of them were charged.

        Never more than the flow's longest job, once one was measured. An estimate that is too low errs by
        the jobs in flight alone. One that is too high, time after time, would let the others get ahead by
        all of it although the flow never had a job as long.
        """
        charge = min(seconds, account.longest) if account.longest else seconds
        self.dispatches += NEWCOMER if account.newcomer else 1
        account.in_service += 1
        account.pending += charge / account.flow.weight
        account.woken = False
        account.since = self.dispatches + 1  # behind whoever wakes before the next dispatch
        self._next_turn(account)
        return charge

    def settle(self, served: InService, seconds: float) -> None:
        """Replace the charge by what was measured."""
        account = served.account
        account.in_service -= 1
        account.pending = account.pending - served.charge / served.weight if account.in_service else 0.0
        account.confirmed += seconds / served.weight
        account.longest = max(account.longest, seconds)

    def hand_over(self, served: InService, account: Account) -> None:
        """What is in service is another's from now on, and so is what was charged for it."""
        before, share = served.account, served.charge / served.weight
        before.in_service -= 1
        before.pending = before.pending - share if before.in_service else 0.0
        account.in_service += 1
        account.pending += share
        for each in (before, account):
            self.refresh(each, each.head)

    def refresh(self, account: Account, head: Waiting | None) -> None:
        """Put the account where it belongs in the line, after anything about it has changed."""
        self.standings.note(account)
        if head is None:
            account.head = account.entry = None
            return
        key = (account.virtual, account.age, head.order)
        entry = account.entry
        known = account.head
        account.head = head
        if entry is not None and entry[:3] == key and known is not None and known.model == head.model:
            return
        account.entry = (*key, self._next_serial(), account)
        self._line.push(account.entry)
        if head.model:
            line = self._by_model.get(head.model)
            if line is None:
                line = self._by_model[head.model] = Line()
            line.push(account.entry)

    def rest(self, account: Account) -> list[Account]:
        """The flow has nothing here any more; what it is ahead is remembered until the others have it too.

        What :meth:`forget` closes is returned.
        """
        heappush(self._idle, (account.confirmed, self._next_serial(), account))
        if len(self._idle) > 2 * len(self.accounts) + 64:  # the same ones, time and again
            idle = [each for each in self.accounts.values() if not each.active]
            self._idle = [(each.confirmed, self._next_serial(), each) for each in idle]
            heapify(self._idle)
        return self.forget()

    def advance(self) -> list[Account]:
        """Move virtual time on; what :meth:`forget` closes is returned."""
        floors = self._floors
        while floors:
            floor, _, account = floors[0]
            if not account.active:
                account.in_floors = False
                heappop(floors)
            elif account.confirmed > floor:
                heapreplace(floors, (account.confirmed, self._next_serial(), account))
            else:
                self.virtual_time = max(self.virtual_time, floor)
                break
        return self.forget()

    def forget(self) -> list[Account]:
        """Close the accounts of idle flows that are not ahead: they would wake at virtual time anyway."""
        closed = []
        while self._idle and self._idle[0][0] <= self.virtual_time:
            account = heappop(self._idle)[2]
            known = self.accounts.get(account.flow.user) is account
            if known and not account.active and account.confirmed <= self.virtual_time:
                del self.accounts[account.flow.user]
                self.standings.drop(account)
                closed.append(account)
        return closed

    def _without_leavers(self, floors: list[Floor]) -> list[Floor]:
        """The same, or what is left of it when most have left without having come up."""
        if len(floors) <= 2 * len(self.accounts) + 64:
            return floors
        kept = []
        for floor in floors:
            if floor[2].active:
                kept.append(floor)
            else:
                floor[2].in_floors = False
        heapify(kept)
        return kept

    def _next_turn(self, account: Account) -> None:
        account.passed = 0.0
        account.turn += 1

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial
