"""The servers that the contract suite runs against: the embedded engine always, a real one on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.domain.ids import ClientId, PromptId
from bot.sketch import EngineSettings
from bot.templates.catalogue import Catalogue
from bot.templates.graph import Graph
from tests.support.clients import connected, tidy
from tests.support.engines import CHECKPOINT, engine
from tests.support.graphs import sampled, submission

LONG_STEPS = 400
"""Steps of a run that outlasts whatever a test does meanwhile; it is stopped in the end."""


@dataclass
class Target:
    """A server under the contract. ``checkpoint`` is None where a real server has none."""

    url: str
    checkpoint: str | None
    deadline: float

    def connected(self, **settings: object) -> AsyncIterator[ComfyBackend]:
        return connected(self.url, deadline=self.deadline, **settings)  # type: ignore[arg-type,return-value]

    def sampled(self, **settings: int) -> Graph:
        if self.checkpoint is None:
            pytest.skip("the server has no checkpoint to sample with")
        return sampled(self.checkpoint, **settings)

    def long(self) -> Graph:
        return self.sampled(steps=LONG_STEPS)


@dataclass
class Stranger:
    """Another client of the same server, seen from outside; cleans up after itself."""

    client: ComfyClient
    posted: list[PromptId]

    async def post(self, graph: Graph, client_id: str = "a-stranger") -> PromptId:
        prompt_id = submission(graph).prompt_id
        await self.client.submit(graph, prompt_id, ClientId(client_id))
        self.posted.append(prompt_id)
        return prompt_id

    async def stop(self, prompt_id: PromptId) -> None:
        await self.client.delete(prompt_id)
        await self.client.interrupt(prompt_id)

    async def until_running(self, prompt_id: PromptId) -> None:
        while prompt_id not in (await self.client.queue()).running:  # noqa: ASYNC110 - another server
            await asyncio.sleep(0.01)

    async def until_ended(self, prompt_id: PromptId) -> None:
        while await self.client.history(prompt_id) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def clean_up(self) -> None:
        """Stop what is left, and see it gone."""
        for prompt_id in self.posted:
            while prompt_id in await self.client.queue():
                await self.stop(prompt_id)
                await asyncio.sleep(0.05)


@pytest.fixture(params=["engine", pytest.param("live", marks=pytest.mark.live)])
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Target]:
    async with tidy():
        if request.param == "engine":
            async with engine(tmp_path / "engine", EngineSettings(pace=8.0)) as made:
                yield Target(made.url, CHECKPOINT, deadline=15.0)
            return
        url = request.config.getoption("--comfyui")
        async with ComfyClient(url) as client:
            catalogue = Catalogue.from_object_info(await client.object_info())
        spec = catalogue.spec("CheckpointLoaderSimple", "ckpt_name")
        named = request.config.getoption("--checkpoint")
        yield Target(url, named or next(iter(spec.choices or ()) if spec else iter(()), None), deadline=120.0)


@pytest.fixture
async def stranger(target: Target) -> AsyncIterator[Stranger]:
    async with ComfyClient(target.url) as client:
        made = Stranger(client, [])
        yield made
        await made.clean_up()
