"""What operators see of the queue and the servers, and how they hold it up and let it go on."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.estimates import Estimates
from bot.domain.text import Text
from bot.presentation.actions import mark
from bot.presentation.card_admin import reason_line, told_card
from bot.presentation.card_admin_queue import (
    SIDE,
    STEPS,
    LineJob,
    ServerEntry,
    WholeLine,
    admin_queue_card,
    servers_card,
)
from bot.presentation.cards import Card, Command
from bot.service.admin_questions import Questions, Wish
from bot.service.admin_words import Said
from bot.service.gate import Asker
from bot.service.operator import JobView, QueueView, ServerView
from bot.service.running import RunningBot


@dataclass(frozen=True, slots=True)
class AdminQueue:
    operator: RunningBot
    questions: Questions

    # Looking

    async def show(self, asker: Asker, page: int = 0) -> Card:
        view = await self.operator.queue()
        return admin_queue_card(
            self._line(view), owner=mark(asker.identity), now=self.operator.clock.now(), page=page
        )

    async def servers(self) -> Card:
        views, memory = await self.operator.servers(), await self.operator.memory()
        entries = [
            ServerEntry(
                name=view.name,
                state=view.state,
                since=view.since,
                reason=view.reason,
                model=view.model,
                memory=tuple(
                    (device.vram_free, device.vram_total)
                    for device in memory.get(view.name, ())
                    if device.vram_total
                ),
                job=None if view.running is None else self._job(view.running, view.name),
                next_job=None if view.staged is None else self._job(view.staged, view.name),
                foreign=view.foreign,
                speed=self._speed(view),
                load=self._estimates.swap_seconds(view.name, view.model) if view.model else None,
            )
            for view in views
        ]
        return servers_card(entries, now=self.operator.clock.now())

    @property
    def _estimates(self) -> Estimates:
        return self.operator.usecases.gate.guards.estimates

    def _speed(self, view: ServerView) -> float | None:
        """Measured with the model that is loaded, by templates whose work is pixels times steps."""
        sized = {
            template.name
            for template in self.operator.usecases.shelf.library.enabled()
            if {"width", "height", "steps"} <= set(template.parameters)
        }
        pace = self._estimates.pace(view.name, view.model, sized)
        return None if pace is None else pace * SIDE**2 * STEPS

    def _line(self, view: QueueView) -> WholeLine:
        at_servers = [
            self._job(job, server.name)
            for server in view.servers
            for job in (server.running, server.staged)
            if job is not None
        ]
        return WholeLine(
            waiting=view.waiting,
            people=view.users,
            jobs=(*at_servers, *(self._job(job) for job in view.jobs)),
            paused=view.paused,
            draining=view.draining,
            notices=tuple((notice.at, notice.text) for notice in view.notices),
        )

    def _job(self, view: JobView, server: str = "") -> LineJob:
        return LineJob(
            id=view.id,
            user=view.user,
            template=self.operator.usecases.shelf.title_of(view.template),
            waited_ms=view.waited_ms,
            place=view.place,
            eta_seconds=view.eta_seconds,
            why=view.why,
            server=server,
            fraction=view.fraction,
        )

    # Pause, drain, resume

    async def ask_pause(self, wish: Wish, asker: Asker) -> Card:
        if self.operator.dispatcher.gates.paused:
            return _paused_already()
        waiting = len(self.operator.dispatcher.queue)
        what = Text.counted(
            "Nothing new begins until somebody resumes: {count} picture waits. What runs is finished.",
            "Nothing new begins until somebody resumes: {count} pictures wait. What runs is finished.",
            waiting,
        )
        return self.questions.ask(wish, what, asker.identity)

    async def do_pause(self, wish: Wish, asker: Asker) -> Card:
        if not await self.operator.pause(asker.identity, wish.reason):
            return _paused_already()
        return told_card(Text("The queue is paused"), reason_line(wish.reason), _go_on())

    async def ask_drain(self, wish: Wish, asker: Asker) -> Card:
        if self.operator.dispatcher.gates.draining:
            return _draining_already()
        what = Text("Nobody can ask for a picture until somebody resumes. What is in line is painted.")
        return self.questions.ask(wish, what, asker.identity)

    async def do_drain(self, wish: Wish, asker: Asker) -> Card:
        if not await self.operator.drain(asker.identity, wish.reason):
            return _draining_already()
        return told_card(Text("The queue runs empty"), reason_line(wish.reason), _go_on())

    async def resume(self, said: Said, asker: Asker) -> Card:
        if await self.operator.resume(asker.identity, said.reason()):
            return told_card(Text("It goes on"))
        return told_card(Text("The queue was neither paused nor draining"))


def _paused_already() -> Card:
    return told_card(Text("The queue was paused already"), _go_on())


def _draining_already() -> Card:
    return told_card(Text("The queue was draining already"), _go_on())


def _go_on() -> Text:
    return Text("{command} lets it go on.", command=Command("admin resume"))
