"""The one gate. Every request passes it, whichever front-end, text or button it came from:

permission -> words -> rules of the place -> bounds -> what servers can do -> the operator's own check -> cost
-> quota. Only then is anything written. That check may take seconds, so it is asked apart from the rest:
:meth:`Gate.judge`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.blocking import blocked, blocked_here
from bot.domain.errors import Blocked, NoServerCan, NotAccepting
from bot.domain.guard import quarantined, too_big
from bot.domain.ids import IdentityId, RequestId, ServerName, UserId
from bot.domain.jobs import job_id
from bot.domain.text import Text
from bot.domain.tiers import Tier
from bot.domain.work import Work
from bot.presentation.flags import Ask, require_prompt
from bot.service.attempts import Guards
from bot.service.clock import Clock
from bot.service.dispatcher import Gates
from bot.service.estimate import estimate_seconds
from bot.service.images import InputImage
from bot.service.imagine import Draw, Request, choose_template, plan
from bot.service.lanes import Lanes
from bot.service.moderation_desk import Moderation, Whose
from bot.service.moderation_texts import readable, texts_of, words_of
from bot.service.nsfw import is_nsfw, ruled
from bot.service.records import NewJob, Person, Snapshot
from bot.service.shelf import Shelf
from bot.service.threads import in_thread
from bot.templates.needs import Needs, fingerprint, model_key, needs_of, size_of
from bot.templates.sizes import Limits
from bot.templates.template import Template


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and where. ``roles`` are the platform's, in the place where it was asked (``discord:456``).

    ``admin``: one of the operators. ``place``: the guild or group (``discord:guild:123``), "" where there is
    none; ``moderator``: they look after that place, and may cancel and block in it alone.
    """

    identity: IdentityId
    name: str
    roles: frozenset[str] = frozenset()
    admin: bool = False
    place: str = ""
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, and where its answer goes. ``event`` is unique on its platform.
    ``adult``: the place is for adults alone, as its platform says."""

    platform: str
    event: str
    reply: str | None = None
    private: bool = False
    command: str = "imagine"
    adult: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that may be written down. ``options``: what the rules of its place want kept with it."""

    request: Request
    jobs: tuple[NewJob, ...]
    needs: Mapping[str, str]
    snapshot: Snapshot
    options: Mapping[str, Any] = field(default_factory=dict)


BlockedIn = Callable[[str, UserId, int], Awaitable[tuple[int | None, str] | None]]
"""Like :meth:`bot.service.store.Store.blocked_in`."""


KeptForAdults = Callable[[Sequence[str]], Awaitable[Mapping[str, bool]]]
"""Like :meth:`bot.service.store.Store.kept_for_adults`."""


async def _nothing(contents: Sequence[str]) -> Mapping[str, bool]:  # noqa: ARG001 - it answers as a store does
    return {}


async def _nobody(place: str, user: UserId, at: int) -> None:  # noqa: ARG001 - it answers as a store does
    return None


@dataclass(slots=True)
class Gate:
    """Everything but the quota, which is checked in the transaction that writes."""

    shelf: Shelf
    lanes: Lanes
    guards: Guards
    gates: Gates
    moderation: Moderation
    clock: Clock
    draw: Draw
    mint: Callable[[], RequestId]
    blocked_in: BlockedIn = _nobody
    kept_for_adults: KeptForAdults = _nothing
    timezone: str = "UTC"
    """In which people are told times."""

    async def welcome(self, asker: Asker, person: Person) -> None:
        """Raise Blocked for who may ask for nothing, in this place or anywhere."""
        now = self.clock.now()
        if (person.blocked_until or 0) > now:
            raise Blocked(blocked(person.blocked_until or 0, person.blocked_reason, self.timezone))
        if not asker.place:
            return
        block = await self.blocked_in(asker.place, person.user, now)
        if block is not None:
            raise Blocked(blocked_here(*block, self.timezone), cause=asker.place)

    async def check(
        self,
        ask: Ask,
        asker: Asker,
        person: Person,
        tier: Tier,
        origin: Origin,
        images: Mapping[str, InputImage],
    ) -> tuple[Passed, ...]:
        """The requests that ``ask`` means. Raises Denied, or another UserError, with its own message."""
        self.open_for_new()
        readable(ask)
        await self.moderation.look(tuple(texts_of(ask)), _whose(asker, person, origin))
        house, library = self.moderation.house, self.shelf.library
        template = choose_template(library, ask, origin.command, fits=house.allows(asker.place))
        house.require(template.name, asker.place, library.enabled())
        now = self.clock.now()
        if (until := self.guards.quarantine.until(template.name, now)) is not None:
            raise quarantined(template.name, until, now)
        prompt = template.parameters.get("prompt_text")
        if prompt is not None and getattr(prompt, "required", True):
            require_prompt(ask)
        nsfw = template.nsfw or is_nsfw(origin.options)
        rule = house.nsfw_in(asker.place)
        options = ruled(rule, adult=origin.adult) if nsfw else {}
        # Taken now: its files may change while the rest is looked at.
        snapshot = self.shelf.snapshot(template)
        passed = await in_thread(self._plan, ask, template, snapshot, tier, images)
        if contents := tuple({each for one in passed for each in one.request.inputs}):
            # A picture of ours that somebody hands in again is what it was.
            before = await self.kept_for_adults(contents)
            if is_nsfw(before):
                options = {**before, **ruled(rule, adult=origin.adult)}
        for one in passed:
            self._can_be_painted(one)
        return tuple(replace(one, options=options) for one in passed)

    async def judge(self, ask: Ask, asker: Asker, person: Person, origin: Origin, template: Template) -> None:
        """The operator's own check of the texts, where there is one. Takes seconds: never to be called while
        something is held that others wait for. Raises WordsBlocked and CheckUnavailable."""
        whose = _whose(asker, person, origin)
        command = origin.command
        await self.moderation.ask(words_of(ask), whose, template=template.name, command=command)

    def open_for_new(self) -> None:
        if self.gates.stopping:
            raise NotAccepting(Text("The bot is about to restart. Ask again in a minute."))
        if self.gates.draining:
            raise NotAccepting(
                Text("The operator lets the queue run empty: nothing new is taken. Ask again later.")
            )

    def _plan(
        self,
        ask: Ask,
        template: Template,
        snapshot: Snapshot,
        tier: Tier,
        images: Mapping[str, InputImage],
    ) -> tuple[Passed, ...]:
        limits = Limits(max_pixels=tier.max_pixels, max_count=tier.max_count)
        found = plan(ask, template, limits=limits, draw=self.draw, images=images)
        return tuple(self._pass(request, snapshot) for request in found)

    def _pass(self, request: Request, snapshot: Snapshot) -> Passed:
        template, request_id = request.template, self.mint()
        same_name = {reference: reference for reference in request.inputs}
        jobs: list[NewJob] = []
        needs: dict[str, str] = {}
        known: tuple[str, Needs] | None = None
        for job in request.jobs():
            graph = template.bind(job.values, same_name)
            if known is None:
                # Pictures of one request differ in their seeds alone.
                found = needs_of(graph, self.shelf.merged)
                known = (model_key(template, graph), found)
                needs[found.key] = found.to_json()
            pixels, steps = size_of(template, job.values)
            work = Work(
                template=template.name,
                model=known[0],
                pixels=pixels,
                steps=steps,
                needs=known[1].key,
                first_guess=estimate_seconds(job),
            )
            reserve = self.guards.estimates.reserve(work)
            jobs.append(
                NewJob(
                    job_id(request_id, job.index),
                    job.index,
                    job.values.seed,
                    work,
                    fingerprint(graph),
                    reserve,
                )
            )
        return Passed(request, tuple(jobs), needs, snapshot)

    def _can_be_painted(self, passed: Passed) -> None:
        for key, needs in passed.needs.items():
            self.lanes.learn(key, needs)
        now = self.clock.now()
        for job in passed.jobs:
            servers: frozenset[ServerName] = self.lanes.servers_for(job.work.needs)
            if not servers:
                raise NoServerCan(
                    Text("No server can paint this: {reason}", reason=self.lanes.why_not(job.work.needs))
                )
            ceilings = self.guards.ceilings
            if not any(ceilings.allows(server, job.work, now) for server in servers):
                worked = [ceilings.largest(server, job.work, now) or 0 for server in servers]
                raise too_big(job.work, max(worked))


def _whose(asker: Asker, person: Person, origin: Origin) -> Whose:
    return Whose(
        person,
        asker.identity,
        origin.platform,
        place=asker.place,
        moderator=asker.moderator,
        admin=asker.admin,
    )
