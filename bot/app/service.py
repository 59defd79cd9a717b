"""The whole service in one process: store, queue, servers, recovery, and an end in good order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import secrets
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from bot.app.backends import configured_server, start_engine
from bot.app.moderation import make_moderation, open_censor
from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.comfy.watch import Patience
from bot.config import ComfyServer, Settings, tiers_of
from bot.domain.fairqueue import FairQueue
from bot.domain.ids import ClientId, IdentityId, ServerName
from bot.service import learned
from bot.service.acceptance import Acceptance, new_request_id
from bot.service.accounts import Accounts
from bot.service.admin import AdminCommands
from bot.service.attempts import Guards
from bot.service.cloakroom import Cloakroom
from bot.service.clock import Clock
from bot.service.courier import Courier, Deliverer
from bot.service.defaults import Defaults
from bot.service.dispatcher import Dispatcher
from bot.service.follow_ups import FollowUps
from bot.service.gallery import Gallery
from bot.service.gate import Gate
from bot.service.housekeeping import Housekeeping
from bot.service.imagine import Draw
from bot.service.lanes import Lanes
from bot.service.linking import Linking
from bot.service.meters import Meters
from bot.service.moderation_hook import Censor
from bot.service.notices import Notices
from bot.service.own_cards import OwnCards
from bot.service.parcels.packing import Packer
from bot.service.plain_commands import PlainCommands
from bot.service.privacy import Privacy
from bot.service.reception import Reception
from bot.service.recovery import Recovered, recover
from bot.service.runner import Runner
from bot.service.running import RunningBot
from bot.service.servers import Server
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.service.streams import Streams
from bot.service.threads import in_thread
from bot.service.usecases import UseCases
from bot.service.warden import Warden
from bot.store import locked, open_store
from bot.templates.loader import TemplateLibrary

if TYPE_CHECKING:
    from bot.sketch import EngineSettings

log = logging.getLogger(__name__)

COLLECT_AFTER = (20_000, 20, 100)
"""Objects of each generation; measured with 2,000 commands in ten seconds."""
COMMANDS_TAKE = 1.0
"""Seconds that a command at most holds the data directory of a bot that does not run."""


@dataclass(frozen=True, slots=True)
class Service:
    """A bot at work."""

    usecases: UseCases
    reception: Reception
    dispatcher: Dispatcher
    warden: Warden
    courier: Courier
    housekeeping: Housekeeping
    operator: RunningBot
    accounts: Accounts
    packer: Packer
    """One for all platforms: how much it may hold in memory is meant for the whole bot."""
    store: Store
    recovered: Recovered
    embedded: bool
    """Our own sketch engine paints: no server is configured."""
    meters: Meters
    guards: Guards
    parts: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """What runs while the bot is at work, by name."""


def accounts_of(settings: Settings, store: Store, clock: Clock) -> Accounts:
    return Accounts(
        store,
        tiers_of(settings),
        window=settings.quota.window,
        timezone=settings.timezone,
        clock=clock.now,
    )


NO_PARTS: Mapping[str, Callable[[], Awaitable[None]]] = MappingProxyType({})


@asynccontextmanager
async def open_service(
    settings: Settings,
    url: str | None = None,
    *,
    clock: Clock | None = None,
    engine: EngineSettings | None = None,
    front_ends: Callable[[Service], Mapping[str, Callable[[], Awaitable[None]]]] | None = None,
) -> AsyncIterator[Service]:
    """Open the data directory, recover what an earlier process left, and work until the body ends; then
    wind down in stages. ``front_ends`` makes what has to run beside it, by name.

    Raises AlreadyRunning, DatabaseUnusable and other ConfigErrors, OutputError and StoreUnavailable.
    """
    clock = clock or Clock()
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(settings.data_dir, patience=COMMANDS_TAKE))
        store = await stack.enter_async_context(open_store(settings.database, clock=clock.now))
        configured, embedded = await _configured(stack, settings, url, engine)
        servers = [await _connect(stack, settings, store, server) for server in configured]
        censor = await stack.enter_async_context(open_censor(settings))
        with _much_that_stays():
            service = await make_service(
                settings, store, servers, clock=clock, deliverers={}, embedded=embedded, censor=censor
            )
        store.on_trouble = service.meters.store_refused
        parts = NO_PARTS if front_ends is None else front_ends(service)
        async with at_work(service, settings.queue.shutdown_seconds, parts):
            yield service


@contextmanager
def _much_that_stays() -> Iterator[None]:
    """A hundred thousand waiting jobs are a million objects: to look through them for garbage again and again
    would take a third of the start, and hold up the event loop for a while each time later on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
    gc.freeze()
    # By default the whole heap is looked through so often that the loop stands still for a tenth of a second
    # in every flood of commands.
    gc.set_threshold(*COLLECT_AFTER)


async def make_service(
    settings: Settings,
    store: Store,
    servers: Sequence[Server],
    *,
    clock: Clock,
    deliverers: Mapping[str, Deliverer],
    embedded: bool = False,
    draw: Draw | None = None,
    censor: Censor | None = None,
) -> Service:
    """Put the parts together and recover what the store knows of; nothing is at work yet. ``censor``: asked
    about every text, if there is one."""
    meters = Meters(clock.monotonic)
    notices, streams = Notices(clock), Streams(meters)
    gallery = Gallery(settings.data_dir)
    shelf = Shelf(await in_thread(TemplateLibrary, settings.workflows_dir), store)
    await shelf.recall()
    guards = await learned.recall(store)
    lanes = Lanes(tuple(server.name for server in servers))
    virtual_time, flows = await store.flows()
    dispatcher = Dispatcher(
        store=store,
        queue=FairQueue(affinity_slack=settings.queue.affinity_slack, virtual_time=virtual_time, flows=flows),
        servers=servers,
        runner=Runner(shelf, gallery, previews=_previews(settings)),
        guards=guards,
        lanes=lanes,
        streams=streams,
        notices=notices,
        clock=clock,
    )
    recovered = await recover(store, dispatcher, lanes, gallery, clock)
    accounts = accounts_of(settings, store, clock)
    courier = Courier(store, deliverers, clock, meters)
    streams.on_request_over = courier.nudge
    gate = Gate(
        shelf=shelf,
        lanes=lanes,
        guards=guards,
        gates=dispatcher.gates,
        moderation=await make_moderation(
            settings, store, notices, clock, admins=_operators(settings), censor=censor
        ),
        clock=clock,
        draw=draw or _draw,
        mint=new_request_id,
        blocked_in=store.blocked_in,
        kept_for_adults=store.kept_for_adults,
        timezone=settings.timezone,
    )
    acceptance = Acceptance(
        store=store,
        gate=gate,
        accounts=accounts,
        dispatcher=dispatcher,
        gallery=gallery,
        shelf=shelf,
        all_waiting=settings.queue.max_waiting,
        sketching=embedded,
        meter=meters,
    )
    usecases = UseCases(
        store=store,
        gate=gate,
        accounts=accounts,
        dispatcher=dispatcher,
        gallery=gallery,
        shelf=shelf,
        acceptance=acceptance,
    )
    operator = RunningBot(usecases, dispatcher, store, streams, gallery, notices, clock, embedded)
    return Service(
        usecases=usecases,
        reception=await make_reception(settings, usecases, operator),
        dispatcher=dispatcher,
        warden=Warden(dispatcher, shelf, store, notices, clock),
        courier=courier,
        housekeeping=Housekeeping(store, gallery, clock, pictures_days=settings.retention.pictures_days),
        operator=operator,
        accounts=accounts,
        packer=Packer(gallery),
        store=store,
        recovered=recovered,
        embedded=embedded,
        meters=meters,
        guards=guards,
    )


@asynccontextmanager
async def at_work(
    service: Service, shutdown_seconds: float, parts: Mapping[str, Callable[[], Awaitable[None]]] = NO_PARTS
) -> AsyncIterator[None]:
    """Work while inside. On leaving, nothing more is begun, and what is being painted may end within
    ``shutdown_seconds``; the rest is found again by the next start. ``parts``: front-ends, by name."""
    async with asyncio.TaskGroup() as tasks:
        work = [
            tasks.create_task(service.dispatcher.run(), name="dispatcher"),
            tasks.create_task(service.warden.run(), name="warden"),
            tasks.create_task(service.courier.run(), name="courier"),
            tasks.create_task(service.housekeeping.run(), name="housekeeping"),
            *(tasks.create_task(_run(part), name=name) for name, part in parts.items()),
        ]
        service.parts.update((task.get_name(), task) for task in work)
        try:
            yield
        finally:
            if not service.dispatcher.gates.stopping:  # else whoever works here has done so
                await service.dispatcher.wind_down(shutdown_seconds)
            for task in work:
                task.cancel()


async def _run(part: Callable[[], Awaitable[None]]) -> None:
    await part()


async def make_reception(settings: Settings, usecases: UseCases, operator: RunningBot) -> Reception:
    """What people do in chats, on any platform."""
    defaults = Defaults(usecases.store, usecases.shelf)
    await defaults.load()
    follow_ups = FollowUps(usecases)
    plain = PlainCommands(
        usecases=usecases,
        cards=OwnCards(usecases),
        follow_ups=follow_ups,
        defaults=defaults,
        privacy=Privacy(
            usecases.store,
            usecases.accounts,
            usecases.gallery,
            defaults,
            usecases.gate.clock,
            pictures_days=settings.retention.pictures_days,
        ),
        admin=AdminCommands(operator, admins=_operators(settings), timezone=settings.timezone),
        linked=Linking(
            usecases.store,
            usecases.dispatcher.line,
            usecases.gate.clock,
            usecases.dispatcher.errands,
        ),
        linking=settings.discord is not None and settings.telegram is not None,
    )
    return Reception(usecases, follow_ups, defaults, plain, Cloakroom())


def _previews(settings: Settings) -> bool:
    """Whether anybody looks at unfinished pictures: to make them costs a server time."""
    chats = any(each is not None and each.previews for each in (settings.discord, settings.telegram))
    return chats or settings.web.listen is not None


def _operators(settings: Settings) -> frozenset[IdentityId]:
    found: list[str] = []
    if settings.discord is not None:
        found += [f"discord:{number}" for number in settings.discord.admin_ids]
    if settings.telegram is not None:
        found += [f"telegram:{number}" for number in settings.telegram.admin_ids]
    return frozenset(map(IdentityId, found))


async def servers_heard_of(service: Service, patience: float) -> None:
    """Wait until each server has been tried once, for at most ``patience`` seconds."""
    servers = service.dispatcher.servers.values()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for server in servers:
                await server.tried.wait()


async def _configured(
    stack: AsyncExitStack, settings: Settings, url: str | None, engine: EngineSettings | None
) -> tuple[Sequence[ComfyServer], bool]:
    chosen = configured_server(settings, url)
    if chosen is None:
        folder = settings.data_dir / "sketch"
        # The engine remembers nothing over a restart, so what it left there is of no use to anybody.
        await in_thread(shutil.rmtree, folder, ignore_errors=True)
        address = await start_engine(stack, engine, folder)
        return [ComfyServer(name="sketch", url=address)], True
    return ([chosen] if url is not None else settings.comfyui), False


async def _connect(
    stack: AsyncExitStack, settings: Settings, store: Store, configured: ComfyServer
) -> Server:
    """A server under the id by which it knew us before, so that runs of an earlier process are heard."""
    key = f"client:{configured.name}"
    client_id = await store.get(key)
    if not isinstance(client_id, str):
        client_id = uuid.uuid4().hex
        await store.put(key, client_id)
    client = ComfyClient(configured.url, headers=configured.plain_headers())
    patience = Patience(no_life=settings.queue.job_timeout)
    backend = ComfyBackend(client, name=configured.name, patience=patience, client_id=ClientId(client_id))
    await stack.enter_async_context(backend)
    return Server(ServerName(configured.name), backend, configured.url)


def _draw(low: int, high: int) -> int:
    return low + secrets.randbelow(high - low + 1)
