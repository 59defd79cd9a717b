"""Carrying out on the page what follows from what people do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.chat.web.pages import Pages
from bot.chat.web.play.documents import Documents
from bot.chat.web.play.room import Message, Room
from bot.chat.web.play.screen import Place, WebScreen
from bot.chat.web.visitors import Visitor
from bot.domain.errors import FairbrushError
from bot.domain.text import Text
from bot.presentation.actions import Action, encode
from bot.presentation.card_denied import one_moment_card
from bot.presentation.cards import Card
from bot.presentation.forms import Form
from bot.service import courier
from bot.service.first_answers import First, first_answer
from bot.service.outcomes import Bring, Follow, Nothing, Open, Outcome, Remove, Tell
from bot.service.reception import refusal
from bot.service.records import RequestRecord
from bot.service.reporter import Reporter

Answer = Mapping[str, Any]
"""For the page's script: ``form`` to be opened, ``download`` to be fetched; ``done``: the line may go."""
DONE: Answer = {"done": True}


@dataclass(slots=True)
class Outcomes:
    """``now``: UTC milliseconds."""

    room: Room
    screen: WebScreen
    reporter: Reporter
    documents: Documents
    pages: Pages
    now: Callable[[], int]
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    async def carry_out(
        self, visitor: Visitor, outcome: Outcome, *, action: Action | None = None, on: str = ""
    ) -> Answer:
        """``action``: of the button that was pressed, ``on`` that message."""
        match outcome:
            case Tell():
                return await self._tell(visitor, outcome, action, on)
            case Follow(requests=requests):
                await self.follow(requests)
            case Open(form=form):
                return {"form": self._form(visitor, form)}
            case Bring(request=request, index=index, file=file) if index:
                return {"download": f"/pictures/{request}/{index}/{file}?download=1"}
            case Bring(request=request):
                place = Place(only=visitor.identity, message=self._id())
                if isinstance(await self.reporter.bring(request, place.to_text()), courier.Later):
                    self.refuse(visitor, FairbrushError(Text("That did not work. Ask for it once more.")))
            case Remove(request=request):
                self.room.remove(request)
            case Nothing():
                pass
        return DONE

    def refuse(
        self, visitor: Visitor, error: FairbrushError, action: Action | None = None, *, event: str = ""
    ) -> Answer:
        """Say why not, to whoever asked."""
        self._say(visitor, refusal(error, visitor.asker, action, event=event))
        return {"done": False}

    async def follow(self, requests: Iterable[RequestRecord]) -> None:
        """Show how they stand, until their pictures are there."""
        for request in requests:
            # Its place in the room is taken at once; how it stands is told a moment later.
            if self.room.message(request.id) is None:
                await self.screen.draw(request, one_moment_card())
            self.reporter.follow(request)

    async def _tell(self, visitor: Visitor, outcome: Tell, action: Action | None, on: str) -> Answer:
        turns = action is not None and first_answer(action) is First.TURN
        same = on if turns and self.room.own(visitor.identity, on) is not None else ""
        picture: tuple[str, str] | None = None
        if outcome.drawing is not None:
            drawn = await outcome.drawing.picture(visitor.language)
            if drawn is not None:
                picture = self.documents.put(visitor, drawn), drawn.alt
        self._say(visitor, outcome.card, same, picture)
        if outcome.document is None:
            return DONE
        return {**DONE, "download": self.documents.put(visitor, outcome.document)}

    def _say(
        self, visitor: Visitor, card: Card, same: str = "", picture: tuple[str, str] | None = None
    ) -> None:
        before = self.room.own(visitor.identity, same)
        self.room.say(
            Message(
                id=same or self._id(),
                at=self.now() if before is None else before.at,
                owner=visitor.identity,
                author="",
                card=card,
                request=card.request,
                only=visitor.identity,
                picture=picture,
                answer=True,
            )
        )

    def _form(self, visitor: Visitor, form: Form) -> str:
        return self.pages.draw(
            "play/form.html", visitor.language, form=form, action=encode(form.action), visitor=visitor
        )

    def _id(self) -> str:
        """Pages that were open before a restart must not take one answer for another."""
        return f"a-{self.now():x}-{self._numbers()}"
