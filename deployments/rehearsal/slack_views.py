"""Dialogs: a view that an app opens for somebody, and what Slack sends when it is handed in."""

import re
import secrets
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, ConfigDict, JsonValue

from deployments.rehearsal.block_kit_check import view_mistakes
from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_interactions import Interactions
from deployments.rehearsal.slack_workspace import Workspace

_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")


class HandedIn(BaseModel):
    """Someone fills a dialog's fields, by the ids of their blocks, and hands it in."""

    model_config = ConfigDict(extra="forbid")

    user: str
    view: str
    values: dict[str, str] = {}


@dataclass(frozen=True)
class OpenView:
    """A dialog on somebody's screen."""

    id: str
    user: str
    view: JsonObject


class Views:
    """The dialogs that are open."""

    def __init__(self, interactions: Interactions) -> None:
        self._interactions = interactions
        self.open: dict[str, OpenView] = {}

    def open_view(self, workspace: Workspace, arguments: Arguments) -> JsonObject:
        """views.open: a view for the person whose press issued the trigger, once, within three seconds."""
        user = self._interactions.use_trigger(arguments.text("trigger_id"))
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
        blocks = cast("list[JsonObject]", view["blocks"])
        added["blocks"] = [{"block_id": secrets.token_urlsafe(4), **block} for block in blocks]
        found = OpenView(str(added["id"]), user, {"private_metadata": "", "callback_id": "", **view, **added})
        self.open[found.id] = found
        workspace.changes.bump()
        return {"ok": True, "view": found.view}

    def shown_to(self, user: str) -> list[OpenView]:
        """What this person has open, the newest last."""
        return [view for view in self.open.values() if view.user == user]

    def payload(self, handed_in: HandedIn) -> JsonObject:
        """The `view_submission` payload; raises SlackRefusal where Slack would not let the person hand it in."""
        found = self.open.get(handed_in.view)
        if found is None or found.user != handed_in.user:
            raise SlackRefusal("view_not_found", "nobody can hand in what is not on their screen")
        blocks = cast("list[JsonObject]", found.view["blocks"])
        inputs = [block for block in blocks if block["type"] == "input"]
        values: JsonObject = {
            str(block["block_id"]): _filled(block, handed_in.values.get(str(block["block_id"]))) for block in inputs
        }
        return {
            "type": "view_submission",
            "team": self._interactions.team(),
            "user": self._interactions.person(handed_in.user),
            "api_app_id": found.view["app_id"],
            "token": secrets.token_hex(12),
            "trigger_id": secrets.token_hex(16),
            "view": {**found.view, "state": {"values": values}},
            "response_urls": [],
            "is_enterprise_install": False,
            "enterprise": None,
        }

    def answered(self, view: str, said: JsonValue) -> None:
        """What the app answers: a dialog whose fields it finds wrong stays open, any other is closed."""
        if not (isinstance(said, dict) and said.get("response_action") == "errors"):
            self.open.pop(view, None)


def _filled(block: JsonObject, given: str | None) -> JsonValue:
    """One field as its payload shows it; what is wanted must be there, within its limits."""
    element = cast("JsonObject", block["element"])
    name = str(element.get("action_id", ""))
    if element["type"] == "datepicker":
        day = given if given is not None else element.get("initial_date")
        if not isinstance(day, str) or not _DAY.match(day):
            raise SlackRefusal("missing_input", f"choose a day: {block['block_id']}")
        return {name: {"type": "datepicker", "selected_date": day}}
    if not given and not block.get("optional"):
        raise SlackRefusal("missing_input", f"please fill this in: {block['block_id']}")
    most = element.get("max_length", 3000)
    if isinstance(most, int) and len(given or "") > most:
        raise SlackRefusal("too_long", f"no more than {most} characters: {block['block_id']}")
    return {name: {"type": "plain_text_input", "value": given}}
