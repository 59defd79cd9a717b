"""Asking for pictures, however somebody does it: by a command, an answer, or one tap on what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.chat.telegram.asking import Asking, needs, picture_question, words_question
from bot.chat.telegram.outcomes import Outcomes
from bot.chat.telegram.pictures import Pictures, Source, as_json
from bot.chat.telegram.scenes import Scene
from bot.presentation.flags import CHAT, Ask, parse_line
from bot.presentation.specs import CommandSpec
from bot.service.handed_in import with_pictures
from bot.service.reception import Reception


@dataclass(frozen=True, slots=True)
class Painting:
    reception: Reception
    outcomes: Outcomes
    asking: Asking
    pictures: Pictures

    async def by_line(self, spec: CommandSpec, line: str, sources: Sequence[Source], scene: Scene) -> None:
        """What was typed behind a command, and the pictures that it is about; asks for what is missing.
        Raises FairbrushError."""
        words, picture = needs(spec)
        if picture and not sources and not line:
            await self.asking.ask(scene, picture_question(words=words), {"command": spec.name})
        elif words and not line:
            about = {"command": spec.name, "pictures": [as_json(source) for source in sources]}
            await self.asking.ask(scene, words_question(given=bool(sources)), about)
        else:
            await self.paint(spec.name, parse_line(line, CHAT), sources, scene)

    async def paint(self, command: str, ask: Ask, sources: Sequence[Source], scene: Scene) -> None:
        """Raises FairbrushError."""
        placed = await self.placed(scene, private=self.reception.is_private(ask, scene.asker))
        if placed is None:
            return
        library = self.reception.usecases.shelf.library
        images = await self.pictures.fetch(sources, scene.asker)
        ask = with_pictures(ask, tuple(images), library, command)
        follow = await self.reception.paint(ask, scene.asker, placed.origin(command=command), images)
        await self.outcomes.carry_out(placed, follow)

    async def placed(self, scene: Scene, *, private: bool) -> Scene | None:
        """Where the reply goes: what only they shall see goes into the chat with them, and nowhere (None) if
        the bot may not write there."""
        if not private or not scene.address.is_group:
            return replace(scene, private=private)
        return scene.alone() if await self.outcomes.reaches(scene) else None
