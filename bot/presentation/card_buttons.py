"""Which buttons the card of a request gets, and in which rows. PURE."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.ids import RequestId
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb
from bot.presentation.card_failures import kind_of
from bot.presentation.card_situation import Situation
from bot.presentation.cards import IN_A_ROW, Button, Buttons, CardState, Picture, Style

MOST_PICTURES = 10
"""Beyond that, pictures have no buttons of their own: five rows of five are all that there is."""


def buttons_of(state: CardState, situation: Situation, pictures: tuple[Picture, ...] = ()) -> Buttons:
    """At most five rows of at most five. ``pictures``: what the card shows."""
    match state:
        case CardState.ACCEPTED | CardState.QUEUED | CardState.RUNNING:
            return _rows([_button(situation, Verb.CANCEL, Text("Cancel"), "⏹️", Style.DANGER)])
        case CardState.DONE | CardState.PARTLY:
            return _of_result(situation, pictures)
        case CardState.FAILED | CardState.CANCELLED:
            return _rows(_of_nothing(state, situation))
        case CardState.KEPT:
            show = _button(situation, Verb.SHOW, Text("Show"), "🖼️", Style.PRIMARY)
            return _rows([show, _delete(situation)])
        case _:
            return ()


def again_button(request: RequestId) -> Button:
    """On somebody else's request: the same in one's own name."""
    return Button(OnRequest(Verb.AGAIN, request), Text("Imagine it as me"), "🖌️", Style.PRIMARY)


def _of_result(situation: Situation, pictures: tuple[Picture, ...]) -> Buttons:
    single = len(pictures) == 1
    upscale = [
        _of_picture(situation, Verb.UPSCALE, Text("Upscale"), "🔍", picture, numbered=not single)
        for picture in pictures
        if situation.offers.upscale and picture.kind == MediaKind.IMAGE
    ]
    vary = [
        _of_picture(situation, Verb.VARIATION, Text("Vary"), "🎨", picture, numbered=not single)
        for picture in pictures
        if situation.offers.variation and picture.kind == MediaKind.IMAGE and not picture.file
    ]
    whole = [*_reroll(situation), *_edit(situation), *_details(situation), _delete(situation)]
    if single:
        return _rows([*upscale, *vary, *whole])
    if len(pictures) > MOST_PICTURES:
        return _rows(whole)
    return (*_rows(upscale), *_rows(vary), *_rows(whole))


def _of_nothing(state: CardState, situation: Situation) -> list[Button]:
    failures = [job.failure for job in situation.jobs if job.failure is not None]
    again = not failures or any(kind_of(failure.code).again for failure in failures)
    if not situation.prompt_text and situation.gone:
        return []
    label = Text("Try again") if state is CardState.FAILED else Text("Start again")
    retry = [_button(situation, Verb.REROLL, label, "🔁", Style.PRIMARY)] if again else []
    return [*retry, *_edit(situation)]


def _reroll(situation: Situation) -> list[Button]:
    if not situation.offers.reroll:
        return []
    return [_button(situation, Verb.REROLL, Text("Re-roll"), "🎲", Style.PRIMARY)]


def _edit(situation: Situation) -> list[Button]:
    return [_button(situation, Verb.EDIT, Text("Edit"), "✏️")] if situation.offers.edit else []


def _details(situation: Situation) -> list[Button]:
    return [_button(situation, Verb.SETTINGS, Text("Settings"), "ℹ️")] if situation.offers.details else []


def _delete(situation: Situation) -> Button:
    return _button(situation, Verb.DELETE, Text("Delete"), "🗑️", Style.DANGER)


def _button(situation: Situation, verb: Verb, label: Text, emoji: str, style: Style = Style.PLAIN) -> Button:
    return Button(OnRequest(verb, situation.request), label, emoji, style)


def _of_picture(
    situation: Situation, verb: Verb, label: Text, emoji: str, picture: Picture, *, numbered: bool
) -> Button:
    action = OnRequest(verb, situation.request, picture.index, picture.file)
    if not numbered:
        return Button(action, label, emoji)
    text = Text("{action} {number}", action=label, number=picture.number)
    return Button(action, text, emoji, number=picture.number)


def _rows(buttons: Iterable[Button]) -> Buttons:
    every = tuple(buttons)
    return tuple(every[start : start + IN_A_ROW] for start in range(0, len(every), IN_A_ROW))
