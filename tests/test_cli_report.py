"""What is told of the cost, the results, and the whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.help import CHECK_JSON_HELP, INSPECT_JSON_HELP, JSON_HELP, LIST_JSON_HELP
from bot.cli.report import Failure, Tally, as_json, as_paths, cost, summary
from bot.domain.errors import OutOfMemory, RunInterrupted
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import Job, plan
from bot.service.painter import KeptFile, Picture
from tests.support.templates import TIER, catalogue, draw_low, shipped


def jobs(line: str, *, estimated: bool = True) -> list[Job]:
    template = shipped("text-to-image", catalogue())
    if not estimated:
        template = replace(template, estimate_seconds=None)
    found = plan(parse_line(line, SHELL), template, limits=TIER, draw=draw_low)
    return [job for request in found for job in request.jobs()]


def picture(job: Job, *names: str, texts: tuple[str, ...] = ()) -> Picture:
    files = tuple(KeptFile(Path("pictures") / name, MediaKind.IMAGE) for name in names)
    return Picture(job, files, texts, server_seconds=1.5, cached=False)


def failure(job: Job) -> Failure:
    error = OutOfMemory(Text("too large"), node_id="5", class_type="KSampler", message="")
    return Failure(job, error)


def test_one_picture_costs_no_words() -> None:
    assert cost(jobs("a fox"), embedded=False) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a fox --count 2", "2 pictures, about 20 s of GPU time by the templates' own estimates."),
        ("a fox --seed 1-30", "30 pictures, about 5 min of GPU time by the templates' own estimates."),
        ("a fox --seed 1-1000", "1000 pictures, about 2.8 h of GPU time by the templates' own estimates."),
    ],
)
def test_the_cost_of_many(line: str, words: str) -> None:
    assert cost(jobs(line), embedded=False) == words


def test_the_cost_where_nobody_knows_it() -> None:
    unknown = jobs("a fox --count 3", estimated=False)
    words = cost(unknown, embedded=False)
    assert words is not None
    assert words.startswith("3 pictures. How long they take is not known")
    mixed = cost([*unknown, *jobs("a fox")], embedded=False)
    assert mixed is not None
    assert mixed.startswith("4 pictures, about 10 s of GPU time")
    assert "for 1 of them; the other templates have none" in mixed


def test_the_engine_has_a_pace_of_its_own() -> None:
    assert cost(jobs("a fox --count 4"), embedded=True) == "4 pictures, about 6 s on the built-in engine."


def test_paths_and_texts(capsys: pytest.CaptureFixture[str]) -> None:
    (job,) = jobs("a fox")
    as_paths(picture(job, "a.png", "b.png", texts=("a caption",)))
    as_paths(failure(job))
    paths = [str(Path("pictures") / name) for name in ("a.png", "b.png")]
    assert capsys.readouterr().out.splitlines() == [*paths, "a caption"]


def test_json_holds_what_help_says(capsys: pytest.CaptureFixture[str]) -> None:
    (job,) = jobs("a 🦊 --seed 7")
    as_json(picture(job, "a.png"))
    as_json(failure(job))
    done, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert done["files"] == [{"path": str(Path("pictures/a.png")), "kind": "image"}]
    assert (done["seed"], done["values"]["prompt_text"]) == (7, "a 🦊")
    assert (failed["error"], failed["message"]) == ("out_of_memory", "too large")
    shown = [set(re.findall(r'"(\w+)"', line)) for line in JSON_HELP.splitlines() if "{" in line]
    assert [set(done) | {"path", "kind"}, set(failed)] == shown


@pytest.mark.parametrize("text", [JSON_HELP, CHECK_JSON_HELP, LIST_JSON_HELP, INSPECT_JSON_HELP])
def test_help_fits_a_terminal_as_it_stands(text: str) -> None:
    """It is not wrapped again, so that the objects stay readable."""
    assert text.startswith("\b\n")
    assert max(map(len, text.splitlines())) <= 100


def test_summary() -> None:
    found = jobs("a fox --count 4")
    tally = Tally()
    tally.add(picture(found[0], "a.png", "b.png"))
    tally.add(failure(found[1]))
    tally.add(Failure(found[2], RunInterrupted(Text("stopped"))))
    assert summary(tally, 6) == (
        "1 of 6 painted (2 files, 1.5 s of the server's time), 1 failed, 1 stopped, 3 not begun."
    )
    assert summary(Tally(), 2) == "0 of 2 painted, 2 not begun."
