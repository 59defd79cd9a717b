"""How a request stands, as the card of its reply. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.jobs import OPEN, DeliveryState, JobState
from bot.domain.text import Text
from bot.presentation.card_frame import frame, rows_if_mixed
from bot.presentation.card_over import gone, over
from bot.presentation.card_situation import Job, Run, Situation
from bot.presentation.card_words import cells, coarse, eta, place, step
from bot.presentation.cards import Card, CardState, Preview, Progress


def card_of(situation: Situation) -> Card:
    """The whole state of a request's reply."""
    state = state_of(situation)
    if state is CardState.EXPIRED:
        return gone(situation)
    if state in (CardState.ACCEPTED, CardState.QUEUED):
        return _waiting(situation, state)
    if state is CardState.RUNNING:
        return _running(situation)
    return over(situation, state)


def state_of(situation: Situation) -> CardState:
    states = {job.state for job in situation.jobs}
    if states & OPEN:
        if states - {JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}:
            return CardState.RUNNING
        told = any(job.wait or job.again for job in situation.jobs)
        return CardState.QUEUED if told else CardState.ACCEPTED
    if situation.gone is not None:
        return CardState.EXPIRED
    if JobState.DONE not in states:
        return CardState.FAILED if JobState.FAILED in states else CardState.CANCELLED
    if situation.delivery in (DeliveryState.UNKNOWN, DeliveryState.KEPT):
        return CardState.KEPT
    return CardState.DONE if states == {JobState.DONE} else CardState.PARTLY


# Waiting


def _waiting(situation: Situation, state: CardState) -> Card:
    waiting = [job for job in situation.jobs if job.state is JobState.QUEUED]
    first = min((job.wait for job in waiting if job.wait), key=lambda wait: wait.place, default=None)
    again = next((job.again for job in waiting if job.again), None)
    lines: list[Text] = [again] if again else []
    if first is None:
        headline = Text.counted("Accepted", "Accepted: {count} pictures", len(situation.jobs))
        lines += [] if again else [Text("Looking for its place in line …")]
    else:
        where = place(first.place)
        if first.paused:
            headline = Text("Paused, {place}", place=where)
        elif again:
            headline = Text("In line again, {place}", place=where)
        else:
            headline = Text("In line, {place}", place=where)
        lines += [coarse(first.why), *_expected(waiting)]
    return frame(situation, state, headline, lines=tuple(lines), rows=rows_if_mixed(situation))


def _expected(waiting: Sequence[Job]) -> list[Text]:
    """When the first and the last of them are expected to be done."""
    seconds = [job.wait.seconds for job in waiting if job.wait and job.wait.seconds is not None]
    if len(seconds) < len(waiting):
        return []
    first, last = eta(min(seconds)), eta(max(seconds))
    if len(waiting) == 1:
        return [Text("Done in {eta}.", eta=first)]
    if first == last:
        return [Text("All {count} are done in {eta}.", count=len(waiting), eta=last)]
    return [
        Text(
            "The first is done in {first}, all {count} in {last}.",
            first=first,
            last=last,
            count=len(waiting),
        )
    ]


# At a server


def _running(situation: Situation) -> Card:
    jobs = situation.jobs
    begun = any(job.state is not JobState.QUEUED for job in jobs)
    at_work = [job for job in jobs if job.state in (JobState.STAGED, JobState.RUNNING)]
    lost = next((job.run.lost for job in at_work if job.run and job.run.lost), None)
    again = next((job.again for job in jobs if job.again and job.state is JobState.QUEUED), None)
    if lost is not None:
        headline = Text("Waiting for the server")
    elif len(jobs) > 1:
        done = sum(job.state is JobState.DONE for job in jobs)
        headline = Text("Painting: {done} of {count} done", done=done, count=len(jobs))
    elif any(job.state is JobState.RUNNING for job in at_work):
        headline = Text("Painting")
    else:
        headline = Text("Next at the server")
    lines = [line for line in (lost, again) if line is not None]
    if not at_work and not lines:
        lines = [coarse(job.wait.why) for job in jobs if job.wait][:1]
    previews = [
        Preview(job.id, job.run.preview) for job in at_work if job.run and job.run.preview is not None
    ]
    return frame(
        situation,
        CardState.RUNNING,
        headline,
        lines=tuple(lines),
        progress=_progress(situation, at_work) if begun else None,
        rows=rows_if_mixed(situation),
        preview=previews[-1] if previews else None,
    )


def _progress(situation: Situation, at_work: Sequence[Job]) -> Progress:
    jobs = situation.jobs
    begun = [job for job in at_work if job.run and job.run.fraction is not None]
    over = sum(job.state not in OPEN for job in jobs)
    fraction = (over + sum(job.run.fraction or 0.0 for job in begun if job.run)) / len(jobs)
    runs = [job.run for job in begun if job.run]
    where = _step(runs[0]) if len(runs) == 1 else None
    return Progress(cells(fraction) if begun or over else None, where, _until_the_end(jobs))


def _step(run: Run) -> Text | None:
    if not run.title:
        return None
    if run.steps > 1:
        now, most = step(run.step, run.steps)
        return Text("{node}, step {step} of {steps}", node=run.title, step=now, steps=most)
    return Text("{node}", node=run.title)


def _until_the_end(jobs: Sequence[Job]) -> Text | None:
    """None where nobody can say it of every open job."""
    seconds: list[float] = []
    for job in jobs:
        if job.state in OPEN:
            left = job.run.seconds if job.run else job.wait.seconds if job.wait else None
            if left is None or (job.run and job.run.lost):
                return None
            seconds.append(left)
    return Text("{eta} left", eta=eta(max(seconds))) if seconds else None
