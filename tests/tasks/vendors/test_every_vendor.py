"""What holds for every check of a vendor, whatever the vendor answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from deployments.rehearsal.in_thread import Door, served
from tests.tasks.vendors.answers import CASES, OTHER, SECRET, SID, always, answering, seen
from tminus.outcome import Verdict

GARBAGE = {
    "nothing": b"",
    "a page": b"<html><body>502 Bad Gateway</body></html>",
    "half a document": b'{"data": [',
    "text": b'"ok"',
    "null": b"null",
    "a number": b"1e999",
    "not UTF-8": b'{"data": "\xff\xfe"}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "wrong types": json.dumps(
        {
            name: {"x": 1}
            for name in ("data", "series", "dashboards", "ok", "channels", "livemode", "services", "status")
        }
    ).encode(),
}


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """One server for all of these."""
    made = Door()
    with served(made) as made.url:
        yield made


@pytest.mark.parametrize("kind", CASES)
def test_garbage_is_unknown(kind: str, door: Door, tmp_path: Path) -> None:
    """What is no document of the vendor's is unknown, with a sentence that is not longer than one."""
    for what, body in GARBAGE.items():
        door.behind = Response(body, media_type="application/json")

        outcome = seen(CASES[kind], door.url, tmp_path)

        assert outcome.verdict is Verdict.UNKNOWN, f"{what}: {outcome.summary}"
        assert len(outcome.summary) < 500


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refusal_is_unknown_and_tells_no_secret(kind: str, status: int, door: Door, tmp_path: Path) -> None:
    """The outcome names the vendor and the status, and neither a token, a key nor an account."""
    door.behind = Response(json.dumps({"errors": [SECRET], "error": {"message": SECRET}}), status)

    outcome = seen(CASES[kind], door.url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert str(status) in outcome.summary
    assert not any(secret in outcome.model_dump_json() for secret in (SECRET, OTHER, SID))


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"ok": true}'], ids=bytes.decode)
def test_an_empty_answer_never_passes(kind: str, body: bytes, door: Door, tmp_path: Path) -> None:
    """Nothing is there, or it cannot be told: no check reads emptiness as good."""
    door.behind = Response(body, media_type="application/json")

    assert seen(CASES[kind], door.url, tmp_path).verdict in {Verdict.UNKNOWN, Verdict.FAIL}


@pytest.mark.parametrize("kind", CASES)
def test_without_credentials_it_is_skipped(kind: str, tmp_path: Path) -> None:
    """A vendor that the environment does not name is not asked, and the outcome says what to add."""
    vendor = kind.partition(".")[0]
    absent = {vendor: None}

    outcome = seen(CASES[kind], "http://127.0.0.1:1", tmp_path, **absent)

    assert outcome.verdict is Verdict.SKIPPED
    assert f"names no {vendor}" in outcome.summary


# For each kind a first page that promises another one, for ever.
ENDLESS = {
    "pagerduty.on_call": {"escalation_policies": [], "limit": 1, "more": True},
    "pagerduty.service": {"services": [], "limit": 1, "more": True},
    "slack.channel": {"ok": True, "channels": [], "response_metadata": {"next_cursor": "again"}},
    "stripe.webhooks": {
        "data": [{"id": "we_1", "url": "https://x.io", "status": "enabled", "enabled_events": []}],
        "has_more": True,
    },
    "datadog.monitors": [{"name": "High error rate"}] * 100,
    "datadog.dashboard": {"dashboards": [{"id": "abc", "title": "other"}] * 100},
    "sendgrid.sender": [{"domain": "tradesense.io", "valid": True, "dns": {}}] * 50,
    "railway.services": {
        "data": {"project": {"environments": {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": "again"}}}}
    },
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_list_without_an_end_is_given_up(kind: str, tmp_path: Path) -> None:
    """After a bounded number of pages it is unknown, rather than asked for ever or judged by half of it."""
    asked = 0

    def answer(request: Request, body: bytes) -> Response:
        nonlocal asked
        asked += 1
        return always(ENDLESS[kind])(request, body)

    with answering(answer) as url:
        outcome = seen(CASES[kind], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "did not end" in outcome.summary
    assert asked <= 100
