"""When silence is asked about, and what is made of it. Time is a number here; nothing sleeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comfy.watch import Patience, Verdict, Watch

PATIENCE = Patience()


def watch(start: float = 0.0, **patience: float) -> Watch:
    return Watch(Patience(**patience), start)


@pytest.mark.parametrize(
    ("connected", "running", "hinted", "seconds"),
    [
        (True, False, False, PATIENCE.ask_waiting),
        (True, True, False, PATIENCE.ask_running),
        (False, True, False, PATIENCE.ask_deaf),
        (False, False, False, PATIENCE.ask_deaf),
        (True, True, True, PATIENCE.ask_hinted),
        (True, False, True, PATIENCE.ask_hinted),
    ],
)
def test_how_soon_the_server_is_asked(connected: bool, running: bool, hinted: bool, seconds: float) -> None:
    due = watch(100.0).until_ask(100.0, connected=connected, running=running, hinted=hinted)
    assert due == pytest.approx(seconds)


def test_messages_put_off_the_question_of_a_running_prompt_alone() -> None:
    watched = watch()
    watched.heard(8.0)
    assert watched.until_ask(8.0, connected=True, running=True) == pytest.approx(PATIENCE.ask_running)
    assert watched.until_ask(8.0, connected=True, running=False) == 0


def test_an_ended_run_is_asked_about_at_once_then_ever_less() -> None:
    watched = watch()
    watched.ended(50.0)
    now, pauses = 50.0, []
    while not watched.history_is_late(now):
        pauses.append(watched.until_ask(now, connected=True, running=False))
        now += pauses[-1]
        watched.asked(now, reached=True)
    assert pauses[0] == pytest.approx(PATIENCE.ask_ended)
    assert pauses == sorted(pauses)
    assert len(pauses) < 20


def test_history_is_late_only_after_its_time() -> None:
    watched = watch()
    assert watched.history_is_late(0.0), "a run that has not ended has no history to wait for"
    watched.ended(10.0)
    watched.ended(14.0)
    assert not watched.history_is_late(14.9)
    assert watched.history_is_late(15.0)


def test_a_server_that_does_not_answer_is_gone() -> None:
    watched = watch()
    watched.asked(59.0, reached=False)
    assert watched.verdict(59.0) is Verdict.GO_ON
    watched.asked(60.0, reached=False)
    assert watched.verdict(60.0) is Verdict.UNREACHABLE


def test_a_message_is_an_answer_too() -> None:
    watched = watch()
    watched.heard(30.0)
    watched.asked(60.0, reached=False)
    assert watched.verdict(60.0) is Verdict.GO_ON


def test_whoever_wished_to_cancel_waits_only_a_moment_for_a_server_that_is_gone() -> None:
    watched = watch()
    watched.asked(40.0, reached=False)
    assert watched.verdict(40.0, unwanted_since=38.0) is Verdict.GO_ON
    assert watched.verdict(43.0, unwanted_since=38.0) is Verdict.UNREACHABLE
    assert watched.verdict(43.0) is Verdict.GO_ON, "without a wish it is waited for"
    watched.asked(42.0, reached=True, listed=True)
    assert watched.verdict(43.0, unwanted_since=38.0) is Verdict.GO_ON, "it answers: then it decides"


def test_no_sign_of_life_is_noticed_when_it_is_due() -> None:
    watched = watch(no_life=100.0)
    watched.asked(95.0, reached=True, listed=True)
    assert watched.verdict(95.0) is Verdict.GO_ON
    assert watched.until_ask(95.0, connected=True, running=True) == pytest.approx(5.0)
    watched.asked(100.0, reached=True, listed=True)
    assert watched.verdict(100.0) is Verdict.NO_LIFE


@pytest.mark.parametrize("sign", ["heard", "moved"])
def test_signs_of_life_start_the_wait_anew(sign: str) -> None:
    watched = watch(no_life=100.0)
    getattr(watched, sign)(50.0)
    watched.asked(149.0, reached=True, listed=True)
    assert watched.verdict(149.0) is Verdict.GO_ON
    assert watched.verdict(150.0) is Verdict.NO_LIFE


def test_an_answer_alone_is_no_sign_of_life() -> None:
    watched = watch(no_life=100.0)
    for now in range(0, 101, 10):
        watched.asked(float(now), reached=True, listed=True)
    assert watched.verdict(100.0) is Verdict.NO_LIFE


def test_an_ignored_interrupt_means_wedged() -> None:
    watched = watch(interrupt_grace=60.0)
    watched.interrupted(10.0)
    watched.interrupted(40.0)
    watched.asked(69.0, reached=True, listed=True)
    assert watched.verdict(69.0) is Verdict.GO_ON
    watched.asked(70.0, reached=True, listed=True)
    assert watched.verdict(70.0) is Verdict.WEDGED


def test_work_that_goes_on_after_an_interrupt_is_not_wedged() -> None:
    """A node that stops late, or never checks, still reports its steps."""
    watched = watch(interrupt_grace=60.0)
    watched.interrupted(10.0)
    watched.heard(50.0)
    watched.asked(70.0, reached=True, listed=True)
    assert watched.verdict(70.0) is Verdict.GO_ON
    watched.asked(110.0, reached=True, listed=True)
    assert watched.verdict(110.0) is Verdict.WEDGED


def test_a_prompt_that_left_the_queue_is_not_wedged() -> None:
    watched = watch(interrupt_grace=60.0)
    watched.interrupted(10.0)
    watched.asked(80.0, reached=True, listed=False)
    assert watched.verdict(80.0) is Verdict.GO_ON


def test_prompts_that_wait_while_nothing_runs_mean_wedged() -> None:
    """The worker died; the server takes prompts and answers everything."""
    watched = watch(stalled=60.0)
    watched.asked(5.0, reached=True, listed=True, stalled=True)
    watched.asked(64.0, reached=True, listed=True, stalled=True)
    assert watched.verdict(64.0) is Verdict.GO_ON
    watched.asked(65.0, reached=True, listed=True, stalled=True)
    assert watched.verdict(65.0) is Verdict.WEDGED


def test_a_worker_that_is_only_slow_to_begin_is_not_wedged() -> None:
    watched = watch(stalled=60.0)
    watched.asked(5.0, reached=True, listed=True, stalled=True)
    watched.asked(50.0, reached=True, listed=True)
    watched.asked(70.0, reached=True, listed=True, stalled=True)
    assert watched.verdict(70.0) is Verdict.GO_ON


def test_an_interrupted_prompt_is_asked_about_often() -> None:
    watched = watch(interrupt_grace=2.0)
    watched.interrupted(0.0)
    assert watched.until_ask(0.0, connected=True, running=True) == pytest.approx(0.5)


def test_the_socket_is_suspected_after_silence_and_once_in_a_while() -> None:
    watched = watch(reconnect_after=30.0)
    assert not watched.socket_suspect(29.0)
    assert watched.socket_suspect(30.0)
    watched.reconnected(30.0)
    assert not watched.socket_suspect(59.0)
    watched.heard(45.0)
    assert not watched.socket_suspect(74.0)
    assert watched.socket_suspect(75.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["heard", "moved", "ended", "interrupted", "asked", "lost"]), st.floats(0, 50)
        )
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_the_server_is_always_asked_again_within_bounds(
    history: list[tuple[str, float]], connected: bool, running: bool, hinted: bool
) -> None:
    """No order of facts makes the watch ask without a pause, or never."""
    watched, now = watch(), 0.0
    for name, pause in history:
        now += pause
        match name:
            case "asked" | "lost":
                watched.asked(now, reached=name == "asked", listed=running)
            case _:
                getattr(watched, name)(now)
    watched.asked(now, reached=True, listed=running)
    wait = watched.until_ask(now, connected=connected, running=running, hinted=hinted)
    assert PATIENCE.ask_ended * 0.999 <= wait <= PATIENCE.ask_running * 1.001  # sums of floats
