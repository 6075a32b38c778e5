"""The stand-ins held against the vendors' own API descriptions, where those are at hand.

Every request of a realistic session goes to the stand-in and to a server that checks it against the vendor's
description; whatever the stand-in accepts, the vendor's description must accept too. The stand-in's answers are checked
against the vendor's response schemas. Fields that a description does not know yet are not held against an answer.
"""

import importlib.util
import json
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from pydantic import JsonValue, SecretStr

from deployments.rehearsal import loopback_certificate, pagerduty_account
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.slack_workspace import Directory, User

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
pytestmark = pytest.mark.skipif(
    not CONTRACTS.is_dir(), reason="the vendors' API descriptions are not here (../shared/contracts)"
)
CHANNEL, PERSON = "C0LAUNCHES", "U0DEVOPS1"
KEY = "0123456789abcdef0123456789abcdef"
# Where a description contradicts the vendor's own reference: Slack's of 2021 shows the blocks of chat.update as an
# object (they are a list), PagerDuty's has only references in /oncalls, also with include[]=users (whole users then).
OUTDATED = {("chat.update", "message/blocks"), ("oncalls", "oncalls/0/user/type")}

BUTTONS: JsonValue = [
    {
        "type": "actions",
        "block_id": "go-no-go:devops_lead",
        "elements": [
            {
                "type": "button",
                "action_id": "tminus.approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "opaque",
                "style": "primary",
            }
        ],
    }
]
METADATA: JsonValue = {"event_type": "tminus_request", "event_payload": {"request": "go-no-go"}}


@pytest.fixture(scope="module")
def contracts() -> ModuleType:
    """The contract server's module, loaded from where it lives."""
    spec = importlib.util.spec_from_file_location("contract_server", CONTRACTS / "tools" / "contract_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Pair:
    """A stand-in and the vendor's contract, asked the same."""

    def __init__(self, stand_in: httpx.Client, contract: httpx.Client, server: object) -> None:
        self.stand_in = stand_in
        self.contract = contract
        self.server = server

    def ask(self, verb: str, path: str, **request: object) -> dict[str, JsonValue]:
        """Send one request to both; the stand-in accepts it, the contract finds nothing, the answer fits the schema."""
        answer = self.stand_in.request(verb, path, **request)
        assert answer.is_success, answer.text
        body: dict[str, JsonValue] = answer.json()
        assert body.get("ok", True), body
        self.contract.request(verb, path, **request)
        assert [one["why"] for one in self.server.violations()] == []
        assert complaints(self.server.spec, verb, self.path(path), answer.status_code, body) == []
        return body

    def path(self, path: str) -> str:
        """The path as the description routes it."""
        return self.contract.base_url.join(path.lstrip("/")).path


def complaints(spec: object, verb: str, path: str, status: int, body: JsonValue) -> list[str]:
    """What the vendor's response schema says against a body, without fields that it does not know."""
    template, item, _ = spec.route(path)
    operation = item.get(verb.lower()) or item["get"]
    response = spec.deref(operation["responses"][str(status)])
    schema = response.get("schema") or response["content"]["application/json"]["schema"]
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in deepest(spec.validator(schema, "out").iter_errors(body))
        if error.validator != "additionalProperties"
        and (template.lstrip("/"), "/".join(map(str, error.absolute_path))) not in OUTDATED
    ]


def deepest(errors: object) -> Iterator[object]:
    """Schema errors; those of alternatives only where no alternative differs by unknown fields alone."""
    for error in errors:
        alternatives: dict[object, list[object]] = {}
        for inner in error.context or ():
            alternatives.setdefault(inner.schema_path[0], []).append(inner)
        unfit = [list(deepest(inner)) for inner in alternatives.values()]
        if not any(all(one.validator == "additionalProperties" for one in inner) for inner in unfit):
            yield from min(unfit, key=len) if unfit else [error]


@pytest.fixture
def slack(contracts: ModuleType) -> Iterator[Pair]:
    """The Slack stand-in beside Slack's description."""
    directory = Directory(users=(User(id=PERSON, name="devops-lead-1", real_name="DevOps lead, first shift"),))
    files = CONTRACTS / "slack_web.json", CONTRACTS / "slack_overlay.json"
    headers = {"Authorization": "Bearer xoxb-test"}
    with (
        served(SlackStandIn(SecretStr("xoxb-test"), directory).app()) as url,
        contracts.ContractServer(*files, profile="slack") as server,
        httpx.Client(base_url=f"{url}/api/", headers=headers) as stand_in,
        httpx.Client(base_url=f"{server.url}/api/", headers=headers) as contract,
    ):
        yield Pair(stand_in, contract, server)


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """The PagerDuty stand-in: its address and what to trust."""
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [{"id": "PUSER01", "name": "DevOps lead", "email": "lead@example.com"}],
            "on_calls": [{"user": "PUSER01", "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}],
        }
    )
    stand_in = PagerDutyStandIn(SecretStr(KEY), SecretStr("rest-token"), directory)
    tls = loopback_certificate.make(tmp_path)
    with served(stand_in.app(), tls) as url:
        yield url, ssl.create_default_context(cafile=tls.authority)


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_slack(slack: Pair, *, form: bool) -> None:
    """A session as tminus has it: post, update, private answer, look-ups, clean-up."""

    def call(method: str, **arguments: JsonValue) -> dict[str, JsonValue]:
        if not form:
            return slack.ask("POST", method, json=arguments)
        flat = {name: json.dumps(one) if isinstance(one, list | dict) else str(one) for name, one in arguments.items()}
        return slack.ask("POST", method, data=flat)

    call("auth.test")
    posted = call("chat.postMessage", channel=CHANNEL, text="Go or no-go?", blocks=BUTTONS, metadata=METADATA)
    call("chat.postMessage", channel=CHANNEL, text="late by 3 min", thread_ts=posted["ts"])
    call("chat.update", channel=CHANNEL, ts=posted["ts"], text="Still open", blocks=BUTTONS, metadata=METADATA)
    call("chat.update", channel=CHANNEL, ts=posted["ts"], text="Answered")
    call("chat.postEphemeral", channel=CHANNEL, user=PERSON, text="Refused: stale")
    call("chat.getPermalink", channel=CHANNEL, message_ts=posted["ts"])
    call("reactions.add", channel=CHANNEL, timestamp=posted["ts"], name="rocket")
    call("users.info", user=PERSON)
    call("users.list")
    if form:
        call("conversations.history", channel=CHANNEL, limit=10)
        call("conversations.replies", channel=CHANNEL, ts=posted["ts"])
        call("chat.delete", channel=CHANNEL, ts=posted["ts"])


def test_pagerduty_events(contracts: ModuleType, duty: tuple[str, ssl.SSLContext]) -> None:
    """An incident from trigger to resolve, and a change event."""
    url, trust = duty
    with (
        contracts.ContractServer(CONTRACTS / "pagerduty_events_v2.json", profile="events") as server,
        httpx.Client(base_url=f"{url}/v2/", verify=trust) as stand_in,
        httpx.Client(base_url=f"{server.url}/v2/") as contract,
    ):
        both = Pair(stand_in, contract, server)
        payload = {
            "summary": "Gate failed: backup is 26 h old",
            "severity": "error",
            "source": "tminus",
            "timestamp": "2026-11-22T10:00:00+00:00",
            "component": "launch",
            "group": "tradesense",
            "class": "gate",
            "custom_details": {"next": "held"},
        }
        event = {
            "routing_key": KEY,
            "dedup_key": "launch:1",
            "client": "tminus",
            "client_url": "https://tminus.example/",
        }
        links = [{"href": "https://tminus.example/launch/1", "text": "The launch"}]
        both.ask("POST", "enqueue", json=event | {"event_action": "trigger", "payload": payload, "links": links})
        for action in ("acknowledge", "resolve"):
            both.ask("POST", "enqueue", json={"routing_key": KEY, "dedup_key": "launch:1", "event_action": action})
        change = {"summary": "T-0: deploy", "source": "tminus", "timestamp": "2026-11-22T10:00:00+00:00"}
        both.ask("POST", "change/enqueue", json={"routing_key": KEY, "payload": change, "links": links})


def test_pagerduty_rest(contracts: ModuleType, duty: tuple[str, ssl.SSLContext]) -> None:
    """Who is on call, the open incident, a note on it, its end."""
    url, trust = duty
    headers = {
        "Authorization": "Token token=rest-token",
        "Accept": "application/vnd.pagerduty+json;version=2",
        "From": "lead@example.com",
    }
    with (
        contracts.ContractServer(
            CONTRACTS / "pagerduty_rest.json", CONTRACTS / "pagerduty_overlay.json", profile="pagerduty"
        ) as server,
        httpx.Client(base_url=url, headers=headers, verify=trust) as stand_in,
        httpx.Client(base_url=server.url, headers=headers) as contract,
    ):
        both = Pair(stand_in, contract, server)
        event = {"summary": "Rolled back", "severity": "critical", "source": "tminus"}
        opened = {"routing_key": KEY, "dedup_key": "launch:1", "event_action": "trigger", "payload": event}
        stand_in.post("/v2/enqueue", json=opened).raise_for_status()
        both.ask("GET", "/abilities")
        both.ask("GET", "/oncalls", params={"include[]": "users", "limit": 10})
        both.ask("GET", "/users", params={"query": "lead"})
        listed = both.ask("GET", "/incidents", params={"statuses[]": ["triggered", "acknowledged"]})
        path = f"/incidents/{stand_in.get('/incidents').json()['incidents'][0]['id']}"
        assert listed["more"] is False
        both.ask("GET", path)
        both.ask("POST", f"{path}/notes", json={"note": {"content": "hold"}})
        both.ask("GET", f"{path}/notes")
        for status in ("acknowledged", "resolved"):
            both.ask("PUT", path, json={"incident": {"type": "incident_reference", "status": status}})
        service = {"id": "PSERVICE", "type": "service_reference"}
        paged = {"type": "incident", "title": "Go", "service": service, "urgency": "high", "incident_key": "l:ask-go"}
        body = {"type": "incident_body", "details": "what waits: Go"}
        policy = {"id": "PPOLICY", "type": "escalation_policy_reference"}
        both.ask("POST", "/incidents", json={"incident": {**paged, "body": body, "escalation_policy": policy}})
        times = {"start_time": "2026-11-22T10:00:00+00:00", "end_time": "2126-11-22T10:00:00+00:00"}
        window = {"type": "maintenance_window", "description": "tminus l drill", "services": [service], **times}
        both.ask("POST", "/maintenance_windows", json={"maintenance_window": window})
        both.ask("GET", "/maintenance_windows", params={"query": "drill", "filter": "open"})
