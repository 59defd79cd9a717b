"""Posting a graph exactly once, however the answer gets lost.

A server runs the same prompt id as often as it is posted, so a POST is repeated only when it certainly
did not arrive: the connection was never made, or ``/queue`` and ``/history`` both lack the id after the
lost request has had time to settle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.comfy.client import ComfyClient, Submitted
from bot.comfy.transport import NotConnected
from bot.comfy.watch import Patience
from bot.domain.errors import BackendError, ProtocolError, ServerUnreachable
from bot.domain.ids import PromptId

log = logging.getLogger(__name__)

POST_TRIES = 3


async def submit_once(
    post: Callable[[], Awaitable[Submitted]],
    client: ComfyClient,
    prompt_id: PromptId,
    *,
    patience: Patience,
    clock: Callable[[], float],
    given_up: Callable[[], bool],
) -> Submitted | None:
    """See that the server has the graph; None when it does but its answer was lost.

    ``given_up``: whether nobody wants the run any more; then an uncertain POST is left uncertain, for
    the caller to stop. Raises BackendError when the server certainly has not taken it, or does not
    answer for ``patience.unreachable`` seconds.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return await post()
        except NotConnected:
            raise
        except (ServerUnreachable, ProtocolError) as error:
            # The answer was lost, the request never arrived, or it was a 500 for a graph that was queued
            # all the same: only the server can tell.
            log.info("answer to the POST of prompt %s: %s", prompt_id, error.cause)
            if await _arrived(client, prompt_id, error, patience, clock, given_up):
                return None
            if tries == POST_TRIES or isinstance(error, ProtocolError):
                raise


async def _arrived(
    client: ComfyClient,
    prompt_id: PromptId,
    lost: BackendError,
    patience: Patience,
    clock: Callable[[], float],
    given_up: Callable[[], bool],
) -> bool:
    """Whether the server has the prompt, asked until it is certain."""
    began = clock()
    # An answer that came, though a wrong one, leaves nothing on its way.
    settles = began + (0.0 if isinstance(lost, ProtocolError) else patience.post_settles)
    pause = patience.ask_ended
    while True:
        try:
            if prompt_id in await client.queue() or await client.history(prompt_id) is not None:
                return True
        except BackendError as error:
            wrong_server = isinstance(lost, ProtocolError) and not isinstance(error, ServerUnreachable)
            if wrong_server or clock() - began >= patience.unreachable:
                raise lost from error
            pause = patience.ask_deaf
        else:
            if clock() >= settles:
                return False
        if given_up():
            return True
        await asyncio.sleep(pause)
        pause = min(pause * 2, patience.ask_deaf)
