"""What PagerDuty's REST API says of one thing by its id: a user, a service, an escalation policy."""

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_account import Directory, Named
from deployments.rehearsal.pagerduty_rest import RestRefusal
from deployments.rehearsal.pagerduty_view import reference, user_view


def one_user(directory: Directory, identity: str, base: str) -> JsonObject:
    """GET /users/{id}."""
    user = directory.user(identity)
    if user is None:
        raise RestRefusal(404, 2100, "Not Found")
    return {"user": user_view(user, base)}


def one_service(directory: Directory, identity: str, base: str) -> JsonObject:
    """GET /services/{id}."""
    service = directory.service if directory.service.id == identity else None
    policy = reference("escalation_policy", directory.escalation_policy, "escalation_policies", base)
    return {"service": _whole("service", service, "services", base) | {"status": "active", "escalation_policy": policy}}


def one_policy(directory: Directory, identity: str, base: str) -> JsonObject:
    """GET /escalation_policies/{id}."""
    policy = _whole("escalation_policy", directory.policy(identity), "escalation_policies", base)
    rule: JsonObject = {"id": "PRULE01", "escalation_delay_in_minutes": 5, "targets": []}
    return {"escalation_policy": policy | {"escalation_rules": [rule], "num_loops": 0, "services": [], "teams": []}}


def _whole(kind: str, thing: Named | None, path: str, base: str) -> JsonObject:
    if thing is None:
        raise RestRefusal(404, 2100, "Not Found")
    return reference(kind, thing, path, base) | {"type": kind, "name": thing.name}
