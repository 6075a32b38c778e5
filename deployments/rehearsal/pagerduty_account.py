"""A PagerDuty account in memory: people and who is on call, incidents, notes, change events, maintenance windows."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from deployments.rehearsal.call_record import JsonObject

Status = Literal["triggered", "acknowledged", "resolved"]
Urgency = Literal["high", "low"]

_ID = Annotated[str, Field(pattern=r"^[A-Z0-9]{5,14}$")]


class Named(BaseModel):
    """Something with an id and a name: a service, a schedule, an escalation policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _ID
    name: Annotated[str, Field(min_length=1, max_length=100)]


class User(Named):
    """A person; `email` is what the REST API's From header names."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=100)]


class OnCall(BaseModel):
    """One shift: who, from when until when (without both: always), on which level (1 is paged first).

    `policy` is the id of the escalation policy; the service's own where it is "".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    schedule: Named = Named(id="PSCHEDULE", name="Launch rotation")
    level: Annotated[int, Field(ge=1)] = 1
    policy: str = ""
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether the shift and the time between the two have a moment in common."""
        return (self.start is None or self.start <= until) and (self.end is None or self.end > since)


class Directory(BaseModel):
    """What a schedule file says (JSON)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Named = Named(id="PSERVICE", name="Launches")
    services: tuple[Named, ...] = ()
    escalation_policy: Named = Named(id="PPOLICY", name="Launch escalation")
    policies: tuple[Named, ...] = ()
    users: tuple[User, ...]
    on_calls: tuple[OnCall, ...] = ()

    @model_validator(mode="after")
    def _users_exist(self) -> Self:
        unknown = {shift.user for shift in self.on_calls} - {user.id for user in self.users}
        if unknown:
            raise ValueError(f"on_calls name users that `users` lacks: {', '.join(sorted(unknown))}")
        return self

    def on_call_at(self, since: datetime, until: datetime) -> list[OnCall]:
        """The shifts in that time, the level that is paged first at the top."""
        return sorted((one for one in self.on_calls if one.overlaps(since, until)), key=lambda one: one.level)

    def any_service(self, service_id: str) -> Named | None:
        """The service with this id, be it that of the launches or another."""
        return next((one for one in (self.service, *self.services) if one.id == service_id), None)

    def policy(self, policy_id: str) -> Named | None:
        """The escalation policy with this id."""
        return next((one for one in (self.escalation_policy, *self.policies) if one.id == policy_id), None)

    def paged_by(self, policy: Named, at: datetime) -> list[User]:
        """Who is on call by a policy then, at the level that is paged first."""
        ours = [one for one in self.on_call_at(at, at) if (one.policy or self.escalation_policy.id) == policy.id]
        found = (self.user(one.user) for one in ours if one.level == ours[0].level)
        return [one for one in found if one is not None]

    def user(self, user_id: str) -> User | None:
        """The person with this id."""
        return next((user for user in self.users if user.id == user_id), None)


@dataclass(frozen=True)
class Note:
    """What someone wrote on an incident."""

    author: User
    content: str
    at: datetime
    id: str = field(default_factory=lambda: f"P{secrets.token_hex(4).upper()}")


@dataclass
class Incident:
    """An incident as it is now; `agent` is who last changed its status, None where an event did."""

    id: str
    number: int
    key: str
    title: str
    urgency: Urgency
    created_at: datetime
    updated_at: datetime
    assigned: Sequence[User]
    status: Status = "triggered"
    status_at: datetime | None = None
    agent: User | None = None
    acknowledged: list[tuple[datetime, User | None]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    alerts: list[JsonObject] = field(default_factory=list)
    body: str = ""
    policy: Named | None = None


@dataclass
class Window:
    """A maintenance window: from when until when incidents of these services page nobody."""

    start: datetime
    end: datetime
    description: str
    services: Sequence[str]
    by: User
    id: str = field(default_factory=lambda: f"P{secrets.token_hex(4).upper()}")


class Account:
    """Incidents by dedup key: one is open for a key at a time, and repeated triggers join it."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.incidents: list[Incident] = []
        self.change_events: list[JsonObject] = []
        self.windows: list[Window] = []

    def trigger(self, key: str, title: str, urgency: Urgency, payload: JsonObject) -> Incident:
        """Open an incident for this key, or add an alert to the one that is open."""
        incident = self.open(key)
        if incident is None:
            paged = self.directory.paged_by(self.directory.escalation_policy, datetime.now(UTC))
            incident = self.create(key, title, urgency, paged[:1])
        incident.alerts.append(payload)
        incident.updated_at = datetime.now(UTC)
        return incident

    def create(self, key: str, title: str, urgency: Urgency, assigned: Sequence[User]) -> Incident:
        """A new incident; whoever asks for it has looked whether one is open."""
        number, now = len(self.incidents) + 1, datetime.now(UTC)
        incident = Incident(
            id=f"Q{number:04d}{secrets.token_hex(4).upper()}",
            number=number,
            key=key,
            title=title,
            urgency=urgency,
            created_at=now,
            updated_at=now,
            assigned=assigned,
        )
        self.incidents.append(incident)
        return incident

    def set_status(self, incident: Incident, status: Status, agent: User | None) -> None:
        """Acknowledge, resolve or trigger again; a resolved incident stays resolved."""
        if incident.status in ("resolved", status):
            return
        now = datetime.now(UTC)
        incident.status, incident.agent = status, agent
        incident.status_at = incident.updated_at = now
        incident.acknowledged = [(now, agent)] if status == "acknowledged" else []

    def open(self, key: str) -> Incident | None:
        """The incident that is open for this key."""
        return next((one for one in self.incidents if one.key == key and one.status != "resolved"), None)

    def incident(self, incident_id: str) -> Incident | None:
        """The incident with this id."""
        return next((one for one in self.incidents if one.id == incident_id), None)
