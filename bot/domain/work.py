"""What a job is to the machine: all that queue, estimates and guard need to know of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ids import TemplateName


@dataclass(frozen=True, slots=True)
class Work:
    """The cost-relevant side of one job, without anything that a person wrote.

    ``model`` is the key of the model files that it loads ("" when none is known): jobs with the same
    key need no swap between them. ``needs`` is the key of the node classes and files that a server must
    have. ``first_guess``: the sidecar's GPU seconds for this size and these steps.
    """

    template: TemplateName
    model: str
    pixels: int
    """Of one picture; 0 where the template has no size."""
    steps: int
    """0 where the template has none."""
    needs: str
    first_guess: float | None = None

    @property
    def units(self) -> float:
        """What GPU seconds grow with: pixels times steps; 1 where neither is known."""
        return float((self.pixels or 1) * (self.steps or 1))
