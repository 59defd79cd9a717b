"""The operator's own check: what goes over the wire, and what happens when it is slow, wrong or gone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot.app.moderation import make_moderation, open_censor
from bot.domain.errors import CensorFailed, CheckUnavailable, Denied, QuotaUsedUp, WordsBlocked
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.hook import HttpCensor
from bot.hook.protocol import MOST_BYTES, MOST_REASON, question_json, read_verdict
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_denied import error_card
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.gate import Asker, Origin
from bot.service.moderation_hook import (
    AT_ONCE,
    FAILURES,
    MOST_REMEMBERED,
    REMEMBERED_SECONDS,
    TRIED_AFTER,
    Circuit,
    Judge,
    Question,
    Verdict,
)
from bot.service.notices import Notices
from tests.support.service import Bot, FakeClock, bot_at_work, settings_for

ASKED = Question(("a fox", "fog"), "u1", "discord:7", "discord", "text-to-image", "imagine")
ALLOWED, REFUSED = Verdict(allow=True), Verdict(allow=False, reason="No foxes.")
ANN = Asker(IdentityId("discord:1"), "ann", place="discord:guild:7")

# What is said


def test_a_question_is_plain_json() -> None:
    assert json.loads(question_json(ASKED)) == {
        "version": 1,
        "texts": ["a fox", "fog"],
        "user": "u1",
        "place": "discord:7",
        "platform": "discord",
        "template": "text-to-image",
        "command": "imagine",
    }


@given(st.text(st.characters()))
def test_any_text_can_be_asked_about(text: str) -> None:
    asked = question_json(Question((text,), "u", "", "p", "t", "c"))
    assert json.loads(asked)["texts"] == [text]


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b'{"allow": true}', ALLOWED),
        (b'{"allow": true, "reason": null, "more": [1]}', ALLOWED),
        (b'{"allow": false, "reason": "No foxes."}', REFUSED),
        (b'{"allow": false}', Verdict(allow=False)),
        (
            b'{"allow": false, "reason": " No\\n\\u202efoxes.\\u0000 "}',
            Verdict(allow=False, reason="No foxes."),
        ),
    ],
)
def test_answers(body: bytes, verdict: Verdict) -> None:
    assert read_verdict(body) == verdict


def test_a_long_reason_is_cut() -> None:
    reason = read_verdict(json.dumps({"allow": False, "reason": "x" * 10_000}).encode()).reason
    assert len(reason) == MOST_REASON
    assert reason.endswith("…")


NONSENSE = [
    b"",
    b"yes",
    b"true",
    b"[]",
    b"{}",
    b'{"allow": 1}',
    b'{"allow": "true"}',
    b'{"allow": null}',
    b'{"allow": true, "reason": 3}',
    b'{"allow": true',
    b"\xff\xfe",
    b"[" * 10_000,
    b"<html>",
]


@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: ascii(body[:20]))
def test_what_is_no_answer_is_never_taken_for_a_yes(body: bytes) -> None:
    with pytest.raises(CensorFailed):
        read_verdict(body)


@given(st.binary(max_size=200))
def test_no_answer_is_a_crash(body: bytes) -> None:
    with suppress(CensorFailed):
        read_verdict(body)


# Over the wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(handler: Handler, *, seconds: float = 5.0, **headers: str) -> AsyncIterator[HttpCensor]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with (
        TestServer(app) as server,
        HttpCensor(str(server.make_url("/check?key=1")), headers, seconds) as censor,
    ):
        yield censor


async def test_it_is_asked_with_its_headers_and_heard() -> None:
    seen: list[tuple[str, str, str | None, Any]] = []

    async def handler(request: web.Request) -> web.Response:
        key = request.headers.get("X-Key")
        seen.append((request.method, request.path_qs, key, await request.json()))
        return web.json_response({"allow": len(seen) > 1, "reason": "No foxes."})

    async with answering(handler, **{"X-Key": "secret"}) as censor:
        assert await censor.judge(ASKED) == REFUSED
        assert (await censor.judge(ASKED)).allow
    assert seen == [("POST", "/check?key=1", "secret", json.loads(question_json(ASKED)))] * 2


async def _elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect("/elsewhere")


async def _too_much(_: web.Request) -> web.Response:
    return web.json_response({"allow": True, "reason": "x" * MOST_BYTES})


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 4096)


async def _breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"allow": true}')
    assert request.transport is not None
    request.transport.close()
    return response


async def _packed(_: web.Request) -> web.Response:
    response = web.json_response({"allow": True})
    response.enable_compression(web.ContentCoding.gzip)
    response.headers["Content-Encoding"] = "gzip"
    return response


def _status(status: int) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"allow": True}, status=status)

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        _elsewhere,
        _too_much,
        _endless,
        _breaks_off,
        _packed,
        *map(_status, (201, 204, 401, 404, 429, 500, 503)),
    ],
)
async def test_anything_else_is_a_failure_without_secrets(
    handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []

    async def counted(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await handler(request)

    async with answering(counted, **{"X-Key": "secret"}) as censor:
        with pytest.raises(CensorFailed) as failed:
            await censor.judge(ASKED)
    told = f"{failed.value} {failed.value.cause} {failed.value.__cause__!r} {caplog.text}"
    assert "secret" not in told
    assert "a fox" not in told
    assert asked == ["/check"], "neither tried again nor sent on"


async def test_one_that_is_silent_ends_in_time() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    async with answering(handler, seconds=0.05) as censor:
        with pytest.raises(CensorFailed, match=r"within 0\.05 s"):
            await censor.judge(ASKED)


async def test_one_that_is_not_there() -> None:
    async with HttpCensor("http://127.0.0.1:1/?key=secret", {}, 5.0) as censor:
        with pytest.raises(CensorFailed) as failed:
            await censor.judge(ASKED)
    assert "secret" not in f"{failed.value} {failed.value.cause}"


# When it is down


@given(st.lists(st.sampled_from(["yes", "fail", "leave", "wait"]), max_size=60))
def test_a_circuit_asks_a_bounded_number_of_times_while_nothing_answers(events: list[str]) -> None:
    circuit, now, in_a_row, tries = Circuit(), 0.0, 0, 0
    for event in events:
        if event == "wait":
            now += TRIED_AFTER[-1]
            tries = 0
            assert circuit.may_ask(now), "somebody may always try at last"
            continue
        if not circuit.may_ask(now):
            assert circuit.is_down
            continue
        trying = circuit.begin()
        assert trying == circuit.is_down
        assert not trying or not circuit.may_ask(now), "one at a time"
        match event:
            case "yes":
                assert circuit.answered() == trying
                in_a_row = 0
            case "fail":
                in_a_row += 1
                tries += trying
                assert circuit.failed(now, trying=trying) == (in_a_row == FAILURES)
                assert tries <= 1
            case _:
                circuit.left(trying=trying)
        assert circuit.is_down == (in_a_row >= FAILURES)


def test_who_had_asked_before_it_was_down_neither_tries_nor_makes_it_worse() -> None:
    circuit = Circuit()
    early = [circuit.begin() for _ in range(5)]
    assert [circuit.failed(0.0, trying=each) for each in early] == [False, False, True, False, False]
    assert circuit.may_ask(TRIED_AFTER[0])
    assert circuit.begin()
    circuit.left(trying=False)
    assert not circuit.may_ask(TRIED_AFTER[0])
    assert circuit.answered()
    assert circuit.may_ask(0.0)


@dataclass
class Played:
    """A censor that a test plays. ``answers``: of what is left, the next; at the end the last again."""

    answers: list[Verdict | CensorFailed] = field(default_factory=lambda: [ALLOWED])
    asked: list[Question] = field(default_factory=list)
    gate: asyncio.Event | None = None
    at_once: int = 0
    most_at_once: int = 0

    async def until_asked(self, at_once: int) -> None:
        async with asyncio.timeout(20):
            while True:
                if self.at_once >= at_once:
                    return
                await asyncio.sleep(0.001)

    async def judge(self, question: Question) -> Verdict:
        self.asked.append(question)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.at_once -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, CensorFailed):
            raise answer
        return answer


DOWN = CensorFailed(Text("It cannot be reached."), cause="test")


def judge_of(
    censor: Played, clock: FakeClock, *, down: Literal["allow", "refuse"] = "refuse", patience: float = 5.0
) -> tuple[Judge, Notices]:
    notices = Notices(clock.as_clock())
    return Judge(censor, notices, clock.as_clock(), down=down, patience=patience), notices


def about(number: int) -> Question:
    return Question((f"fox {number}",), "u1", "", "discord", "text-to-image", "imagine")


async def test_a_dead_one_is_not_waited_for_and_both_ends_are_told() -> None:
    clock, censor = FakeClock(), Played([DOWN])
    judge, notices = judge_of(censor, clock)
    for number in range(20):
        with pytest.raises(CheckUnavailable, match="try again in a minute"):
            await judge.judge(about(number))
    assert len(censor.asked) == FAILURES
    (notice,) = notices.latest()
    assert "cannot be reached" in str(notice.text)
    assert "refused" in str(notice.text)
    clock.advance(TRIED_AFTER[0])
    for number in range(5):
        with pytest.raises(CheckUnavailable):
            await judge.judge(about(number))
    assert len(censor.asked) == FAILURES + 1, "one tried"
    censor.answers = [ALLOWED]
    clock.advance(TRIED_AFTER[1])
    assert await judge.judge(about(1)) == ALLOWED
    assert await judge.judge(about(2)) == ALLOWED
    assert [str(each.text) for each in notices.latest()][1:] == ["The moderation hook answers again."]


async def test_the_operator_may_want_texts_taken_unchecked_meanwhile() -> None:
    judge, notices = judge_of(Played([DOWN]), FakeClock(), down="allow")
    for number in range(5):
        assert (await judge.judge(about(number))).allow
    assert "unchecked" in str(notices.latest()[0].text)
    # And nothing of that is remembered as an answer.
    assert judge._remembered == {}


async def test_single_failures_change_nothing() -> None:
    clock, censor = FakeClock(), Played([DOWN, DOWN, ALLOWED] * 5)
    judge, notices = judge_of(censor, clock, down="allow")
    for number in range(15):
        await judge.judge(about(number))
    assert len(censor.asked) == 15
    assert notices.latest() == ()


async def test_the_same_again_is_not_asked_again_for_a_while() -> None:
    clock, censor = FakeClock(), Played([REFUSED, ALLOWED])
    judge, _ = judge_of(censor, clock)
    for _ in range(3):
        assert await judge.judge(about(1)) == REFUSED
    assert len(censor.asked) == 1
    assert await judge.judge(about(2)) == ALLOWED
    clock.advance(REMEMBERED_SECONDS)
    assert await judge.judge(about(1)) == ALLOWED
    for number in range(MOST_REMEMBERED + 10):
        await judge.judge(about(number))
    assert len(judge._remembered) == MOST_REMEMBERED
    assert not any(b"fox" in key for key in judge._remembered)


async def test_where_somebody_else_asks_or_elsewhere_it_is_another_question() -> None:
    censor = Played()
    judge, _ = judge_of(censor, FakeClock())
    for other in ("u2", "u3"):
        await judge.judge(Question(("fox",), other, "", "discord", "t", "c"))
    for place in ("", "discord:7", "discord:8"):
        await judge.judge(Question(("fox",), "u3", place, "discord", "t", "c"))
    assert len(censor.asked) == 4


async def test_only_so_many_questions_at_once_and_nobody_waits_for_ever() -> None:
    censor = Played(gate=asyncio.Event())
    judge, notices = judge_of(censor, FakeClock(), patience=0.05)
    asking = [asyncio.create_task(judge.judge(about(number))) for number in range(3 * AT_ONCE)]
    done, waiting = await asyncio.wait(asking, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 2 * AT_ONCE:
        more, waiting = await asyncio.wait(waiting, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert all(isinstance(task.exception(), CheckUnavailable) for task in done)
    assert censor.most_at_once == AT_ONCE
    assert len(censor.asked) == AT_ONCE
    assert censor.gate is not None
    censor.gate.set()
    assert all([(await task).allow for task in waiting])
    assert [str(each.text) for each in notices.latest()] == [
        "The moderation hook is too slow: texts wait for each other."
    ]
    assert not judge.circuit.is_down


async def test_who_waits_in_line_when_it_goes_down_waits_no_longer() -> None:
    censor = Played([DOWN], gate=asyncio.Event())
    judge, _ = judge_of(censor, FakeClock(), down="allow")
    asking = [asyncio.create_task(judge.judge(about(number))) for number in range(3 * AT_ONCE)]
    await censor.until_asked(AT_ONCE)
    assert censor.gate is not None
    censor.gate.set()
    assert all(verdict.allow for verdict in await asyncio.gather(*asking))
    assert AT_ONCE <= len(censor.asked) < 2 * AT_ONCE


async def test_who_stops_waiting_leaves_the_try_to_the_next() -> None:
    clock, censor = FakeClock(), Played([DOWN])
    judge, _ = judge_of(censor, clock)
    for number in range(FAILURES):
        with pytest.raises(CheckUnavailable):
            await judge.judge(about(number))
    clock.advance(TRIED_AFTER[0])
    censor.gate = asyncio.Event()
    trying = asyncio.create_task(judge.judge(about(7)))
    await censor.until_asked(1)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    censor.gate, censor.answers = None, [ALLOWED]
    assert (await judge.judge(about(8))).allow


async def test_nothing_is_asked_about_no_words() -> None:
    censor = Played()
    judge, _ = judge_of(censor, FakeClock())
    assert (await judge.judge(Question(("", " "), "u", "", "p", "upscale", "upscale"))).allow
    assert (await judge.judge(Question((), "u", "", "p", "upscale", "upscale"))).allow
    assert censor.asked == []


# In the gate


@asynccontextmanager
async def watched(folder: Path, censor: Played, **sections: Any) -> AsyncIterator[Bot]:
    """A bot at work whose texts ``censor`` judges."""
    rules = sections.pop("moderation", {})
    async with bot_at_work(folder, moderation={"blocked_words": ["gory"], **rules}, **sections) as bot:
        gate = bot.service.usecases.gate
        gate.moderation = await make_moderation(
            bot.settings,
            bot.store,
            bot.service.operator.notices,
            gate.clock,
            admins=frozenset(),
            censor=censor,
        )
        yield bot


async def paint(bot: Bot, ask: Ask | str, event: str = "e", asker: Asker = ANN) -> Any:
    wanted = parse_line(ask, SHELL) if isinstance(ask, str) else ask
    (receipt,) = await bot.service.usecases.imagine(wanted, asker, Origin("discord", event))
    return receipt


async def test_it_hears_all_that_a_person_wrote_and_not_who_that_is(tmp_path: Path) -> None:
    censor = Played()
    async with watched(tmp_path, censor) as bot:
        await paint(bot, "a fox --no fog --steps 7 --seed 3")
        (asked,) = censor.asked
        assert asked.texts == ("a fox", "fog")
        assert (asked.place, asked.platform, asked.template) == ("discord:7", "discord", "text-to-image")
        assert len(asked.user) == 24
        assert "discord" not in asked.user
        await paint(bot, "a boat", "e2", Asker(IdentityId("discord:2"), "bob"))
        assert (asked.user != censor.asked[1].user, censor.asked[1].place) == (True, "")
        user = asked.user
    async with watched(tmp_path, censor) as bot:  # after a restart it is the same person
        await paint(bot, "a boat", "e3")
    assert censor.asked[2].user == user


async def test_its_reason_is_told_as_text_and_nothing_is_charged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    censor = Played([Verdict(allow=False, reason="<b>No</b> {foxes} @everyone")])
    async with watched(tmp_path, censor, moderation={"warnings": 2}) as bot:
        with pytest.raises(WordsBlocked) as refused:
            await paint(bot, "a very secret fox")
        said = str(refused.value)
        assert "The reason: <b>No</b> {foxes} @everyone" in said
        assert "warning 1 of 2" in said
        assert error_card(refused.value).private
        assert await bot.store.ledger() == ()
        (entry,) = await bot.store.audit_log()
        assert (entry.action, entry.detail) == ("refused", "hook; in discord:guild:7; warning 1 of 2")
        with pytest.raises(WordsBlocked, match="one too many"):
            await paint(bot, "another secret fox", "e2")
    assert "secret" not in caplog.text


async def test_it_is_asked_after_what_is_cheap_to_know(tmp_path: Path) -> None:
    censor = Played()
    async with watched(tmp_path, censor, moderation={"warnings": 1}) as bot:
        for line in (
            "a fox --steps -5",
            "a fox --template nothing",
            "a gory fox",
            "a fox, but blocked by now",
        ):
            with pytest.raises(Exception, match=r".+"):
                await paint(bot, line)
    assert censor.asked == []


async def test_a_repeat_is_not_asked_about_but_moderated_all_the_same(tmp_path: Path) -> None:
    censor = Played()
    async with watched(tmp_path, censor) as bot:
        receipt = await paint(bot, "a fox")
        again = OnRequest(Verb.REROLL, receipt.accepted.request.id)
        await bot.service.reception.follow_ups.again(again, ANN, Origin("discord", "e2"))
        assert len(censor.asked) == 1
        bot.clock.advance(REMEMBERED_SECONDS)
        censor.answers = [REFUSED]
        with pytest.raises(WordsBlocked):
            await bot.service.reception.follow_ups.again(again, ANN, Origin("discord", "e3"))
        with pytest.raises(WordsBlocked):
            await bot.service.reception.reword(again.request, "a red fox", ANN, Origin("discord", "e4"))


async def test_a_slow_one_holds_up_nobody_else(tmp_path: Path) -> None:
    """More wait for it than requests are looked at, or pictures opened, at a time; others go on."""
    censor = Played(gate=asyncio.Event())
    async with watched(tmp_path, censor, tiers={"default": {"max_waiting": 100}}) as bot:
        censor.gate, gate = None, censor.gate
        receipt = await paint(bot, "a fox")
        censor.gate = gate
        waiting = [asyncio.create_task(paint(bot, f"fox {n}", f"w{n}")) for n in range(AT_ONCE - 4)]
        reworded = [
            asyncio.create_task(
                bot.service.reception.reword(
                    receipt.accepted.request.id, f"re {n}", ANN, Origin("discord", f"r{n}")
                )
            )
            for n in range(4)
        ]
        async with asyncio.timeout(20):
            await censor.until_asked(AT_ONCE)
            await paint(bot, "a fox", "not asked about")  # judged a moment ago
            again = OnRequest(Verb.AGAIN, receipt.accepted.request.id)
            await bot.service.reception.follow_ups.again(again, ANN, Origin("discord", "again"))
            with pytest.raises(WordsBlocked):
                await paint(bot, "a gory fox", "refused")
            assert gate is not None
            gate.set()
            await asyncio.gather(*waiting, *reworded)


async def test_what_was_used_up_while_it_thought_is_used_up(tmp_path: Path) -> None:
    censor = Played(gate=asyncio.Event())
    async with watched(tmp_path, censor, tiers={"default": {"jobs_per_day": 1}}) as bot:
        both = [asyncio.create_task(paint(bot, f"fox {n}", f"e{n}")) for n in range(2)]
        await censor.until_asked(2)
        assert censor.gate is not None
        censor.gate.set()
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert sum(isinstance(end, QuotaUsedUp) for end in ends) == 1


async def test_a_bot_that_cannot_ask_says_so_at_once(tmp_path: Path) -> None:
    censor = Played([DOWN])
    async with watched(tmp_path, censor) as bot:
        for number in range(FAILURES + 3):
            with pytest.raises(Denied) as refused:
                await paint(bot, f"fox {number}")
            card = error_card(refused.value)
            assert "cannot be checked right now" in str(card.headline)
        assert len(censor.asked) == FAILURES
        (view,) = (await bot.service.operator.queue()).notices
        assert "fox" not in str(view.text)


async def test_the_settings_open_it(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        right = request.headers["Authorization"] == "Bearer abc"
        return web.json_response({"allow": right})

    app = web.Application()
    app.router.add_post("/check", handler)
    async with TestServer(app) as server:
        settings = settings_for(
            tmp_path,
            moderation={
                "hook_url": str(server.make_url("/check")),
                "hook_headers": {"Authorization": "Bearer abc"},
                "hook_seconds": 5,
            },
        )
        assert "abc" not in repr(settings)
        async with open_censor(settings) as censor:
            assert censor is not None
            assert (await censor.judge(ASKED)).allow
    async with open_censor(settings_for(tmp_path)) as censor:
        assert censor is None
