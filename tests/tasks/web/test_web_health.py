"""Health and latency, of what says nothing of itself, and of what answers only now and then."""

import pytest

from tests.tasks.web.conftest import Answering, Look
from tminus.outcome import Verdict


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "says nothing of its health"),
        (b"<html>We will be back</html>", "says nothing of its health"),
        (b"[]", "says nothing of its health"),
        (b'{"status": null}', "says nothing of its health"),
        (b'{"status": "postgres://a:hunter2@db failed"}', "says 'not ok'"),
        (b'{"status": "degraded"}', "says 'degraded'"),
        (b"[" * 100_000, "says nothing of its health"),
    ],
)
async def test_what_does_not_say_that_it_is_well_is_not(
    answering: Answering, look: Look, body: bytes, said: str
) -> None:
    """And what it says in a status's place is not shown."""
    answering.body = body
    outcome = await look("endpoint.health", {"healthy": "= yes"}, samples=1)
    assert outcome.verdict is Verdict.FAIL
    assert said in outcome.summary
    assert "hunter2" not in outcome.model_dump_json()


async def test_one_bad_answer_of_many_is_enough(answering: Answering, look: Look) -> None:
    """Its status is the worst of them."""
    answering.says({"status": "ok", "database": {"status": "up"}})
    answering.then = [(200, answering.body), (503, b"")]
    expect = {"healthy": "= yes", "status": "= 200", "components": "= all"}
    outcome = await look("endpoint.health", expect, components=["database"], samples=3)
    assert outcome.verdict is Verdict.FAIL
    assert "status 503, expected = 200" in outcome.summary
    assert "components 0 of 1" in outcome.summary
    assert (await look("endpoint.health", expect, components=["Database"], samples=3)).verdict is Verdict.PASS


async def test_an_answer_that_does_not_come_is_as_late_as_it_would_be_waited_for(
    answering: Answering, look: Look
) -> None:
    """So that nothing that times out can be called fast."""
    answering.says({"status": "ok"})
    answering.delay = 0.2
    outcome = await look("endpoint.health", {"p95": "< 1 s"}, samples=1, within="100 ms")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "no answer within 0.1s" in outcome.summary


async def test_errors_are_not_fast_answers(answering: Answering, look: Look) -> None:
    """Where only a percentile is expected, errors are judged all the same."""
    answering.status = 429
    outcome = await look("http.latency", {"p99": "< 5 s"}, samples=5)
    assert outcome.verdict is Verdict.FAIL
    assert "errors 100 %" in outcome.summary
    assert "status 429" in outcome.summary
    assert (await look("http.latency", {"p99": "< 5 s", "errors": "<= 100 %"}, samples=5)).verdict is Verdict.PASS


async def test_components_are_named(look: Look) -> None:
    """None of none is no health."""
    with pytest.raises(ValueError, match="name them"):
        await look("endpoint.health", {"components": "= all"})


async def test_a_redirect_is_no_answer_of_the_path(answering: Answering, look: Look) -> None:
    """The login's page is soon shown."""
    answering.status = 302
    outcome = await look("http.latency", {"errors": "= 0 %"}, samples=2)
    assert outcome.verdict is Verdict.FAIL
    assert "status 302" in outcome.summary
