"""The card of a request whose jobs are all over. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.jobs import DeliveryState, JobState
from bot.domain.text import Text
from bot.presentation.card_failures import kind_of
from bot.presentation.card_frame import frame, rows_if_mixed
from bot.presentation.card_situation import Gone, Job, Rung, Situation
from bot.presentation.card_text import shorten
from bot.presentation.card_words import gpu_seconds, megabytes
from bot.presentation.cards import Card, CardState, Code, Incident, Picture

ALT_CHARACTERS = 900
"""Discord allows 1024 for the description of an attachment."""


def over(situation: Situation, state: CardState) -> Card:
    jobs = situation.jobs
    done = [job for job in jobs if job.state is JobState.DONE]
    failed = [job for job in jobs if job.state is JobState.FAILED]
    pictures = _pictures(situation) if state is not CardState.KEPT else ()
    rows = rows_if_mixed(situation)
    lines = [] if rows else _reasons(failed)
    if state is CardState.KEPT:
        lines = [_why_kept(situation)]
    return frame(
        situation,
        state,
        _headline(state, done, failed, len(jobs)),
        lines=tuple(lines),
        rows=rows,
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
            if len(codes) == 1:
                return kind_of(codes.pop()).headline
            return Text.counted("That did not work", "None of the {count} pictures could be made", count)
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
    if situation.rung is Rung.TOO_LARGE and sum(len(job.files) for job in situation.jobs) == 1:
        return ()
    several = any(len(job.files) > 1 for job in situation.jobs)
    alt = shorten(situation.prompt_text or situation.title, ALT_CHARACTERS)
    found = [(job, place, file) for job in situation.jobs for place, file in enumerate(job.files)]
    return tuple(
        Picture(
            job.id,
            job.index,
            place,
            number if several else job.index,
            file.path,
            file.mime,
            file.kind,
            file.size,
            file.width,
            file.height,
            alt,
            situation.spoiler,
        )
        for number, (job, place, file) in enumerate(found, 1)
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
    # What /show, /cancel and the operator ask for.
    return (*facts, Text("{request}", request=Code(situation.request)))


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
            Text("Charged for what was cancelled, as far as it had got: {used}.", used=gpu_seconds(used))
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


def gone(situation: Situation) -> Card:
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
    return frame(situation, CardState.EXPIRED, headline, lines=(line,))
