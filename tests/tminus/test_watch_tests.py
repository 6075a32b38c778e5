"""The watch's verdict, from recorded samples alone."""

from collections.abc import Iterator

import pytest

from tminus import events as ev
from tminus.clock import now
from tminus.watch_tests import Limits, OldVersion, WatchTests

LIMITS = Limits(
    error_rate=0.001, slow_over=0.2, alpha=0.01, min_requests=100, tolerate_errors=0.005, tolerate_slow=0.15
)
OLD = OldVersion(requests=2000, failed=0, slower_than=0.025, slower=60, choices=12)


def sample(requests: int = 30, failed: int = 0, slower: int = 1, **probes: int) -> ev.Sample:
    """An interval of the new version, and what the old one's probes showed meanwhile."""
    return ev.Sample(at=now(), requests=requests, failed=failed, slow=0, slower_than_before=slower, **probes)


def until_breach(tests: WatchTests, samples: Iterator[ev.Sample]) -> int:
    """How many samples it took."""
    for count, one in enumerate(samples, start=1):
        if tests.feed([one]).breaches:
            return count
    return -1


def test_a_clean_release_is_not_accused() -> None:
    """An hour of samples like the old version's never breaches."""
    tests = WatchTests(LIMITS, OLD)
    assert until_breach(tests, (sample() for _ in range(3600))) == -1


@pytest.mark.parametrize(("failed", "slower"), [(6, 1), (0, 30)])
def test_a_bad_release_is_caught_within_ten_samples(failed: int, slower: int) -> None:
    """20 % errors, or every request slower than the old p95, breach as soon as there are enough requests."""
    tests = WatchTests(LIMITS, OLD)
    assert 4 <= until_breach(tests, (sample(failed=failed, slower=slower) for _ in range(20))) <= 10


def test_replaying_gives_the_same_verdict() -> None:
    """A successor that feeds the recorded samples stands where the lost conductor stood."""
    samples = [sample(failed=number % 3) for number in range(12)]
    live, replayed = WatchTests(LIMITS, OLD), WatchTests(LIMITS, OLD)
    for one in samples:
        last = live.feed([one])
    again = replayed.feed(samples)
    assert again.breaches == last.breaches
    assert replayed.requests == live.requests


def test_missing_samples_are_neither_good_nor_bad() -> None:
    """They are counted in a row, and one good sample ends the row."""
    tests = WatchTests(LIMITS, OLD)
    gone = ev.Sample(at=now(), requests=0, failed=0, slow=0, slower_than_before=0, missing=True)
    assert not tests.feed([gone, gone, gone]).breaches
    assert tests.missing_in_a_row == 3
    tests.feed([sample()])
    assert tests.missing_in_a_row == 0


def test_what_a_missing_sample_counted_counts() -> None:
    """One instance could not be read; what the others failed at is no less true."""
    tests = WatchTests(LIMITS, OLD)
    partial = sample(failed=6).model_copy(update={"missing": True, "why_missing": "127.0.0.1:9: connection refused"})
    assert until_breach(tests, (partial for _ in range(20))) == 4
    assert (tests.requests, tests.failed, tests.missing_in_a_row) == (120, 24, 4)


def test_the_onset_is_where_the_breach_began_and_not_an_earlier_hiccup() -> None:
    """One failure in the first sample is forgotten by the time that things really go wrong."""
    tests = WatchTests(LIMITS, OLD)
    tests.feed([sample(failed=1), *(sample() for _ in range(500))])
    first = sample(failed=6)
    verdict = tests.feed([first, sample(failed=6), sample(failed=6)])
    assert verdict.breaches
    assert verdict.onset is first


def test_what_could_not_be_compared_is_said() -> None:
    """Nothing where everything could; a missing baseline, its missing p95, and an old version nobody asked."""
    whole = WatchTests(LIMITS, OLD)
    whole.feed([sample(probes=6)])
    assert whole.caveats == ""
    assert "the old version could not be asked" in WatchTests(LIMITS, OLD).caveats
    assert "which shows no requests" in WatchTests(LIMITS, OldVersion()).caveats
    assert "whose p95 is not known" in WatchTests(LIMITS, OldVersion(requests=2000)).caveats


def test_no_old_version_leaves_the_absolute_limits() -> None:
    """Without a baseline the limits of the book still catch a failing release."""
    tests = WatchTests(LIMITS, OldVersion())
    assert until_breach(tests, (sample(failed=6) for _ in range(20))) > 0


def test_a_baseline_without_a_p95_accuses_nobody_of_being_slower() -> None:
    """Its latency is not known, so nothing is held against it, and alpha is not spent on it."""
    tests = WatchTests(LIMITS, OldVersion(requests=2000))
    assert until_breach(tests, (sample(slower=30) for _ in range(20))) == -1
    assert ("slower_than_before", "baseline") not in tests.watch.tests
