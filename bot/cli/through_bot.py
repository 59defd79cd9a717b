"""``fairbrush imagine`` beside a running bot: the pictures take their turn in its queue, like everybody's."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence

from bot.cli.asks import refused_lines
from bot.cli.common import INTERRUPTED, ResultsLost, message_of, say
from bot.cli.following import BUSY_SECONDS, Follower, InOrder, Tally
from bot.cli.interruption import Interruption
from bot.cli.progress import Display, display
from bot.cli.reach import shell_actor
from bot.control import ControlClient
from bot.control.failures import BotGone, Busy
from bot.domain.errors import FairbrushError, OutputError, UserError
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.presentation.flags import Ask, format_flags
from bot.service.images import InputImage
from bot.service.imagine import named_files
from bot.service.keep import Folder
from bot.service.operator import ShellAsk, SubmittedRequest

FOLLOWED = 2
"""Requests at a time: a bot answers few calls at once, and it paints in this order anyhow."""


async def paint(
    client: ControlClient,
    asks: Sequence[Ask],
    images: Mapping[str, InputImage],
    folder: Folder,
    interruption: Interruption,
    *,
    as_json: bool,
    lines: Sequence[int] = (),
) -> int:
    """Have everything painted by the bot; the exit code. ``lines``: of a file, the number of each ask's."""
    say("A bot works in this data directory: the pictures take their turn in its queue.")
    through = ThroughBot(client, folder, as_json=as_json)
    tally = through.tally
    with (
        interruption.tidied_by(folder.discard_unfinished),
        interruption.handled_by(through.stop) as interrupted,
    ):
        await through.submit(asks, images, lines)
        shown = display(tally.total)
        with interruption.tidied_by(shown.restore), shown:
            await through.watch(shown)
    if tally.total > 1:
        say(tally.summary())
    return INTERRUPTED if interrupted.is_set() else tally.exit_code


class ThroughBot:
    """The requests of one command, in the queue of a bot."""

    def __init__(self, client: ControlClient, folder: Folder, *, as_json: bool) -> None:
        self.tally = Tally()
        self._client = client
        self._folder = folder
        self._as_json = as_json
        self._requests: list[SubmittedRequest] = []
        self._stopping = False

    async def submit(
        self, asks: Sequence[Ask], images: Mapping[str, InputImage], lines: Sequence[int] = ()
    ) -> None:
        """Hand everything in. What cannot be accepted takes back what was: all or nothing."""
        for index, ask in enumerate(asks):
            if self._stopping:
                break
            try:
                accepted = await self._submit(ask, images)
            except BotGone as error:
                raise self._gone(error) from error
            except FairbrushError as error:
                if self._requests:
                    await self._cancel()
                    self.tally.note("Nothing is painted: what had been accepted of it is taken back.")
                if lines and isinstance(error, UserError):
                    raise refused_lines(Text("The file"), [(lines[index], error)]) from error
                raise
            self._requests += accepted
            self.tally.add(accepted)
        if self._stopping:
            await self._cancel()  # what was accepted since somebody wished to stop
        for note in dict.fromkeys(note for request in self._requests for note in request.notes):
            self.tally.note(str(note))

    async def stop(self) -> None:
        """Somebody does not want the rest."""
        await self._give_up("Stopping: taking the pictures out of the bot's queue.")

    async def watch(self, shown: Display) -> None:
        """Follow every picture to its end. Raises BotGone, ResultsLost and OutputError."""
        self.tally.note = shown.note
        told = InOrder(tuple(self.tally.missing))
        turns = asyncio.Semaphore(FOLLOWED)

        async def follow(request: SubmittedRequest) -> None:
            follower = Follower(
                request, self._client, self._folder, self.tally, shown, told, as_json=self._as_json
            )
            async with turns:
                await follower.follow()

        try:
            async with asyncio.TaskGroup() as tasks:
                for request in self._requests:
                    tasks.create_task(follow(request), name=f"watching {request.id}")
        except* BotGone as gone:
            raise self._gone(gone.exceptions[0]) from gone
        except* ResultsLost:
            await self._give_up("Nobody takes the results any more, so the rest is stopped.")
            raise
        except* OutputError:
            await self._give_up("The pictures cannot be kept here, so the rest is stopped.")
            raise

    async def _submit(self, ask: Ask, images: Mapping[str, InputImage]) -> tuple[SubmittedRequest, ...]:
        actor = shell_actor()
        files = {name: images[name].content for name in named_files(ask)}
        name = actor.partition(":")[2]
        asked = ShellAsk(format_flags(ask), IdentityId(actor), name, uuid.uuid4().hex, files)
        while True:
            try:
                return await self._client.submit(asked)
            except Busy:
                await asyncio.sleep(BUSY_SECONDS)

    async def _give_up(self, words: str) -> None:
        self._stopping = True
        self.tally.note(words)
        await self._cancel()

    async def _cancel(self) -> None:
        for request in self._requests:
            if self.tally.missing.keys().isdisjoint(job.id for job in request.jobs):
                continue
            try:
                await self._client.cancel(request.id, shell_actor())
            except BotGone:
                return  # it has stopped more than was asked for
            except FairbrushError as error:
                self.tally.note(message_of(error))

    def _gone(self, error: BaseException) -> BaseException:
        """What becomes of the pictures whose bot has stopped."""
        missing, total = tuple(self.tally.missing.values()), self.tally.total
        if not missing or not isinstance(error, BotGone):
            return error
        here = f"{len(missing)} of {total} pictures are" if total > 1 else "The picture is"
        waits = "It waits" if len(missing) == 1 else "They wait"
        seed = missing[0].seed
        again = "" if seed is None else f" After that the same request with --seed {seed} costs nothing."
        rest = f"{here} not here yet. {waits} in its queue, to be painted when it runs again.{again}"
        return BotGone(Text("{reason} {rest}", reason=error.text, rest=rest), cause=error.cause)
