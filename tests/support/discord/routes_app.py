"""Who the bot is, where it is, and which commands it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.discord import failures, payloads
from tests.support.discord.failures import Json
from tests.support.discord.guilds import Guild
from tests.support.discord.server import Call, Route

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld


class AppRoutes:
    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        base = "/applications/{application}"
        return [
            *self._people(),
            *self._command_routes(base, "application"),
            *self._command_routes(base + "/guilds/{guild}", "guild_application"),
        ]

    def _people(self) -> list[Route]:
        guild = "/guilds/{guild}"
        return [
            Route("get_my_user", "GET", "/users/@me", lambda _: payloads.user(self._world.bot)),
            Route("get_user", "GET", "/users/{user}", self.user),
            Route("get_my_oauth2_application", "GET", "/oauth2/applications/@me", self.application),
            Route("get_my_application", "GET", "/applications/@me", self.application),
            Route("get_gateway", "GET", "/gateway", lambda _: {"url": self._world.gateway_url}),
            Route("get_bot_gateway", "GET", "/gateway/bot", self.gateway),
            Route("list_my_guilds", "GET", "/users/@me/guilds", self.guilds),
            Route("leave_guild", "DELETE", "/users/@me/guilds/{guild}", self.leave),
            Route("get_guild", "GET", guild, lambda call: payloads.guild(self._guild(call))),
            Route("list_guild_channels", "GET", guild + "/channels", self.channels),
            Route("get_guild_member", "GET", guild + "/members/{user}", self.member),
            Route("list_application_emojis", "GET", "/applications/{application}/emojis", self.emojis),
        ]

    def _command_routes(self, base: str, name: str) -> list[Route]:
        one = base + "/commands/{command}"
        return [
            Route(f"list_{name}_commands", "GET", base + "/commands", self.list_commands),
            Route(f"bulk_set_{name}_commands", "PUT", base + "/commands", self.overwrite),
            Route(f"create_{name}_command", "POST", base + "/commands", self.create),
            Route(f"get_{name}_command", "GET", one, self.get_command),
            Route(f"update_{name}_command", "PATCH", one, self.update),
            Route(f"delete_{name}_command", "DELETE", one, self.delete),
        ]

    # People and places

    def _guild(self, call: Call) -> Guild:
        guild = self._world.guilds.get(call.number("guild"))
        if guild is None:
            raise failures.unknown_guild()
        if not guild.has_bot:
            raise failures.missing_access()
        return guild

    def application(self, _: Call) -> Json:
        owner = payloads.user(self._world.owner)
        return {
            "id": str(self._world.application_id),
            "name": self._world.bot.name,
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "team": None,
            "owner": owner,
            "bot": payloads.user(self._world.bot),
            "rpc_origins": [],
            "integration_types_config": {"0": {}, "1": {}},
        }

    def gateway(self, _: Call) -> Json:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        limit["remaining"] -= self._world.gateway.counts["IDENTIFY"]
        return {
            "url": self._world.gateway_url,
            "shards": self._world.gateway.shards,
            "session_start_limit": limit,
        }

    def user(self, call: Call) -> Json:
        user = self._world.users.get(call.number("user"))
        if user is None:
            raise failures.unknown_user()
        return payloads.user(user)

    def guilds(self, _: Call) -> list[Json]:
        return [payloads.guild(each) for each in self._world.guilds.values() if each.has_bot]

    def leave(self, call: Call) -> None:
        self._guild(call).remove_bot()

    def channels(self, call: Call) -> list[Json]:
        return [payloads.channel(each) for each in self._guild(call).channels if not each.is_thread]

    def member(self, call: Call) -> Json:
        member = self._guild(call).members.get(call.number("user"))
        if member is None:
            raise failures.unknown_member()
        return payloads.member(member)

    def emojis(self, _: Call) -> Json:
        return {"items": []}

    # Commands

    def _scope(self, call: Call) -> int | None:
        if call.number("application") != self._world.application_id:
            raise failures.ApiError(
                403, 20012, "You are not authorized to perform this action on this application"
            )
        if "guild" not in call.request.match_info:
            call.headers |= self._world.limiter.take("commands", "")
            return None
        call.headers |= self._world.limiter.take("commands", call.text("guild"))
        return self._guild(call).id

    def list_commands(self, call: Call) -> list[Json]:
        return self._world.commands.all(self._scope(call))

    def overwrite(self, call: Call) -> list[Json]:
        return self._world.commands.overwrite(self._scope(call), call.body.json)

    def create(self, call: Call) -> Json:
        return self._world.commands.create(self._scope(call), call.body.json)

    def get_command(self, call: Call) -> Json:
        return self._world.commands.get(self._scope(call), call.number("command"))

    def update(self, call: Call) -> Json:
        return self._world.commands.update(self._scope(call), call.number("command"), call.body.json)

    def delete(self, call: Call) -> None:
        self._world.commands.delete(self._scope(call), call.number("command"))
