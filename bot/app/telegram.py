"""Telegram, connected to the service: the parts of :mod:`bot.chat.telegram` put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bot.app.front_ends import commands_of, language_of, make_reporter
from bot.app.languages import load_languages
from bot.app.service import Service
from bot.chat.telegram.background import Background
from bot.chat.telegram.bot import Listening, TelegramBot
from bot.chat.telegram.client import TELEGRAM_SERVER, make_client
from bot.chat.telegram.door import Door
from bot.chat.telegram.file_ids import FileIds
from bot.chat.telegram.frontend import Surroundings, make_updates
from bot.chat.telegram.inbox import Inbox
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.places import Places
from bot.chat.telegram.poster import Poster
from bot.chat.telegram.scenes import PLATFORM, Rights, Scenes
from bot.chat.telegram.screen import TelegramScreen
from bot.chat.telegram.uploads import MOST_BYTES
from bot.config import Settings
from bot.config.model import Telegram
from bot.domain.throttle import telegram_policy
from bot.service.clock import Clock
from bot.service.parcels.limits import TELEGRAM, TELEGRAM_LOCAL
from bot.service.threads import in_thread

MOST_LOCAL_BYTES = 2000 * 1024 * 1024
"""What a server of one's own gives to bots."""


@dataclass(frozen=True, slots=True)
class TelegramParts:
    """What has to run, and the bot to look at."""

    bot: TelegramBot
    run: Mapping[str, Callable[[], Awaitable[None]]]


def telegram_parts(
    settings: Settings, configured: Telegram, service: Service, clock: Clock, *, hold: int | None = None
) -> TelegramParts:
    """Make the front-end, and let the courier bring results to it. To be called before the service works.
    ``hold``: seconds that Telegram holds a question for updates."""
    operator, reception = service.operator, service.reception
    languages = load_languages(settings.language)
    own_server = configured.api_base_url != TELEGRAM_SERVER
    client = make_client(
        configured.token.get_secret_value(),
        configured.api_base_url,
        told=partial(service.meters.called, PLATFORM),
    )
    token = configured.token.get_secret_value()
    poster = Poster(client, FileIds(service.store, bot=_id_in(token)), languages.default)

    places = Places(service.store.set_reply)
    screen = TelegramScreen(
        poster,
        places,
        packer=service.packer,
        offers=reception.follow_ups.offers,
        monotonic=clock.monotonic,
        language_of=language_of(languages),
        previews=configured.previews,
        limits=TELEGRAM_LOCAL if own_server else TELEGRAM,
    )
    reporter = make_reporter(service, screen, telegram_policy(configured.progress_interval), clock)

    async def member_called(chat: int, username: str) -> int | None:
        for person in await service.store.find_people(f"@{username}"):
            for identity in person.identities:
                platform, _, number = identity.partition(":")
                if platform == PLATFORM and await bot.is_called(chat, int(number), username):
                    return int(number)
        return None

    background = Background()
    door = Door(
        configured.admin_ids,
        configured.allowed_chat_ids,
        is_member=lambda chat, user: bot.is_member(chat, user),
        remember=service.store,
    )
    updates = make_updates(
        reception,
        Outcomes(
            poster_in=lambda code: poster.speaking(languages.of(code)),
            screen=screen,
            reporter=reporter,
            store=service.store,
            background=background,
            username=lambda: bot.username,
        ),
        Surroundings(
            client=client,
            clock=clock,
            door=door,
            scenes=Scenes(frozenset(configured.admin_ids), languages),
            rights=Rights(
                configured.group_admins, lambda chat, user: bot.looks_after(chat, user), find=member_called
            ),
            offered=lambda: bot.offered(),
            username=lambda: bot.username,
            reads_all=lambda: bot.reads_all,
            tell=operator.notices.tell,
            most_bytes=MOST_LOCAL_BYTES if own_server else MOST_BYTES,
        ),
    )

    async def run() -> None:
        await door.load()
        await updates.messages.questions.prune(clock.now())
        await bot.run()

    bot = TelegramBot(
        client,
        Inbox(service.store, updates.handle, seen=updates.seen, now=clock.now, sleep=clock.sleep),
        background,
        commands=lambda: in_thread(commands_of, settings, service),
        languages={"": languages.default, **{each.code: each for each in languages.known}},
        admins=tuple(configured.admin_ids),
        remember=service.store,
        notices=operator.notices,
        clock=clock,
        listening=_listening(configured),
        hold=hold,
    )
    service.usecases.shelf.watch(bot.offer_changed)
    return TelegramParts(bot, {"telegram": run, "telegram cards": reporter.run})


def _id_in(token: str) -> int:
    """A token begins with its bot's id; 0 for what is no token, which Telegram will say."""
    number, _, _ = token.partition(":")
    return int(number) if number.isdecimal() else 0


def _listening(configured: Telegram) -> Listening | None:
    webhook = configured.webhook
    if webhook is None or not webhook.url:
        return None
    return Listening(
        webhook.url, webhook.listen.host, webhook.listen.port, webhook.secret_token.get_secret_value()
    )
