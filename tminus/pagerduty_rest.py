"""PagerDuty's REST API, written to by its own client: incidents for a policy or for people, their end, notes."""

import ssl
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, TypeVar

from pagerduty import RestApiV2Client
from pagerduty.errors import Error, HttpError, UrlError
from pydantic import BaseModel, Field, JsonValue, ValidationError

from tminus.courier import Unavailable, Undeliverable, still_wanted
from tminus.credentials import resolve
from tminus.environment import PagerDuty
from tminus.errors import UsageError
from tminus.foreign_text import printable
from tminus.systems.pagerduty import PagerDutyRest

_HTTP = import_module("httpx2")  # what the pagerduty client asks by, and lets some errors of through
TROUBLES: tuple[type[Exception], ...] = (Error, UrlError, OSError, _HTTP.HTTPError, _HTTP.InvalidURL)
_TIMEOUT = 3  # seconds; a page may take three requests within the time that a courier keeps it to itself
_QUOTED = 200  # characters of what PagerDuty says
_BODY = 20_000  # characters of an incident's text
_REFUSED = range(300, 500)
_LATER = frozenset({408, 425, 429})
_TAKEN = frozenset({400, 409})  # what PagerDuty may answer where an incident is open under that key

_M = TypeVar("_M", bound=BaseModel)


class _Answer(Protocol):
    """What its client returns, as far as it is read."""

    status_code: int

    @property
    def content(self) -> bytes: ...

    @property
    def is_success(self) -> bool: ...


class _Named(BaseModel):
    summary: str | None = None


class _Assignment(BaseModel):
    assignee: _Named = _Named()


class _Incident(BaseModel):
    id: str = Field(min_length=1, max_length=100)
    incident_key: str | None = None
    assignments: list[_Assignment] = []


class _One(BaseModel):
    incident: _Incident


class _Several(BaseModel):
    incidents: list[_Incident]


class _Refusal(BaseModel):
    message: str = ""
    errors: list[str] = []


class _Refused(BaseModel):
    error: _Refusal


def trusted(settings: PagerDuty) -> ssl.SSLContext:
    """The authorities that PagerDuty's address is verified by; raises UsageError where they cannot be read."""
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as e:
        raise UsageError(f"pagerduty: ca_file {settings.ca_file} cannot be read: {e.strerror or e}") from e


def sendable(token: str) -> str:
    """A token that a header can hold; raises UsageError, so that no client says which characters it cannot."""
    if not (token.isascii() and token.isprintable()):
        raise UsageError("pagerduty: the REST API's token has characters that no token has")
    return token


class PagerDutyIncidents:
    """Makes, finds, ends and annotates incidents. Every method raises Unavailable, Undeliverable.

    Args:
        settings: the environment's section.
        rest: its part about the REST API.

    Raises MissingSecret, UsageError where the authority to trust cannot be read.
    """

    def __init__(self, settings: PagerDuty, rest: PagerDutyRest) -> None:
        self._service = rest.service
        token = sendable(resolve(rest.token).get_secret_value())
        try:
            self._client = RestApiV2Client(
                token, default_from=rest.from_email, base_url=rest.api, verify=trusted(settings), trust_env=False
            )
        except UrlError as e:
            raise UsageError("pagerduty: rest.api does not begin with https://") from e
        # The constructor's own timeout is not the one that requests use; a 429 would be repeated for ever.
        self._client.timeout = _TIMEOUT
        self._client.retry = {429: 1}
        self._client.max_network_attempts = 0  # further ones
        self._client.sleep_timer = 0.2

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def page(self, key: str, title: str, details: Mapping[str, str], policy: str, users: Sequence[str]) -> str:
        """Makes an incident, unless one is open under that key; returns its id and who is paged.

        Args:
            key: its dedup key.
            title: its title.
            details: its text, a line each.
            policy: the escalation policy's id; the service's own where it is "".
            users: the ids of the people who are paged instead of a policy's.
        """
        told = "\n".join(f"{name}: {said}" for name, said in details.items())
        incident: dict[str, JsonValue] = {
            "type": "incident",
            "title": title,
            "service": _reference("service", self._service),
            "urgency": "high",
            "incident_key": key,
            "body": {"type": "incident_body", "details": told[:_BODY]},
        }
        if users:
            incident["assignments"] = [{"assignee": _reference("user", user)} for user in users]
        elif policy:
            incident["escalation_policy"] = _reference("escalation_policy", policy)
        answer = self._answer("POST", "/incidents", {"incident": incident})
        if answer.status_code in _TAKEN and (there := self._open(key)):
            return f"{there[0].id}, open already"
        return _said_of(_read(_One, self._taken(answer)).incident)

    def resolve(self, key: str) -> None:
        """Ends what is open under a key; nothing where nothing is."""
        for incident in self._open(key):
            ended: JsonValue = {"incident": {"type": "incident_reference", "status": "resolved"}}
            answer = self._answer("PUT", f"/incidents/{incident.id}", ended)
            if answer.status_code in _TAKEN and incident.id not in {one.id for one in self._open(key)}:
                continue  # somebody resolved it in that moment
            self._taken(answer)

    def key_of(self, incident: str) -> str:
        """The dedup key of an incident, by its id; "" where it has none."""
        return _read(_One, self._taken(self._answer("GET", f"/incidents/{incident}"))).incident.incident_key or ""

    def note(self, incident: str, text: str) -> None:
        """Writes a note on an incident."""
        self._taken(self._answer("POST", f"/incidents/{incident}/notes", {"note": {"content": text}}))

    def _open(self, key: str) -> list[_Incident]:
        """The incidents of this key that nobody resolved."""
        asked: dict[str, str | list[str]] = {"incident_key": key, "statuses[]": ["triggered", "acknowledged"]}
        return _read(_Several, self._taken(self._answer("GET", "/incidents", params=asked))).incidents

    def _answer(
        self, method: str, path: str, body: JsonValue = None, *, params: Mapping[str, str | list[str]] | None = None
    ) -> _Answer:
        still_wanted()
        try:
            if body is None:
                return self._client.request(method, path, params=dict(params or {}))
            return self._client.request(method, path, json=body)
        except HttpError as e:
            status = e.response.status_code if e.response is not None else 0
            raise Undeliverable(f"PagerDuty: {status}; its REST API does not take the token or the address") from e
        except TROUBLES as e:
            raise Unavailable(f"PagerDuty: {type(e.__cause__ or e).__name__}") from e
        except ValueError as e:  # its words may hold the token
            said = f"PagerDuty: {type(e).__name__}; the token, or what is asked, cannot be sent"
            raise Undeliverable(said) from None

    def _taken(self, answer: _Answer) -> _Answer:
        """The answer, where it is none that says no."""
        status = answer.status_code
        if status in _REFUSED and status not in _LATER:
            raise Undeliverable(f"PagerDuty: {status} {self._said(answer)}".strip())
        if not answer.is_success:
            raise Unavailable(f"PagerDuty: {status}")
        return answer

    def _said(self, answer: _Answer) -> str:
        """What PagerDuty finds wrong, short, and without the token should it repeat it."""
        try:
            refusal = _Refused.model_validate_json(answer.content).error
        except ValidationError:
            return ""
        said = "; ".join([refusal.message, *refusal.errors])
        return printable(said.replace(self._client.auth_method.secret, "***")[:_QUOTED])


def _reference(kind: str, identity: str) -> dict[str, JsonValue]:
    return {"id": identity, "type": f"{kind}_reference"}


def _read(model: type[_M], answer: _Answer) -> _M:
    """What it answered; something else than PagerDuty may have, and then it is tried again."""
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as e:
        raise Unavailable("PagerDuty: its answer cannot be read") from e


def _said_of(incident: _Incident) -> str:
    paged = [one.assignee.summary for one in incident.assignments if one.assignee.summary]
    return f"{incident.id}, paged {', '.join(paged)}" if paged else incident.id
