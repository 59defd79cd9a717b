"""The work of ``fairbrush queue``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.cli.common import FAILED, load, put, put_json, say
from bot.cli.progress import duration
from bot.cli.reach import QueueDesk, reach_to_change, reach_to_look, shell_actor
from bot.cli.tables import Column, cell, put_table
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import JobView, QueueView, ServerView

_SERVERS = (
    Column("server", most=20),
    Column("state"),
    Column("model", most=24),
    Column("at work", fold=True),
)
_JOBS = (
    Column("", right=True),
    Column("job"),
    Column("user", most=16),
    Column("template", most=18),
    Column("waited", right=True),
    Column("done in", right=True),
    Column("why", fold=True),
)
_NO_BOT = "No bot runs with this data directory; this is what its next start finds."
_NOTHING_YET = "No bot has run with this data directory yet: {folder}"


async def show(as_json: bool, config_file: Path | None) -> int:
    settings = load(config_file)
    async with reach_to_look(settings) as reached:
        view = await reached.queue.queue()
    if as_json:
        put_json(_as_json(view))
        return 0
    if reached.silent is not None:
        say(reached.silent)
    elif not reached.begun:
        say(_NOTHING_YET.format(folder=settings.data_dir))
    elif not reached.running:
        say(_NO_BOT)
    _print(view, Clock().now())
    return 0


async def steer(what: str, config_file: Path | None) -> int:
    async with reach_to_change(load(config_file)) as reached:
        changed = await _steered(reached.queue, what)
    if not changed:
        put({"pause": "It was paused already.", "drain": "It was draining already."}.get(what, _AT_WORK))
        return 0
    put(_DONE[what])
    if not reached.running:
        say("No bot runs; it holds when one starts.")
    return 0


_AT_WORK = "It was neither paused nor draining."
_DONE = {
    "pause": "Paused: what runs goes on, and nothing new begins until  fairbrush queue resume",
    "resume": "Resumed.",
    "drain": "Draining: what was accepted is painted, and nothing is accepted until  fairbrush queue resume",
}


async def _steered(queue: QueueDesk, what: str) -> bool:
    match what:
        case "pause":
            return await queue.pause(shell_actor())
        case "drain":
            return await queue.drain(shell_actor())
    return await queue.resume(shell_actor())


async def cancel(job: str, config_file: Path | None) -> int:
    async with reach_to_change(load(config_file)) as reached:
        result = await reached.queue.cancel(job, shell_actor())
    stopping = "stopping: its server was asked" if reached.running else "will be stopped when the bot starts"
    for jobs, became in ((result.cancelled, "cancelled"), (result.stopping, stopping)):
        for each in jobs:
            put(f"{each}  {became}")
    if result.cancelled or result.stopping:
        return 0
    say(f"Nothing to cancel: {', '.join(result.over)} had ended before.")
    return FAILED


def _print(view: QueueView, now: int) -> None:
    put(_headline(view))
    if view.servers:
        put("")
        put_table(_SERVERS, [_server_row(server, now) for server in view.servers])
    if view.jobs:
        put("")
        put_table(_JOBS, [_job_row(number, job) for number, job in enumerate(view.jobs, start=1)])
        if (more := view.waiting - len(view.jobs)) > 0:
            put(f"and {more} more")
    if view.notices:
        put("")
    for notice in view.notices:
        put(f"{_ago(now - notice.at)}: {cell(notice.text)}")


def _headline(view: QueueView) -> str:
    if not view.users:
        parts = ["Nothing runs, and nobody waits."]
    elif view.waiting:
        parts = [f"{_count(view.waiting, 'job')} waiting; {_count(view.users, 'user')} in all."]
    else:
        parts = [f"Nothing is waiting; {_count(view.users, 'user')} in all."]
    if view.paused:
        parts.append("Paused: nothing begins until  fairbrush queue resume")
    if view.draining:
        parts.append("Draining: nothing is accepted until  fairbrush queue resume")
    return "\n".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _ago(milliseconds: int) -> str:
    return f"{duration(max(0, milliseconds) / 1000)} ago"


def _server_row(server: ServerView, now: int) -> tuple[object, ...]:
    return (server.name, server.state, server.model, "; ".join(_at_work(server, now)))


def _at_work(server: ServerView, now: int) -> Iterable[str]:
    if server.reason is not None:
        yield f"{server.reason} (since {duration(max(0, now - server.since) / 1000)})"
    if server.running is not None:
        fraction = server.running.fraction
        done = "" if fraction is None else f", {fraction:.0%}"
        yield f"{server.running.id} of {server.running.user}{done}{_left(server.running)}"
    if server.staged is not None:
        yield f"next {server.staged.id} of {server.staged.user}"
    if server.foreign:
        yield f"{_count(server.foreign, 'prompt')} of others"


def _left(job: JobView) -> str:
    return "" if job.eta_seconds is None else f", {duration(job.eta_seconds)} left"


def _job_row(number: int, job: JobView) -> tuple[object, ...]:
    return (
        number if job.place is None else job.place,
        job.id,
        job.user,
        job.template,
        duration(job.waited_ms / 1000),
        "" if job.eta_seconds is None else duration(job.eta_seconds),
        job.why or "",
    )


def _as_json(view: QueueView) -> dict[str, object]:
    return {
        "running": view.running,
        "paused": view.paused,
        "draining": view.draining,
        "waiting": view.waiting,
        "users": view.users,
        "servers": [
            {
                "name": server.name,
                "url": server.url,
                "state": server.state,
                "since": server.since,
                "reason": _said(server.reason),
                "model": server.model,
                "running": None if server.running is None else _job_json(server.running),
                "staged": None if server.staged is None else _job_json(server.staged),
                "foreign": server.foreign,
            }
            for server in view.servers
        ],
        "jobs": [_job_json(job) for job in view.jobs],
        "notices": [{"at": notice.at, "text": str(notice.text)} for notice in view.notices],
    }


def _job_json(job: JobView) -> dict[str, object]:
    return {
        "id": job.id,
        "user": job.user,
        "template": job.template,
        "state": job.state,
        "waited_seconds": job.waited_ms / 1000,
        "eta_seconds": job.eta_seconds,
        "place": job.place,
        "why": _said(job.why),
        "fraction": job.fraction,
    }


def _said(text: Text | None) -> str | None:
    return None if text is None else str(text)
