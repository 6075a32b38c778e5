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


def test_an_outside_cause_shows_in_both() -> None:
    """Where the old version's probes fail as well, the cause lies outside the release."""
    tests = WatchTests(LIMITS, OLD)
    verdict = tests.feed(sample(failed=6, probes=6, probes_failed=2) for _ in range(5))
    assert verdict.breaches
    assert verdict.old_is_bad


def test_a_slow_old_version_does_not_excuse_failing_requests() -> None:
    """Failed requests are excused by failed probes only; slow ones prove nothing about them."""
    tests = WatchTests(LIMITS, OLD)
    verdict = tests.feed(sample(failed=6, probes=6, probes_slow=6) for _ in range(5))
    assert verdict.breaches
    assert not verdict.old_is_bad


def test_missing_samples_are_neither_good_nor_bad() -> None:
    """They are counted in a row, and one good sample ends the row."""
    tests = WatchTests(LIMITS, OLD)
    gone = ev.Sample(at=now(), requests=0, failed=0, slow=0, slower_than_before=0, missing=True)
    assert not tests.feed([gone, gone, gone]).breaches
    assert tests.missing_in_a_row == 3
    tests.feed([sample()])
    assert tests.missing_in_a_row == 0


def test_no_old_version_leaves_the_absolute_limits() -> None:
    """Without a baseline the limits of the book still catch a failing release."""
    tests = WatchTests(LIMITS, OldVersion())
    assert until_breach(tests, (sample(failed=6) for _ in range(20))) > 0
