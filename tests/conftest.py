"""Options that the suite knows. Tests that need one are skipped without it, never quietly passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Slowness is the machine's, not the code's: a busy one must not fail a property.
settings.register_profile(
    "fairbrush", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
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
