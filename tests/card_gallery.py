"""A fixed gallery of situations and their cards: for snapshots, and for pages that people can look at.

``python -m tests.card_gallery`` writes the snapshots anew; look at what changed before you commit it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bot.domain.durations import HOUR, about
from bot.domain.errors import NotYours, QuotaUsedUp, ServerUnreachable, StoreUnavailable, TooManyWaiting
from bot.domain.ids import JobId, RequestId, TemplateName
from bot.domain.jobs import DeliveryState, JobState
from bot.domain.outputs import MediaKind
from bot.domain.quota import Allowance, Standing, Use, Window
from bot.domain.text import Text
from bot.presentation.actions import Danger, mark
from bot.presentation.card_account import (
    Setting,
    privacy_card,
    question_card,
    quota_card,
    settings_card,
)
from bot.presentation.card_denied import busy_card, error_card, one_moment_card
from bot.presentation.card_lists import (
    OpenJob,
    Result,
    TemplateEntry,
    queue_card,
    results_card,
    templates_card,
)
from bot.presentation.card_plain import plain
from bot.presentation.card_request import card_of
from bot.presentation.card_situation import Failure, File, Gone, Job, Offers, Run, Rung, Situation, Wait
from bot.presentation.cards import Card
from bot.presentation.help_cards import (
    ParameterHelp,
    TemplateHelp,
    help_card,
    made_with_card,
    start_card,
    template_card,
)
from tests.card_gallery_admin import ADMIN_CARDS

SNAPSHOTS = Path(__file__).parent / "data" / "cards"

REQUEST = RequestId("k3v9x2m7qa")
ME = mark("discord:123")
PROMPT = "a lighthouse on a cliff at dusk, warm light, calm sea"
QUEUED, STAGED, RUNNING, DONE, FAILED, CANCELLED = JobState
NEXT = Text("You are next.")
BEHIND = Text("{pictures} pictures of {people} people come before yours.", pictures=12, people=4)
PAUSED = Text("The operator has paused the queue. Your place is kept.")
MEMORY = Failure(
    "out_of_memory",
    Text("The graphics card ran out of memory, twice. Ask for 1024 × 1024 or less."),
)
FAR = 1_800_000_000_000


def job(index: int, state: JobState, **rest: object) -> Job:
    return Job(JobId(f"{REQUEST}-{index}"), state, seed=6 + index, **rest)  # type: ignore[arg-type]


def file(name: str = "1", kind: MediaKind = MediaKind.IMAGE, **rest: object) -> File:
    values = {"mime": "image/png", "size": 1_400_000, "width": 1216, "height": 832, **rest}
    return File(f"pictures/{name}.png", kind=kind, **values)  # type: ignore[arg-type]


def done(index: int = 1, **rest: object) -> Job:
    return job(index, DONE, **{"charged": 11.4, "files": (file(str(index)),), **rest})


def of(*jobs: Job, **rest: object) -> Situation:
    whole = Situation(REQUEST, "Text to image", jobs, PROMPT, 1216, 832, offers=Offers(upscale=True))
    return replace(whole, **rest)  # type: ignore[arg-type]


def running(index: int = 1, fraction: float = 0.43, **rest: object) -> Job:
    values = {"title": "KSampler", "step": 13, "steps": 30, "seconds": 7.0, **rest}
    return job(index, RUNNING, run=Run(fraction, **values))  # type: ignore[arg-type]


def waiting(index: int = 1, place: int = 3, seconds: float | None = 41.0, **rest: object) -> Job:
    why = Text("{pictures} pictures come before yours.", pictures=place - 1)
    return job(index, QUEUED, wait=Wait(place, seconds, why), **rest)


FOUR = tuple(done(index) for index in range(1, 5))

SITUATIONS: Mapping[str, Situation] = {
    "accepted": of(job(1, QUEUED)),
    "queued": of(waiting()),
    "queued-next": of(job(1, QUEUED, wait=Wait(1, 18.0, NEXT))),
    "queued-far": of(job(1, QUEUED, wait=Wait(13, 700.0, BEHIND))),
    "queued-four": of(*(waiting(index, 2 + index, 20.0 + 15 * index) for index in range(1, 5))),
    "queued-nobody-knows": of(
        job(1, QUEUED, wait=Wait(2, None, Text("No server is at work right now: it is starting.")))
    ),
    "paused": of(job(1, QUEUED, wait=Wait(4, None, PAUSED, paused=True))),
    "staged": of(job(1, STAGED, run=Run(seconds=14.0))),
    "running-loading": of(
        job(1, RUNNING, run=Run(0.0, title="Load Checkpoint", seconds=25.0)),
    ),
    "running": of(running()),
    "running-preview": of(running(preview=3)),
    "connection-lost": of(
        running(lost=Text("The ComfyUI server does not answer. The picture is waited for."))
    ),
    "requeued": of(waiting(again=Text("The server was restarted and lost the picture. It is painted anew."))),
    "some-done-some-running": of(done(1), running(2), waiting(3), waiting(4, 5, 60.0)),
    "some-failed-some-waiting": of(job(1, FAILED, failure=MEMORY), waiting(2)),
    "done": of(done()),
    "done-notes": of(
        done(),
        notes=(Text("The size was moved to {size}, which this template can.", size="1216 × 832"),),
    ),
    "done-four": of(*FOUR),
    "done-from-earlier": of(done(kept=True, charged=0.0)),
    "done-some-from-earlier": of(done(1, kept=True, charged=0.0), done(2)),
    "done-spoiler": of(done(), spoiler=True),
    "done-private": of(done(), private=True),
    "done-text": of(job(1, DONE, texts=("a lighthouse, seen from the sea",), charged=0.8)),
    "done-video": of(
        done(files=(file("1", MediaKind.VIDEO, mime="video/mp4", size=9_000_000),)),
        offers=Offers(upscale=True, variation=False),
    ),
    "done-two-files": of(done(files=(file("1"), file("2"))), offers=Offers(upscale=True)),
    "done-no-seed": of(
        replace(done(), seed=None), offers=Offers(upscale=False, variation=False, reroll=False, edit=False)
    ),
    "done-as-webp": of(done(), rung=Rung.WEBP, limit=10 * 2**20),
    "done-as-jpeg": of(done(), rung=Rung.JPEG, limit=10 * 2**20),
    "done-smaller": of(done(), rung=Rung.SMALLER, limit=10 * 2**20),
    "done-too-large": of(done(), rung=Rung.TOO_LARGE, limit=10 * 2**20),
    "partly-done": of(done(1), job(2, FAILED, failure=MEMORY), job(3, CANCELLED, charged=4.2), done(4)),
    "failed": of(job(1, FAILED, failure=MEMORY)),
    "failed-server": of(
        job(
            1,
            FAILED,
            failure=Failure(
                "server_unreachable", Text("The ComfyUI server has not answered for 15 minutes.")
            ),
        )
    ),
    "failed-two-ways": of(
        job(1, FAILED, failure=MEMORY),
        job(2, FAILED, failure=Failure("node_failed", Text("“KSampler” failed on the ComfyUI server."))),
    ),
    "failed-unknown": of(job(1, FAILED, failure=Failure("of_the_future", Text("Something new happened.")))),
    "cancelled": of(job(1, CANCELLED)),
    "cancelled-charged": of(job(1, CANCELLED, charged=4.2)),
    "kept": of(done(), delivery=DeliveryState.KEPT),
    "unknown-whether-sent": of(done(), delivery=DeliveryState.UNKNOWN),
    "expired": of(done(files=()), gone=Gone.EXPIRED),
    "deleted": of(*(replace(one, files=()) for one in FOUR), gone=Gone.DELETED),
    "hostile-words": of(
        replace(done(), seed=7),
        prompt_text="@everyone **bold** ||spoiler|| <b>x</b> `code` \u202eesrever\u202c\n\n\n\n\n"
        "Z\u0351\u0343\u0300\u0301\u0302\u0303\u0304\u0305\u0306a\u200b\u200b\u200b\u2066 [a](https://x.invalid)",
        private=True,
    ),
}


def _open(index: int, state: JobState = QUEUED, **rest: object) -> OpenJob:
    return OpenJob(JobId(f"{REQUEST}-{index}"), state, PROMPT, "Text to image", **rest)  # type: ignore[arg-type]


def _standing(use: Use, seconds: float | None = 600.0, jobs: int | None = None, **rest: object) -> Standing:
    return Standing(Allowance(seconds, jobs), use, FAR + 7 * HOUR, **rest)  # type: ignore[arg-type]


_LINE = tuple(
    _open(index, wait=Wait(2 + index, 20.0 * index, Text("One picture comes before yours.")))
    for index in range(2, 9)
)
_TEMPLATE = TemplateHelp(
    TemplateName("flux"),
    "Flux",
    "Flux.1 dev: slow, exact, writes letters.",
    "imagine",
    (
        ParameterHelp("prompt_text", Text("text"), required=True),
        ParameterHelp("steps", Text("whole number"), "20", "1", "50"),
        ParameterHelp("sampler", Text("choice"), "euler", choices=tuple(f"sampler-{n}" for n in range(9))),
        ParameterHelp("shift", Text("number"), "1.15"),
    ),
    ("fast", "quality"),
    ("ink",),
)

OTHERS: Mapping[str, Callable[[], Card]] = {
    "one-moment": one_moment_card,
    "busy": lambda: busy_card(REQUEST),
    "my-queue": lambda: queue_card(
        (_open(1, RUNNING, run=Run(0.61, seconds=6.0)), *_LINE), owner=ME, waiting=23, people=6
    ),
    "my-queue-2": lambda: queue_card((_open(1, STAGED), *_LINE), owner=ME, page=1),
    "my-queue-empty": lambda: queue_card((), owner=ME, waiting=1, people=1),
    "my-results": lambda: results_card(
        [
            Result(RequestId(f"k3v9x2m7q{letter}"), PROMPT, "Text to image", about(number * HOUR))
            for number, letter in enumerate("abcdefg")
        ],
        owner=ME,
    ),
    "my-results-none": lambda: results_card((), owner=ME),
    "quota": lambda: quota_card(
        _standing(Use(settled=210.0, reserved=45.0, jobs=19), jobs=50), tier="default", now=FAR
    ),
    "quota-used-up": lambda: quota_card(
        _standing(
            Use(settled=590.0, reserved=10.0, granted=60.0, carried=60.0, jobs=19), window=Window.ROLLING
        ),
        tier="patron",
        now=FAR,
        linked=2,
    ),
    "quota-unlimited": lambda: quota_card(_standing(Use(settled=12.5), None), tier="default", now=FAR),
    "settings": lambda: settings_card(
        (
            Setting("template", Text("Template"), Text("{name}", name="Flux")),
            Setting(
                "size",
                Text("Shape"),
                Text("wide"),
                tuple(
                    (value, Text(label))
                    for value, label in (("1:1", "square"), ("3:2", "wide"), ("2:3", "tall"))
                ),
                "3:2",
            ),
            Setting(
                "private", Text("Private"), Text("off"), (("on", Text("on")), ("off", Text("off"))), "off"
            ),
        ),
        owner=ME,
    ),
    "privacy": lambda: privacy_card(owner=ME, pictures_days=30, requests=41, pictures=57),
    "erase-question": lambda: question_card(
        Danger.ERASE,
        Text("Your words, pictures and names are erased. It cannot be undone."),
        owner=ME,
        until=FAR // 60_000,
    ),
    "templates": lambda: templates_card(
        tuple(
            TemplateEntry(TemplateName(name), title, what, command, needs_image)
            for name, title, what, command, needs_image in (
                ("text-to-image", "Text to image", "SDXL base", "imagine", False),
                ("flux", "Flux", "slow, exact, writes letters", "imagine", False),
                ("image-to-image", "Image to image", "", "imagine", True),
                ("upscale", "Upscale", "four times as large", "upscale", True),
                ("video", "Video", "two seconds", "video", False),
                ("inpaint", "Inpaint", "", "inpaint", True),
            )
        )
    ),
    "templates-none": lambda: templates_card(()),
    "template": lambda: template_card(_TEMPLATE),
    "start": lambda: start_card("Ada"),
    "help": help_card,
    "made-with": lambda: made_with_card(
        REQUEST,
        "Text to image",
        PROMPT,
        (("seed", "7"), ("steps", "30"), ("size", "1216 × 832")),
        f"{PROMPT} --seed 7 --size 1216x832",
    ),
    "denied-quota": lambda: error_card(
        QuotaUsedUp(Text("Your GPU time for today is used up: {left} of {limit} s left.", left=3, limit=600)),
        owner=ME,
    ),
    "denied-too-many": lambda: error_card(
        TooManyWaiting(Text("You have 10 pictures in line, which is as many as you may have.")), owner=ME
    ),
    "denied-not-yours": lambda: error_card(
        NotYours(Text("{job} is somebody else's. You can cancel your own.", job=f"{REQUEST}-1")),
        owner=ME,
        theirs=REQUEST,
    ),
    "error-store": lambda: error_card(
        StoreUnavailable(Text("The bot's disk is full. Nothing was written; its operator has to make room."))
    ),
    "error-server": lambda: error_card(
        ServerUnreachable(Text("The ComfyUI server does not answer.")), job=JobId(f"{REQUEST}-1")
    ),
    **ADMIN_CARDS,
}


def gallery() -> dict[str, Card]:
    """Every card, by name."""
    return {
        **{name: card_of(situation) for name, situation in SITUATIONS.items()},
        **{name: make() for name, make in OTHERS.items()},
    }


def write() -> None:
    SNAPSHOTS.mkdir(exist_ok=True)
    cards = gallery()
    for old in SNAPSHOTS.glob("*.txt"):
        if old.stem not in cards:
            old.unlink()
    for name, card in cards.items():
        (SNAPSHOTS / f"{name}.txt").write_text(plain(card) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
