"""PagerDuty's webhooks, version 3: events sent to a subscription's address, signed with its secret.

After developer.pagerduty.com/docs/webhooks: the hex HMAC-SHA256 of the body as it is sent, written `v1=<hex>`; while a
secret is exchanged there are several, with commas between them. What is not answered with 2xx within five seconds is
sent again.
"""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_account import Directory, Incident, Named, Note
from deployments.rehearsal.pagerduty_view import moment, reference

_WITHIN = 5.0  # seconds
_AGAIN = (0.5, 1.0, 2.0, 4.0)  # seconds before each further try; PagerDuty takes longer


def signature(secrets: Sequence[SecretStr], body: bytes) -> str:
    """The X-PagerDuty-Signature of a request."""
    return ",".join(
        "v1=" + hmac.new(one.get_secret_value().encode(), body, hashlib.sha256).hexdigest() for one in secrets
    )


def signed(event: JsonObject, *secrets: SecretStr) -> tuple[bytes, dict[str, str]]:
    """Body and headers of the request that carries an event."""
    body = json.dumps({"event": event}).encode()
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "PagerDuty-Webhook/V3.0",
        "X-PagerDuty-Signature": signature(secrets, body),
        "X-Webhook-Id": str(uuid.uuid4()),
    }


def annotated(incident: Incident, note: Note, base: str) -> JsonObject:
    """The event of a note on an incident. It names the incident by reference alone, without its dedup key."""
    of = reference("incident", Named(id=incident.id, name=incident.title[:100]), "incidents", base)
    data: JsonObject = {
        "incident": of,
        "id": note.id,
        "content": note.content,
        "trimmed": False,
        "type": "incident_note",
    }
    return _event("incident.annotated", data, reference("user", note.author, "users", base), note.at)


def changed(incident: Incident, directory: Directory, base: str) -> JsonObject:
    """The event of an incident that was triggered, acknowledged or resolved; unlike a note's it has the dedup key."""
    address = f"{base}/incidents/{incident.id}"
    data: JsonObject = {
        "id": incident.id,
        "type": "incident",
        "self": address,
        "html_url": address,
        "number": incident.number,
        "status": incident.status,
        "incident_key": incident.key,
        "created_at": moment(incident.created_at),
        "title": incident.title,
        "service": reference("service", directory.service, "services", base),
        "assignees": [reference("user", user, "users", base) for user in incident.assigned],
        "escalation_policy": reference(
            "escalation_policy", incident.policy or directory.escalation_policy, "escalation_policies", base
        ),
        "teams": [],
        "priority": None,
        "urgency": incident.urgency,
        "conference_bridge": None,
        "resolve_reason": None,
    }
    agent = reference("user", incident.agent, "users", base) if incident.agent else None
    return _event(f"incident.{incident.status}", data, agent, incident.status_at or incident.created_at)


def ping() -> JsonObject:
    """The event that PagerDuty sends when somebody tests a subscription."""
    return _event("pagey.ping", {"message": "Hello from your friend Pagey!", "type": "ping"}, None, datetime.now(UTC))


def _event(kind: str, data: JsonObject, agent: JsonObject | None, at: datetime) -> JsonObject:
    return {
        "id": uuid.uuid4().hex.upper(),
        "event_type": kind,
        "resource_type": kind.partition(".")[0],
        "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": agent,
        "client": None,
        "data": data,
    }


@dataclass
class Subscription:
    """Where events go, and what they are signed with; sent in the background, again where they are not acknowledged.

    Attributes:
        statuses: what was answered, in order; 0 where nothing was.
    """

    url: str
    secret: SecretStr
    statuses: list[int] = field(default_factory=list)
    _sending: set["asyncio.Task[None]"] = field(default_factory=set)

    def send(self, event: JsonObject) -> None:
        """Begins to send one."""
        task = asyncio.create_task(self._send(*signed(event, self.secret)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, body: bytes, headers: dict[str, str]) -> None:
        async with httpx.AsyncClient(timeout=_WITHIN, trust_env=False) as client:
            for pause in (*_AGAIN, None):
                try:
                    status = (await client.post(self.url, content=body, headers=headers)).status_code
                except httpx.HTTPError:
                    status = 0
                self.statuses.append(status)
                if httpx.codes.is_success(status) or pause is None:
                    return
                await asyncio.sleep(pause)
