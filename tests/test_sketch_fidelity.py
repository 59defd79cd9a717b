"""Recorded sessions with a real server, played again on the engine: every message, every answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sketch_replay import Normaliser, Replay, Session, like, load, session_of

REPLAYED = {
    "01": "a text to image run",
    "01 02": "everything cached, then only the file name changed",
    "03": "no client_id: what an observer hears, and the cached run's outputs in history",
    "01 02 04": "another seed and size: loader and text encoders cached",
    "05a": "plain previews after progress",
    "05a 05b": "previews with metadata before progress",
    "05a 05b 05c": "previews are off by default",
    "05d": "a node's own previews are sent whatever the method is",
    "08_exec_error_cuda_oom": "a RuntimeError that only mentions memory",
    "08_exec_error_error": "a node fails",
    "08_exec_error_oom": "out of memory",
    "08_exec_error_value": "a message with markup in it",
    "09a": "interrupt whatever runs",
    "09b": "interrupt by id",
    "09c": "interrupt of an unknown id does nothing",
    "09d": "interrupt of a pending prompt does nothing",
    "09e": "an interrupt while idle does not leak",
    "09g": "a node that does not check is interrupted at the next one",
    "09h": "the queue goes on after an interrupt",
    "09i": "odd /interrupt bodies",
    "09j": "cancelling jobs",
    "10a": "deleting pending prompts",
    "10b": "clearing the queue",
    "11a": "two prompts of one client",
    "11b": "two clients and nobody",
    "11c": "error and interrupt of nobody's prompt",
    "11d": "a client_id without a socket",
    "12a": "reconnect: executing without prompt_id, no replay",
    "12b": "a doubled client id goes deaf",
    "12c": "another client connects",
    "12d": "the server mints a sid",
    "13b": "a socket that comes too late",
    "14a": "numbers and front: heap order and run order",
    "15": "extra_data comes back, secrets do not",
    "22": "free_memory drops the node cache",
    "28": "progress text goes to everybody",
}
"""Recordings (file name starts; the last one is compared, those before make the state it began in)."""

SHORTENED = {"10b", "13b", "14a"}
"""Recordings whose answers were cut down when they were kept; ours are cut likewise."""

HISTORY_OF_THE_LAB = {("09j", "/api/jobs")}
"""Answers that list what the laboratory had run before: 92 jobs that the engine never saw."""


async def replay(data_dir: Path, scenario: str) -> tuple[Session, Session]:
    names = scenario.split()
    recorded = Normaliser().session(session_of(load(names[-1])))
    played = Normaliser().session(await Replay(data_dir).play(*names))
    return recorded, played


@pytest.mark.parametrize("scenario", REPLAYED)
async def test_the_engine_says_what_the_real_server_said(scenario: str, tmp_path: Path) -> None:
    recorded, played = await replay(tmp_path, scenario)
    assert list(played.sockets) == list(recorded.sockets)
    for name, messages in recorded.sockets.items():
        assert played.sockets[name] == messages, f"socket {name}"
    assert len(played.http) == len(recorded.http)
    for theirs, ours in zip(recorded.http, played.http, strict=True):
        if (scenario, theirs["path"]) in HISTORY_OF_THE_LAB and theirs["status"] == 200:
            assert ours["status"] == 200
            assert set(ours["body"]) == set(theirs["body"])
            continue
        assert (like(theirs, ours) if scenario in SHORTENED else ours) == theirs


async def test_a_replay_can_fail(tmp_path: Path) -> None:
    """Negative control: one message changed in the recording is noticed."""
    recorded, played = await replay(tmp_path, "13b")
    assert recorded.sockets == played.sockets
    recorded.sockets["A"][0]["data"]["status"]["exec_info"]["queue_remaining"] = 1
    assert recorded.sockets != played.sockets


def test_recordings_are_not_empty() -> None:
    for scenario in REPLAYED:
        session = session_of(load(scenario.split()[-1]))
        assert session.http
        assert session.sockets or scenario == "09i"
