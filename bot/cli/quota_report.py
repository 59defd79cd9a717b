"""The work of ``fairbrush quota``."""

from __future__ import annotations

from pathlib import Path

from bot.cli.common import load, put, put_json, say
from bot.cli.reach import Reached, reach_to_change, reach_to_look, shell_actor
from bot.cli.tables import cell
from bot.config import Settings
from bot.domain.durations import about
from bot.domain.errors import ParameterError
from bot.domain.quota import Standing, Window, left_jobs, left_seconds
from bot.domain.quota_days import local_time
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import Account, Limit, LimitChange


async def show(user: str, as_json: bool, config_file: Path | None) -> int:
    settings = load(config_file)
    async with reach_to_look(settings) as reached:
        account = await reached.desk.account(user)
    if not reached.begun:
        say(f"No bot has run with this data directory yet: {settings.data_dir}")
    _tell(account, settings, as_json)
    return 0


async def grant(user: str, seconds: str, reason: str, as_json: bool, config_file: Path | None) -> int:
    amount = _number("SECONDS", seconds)
    settings = load(config_file)
    async with reach_to_change(settings) as reached:
        account = await reached.desk.grant(user, amount, actor=shell_actor(), reason=reason)
    did = f"Granted {amount:g} GPU seconds to" if amount > 0 else f"Took {-amount:g} GPU seconds from"
    say(f"{did} {cell(account.name)} for today.{_later(reached)}")
    _tell(account, settings, as_json)
    return 0


async def set_limits(
    user: str,
    limits: tuple[str | None, str | None] | None,
    reason: str,
    as_json: bool,
    config_file: Path | None,
) -> int:
    change = (
        None if limits is None else LimitChange(_limit("--seconds", limits[0]), _limit("--jobs", limits[1]))
    )
    settings = load(config_file)
    async with reach_to_change(settings) as reached:
        account = await reached.desk.set_limits(user, change, actor=shell_actor(), reason=reason)
    whose = f"those of tier {account.tier}" if change is None else "their own"
    say(f"The limits of {cell(account.name)} are {whose} now.{_later(reached)}")
    _tell(account, settings, as_json)
    return 0


async def reset(user: str, reason: str, as_json: bool, config_file: Path | None) -> int:
    settings = load(config_file)
    async with reach_to_change(settings) as reached:
        account = await reached.desk.reset(user, actor=shell_actor(), reason=reason)
    say(f"The day of {cell(account.name)} begins anew.{_later(reached)}")
    _tell(account, settings, as_json)
    return 0


def _later(reached: Reached) -> str:
    return "" if reached.running else " (No bot runs: this was written to the database.)"


def _limit(option: str, words: str | None) -> Limit | None:
    if words is None:
        return None
    return Limit(None) if words.strip().lower() == "unlimited" else Limit(_number(option, words))


def _number(name: str, words: str) -> float:
    try:
        return float(words.replace("_", ""))
    except ValueError as error:
        raise ParameterError(
            name,
            Text("{name} “{words}” is no number. Write one like 600.", name=name, words=words)
            if name == "SECONDS"
            else Text(
                "{name} “{words}” is no number. Write one like 600, or “unlimited”.", name=name, words=words
            ),
        ) from error


def _tell(account: Account, settings: Settings, as_json: bool) -> None:
    if as_json:
        put_json(_as_json(account))
        return
    others = [identity for identity in account.person.identities if identity != account.name]
    also = f" ({', '.join(others)})" if others else ""
    put(f"{cell(account.name)}{also}, tier {account.tier}")
    if not account.known:
        put("  not seen yet: this is what will hold")
    own = " of their own" if account.person.allowance is not None else ""
    put(f"  GPU seconds  {_seconds(account.standing, own)}")
    put(f"  jobs         {_jobs(account.standing, own)}")
    if _limited(account.standing):
        put(f"  more         {_more(account.standing, settings.timezone)}")
    for note in account.notes:
        put(f"  note         {cell(note)}")


def _limited(standing: Standing) -> bool:
    return standing.allowance.gpu_seconds is not None or standing.allowance.jobs is not None


def _seconds(standing: Standing, own: str) -> str:
    use, limit, left = standing.use, standing.allowance.gpu_seconds, left_seconds(standing)
    head = "unlimited" if limit is None or left is None else f"{left:.1f} left of {limit:g}{own}"
    parts = [f"{use.settled:.1f} used"]
    for amount, what in (
        (use.reserved, "reserved"),
        (use.carried, "owed from before"),
        (use.granted, "granted"),
    ):
        if amount:
            parts.append(f"{amount:.1f} {what}")
    return f"{head}: {', '.join(parts)}"


def _jobs(standing: Standing, own: str) -> str:
    limit, left = standing.allowance.jobs, left_jobs(standing)
    head = "unlimited" if limit is None else f"{left} left of {limit}{own}"
    return f"{head}: {standing.use.jobs} used"


def _more(standing: Standing, timezone: str) -> str:
    when = f"{local_time(standing.resets_at, timezone):%Y-%m-%d %H:%M} {timezone}"
    wait = about(standing.resets_at - Clock().now())
    if standing.window is Window.ROLLING:
        return f"the first come back at {when}, in {wait}"
    return f"at {when}, in {wait}"


def _as_json(account: Account) -> dict[str, object]:
    person, standing, use = account.person, account.standing, account.standing.use
    return {
        "user": person.user,
        "name": account.name,
        "identities": list(person.identities),
        "known": account.known,
        "tier": account.tier,
        "own_limits": person.allowance is not None,
        "window": standing.window,
        "resets_at": standing.resets_at,
        "gpu_seconds": {
            "limit": standing.allowance.gpu_seconds,
            "left": left_seconds(standing),
            "settled": use.settled,
            "reserved": use.reserved,
            "granted": use.granted,
            "carried": use.carried,
        },
        "jobs": {"limit": standing.allowance.jobs, "left": left_jobs(standing), "used": use.jobs},
        "blocked_until": person.blocked_until,
        "blocked_reason": person.blocked_reason,
        "notes": [str(note) for note in account.notes],
    }
