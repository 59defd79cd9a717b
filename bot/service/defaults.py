"""What people set for themselves once, so that they need not say it every time.

A default never makes a request fail: one that does not fit what was asked, or fits nothing here any more, is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from bot.domain.errors import ParameterError, TemplateNotFound
from bot.domain.ids import IdentityId, TemplateName, UserId
from bot.domain.text import Text
from bot.presentation.actions import OnSetting, mark
from bot.presentation.card_account import settings_card
from bot.presentation.cards import Card
from bot.presentation.flag_values import clip, read_size
from bot.presentation.flags import Ask
from bot.presentation.nearest import nearest
from bot.service.defaults_card import settings_of
from bot.service.defaults_merge import OFF, ON, PRIVATE, SIZE, TEMPLATE, Merged, merge
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.templates.sizes import Limits

NAMES = (TEMPLATE, SIZE, PRIVATE)

_SWITCH: Mapping[str, bool] = MappingProxyType(
    {**dict.fromkeys((ON, "yes", "true", "1"), True), **dict.fromkeys((OFF, "no", "false", "0"), False)}
)
_UNSET = frozenset(("", "-", "none", "default", "reset"))
"""What takes a default away, unless a template is called so."""


class Defaults:
    """Whoever asks in the name of a user has seen to it that it is they."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._private: frozenset[IdentityId] = frozenset()

    async def load(self) -> None:
        """At start, and when identities were linked, unlinked or erased."""
        self._private = await self._store.who_set(PRIVATE, ON)

    def private(self, identity: IdentityId) -> bool:
        """Whether they want to be answered alone, from memory: an answer may have to begin at once."""
        return identity in self._private

    async def of(self, user: UserId) -> Mapping[str, str]:
        """What is set, by the names in :data:`NAMES`."""
        found = await self._store.defaults(user)
        return {name: found[name] for name in NAMES if name in found}

    async def set(self, user: UserId, name: str, value: str | bool | None) -> None:
        """As a person says it; None, or "default", takes it away.

        Raises TemplateNotFound with the nearest names, TemplateError, FlagError and ParameterError; then
        nothing was changed.
        """
        await self._store.set_default(user, name, self._read(name, value))
        if name == PRIVATE:
            await self.load()

    async def press(self, user: UserId, action: OnSetting) -> Card:
        """What a button of :meth:`card` stands for, and the card as it is then."""
        value = action.value
        if action.name == TEMPLATE and value:
            value = self._marked(value)
        await self.set(user, action.name, value)
        return await self.card(user, owner=action.owner)

    async def card(self, user: UserId, *, owner: str) -> Card:
        """``owner``: :func:`~bot.presentation.actions.mark` of the identity that it is for."""
        return settings_card(settings_of(await self.of(user), self._shelf.library), owner=owner)

    async def merged(
        self,
        ask: Ask,
        user: UserId,
        command: str,
        *,
        max_pixels: int | None = None,
        typed: Collection[str] = (),
    ) -> Ask:
        """See :meth:`merge`."""
        merged = await self.merge(ask, user, command, max_pixels=max_pixels, typed=typed)
        return merged.ask

    async def merge(
        self,
        ask: Ask,
        user: UserId,
        command: str,
        *,
        max_pixels: int | None = None,
        typed: Collection[str] = (),
        fits: Callable[[TemplateName], bool] = lambda _: True,
    ) -> Merged:
        """``ask`` with one's defaults where it leaves things open, and what had to be left out.

        ``command``: as :func:`~bot.service.imagine.choose_template` takes it. ``max_pixels``: of the tier.
        ``typed``: names in :data:`NAMES` that were said and cannot be seen in ``ask``, as ``private: false``.
        ``fits``: which templates may be used in the place.
        """
        values = {name: value for name, value in (await self.of(user)).items() if name not in typed}
        return merge(ask, values, command, self._shelf.library, Limits(max_pixels=max_pixels), fits)

    def _read(self, name: str, value: str | bool | None) -> str | None:
        if name not in NAMES:
            raise _no_setting(name)
        word = "" if value is None else value.strip() if isinstance(value, str) else (ON if value else OFF)
        if word.casefold() in _UNSET and not self._is_template(name, word):
            return None
        return {TEMPLATE: self._read_template, SIZE: _read_size, PRIVATE: _read_private}[name](word)

    def _is_template(self, name: str, word: str) -> bool:
        return name == TEMPLATE and any(word == each.name for each in self._shelf.library.enabled())

    def _read_template(self, word: str) -> str:
        return self._shelf.library.get(word).name

    def _marked(self, wanted: str) -> str:
        for template in self._shelf.library.enabled():
            if mark(template.name) == wanted:
                return template.name
        raise TemplateNotFound(Text("That template is not here any more. Choose another one."))


def _read_size(word: str) -> str:
    return "{}x{}".format(*read_size(SIZE, word))


def _read_private(word: str) -> str | None:
    is_on = _SWITCH.get(word.casefold())
    if is_on is None:
        raise ParameterError(PRIVATE, Text("private is on or off, not “{value}”.", value=clip(word)))
    return ON if is_on else None


def _no_setting(name: str) -> ParameterError:
    close = nearest(name, NAMES)
    known = ", ".join(NAMES)
    if close is not None:
        return ParameterError(
            name,
            Text("There is no setting {name}. Did you mean {nearest}?", name=clip(name), nearest=close),
        )
    return ParameterError(
        name, Text("There is no setting {name}. There are: {names}.", name=clip(name), names=known)
    )
