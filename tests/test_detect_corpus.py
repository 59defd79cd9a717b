"""Role detection on real workflows whose roles are known (``--corpus PATH``)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bot.templates.detect import detect
from bot.templates.graph import parse_export
from tests.corpus_score import read_catalogue, score

pytestmark = pytest.mark.corpus


@pytest.fixture
def corpus(pytestconfig: pytest.Config) -> Path:
    path = pytestconfig.getoption("--corpus")
    assert isinstance(path, Path)
    return path


@pytest.mark.parametrize(("with_catalogue", "needed"), [(True, 0.95), (False, 0.93)])
def test_roles_of_local_workflows_are_found(
    corpus: Path, capsys: pytest.CaptureFixture[str], with_catalogue: bool, needed: float
) -> None:
    catalogue = read_catalogue(corpus) if with_catalogue else None
    local = score(corpus, catalogue, local_only=True)
    everything = score(corpus, catalogue, local_only=False)
    with capsys.disabled():
        print(f"\n{'with' if with_catalogue else 'without'} catalogue, workflows with a sampler")
        print("\n".join(local.lines()))
        print("all workflows")
        print("\n".join(everything.lines()))
    assert local.share >= needed, local.mistakes
    assert everything.share >= 0.9, everything.mistakes


def test_detection_of_one_workflow_is_quick(corpus: Path) -> None:
    catalogue = read_catalogue(corpus)
    largest = max((corpus / "workflows").glob("*.json"), key=lambda path: path.stat().st_size)
    graph = parse_export(json.loads(largest.read_text(encoding="utf-8")))
    best = min(_seconds(lambda: detect(graph, catalogue)) for _ in range(5))
    assert best < 0.1, "something has become quadratic: a fiftieth of a second is usual"


def _seconds(work: object) -> float:
    start = time.process_time()
    assert callable(work)
    work()
    return time.process_time() - start
