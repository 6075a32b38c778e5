"""Reports of k6, Locust and wrk: every number where the tool writes it, and none where it does not."""

import json

import pytest
from pydantic import JsonValue

from deployments.rehearsal.papers.reports import k6_export, k6_summary, k6_values, wrk_text
from tasks import load_k6, load_locust, load_wrk
from tasks.load_result import LoadResult
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import looked, put
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

VALUES = k6_values(p50=3, p95=6, p99=8, errors=0.5, users=50, rate=100, seconds=60)
# As Locust 2.47 wrote it for a run of five seconds.
STATS = """\
Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,\
Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%
GET,/bad,95,1,3,3.07,0.83,11.02,2.0,23.86,0.25,3,3,4,4,4,6,11,11,11,11,11
GET,Aggregated,295,0,3,3.15,0.94,27.79,2.0,74.11,0.0,3,3,3,4,4,6,10,22,28,28,28
,Aggregated,390,1,3,3.14,0.83,27.79,2.0,97.98,0.25,3,3,3,4,4,6,10,12,28,28,28
"""
HISTORY = """\
Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%
1795335452,0,,Aggregated,0.000000,0.000000,N/A,N/A
1795335453,3,,Aggregated,0.000000,0.000000,3,3
1795335454,6,,Aggregated,0.000000,0.000000,3,3
1795335456,6,,Aggregated,72.000000,0.500000,3,3
"""


def test_both_of_k6s_summaries_say_the_same() -> None:
    """Exported, and from handleSummary; only the latter can have a ramp, where the script put it there."""
    summary = load_k6.read(file(k6_summary(VALUES, 60, ramp=20)))
    exported = load_k6.read(file(k6_export(VALUES)))

    assert summary == exported.model_copy(update={"ramp": 20.0})
    assert summary == LoadResult(
        requests=6000, errors=0.5, rate=100, p50=3, p95=6, p99=8, users=50, ramp=20, duration=60, checks_failed=0
    )


@pytest.mark.parametrize(
    ("options", "ramp"),
    [
        ({}, None),
        ({"stages": [{"duration": "1m30s", "target": 50}, {"duration": "5m", "target": 50}]}, 90),
        ({"stages": [{"duration": "10s", "target": 20}, {"duration": "20s", "target": 50}]}, 30),
        ({"stages": [{"duration": "10s", "target": 0}]}, None),
        ({"scenarios": {"a": {"startVUs": 50, "stages": [{"duration": "9s", "target": 50}]}}}, None),
        (
            {
                "scenarios": {
                    "a": {"stages": [{"duration": "9s", "target": 5}]},
                    "b": {"stages": [{"duration": "12s", "target": 9}]},
                }
            },
            12,
        ),
        ({"scenarios": None}, None),
    ],
)
def test_a_ramp_is_read_from_the_scripts_own_options(options: dict[str, JsonValue], ramp: float | None) -> None:
    """Until the most users are wanted, of the slowest scenario; without stages there is none."""
    document = {**json.loads(k6_summary(VALUES, 60)), "options": options}
    assert load_k6.read(file(json.dumps(document))).ramp == ramp


def test_k6_without_p99_has_none() -> None:
    """Its default leaves it out; it is not made up from the others."""
    document = json.loads(k6_summary(VALUES, 60))
    del document["metrics"]["http_req_duration"]["values"]["p(99)"]
    result = load_k6.read(file(json.dumps(document)))

    assert result.p99 is None
    assert "p99" not in {one.name for one in result.measurements()}


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("http_reqs", None),
        ("http_reqs", {"count": 0, "rate": 0}),
        ("http_reqs", {"count": -1, "rate": 1}),
        ("http_reqs", {"count": 1e300, "rate": 1}),
        ("http_reqs", {"count": 1e14, "rate": 1e-300}),
        ("http_req_failed", None),
        ("http_req_failed", {}),
        ("http_req_failed", {"rate": 3}),
        ("http_req_duration", None),
        ("http_req_duration", {"med": "fast"}),
    ],
)
def test_k6_without_what_it_always_says_proves_nothing(metric: str, values: JsonValue) -> None:
    """No requests, no share of failed ones, numbers that cannot be: unknown, never no errors."""
    document = json.loads(k6_export(VALUES))
    document["metrics"][metric] = values
    if metric == "http_req_duration" and values is not None:
        document["metrics"][metric]["avg"] = 1
    with pytest.raises(CouldNotObserve):
        load_k6.read(file(json.dumps(document)))


def test_what_locust_writes_is_read() -> None:
    """The row that sums up, not a request of that name; users, ramp and length from the history."""
    result = load_locust.read(file(STATS), file(HISTORY))

    assert (result.requests, result.p50, result.p95, result.p99, result.rate) == (390, 3, 6, 12, 97.98)
    assert result.errors == pytest.approx(100 / 390)
    assert (result.users, result.ramp, result.duration) == (6, 2, 4)
    assert result.made is not None


def test_locust_without_its_history_says_nothing_of_users() -> None:
    """They are not guessed."""
    result = load_locust.read(file(STATS), None)
    assert (result.users, result.ramp, result.duration, result.made) == (None, None, None, None)
    assert load_locust.history_of("load/a_stats.csv") == "load/a_stats_history.csv"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n,Aggregated", "\nGET,Aggregated"),
        (",Aggregated,390,1,", ",Aggregated,0,0,"),
        (",Aggregated,390,1,", ",Aggregated,390,400,"),
        (",Aggregated,390,1,", ",Aggregated,many,1,"),
        (",99%,", ",99 %,"),
        ("Type,Name", '"Type,Name'),
    ],
)
def test_what_is_none_of_locusts_proves_nothing(old: str, new: str) -> None:
    """No sum, no request, more failures than requests, no number, another table."""
    assert old in STATS
    with pytest.raises(CouldNotObserve):
        load_locust.read(file(STATS.replace(old, new)), None)


def test_what_wrk_prints_is_read() -> None:
    """Connections lost and answers refused both count as errors; what it does not print is not measured."""
    result = load_wrk.read(file(wrk_text(requests=980, seconds=60, users=4, p50=1.5, p99=9, refused=10, lost=20)))

    assert (result.requests, result.errors) == (1000, 3)
    assert (result.p50, result.p95, result.p99) == (1.5, None, 9)
    assert (result.users, result.duration, result.ramp) == (4, 60, None)


@pytest.mark.parametrize(
    ("old", "new", "p99"),
    [
        ("9.00ms\n  98", "900.00us\n  98", 0.9),
        ("9.00ms\n  98", "1.20s\n  98", 1200),
        ("9.00ms\n  98", "2.00m\n  98", 120000),
    ],
)
def test_wrks_units_are_read(old: str, new: str, p99: float) -> None:
    """Microseconds to minutes."""
    text = wrk_text(requests=980, seconds=60, users=4, p50=1.5, p99=9)
    assert old in text
    assert load_wrk.read(file(text.replace(old, new))).p99 == p99


@pytest.mark.parametrize("missing", ["Requests/sec", "requests in", "threads and"])
def test_a_cut_text_of_wrk_proves_nothing(missing: str) -> None:
    """It ends with its rate, and begins with its users."""
    text = "\n".join(
        line for line in wrk_text(requests=9, seconds=6, users=4, p50=1, p99=9).splitlines() if missing not in line
    )
    with pytest.raises(CouldNotObserve, match="was it cut"):
        load_wrk.read(file(text))


def test_a_test_of_wrk_without_an_answer_proves_nothing() -> None:
    """All connections were refused, so there is no latency to speak of."""
    with pytest.raises(CouldNotObserve, match="no request was answered"):
        load_wrk.read(file(wrk_text(requests=0, seconds=6, users=4, p50=0, p99=0, lost=9)))


def test_k6_that_only_was_ready_for_users_had_none() -> None:
    """`vus_max` is how many it could have started."""
    document = json.loads(k6_export(VALUES))
    del document["metrics"]["vus"]
    assert load_k6.read(file(json.dumps(document))).users is None


async def test_a_failed_check_of_k6_fails_unless_the_step_says_otherwise(estates: Estates) -> None:
    """A request that is answered with the wrong thing is none that failed, as k6 counts."""
    values = k6_values(p50=3, p95=6, p99=8, errors=0, users=50, rate=100, seconds=60, checks_failed=7)
    put(estates.folder, "k6.json", k6_export(values))
    for expect, verdict in (({}, Verdict.FAIL), ({"checks_failed": "<= 10"}, Verdict.PASS)):
        outcome = await looked(estates, "artifact.load", {"errors": "= 0 %", **expect}, report="k6.json", tool="k6")
        assert outcome.verdict is verdict, outcome.summary


async def test_a_report_without_a_date_has_no_age_unless_its_file_may_say_it(estates: Estates) -> None:
    """A checkout makes every file young."""
    put(estates.folder, "k6.json", k6_export(VALUES))
    expect = {"age": "< 1 h"}
    said = await looked(estates, "artifact.load", expect, report="k6.json", tool="k6")
    taken = await looked(estates, "artifact.load", expect, report="k6.json", tool="k6", dated_by="file")

    assert (said.verdict, taken.verdict) == (Verdict.UNKNOWN, Verdict.PASS)
    assert "its age is not known" in said.details[0]
    assert "its file's time is taken" in taken.details[0]
