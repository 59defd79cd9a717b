"""Which pictures were painted by templates for adults."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from bot.store.rows import as_json

# The strictest of all results with that content: the same picture may have been asked for in several places.
KEPT_FOR_ADULTS = """
SELECT max(json_extract(q.options, '$.nsfw')) AS nsfw, max(json_extract(q.options, '$.spoiler')) AS spoiler
FROM json_each(?)
CROSS JOIN files AS f ON f.sha256 = json_each.value
CROSS JOIN results AS r ON r.file = f.path
CROSS JOIN jobs AS j ON j.place = r.job
CROSS JOIN requests AS q ON q.id = j.request
"""


def kept_for_adults(connection: sqlite3.Connection, contents: Sequence[str]) -> Mapping[str, bool]:
    row = connection.execute(KEPT_FOR_ADULTS, (as_json(list(contents)),)).fetchone()
    return {key: True for key in ("nsfw", "spoiler") if row[key]}
