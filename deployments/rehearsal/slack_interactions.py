"""What Slack makes of a press: the payload an app gets, its response URL, and its trigger for a view."""

import secrets
import time
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from deployments.rehearsal.block_kit_check import view_mistakes
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


@dataclass
class _Issued:
    """A response URL that was handed out, and for which press."""

    press: Press
    until: float
    uses: int = 0


class Interactions:
    """Composes payloads and remembers the response URLs and triggers that it put into them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._issued: dict[str, _Issued] = {}
        self._triggers: dict[str, float] = {}

    def payload(self, press: Press, base: str) -> JsonObject:
        """The `block_actions` payload for this press; `base` is this server's address, for the response URL.

        Raises SlackRefusal where there is no such person, message or button: nobody can press what is not shown.
        """
        user = self._workspace.user(press.user)
        channel = self._workspace.channel(press.channel)
        message = self._workspace.message(channel.id, press.message_ts)
        team, bot = self._workspace.directory.team, self._workspace.directory.bot
        action = _button(message, press.block_id, press.action_id) | {"action_ts": self._workspace.new_ts()}
        trigger, url = secrets.token_hex(16), f"/actions/{team.id}/{secrets.token_urlsafe(24)}"
        self._issued[url] = _Issued(press, time.monotonic() + RESPONSE_URL_LIFE)
        self._triggers[trigger] = time.monotonic() + TRIGGER_LIFE
        return {
            "type": "block_actions",
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": team.id},
            "api_app_id": bot.app_id,
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": False,
            },
            "trigger_id": trigger,
            "team": {"id": team.id, "domain": team.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_view(self._workspace, message) | {"app_id": bot.app_id},
            "state": {"values": {}},
            "response_url": base + url,
            "actions": [action],
        }

    def respond(self, path: str, arguments: Arguments) -> None:
        """Do what an app asks for at a response URL: a private answer unless it says otherwise."""
        issued = self._issued.get(path)
        if issued is None or time.monotonic() > issued.until:
            raise SlackRefusal("expired_url", status=404)
        if issued.uses >= RESPONSE_URL_USES:
            raise SlackRefusal("used_url", status=404)
        issued.uses += 1
        press, workspace = issued.press, self._workspace
        if arguments.flag("delete_original"):
            message = workspace.message(press.channel, press.message_ts)
            message.deleted = True
            workspace.touch(message)
            return
        text, blocks = message_text(arguments), checked_blocks(arguments) or []
        if not text and not blocks:
            raise SlackRefusal("no_text")
        if arguments.flag("replace_original"):
            message = workspace.message(press.channel, press.message_ts)
            message.text, message.blocks = text, blocks
            workspace.touch(message)
            return
        private = arguments.text("response_type", "ephemeral") != "in_channel"
        workspace.add(
            Message(press.channel, workspace.new_ts(), text, blocks, ephemeral_to=press.user if private else None)
        )

    def open_view(self, workspace: Workspace, arguments: Arguments) -> JsonObject:
        """views.open: a view for the person whose press issued the trigger, once, within three seconds."""
        until = self._triggers.pop(arguments.text("trigger_id"), None)
        if until is None:
            raise SlackRefusal("invalid_trigger_id")
        if time.monotonic() > until:
            raise SlackRefusal("expired_trigger_id")
        view = arguments.structure("view", "invalid_arguments")
        mistakes = view_mistakes(view)
        if mistakes or not isinstance(view, dict):
            raise SlackRefusal("invalid_arguments", *mistakes)
        directory = workspace.directory
        added: JsonObject = {
            "id": f"V{secrets.token_hex(5).upper()}",
            "team_id": directory.team.id,
            "app_id": directory.bot.app_id,
            "bot_id": directory.bot.id,
            "hash": workspace.new_ts(),
            "state": {"values": {}},
        }
        return {"ok": True, "view": view | added}


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
