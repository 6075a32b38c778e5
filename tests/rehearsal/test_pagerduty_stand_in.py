"""The PagerDuty stand-in, driven by PagerDuty's own Python clients over loopback TLS."""

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pagerduty
import pytest
from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.rehearsal import loopback_certificate, pagerduty_account
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.pagerduty_webhooks import Subscription
from deployments.rehearsal.stand_in_server import TlsFiles

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
LEAD = "devops-lead-1@example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate and the authority to trust for it."""
    return loopback_certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_door(authority: TlsFiles) -> Iterator[Door]:
    """A server that speaks https."""
    door = Door()
    with served(door, authority) as door.url:
        yield door


@pytest.fixture
def account() -> PagerDutyStandIn:
    """An account in which one person is on call, and another was."""
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [
                {"id": "PUSER01", "name": "DevOps lead, first shift", "email": LEAD},
                {"id": "PUSER02", "name": "DevOps lead, second shift", "email": "devops-lead-2@example.com"},
            ],
            "on_calls": [
                {"user": "PUSER01", "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"},
                {"user": "PUSER02", "start": "2019-01-01T00:00:00Z", "end": "2020-01-01T00:00:00Z"},
            ],
        }
    )
    return PagerDutyStandIn(SecretStr(ROUTING_KEY), SecretStr("rest-token"), directory)


@pytest.fixture
def pagerduty_url(account: PagerDutyStandIn, tls_door: Door) -> str:
    """Its https address."""
    tls_door.behind = account.app()
    return tls_door.url


@pytest.fixture
def trust(authority: TlsFiles) -> ssl.SSLContext:
    """What a product makes of the setting `ca_file`; as strict as later Python versions are by default."""
    context = ssl.create_default_context(cafile=authority.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture
def events(pagerduty_url: str, trust: ssl.SSLContext) -> Iterator[pagerduty.EventsApiV2Client]:
    """PagerDuty's own client for events."""
    with pagerduty.EventsApiV2Client(ROUTING_KEY, base_url=pagerduty_url, verify=trust) as client:
        yield client


@pytest.fixture
def rest(pagerduty_url: str, trust: ssl.SSLContext) -> Iterator[pagerduty.RestApiV2Client]:
    """PagerDuty's own client for the REST API."""
    with pagerduty.RestApiV2Client("rest-token", base_url=pagerduty_url, default_from=LEAD, verify=trust) as client:
        yield client


class TestPagerDutyEvents:
    """The Events API through PagerDuty's client."""

    def test_an_incident_lives_by_its_dedup_key(
        self, events: pagerduty.EventsApiV2Client, rest: pagerduty.RestApiV2Client
    ) -> None:
        """Triggered twice it is one incident; acknowledged; resolved; triggered again it is a second one."""
        key = events.trigger("gate failed", "tminus", dedup_key="launch:1", severity="error")
        events.trigger("gate failed again", "tminus", dedup_key=key)
        events.acknowledge(key)
        only = rest.list_all("incidents", params={"incident_key": key})
        assert [(one["status"], one["title"], one["alert_counts"]["all"]) for one in only] == [
            ("acknowledged", "gate failed", 2)
        ]
        events.resolve(key)
        events.trigger("gate failed", "tminus", dedup_key=key)
        all_of_them = rest.list_all("incidents", params={"incident_key": key})
        assert [one["status"] for one in all_of_them] == ["resolved", "triggered"]

    def test_a_change_event_is_kept_and_pages_nobody(
        self, account: PagerDutyStandIn, events: pagerduty.EventsApiV2Client
    ) -> None:
        """Phase starts and deployments are change events."""
        at = datetime.now(UTC).isoformat()
        events.send_change_event({"summary": "T-0: deploy", "source": "tminus", "timestamp": at})
        assert [one["payload"] for one in account.account.change_events] == [
            {"summary": "T-0: deploy", "source": "tminus", "timestamp": at.replace("+00:00", "Z")}
        ]
        assert account.account.incidents == []

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"payload": None}, "'payload' is missing"),
            ({"payload": {"summary": "x", "source": "s", "severity": "fatal"}}, "'payload.severity' is invalid"),
            ({"payload": {"summary": "x" * 1025, "source": "s", "severity": "info"}}, "'payload.summary' is invalid"),
            ({"payload": {"source": "s", "severity": "info"}}, "'payload.summary' is missing or blank"),
            ({"dedup_key": "k" * 256}, "'dedup_key' is invalid"),
            ({"event_action": "reopen"}, "'event_action' is invalid"),
            ({"event_action": "resolve"}, "'dedup_key' is missing"),
            ({"routing_key": "short"}, "should be 32 characters"),
            ({"routing_key": "f" * 32}, "'routing_key' is not valid"),
            ({"sevrity": "info"}, "'sevrity' is not a known property"),
        ],
    )
    def test_an_event_that_pagerduty_would_refuse(
        self,
        account: PagerDutyStandIn,
        pagerduty_url: str,
        trust: ssl.SSLContext,
        change: dict[str, JsonValue],
        complaint: str,
    ) -> None:
        """400 with the reason, and no incident."""
        event: dict[str, JsonValue] = {
            "routing_key": ROUTING_KEY,
            "event_action": "trigger",
            "payload": {"summary": "x", "source": "s", "severity": "critical"},
        }
        refused = httpx.post(f"{pagerduty_url}/v2/enqueue", json=event | change, verify=trust)
        assert refused.status_code == 400
        assert complaint in refused.json()["errors"][0]
        assert account.account.incidents == []
        assert ROUTING_KEY not in json.dumps([call.model_dump() for call in account.record.calls])

    def test_a_client_that_does_not_trust_the_authority_is_kept_out(self, pagerduty_url: str) -> None:
        """TLS is real: without ca_file nothing is sent."""
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.post(f"{pagerduty_url}/v2/enqueue", json={})


class TestPagerDutyRest:
    """The REST API through PagerDuty's client."""

    def test_who_is_on_call(self, rest: pagerduty.RestApiV2Client) -> None:
        """Now the first shift; in 2019 the second; and abilities show that the token works."""
        assert [one["user"]["id"] for one in rest.list_all("oncalls")] == ["PUSER01"]
        past = {"since": "2019-05-01T00:00:00Z", "until": "2019-05-02T00:00:00Z", "include": ["users"]}
        assert [one["user"]["email"] for one in rest.list_all("oncalls", params=past)] == ["devops-lead-2@example.com"]
        assert "urgencies" in rest.rget("abilities")
        assert [one["id"] for one in rest.list_all("users", params={"query": "second"})] == ["PUSER02"]

    def test_notes_and_status_are_written_in_a_persons_name(
        self, events: pagerduty.EventsApiV2Client, rest: pagerduty.RestApiV2Client
    ) -> None:
        """A note is read back with its author; a resolved incident takes no other status."""
        events.trigger("rolled back", "tminus", dedup_key="launch:2")
        incident = rest.list_all("incidents", params={"statuses": ["triggered"]})[0]
        assert incident["assignments"][0]["assignee"]["id"] == "PUSER01"
        rest.rpost(f"incidents/{incident['id']}/notes", json={"content": "hold"})
        notes = rest.rget(f"incidents/{incident['id']}/notes")
        assert [(one["content"], one["user"]["summary"]) for one in notes] == [("hold", "DevOps lead, first shift")]
        reference = {"type": "incident_reference", "status": "resolved"}
        assert rest.rput(f"incidents/{incident['id']}", json=reference)["resolved_at"]
        with pytest.raises(pagerduty.HttpError, match="Already Resolved"):
            rest.rput(f"incidents/{incident['id']}", json=reference | {"status": "acknowledged"})

    def test_an_incident_is_made_for_a_policy_or_for_people(
        self, account: PagerDutyStandIn, rest: pagerduty.RestApiV2Client
    ) -> None:
        """Its key is one open incident's at a time; what does not exist is refused."""
        service = {"id": "PSERVICE", "type": "service_reference"}
        asked = {"type": "incident", "title": "Go", "service": service, "incident_key": "l:ask-go"}
        made = rest.rpost("incidents", json=asked)
        assert (made["incident_key"], made["assignments"][0]["assignee"]["id"]) == ("l:ask-go", "PUSER01")
        with pytest.raises(pagerduty.HttpError, match="Open incident with matching"):
            rest.rpost("incidents", json=asked)
        second = {"assignee": {"id": "PUSER02", "type": "user_reference"}}
        named = rest.rpost("incidents", json={**asked, "incident_key": "l:b", "assignments": [second]})
        assert [one["assignee"]["id"] for one in named["assignments"]] == ["PUSER02"]
        gone = {"id": "PGONE", "type": "escalation_policy_reference"}
        for wrong in ({"escalation_policy": gone}, {"service": {**service, "id": "PGONE"}}, {"assignments": [{}]}):
            with pytest.raises(pagerduty.HttpError, match="400"):
                rest.rpost("incidents", json={**asked, "incident_key": "l:c", **wrong})
        assert len(account.account.incidents) == 2

    def test_refusals(self, pagerduty_url: str, trust: ssl.SSLContext, rest: pagerduty.RestApiV2Client) -> None:
        """A wrong token, a writer nobody knows, an incident that is not there, a parameter that does not exist."""
        with (
            pagerduty.RestApiV2Client("other", base_url=pagerduty_url, verify=trust) as stranger,
            pytest.raises(pagerduty.HttpError, match="401"),
        ):
            stranger.rget("abilities")
        with (
            pagerduty.RestApiV2Client("rest-token", base_url=pagerduty_url, verify=trust) as nobody,
            pytest.raises(pagerduty.HttpError, match="Requester User Not Found"),
        ):
            nobody.rpost("incidents/Q1/notes", json={"content": "x"})
        assert rest.get("incidents/Q1").status_code == 404
        assert rest.get("incidents", params={"incident-key": "x"}).status_code == 400


class TestFaults:
    """Faults meet the API's callers."""

    def test_down_and_limited_reach_the_client_as_a_status(
        self, account: PagerDutyStandIn, events: pagerduty.EventsApiV2Client
    ) -> None:
        """Nothing happens in either, and the client is told so."""
        events.retry, events.max_http_attempts = {429: 1, 503: 1}, 1
        events.sleep_timer = 0.01
        for mode, status in (("down", 503), ("rate_limited", 429)):
            account.faults.set(Fault.model_validate({"mode": mode}))
            with pytest.raises(pagerduty.HttpError) as refused:
                events.trigger("it broke", "tminus")
            assert refused.value.response.status_code == status
        assert account.account.incidents == []


class TestWebhooks:
    """Notes are told to whoever subscribed, signed."""

    def test_a_note_is_sent_signed_until_it_is_acknowledged(
        self, account: PagerDutyStandIn, pagerduty_url: str, trust: ssl.SSLContext
    ) -> None:
        """With its author and its incident by reference; the signature is over the bytes as they are sent."""
        heard: list[tuple[bytes, str]] = []

        async def listener(request: Request) -> Response:
            heard.append((await request.body(), request.headers["x-pagerduty-signature"]))
            return Response(status_code=202 if len(heard) > 1 else 503)

        incident = account.account.create("l:held", "held", "high", [])
        with served(Starlette(routes=[Route("/hook", listener, methods=["POST"])])) as url:
            account.subscription = Subscription(f"{url}/hook", SecretStr("webhook-secret"))
            note = {"incident": incident.id, "user": "PUSER02", "content": "hold"}
            httpx.post(f"{pagerduty_url}/_control/notes", json=note, verify=trust).raise_for_status()
            until = time.monotonic() + 10
            while len(heard) < 2 and time.monotonic() < until:
                time.sleep(0.01)
        (first, mark), (again, _) = heard
        assert first == again
        assert mark == "v1=" + hmac.new(b"webhook-secret", first, hashlib.sha256).hexdigest()
        event = json.loads(first)["event"]
        assert (event["event_type"], event["agent"]["id"]) == ("incident.annotated", "PUSER02")
        assert (event["data"]["content"], event["data"]["incident"]["id"]) == ("hold", incident.id)
        assert "incident_key" not in event["data"]["incident"]

    def test_changes_of_an_incident_are_sent_too(
        self, account: PagerDutyStandIn, events: pagerduty.EventsApiV2Client, rest: pagerduty.RestApiV2Client
    ) -> None:
        """With its dedup key, once for each status; a note that is written by the REST API is a note like any other."""
        heard: list[dict[str, JsonValue]] = []

        async def listener(request: Request) -> Response:
            heard.append((await request.json())["event"])
            return Response(status_code=202)

        with served(Starlette(routes=[Route("/hook", listener, methods=["POST"])])) as url:
            account.subscription = Subscription(f"{url}/hook", SecretStr("webhook-secret"))
            for step in (
                lambda: events.trigger("gate failed", "tminus", dedup_key="l:held"),
                lambda: events.trigger("gate failed again", "tminus", dedup_key="l:held"),
                lambda: rest.rpost(f"incidents/{account.account.incidents[0].id}/notes", json={"content": "hold"}),
                lambda: events.resolve("l:held"),
            ):
                step()
            until = time.monotonic() + 10
            while len(heard) < 3 and time.monotonic() < until:
                time.sleep(0.01)
        kinds = {str(one["event_type"]): one["data"] for one in heard}
        assert sorted(kinds) == ["incident.annotated", "incident.resolved", "incident.triggered"]
        assert len(heard) == 3
        opened = kinds["incident.triggered"]
        assert isinstance(opened, dict)
        assert (opened["incident_key"], opened["status"], opened["type"]) == ("l:held", "triggered", "incident")
