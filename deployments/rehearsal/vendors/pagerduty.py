"""A FAKE of the side of PagerDuty's REST API that is read: policies, on-call shifts, people, services, incidents.

Beside `deployments.rehearsal.pagerduty_stand_in`, which takes events and changes incidents for one service, this one
holds plain state that can be changed while it is served, and refuses what PagerDuty refuses: a wrong token, and more
than six months between `since` and `until`. Its pages are short, so that whoever asks must follow them.
"""

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.pagerduty_records import Incident, Person, Policy, Service, Shift

JsonObject = dict[str, JsonValue]
PAGE = 2
_LONGEST = timedelta(days=184)
_WORD_OF = {"policy": "escalation_policy"}


class PagerDutyFake:
    """One account behind one REST token.

    Attributes:
        people, policies, shifts, services, incidents: what it holds; change them at will.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self.people: list[Person] = []
        self.policies: list[Policy] = []
        self.shifts: list[Shift] = []
        self.services: list[Service] = []
        self.incidents: list[Incident] = []

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                self._route("/escalation_policies", self._policies),
                self._route("/oncalls", self._on_calls),
                self._route("/services", self._services),
                self._route("/incidents", self._incidents),
                self._route("/incidents/{id}/log_entries", self._log_entries),
                self._route("/users/{id}/notification_rules", self._notification_rules),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given, f"Token token={self._token}"):
                return _refused(401, "Unauthorized")
            if "application/vnd.pagerduty+json;version=2" not in request.headers.get("accept", ""):
                return _refused(400, "Invalid Accept header")
            return answer(request)

        return Route(path, endpoint)

    def _policies(self, request: Request) -> Response:
        wanted = request.query_params.get("query", "")
        shown: list[JsonObject] = [
            {
                "id": policy.id,
                "type": "escalation_policy",
                "name": policy.name,
                "summary": policy.name,
                "escalation_rules": [
                    {
                        "id": f"PRULE{level}",
                        "escalation_delay_in_minutes": policy.minutes,
                        "targets": [{"id": "PSCHED", "type": "schedule_reference", "summary": "Rotation"}],
                    }
                    for level in range(1, policy.levels + 1)
                ],
            }
            for policy in self.policies
            if wanted in policy.name
        ]
        return _page(request, "escalation_policies", shown)

    def _on_calls(self, request: Request) -> Response:
        now = datetime.now(UTC)
        since, until = _time(request, "since", now), _time(request, "until", now)
        if until - since > _LONGEST:
            return _refused(400, "Invalid Input Provided")
        policies = request.query_params.getlist("escalation_policy_ids[]")
        shown: list[JsonObject] = [
            {
                "user": self._named("user", shift.person),
                "schedule": {"id": "PSCHED", "type": "schedule_reference", "summary": "Rotation"},
                "escalation_policy": self._named("policy", shift.policy),
                "escalation_level": shift.level,
                "start": _iso(shift.start),
                "end": _iso(shift.end),
            }
            for shift in self.shifts
            if (not policies or shift.policy in policies)
            and (shift.start is None or shift.start <= until)
            and (shift.end is None or shift.end > since)
        ]
        return _page(request, "oncalls", shown)

    def _services(self, request: Request) -> Response:
        wanted = request.query_params.get("query", "")
        shown: list[JsonObject] = [
            {
                "id": service.id,
                "type": "service",
                "name": service.name,
                "summary": service.name,
                "status": service.status,
                "created_at": _iso(datetime.now(UTC) - service.ago),
                "escalation_policy": self._named("policy", service.policy),
                "integrations": [
                    {"id": f"PINT{n}", "type": "events_api_v2_inbound_integration", "summary": name}
                    for n, name in enumerate(service.integrations)
                ],
            }
            for service in self.services
            if wanted in service.name
        ]
        return _page(request, "services", shown)

    def _incidents(self, request: Request) -> Response:
        query, now = request.query_params, datetime.now(UTC)
        everything = query.get("date_range") == "all"
        since, until = _time(request, "since", now - timedelta(days=30)), _time(request, "until", now)
        if not everything and until - since > _LONGEST:
            return _refused(400, "Invalid Input Provided")
        found = [
            one
            for one in self.incidents
            if one.service in query.getlist("service_ids[]")
            and one.urgency in (query.getlist("urgencies[]") or ["high", "low"])
            and one.status in (query.getlist("statuses[]") or ["triggered", "acknowledged", "resolved"])
            and (everything or since <= one.created <= until)
        ]
        newest_first = query.get("sort_by") == "created_at:desc"
        ordered = sorted(found, key=lambda one: one.created, reverse=newest_first)
        return _page(request, "incidents", [_incident(one) for one in ordered])

    def _log_entries(self, request: Request) -> Response:
        one = next((one for one in self.incidents if one.id == request.path_params["id"]), None)
        if one is None:
            return _refused(404, "Not Found")
        of_service: JsonObject = {"id": one.service, "type": "service_reference", "summary": "service"}
        entries: list[JsonObject] = [_entry("trigger", one.created, of_service)]
        if one.acknowledged:
            by = self._named("user", one.acknowledged_by) if one.acknowledged_by else of_service
            entries.append(_entry("acknowledge", one.acknowledged, by))
        if one.resolved:
            entries.append(_entry("resolve", one.resolved, of_service))
        return _page(request, "log_entries", entries[::-1])

    def _notification_rules(self, request: Request) -> Response:
        person = next((one for one in self.people if one.id == request.path_params["id"]), None)
        if person is None:
            return _refused(404, "Not Found")
        whole = "contact_methods" in request.query_params.getlist("include[]")
        rules = [
            {
                "id": f"PRULE{n}",
                "type": "assignment_notification_rule",
                "start_delay_in_minutes": rule.minutes,
                "urgency": rule.urgency,
                "contact_method": _method(rule.method, person.methods.index(rule.method), whole=whole),
            }
            for n, rule in enumerate(person.rules)
            if rule.method in person.methods
        ]
        return JSONResponse({"notification_rules": rules})

    def _named(self, kind: str, wanted: str) -> JsonObject:
        things: Iterable[Person | Policy] = self.people if kind == "user" else self.policies
        name = next((one.name for one in things if one.id == wanted), None)
        return {"id": wanted, "type": f"{_WORD_OF.get(kind, kind)}_reference", "summary": name}


def _method(way: str, number: int, *, whole: bool) -> JsonObject:
    if not whole:
        return {"id": f"PWAY{number}", "type": f"{way}_contact_method_reference"}
    return {"id": f"PWAY{number}", "type": f"{way}_contact_method", "label": "Work", "address": "not shown"}


def _incident(one: Incident) -> JsonObject:
    changed = one.resolved or one.acknowledged or one.created
    return {
        "id": one.id,
        "type": "incident",
        "incident_number": one.number,
        "title": one.title,
        "status": one.status,
        "urgency": one.urgency,
        "created_at": _iso(one.created),
        "resolved_at": _iso(one.resolved),
        "last_status_change_at": _iso(changed),
        "service": {"id": one.service, "type": "service_reference", "summary": "service"},
        "acknowledgements": [],
    }


def _entry(verb: str, at: datetime, by: JsonObject) -> JsonObject:
    return {
        "id": f"R{verb.upper()}",
        "type": f"{verb}_log_entry",
        "created_at": _iso(at),
        "agent": by,
        "channel": {"type": "auto"},
    }


def _page(request: Request, name: str, items: list[JsonObject]) -> Response:
    limit = min(int(request.query_params.get("limit", "25")), PAGE)
    offset = int(request.query_params.get("offset", "0"))
    shown = items[offset : offset + limit]
    more = offset + limit < len(items)
    return JSONResponse({name: shown, "limit": limit, "offset": offset, "more": more, "total": None})


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "code": 2000 + status}}, status_code=status)


def _time(request: Request, name: str, default: datetime) -> datetime:
    text = request.query_params.get(name)
    return datetime.fromisoformat(text) if text else default


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
