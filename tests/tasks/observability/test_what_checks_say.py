"""What the worlds do not show: order, older versions, words for people, and what is never done."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.worlds.estates import check_of
from bench.worlds.world import Case, Sections
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.alertmanager import AlertmanagerFake, AlertSink
from deployments.rehearsal.vendors.jaeger import JaegerFake, Span, Trace
from deployments.rehearsal.vendors.prometheus import PrometheusFake, Rule
from tasks.grafana_access import Permission, allowed
from tasks.jaeger_age import oldest_trace
from tasks.prometheus_duration import read_duration
from tests.tasks.observability.conftest import Parrot
from tminus.outcome import Outcome, Verdict

Looked = Callable[[Case, Sections], Awaitable[Outcome]]


@pytest.fixture
def prometheus() -> Iterator[tuple[PrometheusFake, Sections]]:
    """A fake without anything in it."""
    fake = PrometheusFake()
    with served(fake.app()) as url:
        yield fake, {"prometheus": {"url": url}}


@pytest.fixture
def jaeger() -> Iterator[tuple[JaegerFake, Sections]]:
    """A fake without anything in it."""
    fake = JaegerFake()
    with served(fake.app()) as url:
        yield fake, {"jaeger": {"url": url}}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15d", timedelta(days=15)),
        ("1y2w3d4h5m6s7ms", timedelta(days=382, hours=4, minutes=5, seconds=6, milliseconds=7)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta()),
        ("0", timedelta()),
    ],
)
def test_durations_are_read_as_prometheus_writes_them(text: str, length: timedelta) -> None:
    """A year has 365 days, a week seven."""
    assert read_duration(text) == length


@pytest.mark.parametrize("text", ["", "15", "d", "1m1h", "1.5h", "-1h", "10GiB", "999999999y", "1 h", "5m5m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Sizes, fractions, and units in another order."""
    with pytest.raises(ValueError, match=r"duration|longer than can be told"):
        read_duration(text)


async def test_a_rule_that_is_gone_fails_also_where_only_its_number_is_expected(
    prometheus: tuple[PrometheusFake, Sections], looked: Looked
) -> None:
    """`loaded` is expected in any case; what the book says of it goes before."""
    fake, sections = prometheus
    gone = await looked(Case("prometheus.rules", {"alert": "Slow"}, {"seconds": "<= 200 ms"}), sections)
    fake.rules.append(Rule("Slow", "latency", ">", "0.2", value=None))
    there = await looked(Case("prometheus.rules", {"alert": "Slow"}, {"seconds": "<= 200 ms"}), sections)
    wanted_gone = await looked(Case("prometheus.rules", {"alert": "Old"}, {"loaded": "= 0"}), sections)

    assert (gone.verdict, there.verdict, wanted_gone.verdict) == (Verdict.FAIL, Verdict.PASS, Verdict.PASS)
    assert "no alert Slow is loaded" in gone.summary


@pytest.mark.parametrize(
    ("rules", "expect", "verdict"),
    [
        ([(">", "1"), (">", "5")], {"threshold": "= 5"}, Verdict.PASS),
        ([("<", "1"), ("<=", "5")], {"threshold": "= 1", "fires": "= below"}, Verdict.PASS),
        ([(">", "1"), ("<", "5")], {"threshold": ">= 0"}, Verdict.UNKNOWN),
        ([("==", "0"), ("==", "0")], {"threshold": "= 0", "fires": "= at"}, Verdict.PASS),
        ([("==", "0"), ("==", "1")], {"threshold": ">= 0"}, Verdict.UNKNOWN),
        ([(">", "1"), (">", "other")], {"threshold": ">= 0"}, Verdict.UNKNOWN),
        ([(">", "1"), (">", "other")], {"measured": "= yes"}, Verdict.UNKNOWN),
    ],
)
async def test_of_several_rules_the_most_lenient_counts(
    prometheus: tuple[PrometheusFake, Sections],
    looked: Looked,
    rules: list[tuple[str, str]],
    expect: dict[str, str],
    verdict: Verdict,
) -> None:
    """Where they fire on different sides, or one cannot be read, none is the most lenient."""
    fake, sections = prometheus
    fake.rules += [Rule("Slow", "latency", sign, number, value="0.1") for sign, number in rules]
    outcome = await looked(Case("prometheus.rules", {"alert": "Slow"}, expect), sections)

    assert outcome.verdict is verdict, outcome
    assert outcome.details[0] == "2 rules have this name; the most lenient counts"


async def test_what_the_evidence_says_of_a_rule(prometheus: tuple[PrometheusFake, Sections], looked: Looked) -> None:
    """The expression, the number read from it, what must hold besides, and why an evaluation failed."""
    fake, sections = prometheus
    fake.rules.append(Rule("Slow", "latency", "> bool", "0.2", value="NaN", health="err", guard="and traffic > 1"))
    case = Case("prometheus.rules", {"alert": "Slow"}, {"measured": "= yes", "threshold": "= 0.2"})
    outcome = await looked(case, sections)

    assert outcome.verdict is Verdict.FAIL
    assert "measured no, expected = yes" in outcome.summary
    said, failed = outcome.details
    assert said.startswith("latency > bool 0.2 and traffic > 1: > 0.2, but with `bool` it fires whatever the value")
    assert said.endswith("and only where also traffic > 1")
    assert failed == "its last evaluation failed: found duplicate series"


async def test_labels_stay_labels(prometheus: tuple[PrometheusFake, Sections], looked: Looked) -> None:
    """Quotation marks and backslashes of a book select nothing else."""
    fake, sections = prometheus
    odd = 'a "b" \\c'
    fake.add("up", job=odd)
    fake.add("up_total", job="other")
    for value, count in ((odd, "= 1"), ('x"} or vector(1) or {a="', "= 0")):
        case = Case("prometheus.metrics", {"metrics": ["up", "up_total"], "labels": {"job": value}}, {"present": count})
        assert (await looked(case, sections)).verdict is Verdict.PASS
    with pytest.raises(ValidationError):
        check_of(Case("prometheus.metrics", {"metrics": ["up"], "labels": {"a=~'.*',b": "c"}}, {"present": "= all"}))


async def test_nobody_is_woken_where_the_arrival_cannot_be_seen(parrot: Parrot, looked: Looked) -> None:
    """The sink is looked at first; while it fails, no alert is posted."""
    parrot.status = 503
    sink = AlertSink()
    given = {"sink": "sink", "sink_path": "/received", "within": "100 ms"}
    with served(AlertmanagerFake(sink).app()) as url:
        sections: Sections = {"alertmanager": {"url": url}, "endpoints": {"sink": {"url": parrot.url}}}
        outcome = await looked(Case("alertmanager.delivery", given, {"delivered": "< 1 s"}), sections)

    assert outcome.verdict is Verdict.UNKNOWN
    assert "sink sink: status 503" in outcome.summary
    assert sink.received == []


async def test_a_jaeger_before_its_parameters_were_renamed_is_asked_by_the_older_names(
    jaeger: tuple[JaegerFake, Sections], looked: Looked
) -> None:
    """Versions before 2.17 refuse the names in force."""
    fake, sections = jaeger
    fake.snake_case = True
    fake.traces.append(Trace(1, timedelta(days=3), [Span("orders")]))
    age = Case("jaeger.age", {"service": "orders"}, {"oldest": "> 2.9 d"})
    traces = Case("jaeger.traces", {"service": "orders"}, {"traces": "= 0"})

    assert (await looked(age, sections)).verdict is Verdict.PASS
    assert (await looked(traces, sections)).verdict is Verdict.PASS


async def test_a_trace_that_is_still_being_sent_is_not_called_broken(
    jaeger: tuple[JaegerFake, Sections], looked: Looked
) -> None:
    """Its parent comes last; where all traces are that new, nothing is said about their being whole."""
    fake, sections = jaeger
    fake.traces.append(Trace(1, timedelta(seconds=5), [Span("orders", parent=9)]))
    case = Case("jaeger.traces", {"service": "orders"}, {"broken": "= 0"})
    assert (await looked(case, sections)).verdict is Verdict.UNKNOWN

    fake.traces.append(Trace(2, timedelta(minutes=5), [Span("orders", parent=9)]))
    outcome = await looked(case, sections)
    assert outcome.verdict is Verdict.FAIL
    assert "1 traces lack a parent" in outcome.summary


@given(days=st.floats(min_value=0.01, max_value=729))
async def test_the_oldest_trace_is_found_to_within_an_hour(days: float) -> None:
    """However old it is, and whatever newer ones there are."""
    ages = [timedelta(days=days), timedelta(minutes=1)]

    async def youngest_between(nearest: timedelta, farthest: timedelta) -> timedelta | None:
        return min((age for age in ages if nearest <= age <= farthest), default=None)

    found = await oldest_trace(youngest_between)
    assert found is not None
    assert timedelta() <= timedelta(days=days) - found <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("given_to", "word"),
    [
        ([], "none"),
        ([(0, "Editor", 2), (3, "", 4)], "none"),
        ([(0, "Viewer", 1)], "view"),
        ([(2, "", 1), (0, "Viewer", 2)], "edit"),
        ([(2, "", 4)], "edit"),
    ],
)
def test_a_team_may_what_it_or_every_viewer_was_given(given_to: list[tuple[int, str, int]], word: str) -> None:
    """The most of both; what other teams and roles may does not count."""
    some = [
        Permission.model_validate({"teamId": team, "role": role, "permission": level}) for team, role, level in given_to
    ]
    assert allowed(2, some) == word
