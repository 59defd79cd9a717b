"""Cards of what was used, of what operators did, and of template files that changed. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.text import Text
from bot.presentation.actions import Listing
from bot.presentation.card_admin_pages import joined, name_of, page_of
from bot.presentation.card_text import one_line, shorten
from bot.presentation.card_words import gpu_seconds
from bot.presentation.cards import Card, CardState, Row

USAGE_ROWS = 15
AUDIT_ROWS = 8
FILE_ROWS = 15
_DETAIL_CHARACTERS = 160
_REASONS = 3


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """What one user, template or day used. Seconds are GPU seconds."""

    name: str
    jobs: int
    failed: int
    cancelled: int
    seconds: float


def usage_card(entries: Sequence[UsageEntry], *, by: Text, days: int) -> Card:
    """In the order given; the first :data:`USAGE_ROWS` are shown, and the sum of all."""
    jobs, seconds = sum(entry.jobs for entry in entries), sum(entry.seconds for entry in entries)
    rows = [
        Row(CardState.INFO, Text("{name}", name=name_of(entry.name)), _usage(entry))
        for entry in entries[:USAGE_ROWS]
    ]
    more = entries[USAGE_ROWS:]
    if more:
        rows.append(
            Row(
                CardState.INFO,
                Text.counted("and {count} more", "and {count} more", len(more)),
                gpu_seconds(sum(entry.seconds for entry in more)),
            )
        )
    total = Text(
        "{pictures}, {seconds} of GPU time.",
        pictures=Text.counted("{count} picture", "{count} pictures", jobs),
        seconds=gpu_seconds(seconds),
    )
    return Card(
        CardState.INFO,
        Text.counted("The last day, {by}", "The last {count} days, {by}", days, by=by),
        lines=(total if entries else Text("Nothing was asked for."),),
        rows=tuple(rows),
        notes=(Text("From the ledger, which is never rewritten."),) if entries else (),
        private=True,
    )


def _usage(entry: UsageEntry) -> Text | None:
    return joined(
        gpu_seconds(entry.seconds),
        Text.counted("{count} picture", "{count} pictures", entry.jobs),
        Text("{count} failed", count=entry.failed) if entry.failed else None,
        Text("{count} cancelled", count=entry.cancelled) if entry.cancelled else None,
    )


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an operator did. ``when`` as the operator's clock shows it."""

    when: str
    who: str
    action: str
    subject: str
    detail: Text | None = None


_DEEDS: Mapping[str, Text] = MappingProxyType(
    {
        "pause": Text("paused"),
        "resume": Text("resumed"),
        "drain": Text("drained"),
        "cancel": Text("cancelled"),
        "grant": Text("granted GPU time to"),
        "reset": Text("reset"),
        "allowance": Text("set the limits of"),
        "allowance: reason": Text("said why of the limits of"),
        "tier": Text("set the tier of"),
        "tier: reason": Text("said why of the tier of"),
        "block": Text("blocked"),
        "unblock": Text("unblocked"),
        "unblock: reason": Text("said why of unblocking"),
        "refused": Text("refused a text of"),
        "erase": Text("erased"),
        "template on": Text("enabled"),
        "template off": Text("disabled"),
        "template reload": Text("read anew"),
        "template add": Text("added"),
    }
)
"""By :attr:`~bot.service.records.AuditEntry.action`."""


def audit_card(deeds: Sequence[Deed], *, owner: str, page: int = 0) -> Card:
    """Who did what, when and why; the newest first."""
    found = page_of(deeds, page, AUDIT_ROWS)
    return Card(
        CardState.INFO,
        Text("What operators did") if deeds else Text("Nothing is in the audit log yet"),
        rows=tuple(_deed_row(deed) for _, deed in found.shown),
        notes=found.note,
        buttons=found.turn(Listing.AUDIT, owner),
        private=True,
    )


def _deed_row(deed: Deed) -> Row:
    return Row(
        CardState.INFO,
        Text(
            "{when} {who} {did} {subject}",
            when=deed.when,
            who=name_of(deed.who),
            did=words_of(deed.action),
            subject=name_of(deed.subject),
        ),
        deed.detail,
    )


def words_of(action: str) -> Text:
    """What somebody did, between who did it and to whom or what."""
    return _DEEDS.get(action) or Text("{action}", action=action)


def detail_of(words: str) -> Text | None:
    """What stands in the log beside a deed, in a line."""
    short = shorten(one_line(words), _DETAIL_CHARACTERS)
    return Text("{detail}", detail=short) if short else None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A template whose files were looked at again. ``problems``: why it cannot be used."""

    name: str
    what: Text
    problems: tuple[Text, ...] = ()


def reload_card(changes: Sequence[FileChange], *, still_broken: Sequence[FileChange], usable: int) -> Card:
    """What a look into the folder found. ``still_broken``: those that have not changed since."""
    broken = sum(bool(change.problems) for change in changes)
    listed = (*sorted(changes, key=lambda change: not change.problems), *still_broken)
    rows = [_file_row(change) for change in listed[:FILE_ROWS]]
    if (more := len(listed) - FILE_ROWS) > 0:
        rows.append(Row(CardState.INFO, Text.counted("and {count} more", "and {count} more", more)))
    lines = [Text.counted("{count} template is offered.", "{count} templates are offered.", usable)]
    if broken:
        lines.append(
            Text.counted(
                "{count} of these cannot be used; the others are not touched by it.",
                "{count} of these cannot be used; the others are not touched by it.",
                broken,
            )
        )
    return Card(
        CardState.INFO,
        Text.counted("{count} template has changed", "{count} templates have changed", len(changes))
        if changes
        else Text("Nothing has changed in the folder"),
        lines=tuple(lines),
        rows=tuple(rows),
        private=True,
    )


def _file_row(change: FileChange) -> Row:
    problems = joined(*change.problems[:_REASONS])
    return Row(
        CardState.FAILED if change.problems else CardState.DONE,
        Text("{name}: {what}", name=name_of(change.name), what=change.what),
        problems,
    )
