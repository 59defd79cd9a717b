"""15 live jobs in one Telegram group: how old their cards get, how soon results are shown, and what of the
group's twenty messages a minute is used.

A step a second, jobs of half a minute; the others wait. With one server whoever has a picture asks for the
next one, so that there are always 15; with two they become fewer. Three are more than such a group can carry,
and have no goal. Telegram's usual limits hold. All of it, the real library included, lives in a loop whose
time goes ten times as fast, so that a call that takes 20 ms counts as 200.

The baseline does the same with every event queued for its message, one edit after the other, said again when
Telegram refuses it, after the time that it asks for: what is simple to write.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from telegram import InputMediaPhoto, Message, Update
from telegram.error import RetryAfter
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes

from bench.hurried import LoopClock, hurry, run_hurried
from bench.support import report
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.throttle import Importance
from tests.support.discord_bot import picture
from tests.support.fake_server import FakeRun, FakeServer
from tests.support.service import Bot
from tests.support.telegram import FloodLimits, TelegramWorld
from tests.support.telegram.chats import Chat
from tests.support.telegram.messages import Message as Written
from tests.support.telegram.people import Person
from tests.support.telegram_bot import in_telegram

JOBS = 15
PACE = 10.0
STEPS, STEP_SECONDS = 30, 1.0
WATCHED = 480.0
"""Seconds of each run."""
RESULT_SECONDS, RUNNING_SECONDS, WAITING_SECONDS = 2.0, 15.0, 300.0
MINUTE, MOST, MOST_PROGRESS = 60.0, 20, 14
PATIENCE = 120.0
"""Seconds that results may be late; what is not shown by then counts as this late."""


@dataclass(frozen=True)
class Setting:
    """``again``: whoever has a picture asks for another one."""

    servers: int
    again: bool = False


SETTINGS = {"one_server": Setting(1, again=True), "two_servers": Setting(2), "three_servers": Setting(3)}


@dataclass
class Group:
    """``asked``: commands, by their numbers."""

    world: TelegramWorld
    chat: Chat
    people: Sequence[Person]
    asked: list[Written] = field(default_factory=list)

    async def ask(self) -> int:
        number = len(self.asked)
        who = self.people[number % len(self.people)]
        shown = await who.says(self.chat, f"/imagine job {number} here")
        self.asked.append(shown.raw)
        return number

    def card(self, number: int) -> Written | None:
        """What the bot answered."""
        asked, written = self.asked[number], self.chat.by_id.values()
        return next((each for each in written if each.outgoing and each.reply_to is asked), None)


@dataclass
class Course:
    """When jobs began and ended at their servers, and for how long waiting cards had something new that was
    shown later, in seconds of the loop."""

    over: float
    """When it is not watched any more."""
    again: bool
    began: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)

    @property
    def on(self) -> bool:
        return now() < self.over - STEPS * STEP_SECONDS


def now() -> float:
    return asyncio.get_running_loop().time()


def grouped(world: TelegramWorld) -> Group:
    people = [world.user(f"user{number}") for number in range(JOBS)]
    return Group(world, world.supergroup("Painters", *people), people)


# The whole bot


async def bot_through(setting: Setting) -> dict[str, Any]:
    servers = [FakeServer(f"server-{number}", picture=picture) for number in range(setting.servers)]
    clock = LoopClock()
    async with TelegramWorld(clock=clock.as_clock(), limits=FloodLimits.real(), strict=False) as world:
        with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
            async with in_telegram(world, Path(name), clock, servers) as bot:
                hurry(PACE)
                group = grouped(world)
                for _ in range(JOBS):
                    await group.ask()
                course = Course(now() + WATCHED, setting.again)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(watching(bot, course))
                    for server in servers:
                        tasks.create_task(painting(server, group, course))
                await shown(group, course)
        return figures(group, course)


async def painting(server: FakeServer, group: Group, course: Course) -> None:
    """Paint what comes; what is under way at the end is seen through."""
    while course.on:
        if not server.waiting:
            await asyncio.sleep(0.1)
            continue
        run = server.start()
        number = number_of(run)
        course.began[number] = now()
        for step in range(1, STEPS + 1):
            await asyncio.sleep(STEP_SECONDS)
            assert run.on_event is not None
            run.on_event(Progressed(step / (STEPS + 1), NodeId("5"), "Sampler", step, STEPS))
        course.ended[number] = now()
        server.finish(STEPS * STEP_SECONDS)
        if course.again:
            await group.ask()


async def watching(bot: Bot, course: Course) -> None:
    """How long the newest card of whoever waits has not been sent, as the bot's own scheduler has it."""
    outbox = bot.service.courier._deliverers["telegram"]._outbox  # type: ignore[attr-defined]
    while now() < course.over:
        stale = outbox.stale(now())
        course.waited += [seconds for _, importance, seconds in stale if importance is Importance.WAITING]
        await asyncio.sleep(1.0)


def number_of(run: FakeRun) -> int:
    values = [str(value) for node in run.submission.graph for value in node.inputs.values()]
    (found,) = {int(match[1]) for value in values if (match := re.search(r"job (\d+) here", value))}
    return found


async def shown(group: Group, course: Course) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while any(result_of(group.card(number)) is None for number in course.ended):  # noqa: ASYNC110
                await asyncio.sleep(0.5)


# What is simple to write


class Queueing:
    """Edits each message once for each event, in order."""

    def __init__(self, world: TelegramWorld) -> None:
        self.cards: list[Message] = []
        self.app: Application[Any, Any, Any, Any, Any, Any] = (
            ApplicationBuilder().token(world.token).base_url(world.base_url).concurrent_updates(True).build()
        )
        self.app.add_handler(CommandHandler("imagine", self._imagine))

    async def _imagine(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        assert message is not None
        self.cards.append(
            await obeying(lambda: message.reply_text(f"place {len(self.cards) + 1}", do_quote=True))
        )


async def obeying(call: Any) -> Any:
    while True:
        try:
            return await call()
        except RetryAfter as refused:
            await asyncio.sleep(float(refused.retry_after))  # type: ignore[arg-type]


async def queueing_through(setting: Setting) -> dict[str, Any]:
    clock = LoopClock()
    async with TelegramWorld(clock=clock.as_clock(), limits=FloodLimits.real(), strict=False) as world:
        queueing = Queueing(world)
        async with queueing.app as app:
            await app.start()
            assert app.updater is not None
            await app.updater.start_polling(timeout=30)
            hurry(PACE)
            group = grouped(world)
            for _ in range(JOBS):
                await group.ask()
            course = Course(now() + WATCHED, setting.again)
            queues: list[asyncio.Queue[dict[str, Any]]] = [asyncio.Queue() for _ in range(100)]
            workers = [
                asyncio.create_task(editing(queueing, number, queue, course))
                for number, queue in enumerate(queues)
            ]
            jobs = iter(range(len(queues)))
            async with asyncio.TaskGroup() as tasks:
                for _ in range(setting.servers):
                    tasks.create_task(telling(jobs, queues, group, course))
            await shown(group, course)
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await app.updater.stop()
            await app.stop()
        return figures(group, course)


async def editing(
    queueing: Queueing, number: int, queue: asyncio.Queue[dict[str, Any]], course: Course
) -> None:
    while len(queueing.cards) <= number:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    card = queueing.cards[number]
    while True:
        changes = await queue.get()
        since = changes.pop("waits_since", None)
        await obeying(lambda changes=changes: change(card, **changes))
        if since is not None:
            course.waited.append(now() - since)


async def change(card: Message, *, text: str, photo: bytes = b"") -> None:
    if photo:
        await card.edit_media(InputMediaPhoto(photo, caption=text))
    else:
        await card.edit_text(text)


async def telling(
    jobs: Iterator[int], queues: Sequence[asyncio.Queue[dict[str, Any]]], group: Group, course: Course
) -> None:
    """The events of one server's jobs."""
    while course.on and len(course.began) < len(group.asked):
        number = next(jobs)
        course.began[number] = now()
        for step in range(1, STEPS + 1):
            await asyncio.sleep(STEP_SECONDS)
            queues[number].put_nowait({"text": f"step {step} of {STEPS}"})
        course.ended[number] = now()
        queues[number].put_nowait({"text": "ready", "photo": picture()})
        for place, queue in enumerate(queues[number + 1 : len(group.asked)], 1):
            queue.put_nowait({"text": f"place {place}, {number} are ready", "waits_since": now()})
        if course.again:
            await group.ask()


# Figures


def figures(group: Group, course: Course) -> dict[str, Any]:
    """``answer_s``: from a command to its card, of those that all come at once, and of the later ones;
    ``result_s``: from the file to the message that shows it; ``running_s``, ``waiting_s``: how long a card
    was left as it was although there was something new. ``in_a_minute``: the most that any minute saw."""
    cards = [group.card(number) for number in range(len(group.asked))]
    answers = [
        card.history[0].seen - asked.history[0].seen if card is not None else PATIENCE
        for asked, card in zip(group.asked, cards, strict=True)
    ]
    results, running = [], []
    for number, ended in course.ended.items():
        card = cards[number]
        result = result_of(card)
        results.append(PATIENCE if result is None else result - ended)
        began, looks = course.began[number], [] if card is None else card.history
        moments = [began, *(look.seen for look in looks if began < look.seen < ended), ended]
        running.append(max(after - before for before, after in pairwise(moments)))
    calls = [(look.seen, look.kind == "photo") for card in cards if card is not None for look in card.history]
    return {
        "jobs_ended": len(results),
        "results_shown": sum(result < PATIENCE for result in results),
        "result_s": spread(results),
        "running_s": spread(running),
        "waiting_s": spread(course.waited),
        "answered": sum(card is not None for card in cards),
        "asked": len(cards),
        "answer_s_at_once": spread(answers[:JOBS]),
        **({"answer_s_later": spread(answers[JOBS:])} if course.again else {}),
        "in_a_minute": busiest([at for at, _ in calls]),
        "in_a_minute_but_results": busiest([at for at, is_result in calls if not is_result]),
        "refused_429": sum(group.world.flood.refused.values()),
    }


def result_of(card: Written | None) -> float | None:
    """When it was first seen with its picture."""
    looks = [] if card is None else card.history
    return next((look.seen for look in looks if look.kind == "photo"), None)


def busiest(moments: list[float]) -> int:
    ordered = sorted(moments)
    return max((sum(at <= each < at + MINUTE for each in ordered) for at in ordered), default=0)


def spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {"median": round(ordered[len(ordered) // 2], 2), "worst": round(ordered[-1], 2)}


PARTS = {"bot": bot_through, "queueing": queueing_through}


def one_by_one() -> dict[str, dict[str, Any]]:
    """Each in a process of its own."""
    found = {}
    for part in PARTS:
        for name in SETTINGS:
            arguments = ("-m", "bench.telegram_live", "--part", part, "--setting", name)
            ended = subprocess.run(
                [sys.executable, *arguments], capture_output=True, text=True, timeout=300, check=False
            )
            if ended.returncode:
                raise SystemExit(f"{part} {name}: {ended.stderr}")
            found[f"{part}_{name}"] = json.loads(ended.stdout)
    return found


def met(found: dict[str, Any]) -> bool:
    return bool(
        found["results_shown"] == found["jobs_ended"] > 0
        and found["answered"] == found["asked"]
        and found["result_s"]["worst"] <= RESULT_SECONDS
        and found["running_s"]["worst"] <= RUNNING_SECONDS
        and found["waiting_s"]["worst"] <= WAITING_SECONDS
        and found["in_a_minute"] <= MOST
        and found["in_a_minute_but_results"] <= MOST_PROGRESS
        and not found["refused_429"]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--setting", choices=SETTINGS, default="one_server")
    chosen = parser.parse_args()
    if chosen.part:
        print(json.dumps(run_hurried(PARTS[chosen.part](SETTINGS[chosen.setting]))))
        return
    found = one_by_one()
    report(
        "telegram_live",
        f"{JOBS} live jobs in one group: at most {MOST} messages a minute, {MOST_PROGRESS} of them for "
        f"progress; results shown <= {RESULT_SECONDS:g} s after the file, running cards <= "
        f"{RUNNING_SECONDS:g} s old, waiting ones <= {WAITING_SECONDS:g} s; nothing refused",
        met(found["bot_one_server"]) and met(found["bot_two_servers"]),
        jobs=JOBS,
        **{name: found[f"bot_{name}"] for name in SETTINGS},
        **{f"baseline_queue_{name}": found[f"queueing_{name}"] for name in SETTINGS},
    )


if __name__ == "__main__":
    main()
