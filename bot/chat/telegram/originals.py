"""Pictures as the files that were painted, beside the photos that Telegram makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.ids import JobId, RequestId
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_buttons import MOST_PICTURES
from bot.presentation.cards import IN_A_ROW, Button, Picture
from bot.service.nsfw import SPOILER
from bot.service.parcels.limits import Form
from bot.service.parcels.packing import ParcelFile
from bot.service.store import Store

_ORIGINAL = Text("Original")


def original_buttons(files: Sequence[ParcelFile]) -> tuple[tuple[Button, ...], ...]:
    """Telegram makes photos smaller, as JPEG; a button each brings the file itself."""
    photos = [file.picture for file in files if file.form is Form.PHOTO and file.picture is not None]
    if len(photos) > MOST_PICTURES:
        return ()
    alone = len(files) == 1
    buttons = tuple(
        Button(
            OnRequest(Verb.ORIGINAL, _request(picture.job), picture.index, picture.file),
            _ORIGINAL if alone else Text("{action} {number}", action=_ORIGINAL, number=picture.number),
            "📄",
            number=None if alone else picture.number,
        )
        for picture in photos
    )
    return tuple(buttons[start : start + IN_A_ROW] for start in range(0, len(buttons), IN_A_ROW))


async def picture_of(store: Store, action: OnRequest) -> Picture | None:
    """What the button stands for; None when it is not kept any more, or never was."""
    request = await store.request(action.request)
    if request is None or action.job is None:
        return None
    found, _ = await store.results(action.job)
    if action.file >= len(found):
        return None
    kept = found[action.file]
    return Picture(
        job=action.job,
        index=action.index,
        file=action.file,
        number=action.index,
        path=kept.file.path,
        mime=kept.file.mime,
        kind=kept.kind,
        size=kept.file.size,
        width=kept.width,
        height=kept.height,
        alt="",
        spoiler=bool(request.options.get(SPOILER)),
    )


def _request(job: JobId) -> RequestId:
    return RequestId(job.rpartition("-")[0])
