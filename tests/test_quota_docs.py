"""The page on quotas shows settings that load and numbers that are so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config.load import load_settings
from bot.domain.ids import QuotaDay
from bot.domain.quota import Allowance, Standing, Use, Window, carry, overshoot
from bot.domain.tiers import DEFAULT, Tier

PAGE = (Path(__file__).parent.parent / "docs" / "quotas.md").read_text(encoding="utf-8")


def test_its_settings_load(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "config.toml").write_text("\n".join(re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE)), "utf-8")
    settings = load_settings(tmp_path / "config.toml", environ={}, folder=tmp_path)
    assert settings.timezone == "Europe/Berlin"
    assert settings.quota.window is Window.ROLLING
    assert settings.tiers["default"].gpu_seconds_per_day == 600
    assert settings.tiers["patron"].user_ids == ("telegram:456",)


def test_its_defaults_are_the_defaults() -> None:
    tier = Tier(DEFAULT)
    assert tier.allowance == Allowance(None, None)
    for key, value in [
        ("`max_waiting`", f"{tier.max_waiting}"),
        ("`max_count`, `max_pixels`", f"{tier.max_count}, {tier.max_pixels:,}"),
        ("`weight`", f"{tier.weight}"),
    ]:
        assert re.search(rf"(?m)^\| {key} \|.*\| {re.escape(value)} \|$", PAGE), key


def test_its_example_of_a_debt_is_right() -> None:
    after = Standing(Allowance(100.0), Use(settled=450.0, jobs=1), resets_at=0)
    over = overshoot(after, measured=450.0, reserved=30.0)
    assert over == pytest.approx(350)
    parts = [part for _, part in carry(over, 100.0, QuotaDay("2027-01-15"))]
    assert parts == [100, 100, 100, 50]
    assert "The next three days owe 100 each" in PAGE
    assert "the fourth owes 50" in PAGE
