"""What may be done with a result: again, varied, enlarged, edited, looked into. Shared by all front-ends.

Whoever does it asks in their own name, through the one gate; who may is decided here, from the store, when
it is done. Every method raises FairbrushError with a message of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.domain.errors import FlagError, IsPrivate, NotYours, TemplateError, TemplateNotFound
from bot.domain.ids import RequestId, ServerName, TemplateName
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, Verb, may_press, rule_of
from bot.presentation.card_situation import Offers
from bot.presentation.cards import Card
from bot.presentation.flag_lexer import is_visible
from bot.presentation.flags import Ask
from bot.presentation.forms import Form
from bot.presentation.help_cards import made_with_card
from bot.service.acceptance import Receipt
from bot.service.again import ask_of, images_of, line_for, own_ask, reworded
from bot.service.follow_up_asks import Source, enlargement, variation
from bot.service.follow_up_forms import edit_form, edit_picture_form, filled_in
from bot.service.follow_up_pictures import picture_of
from bot.service.follow_up_settings import made_with_values, notes_of
from bot.service.follow_up_templates import (
    MODEL,
    can_repaint,
    model_of,
    repainter,
    takes_words,
    upscaler,
)
from bot.service.gate import Asker, Origin
from bot.service.images import InputImage
from bot.service.imagine import choose_template, files_of, plain_parameter
from bot.service.nsfw import inherited
from bot.service.records import RequestRecord
from bot.service.usecases import UseCases
from bot.templates.choosing import INPUT_IMAGE
from bot.templates.sizes import Limits
from bot.templates.template import Template

Receipts = tuple[Receipt, ...]
Images = Mapping[str, InputImage]
_NOTHING = Offers(upscale=False, variation=False, edit=False, reroll=False)
_NO_SERVER = ServerName("")
"""A template as all servers together have it."""
_PICTURE = "picture"
"""What a picture that was handed in is called in messages, and in the line of flags."""


LOOKING = 2
"""Pictures that are opened at a time: the largest takes 200 MB meanwhile, and 20 MB until it is put away."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    usecases: UseCases
    looking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKING))

    async def may(self, action: OnRequest, asker: Asker) -> RequestRecord:
        """The request that ``action`` is about. Raises NotFound, and NotYours for whom it is not."""
        record = await self.usecases.request(action.request, asker)
        owner = await self._is_owner(record, asker)
        if not may_press(rule_of(action), owner=owner, admin=asker.admin, private=record.private):
            raise NotYours(Text("That is somebody else's picture. You can imagine it as yourself."))
        return record

    def offers(self, request: RequestRecord) -> Offers:
        """What may be done with its result here and now. Never waits: every card that is drawn asks."""
        if not request.values:
            return _NOTHING
        templates = self.usecases.shelf.library.enabled()
        own = _named(request.template, templates)
        words = _has_words(request)
        enlarging = upscaler(templates, words=words)
        return Offers(
            # What has just been enlarged is too large for most graphics cards to be enlarged once more.
            upscale=enlarging is not None and enlarging.name != request.template,
            variation=words and can_repaint(templates),
            edit=own is not None and takes_words(own),
            reroll=own is not None and "seed" in own.parameters,
        )

    # To paint

    async def again(self, action: OnRequest, asker: Asker, origin: Origin) -> Receipts:
        """The same once more with a seed of its own, for its owner as for anybody else."""

        async def wanted() -> tuple[Ask, Images]:
            record = await self.may(action, asker)
            ask = replace(own_ask(record), seed=None)
            return ask, await images_of(record, ask, self.usecases.gallery)

        return await self._imagine(wanted, asker, origin, source=action.request)

    async def vary(self, action: OnRequest, asker: Asker, origin: Origin) -> Receipts:
        """The same words painted over the very picture that ``action`` names."""

        async def wanted() -> tuple[Ask, Images]:
            record = await self.may(action, asker)
            source = await self._source(action, record)
            if not _has_words(record):
                raise FlagError(Text("This picture was made without words, and varying it needs some."))
            own = _named(record.template, self.usecases.shelf.library.enabled())
            model = _model(record, own)
            template = self._first(asker, lambda templates: repainter(templates, own, model))
            if template is None:
                raise TemplateNotFound(
                    Text(
                        "No template here paints a picture anew from words. The operator can add one that "
                        "takes a picture and a text."
                    )
                )
            limits = await self._limits(asker)
            ask = variation(ask_of(record), template, source, own=template is own, model=model, limits=limits)
            return ask, {source.key: source.image}

        return await self._imagine(wanted, asker, origin, source=action.request)

    async def upscale(self, action: OnRequest, asker: Asker, origin: Origin) -> Receipts:
        """The very picture that ``action`` names, enlarged."""

        async def wanted() -> tuple[Ask, Images]:
            record = await self.may(action, asker)
            source = await self._source(action, record)
            words = _has_words(record)
            template = self._first(asker, lambda templates: upscaler(templates, words=words))
            if template is None:
                raise TemplateNotFound(
                    Text(
                        "No template here enlarges pictures. The operator can add one for the command "
                        "upscale."
                    )
                )
            return enlargement(ask_of(record), template, source), {source.key: source.image}

        return await self._imagine(wanted, asker, origin, source=action.request)

    async def edit_form(self, request: RequestId, asker: Asker) -> Form:
        """What it was made with, to be changed. Raises FlagError when that is too long for a form."""
        record = await self.may(OnRequest(Verb.EDIT, request), asker)
        ask = own_ask(record)
        return edit_form(request, ask, self.usecases.shelf.library.get(record.template))

    async def edited(
        self, request: RequestId, fields: Mapping[str, str], asker: Asker, origin: Origin
    ) -> Receipts:
        """The form of :meth:`edit_form` was sent off. Raises FlagError, which names the field."""

        async def wanted() -> tuple[Ask, Images]:
            record = await self.may(OnRequest(Verb.EDIT, request), asker)
            before, filled = own_ask(record), filled_in(fields)
            # What was private stays so: no field says otherwise, and it must not become public by a slip.
            private = record.private or filled.private
            ask = replace(filled, template=filled.template or record.template, private=private)
            if any(files_of(before)):
                ask = self._with_files_of(before, ask)
            return ask, await images_of(record, ask, self.usecases.gallery)

        return await self._imagine(wanted, asker, origin, source=request)

    def edit_picture_form(self, key: str, words: str = "") -> Form:
        """For a picture that was handed in under ``key``. Raises TemplateNotFound when nothing takes it."""
        return edit_picture_form(key, words, self._painter_over())

    async def edited_picture(
        self, fields: Mapping[str, str], image: InputImage, asker: Asker, origin: Origin
    ) -> Receipts:
        """The form of :meth:`edit_picture_form` was sent off, ``image`` being what it is about."""

        async def wanted() -> tuple[Ask, Images]:
            filled = filled_in(fields)
            template = filled.template or self._painter_over().name
            return replace(filled, template=template, image=_PICTURE), {_PICTURE: image}

        return await self._imagine(wanted, asker, origin)

    async def reworded(self, request: RequestId, line: str, asker: Asker, origin: Origin) -> Receipts:
        """With other words, and whatever else ``line`` says; the rest stays. Raises FlagError."""

        async def wanted() -> tuple[Ask, Images]:
            record = await self.may(OnRequest(Verb.EDIT, request), asker)
            ask = reworded(own_ask(record), line)
            return ask, await images_of(record, ask, self.usecases.gallery)

        return await self._imagine(wanted, asker, origin, source=request)

    async def picture(self, action: OnRequest, asker: Asker) -> Source:
        """The very picture that ``action`` names, for whoever may see it to begin something else with. Raises
        NotFound when it is not kept, and what :meth:`UseCases.request` does."""
        record = await self.usecases.request(action.request, asker)
        async with self.looking:
            return await self._source(action, record)

    # To look into

    async def made_with(self, request: RequestId, asker: Asker) -> Card:
        """Everything that makes the picture again. Of a private request for its owner alone. Raises NotFound
        when it is not kept any more."""
        record = await self.may(OnRequest(Verb.SETTINGS, request), asker)
        if record.private and not await self._is_owner(record, asker):
            raise IsPrivate(Text("That picture is private, and somebody else's."))
        line = line_for(record)
        jobs = await self.usecases.store.jobs_of(record.id)
        values = made_with_values(record, jobs, await self._as_it_was(record))
        title = self.usecases.shelf.title_of(record.template)
        return made_with_card(record.id, title, ask_of(record).prompt_text, values, line, notes_of(record))

    def line_for(self, request: RequestRecord) -> str:
        """A line of chat that paints the same once more. Raises NotFound when it is not kept any more."""
        return line_for(request)

    # Parts

    async def _imagine(
        self,
        wanted: Callable[[], Awaitable[tuple[Ask, Images]]],
        asker: Asker,
        origin: Origin,
        *,
        source: RequestId | None = None,
    ) -> Receipts:
        """Through the gate, and ruled as its ``source`` was. An event that comes a second time is answered as
        it was the first time, whatever has become of the picture since."""
        known = await self.usecases.store.request_of_event(origin.event)
        if known is not None and known.identity == asker.identity and known.values:
            return await self.usecases.imagine(ask_of(known), asker, origin)
        async with self.looking:
            ask, images = await wanted()
            if not self.usecases.gate.moderation.takes_time:
                return await self._accept(ask, images, asker, origin, source)
        # Whoever waits for the operator's own check keeps nobody from having a picture opened.
        return await self._accept(ask, images, asker, origin, source)

    async def _accept(
        self, ask: Ask, images: Images, asker: Asker, origin: Origin, source: RequestId | None
    ) -> Receipts:
        record = None if source is None else await self.usecases.store.request(source)
        if record is not None:
            origin = replace(origin, options={**origin.options, **inherited(record)})
        return await self.usecases.imagine(ask, asker, origin, images)

    def _first(
        self, asker: Asker, choose: Callable[[tuple[Template, ...]], Template | None]
    ) -> Template | None:
        """Of the templates that may be used in the place; else of all, and the gate says what is allowed."""
        templates = self.usecases.shelf.library.enabled()
        usable = self.usecases.gate.moderation.house.offered(templates, asker.place)
        return choose(usable) or choose(templates)

    async def _source(self, action: OnRequest, record: RequestRecord) -> Source:
        return await picture_of(action, record, self.usecases.store, self.usecases.gallery)

    async def _is_owner(self, record: RequestRecord, asker: Asker) -> bool:
        person = await self.usecases.accounts.person(asker.identity, asker.name)
        return record.user == person.user

    async def _limits(self, asker: Asker) -> Limits:
        person = await self.usecases.accounts.person(asker.identity, asker.name)
        return Limits(max_pixels=self.usecases.accounts.tier_of(person, asker.roles).max_pixels)

    def _painter_over(self) -> Template:
        library = self.usecases.shelf.library
        found = repainter(library.enabled())
        # One that can be told no strength, or that wants more: it says itself what is missing.
        return found or choose_template(library, Ask(image=_PICTURE))

    def _with_files_of(self, before: Ask, ask: Ask) -> Ask:
        """``ask`` with the pictures that ``before`` named, as far as its template has places for them."""
        parameters = self.usecases.shelf.library.get(ask.template or "").parameters
        files = {
            name: value
            for name, value in before.values.items()
            if (plain := plain_parameter(name)).startswith("input_") and plain in parameters
        }
        image = before.image if INPUT_IMAGE in parameters else None
        return replace(ask, image=image, values={**ask.values, **files})

    async def _as_it_was(self, record: RequestRecord) -> Template | None:
        shelf = self.usecases.shelf
        try:
            return await shelf.restored(record.template, record.template_hash, _NO_SERVER, shelf.merged)
        except TemplateError:
            return None


def _named(name: TemplateName, templates: tuple[Template, ...]) -> Template | None:
    return next((template for template in templates if template.name == name), None)


def _has_words(request: RequestRecord) -> bool:
    return is_visible(str(request.values.get("words", {}).get("prompt_text", "")))


def _model(request: RequestRecord, own: Template | None) -> str | None:
    """The model that painted it, as far as that is known."""
    asked = request.values.get("values", {}).get(MODEL)
    return str(asked) if asked is not None else None if own is None else model_of(own)
