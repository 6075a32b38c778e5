"""PagerDuty's REST API v2: on-calls, users, incidents, notes, maintenance windows and abilities."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.datastructures import QueryParams

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_account import Account, Incident, Named, Note, Status, Urgency, User
from deployments.rehearsal.pagerduty_view import incident_view, note_view, on_call_view, user_view, window_view
from deployments.rehearsal.pagerduty_windows import NewWindow, WindowRefused, end_window, open_window, windows_shown

PAGE = 25
LARGEST_PAGE = 100
ABILITIES = ("teams", "urgencies", "service_support_hours")

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_PAGING = {"limit", "offset", "total"}
_Item = TypeVar("_Item")


class RestRefusal(Exception):
    """PagerDuty's `{"error": {"message", "code", "errors"}}` with an HTTP status."""

    def __init__(self, status: int, code: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self._body: JsonObject = {"message": message, "code": code}
        if errors:
            self._body["errors"] = list(errors)

    def body(self) -> JsonObject:
        """The answer's body."""
        return {"error": self._body}


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _IncidentChange(_Sent):
    type: Literal["incident", "incident_reference"]
    status: Status | None = None
    title: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    urgency: Urgency | None = None
    resolution: str | None = None


class _IncidentUpdate(_Sent):
    incident: _IncidentChange


class _Reference(_Sent):
    id: str
    type: str


class _Assignment(_Sent):
    assignee: _Reference


class _Text(_Sent):
    type: Literal["incident_body"]
    details: str = ""


class _IncidentMade(_Sent):
    type: Literal["incident"]
    title: Annotated[str, Field(min_length=1, max_length=1024)]
    service: _Reference
    urgency: Urgency = "high"
    incident_key: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    body: _Text | None = None
    escalation_policy: _Reference | None = None
    assignments: list[_Assignment] | None = None


class _NewIncident(_Sent):
    incident: _IncidentMade


class _NoteText(_Sent):
    content: Annotated[str, Field(min_length=1, max_length=65_535)]


class _NewNote(_Sent):
    note: _NoteText


_Body = TypeVar("_Body", _IncidentUpdate, _NewIncident, _NewNote, NewWindow)


class RestApi:
    """Answers for one account; `base` is the server's address, for links."""

    def __init__(self, account: Account, base: str) -> None:
        self._account = account
        self._directory = account.directory
        self._base = base

    def abilities(self) -> JsonObject:
        """GET /abilities."""
        return {"abilities": list[JsonValue](ABILITIES)}

    def on_calls(self, query: QueryParams) -> JsonObject:
        """GET /oncalls: now, or between `since` and `until`."""
        _check(query, {"since", "until", "user_ids[]", "schedule_ids[]", "escalation_policy_ids[]", "include[]"})
        now = datetime.now(UTC)
        since, until = _time(query, "since", now), _time(query, "until", now)
        shifts = [
            shift
            for shift in self._directory.on_call_at(since, max(since, until))
            if _among(query, "user_ids[]", shift.user)
            and _among(query, "schedule_ids[]", shift.schedule.id)
            and _among(query, "escalation_policy_ids[]", shift.policy or self._directory.escalation_policy.id)
        ]
        whole = "users" in query.getlist("include[]")
        return _page(
            "oncalls", shifts, query, lambda one: on_call_view(one, self._directory, self._base, whole_users=whole)
        )

    def users(self, query: QueryParams) -> JsonObject:
        """GET /users: everyone, or those whose name or email holds `query`."""
        _check(query, {"query", "include[]"})
        wanted = query.get("query", "").lower()
        users = [one for one in self._directory.users if wanted in f"{one.name} {one.email}".lower()]
        return _page("users", users, query, lambda one: user_view(one, self._base))

    def incidents(self, query: QueryParams) -> JsonObject:
        """GET /incidents: by status, key, urgency and time; the newest first where `sort_by` says so."""
        _check(
            query,
            {"statuses[]", "incident_key", "urgencies[]", "service_ids[]", "since", "until", "date_range", "sort_by"},
        )
        key, everything = query.get("incident_key"), query.get("date_range") == "all"
        since = _EARLIEST if everything else _time(query, "since", _EARLIEST)
        until = _LATEST if everything else _time(query, "until", _LATEST)
        found = [
            one
            for one in self._account.incidents
            if _among(query, "statuses[]", one.status)
            and _among(query, "urgencies[]", one.urgency)
            and _among(query, "service_ids[]", self._directory.service.id)
            and (key is None or one.key == key)
            and since <= one.created_at <= until
        ]
        if query.get("sort_by", "").endswith(":desc"):
            found.reverse()
        return _page("incidents", found, query, lambda one: incident_view(one, self._directory, self._base))

    def create(self, body: bytes, sender: str | None) -> JsonObject:
        """POST /incidents: for an escalation policy or for people; refused where one is open under its key."""
        self._sender(sender)
        made = _parsed(_NewIncident, body).incident
        if made.service.id != self._directory.service.id:
            raise RestRefusal(400, 2001, "Invalid Input Provided", "Service not found")
        if made.escalation_policy is not None and made.assignments:
            raise RestRefusal(400, 2001, "Invalid Input Provided", "give assignments or an escalation policy, not both")
        if made.incident_key is not None and self._account.open(made.incident_key) is not None:
            said = "Open incident with matching dedup key already exists on this service"
            raise RestRefusal(400, 2002, "Arguments Caused Error", said)
        policy = self._policy(made.escalation_policy)
        asked = [self._directory.user(one.assignee.id) for one in made.assignments or []]
        if None in asked:
            raise RestRefusal(400, 2001, "Invalid Input Provided", "Assignee not found")
        people = [user for user in asked if user is not None]
        paged = people or self._directory.paged_by(policy, datetime.now(UTC))
        incident = self._account.create(made.incident_key or secrets.token_hex(16), made.title, made.urgency, paged)
        incident.policy, incident.body = policy, made.body.details if made.body else ""
        return self.incident(incident.id)

    def _policy(self, wanted: _Reference | None) -> Named:
        policy = self._directory.policy(wanted.id) if wanted else self._directory.escalation_policy
        if policy is None:
            raise RestRefusal(400, 2001, "Invalid Input Provided", "Escalation policy not found")
        return policy

    def incident(self, incident_id: str) -> JsonObject:
        """GET /incidents/{id}."""
        return {"incident": incident_view(self._found(incident_id), self._directory, self._base)}

    def update(self, incident_id: str, body: bytes, sender: str | None) -> JsonObject:
        """PUT /incidents/{id}: status, title, urgency; a resolved incident takes no other status."""
        user, incident = self._sender(sender), self._found(incident_id)
        change = _parsed(_IncidentUpdate, body).incident
        if change.status is not None:
            if incident.status == "resolved" and change.status != "resolved":
                raise RestRefusal(400, 2001, "Invalid Input Provided", "Incident Already Resolved")
            self._account.set_status(incident, change.status, user)
        incident.title = change.title or incident.title
        incident.urgency = change.urgency or incident.urgency
        if change.resolution:
            incident.notes.append(Note(user, change.resolution, datetime.now(UTC)))
        return self.incident(incident_id)

    def notes(self, incident_id: str) -> JsonObject:
        """GET /incidents/{id}/notes."""
        return {"notes": [note_view(note, self._base) for note in self._found(incident_id).notes]}

    def add_note(self, incident_id: str, body: bytes, sender: str | None) -> JsonObject:
        """POST /incidents/{id}/notes, in the name of the person that the From header names."""
        user, incident = self._sender(sender), self._found(incident_id)
        note = Note(user, _parsed(_NewNote, body).note.content, datetime.now(UTC))
        incident.notes.append(note)
        return {"note": note_view(note, self._base)}

    def windows(self, query: QueryParams) -> JsonObject:
        """GET /maintenance_windows: by description, service, and whether they are past, ongoing or to come."""
        _check(query, {"query", "service_ids[]", "filter", "team_ids[]", "include[]"})
        services, which = query.getlist("service_ids[]"), query.get("filter", "open")
        found = windows_shown(self._account, query.get("query", ""), services, which)
        return _page("maintenance_windows", found, query, lambda one: window_view(one, self._directory, self._base))

    def open_window(self, body: bytes, sender: str | None) -> JsonObject:
        """POST /maintenance_windows, in the name of the person that the From header names."""
        user, sent = self._sender(sender), _parsed(NewWindow, body)
        try:
            window = open_window(self._account, sent, user)
        except WindowRefused as refused:
            raise RestRefusal(refused.status, 2001, "Invalid Input Provided", str(refused)) from refused
        return {"maintenance_window": window_view(window, self._directory, self._base)}

    def end_window(self, window_id: str) -> JsonObject:
        """DELETE /maintenance_windows/{id}."""
        try:
            end_window(self._account, window_id)
        except WindowRefused as refused:
            raise RestRefusal(refused.status, 2100, str(refused)) from refused
        return {}

    def _found(self, incident_id: str) -> Incident:
        incident = self._account.incident(incident_id)
        if incident is None:
            raise RestRefusal(404, 2100, "Not Found")
        return incident

    def _sender(self, email: str | None) -> User:
        user = next((one for one in self._directory.users if one.email == email), None)
        if user is None:
            raise RestRefusal(400, 1008, "Requester User Not Found", "the From header must be the email of a user")
        return user


def _parsed(model: type[_Body], body: bytes) -> _Body:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise RestRefusal(400, 2001, "Invalid Input Provided", *wrong) from error


def _check(query: QueryParams, known: set[str]) -> None:
    unknown = set(query) - known - _PAGING
    if unknown:
        raise RestRefusal(400, 2001, "Invalid Input Provided", f"unknown parameters: {', '.join(sorted(unknown))}")


def _among(query: QueryParams, name: str, value: str) -> bool:
    wanted = query.getlist(name)
    return not wanted or value in wanted


def _time(query: QueryParams, name: str, default: datetime) -> datetime:
    text = query.get(name)
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RestRefusal(400, 2001, "Invalid Input Provided", f"{name} is not an ISO 8601 time: {text}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _page(name: str, items: Sequence[_Item], query: QueryParams, view: Callable[[_Item], JsonObject]) -> JsonObject:
    try:
        limit, offset = min(int(query.get("limit", PAGE)), LARGEST_PAGE), int(query.get("offset", 0))
    except ValueError as error:
        raise RestRefusal(400, 2001, "Invalid Input Provided", "limit and offset must be whole numbers") from error
    return {
        name: [view(item) for item in items[offset : offset + limit]],
        "limit": limit,
        "offset": offset,
        "more": offset + limit < len(items),
        "total": len(items) if query.get("total") == "true" else None,
    }
