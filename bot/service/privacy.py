"""What is kept about a person: told, handed over, erased. For that person alone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from bot.domain.errors import OutputError
from bot.domain.ids import UserId
from bot.domain.text import Text
from bot.presentation.actions import Danger, OnQuestion, mark
from bot.presentation.card_account import (
    data_card,
    erased_card,
    nothing_erased_card,
    privacy_card,
    question_card,
)
from bot.presentation.cards import Card
from bot.service.accounts import Accounts
from bot.service.archive import Archive, ArchiveMaker
from bot.service.clock import Clock
from bot.service.defaults import Defaults
from bot.service.gallery import Gallery
from bot.service.gate import Asker
from bot.service.outcomes import Document, Tell
from bot.service.records import Person
from bot.service.store import Store
from bot.service.threads import in_thread

MOST_BYTES = 8 * 1024 * 1024
"""Of an archive, where nothing else is said: what every place of both platforms takes."""
PACKING = 2
"""Archives that are made at a time: others need the processor, too."""
ASKED_FOR = 5
"""Minutes in which "are you sure?" may be answered."""
_MINUTE = 60_000


class Privacy:
    """``pictures_days``: how long pictures and words are kept; None for good."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        gallery: Gallery,
        defaults: Defaults,
        clock: Clock,
        *,
        pictures_days: int | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._gallery = gallery
        self._defaults = defaults
        self._clock = clock
        self._days = pictures_days
        self._packing = asyncio.Semaphore(PACKING)

    async def card(self, asker: Asker) -> Card:
        person = await self._person(asker)
        kept = await self._store.belongings(person.user)
        return privacy_card(
            owner=mark(asker.identity),
            pictures_days=self._days,
            requests=kept.requests,
            pictures=kept.pictures,
        )

    async def export(self, asker: Asker, *, most_bytes: int = MOST_BYTES) -> Tell:
        """A ZIP of at most ``most_bytes``: all the words, and as many pictures as fit, the newest first.

        Raises OutputError when not even the words fit.
        """
        person = await self._person(asker)
        async with self._packing:
            made = await self._archive(person.user, most_bytes)
        if made is None:
            raise OutputError(
                Text(
                    "There is more written down about you than a message can hold. Ask the operator for your "
                    "data: it is all in one place."
                ),
                cause=f"the words alone are more than {most_bytes} bytes",
            )
        card = data_card(pictures=made.packed, left_out=made.left_out)
        return Tell(card, Document("my-data.zip", "application/zip", made.content))

    async def _archive(self, user: UserId, most_bytes: int) -> Archive | None:
        maker = ArchiveMaker(self._gallery.folder, most_bytes)
        async with aclosing(self._store.export_parts(user)) as parts:
            async for some in parts:
                if not await in_thread(maker.add, some):
                    return None
        return await in_thread(maker.done)

    async def question(self, asker: Asker) -> Card:
        person = await self._person(asker)
        kept = await self._store.belongings(person.user)
        what = Text(
            "{requests} of yours with their words, {pictures}, your names, your defaults and what links your "
            "accounts are erased here. It cannot be undone.",
            requests=Text.counted("{count} request", "{count} requests", kept.requests),
            pictures=Text.counted("{count} picture", "{count} pictures", kept.pictures),
        )
        until = self._clock.now() // _MINUTE + ASKED_FOR
        return question_card(Danger.ERASE, what, owner=mark(asker.identity), until=until)

    async def answered(self, answer: OnQuestion, asker: Asker) -> Card:
        """Raises Denied while jobs are open. An answer that comes too late is asked for anew."""
        if not answer.agreed:
            return nothing_erased_card()
        if self._clock.now() // _MINUTE > answer.until:
            return await self.question(asker)
        return await self.erase(asker)

    async def erase(self, asker: Asker) -> Card:
        """Raises Denied while jobs are open."""
        person = await self._person(asker)
        kept = await self._store.belongings(person.user)
        files = await self._store.erase(person.user, actor=asker.identity, at=self._clock.now())
        await self._gallery.discard(files)
        await self._defaults.load()
        return erased_card(requests=kept.requests, files=len(files))

    async def _person(self, asker: Asker) -> Person:
        return await self._accounts.person(asker.identity, asker.name)
