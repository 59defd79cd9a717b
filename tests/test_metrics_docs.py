"""The page, the dashboard and the alert rules name what there is, all of it, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.metrics.catalogue import METRICS
from tests.support.templates import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
RULES = (ROOT / "docs" / "ops" / "alerts.yml").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "docs" / "ops" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
OF_PROMETHEUS = {"up"}
EXPOSED = {
    f"{name}{suffix}"
    for name, metric in METRICS.items()
    for suffix in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
} | OF_THE_PROCESS
FUNCTIONS = {
    *("rate", "increase", "sum", "min", "max", "by", "and", "histogram_quantile", "label_values", "instance")
}
STRINGS, RANGES = re.compile(r'"[^"]*"'), re.compile(r"\[[^]]*\]")


def parts_of(expression: str) -> tuple[set[str], dict[str, set[str]]]:
    """The metrics of an expression, and the labels by which each is chosen."""
    plain = RANGES.sub("", STRINGS.sub('""', expression))
    chosen = {
        name: set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
        for name, labels in re.findall(r"([a-z_]+)\{([^}]*)\}", plain)
    }
    without_groups = re.sub(r"\bby\s*\([^)]*\)", "", re.sub(r"\{[^}]*\}", "", plain))
    names = set(re.findall(r"[a-z_]{2,}", re.sub(r"\d+e\d+", "", without_groups))) - FUNCTIONS
    return names, chosen


def group_labels(expression: str) -> set[str]:
    return {
        label.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in group.split(",")
    }


def metric_of(sample: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", sample) if sample not in METRICS else sample


def queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def alerts() -> dict[str, str]:
    """Expressions by the name of their alert. Blocks (``|``) are lines that are indented further."""
    found = {}
    for block in re.split(r"^      - alert: ", RULES, flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        match = re.search(r"^        expr: (?:\|\n((?:          .*\n)+)|(.+)\n)", rest, re.MULTILINE)
        assert match is not None, name
        found[name] = match[1] or match[2]
    return found


@pytest.mark.parametrize(("where", "expression"), [*queries(), *alerts().items()])
def test_expressions_ask_for_what_is_exposed(where: str, expression: str) -> None:
    names, chosen = parts_of(expression)
    assert names, where
    assert names <= EXPOSED | OF_PROMETHEUS, where
    labels = {"instance", "job", "le"}
    for name in names - OF_THE_PROCESS - OF_PROMETHEUS:
        labels |= set(METRICS[metric_of(name)].labels)
        assert chosen.get(name, set()) <= {*METRICS[metric_of(name)].labels, "instance", "job"}, where
    assert group_labels(expression) <= labels, where
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing), where


def test_counters_are_shown_as_rates_and_histograms_as_quantiles() -> None:
    for where, expression in [*queries(), *alerts().items()]:
        for name in parts_of(expression)[0]:
            metric = METRICS.get(metric_of(name))
            if metric is not None and metric.kind != "gauge":
                assert re.search(rf"(rate|increase)\({name}\b", expression), where
            if metric is not None and metric.kind == "histogram":
                assert "histogram_quantile(" in expression, where


def test_the_dashboard_shows_every_metric() -> None:
    shown = {metric_of(name) for _, expression in queries() for name in parts_of(expression)[0]}
    assert set(METRICS) <= shown


def test_legends_name_labels_that_there_are() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            names, _ = parts_of(target["expr"])
            labels = {
                label
                for name in names & EXPOSED - OF_THE_PROCESS
                for label in METRICS[metric_of(name)].labels
            }
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels, panel["title"]


def test_the_dashboard_can_be_imported_anywhere() -> None:
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


def test_the_rules_are_laid_out_as_rules_are() -> None:
    assert "\t" not in RULES
    assert len(alerts()) == RULES.count("- alert:") >= 10
    for block in re.split(r"^      - alert: ", RULES, flags=re.MULTILINE)[1:]:
        keys = re.findall(r"^ {8}(\w+):", block, re.MULTILINE)
        assert [key for key in keys if key != "for"] == ["expr", "labels", "annotations"]
        assert re.search(r"^          severity: (critical|warning)$", block, re.MULTILINE)
        for key in ("summary", "description"):
            (said,) = re.findall(rf'^          {key}: "(.+)"$', block, re.MULTILINE)
            assert '"' not in said
            known = {label for metric in METRICS.values() for label in metric.labels} | {"instance"}
            assert set(re.findall(r"\$labels\.(\w+)", said)) <= known
        if "for" in keys:
            assert re.search(r"^        for: \d+[mh]$", block, re.MULTILINE)


def test_labels_that_annotations_name_are_left_by_their_expression() -> None:
    """A sum without them would show an empty place."""
    for block in re.split(r"^      - alert: ", RULES, flags=re.MULTILINE)[1:]:
        name = block.partition("\n")[0]
        expression = alerts()[name]
        named = set(re.findall(r"\$labels\.(\w+)", block))
        if groups := group_labels(expression):
            assert named <= groups, name
        else:
            (metric,) = parts_of(expression)[0]
            of_metric = METRICS[metric].labels if metric in METRICS else ()
            assert named <= {*of_metric, "instance"}, name


def test_the_page_has_the_table_of_all_metrics() -> None:
    rows = re.findall(r"^\| `(fairbrush_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    assert [name for name, *_ in rows] == list(METRICS)
    for name, kind, labels, meaning in rows:
        metric = METRICS[name]
        assert (kind, meaning) == (metric.kind, metric.meaning)
        assert tuple(re.findall(r"`(\w+)`", labels)) == metric.labels


def test_every_metric_that_the_page_speaks_of_exists() -> None:
    named = set(re.findall(r"`((?:fairbrush|process)_[a-z_]+)`", PAGE))
    assert {name for name in named if name.startswith("fairbrush_")} <= set(METRICS)


def test_the_page_says_what_to_do_for_every_alert() -> None:
    assert re.findall(r"^#### (\w+)$", PAGE, re.MULTILINE) == list(alerts())


def test_the_page_lists_every_check() -> None:
    """As :mod:`bot.app.metrics` names them; platforms have their own names."""
    listed = set(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (?:both|`/readyz`) ", PAGE, re.MULTILINE))
    names = {name for each in listed for name in re.findall(r"\w+", each)}
    assert names == {
        *("loop", "parts", "store", "queue", "accepting", "store_writes", "servers", "discord", "telegram")
    }
