"""Options that the suite knows. Tests that need one are skipped without it, never quietly passed."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.store import connection as store_connection
from tests.support.templates import read_once

REQUIRED = "FAIRBRUSH_REQUIRE_BROWSER"
"""An environment variable: tests in a real browser must not be skipped."""

# Slowness is the machine's, not the code's: a busy one must not fail a property.
settings.register_profile(
    "fairbrush", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fairbrush")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fairbrush")
    group.addoption(
        "--corpus",
        metavar="PATH",
        type=Path,
        default=None,
        help="folder with real workflows and roles.json: measures the detection of roles",
    )
    group.addoption(
        "--comfyui",
        metavar="URL",
        default=None,
        help="a real ComfyUI server: runs the contract suite against it too (with -m live)",
    )
    group.addoption(
        "--checkpoint",
        metavar="NAME",
        default=None,
        help="the checkpoint to sample with on the real server; default: the first it has",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for option, marker in (("--corpus", "corpus"), ("--comfyui", "live")):
        if config.getoption(option) is None:
            skip = pytest.mark.skip(reason=f"needs {option}")
            for item in items:
                if item.get_closest_marker(marker) is not None:
                    item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Where several processes test, the second half begins to load at the middle: what one has compiled,
    the others find compiled, which on a fresh checkout halves the wait for the first test."""
    worker, config = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), session.config
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if int(worker[2:]) < count / 2 or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    for file in files[len(files) // 2 :]:
        name = ".".join(file.relative_to(config.rootpath).with_suffix("").parts)
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 - whatever it is, it is reported when the module is collected
            return


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded now stays to the end. The garbage collector need not look through it again and again:
    with thousands of tests that took a tenth of all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


_AS_SHIPPED = store_connection._FOR_WRITING


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """What only a power cut could show is not waited for in this process: no test cuts the power, and a slow
    disk would make every test slow. Processes that tests start write as shipped."""
    with pytest.MonkeyPatch.context() as patch:
        off = (pragma.replace("synchronous = FULL", "synchronous = OFF") for pragma in _AS_SHIPPED)
        patch.setattr(store_connection, "_FOR_WRITING", tuple(off))
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_are_read_once() -> Iterator[None]:
    with read_once():
        yield


@pytest.fixture
def written_as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that waits for its disk."""
    monkeypatch.setattr(store_connection, "_FOR_WRITING", _AS_SHIPPED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where a browser must be there, a test that is skipped for want of one has failed."""
    report = yield
    if report.skipped and item.get_closest_marker("browser") and os.environ.get(REQUIRED):
        report.outcome = "failed"
        report.longrepr = f"{REQUIRED} is set, and this was skipped: {report.longrepr}"
    return report
