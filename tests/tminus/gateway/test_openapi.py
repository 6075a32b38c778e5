"""The gateway's own description is true of it, whatever is sent: by schemathesis, and signed by hypothesis."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from deployments.rehearsal.slack_presses import signature
from tests.sampling import few
from tests.tminus.conftest import SIGNING
from tests.tminus.gateway.conftest import WEBHOOK
from tminus.gateway import Gateway
from tminus.openapi import DOORS, document

USUAL = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(["type", "user", "actions", "view", "action_id", "value", "id", "state", "private_metadata"])
INTERACTIONS = st.dictionaries(KEYS, JSON | st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=3), max_size=6)
EVENTS = st.dictionaries(st.sampled_from(["event", "id", "event_type", "data", "occurred_at"]), JSON, max_size=5)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", few(DOORS, *list(DOORS)[::3]))
def test_it_answers_as_it_says(gateway: Gateway, path: str, mode: GenerationMode) -> None:
    """No 500, only documented statuses with documented bodies, for what fits the document and for what does not."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", gateway.app())
    asked = schema[path][DOORS[path].method.upper()]

    @USUAL
    @given(case=asked.as_strategy(generation_mode=mode))
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    try:
        answers()
    except Unsatisfiable:
        assert (mode, DOORS[path].signed) == (GenerationMode.NEGATIVE, False)  # nothing can be wrong with a plain GET


def test_the_document_is_one(gateway: Gateway) -> None:
    """OpenAPI 3.1, and every door is in it, with the statuses that the doors give."""
    client = TestClient(gateway.app())
    found = client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(found).validate()
    assert set(found["paths"]) == set(DOORS)
    assert set(found["paths"]["/slack/interactions"]["post"]["responses"]) == {"200", "400", "401", "408", "413", "503"}


def test_only_doors_that_are_open_are_described() -> None:
    """A process without Slack says nothing of it; a door that nobody described is a mistake of ours."""
    assert set(document(["/health"], "1")["paths"]) == {"/health"}  # type: ignore[arg-type]  # a mapping
    with pytest.raises(KeyError):
        document(["/undescribed"], "1")


@USUAL
@given(body=st.one_of(INTERACTIONS.map(lambda one: urlencode({"payload": json.dumps(one)})), st.text(max_size=200)))
@pytest.mark.parametrize("path", ["/slack/interactions", "/slack/commands"])
def test_whatever_slack_signs_is_answered_as_described(gateway: Gateway, path: str, body: str) -> None:
    """Signed garbage is malformed, or an acknowledgement; never a 500."""
    raw, moment = body.encode(errors="surrogatepass"), str(int(time.time()))
    headers = {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": signature(SecretStr(SIGNING), moment, raw),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = TestClient(gateway.app()).post(path, content=raw, headers=headers)
    assert str(answer.status_code) in _documented(gateway, path)


@USUAL
@given(body=EVENTS.map(json.dumps) | st.text(max_size=200))
def test_whatever_pagerduty_signs_is_answered_as_described(gateway: Gateway, body: str) -> None:
    """The same."""
    raw = body.encode(errors="surrogatepass")
    signed = f"v1={hmac.new(WEBHOOK.encode(), raw, hashlib.sha256).hexdigest()}"
    client = TestClient(gateway.app())
    answer = client.post("/pagerduty/webhooks", content=raw, headers={"X-PagerDuty-Signature": signed})
    assert str(answer.status_code) in _documented(gateway, "/pagerduty/webhooks")


def _documented(gateway: Gateway, path: str) -> set[str]:
    found: dict[str, Any] = TestClient(gateway.app()).get("/openapi.json").json()
    return set(found["paths"][path]["post"]["responses"])
