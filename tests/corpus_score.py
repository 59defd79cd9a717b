"""Measure role detection against workflows whose roles are known.

``python -m tests.corpus_score PATH [--offline] [--mistakes]``, where PATH holds ``workflows/*.json``,
``roles.json`` (workflow → role → places) and ``object_info.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.templates.catalogue import Catalogue
from bot.templates.detect import detect
from bot.templates.graph import parse_export
from bot.templates.roles import Role


@dataclass(frozen=True)
class Mistake:
    workflow: str
    role: Role
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass
class Score:
    """A decision is one workflow and role where truth or answer is not empty; right is the same set."""

    right: Counter[Role] = field(default_factory=Counter)
    total: Counter[Role] = field(default_factory=Counter)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def share(self) -> float:
        return sum(self.right.values()) / max(1, sum(self.total.values()))

    def add(self, workflow: str, truth: Mapping[str, Any], found: Mapping[Role, tuple[object, ...]]) -> None:
        for role in Role:
            expected = set(truth.get(role) or ())
            answer = {str(place) for place in found.get(role, ())}
            if role in truth.get("unsure", ()) or not (expected or answer):
                continue
            self.total[role] += 1
            if expected == answer:
                self.right[role] += 1
            else:
                self.mistakes.append(
                    Mistake(
                        workflow, role, tuple(sorted(expected - answer)), tuple(sorted(answer - expected))
                    )
                )

    def lines(self) -> Iterator[str]:
        for role in Role:
            if self.total[role]:
                yield f"  {role.value:14} {self.right[role]:4} of {self.total[role]:4}"
        yield f"  {'all':14} {sum(self.right.values()):4} of {sum(self.total.values()):4} = {self.share:.4f}"


def read_catalogue(corpus: Path) -> Catalogue:
    return Catalogue.from_object_info(json.loads((corpus / "object_info.json").read_text(encoding="utf-8")))


def score(corpus: Path, catalogue: Catalogue | None, *, local_only: bool) -> Score:
    """Detect every workflow of the corpus; ``local`` ones run a sampler of their own."""
    truth = json.loads((corpus / "roles.json").read_text(encoding="utf-8"))
    result = Score()
    for name, roles in truth.items():
        if roles["local"] or not local_only:
            text = (corpus / "workflows" / f"{name}.json").read_text(encoding="utf-8")
            result.add(name, roles, detect(parse_export(json.loads(text)), catalogue).roles)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--offline", action="store_true", help="without the node catalogue")
    parser.add_argument("--mistakes", action="store_true", help="list them")
    arguments = parser.parse_args()
    catalogue = None if arguments.offline else read_catalogue(arguments.corpus)
    for local_only in (True, False):
        result = score(arguments.corpus, catalogue, local_only=local_only)
        print("local" if local_only else "all")
        print("\n".join(result.lines()))
    if arguments.mistakes:
        for mistake in result.mistakes:
            print(mistake)


if __name__ == "__main__":
    main()
