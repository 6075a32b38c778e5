"""What single vendors say in ways of their own: cursors, refusals with status 200, keys by their names."""

import base64
from pathlib import Path

import pytest
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bench.worlds.world import Case
from tasks.checks.sentry import next_cursor
from tests.tasks.vendors.answers import CASES, SECRET, SID, always, answering, seen
from tminus.outcome import Verdict

LINK = (
    '<https://sentry.io/x/?&cursor=0:0:1>; rel="previous"; results="{before}"; cursor="0:0:1", '
    '<https://sentry.io/x/?&cursor=0:100:0>; rel="next"; results="{after}"; cursor="0:100:0"'
)


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        (LINK.format(before="false", after="true"), "0:100:0"),
        (LINK.format(before="true", after="false"), None),
        (LINK.format(before="true", after="true"), "0:100:0"),
        ("", None),
        ('<x>; rel="next"', None),
        ('<x>; rel="next"; results="true"', None),
        ('<x>; rel="next"; results="true"; cursor="a&b=c"', None),
    ],
)
def test_sentrys_next_page_is_named_by_its_link(link: str, cursor: str | None) -> None:
    """Only where it says that something is on it, and never the page before."""
    assert next_cursor(link) == cursor


@pytest.mark.parametrize("account", ["", "org/../other", "org name"])
def test_sentry_wants_an_organisation(account: str, tmp_path: Path) -> None:
    """Without one, or with what is none, there is nobody to ask."""
    sentry: JsonValue = {"url": "http://127.0.0.1:1", "token": "env:VENDOR_TOKEN", "account": account}

    outcome = seen(CASES["sentry.project"], "http://127.0.0.1:1", tmp_path, sentry=sentry)

    assert outcome.verdict is Verdict.SKIPPED
    assert "organisation's slug" in outcome.summary


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("missing_scope", "missing_scope; is the token"),
        ("ratelimited", "ratelimited"),
        ("<b>pay here</b>", "an error"),
        ("x" * 500, "an error"),
    ],
)
def test_slacks_refusals_have_status_200(error: str, said: str, tmp_path: Path) -> None:
    """They are unknown by Slack's own word, where it is one."""
    with answering(always({"ok": False, "error": error})) as url:
        outcome = seen(CASES["slack.channel"], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert f"slack conversations.list: {said}" in outcome.summary
    assert len(outcome.summary) < 200


def test_railways_refusals_have_status_200(tmp_path: Path) -> None:
    """A GraphQL error is said as far as it goes, in a bounded length."""
    with answering(always({"errors": [{"message": "Not Authorized" + "!" * 1000}], "data": None})) as url:
        outcome = seen(CASES["railway.services"], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "railway refuses the query: Not Authorized!" in outcome.summary
    assert len(outcome.summary) < 300


def test_railway_names_the_environments_that_there_are(tmp_path: Path) -> None:
    """A mistyped environment is unknown, since nothing of its services is."""
    edges: JsonValue = [{"node": {"id": "env-1", "name": "prod"}}]
    environments: JsonValue = {"edges": edges, "pageInfo": {"hasNextPage": False}}

    with answering(always({"data": {"project": {"environments": environments}}})) as url:
        outcome = seen(CASES["railway.services"], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "no environment 'production' (it has: prod)" in outcome.summary


@pytest.mark.parametrize(("token", "header"), [(True, "authorization"), (False, "project-access-token")])
def test_railway_takes_either_sort_of_token(token: bool, header: str, tmp_path: Path) -> None:
    """An account's as a bearer's, a project's in a header of its own."""
    given: list[str | None] = []

    def answer(request: Request, _body: bytes) -> Response:
        given.append(request.headers.get(header))
        return JSONResponse({"errors": [{"message": "no"}]})

    with answering(answer) as url:
        which = "token" if token else "key"
        railway: JsonValue = {"url": url, which: "env:VENDOR_TOKEN", "account": "a-project"}
        seen(CASES["railway.services"], url, tmp_path, railway=railway)

    assert given == [f"Bearer {SECRET}" if token else SECRET]


def test_stripes_key_of_another_sort_is_unknown(tmp_path: Path) -> None:
    """Stripe takes it, and its name says neither restricted nor secret."""
    with answering(always({"object": "balance", "livemode": False})) as url:
        stripe: JsonValue = {"url": url, "token": "env:VENDOR_TOKEN"}
        outcome = seen(CASES["stripe.key"], url, tmp_path, stripe=stripe)

    assert outcome.verdict is Verdict.UNKNOWN
    assert SECRET not in outcome.model_dump_json()


@pytest.mark.parametrize(
    ("twilio", "user"),
    [
        ({"key": "env:VENDOR_SID"}, SID),
        ({"account": SID}, SID),
        ({"account": SID, "key": "env:VENDOR_KEY"}, "another-secret-of-this-test"),
    ],
)
def test_twilio_is_asked_as_the_account_or_with_an_api_key(
    twilio: dict[str, JsonValue], user: str, tmp_path: Path
) -> None:
    """The path names the account, the credentials whoever asks."""
    asked: list[tuple[str, str | None]] = []

    def answer(request: Request, _body: bytes) -> Response:
        asked.append((request.url.path, request.headers.get("authorization")))
        return JSONResponse({}, status_code=500)

    with answering(answer) as url:
        section: JsonValue = {"url": url, "token": "env:VENDOR_TOKEN", **twilio}
        outcome = seen(CASES["twilio.account"], url, tmp_path, twilio=section)

    credentials = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    assert asked == [(f"/2010-04-01/Accounts/{SID}.json", f"Basic {credentials}")]
    assert SID not in outcome.summary


@pytest.mark.parametrize(
    "following", ["https://elsewhere.net/2010-04-01/Accounts", "//elsewhere.net/x", "/2010-04-01/Accounts/ACother.json"]
)
def test_twilios_next_page_lies_in_the_account(following: str, tmp_path: Path) -> None:
    """Credentials are not carried to where an answer says."""
    page: JsonValue = {"status": "active", "incoming_phone_numbers": [], "next_page_uri": following}

    with answering(always(page)) as url:
        outcome = seen(CASES["twilio.account"], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "lies elsewhere" in outcome.summary


@pytest.mark.parametrize("balance", ["NaN", "Infinity", "lots", "1" * 50])
def test_a_balance_is_a_number(balance: str, tmp_path: Path) -> None:
    """What is none could pass any limit."""
    page: JsonValue = {"status": "active", "incoming_phone_numbers": [], "balance": balance, "currency": "USD"}
    case = Case("twilio.account", {}, {"balance": ">= 0"})

    with answering(always(page)) as url:
        assert seen(case, url, tmp_path).verdict is Verdict.UNKNOWN


def test_pagerdutys_ids_are_not_taken_for_paths(tmp_path: Path) -> None:
    """An id with a slash in it is no id, and nothing is asked of it."""
    service: JsonValue = {
        "id": "../users",
        "name": "vatic",
        "status": "active",
        "escalation_policy": {"id": "PVATIC"},
    }

    with answering(always({"services": [service], "limit": 100, "more": False})) as url:
        outcome = seen(CASES["pagerduty.tested_page"], url, tmp_path)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "services.0.id" in outcome.summary
