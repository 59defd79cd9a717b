"""Answering interactions: the first response, the original, follow-ups.

Source: https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.support.discord import failures, payloads
from tests.support.discord.check_modals import check_choices, check_modal
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form
from tests.support.discord.interactions import MAX_FOREIGN_FOLLOWUPS, Answer, Interaction
from tests.support.discord.messages import LOADING, Message
from tests.support.discord.permissions import USE_EXTERNAL_APPS, in_channel
from tests.support.discord.posting import Wish
from tests.support.discord.server import Call, Route

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld

WEBHOOK = "/webhooks/{application}/{token}"
DATA = ("data",)


class InteractionRoutes:
    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        one = WEBHOOK + "/messages/{message}"
        original = WEBHOOK + "/messages/@original"
        callback = "/interactions/{interaction}/{token}/callback"
        table = [
            ("create_interaction_response", "POST", callback, self.respond),
            ("execute_webhook", "POST", WEBHOOK, self.follow_up),
            ("get_original_webhook_message", "GET", original, self.get),
            ("update_original_webhook_message", "PATCH", original, self.edit),
            ("delete_original_webhook_message", "DELETE", original, self.delete),
            ("get_webhook_message", "GET", one, self.get),
            ("update_webhook_message", "PATCH", one, self.edit),
            ("delete_webhook_message", "DELETE", one, self.delete),
        ]
        return [Route(*row, authorized=False) for row in table]

    # The first response

    def respond(self, call: Call) -> Json | None:
        world = self._world
        interaction = world.interactions.get(call.text("token"))
        if interaction is None or interaction.id != call.number("interaction"):
            raise failures.unknown_interaction()
        interaction.check_first(world.now())
        form = Form()
        body = form.mapping((), call.body.json)
        allowed = frozenset(each.value for each in interaction.answers())
        form.choice(("type",), body.get("type"), allowed)
        form.raise_if_any()
        answer = Answer(body["type"])
        message = self._carry_out(interaction, answer, call)
        interaction.answer = answer
        interaction.answered_at = world.now()
        interaction.answered_seen = asyncio.get_running_loop().time()
        interaction.signal.fire()
        if call.request.query.get("with_response") not in ("1", "true"):
            return None
        return self._response(interaction, answer, message)

    def _carry_out(self, interaction: Interaction, answer: Answer, call: Call) -> Message | None:
        data = (call.body.json or {}).get("data")
        form = Form(DATA)
        match answer:
            case Answer.MODAL:
                modal = check_modal(form, data)
                form.raise_if_any()
                interaction.modal = modal
            case Answer.CHOICES:
                choices = check_choices(form, data, interaction.option_type or 3)
                form.raise_if_any()
                interaction.choices = choices
            case Answer.MESSAGE | Answer.DEFERRED_MESSAGE:
                interaction.original = self._post(
                    interaction, call, loading=answer is Answer.DEFERRED_MESSAGE, prefix=DATA
                )
            case Answer.UPDATE | Answer.DEFERRED_UPDATE:
                interaction.original = self._update(interaction, answer, call)
        return interaction.original

    def _update(self, interaction: Interaction, answer: Answer, call: Call) -> Message:
        message = interaction.message
        assert message is not None
        if interaction.signal not in message.signals:
            message.signals.append(interaction.signal)
        if answer is Answer.UPDATE:
            self._world.posting.edit(message, Wish(call.body, interaction.upload_limit, DATA))
        return message

    def _response(self, interaction: Interaction, answer: Answer, message: Message | None) -> Json:
        about: Json = {"id": str(interaction.id), "type": interaction.kind.value}
        if message is not None:
            about |= {
                "response_message_id": str(message.id),
                "response_message_loading": bool(message.flags & LOADING),
                "response_message_ephemeral": message.ephemeral,
            }
        found: Json = {"interaction": about}
        if message is not None and answer in (Answer.MESSAGE, Answer.UPDATE):
            found["resource"] = {"type": answer.value, "message": payloads.message(message)}
        return found

    def _post(
        self, interaction: Interaction, call: Call, *, loading: bool = False, prefix: tuple[str, ...] = ()
    ) -> Message:
        if interaction.channel.deleted:
            raise failures.unknown_channel()
        return self._world.posting.create(
            interaction.channel,
            self._world.bot,
            Wish(call.body, interaction.upload_limit, prefix),
            interaction=interaction,
            loading=loading,
            private=self._only_private(interaction),
        )

    def _only_private(self, interaction: Interaction) -> bool:
        """An app that only the user has is made private where they may not show such apps to others."""
        guild = interaction.guild
        if guild is None or not interaction.foreign:
            return False
        member = guild.members[interaction.user.id]
        return not in_channel(interaction.channel, member) & USE_EXTERNAL_APPS

    # Later

    def _interaction(self, call: Call) -> Interaction:
        """The one that a token belongs to, if it still works."""
        if call.number("application") != self._world.application_id:
            raise failures.unknown_webhook()
        interaction = self._world.interactions.get(call.text("token"))
        if interaction is None:
            raise failures.invalid_webhook_token()
        call.headers |= self._world.limiter.take("token", call.text("token"))
        interaction.check_token(self._world.now())
        return interaction

    def _message(self, call: Call, interaction: Interaction) -> Message:
        if call.received.path.endswith("/@original"):
            message = interaction.original
        else:
            message = self._world.messages.get(call.number("message"))
        if message is None or message.deleted or not interaction.owns(message):
            raise failures.unknown_message()
        return message

    def follow_up(self, call: Call) -> Json | None:
        interaction = self._interaction(call)
        original = interaction.original
        if (
            interaction.answer is Answer.DEFERRED_MESSAGE
            and original is not None
            and original.flags & LOADING
            and not original.deleted
        ):
            # The first follow-up fills the deferred message; whether it is private was settled then. Where
            # that was deleted it is a message of its own (discord-api-docs issue 2739).
            self._world.posting.edit(original, Wish(call.body, interaction.upload_limit))
            message = original
        else:
            if (
                interaction.foreign
                and interaction.guild
                and len(interaction.followups) >= MAX_FOREIGN_FOLLOWUPS
            ):
                raise failures.too_many_followups()
            message = self._post(interaction, call)
            interaction.followups.append(message)
            interaction.signal.fire()
        if call.request.query.get("wait") not in ("1", "true"):
            return None
        return payloads.message(message)

    def get(self, call: Call) -> Json:
        return payloads.message(self._message(call, self._interaction(call)))

    def edit(self, call: Call) -> Json:
        interaction = self._interaction(call)
        message = self._message(call, interaction)
        self._world.posting.edit(message, Wish(call.body, interaction.upload_limit))
        return payloads.message(message)

    def delete(self, call: Call) -> Any:
        self._world.posting.delete(self._message(call, self._interaction(call)))
