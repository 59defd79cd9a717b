"""Queue and history seen as jobs: the data of ``/api/jobs``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sketch.history import Entry
from bot.sketch.promptqueue import Item

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")

_PICTURES = ("images", "gifs", "video", "audio", "3d")
_PREVIEW_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".gif",
    ".mp4",
    ".webm",
    ".flac",
    ".mp3",
    ".opus",
    ".txt",
)


def queued_job(item: Item, status: str) -> dict[str, Any]:
    """A job that has not ended."""
    return _without_nulls(
        {
            "id": item.prompt_id,
            "status": status,
            "priority": item.number,
            "create_time": item.extra_data.get("create_time"),
            "outputs_count": 0,
            "previewable_outputs_count": 0,
            "workflow_id": _workflow_id(item.extra_data),
        }
    )


def finished_job(entry: Entry, *, whole: bool = False) -> dict[str, Any]:
    """A job that has ended; ``whole`` adds its outputs, messages and graph."""
    number, prompt_id, graph, extra_data, _ = entry["prompt"]
    messages: dict[str, Mapping[str, Any]] = dict(entry["status"]["messages"])
    status, end = _ending(messages)
    count, previewable, preview = _outputs(entry["outputs"])
    job = {
        "id": prompt_id,
        "status": status,
        "priority": number,
        "create_time": extra_data.get("create_time"),
        "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
        "execution_end_time": end.get("timestamp"),
        "execution_error": messages.get("execution_error"),
        "outputs_count": count,
        "previewable_outputs_count": previewable,
        "preview_output": preview,
        "workflow_id": _workflow_id(extra_data),
    }
    if whole:
        job |= {
            "outputs": entry["outputs"],
            "execution_status": entry["status"],
            "workflow": {"prompt": graph, "extra_data": extra_data},
        }
    return _without_nulls(job)


def duration(job: Mapping[str, Any]) -> int:
    """Milliseconds from start to end; 0 for a job that has not both."""
    return int(job.get("execution_end_time", 0) - job.get("execution_start_time", 0))


def _ending(messages: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    if "execution_interrupted" in messages:
        return "cancelled", messages["execution_interrupted"]
    if "execution_error" in messages:
        return "failed", messages["execution_error"]
    return "completed", messages.get("execution_success", {})


def _outputs(outputs: Mapping[str, Mapping[str, Any]]) -> tuple[int, int, dict[str, Any] | None]:
    """How many files and how many of them can be shown, and the first of these, saved ones preferred."""
    count = 0
    shown: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for node_id, kinds in outputs.items():
        for kind, items in kinds.items():
            for item in items if isinstance(items, list | tuple) else ():
                about = {"nodeId": node_id, "mediaType": kind}
                if isinstance(item, Mapping) and "filename" in item:
                    count += 1
                    if kind in _PICTURES or str(item["filename"]).endswith(_PREVIEW_SUFFIXES):
                        shown.append({**item, **about})
                elif kind == "text" and isinstance(item, str):
                    texts.append({"content": item, **about})
    saved = [item for item in shown if item.get("type") == "output"]
    return count, len(shown), next(iter([*saved, *shown, *texts]), None)


def _workflow_id(extra_data: Mapping[str, Any]) -> Any:
    for key in ("extra_pnginfo", "workflow"):
        inner = extra_data.get(key)
        if not isinstance(inner, Mapping):
            return None
        extra_data = inner
    return extra_data.get("id")


def _without_nulls(job: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if value is not None}


def chosen(
    jobs: Iterable[dict[str, Any]], statuses: set[str], workflow_id: str | None
) -> list[dict[str, Any]]:
    return [
        job
        for job in jobs
        if job["status"] in statuses and (workflow_id is None or job.get("workflow_id") == workflow_id)
    ]
