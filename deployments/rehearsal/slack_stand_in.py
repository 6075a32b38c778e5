"""A stand-in for Slack's Web API on loopback: it stores what it is sent, and refuses what Slack would refuse.

    SLACK_BOT_TOKEN=… python -m deployments.rehearsal.slack_stand_in --port 8700 --record slack.jsonl --workspace w.json

Beside /api it serves the response URLs of interactions (/actions/…) and its control routes:
GET and POST /_control/fault, GET /_control/calls, GET /_control/messages?since=&wait=, GET /_control/views?user=,
POST /_control/interactions, /_control/submissions, /_control/commands (what Slack would send over HTTP),
POST /_control/deliveries (the same over a WebSocket, at /link/) and POST /_control/socket (what befalls those).
"""

import argparse
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from deployments.rehearsal import slack_control, slack_messages, slack_reading, slack_sending, slack_users
from deployments.rehearsal.call_record import CallRecord, JsonObject
from deployments.rehearsal.changes import Changes
from deployments.rehearsal.fault_switch import FaultSwitch
from deployments.rehearsal.message_rate import MessageRate
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_interactions import Interactions
from deployments.rehearsal.slack_socket_mode import SocketMode
from deployments.rehearsal.slack_views import Views
from deployments.rehearsal.slack_workspace import Directory, Workspace
from deployments.rehearsal.stand_in_server import calls_route, secret_from_environment, serve

Method = Callable[[Workspace, Arguments], JsonObject]

METHODS: Mapping[str, Method] = {
    "auth.test": slack_reading.auth_test,
    "chat.delete": slack_messages.delete,
    "chat.getPermalink": slack_reading.permalink,
    "chat.postEphemeral": slack_messages.post_ephemeral,
    "chat.postMessage": slack_messages.post_message,
    "chat.update": slack_messages.update,
    "conversations.history": slack_reading.history,
    "conversations.info": slack_reading.conversation_info,
    "conversations.replies": slack_reading.replies,
    "reactions.add": slack_messages.add_reaction,
    "users.info": slack_users.info,
    "users.list": slack_reading.user_list,
    "users.lookupByEmail": slack_users.by_email,
}


@dataclass
class SlackStandIn:
    """One workspace behind one bot token; `app()` is what a server runs."""

    token: SecretStr
    directory: Directory = field(default_factory=Directory)
    record_path: Path | None = None
    rate: MessageRate | None = None
    app_token: SecretStr | None = None

    def __post_init__(self) -> None:
        changes = Changes()
        self.record = CallRecord(self.record_path)
        self.faults = FaultSwitch(changes)
        self.workspace = Workspace(self.directory, changes)
        self.interactions = Interactions(self.workspace)
        self.views = Views(self.interactions)
        self.sockets = SocketMode()
        self._methods = {**METHODS, "views.open": self.views.open_view}

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=["POST", "GET"]),
                Route("/actions/{team}/{secret}", self._response_url, methods=["POST"]),
                WebSocketRoute("/link/", self.sockets.link),
                *self.faults.routes(),
                calls_route(self.record),
                *slack_control.routes(self.workspace, self.faults),
                *slack_sending.routes(self.interactions, self.views, self.sockets),
            ]
        )

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]

        async def handle() -> Response:
            return await self._call(method, request)

        return await self.faults.answer(method, self.record, _rate_limited, handle)

    async def _call(self, method: str, request: Request) -> Response:
        arguments = Arguments({})
        try:
            arguments = await _arguments(request)
            if method == "apps.connections.open":
                self._authenticate(request, arguments, self.app_token)
                answer, error = self.sockets.open(f"{request.url.scheme}://{request.url.netloc}"), None
            else:
                self._authenticate(request, arguments, self.token)
                if wait := self._wait(method, arguments):
                    self.record.add(method, 429, "ratelimited", arguments.values)
                    return _rate_limited(wait)
                answer, error = self._methods.get(method, _unknown)(self.workspace, arguments), None
        except SlackRefusal as refusal:
            answer, error = refusal.body(), refusal.error
        self.record.add(method, 200, error, arguments.values)
        return JSONResponse(answer, headers=slack_users.scopes_header(self.workspace))

    def _wait(self, method: str, arguments: Arguments) -> int:
        if self.rate is None or method not in ("chat.postMessage", "chat.postEphemeral"):
            return 0
        return self.rate.wait(arguments.text("channel"))

    def _authenticate(self, request: Request, arguments: Arguments, wanted: SecretStr | None) -> None:
        """The token comes in the header, or in a form; a token in a JSON body does not count."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" and "json" not in request.headers.get("content-type", ""):
            given = arguments.text("token", "")
        if not given:
            raise SlackRefusal("not_authed")
        known = [token for token in (self.token, self.app_token) if token is not None and _is(token, given)]
        if not known:
            raise SlackRefusal("invalid_auth")
        if wanted not in known:
            raise SlackRefusal("not_allowed_token_type")

    async def _response_url(self, request: Request) -> Response:
        async def handle() -> Response:
            arguments = Arguments({})
            try:
                arguments = await _arguments(request)
                self.interactions.respond(request.url.path, arguments)
            except SlackRefusal as refusal:
                self.record.add("response_url", refusal.status, refusal.error, arguments.values)
                return JSONResponse(refusal.body(), status_code=refusal.status)
            self.record.add("response_url", 200, None, arguments.values)
            return PlainTextResponse("ok")

        return await self.faults.answer("response_url", self.record, _rate_limited, handle)


def _is(token: SecretStr, given: str) -> bool:
    return hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())


def _unknown(_workspace: Workspace, _arguments: Arguments) -> JsonObject:
    raise SlackRefusal("unknown_method")


async def _arguments(request: Request) -> Arguments:
    return Arguments.parse(request.headers.get("content-type", ""), await request.body(), request.url.query)


def _rate_limited(seconds: int = 1) -> Response:
    body = SlackRefusal("ratelimited").body()
    return JSONResponse(body, status_code=429, headers={"Retry-After": str(seconds)})


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--record", type=Path, help="file that gets one JSON line for each call")
    parser.add_argument("--workspace", type=Path, help="JSON file with team, bot, channels and users")
    parser.add_argument("--burst", type=int, help="limit messages to one a second and channel after this many")
    given = parser.parse_args()
    token = SecretStr(secret_from_environment("SLACK_BOT_TOKEN"))
    directory = Directory()
    if given.workspace:
        try:
            directory = Directory.model_validate_json(given.workspace.read_bytes())
        except (OSError, ValidationError) as error:
            parser.error(f"workspace file {given.workspace}: {error}")
    rate = MessageRate(given.burst) if given.burst else None
    app_token = SecretStr(os.environ["SLACK_APP_TOKEN"]) if os.environ.get("SLACK_APP_TOKEN") else None
    serve(SlackStandIn(token, directory, given.record, rate, app_token).app(), given.port, websockets=True)


if __name__ == "__main__":
    main()
