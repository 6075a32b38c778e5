"""What is written to PagerDuty's REST API, held against PagerDuty's own description."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.worlds.estates import known_secrets
from deployments.rehearsal import loopback_certificate
from tasks.actions.maintenance import MaintenanceWindow
from tasks.estate import Estate
from tests.contracts.conftest import CONTRACTS, held
from tminus.environment import Environment
from tminus.pagerduty_rest import PagerDutyIncidents
from tminus.release import Release

SECRETS = {"PAGERDUTY_TOKEN": "made-up"}
WINDOW = {
    "id": "PW98YIO",
    "type": "maintenance_window",
    "start_time": "2026-01-01T20:00:00Z",
    "end_time": "2026-01-01T22:00:00Z",
}


@pytest.fixture
def server(contract: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """PagerDuty's description, served by TLS, and strict about fields that it does not know."""
    tls = loopback_certificate.make(tmp_path)
    found = contract(
        "pagerduty_rest.json",
        "pagerduty",
        overlay=str(CONTRACTS / "pagerduty_overlay.json"),
        strict=True,
        tls=(str(tls.certificate), str(tls.key)),
    )
    found.authority = str(tls.authority)
    with known_secrets(SECRETS):
        yield found


def environment(server: Any, folder: Path) -> Environment:
    """One that leads there."""
    rest = {
        "token": "env:PAGERDUTY_TOKEN",
        "from_email": "tminus@example.com",
        "service": "PWIXJZS",
        "api": server.url,
    }
    section = {"routing_key": "env:KEY", "events": server.url, "ca_file": server.authority, "rest": rest}
    return Environment.model_validate(
        {
            "environment": "e",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.sqlite")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder),
            "pagerduty": section,
        }
    )


@pytest.fixture
def incidents(server: Any, tmp_path: Path) -> Iterator[PagerDutyIncidents]:
    """Its own client, as the courier and the gateway use it."""
    section = environment(server, tmp_path).pagerduty
    assert section is not None
    assert section.rest is not None
    found = PagerDutyIncidents(section, section.rest)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("policy", "users"), [("PT20YPA", ()), ("", ("PXPGF42", "PXPGF43")), ("", ())], ids=["policy", "people", "service"]
)
def test_a_page_is_accepted(server: Any, incidents: PagerDutyIncidents, policy: str, users: tuple[str, ...]) -> None:
    """For a policy, for people, and for the service's own."""
    receipt = incidents.page("L:ask-go", "Go: no answer yet", {"what waits": "Go", "to look": "tminus"}, policy, users)
    assert held(server) == []
    assert receipt == "PT4KHLK, paged Earline Greenholt"


def test_what_is_open_already_is_found_by_its_key(server: Any, incidents: PagerDutyIncidents) -> None:
    """PagerDuty refuses a second incident under an open key; in which words, the description does not say."""
    refusal = {"error": {"message": "Arguments Caused Error", "code": 2002, "errors": ["it is open"]}}
    server.fault("POST", "/incidents", 400, body=json.dumps(refusal).encode())
    assert incidents.page("L:ask-go", "Go", {"what waits": "Go"}, "PT20YPA", ()) == "PT4KHLK, open already"
    assert held(server) == []
    assert [record["path"].partition("?")[0] for record in server.records] == ["/incidents", "/incidents"]


def test_its_end_a_note_and_its_key(server: Any, incidents: PagerDutyIncidents) -> None:
    """Found, resolved, annotated, read."""
    incidents.resolve("L:ask-go")
    incidents.note("PT4KHLK", "tminus: Recorded")
    assert incidents.key_of("PT4KHLK")
    assert held(server) == []
    asked = {(record["method"], record["path"].partition("?")[0]) for record in server.records}
    assert asked == {
        ("GET", "/incidents"),
        ("PUT", "/incidents/PT4KHLK"),
        ("POST", "/incidents/PT4KHLK/notes"),
        ("GET", "/incidents/PT4KHLK"),
    }


async def test_a_maintenance_window_is_accepted(server: Any, tmp_path: Path) -> None:
    """Looked for, opened, and ended."""
    drill = MaintenanceWindow(services=("PIJ90N7",), lasts=timedelta(minutes=45), purpose="drill")
    release = Release.model_construct(release="r", system="s", services={})
    async with Estate(environment(server, tmp_path), release, "l-1", tmp_path) as estate:
        undo = await drill.plan_undo(estate)
        assert undo is not None
        await drill.act(estate, 1)
        window = {**WINDOW, "description": undo.data["description"]}
        page = {"maintenance_windows": [window], "limit": 100, "offset": 0, "more": False}
        server.fault("GET", "/maintenance_windows", 200, body=json.dumps(page).encode())
        await drill.undo(estate, undo, 1)
    assert held(server) == []
    assert {record["method"] for record in server.records} == {"GET", "POST", "DELETE"}
