"""What ``POST /prompt`` makes of a request body."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bot.sketch.files import Folders
from bot.sketch.promptqueue import Item
from bot.sketch.registry import Registry
from bot.sketch.validation import Malformed, Problem, Verdict, problem, validate

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SECRET_KEYS = ("auth_token_comfy_org", "api_key_comfy_org")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer's status and JSON; ``item`` is what to queue, if anything."""

    status: int
    body: dict[str, Any]
    item: Item | None = None


class PromptDesk:
    """Reads prompts and numbers them. The number rises with each request, rejected ones included."""

    def __init__(
        self,
        registry: Registry,
        folders: Folders,
        clock: Callable[[], int],
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._registry = registry
        self._folders = folders
        self._clock = clock
        self._new_id = new_id
        self._count = 0

    def read(self, body: Any) -> Reply:
        """Raises Malformed for what the real server answers with 500."""
        if not isinstance(body, dict | list):
            raise Malformed
        number = self._number(body if isinstance(body, dict) else {})
        if not isinstance(body, dict) or "prompt" not in body:
            return _refused(problem("no_prompt", "No prompt provided", "No prompt provided"))
        prompt_id = body.get("prompt_id")
        if prompt_id is None:
            prompt_id = self._new_id()
        elif not isinstance(prompt_id, str) or not _UUID.fullmatch(prompt_id):
            text = (
                "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let "
                "the server generate one"
            )
            return _refused(problem("invalid_prompt_id", "prompt_id must be a valid UUID", text))
        if isinstance(body.get("client_id"), dict | list):
            # The real server says 200, and the first event that it cannot address ends its process.
            text = "client_id must be a string"
            return _refused(problem("invalid_client_id", text, text))
        verdict = self._verdict(body)
        extra_data = body.get("extra_data", {})
        if not isinstance(extra_data, dict):
            raise Malformed
        if verdict.error is not None:
            return _refused(verdict.error, verdict.node_errors)
        kept = {key: value for key, value in extra_data.items() if key not in _SECRET_KEYS}
        if "client_id" in body:
            kept["client_id"] = body["client_id"]
        kept["create_time"] = self._clock()
        item = Item(number, prompt_id, body["prompt"], kept, verdict.outputs)
        answer = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
        return Reply(200, answer, item)

    def _number(self, body: dict[str, Any]) -> int | float:
        if "number" in body:
            try:
                return float(body["number"])
            except (TypeError, ValueError) as exc:
                raise Malformed from exc
        number = self._count
        self._count += 1
        return -number if body.get("front") else number

    def _verdict(self, body: dict[str, Any]) -> Verdict:
        targets = body.get("partial_execution_targets")
        if targets is not None and not isinstance(targets, list):
            raise Malformed
        return validate(body["prompt"], self._registry, self._folders, targets)


def _refused(error: Problem, node_errors: dict[str, Any] | None = None) -> Reply:
    return Reply(400, {"error": error, "node_errors": node_errors or {}})
