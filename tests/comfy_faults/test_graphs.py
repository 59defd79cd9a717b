"""Graphs that a server refuses, takes in part, or fails to run."""

from __future__ import annotations

import pytest

from bot.domain.errors import (
    GraphRejected,
    OutOfMemory,
)
from bot.templates.graph import parse_export
from tests.support import faults
from tests.support.clients import connected, error_of, file_of, run, running
from tests.support.engines import CHECKPOINT, Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import extended, fresh, sampled, slow, submission


def one_good_one_bad() -> dict[str, dict[str, object]]:
    return {
        "n20": {"class_type": "SaveImage", "inputs": {"images": ["21", 0], "filename_prefix": "x"}},
        "n21": {
            "class_type": "EmptyImage",
            "inputs": {"width": -5, "height": 64, "batch_size": 1, "color": 0},
        },
    }


async def test_a_200_with_a_dropped_output_is_a_refusal_and_nothing_is_painted(server: Engine) -> None:
    graph = extended(slow(seed := fresh()), **one_good_one_bad())
    server.gate.limit(seed, 0)
    async with connected(server.url) as backend:
        for outputs in ((), ("2", "20"), ("20",)):
            async with running(backend, submission(graph, *outputs)) as told:
                error = error_of(await told.end())
            assert isinstance(error, GraphRejected)
            assert "width = -5 is out of range" in str(error)
            assert told.events == []
            assert backend.client is not None
            queue = await backend.client.queue()
            assert queue.running == queue.pending == (), "it was stopped on the server too"


async def test_a_200_with_a_dropped_output_that_nobody_wants_is_fine(server: Engine) -> None:
    async with connected(server.url) as backend:
        end = await run(backend, submission(extended(slow(), **one_good_one_bad()), "2"))
    assert file_of(end).node == "2"


async def test_a_refusal_knows_the_choices_that_the_server_left_out(server: Engine) -> None:
    graph = sampled(CHECKPOINT).to_api()
    graph["3"]["inputs"]["sampler_name"] = "eulr"
    async with connected(server.url) as backend:
        error = error_of(await run(backend, submission(parse_export(graph))))
    assert isinstance(error, GraphRejected)
    assert error.problems[0].nearest == "euler"
    assert "Nearest: euler" in str(error)


@pytest.mark.parametrize("fail", ["oom", "cuda_oom"])
async def test_out_of_memory(server: Engine, fail: str) -> None:
    async with connected(server.url) as backend:
        error = error_of(await run(backend, submission(slow(fail=fail))))
    assert isinstance(error, OutOfMemory)
    assert "“Slow painter”" in str(error)


async def test_a_failure_that_was_not_heard_is_read_from_history(proxy: FaultProxy) -> None:
    proxy.filters.append(faults.lose("execution_error"))
    async with connected(proxy.url) as backend:
        assert isinstance(error_of(await run(backend, submission(slow(fail="oom")))), OutOfMemory)
