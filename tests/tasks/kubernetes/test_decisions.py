"""Decisions of an Open Policy Agent, and what is none."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from pydantic import JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.opa import OpaFake
from tasks import opa_decision
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


MANY: JsonValue = [{"name": f"case {number}", "input": {"number": number}, "allowed": False} for number in range(200)]


class Counting:
    """An agent that denies, counts who asks at once, and from some request on does something else."""

    def __init__(self, then: Callable[[], Response], after: int, wait: float = 0) -> None:
        self.asked = self.at_once = self.most = 0
        self._then, self._after, self._wait = then, after, wait
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["POST"])])

    async def _answer(self, _request: Request) -> Response:
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(self._wait)
        self.at_once -= 1
        return self._then() if self.asked > self._after else JSONResponse({"result": False})


def _silent() -> Response:
    raise httpx.ReadTimeout("nothing came")


async def test_few_are_asked_for_at_once(ask: Ask) -> None:
    """Two hundred cases are five requests at a time, and each is asked once."""
    agent = Counting(_silent, after=200)
    outcome = await ask(agent.app, "opa.decisions", {"agreed": "= all"}, path="vatic/authz/allow", cases=MANY)
    assert outcome.verdict is Verdict.PASS, outcome.summary
    assert (agent.asked, agent.most) == (200, 5)


async def test_the_first_silence_ends_it(ask: Ask) -> None:
    """An agent that no longer answers is not asked for every case that is left."""
    agent = Counting(_silent, after=7)
    outcome = await ask(agent.app, "opa.decisions", {"agreed": ">= 1"}, path="vatic/authz/allow", cases=MANY)
    assert outcome.verdict is Verdict.UNKNOWN
    assert agent.asked < 20


async def test_a_slow_agent_is_not_waited_for_without_end(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """All decisions together have a time, however patient each single one may be."""
    monkeypatch.setattr(opa_decision, "_WITHIN", timedelta(seconds=0.2))
    agent = Counting(_silent, after=200, wait=0.03)
    outcome = await ask(agent.app, "opa.decisions", {"agreed": ">= 1"}, path="vatic/authz/allow", cases=MANY)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "of 200 decisions within 0.2 s" in outcome.summary
    assert agent.asked < 100
