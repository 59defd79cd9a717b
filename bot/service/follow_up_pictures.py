"""A picture of ours to begin with: found by what a button says, which may be forged or long out of date."""

from __future__ import annotations

from bot.domain.errors import FlagError, ImageRefused, NotFound, OutputError
from bot.domain.ids import JobId
from bot.domain.jobs import OPEN, JobState
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.actions import OnRequest
from bot.service.follow_up_asks import Source
from bot.service.gallery import Gallery
from bot.service.images import MAX_IMAGE_BYTES, check_image
from bot.service.records import JobRecord, RequestRecord, ResultFile
from bot.service.store import Store


async def picture_of(action: OnRequest, record: RequestRecord, store: Store, gallery: Gallery) -> Source:
    """The very file that ``action`` names. Raises NotFound, FlagError and ImageRefused."""
    job = await _job(action, record, store)
    files, _ = await store.results(job.id)
    if not files:
        raise _gone(job.id)
    if not action.file < len(files):
        raise NotFound(
            Text("{job} has no file of that number. Look at its result again.", job=job.id),
            cause=f"file {action.file} of {len(files)}",
        )
    found = files[action.file]
    _fit_to_begin_with(found)
    try:
        content = await gallery.read(found.file)
    except OutputError as error:
        raise _gone(job.id, error.cause) from error
    key = f"{job.id}.{action.file}" if action.file else job.id
    return Source(key, await check_image(content, key))


async def _job(action: OnRequest, record: RequestRecord, store: Store) -> JobRecord:
    jobs = await store.jobs_of(record.id)
    # Of a request with one picture, the whole is that picture.
    number = 1 if action.index == 0 and len(jobs) == 1 else action.index
    job = next((each for each in jobs if each.id == JobId(f"{record.id}-{number}")), None)
    if job is None:
        raise NotFound(
            Text.counted(
                "{request} has one picture; there is no picture {number}.",
                "{request} has {count} pictures; there is no picture {number}.",
                len(jobs),
                request=record.id,
                number=number,
            )
            if number
            else Text("{request} has several pictures. Choose one of them.", request=record.id)
        )
    if job.state in OPEN:
        raise NotFound(Text("{job} is not painted yet. Wait until it is there.", job=job.id))
    if job.state is not JobState.DONE:
        raise NotFound(
            Text("{job} left no picture to go on from. Try it again instead.", job=job.id),
            cause=job.state.value,
        )
    return job


def _fit_to_begin_with(found: ResultFile) -> None:
    if found.kind is not MediaKind.IMAGE:
        raise FlagError(
            Text("This is no still picture: it can be asked for again, but not varied or enlarged."),
            cause=f"{found.kind} {found.file.path}",
        )
    if found.file.size > MAX_IMAGE_BYTES:
        raise ImageRefused(
            Text(
                "This picture has {size} MB. Only pictures of up to {limit} MB can be varied or enlarged.",
                size=round(found.file.size / 1024**2, 1),
                limit=MAX_IMAGE_BYTES // 1024**2,
            )
        )


def _gone(job: JobId, cause: str = "no row") -> NotFound:
    text = Text("The picture {job} is not kept any more. Ask for it again first.", job=job)
    return NotFound(text, cause=f"{job}: {cause}")
