"""No suggestion is green exactly where things are bad: what a line's sign says is kept, or asked about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.vocabulary import KINDS
from tests.tminus.importing.imports import checks_of, imported, seen
from tminus.expectation import Expectation
from tminus.importing.questions import question
from tminus.importing.recognizers import recognize

# What a line is about, with its unit; good is up, or down.
UP = {
    "Code coverage": "%",
    "Cache hit rate": "%",
    "Uptime": "%",
    "Throughput": " requests/s",
    "Load test throughput": " rps",
}
DOWN = {
    "Error rate": "%",
    "p95 latency": "ms",
    "API response time p99": " ms",
    "Average query time": "ms",
    "MTTR": " minutes",
    "MTTA": " min",
    "Kafka consumer lag": "ms",
    "RTO": " hours",
    "Load test error rate": "%",
    "Stress test p95": "ms",
}
NEGATIONS = [
    "",
    "not",
    "no",
    "never",
    "must not be",
    "must never go",
    "should not rise",
    "cannot fall",
    "isn't",
    "doesn't",
]
BELOW = ["<", "under", "below", "less than", "lower than", "fewer than", "<=", "at most", "up to"]
ABOVE = [">", "over", "above", "more than", "higher than", "greater than", ">=", "at least", "exceeds"]
BARE = ["", ":", "of", "="]
BEFORE = [
    "",
    "Alert when ",
    "Page on-call if ",
    "Roll back automatically if ",
    "Escalate when ",
    "Build fails if ",
    "All: ",
]
AFTER = ["", " triggers a rollback", " in production", ", else page on-call", " for 5 services"]
# What is expected of a number that is measured, and which way is good.
GOOD = {
    **dict.fromkeys(("lines", "hit_rate", "uptime", "rate"), ">"),
    **dict.fromkeys(("ratio", "p50", "p95", "p99", "seconds", "mttr", "mtta", "behind", "errors"), "<"),
}


@given(
    st.sampled_from([*UP.items(), *DOWN.items()]),
    st.sampled_from(BEFORE),
    st.sampled_from(NEGATIONS),
    st.sampled_from([*BELOW, *ABOVE, *BARE]),
    st.integers(1, 99),
    st.sampled_from(AFTER),
)
def test_no_suggestion_has_the_wrong_direction(
    about: tuple[str, str], before: str, negation: str, sign: str, number: int, after: str
) -> None:
    """However a limit is worded: what is expected is in the good direction, or nothing is and somebody is asked."""
    subject, unit = about
    line = seen(f"{before}{subject} {negation} {sign} {number}{unit}{after}")

    found = recognize(line, KINDS)

    judged = [(name, wanted) for _, expect in checks_of(found) for name, wanted in expect.items() if name in GOOD]
    for name, wanted in judged:
        assert Expectation(wanted).sign[0] in {GOOD[name], "="}, f"{line.title}: {name} {wanted}"
    assert bool(judged) is bool(found.checks)
    assert judged or (question(line, found) and not found.promises), line.title


@given(st.sampled_from([*UP.items(), *DOWN.items()]), st.booleans(), st.sampled_from(NEGATIONS[1:]), st.integers(1, 99))
def test_a_limit_that_is_negated_is_kept_as_it_is_meant(
    about: tuple[str, str], short: bool, negation: str, number: int
) -> None:
    """`not above` for what is to be low, `not below` for what is to be high: at most, at least."""
    subject, unit = about
    sign = ("<" if short else "below") if subject in UP else (">" if short else "above")
    line = seen(f"{subject} {negation} {sign} {number}{unit}")

    signs = [Expectation(wanted).sign for _, expect in checks_of(recognize(line, KINDS)) for wanted in expect.values()]

    assert (">=" if subject in UP else "<=") in signs, line.title
    assert question(line, recognize(line, KINDS)) == ""


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Error rate not above 1%", {"ratio": "<= 1 %"}),
        ("Error rate never over 1%", {"ratio": "<= 1 %"}),
        ("p95 latency no higher than 300ms", {"p95": "<= 300 ms"}),
        ("Cache hit rate not below 80%", {"hit_rate": ">= 80 %"}),
        ("Code coverage not under 80%", {"lines": ">= 80 %"}),
        ("Error rate < 1% when a node fails", {"ratio": "< 1 %"}),
    ],
)
def test_a_limit_is_read_as_people_word_it(title: str, expected: dict[str, str]) -> None:
    """And one under a condition, where nothing is said to be done, is a limit still."""
    (check,) = recognize(seen(title), KINDS).checks
    assert dict(check.expect) == expected


@pytest.mark.parametrize(
    "title",
    [
        "Build fails if code coverage <80%",
        "Alert when cache hit rate < 80%",
        "Alert if uptime < 99%",
        "Roll back automatically if error rate >5%",
        "Page on-call when p99 latency >500ms",
        "Escalate when MTTR > 30 minutes",
        "Alert when error rate is below 5%",
        "Error rate > 5% triggers a rollback",
        "Cluster of at most 3 nodes",
        "Replication factor not above 3",
        "Access tokens expire after more than 1 hour",
        "TLS certificates expire in less than 30 days",
    ],
)
def test_what_is_a_trigger_or_points_the_other_way_is_asked_about(title: str) -> None:
    """In the file, at the line; and it promises nothing."""
    (drafted,) = imported(f"# Shop\n- [ ] {title}\n").lines()

    assert (drafted.suggestion.checks, dict(drafted.suggestion.promises)) == ((), {})
    assert "is something done there?" in drafted.asks or "something is done at" in drafted.asks


def test_a_trigger_under_alerts_is_the_rules_threshold() -> None:
    """`Page when error rate > 1%` in a list of alerts is what the rule has to say."""
    found = recognize(seen("Page when error rate > 1%", "Alert rules", part=True), KINDS)

    assert checks_of(found) == [("prometheus.rules", {"loaded": ">= 1", "ratio": "= 1 %", "health": "= ok"})]
