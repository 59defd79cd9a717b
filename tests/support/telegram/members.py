"""Users, and their standing in chats: who is there, with which rights.

Source: https://core.telegram.org/bots/api#chatmember
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.telegram.failures import Json

OWNER, ADMIN, MEMBER, RESTRICTED, LEFT, KICKED = (
    "creator",
    "administrator",
    "member",
    "restricted",
    "left",
    "kicked",
)
PRESENT = frozenset({OWNER, ADMIN, MEMBER, RESTRICTED})

RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
CHANNEL_RIGHTS = ("can_post_messages", "can_edit_messages")
PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


@dataclass(eq=False)
class User:
    id: int
    first_name: str
    username: str | None = None
    language: str | None = None
    bot: bool = False

    def json(self) -> Json:
        found: Json = {"id": self.id, "is_bot": self.bot, "first_name": self.first_name}
        optional = {"username": self.username, "language_code": self.language}
        return found | {key: value for key, value in optional.items() if value}


STRANGER = User(777000, "Telegram", "telegram")
"""Who does what nobody else is there to do."""


@dataclass(eq=False)
class Member:
    """``denied``: permissions taken from someone restricted, or rights that an administrator lacks."""

    user: User
    status: str = MEMBER
    anonymous: bool = False
    denied: frozenset[str] = frozenset()

    @property
    def present(self) -> bool:
        return self.status in PRESENT

    @property
    def admin(self) -> bool:
        return self.status in (OWNER, ADMIN)

    def may(self, right: str) -> bool:
        return self.status == OWNER or (self.status == ADMIN and right not in self.denied)

    def json(self, *, channel: bool = False) -> Json:
        """As a ``ChatMember``. ``channel``: of a channel, where other rights count."""
        found: Json = {"user": self.user.json(), "status": self.status}
        if self.status == OWNER:
            return found | {"is_anonymous": self.anonymous}
        if self.status == ADMIN:
            rights = RIGHTS + (CHANNEL_RIGHTS if channel else ("can_pin_messages",))
            found |= {right: right not in self.denied for right in rights}
            return found | {"is_anonymous": self.anonymous, "can_be_edited": False}
        if self.status == RESTRICTED:
            found |= {right: right not in self.denied for right in PERMISSIONS}
            return found | {"is_member": True, "until_date": 0}
        return found | ({"until_date": 0} if self.status == KICKED else {})
