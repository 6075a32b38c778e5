"""A stand-in for Slack's Web API on loopback: it stores what it is sent, and refuses what Slack would refuse.

    SLACK_BOT_TOKEN=… python -m deployments.rehearsal.slack_stand_in --port 8700 --record slack.jsonl --workspace w.json

Beside /api it serves the response URLs of interactions (/actions/…) and its control routes:
GET and POST /_control/fault, GET /_control/calls, GET /_control/messages?since=&wait=, POST /_control/interactions.
"""

import argparse
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal import slack_control, slack_messages, slack_reading
from deployments.rehearsal.call_record import CallRecord, JsonObject
from deployments.rehearsal.changes import Changes
from deployments.rehearsal.fault_switch import FaultSwitch
from deployments.rehearsal.message_rate import MessageRate
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_interactions import Interactions
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
    "users.info": slack_reading.user_info,
    "users.list": slack_reading.user_list,
}


@dataclass
class SlackStandIn:
    """One workspace behind one bot token; `app()` is what a server runs."""

    token: SecretStr
    directory: Directory = field(default_factory=Directory)
    record_path: Path | None = None
    rate: MessageRate | None = None

    def __post_init__(self) -> None:
        changes = Changes()
        self.record = CallRecord(self.record_path)
        self.faults = FaultSwitch(changes)
        self.workspace = Workspace(self.directory, changes)
        self.interactions = Interactions(self.workspace)
        self._methods = {**METHODS, "views.open": self.interactions.open_view}

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=["POST", "GET"]),
                Route("/actions/{team}/{secret}", self._response_url, methods=["POST"]),
                *self.faults.routes(),
                calls_route(self.record),
                *slack_control.routes(self.workspace, self.interactions, self.faults),
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
            self._authenticate(request, arguments)
            wait = self._wait(method, arguments)
            if wait:
                self.record.add(method, 429, "ratelimited", arguments.values)
                return _rate_limited(wait)
            answer, error = self._methods.get(method, _unknown)(self.workspace, arguments), None
        except SlackRefusal as refusal:
            answer, error = refusal.body(), refusal.error
        self.record.add(method, 200, error, arguments.values)
        return JSONResponse(answer)

    def _wait(self, method: str, arguments: Arguments) -> int:
        if self.rate is None or method not in ("chat.postMessage", "chat.postEphemeral"):
            return 0
        return self.rate.wait(arguments.text("channel"))

    def _authenticate(self, request: Request, arguments: Arguments) -> None:
        """The token comes in the header, or in a form; a token in a JSON body does not count."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" and "json" not in request.headers.get("content-type", ""):
            given = arguments.text("token", "")
        if not given:
            raise SlackRefusal("not_authed")
        if not hmac.compare_digest(given.strip().encode(), self.token.get_secret_value().encode()):
            raise SlackRefusal("invalid_auth")

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
    serve(SlackStandIn(token, directory, given.record, rate).app(), given.port)


if __name__ == "__main__":
    main()
