"""Cards of what belongs to one person: their quota, their defaults, their data. PURE.

``owner`` is :func:`~bot.presentation.actions.mark` of the identity that a card is for: its buttons are not
for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.durations import about
from bot.domain.quota import Standing, Window, left_jobs, left_seconds
from bot.domain.text import Text
from bot.presentation.actions import Danger, Listing, OnPage, OnQuestion, OnSetting
from bot.presentation.card_words import cells, gpu_seconds
from bot.presentation.cards import CELLS, Button, Card, CardState, Command, Progress, Row, Style


def quota_card(standing: Standing, *, tier: str, now: int, linked: int = 1) -> Card:
    """How one stands. ``now``: UTC milliseconds; ``linked``: identities that share this quota."""
    seconds, jobs = left_seconds(standing), left_jobs(standing)
    use, limit = standing.use, standing.allowance.gpu_seconds
    lines: list[Text] = []
    progress: Progress | None = None
    if seconds is None or limit is None:
        headline = Text("Your share of the graphics card is not limited")
        lines.append(Text("Used today: {used} of GPU time.", used=gpu_seconds(use.settled)))
    else:
        headline = (
            Text("{left} of GPU time left", left=gpu_seconds(seconds))
            if seconds > 0
            else Text("Your GPU time is used up")
        )
        whole = max(limit + use.granted - use.carried, 0.0)
        taken = use.settled + use.reserved
        progress = Progress(
            CELLS if not seconds else cells(taken / whole if whole else 1.0),
            Text("{used} of {limit} used", used=gpu_seconds(taken), limit=gpu_seconds(whole)),
        )
    lines += _parts(standing)
    if jobs is not None:
        lines.append(
            Text.counted(
                "{count} more picture may be asked for.", "{count} more pictures may be asked for.", jobs
            )
        )
    notes = [_resets(standing, now), Text("Tier: {tier}.", tier=tier)]
    if linked > 1:
        notes.append(
            Text.counted(
                "Shared by {count} account of yours.", "Shared by {count} linked accounts of yours.", linked
            )
        )
    return Card(
        CardState.INFO, headline, lines=tuple(lines), progress=progress, notes=tuple(notes), private=True
    )


def _parts(standing: Standing) -> list[Text]:
    use = standing.use
    lines: list[Text] = []
    if use.reserved:
        lines.append(
            Text(
                "Set aside for what is in line: {seconds}. What is not needed comes back.",
                seconds=gpu_seconds(use.reserved),
            )
        )
    if use.granted > 0:
        lines.append(Text("Given on top by an operator: {seconds}.", seconds=gpu_seconds(use.granted)))
    if use.granted < 0:
        lines.append(Text("Taken away by an operator: {seconds}.", seconds=gpu_seconds(-use.granted)))
    if use.carried:
        lines.append(
            Text(
                "Carried over from a day that took longer than expected: {seconds}.",
                seconds=gpu_seconds(use.carried),
            )
        )
    return lines


def _resets(standing: Standing, now: int) -> Text:
    when = about(standing.resets_at - now)
    if standing.window is Window.ROLLING:
        return Text("The last 24 hours count. The oldest use falls out of them in {time}.", time=when)
    return Text("A new day begins in {time}.", time=when)


@dataclass(frozen=True, slots=True)
class Setting:
    """One of a person's defaults. ``options``: values as :class:`~bot.presentation.actions.OnSetting` has
    them, with what a button says; ``value`` as a person reads it."""

    name: str
    title: Text
    value: Text
    options: tuple[tuple[str, Text], ...] = ()
    chosen: str = ""
    void: bool = False
    """It holds no longer, as ``value`` says."""


def settings_card(settings: Sequence[Setting], *, owner: str) -> Card:
    """One's own defaults, each with the buttons to change it. Only as many as there is room for."""
    rows = tuple(
        Row(CardState.EXPIRED if setting.void else CardState.INFO, setting.title, setting.value)
        for setting in settings
    )
    buttons = tuple(
        tuple(
            Button(
                OnSetting(setting.name, value, owner),
                label,
                "✓" if value == setting.chosen else "",
                Style.PRIMARY if value == setting.chosen else Style.PLAIN,
            )
            for value, label in setting.options[:5]
        )
        for setting in settings
        if setting.options
    )
    return Card(
        CardState.INFO,
        Text("Your defaults"),
        lines=(Text("They hold wherever a command does not say otherwise."),),
        rows=rows,
        buttons=buttons[:5],
        private=True,
    )


def privacy_card(*, owner: str, pictures_days: int | None, requests: int, pictures: int) -> Card:
    """What is kept about a person, and how to have it or be rid of it. ``pictures_days`` None: for good."""
    kept = (
        Text("Pictures and their words are kept until you erase them.")
        if pictures_days is None
        else Text.counted(
            "Pictures and their words are removed after {count} day.",
            "Pictures and their words are removed after {count} days.",
            pictures_days,
        )
    )
    erase = OnPage(Listing.PRIVACY, 0, owner, "erase")
    return Card(
        CardState.INFO,
        Text("What is kept about you"),
        lines=(
            Text.counted(
                "{count} request of yours is written down.",
                "{count} requests of yours are written down.",
                requests,
            ),
            Text.counted("{count} picture is kept.", "{count} pictures are kept.", pictures),
            kept,
            Text(
                "Numbers, such as used GPU time, stay: the accounts have to add up. They stay without your "
                "name once you erase your data."
            ),
            Text("The operator can read what you ask for, and so can the server that paints it."),
        ),
        buttons=(
            (
                Button(OnPage(Listing.PRIVACY, 0, owner, "export"), Text("Send me my data"), "📄"),
                Button(erase, Text("Erase my data"), "🗑️", Style.DANGER),
            ),
        ),
        private=True,
    )


def erased_card(*, requests: int, files: int) -> Card:
    """What is gone, and what is not."""
    return Card(
        CardState.INFO,
        Text("Your data is erased"),
        lines=(
            Text.counted(
                "{count} request with its words is gone.",
                "{count} requests with their words are gone.",
                requests,
            ),
            Text.counted("{count} file is deleted.", "{count} files are deleted.", files),
            Text("Your names, your defaults and what linked your accounts are gone, too."),
        ),
        notes=(
            Text("What stays: numbers such as used GPU time, without your name."),
            Text("What you have used counts for you until the day is over; then that is forgotten as well."),
            Text("A block, or a limit that an operator gave you, stays with your account."),
            Text("What was posted in chats stays there until it is deleted there."),
        ),
        private=True,
    )


def nothing_erased_card() -> Card:
    return Card(CardState.INFO, Text("Nothing was erased"), private=True)


def data_card(*, pictures: int, left_out: int) -> Card:
    """Goes with the archive of one's data. ``left_out``: pictures for which it has no room."""
    lines = [
        Text.counted(
            "{count} picture is in the archive, and everything else that is written down about you.",
            "{count} pictures are in the archive, and everything else that is written down about you.",
            pictures,
        )
    ]
    if left_out:
        lines.append(
            Text.counted(
                "{count} more did not fit. It is named in files.json; {command} brings it.",
                "{count} more did not fit. They are named in files.json; {command} brings them.",
                left_out,
                command=Command("show"),
            )
        )
    return Card(CardState.INFO, Text("Your data"), lines=tuple(lines), private=True)


def question_card(danger: Danger, what: Text, *, owner: str, until: int, subject: str = "") -> Card:
    """Ask twice. ``what`` says what will happen; ``until``: minutes since 1970."""
    yes = OnQuestion(danger, True, until, owner, subject)
    no = OnQuestion(danger, False, until, owner, subject)
    return Card(
        CardState.QUESTION,
        Text("Are you sure?"),
        lines=(what,),
        buttons=((Button(yes, Text("Yes, do it"), style=Style.DANGER), Button(no, Text("No, leave it"))),),
        private=True,
    )
