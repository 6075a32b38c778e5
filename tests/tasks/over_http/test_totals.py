"""Requests counted: the arithmetic, without any server."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.samples import Names, NotExportedError, Totals, difference, read, restarted, total
from tasks.totals import Slower

INF = math.inf
BOUNDS = (0.1, 0.2, 0.5, INF)
TEXT = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="GET",path="/a",status="200",version="2"} 90.0
http_requests_total{method="GET",path="/b}",status="404",version="2"} 6.0 1700000000000
http_requests_total{method="POST",path="/a",status="503",version="2"} 3.0
http_requests_total{method="POST",path="/a",status="500",version="1"} 1.0
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1",path="/a"} 50
http_request_duration_seconds_bucket{le="0.5",path="/a"} 80
http_request_duration_seconds_bucket{le="+Inf",path="/a"} 80
http_request_duration_seconds_bucket{le="0.1",path="/b"} 10
http_request_duration_seconds_bucket{le="0.5",path="/b"} 20
http_request_duration_seconds_bucket{le="+Inf",path="/b"} 20
http_request_duration_seconds_sum{path="/b"} 3
http_requests_total_of_another_kind 1000
process_start_time_seconds 1.5e+09
"""


def durations(*seconds: float) -> Totals:
    """The totals that these durations leave in a histogram."""
    buckets = tuple((bound, sum(s <= bound for s in seconds)) for bound in BOUNDS)
    return Totals(len(seconds), 0, buckets)


def test_series_are_added_up() -> None:
    """All series of the counter, 5xx as errors, buckets by bound; other metrics of similar name are none of it."""
    assert read(TEXT) == Totals(100, 4, ((0.1, 60), (0.5, 100), (INF, 100)), 1.5e9)


def test_labels_narrow_and_names_may_differ() -> None:
    """Only series that carry the labels; a counter by another name, a status by another label."""
    assert read(TEXT, Names(labels={"version": "1"})).requests == 1
    renamed = TEXT.replace("http_requests_total", "hits").replace("status=", "code=")
    assert read(renamed, Names(requests="hits", status="code")).errors == 4
    assert read('hits{status="200"} 7\n', Names(requests="hits")) == Totals(7)


def test_a_counter_that_has_not_counted_is_zero_and_one_that_is_not_there_is_an_error() -> None:
    """A fresh instance declares its counter; an instance without one was not read, rather than idle."""
    assert read("# TYPE http_requests_total counter\n") == Totals()
    assert read("# TYPE http_requests counter\n") == Totals()
    with pytest.raises(ValueError, match="exports no http_requests_total"):
        read("process_start_time_seconds 1\n")
    with pytest.raises(NotExportedError, match="exports no http_requests_total; if it is called otherwise, say so"):
        read("# TYPE hits_total counter\nhits_total 1\n")


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ('http_requests_total{code="500"} 1', "has no label 'status' \\(its labels: code\\), so errors are not told"),
        ('http_requests_total{status=""} 1', "has no label 'status'"),
        ("http_requests_total 1", "has no label 'status' \\(its labels: none\\)"),
        ('http_requests_total{status="error"} 1', "status='error', which is no HTTP status"),
    ],
)
def test_a_counter_that_does_not_tell_errors_is_no_counter_of_zero_errors(series: str, said: str) -> None:
    """Without an HTTP status nobody knows which of the requests failed."""
    with pytest.raises(ValueError, match=said):
        read(f'http_requests_total{{status="200"}} 7\n{series}\n')


@pytest.mark.parametrize(
    "line",
    [
        'http_requests_total{status="200"} NaN',
        'http_requests_total{status="200"} -1',
        'http_requests_total{status="200"}',
        "http_requests_total{status=200} 1",
        "http_requests_total{ 1",
        "http_requests_total one",
        'http_request_duration_seconds_bucket{le="0.1"} 1\nhttp_requests_total{status="200"} 1',
        'http_request_duration_seconds_bucket{le="x"} 1\nhttp_requests_total{status="200"} 1',
        'http_requests_total{status="200"} 1\nhttp_request_duration_seconds_bucket 1',
    ],
)
def test_what_is_no_metric_is_an_error(line: str) -> None:
    """Half a number is no number."""
    with pytest.raises(ValueError, match=r"text format|counter stands|\+Inf|could not convert"):
        read(line)


@given(st.text(st.sampled_from('http_requests_total{}="\\, 01\n#le+Inf_bucket'), max_size=60))
def test_garbage_is_an_error_and_never_a_crash(text: str) -> None:
    """Whatever an instance answers, reading it gives totals or a ValueError."""
    try:
        found = read('# TYPE http_requests_total counter\nhttp_requests_total{status="200"' + text)
    except ValueError:
        return
    assert found.requests >= found.errors >= 0


def test_quantiles_are_prometheus_quantiles() -> None:
    """Worked example: 6, 5, 3 and 5 observations up to 0, 0.5, 1 and infinity have a median of 0.35."""
    example = Totals(19, 0, ((0.0, 6), (0.5, 11), (1.0, 14), (INF, 19)))
    median, p99 = example.quantile(0.5), example.quantile(0.99)
    assert median is not None
    assert median.seconds == pytest.approx(0.35)
    assert (median.low, median.high, median.unbounded) == (0.0, 0.5, False)
    assert p99 is not None
    assert (p99.seconds, p99.unbounded) == (1.0, True)


def test_nothing_observed_has_no_quantile() -> None:
    """No requests, no histogram, or only its open bucket: nobody knows."""
    assert Totals().quantile(0.5) is None
    assert durations().quantile(0.5) is None
    assert Totals(3, 0, ((INF, 3),)).quantile(0.5) is None


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    """Interpolated or not, it is never outside the bucket that holds the true quantile."""
    true = sorted(seconds)[max(math.ceil(share * len(seconds) - 1e-9), 1) - 1]
    found = durations(*seconds).quantile(share)
    assert found is not None
    assert found.low <= found.seconds <= found.high
    assert found.low <= true <= found.high


@given(st.lists(st.floats(0.0, 2.0), max_size=60), st.floats(0.0, 1.0))
def test_slower_than_brackets_the_truth(seconds: list[float], bound: float) -> None:
    """`surely` never counts a request that was not slower, `perhaps` misses none."""
    truth = sum(s > bound for s in seconds)
    slower = durations(*seconds).slower_than(bound)
    assert slower.surely <= truth <= slower.perhaps


def test_counts_at_fewer_bounds() -> None:
    """Requests and the open bucket stay; a bound that is not there adds none."""
    found = durations(0.05, 0.15, 0.3)
    assert found.bounds == (0.1, 0.2, 0.5)
    assert found.at((0.2, 7.0)) == Totals(3, 0, ((0.2, 2), (INF, 3)))
    assert Totals(3).at((0.2,)).bounds == ()


def test_slower_than_a_bucket_bound_is_exact() -> None:
    """200 ms is a bound, so both counts are the same; above the last finite bound nothing is sure."""
    found = durations(0.05, 0.15, 0.3, 0.7, 0.9)
    assert found.slower_than(0.2) == Slower(3, 3)
    assert found.slower_than(0.3) == Slower(2, 3)
    assert found.slower_than(1.0) == Slower(0, 2)
    assert Totals(5).slower_than(0.2) == Slower(0, 0)


def test_the_difference_is_what_happened_in_between() -> None:
    """Counter by counter, bucket by bucket."""
    before, after = Totals(10, 1, ((0.1, 8), (INF, 10)), 5.0), Totals(25, 3, ((0.1, 20), (INF, 25)), 5.0)
    assert not restarted(before, after)
    assert difference(before, after) == Totals(15, 2, ((0.1, 12), (INF, 15)), 5.0)
    assert difference(Totals(), after) == Totals(25, 3, after.buckets, 5.0)


@pytest.mark.parametrize(
    "after",
    [
        Totals(4, 0, ((0.1, 4), (INF, 4)), 5.0),  # the counter fell
        Totals(99, 9, ((0.1, 90), (INF, 99)), 6.0),  # another process, which has already counted more
        Totals(10, 0, ((0.1, 8), (INF, 10)), 5.0),  # the errors fell
        Totals(10, 1, ((0.1, 7), (INF, 10)), 5.0),  # a bucket fell
        Totals(20, 1, ((0.2, 9), (INF, 20)), 5.0),  # other buckets: another program
        Totals(10, 1, (), 5.0),  # no buckets any more
    ],
)
def test_a_restarted_instance_counts_from_zero(after: Totals) -> None:
    """What a new process counted is all new; nothing is negative, and nothing of the old one is subtracted."""
    before = Totals(10, 1, ((0.1, 8), (INF, 10)), 5.0)
    assert restarted(before, after)
    assert difference(before, after) == after


def test_instances_are_added_up() -> None:
    """An instance without requests changes nothing; one without a histogram leaves no quantiles; bounds must agree."""
    one, idle = durations(0.05, 0.3), Totals(started=1.0)
    assert total([one, idle, one]) == Totals(4, 0, ((0.1, 2), (0.2, 2), (0.5, 4), (INF, 4)), 1.0)
    assert total([one, Totals(3)]).buckets == ()
    assert total([Totals(3), one]).buckets == ()
    assert total([one, Totals(1, 0, ((0.2, 1), (INF, 1)))]).buckets == ((0.2, 2), (INF, 3))
    assert total([]) == Totals()


@given(st.lists(st.lists(st.floats(0.0, 2.0), max_size=20), max_size=4))
def test_adding_up_instances_is_adding_up_requests(parts: list[list[float]]) -> None:
    """However requests are spread over instances, the sum is the same."""
    whole = total(durations(*part) for part in parts)
    together = durations(*(s for part in parts for s in part))
    assert (whole.requests, whole.buckets or durations().buckets) == (together.requests, together.buckets)
