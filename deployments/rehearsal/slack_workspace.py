"""A Slack workspace in memory: its people, its channels, and the messages in them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.changes import Changes
from deployments.rehearsal.slack_arguments import SlackRefusal


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


class Team(_Named):
    """The workspace itself."""

    id: Annotated[str, Field(pattern=r"^T[A-Z0-9]{8,}$")] = "T0REHEARSAL"
    name: str = "Rehearsal"
    domain: str = "rehearsal"


class Bot(_Named):
    """The app's own user."""

    id: Annotated[str, Field(pattern=r"^B[A-Z0-9]{8,}$")] = "B0TMINUSBOT"
    user_id: Annotated[str, Field(pattern=r"^U[A-Z0-9]{8,}$")] = "U0TMINUSBOT"
    app_id: Annotated[str, Field(pattern=r"^A[A-Z0-9]{8,}$")] = "A0TMINUSBOT"
    name: str = "tminus"


class Channel(_Named):
    """A channel; the app is a member of it unless `member` says otherwise."""

    id: Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{8,}$")]
    member: bool = True
    archived: bool = False


class User(_Named):
    """A person; `name` is the handle."""

    id: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,}$")]
    real_name: str
    email: str | None = None
    deleted: bool = False
    is_bot: bool = False


_SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "users:read",
    "users:read.email",
)


class Directory(BaseModel):
    """What a workspace file says (JSON); every part has a default. `scopes` are those of the app's token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: Team = Team()
    bot: Bot = Bot()
    channels: tuple[Channel, ...] = (Channel(id="C0LAUNCHES", name="launches"),)
    users: tuple[User, ...] = ()
    scopes: tuple[str, ...] = _SCOPES


@dataclass
class Message:
    """A message as it is now; `revision` counts the workspace's changes up to its last one."""

    channel: str
    ts: str
    text: str
    blocks: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None
    thread_ts: str | None = None
    edited_ts: str | None = None
    ephemeral_to: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    revision: int = 0


class Workspace:
    """Holds messages and hands out timestamps; every change bumps `changes`."""

    def __init__(self, directory: Directory, changes: Changes) -> None:
        self.directory = directory
        self.changes = changes
        self._messages: list[Message] = []
        self._last_microsecond = 0

    def channel(self, name: str, *, by_name: bool = False) -> Channel:
        """The channel with this id; with `by_name` also by name, and a person's direct messages by their id."""
        for channel in self.directory.channels:
            if channel.id == name or (by_name and channel.name == name.removeprefix("#")):
                return channel
        for user in self.directory.users:
            direct = Channel(id=f"D{user.id[1:]:0>8}", name="directmessage")
            if name == direct.id or (by_name and name == user.id):
                return direct
        raise SlackRefusal("channel_not_found")

    def user(self, user_id: str) -> User:
        """The person with this id."""
        for user in self.directory.users:
            if user.id == user_id:
                return user
        raise SlackRefusal("user_not_found")

    def new_ts(self) -> str:
        """Seconds since 1970 with six digits; later than every one before."""
        self._last_microsecond = max(time.time_ns() // 1000, self._last_microsecond + 1)
        seconds, micro = divmod(self._last_microsecond, 1_000_000)
        return f"{seconds}.{micro:06d}"

    def add(self, message: Message) -> None:
        """Store a new message."""
        self._messages.append(message)
        self.touch(message)

    def touch(self, message: Message) -> None:
        """Say that a message changed."""
        message.revision = self.changes.bump()

    def message(self, channel: str, ts: str, refusal: str = "message_not_found") -> Message:
        """The message with this timestamp; ephemeral and deleted ones cannot be found again."""
        for message in reversed(self._messages):
            if message.channel == channel and message.ts == ts and not (message.deleted or message.ephemeral_to):
                return message
        raise SlackRefusal(refusal)

    def shown_to(self, user: str, channel: str, ts: str) -> Message:
        """The message with this timestamp, if this person sees it: everyone's, or one for them alone."""
        for message in reversed(self._messages):
            if (message.channel, message.ts) == (channel, ts) and not message.deleted:
                if message.ephemeral_to in {None, user}:
                    return message
                break
        raise SlackRefusal("message_not_found")

    def lasting(self, channel: str) -> Iterable[Message]:
        """A channel's messages, the first one first, without ephemeral and deleted ones."""
        return (one for one in self._messages if one.channel == channel and not (one.deleted or one.ephemeral_to))

    def changed_since(self, revision: int) -> list[Message]:
        """Every message that changed after that revision, deleted and ephemeral ones too."""
        return [message for message in self._messages if message.revision > revision]
