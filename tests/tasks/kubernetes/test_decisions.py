"""Decisions of an Open Policy Agent, and what is none."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue, ValidationError
from starlette.applications import Starlette

from deployments.rehearsal.vendors.opa import OpaFake
from tasks.checks.opa import Decisions
from tests.conftest import Estates
from tests.tasks.kubernetes.conftest import TOKEN, Ask
from tminus.outcome import Verdict

REFUSED: JsonValue = [{"name": "nobody", "input": {"card": "4111 1111 1111 1111"}, "allowed": False}]


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ('{"result": false}', Verdict.PASS),
        ('{"result": {"allow": false, "reasons": []}}', Verdict.PASS),
        ('{"result": true}', Verdict.FAIL),
        ('{"result": {"allow": true}}', Verdict.FAIL),
        ('{"result": {"deny": true}}', Verdict.FAIL),
        ('{"result": {}}', Verdict.FAIL),
        ('{"result": null}', Verdict.FAIL),
        ("{}", Verdict.FAIL),
        ('{"result": 0}', Verdict.UNKNOWN),
        ('{"result": "false"}', Verdict.UNKNOWN),
        ('{"result": []}', Verdict.UNKNOWN),
        ('{"result": {"allow": "no"}}', Verdict.UNKNOWN),
        ("[]", Verdict.UNKNOWN),
        ("false", Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
        ("<html>", Verdict.UNKNOWN),
    ],
)
async def test_only_false_is_a_denial(ask: Ask, saying: Callable[..., Starlette], body: str, verdict: Verdict) -> None:
    """Nothing else passes for one: an undefined result fails, and what is no decision proves nothing."""
    outcome = await ask(saying(body), "opa.decisions", {"agreed": "= all"}, path="vatic/authz/allow", cases=REFUSED)
    assert outcome.verdict is verdict, outcome.summary
    assert "4111" not in outcome.model_dump_json()


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_refusal_is_no_decision(ask: Ask, saying: Callable[..., Starlette], status: int) -> None:
    """An agent that does not answer neither allows nor denies."""
    app = saying('{"result": false}', status)
    outcome = await ask(app, "opa.decisions", {"agreed": "= all"}, path="vatic/authz/allow", cases=REFUSED)
    assert outcome.verdict is Verdict.UNKNOWN


async def test_a_wrong_token_is_said(ask: Ask) -> None:
    """Where the agent wants another token, the sentence says so."""
    outcome = await ask(OpaFake(token="another").app(), "opa.policies", {"loaded": ">= 1"}, path="vatic/authz/allow")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "refused" in outcome.summary


async def test_an_agent_may_want_no_token(estates: Estates, ask: Ask) -> None:
    """The usual one beside a service asks for none, and is asked all the same."""
    outcome = await ask(OpaFake().app(), "opa.policies", {"default": "= denies"}, path="vatic/authz/allow")
    assert outcome.verdict is Verdict.PASS
    async with estates.make(opa={"url": "http://127.0.0.1:1"}) as estate:
        check = Decisions.model_validate({"path": "a", "cases": REFUSED, "expect": {"agreed": "= all"}})
        assert "connection refused" in (await check.observe(estate)).summary
    assert TOKEN not in outcome.summary


@pytest.mark.parametrize("path", ["", "/", "a//b", "a b", "a?x=1", "a#b"])
def test_what_is_no_path(path: str) -> None:
    """A path is one of names and slashes: a question mark would ask for something else."""
    with pytest.raises(ValidationError):
        Decisions.model_validate({"path": path, "cases": REFUSED, "expect": {"agreed": "= all"}})
