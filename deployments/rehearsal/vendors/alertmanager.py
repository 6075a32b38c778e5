"""A FAKE of Alertmanager's HTTP API v2, and of a sink in which its notifications arrive.

Served, in the shapes that the project's own openapi.yaml describes: GET /api/v2/status with the configuration as YAML
text, GET /api/v2/silences, POST /api/v2/alerts. The real server walks its routing tree, groups, waits and repeats; this
one hands every alert that is posted to the sink at once, if it delivers at all. With a token, every request must
bring it.

The sink shows what arrived: GET /received, as a webhook would have stored it.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class PostedAlert(BaseModel):
    """An alert as it is posted."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}


_ALERTS = TypeAdapter(list[PostedAlert])


@dataclass
class Silence:
    """A silence of one label; `ends_in` is counted from now, and negative for one that ended."""

    label: str
    value: str
    ends_in: timedelta
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class AlertSink:
    """Where notifications arrive.

    Attributes:
        up: whether its page answers.
    """

    def __init__(self) -> None:
        self.received: list[JsonValue] = []
        self.up = True

    def take(self, alert: PostedAlert) -> None:
        """Stores one notification."""
        self.received.append({"status": "firing", "alerts": [alert.model_dump(mode="json")]})

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/received", self._show)])

    async def _show(self, _request: Request) -> Response:
        return JSONResponse(self.received) if self.up else Response("try later\n", 503)


class AlertmanagerFake:
    """The fake's state and its application.

    Attributes:
        configuration: the YAML that it says is in force.
        delivers: whether what is posted arrives in the sink.
    """

    def __init__(self, sink: AlertSink, token: str = "", configuration: str = "") -> None:
        self.sink = sink
        self.token = token
        self.configuration = configuration
        self.silences: list[Silence] = []
        self.delivers = True

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/api/v2/status", self._status),
                Route("/api/v2/silences", self._silences),
                Route("/api/v2/alerts", self._post, methods=["POST"]),
            ]
        )

    async def _status(self, request: Request) -> Response:
        version = {"version": "0.0.0-fake", "revision": "", "branch": "", "buildUser": "", "buildDate": ""}
        said = {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": {**version, "goVersion": ""},
            "config": {"original": self.configuration},
            "uptime": _moment(datetime.now(UTC) - timedelta(hours=3)),
        }
        return self._refuse(request) or JSONResponse(said)

    async def _silences(self, request: Request) -> Response:
        return self._refuse(request) or JSONResponse([_view(silence) for silence in self.silences])

    async def _post(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        try:
            alerts = _ALERTS.validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"code": 602, "message": "alerts in body is required"}, 422)
        if self.delivers:
            for alert in alerts:
                self.sink.take(alert)
        return Response(status_code=200)

    def _refuse(self, request: Request) -> Response | None:
        if not self.token or request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return Response("Unauthorized\n", 401)


def _view(silence: Silence) -> dict[str, JsonValue]:
    now = datetime.now(UTC)
    return {
        "id": silence.id,
        "status": {"state": "active" if silence.ends_in > timedelta() else "expired"},
        "updatedAt": _moment(now),
        "comment": "known, ticket OPS-1",
        "createdBy": "on-call",
        "startsAt": _moment(now - timedelta(days=1)),
        "endsAt": _moment(now + silence.ends_in),
        "matchers": [{"name": silence.label, "value": silence.value, "isRegex": False, "isEqual": True}],
    }


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
