"""A stand-in for PagerDuty on loopback: Events API v2 and REST API v2 behind one address.

    PAGERDUTY_ROUTING_KEY=… PAGERDUTY_API_TOKEN=… python -m deployments.rehearsal.pagerduty_stand_in \
        --port 8701 --schedule on-call.json --record pagerduty.jsonl --tls folder

With --tls it serves https and writes folder/ca.pem, which clients must trust. Control routes: GET and POST
/_control/fault, GET /_control/calls, GET /_control/incidents, GET /_control/change_events, and POST /_control/notes
({"incident", "user", "content"}) for a note that somebody writes in PagerDuty's app. With --webhook every note on an
incident is sent there, and each change of its status, signed with PAGERDUTY_WEBHOOK_SECRET.
"""

import argparse
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from pydantic import BaseModel, JsonValue, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal import loopback_certificate
from deployments.rehearsal.call_record import CallRecord, JsonObject
from deployments.rehearsal.changes import Changes
from deployments.rehearsal.fault_switch import FaultSwitch
from deployments.rehearsal.pagerduty_account import Account, Directory, Note
from deployments.rehearsal.pagerduty_events import ROUTING_KEY_LENGTH, EventsApi, InvalidEvent
from deployments.rehearsal.pagerduty_lookups import one_policy, one_service, one_user
from deployments.rehearsal.pagerduty_rest import RestApi, RestRefusal
from deployments.rehearsal.pagerduty_subscriptions import Subscriptions
from deployments.rehearsal.pagerduty_view import incident_view, note_view
from deployments.rehearsal.pagerduty_webhooks import Subscription, annotated, changed
from deployments.rehearsal.stand_in_server import calls_route, secret_from_environment, serve


class WrittenNote(BaseModel):
    """What POST /_control/notes takes."""

    incident: str
    user: str
    content: str


Answer = Callable[[Request, bytes, RestApi], tuple[int, JsonObject]]


@dataclass
class PagerDutyStandIn:
    """One account behind one routing key and one REST token; `app()` is what a server runs."""

    routing_key: SecretStr
    api_token: SecretStr
    directory: Directory
    record_path: Path | None = None
    subscription: Subscription | None = None

    def __post_init__(self) -> None:
        self.record = CallRecord(self.record_path)
        self.faults = FaultSwitch(Changes())
        self.account = Account(self.directory)
        self.subscriptions = Subscriptions()
        self._events = EventsApi(self.account, self.routing_key)

    def app(self) -> Starlette:
        """The web application."""
        one, notes, windows = "/incidents/{id}", "/incidents/{id}/notes", "/maintenance_windows"
        return Starlette(
            routes=[
                self._event("/v2/enqueue", self._events.enqueue),
                self._event("/v2/change/enqueue", self._events.enqueue_change),
                self._rest("GET", "/abilities", lambda _request, _body, api: (200, api.abilities())),
                self._rest("GET", "/oncalls", lambda request, _body, api: (200, api.on_calls(request.query_params))),
                self._rest("GET", "/users", lambda request, _body, api: (200, api.users(request.query_params))),
                self._look_up("/users/{id}", one_user),
                self._look_up("/services/{id}", one_service),
                self._look_up("/escalation_policies/{id}", one_policy),
                self._rest("GET", "/incidents", lambda request, _body, api: (200, api.incidents(request.query_params))),
                self._rest("POST", "/incidents", lambda request, body, api: (201, api.create(body, _sender(request)))),
                self._rest("GET", windows, lambda request, _body, api: (200, api.windows(request.query_params))),
                self._rest("POST", windows, lambda request, body, api: (201, api.open_window(body, _sender(request)))),
                self._rest(
                    "DELETE", f"{windows}/{{id}}", lambda request, _body, api: (204, api.end_window(_id(request)))
                ),
                self._rest("GET", one, lambda request, _body, api: (200, api.incident(_id(request)))),
                self._rest(
                    "PUT", one, lambda request, body, api: (200, api.update(_id(request), body, _sender(request)))
                ),
                self._rest("GET", notes, lambda request, _body, api: (200, api.notes(_id(request)))),
                self._rest(
                    "POST", notes, lambda request, body, api: (200, api.add_note(_id(request), body, _sender(request)))
                ),
                *self._subscribing(),
                *self.faults.routes(),
                calls_route(self.record),
                Route("/_control/incidents", self._incidents),
                Route("/_control/change_events", self._change_events),
                Route("/_control/notes", self._note_in_app, methods=["POST"]),
            ]
        )

    def _subscribing(self) -> list[Route]:
        every, one, subscriptions = "/webhook_subscriptions", "/webhook_subscriptions/{id}", self.subscriptions
        return [
            self._rest("GET", every, lambda request, _body, _api: (200, subscriptions.listed(request.query_params))),
            self._rest("POST", every, lambda _request, body, _api: (201, subscriptions.make(body))),
            self._rest(
                "GET",
                one,
                lambda request, _body, _api: (
                    200,
                    {"webhook_subscription": subscriptions.one(_id(request)).shown()},
                ),
            ),
            self._rest("PUT", one, lambda request, body, _api: (200, subscriptions.change(_id(request), body))),
            self._rest("DELETE", one, lambda request, _body, _api: (204, subscriptions.end(_id(request)))),
            self._rest("POST", f"{one}/ping", lambda request, _body, _api: (202, subscriptions.ping(_id(request)))),
        ]

    def _event(self, path: str, take: Callable[[bytes], JsonObject]) -> Route:
        method = f"POST {path}"

        async def endpoint(request: Request) -> Response:
            async def handle() -> Response:
                body = await request.body()
                try:
                    with self._telling(_base(request)):
                        answer, status, error = take(body), 202, None
                except InvalidEvent as refusal:
                    answer, status, error = refusal.body(), refusal.status, str(refusal)
                self.record.add(method, status, error, _readable(body))
                return JSONResponse(answer, status_code=status)

            return await self.faults.answer(method, self.record, _events_limited, handle)

        return Route(path, endpoint, methods=["POST"])

    def _rest(self, verb: str, path: str, act: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            method = f"{verb} {request.url.path}"

            async def handle() -> Response:
                body = await request.body()
                try:
                    self._authenticate(request)
                    api = RestApi(self.account, _base(request))
                    with self._telling(_base(request)):
                        (status, answer), error = act(request, body, api), None
                except RestRefusal as refusal:
                    answer, status, error = refusal.body(), refusal.status, str(refusal)
                query: JsonObject = {name: list[JsonValue](values) for name, values in _lists(request)}
                sent = _readable(body) if body else query
                self.record.add(method, status, error, sent)
                return Response(status_code=status) if status == HTTPStatus.NO_CONTENT else JSONResponse(answer, status)

            return await self.faults.answer(method, self.record, _rest_limited, handle)

        return Route(path, endpoint, methods=[verb])

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        wanted = f"Token token={self.api_token.get_secret_value()}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise RestRefusal(401, 2006, "Authentication failed", "give the header `Authorization: Token token=…`")

    def _look_up(self, path: str, find: Callable[[Directory, str, str], JsonObject]) -> Route:
        return self._rest(
            "GET", path, lambda request, _body, _api: (200, find(self.directory, _id(request), _base(request)))
        )

    async def _note_in_app(self, request: Request) -> Response:
        """A person writes a note in PagerDuty's app."""
        try:
            written = WrittenNote.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        incident, user = self.account.incident(written.incident), self.directory.user(written.user)
        if incident is None or user is None:
            return JSONResponse({"error": "no such incident or user"}, status_code=404)
        with self._telling(_base(request)):
            incident.notes.append(Note(user, written.content, datetime.now(UTC)))
        return JSONResponse({"status": "written"})

    @contextmanager
    def _telling(self, base: str) -> Iterator[None]:
        """Whoever subscribed hears of each incident that changed in the block, and of each note."""
        before = {one.id: (one.status, len(one.notes)) for one in self.account.incidents}
        yield
        for one in self.account.incidents:
            status, notes = before.get(one.id, ("", 0))
            if one.status != status:
                self._tell(changed(one, self.directory, base))
            for note in one.notes[notes:]:
                self._tell(annotated(one, note, base))

    def _tell(self, event: JsonObject) -> None:
        if self.subscription is not None:
            self.subscription.send(event)
        self.subscriptions.send(event)

    async def _incidents(self, request: Request) -> Response:
        """Every incident with its alerts and notes."""
        base = _base(request)
        shown = [
            incident_view(one, self.directory, base)
            | {"alerts": list[JsonValue](one.alerts), "notes": [note_view(note, base) for note in one.notes]}
            | {"body": one.body}
            for one in self.account.incidents
        ]
        return JSONResponse({"incidents": shown})

    async def _change_events(self, _request: Request) -> Response:
        return JSONResponse({"change_events": self.account.change_events})


def _lists(request: Request) -> list[tuple[str, list[str]]]:
    """The query's parameters, each with all its values."""
    return [(name, request.query_params.getlist(name)) for name in request.query_params]


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _sender(request: Request) -> str | None:
    return request.headers.get("from")


def _readable(body: bytes) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    return parsed


def _events_limited() -> Response:
    message = "Requests for this service are arriving too quickly. Please retry later."
    return JSONResponse({"status": "throttle exceeded", "message": message, "errors": [message]})


def _rest_limited() -> Response:
    return JSONResponse({"error": {"message": "Rate Limit Exceeded", "code": 2020}})


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--schedule", type=Path, required=True, help="JSON file: users and who is on call when")
    parser.add_argument("--record", type=Path, help="file that gets one JSON line for each call")
    parser.add_argument("--tls", type=Path, help="folder for a new certificate; serves https where it is given")
    parser.add_argument("--webhook", help="where notes and changes are sent, signed with PAGERDUTY_WEBHOOK_SECRET")
    given = parser.parse_args()
    routing_key = SecretStr(secret_from_environment("PAGERDUTY_ROUTING_KEY"))
    if len(routing_key.get_secret_value()) != ROUTING_KEY_LENGTH:
        parser.error(f"PAGERDUTY_ROUTING_KEY must have {ROUTING_KEY_LENGTH} characters, as PagerDuty's keys have")
    api_token = SecretStr(secret_from_environment("PAGERDUTY_API_TOKEN"))
    try:
        directory = Directory.model_validate_json(given.schedule.read_bytes())
    except (OSError, ValidationError) as error:
        parser.error(f"schedule file {given.schedule}: {error}")
    secret = SecretStr(secret_from_environment("PAGERDUTY_WEBHOOK_SECRET")) if given.webhook else None
    subscription = Subscription(given.webhook, secret) if secret is not None else None
    stand_in = PagerDutyStandIn(routing_key, api_token, directory, given.record, subscription)
    serve(stand_in.app(), given.port, loopback_certificate.make(given.tls) if given.tls else None)


if __name__ == "__main__":
    main()
