"""PromQL without its defaults, and rules that would fire or be seen only by them."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.worlds.world import Case, Sections
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.prometheus import PrometheusFake, Rule
from tasks.prometheus_defaults import without_defaults
from tests.tasks.observability.conftest import Parrot
from tminus.outcome import Outcome, Verdict

Looked = Callable[[Case, Sections], Awaitable[Outcome]]


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("(sum(rate(x[5m])) or vector(0))", "sum(rate(x[5m]))"),
        ('sum(rate(x{a="b"}[5m]) or vector(0))', 'sum(rate(x{a="b"}[5m]) )'),
        ("sum by (le) (rate(x[5m])) or vector(0)", "sum by (le) (rate(x[5m]))"),
        ("100 * (x or vector(0))", "100 * (x )"),
        ("(x or vector(0)) + (y OR vector(0))", "(x ) + (y )"),
        ("sum(x or vector(0)) or vector(0)", "sum(x )"),
        ("clamp_max(x or vector(0), 1)", "clamp_max(x , 1)"),
        ("x or on() vector(0)", "x"),
        ("vector(0) or x", "x"),
        ("x or absent(y) * 0", "x"),
        ("vector(1)", ""),
        ("time()", ""),
    ],
)
def test_a_number_that_is_there_without_any_series_is_left_out(expression: str, left: str) -> None:
    """What is measured stays, in as many words; where all is a default, nothing does."""
    assert without_defaults(expression) == left


@pytest.mark.parametrize(
    "expression",
    ["x", "x or y", "time() - x", "(rate(x[5m]) or vector(0)) / rate(y[5m])", "((x) or vector(0)", "x > \u221e"],
)
def test_what_needs_some_series_stays_as_it_is(expression: str) -> None:
    """A part with a default that alone makes no number, and what cannot be read, are asked as written."""
    assert without_defaults(expression) == expression


@given(st.text(alphabet='xory0(), {}[]"=vectorabsntby+*5m', max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever a rule says, an expression comes out."""
    assert isinstance(without_defaults(text), str)


async def test_a_rule_that_always_fires_has_no_limit(looked: Looked) -> None:
    """With `bool` there is no number at which it fires, so that none is measured, and the summary says why."""
    fake = PrometheusFake()
    fake.rules.append(Rule("Slow", "latency", "> bool", "0.01", value="0.005"))
    with served(fake.app()) as url:
        sections: Sections = {"prometheus": {"url": url}}
        for expect in ({"threshold": "= 0.01"}, {"seconds": "= 10 ms"}, {"fires": "= above"}):
            outcome = await looked(Case("prometheus.rules", {"alert": "Slow"}, expect), sections)
            assert outcome.verdict is Verdict.UNKNOWN, outcome


@pytest.mark.parametrize("kind", ["metrics.prometheus", "prometheus.metrics"])
async def test_a_partial_answer_is_unknown(parrot: Parrot, looked: Looked, kind: str) -> None:
    """A warning may mean that a part of the data was not asked: what is there says nothing of the rest."""
    parrot.body = (
        b'{"status": "success", "warnings": ["store 2 is down"], '
        b'"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "5"]}]}}'
    )
    cases = {
        "metrics.prometheus": Case(kind, {"query": "x"}, {"value": "= 5"}),
        "prometheus.metrics": Case(kind, {"metrics": ["x"]}, {"present": "= all"}),
    }
    outcome = await looked(cases[kind], {"prometheus": {"url": parrot.url}})
    assert outcome.verdict is Verdict.UNKNOWN, outcome
    assert "may be partial: store 2 is down" in outcome.summary
