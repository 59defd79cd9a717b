"""What all cards of a request have in common. PURE."""

from __future__ import annotations

from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.presentation.card_buttons import buttons_of
from bot.presentation.card_situation import Job, Situation
from bot.presentation.card_words import cells, place
from bot.presentation.cards import Card, CardState, Incident, Picture, Preview, Progress, Row

MOST_ROWS = 10


def frame(
    situation: Situation,
    state: CardState,
    headline: Text,
    *,
    lines: tuple[Text, ...] = (),
    progress: Progress | None = None,
    rows: tuple[Row, ...] = (),
    pictures: tuple[Picture, ...] = (),
    preview: Preview | None = None,
    texts: tuple[str, ...] = (),
    facts: tuple[Text, ...] = (),
    notes: tuple[Text, ...] = (),
    incident: Incident | None = None,
) -> Card:
    return Card(
        state,
        headline,
        prompt_text="" if situation.gone else situation.prompt_text,
        lines=lines,
        progress=progress,
        rows=rows,
        pictures=pictures,
        preview=preview,
        texts=texts,
        facts=facts,
        notes=notes,
        incident=incident,
        buttons=buttons_of(state, situation, pictures),
        request=situation.request,
        private=situation.private,
    )


def rows_if_mixed(situation: Situation) -> tuple[Row, ...]:
    """One for each picture, as long as they do not all stand alike."""
    jobs = situation.jobs
    if len(jobs) == 1 or len({(job.state, job.failure) for job in jobs}) == 1:
        return ()
    rows = [_row(job) for job in jobs[:MOST_ROWS]]
    more = len(jobs) - MOST_ROWS
    if more > 0:
        rows.append(Row(CardState.INFO, Text.counted("and {count} more", "and {count} more", more)))
    return tuple(rows)


def _row(job: Job) -> Row:
    title = Text("Picture {number}", number=job.index)
    match job.state:
        case JobState.QUEUED:
            where = place(job.wait.place) if job.wait else None
            return Row(CardState.QUEUED, title, job.again or where or Text("in line"))
        case JobState.STAGED:
            return Row(CardState.RUNNING, title, Text("next at the server"))
        case JobState.RUNNING:
            fraction = job.run.fraction if job.run else None
            percent = None if fraction is None else cells(fraction) * 5
            shown = Text("painting") if percent is None else Text("{percent} %", percent=percent)
            return Row(CardState.RUNNING, title, shown)
        case JobState.DONE:
            seed = None if job.seed is None else Text("seed {seed}", seed=job.seed)
            return Row(CardState.DONE, title, seed)
        case JobState.FAILED:
            return Row(CardState.FAILED, title, job.failure.text if job.failure else None)
        case JobState.CANCELLED:
            return Row(CardState.CANCELLED, title, Text("cancelled"))
