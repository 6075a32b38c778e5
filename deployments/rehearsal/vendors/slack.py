"""A FAKE of the part of Slack's Web API that shows channels: private ones only to the app that is in them.

Beside `deployments.rehearsal.slack_stand_in`, which takes messages in channels that the app is in, this one has others,
archived ones and pages of the list.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
PAGE = 3


@dataclass
class Channel:
    """A channel, by how many are in it, and whether the app is one of them."""

    id: str
    name: str
    members: int = 5
    has_bot: bool = True
    archived: bool = False
    private: bool = False


class SlackFake:
    """One workspace behind an app's token.

    Attributes:
        channels: change them at will.
        error: what every call is answered with, where it is not "".
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self.channels: list[Channel] = []
        self.error = ""

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                self._method("conversations.info", self._info),
                self._method("conversations.list", self._list),
            ]
        )

    def _method(self, name: str, answer: Callable[[dict[str, str]], JsonObject]) -> Route:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given, f"Bearer {self._token}"):
                return JSONResponse({"ok": False, "error": "invalid_auth"})
            if self.error:
                return JSONResponse({"ok": False, "error": self.error})
            return JSONResponse(answer(dict(parse_qsl((await request.body()).decode()))))

        return Route(f"/api/{name}", endpoint, methods=["POST"])

    def _visible(self) -> list[Channel]:
        return [one for one in self.channels if one.has_bot or not one.private]

    def _info(self, form: dict[str, str]) -> JsonObject:
        found = next((one for one in self._visible() if one.id == form.get("channel")), None)
        if found is None:
            return {"ok": False, "error": "channel_not_found"}
        shown = _channel(found)
        if form.get("include_num_members") != "true":
            del shown["num_members"]
        return {"ok": True, "channel": shown}

    def _list(self, form: dict[str, str]) -> JsonObject:
        types = form.get("types", "public_channel").split(",")
        listed = [
            one
            for one in self._visible()
            if ("private_channel" if one.private else "public_channel") in types
            and not (form.get("exclude_archived") == "true" and one.archived)
        ]
        begin = int(form.get("cursor", "0"))
        end = begin + min(PAGE, int(form.get("limit", "100")))
        cursor = str(end) if end < len(listed) else ""
        channels: list[JsonValue] = [_channel(one) for one in listed[begin:end]]
        return {"ok": True, "channels": channels, "response_metadata": {"next_cursor": cursor}}


def _channel(one: Channel) -> JsonObject:
    return {
        "id": one.id,
        "name": one.name,
        "is_channel": True,
        "is_private": one.private,
        "is_archived": one.archived,
        "is_member": one.has_bot,
        "num_members": one.members,
    }
