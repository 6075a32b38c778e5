"""How PagerDuty's REST API shows the account's objects."""

from datetime import UTC, datetime

from pydantic import JsonValue

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_account import Directory, Incident, Named, Note, OnCall, User, Window


def moment(at: datetime | None) -> str | None:
    """A time as PagerDuty writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def reference(kind: str, thing: Named, path: str, base: str) -> JsonObject:
    """A short pointer to something: `kind` is its type without `_reference`."""
    address = f"{base}/{path}/{thing.id}"
    return {
        "id": thing.id,
        "type": f"{kind}_reference",
        "summary": thing.name,
        "self": address,
        "html_url": address,
    }


def user_view(user: User, base: str) -> JsonObject:
    """A user, whole."""
    added: JsonObject = {
        "type": "user",
        "name": user.name,
        "email": user.email,
        "time_zone": "Etc/UTC",
        "role": "user",
        "teams": [],
        "contact_methods": [],
        "notification_rules": [],
    }
    return reference("user", user, "users", base) | added


def on_call_view(shift: OnCall, directory: Directory, base: str, *, whole_users: bool) -> JsonObject:
    """One shift; its user whole where `include[]=users` asks for that."""
    user = directory.user(shift.user)
    shown: JsonValue = None
    if user is not None:
        shown = user_view(user, base) if whole_users else reference("user", user, "users", base)
    return {
        "user": shown,
        "schedule": reference("schedule", shift.schedule, "schedules", base),
        "escalation_policy": reference(
            "escalation_policy",
            directory.policy(shift.policy) or directory.escalation_policy,
            "escalation_policies",
            base,
        ),
        "escalation_level": shift.level,
        "start": moment(shift.start),
        "end": moment(shift.end),
    }


def note_view(note: Note, base: str) -> JsonObject:
    """A note on an incident."""
    return {
        "id": note.id,
        "user": reference("user", note.author, "users", base),
        "channel": {"summary": "The PagerDuty website or APIs"},
        "content": note.content,
        "created_at": moment(note.at),
    }


def incident_view(incident: Incident, directory: Directory, base: str) -> JsonObject:
    """An incident with what happened to it so far."""
    service = reference("service", directory.service, "services", base)
    address = f"{base}/incidents/{incident.id}"
    alerts, resolved = len(incident.alerts), incident.status == "resolved"
    view: JsonObject = {
        "id": incident.id,
        "type": "incident",
        "summary": f"[#{incident.number}] {incident.title}",
        "self": address,
        "html_url": address,
        "incident_number": incident.number,
        "title": incident.title,
        "created_at": moment(incident.created_at),
        "updated_at": moment(incident.updated_at),
        "status": incident.status,
        "incident_key": incident.key,
        "urgency": incident.urgency,
        "service": service,
        "escalation_policy": reference(
            "escalation_policy", incident.policy or directory.escalation_policy, "escalation_policies", base
        ),
        "teams": [],
        "assigned_via": "escalation_policy",
        "assignments": [
            {"at": moment(incident.created_at), "assignee": reference("user", user, "users", base)}
            for user in ([] if resolved else incident.assigned)
        ],
        "acknowledgements": [
            {"at": moment(at), "acknowledger": reference("user", user, "users", base) if user else service}
            for at, user in incident.acknowledged
        ],
        "last_status_change_at": moment(incident.status_at or incident.created_at),
        "last_status_change_by": reference("user", incident.agent, "users", base) if incident.agent else service,
        "alert_counts": {
            "all": alerts,
            "triggered": 0 if resolved else alerts,
            "resolved": alerts if resolved else 0,
        },
    }
    if resolved:
        view["resolved_at"] = moment(incident.status_at)
    return view


def window_view(window: Window, directory: Directory, base: str) -> JsonObject:
    """A maintenance window."""
    named = Named(id=window.id, name=window.description[:100] or "maintenance")
    return reference("maintenance_window", named, "maintenance_windows", base) | {
        "type": "maintenance_window",
        "start_time": moment(window.start),
        "end_time": moment(window.end),
        "description": window.description,
        "services": [
            reference("service", service, "services", base)
            for service in map(directory.any_service, window.services)
            if service is not None
        ],
        "teams": [],
        "created_by": reference("user", window.by, "users", base),
    }
