"""A server for benchmarks only: floods one websocket with a run's messages, and streams a large file."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

MESSAGES = 60_000
FILE_MB = 100
PROMPT_ID = "7f905a7b-552f-46db-828f-5eef80a5503d"
STEPS = 1_000
PREVIEW_EVERY = 50


def messages() -> list[str | bytes]:
    """One round: progress as servers send it (two messages a step), foreign work, a preview now and then."""
    metadata = json.dumps({"node_id": "3", "prompt_id": PROMPT_ID, "image_type": "image/jpeg"}).encode()
    frame = (
        b"\x00\x00\x00\x04" + len(metadata).to_bytes(4, "big") + metadata + b"\xff\xd8\xff" + bytes(40_000)
    )
    found: list[str | bytes] = []
    for step in range(STEPS):
        node = {"value": step, "max": STEPS, "state": "running", "node_id": "3", "display_node_id": "3"}
        data = {"prompt_id": PROMPT_ID, "nodes": {"3": node, "4": {**node, "state": "finished"}}}
        found.append(json.dumps({"type": "progress_state", "data": data}))
        progress = {"value": step, "max": STEPS, "prompt_id": PROMPT_ID, "node": "3"}
        found.append(json.dumps({"type": "progress", "data": progress}))
        found.append(json.dumps({"type": "progress", "data": {**progress, "prompt_id": "somebody else's"}}))
        if step % PREVIEW_EVERY == 0:
            found.append(frame)
    return found


async def socket(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    await response.send_str('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":1}}}}')
    round_of = messages()
    sent = 0
    while sent < MESSAGES:
        for message in round_of[: MESSAGES - sent]:
            if isinstance(message, str):
                await response.send_str(message)
            else:
                await response.send_bytes(message)
            sent += 1
    await response.send_str(json.dumps({"type": "executing", "data": {"node": None, "prompt_id": PROMPT_ID}}))
    await asyncio.sleep(60)
    return response


async def view(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
    response.content_length = FILE_MB * 1024**2
    await response.prepare(request)
    for _ in range(FILE_MB):
        await response.write(bytes(1024**2))
    return response


async def serve() -> None:
    app = web.Application()
    app.router.add_get("/ws", socket)
    app.router.add_get("/view", view)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(serve())
