"""``fairbrush run`` as machines see it: its health, its log as JSON, and what systemd hears of it."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import SMALL, eventually, running
from tests.support.commands import call, empty_folder

here = empty_folder()


def ask(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is Linux's")
def test_from_the_start_to_the_end(here: Path) -> None:
    (here / "config.toml").write_text(
        '[metrics]\nlisten = "127.0.0.1:0"\n[log]\nformat = "json"\nlevel = "info"\n', encoding="utf-8"
    )
    address = f"@fairbrush-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{address[1:]}")
        systemd.settimeout(30)
        env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000000"}
        with running("run", cwd=here, **env) as process:
            process.until(lambda p: p.stdout.startswith("ready: ") and "/metrics" in p.stderr)
            heard = {systemd.recv(4096).decode() for _ in range(2)}
            assert heard == {
                "WATCHDOG=1",
                f"READY=1\nSTATUS={process.stdout.strip().removeprefix('ready: ')}",
            }
            found = re.search(r"http://127\.0\.0\.1:\d+(?=/metrics)", process.stderr)
            assert found is not None, process.stderr
            assert ask(f"{found[0]}/healthz")[0] == ask(f"{found[0]}/readyz")[0] == 200

            call("imagine", "a confidential otter", *SMALL, "--out", "new")
            with urllib.request.urlopen(f"{found[0]}/metrics", timeout=10) as answer:
                numbers = answer.read().decode()
            assert 'fairbrush_jobs_ended_total{code="",outcome="done"} 1.0' in numbers
            call("queue", "drain")
            eventually(lambda: ask(f"{found[0]}/readyz")[0] == 503)
            assert ask(f"{found[0]}/healthz")[0] == 200

            process.interrupt(signal.SIGTERM)
            ended = process.end()
        while (last := systemd.recv(4096).decode()) == "WATCHDOG=1":
            pass
        assert last == "STOPPING=1\nSTATUS=Stopping"
    assert ended.code == 0
    entries = [json.loads(line) for line in ended.stderr.splitlines()]
    assert {"ts", "level", "logger", "message"} <= set.intersection(*map(set, entries))
    assert "otter" not in ended.stderr
    assert [entry["job"] for entry in entries if "is done after" in entry["message"]]
