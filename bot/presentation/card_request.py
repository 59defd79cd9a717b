"""How a request stands, as the card of its reply. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.jobs import OPEN, DeliveryState, JobState
from bot.domain.text import Text
from bot.presentation.card_buttons import buttons_of
from bot.presentation.card_failures import kind_of
from bot.presentation.card_situation import Gone, Job, Run, Rung, Situation
from bot.presentation.card_text import shorten
from bot.presentation.card_words import cells, eta, gpu_seconds, megabytes, place, step
from bot.presentation.cards import Card, CardState, Incident, Picture, Preview, Progress, Row

MOST_ROWS = 10
ALT_CHARACTERS = 900
"""Discord allows 1024 for the description of an attachment."""


def card_of(situation: Situation) -> Card:
    """The whole state of a request's reply."""
    state = state_of(situation)
    if state is CardState.EXPIRED:
        return _gone(situation)
    if state in (CardState.ACCEPTED, CardState.QUEUED):
        return _waiting(situation, state)
    if state is CardState.RUNNING:
        return _running(situation)
    return _over(situation, state)


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
        lines += [first.why, *_expected(waiting)]
    return _card(situation, state, headline, lines=tuple(lines), rows=_rows_if_mixed(situation))


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
    over = [job for job in jobs if job.state not in OPEN]
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
        lines = [job.wait.why for job in jobs if job.wait][:1]
    previews = [
        Preview(job.id, job.run.preview) for job in at_work if job.run and job.run.preview is not None
    ]
    return _card(
        situation,
        CardState.RUNNING,
        headline,
        lines=tuple(lines),
        progress=_progress(situation, at_work) if at_work or over else None,
        rows=_rows_if_mixed(situation),
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
    return eta(max(seconds)) if seconds else None


# Over


def _over(situation: Situation, state: CardState) -> Card:
    jobs = situation.jobs
    done = [job for job in jobs if job.state is JobState.DONE]
    failed = [job for job in jobs if job.state is JobState.FAILED]
    pictures = _pictures(situation) if state is not CardState.KEPT else ()
    lines = _reasons(failed) if len(jobs) == 1 or state is CardState.FAILED else []
    if state is CardState.KEPT:
        lines = [_why_kept(situation)]
    return _card(
        situation,
        state,
        _headline(state, done, failed, len(jobs)),
        lines=tuple(lines),
        rows=_rows_if_mixed(situation),
        pictures=pictures,
        texts=tuple(text for job in done for text in job.texts) if state is not CardState.KEPT else (),
        facts=_facts(situation, done) if done else (),
        notes=(*_charges(jobs, done, failed), *_rung(situation), *situation.notes),
        incident=_incident(failed),
    )


def _headline(state: CardState, done: Sequence[Job], failed: Sequence[Job], count: int) -> Text:
    match state:
        case CardState.DONE:
            return Text.counted("Done", "Done: {count} pictures", count)
        case CardState.PARTLY:
            return Text("Done: {done} of {count} pictures", done=len(done), count=count)
        case CardState.KEPT:
            return Text.counted("Your picture is ready", "Your {count} pictures are ready", len(done))
        case CardState.FAILED:
            codes = {job.failure.code for job in failed if job.failure}
            return kind_of(codes.pop() if len(codes) == 1 else "failed").headline
        case _:
            return Text("Cancelled")


def _reasons(failed: Sequence[Job]) -> list[Text]:
    """Each different reason once."""
    return list(dict.fromkeys(job.failure.text for job in failed if job.failure))


def _why_kept(situation: Situation) -> Text:
    if situation.delivery is DeliveryState.UNKNOWN:
        return Text(
            "It was sent, but nobody knows whether it arrived: the platform's answer was lost. If you do "
            "not see it, have it shown."
        )
    return Text("It could not be shown here. It is kept, and shown where you ask for it.")


def _pictures(situation: Situation) -> tuple[Picture, ...]:
    alt = shorten(situation.prompt_text or situation.title, ALT_CHARACTERS)
    return tuple(
        Picture(
            job.id,
            job.index,
            number,
            file.path,
            file.mime,
            file.kind,
            file.size,
            file.width,
            file.height,
            alt,
            situation.spoiler,
        )
        for job in situation.jobs
        for number, file in enumerate(job.files)
    )


def _facts(situation: Situation, done: Sequence[Job]) -> tuple[Text, ...]:
    facts = [Text("{template}", template=situation.title)]
    shown = next((file for job in done for file in job.files if file.width), None)
    width, height = (shown.width, shown.height) if shown else (situation.width, situation.height)
    if width and height:
        facts.append(Text("{width} × {height}", width=width, height=height))
    seeds = [job.seed for job in done if job.seed is not None]
    if len(seeds) == 1:
        facts.append(Text("seed {seed}", seed=seeds[0]))
    elif seeds:
        facts.append(Text("seeds from {seed}", seed=seeds[0]))
    seconds = sum(job.charged or 0.0 for job in done)
    if seconds > 0:
        facts.append(gpu_seconds(seconds))
    return tuple(facts)


def _charges(jobs: Sequence[Job], done: Sequence[Job], failed: Sequence[Job]) -> list[Text]:
    notes: list[Text] = []
    kept = sum(job.kept for job in done)
    if kept:
        notes.append(
            Text("Free of charge: this very picture had been painted before.")
            if kept == len(jobs)
            else Text.counted(
                "{count} of them is free of charge: it had been painted before.",
                "{count} of them are free of charge: they had been painted before.",
                kept,
            )
        )
    faults = {kind_of(job.failure.code).fault.text for job in failed if job.failure}
    notes += [fault for fault in faults if fault is not None] if len(faults) == 1 else []
    if failed:
        notes.append(
            Text("Nothing is charged for it.")
            if len(jobs) == 1
            else Text.counted(
                "Nothing is charged for the one that failed.",
                "Nothing is charged for the {count} that failed.",
                len(failed),
            )
        )
    cancelled = [job for job in jobs if job.state is JobState.CANCELLED]
    if cancelled:
        used = sum(job.charged or 0.0 for job in cancelled)
        notes.append(
            Text("Charged for what had been painted by then: {used}.", used=gpu_seconds(used))
            if used > 0
            else Text("Nothing is charged for what was cancelled.")
        )
    return notes


def _rung(situation: Situation) -> list[Text]:
    limit = megabytes(situation.limit)
    match situation.rung:
        case Rung.ORIGINAL:
            return []
        case Rung.WEBP:
            return [Text("Sent as WebP, without loss: files may have {limit} here.", limit=limit)]
        case Rung.JPEG:
            return [Text("Sent as JPEG of high quality: files may have {limit} here.", limit=limit)]
        case Rung.SMALLER:
            return [Text("Sent smaller than it is: files may have {limit} here.", limit=limit)]
        case Rung.TOO_LARGE:
            return [Text("Too large to be shown: files may have {limit} here. It is kept.", limit=limit)]


def _incident(failed: Sequence[Job]) -> Incident | None:
    for job in failed:
        if job.failure is not None and kind_of(job.failure.code).incident:
            return Incident(job.failure.code, job.id)
    return None


# Gone


def _gone(situation: Situation) -> Card:
    count = len(situation.jobs)
    match situation.gone:
        case Gone.DELETED:
            headline = Text.counted("The picture was deleted", "The pictures were deleted", count)
            line = Text("Whoever asked for it, or an operator, wished so.")
        case Gone.ERASED:
            headline = Text("Everything about this was erased")
            line = Text("Whoever asked for it wished so.")
        case _:
            headline = Text.counted("The picture is no longer kept", "The pictures are no longer kept", count)
            line = Text("Pictures and their words are removed after some time. Ask for it anew.")
    return _card(situation, CardState.EXPIRED, headline, lines=(line,))


# Every one


def _card(
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


def _rows_if_mixed(situation: Situation) -> tuple[Row, ...]:
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
