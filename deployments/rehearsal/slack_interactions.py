"""What Slack makes of a press or a command: what an app gets, its response URL, and its trigger for a view."""

import secrets
import time
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_messages import checked_blocks, message_text
from deployments.rehearsal.slack_view import message_view
from deployments.rehearsal.slack_workspace import Message, Workspace

TRIGGER_LIFE = 3.0  # seconds; Slack's own limit
RESPONSE_URL_LIFE = 1800.0  # seconds
RESPONSE_URL_USES = 5


class Press(BaseModel):
    """Someone presses a button of a message."""

    model_config = ConfigDict(extra="forbid")

    user: str
    channel: str
    message_ts: Annotated[str, Field(pattern=r"^\d{10}\.\d{6}$")]
    block_id: str
    action_id: str


class Typed(BaseModel):
    """Someone types `/tminus` and a text."""

    model_config = ConfigDict(extra="forbid")

    user: str
    channel: str
    text: str = ""
    command: str = "/tminus"


@dataclass
class _Issued:
    """A response URL that was handed out, to whom and about which message; a command is about none."""

    user: str
    channel: str
    message_ts: str | None
    until: float
    uses: int = 0


class Interactions:
    """Composes payloads and remembers the response URLs and triggers that it put into them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._issued: dict[str, _Issued] = {}
        self._triggers: dict[str, tuple[str, float]] = {}

    def payload(self, press: Press, base: str) -> JsonObject:
        """The `block_actions` payload for this press; `base` is this server's address, for the response URL.

        Raises SlackRefusal where there is no such person, message or button: nobody can press what they are not shown.
        """
        user = self._workspace.user(press.user)
        channel = self._workspace.channel(press.channel)
        message = self._workspace.shown_to(user.id, channel.id, press.message_ts)
        bot = self._workspace.directory.bot
        action = _button(message, press.block_id, press.action_id) | {"action_ts": self._workspace.new_ts()}
        return {
            "type": "block_actions",
            "user": self.person(user.id),
            "api_app_id": bot.app_id,
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": message.ephemeral_to is not None,
            },
            "trigger_id": self._trigger(user.id),
            "team": self.team(),
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_view(self._workspace, message) | {"app_id": bot.app_id},
            "state": {"values": {}},
            "response_url": base + self._response_url(user.id, channel.id, message.ts),
            "actions": [action],
        }

    def command(self, typed: Typed, base: str) -> dict[str, str]:
        """The fields of the form for a slash command; raises SlackRefusal where there is no such person or channel."""
        user, channel = self._workspace.user(typed.user), self._workspace.channel(typed.channel)
        directory = self._workspace.directory
        return {
            "token": secrets.token_hex(12),
            "team_id": directory.team.id,
            "team_domain": directory.team.domain,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user.id,
            "user_name": user.name,
            "command": typed.command,
            "text": typed.text,
            "api_app_id": directory.bot.app_id,
            "is_enterprise_install": "false",
            "response_url": base + self._response_url(user.id, channel.id, None),
            "trigger_id": self._trigger(user.id),
        }

    def person(self, user_id: str) -> JsonObject:
        """A person, as payloads name them."""
        user, team = self._workspace.user(user_id), self._workspace.directory.team
        return {"id": user.id, "username": user.name, "name": user.name, "team_id": team.id}

    def team(self) -> JsonObject:
        """The workspace, as payloads name it."""
        team = self._workspace.directory.team
        return {"id": team.id, "domain": team.domain}

    def use_trigger(self, trigger: str) -> str:
        """Whose trigger this is; raises SlackRefusal the second time, and once it is three seconds old."""
        user, until = self._triggers.pop(trigger, ("", 0.0))
        if not user:
            raise SlackRefusal("invalid_trigger_id")
        if time.monotonic() > until:
            raise SlackRefusal("expired_trigger_id")
        return user

    def _trigger(self, user: str) -> str:
        trigger = secrets.token_hex(16)
        self._triggers[trigger] = user, time.monotonic() + TRIGGER_LIFE
        return trigger

    def _response_url(self, user: str, channel: str, message_ts: str | None) -> str:
        url = f"/actions/{self._workspace.directory.team.id}/{secrets.token_urlsafe(24)}"
        self._issued[url] = _Issued(user, channel, message_ts, time.monotonic() + RESPONSE_URL_LIFE)
        return url

    def respond(self, path: str, arguments: Arguments) -> None:
        """Do what an app asks for at a response URL: a private answer unless it says otherwise."""
        issued = self._issued.get(path)
        if issued is None or time.monotonic() > issued.until:
            raise SlackRefusal("expired_url", status=404)
        if issued.uses >= RESPONSE_URL_USES:
            raise SlackRefusal("used_url", status=404)
        issued.uses += 1
        workspace = self._workspace
        if arguments.flag("delete_original"):
            message = _original(workspace, issued)
            message.deleted = True
            workspace.touch(message)
            return
        text, blocks = message_text(arguments), checked_blocks(arguments) or []
        if not text and not blocks:
            raise SlackRefusal("no_text")
        if arguments.flag("replace_original"):
            message = _original(workspace, issued)
            message.text, message.blocks = text, blocks
            workspace.touch(message)
            return
        private = arguments.text("response_type", "ephemeral") != "in_channel"
        workspace.add(
            Message(issued.channel, workspace.new_ts(), text, blocks, ephemeral_to=issued.user if private else None)
        )


def _original(workspace: Workspace, issued: _Issued) -> Message:
    if issued.message_ts is None:
        raise SlackRefusal("message_not_found")
    return workspace.shown_to(issued.user, issued.channel, issued.message_ts)


def _button(message: Message, block_id: str, action_id: str) -> JsonObject:
    for block in message.blocks:
        elements: JsonValue = block.get("elements")
        if block.get("type") != "actions" or block.get("block_id") != block_id or not isinstance(elements, list):
            continue
        for element in elements:
            if isinstance(element, dict) and element.get("action_id") == action_id:
                shown: JsonObject = {
                    name: element[name] for name in ("type", "text", "value", "style") if name in element
                }
                return {"action_id": action_id, "block_id": block_id, **shown}
    raise SlackRefusal("action_not_found", f"the message shows no button `{action_id}` in the block `{block_id}`")
