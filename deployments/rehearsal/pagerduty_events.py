"""PagerDuty's Events API v2: what an event must hold, and what it does to the account.

Limits and wording after developer.pagerduty.com/docs/events-api-v2: summary 1024 characters, dedup key 255, routing key
32, 512 KB an event. A field that the API does not know is refused here, which PagerDuty may let pass.
"""

import hmac
import uuid
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_account import Account

ROUTING_KEY_LENGTH = 32
EVENT_BYTES = 512 * 1024


class _Sent(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class Link(_Sent):
    """A link shown on the incident."""

    href: str
    text: str | None = None


class Image(_Sent):
    """A picture shown on the incident."""

    src: str
    href: str | None = None
    alt: str | None = None


class AlertPayload(_Sent):
    """What is wrong, how bad, and where."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    summary: Annotated[str, Field(min_length=1, max_length=1024)]
    severity: Literal["critical", "warning", "error", "info"]
    source: Annotated[str, Field(min_length=1)]
    timestamp: AwareDatetime | None = None
    component: str | None = None
    group: str | None = None
    kind: Annotated[str | None, Field(alias="class")] = None
    custom_details: dict[str, JsonValue] | None = None


class AlertEvent(_Sent):
    """POST /v2/enqueue."""

    routing_key: str
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    payload: AlertPayload | None = None
    client: str | None = None
    client_url: str | None = None
    links: list[Link] | None = None
    images: list[Image] | None = None


class ChangePayload(_Sent):
    """What was changed."""

    summary: Annotated[str, Field(min_length=1, max_length=1024)]
    timestamp: AwareDatetime | None = None
    source: str | None = None
    custom_details: dict[str, JsonValue] | None = None


class ChangeEvent(_Sent):
    """POST /v2/change/enqueue."""

    routing_key: str
    payload: ChangePayload
    links: list[Link] | None = None
    images: list[Image] | None = None


Event = TypeVar("Event", AlertEvent, ChangeEvent)


class InvalidEvent(Exception):
    """The event is refused; `errors` say why, as PagerDuty's answer does."""

    def __init__(self, *errors: str, status: int = 400) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors
        self.status = status

    def body(self) -> JsonObject:
        """The answer's body."""
        return {"status": "invalid event", "message": "Event object is invalid", "errors": list(self.errors)}


class EventsApi:
    """Takes events for one routing key and applies them to an account."""

    def __init__(self, account: Account, routing_key: SecretStr) -> None:
        self._account = account
        self._routing_key = routing_key

    def enqueue(self, body: bytes) -> JsonObject:
        """An alert event: trigger, acknowledge or resolve by dedup key.

        Acknowledging or resolving a key for which no incident is open is accepted and does nothing.
        """
        event = _parsed(AlertEvent, body)
        self._authenticate(event.routing_key)
        if event.event_action == "trigger":
            if event.payload is None:
                raise InvalidEvent("'payload' is missing or blank")
            key = event.dedup_key or uuid.uuid4().hex
            urgency: Literal["high", "low"] = "high" if event.payload.severity in ("critical", "error") else "low"
            sent = event.model_dump(mode="json", by_alias=True, exclude={"routing_key"}, exclude_none=True)
            self._account.trigger(key, event.payload.summary, urgency, sent)
        else:
            if event.dedup_key is None:
                raise InvalidEvent("'dedup_key' is missing or blank")
            key = event.dedup_key
            incident = self._account.open(key)
            if incident is not None:
                status: Literal["acknowledged", "resolved"] = (
                    "acknowledged" if event.event_action == "acknowledge" else "resolved"
                )
                self._account.set_status(incident, status, agent=None)
        return {"status": "success", "message": "Event processed", "dedup_key": key}

    def enqueue_change(self, body: bytes) -> JsonObject:
        """A change event: kept, and nobody is paged."""
        event = _parsed(ChangeEvent, body)
        self._authenticate(event.routing_key)
        self._account.change_events.append(
            event.model_dump(mode="json", exclude={"routing_key"}, exclude_none=True),
        )
        return {"status": "success", "message": "Change event processed"}

    def _authenticate(self, routing_key: str) -> None:
        if len(routing_key) != ROUTING_KEY_LENGTH:
            raise InvalidEvent(f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY_LENGTH} characters)")
        if not hmac.compare_digest(routing_key.encode(), self._routing_key.get_secret_value().encode()):
            raise InvalidEvent("'routing_key' is not valid")


def _parsed(model: type[Event], body: bytes) -> Event:
    if len(body) > EVENT_BYTES:
        raise InvalidEvent(f"Event is {len(body)} bytes; at most {EVENT_BYTES} are allowed", status=413)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        raise InvalidEvent(*(_worded(one["type"], one["msg"], one["loc"]) for one in problems)) from error


def _worded(kind: str, message: str, where: tuple[int | str, ...]) -> str:
    name = ".".join(str(part) for part in where)
    if kind in ("missing", "string_too_short"):
        return f"'{name}' is missing or blank"
    if kind == "extra_forbidden":
        return f"'{name}' is not a known property"
    if kind == "literal_error":
        return f"'{name}' is invalid ({message.replace('Input should be', 'must be one of the following:')})"
    return f"'{name}' is invalid ({message})" if name else f"Event object format is unrecognized ({message})"
