"""How many websocket messages a second one core takes, and whether memory stays flat meanwhile.

Processor time counts, not wall time: the sender shares the machine. Baseline: aiohttp and json.loads.
"""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp

from bench.support import peak_mb, report, server_process
from bench.talker import MESSAGES, PROMPT_ID
from bot.comfy.client import ComfyClient
from bot.comfy.run import Phase, Run
from bot.comfy.session import Session
from bot.domain.ids import PromptId
from bot.templates.graph import parse_export

GRAPH = parse_export(
    {
        "3": {"class_type": "KSampler", "inputs": {"latent_image": ["4", 0]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {}},
    }
)


async def client_seconds(url: str) -> tuple[float, float]:
    """CPU seconds for the whole flood, and how much the peak of memory grew."""
    async with ComfyClient(url) as client:
        session = Session(client)
        run = Run(PromptId(PROMPT_ID), GRAPH)
        with session.subscribe(run) as subscription:
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(session.stay_connected())
                await session.first_try(10)
                before, start = peak_mb(), time.process_time()
                while run.phase is not Phase.ENDED:
                    await subscription.changed(10)
                    for _ in subscription.take():
                        pass
                taken = time.process_time() - start
                listener.cancel()
    return taken, peak_mb() - before


async def bare_seconds(url: str) -> float:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/ws", max_msg_size=0) as socket:
        start = time.process_time()
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                message = json.loads(frame.data)
                if message["type"] == "executing":
                    break
    return time.process_time() - start


def main() -> None:
    with server_process("bench.talker") as url:
        baseline = asyncio.run(bare_seconds(url))
        taken, growth = asyncio.run(client_seconds(url))
    rate = MESSAGES / taken
    report(
        "flood",
        ">= 5000 messages a second of one core, memory flat (< 10 MB)",
        rate >= 5000 and growth < 10,
        messages=MESSAGES,
        messages_per_cpu_second=round(rate),
        baseline_json_only_per_cpu_second=round(MESSAGES / baseline),
        peak_memory_growth_mb=round(growth, 1),
    )


if __name__ == "__main__":
    main()
