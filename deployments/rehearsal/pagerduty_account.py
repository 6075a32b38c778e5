"""A PagerDuty account in memory: one service, its people and who is on call, its incidents and change events."""

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
    """One shift: who, from when until when (without both: always), on which level (1 is paged first)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    schedule: Named = Named(id="PSCHEDULE", name="Launch rotation")
    level: Annotated[int, Field(ge=1)] = 1
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether the shift and the time between the two have a moment in common."""
        return (self.start is None or self.start <= until) and (self.end is None or self.end > since)


class Directory(BaseModel):
    """What a schedule file says (JSON)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Named = Named(id="PSERVICE", name="Launches")
    escalation_policy: Named = Named(id="PPOLICY", name="Launch escalation")
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


class Account:
    """Incidents by dedup key: one is open for a key at a time, and repeated triggers join it."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.incidents: list[Incident] = []
        self.change_events: list[JsonObject] = []

    def trigger(self, key: str, title: str, urgency: Urgency, payload: JsonObject) -> Incident:
        """Open an incident for this key, or add an alert to the one that is open."""
        incident, now = self.open(key), datetime.now(UTC)
        if incident is None:
            number = len(self.incidents) + 1
            paged = [self.directory.user(shift.user) for shift in self.directory.on_call_at(now, now)[:1]]
            incident = Incident(
                id=f"Q{number:04d}{secrets.token_hex(4).upper()}",
                number=number,
                key=key,
                title=title,
                urgency=urgency,
                created_at=now,
                updated_at=now,
                assigned=[user for user in paged if user is not None],
            )
            self.incidents.append(incident)
        incident.alerts.append(payload)
        incident.updated_at = now
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
