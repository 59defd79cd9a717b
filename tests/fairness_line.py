"""A queue with jobs numbered by themselves, for tests by example."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId
from tests.fairness import GPU

ONE = frozenset({GPU})


class Line:
    """A queue that numbers what is pushed."""

    def __init__(self, queue: FairQueue | None = None, *, order: int = 0) -> None:
        self.queue = FairQueue() if queue is None else queue
        self.order = order

    def push(
        self,
        user: str,
        *estimates: float,
        model: str = "",
        weight: float = 1.0,
        servers: frozenset[ServerName] = ONE,
    ) -> list[JobId]:
        jobs = []
        for estimate in estimates:
            self.order += 1
            job = JobId(f"{user}-{self.order}")
            self.queue.push(Waiting(job, UserId(user), self.order, model, servers, estimate), weight=weight)
            jobs.append(job)
        return jobs

    def pop(self, server: ServerName = GPU, *, loaded: str | None = None) -> str | None:
        """The user whose job goes."""
        item = self.queue.pop(server, loaded=loaded)
        return None if item is None else str(item.flow)

    def serve(self, count: int, seconds: float | None = None, *, loaded: str | None = None) -> str:
        """The initials of the users of the next jobs, each finished before the next is given. ``loaded``: at
        the beginning."""
        users = ""
        for _ in range(count):
            item = self.queue.pop(GPU, loaded=loaded)
            if item is None:
                return users
            users += item.flow[0]
            loaded = loaded and item.model
            self.queue.finish(item.job, item.estimate if seconds is None else seconds)
        return users


def drain(queue: FairQueue, servers: Iterable[ServerName] = (GPU,)) -> list[JobId]:
    gone = []
    while True:
        items = [item for server in servers if (item := queue.pop(server))]
        if not items:
            return gone
        for item in items:
            gone.append(item.job)
            queue.finish(item.job, item.estimate)
