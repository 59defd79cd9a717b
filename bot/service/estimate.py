"""What a job will cost, guessed before it has ever been measured. Pure."""

from __future__ import annotations

from bot.service.imagine import Job
from bot.templates.values import ResolvedValues


def estimate_seconds(job: Job) -> float | None:
    """GPU seconds of one job: the template's own guess, for its usual steps and size, in proportion to
    what was asked for. None when the template gives no guess.

    Sampling takes nearly all of a picture's time, and grows with steps and pixels alike.
    """
    template, values = job.request.template, job.values
    if template.estimate_seconds is None:
        return None
    seconds = template.estimate_seconds
    usual_steps = getattr(template.parameters.get("steps"), "default", None)
    if (steps := _number(values, "steps")) and usual_steps:
        seconds *= steps / usual_steps
    width, height = _number(values, "width"), _number(values, "height")
    if template.canvas is not None and width and height:
        seconds *= width * height / template.canvas.default.pixels
    return seconds


def _number(values: ResolvedValues, name: str) -> float | None:
    value = values.values.get(name)
    return value if isinstance(value, int | float) else None
