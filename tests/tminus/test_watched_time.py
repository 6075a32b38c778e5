"""When a watch is over, from recorded samples alone."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus import events as ev
from tminus.watched_time import WatchedTime

BEGAN = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOURS = timedelta(hours=2)
PATIENCE = timedelta(seconds=2)


def sample(seconds: float, *, missing: bool = False) -> ev.Sample:
    """A sample so long after the watch began."""
    at = BEGAN + timedelta(seconds=seconds)
    return ev.Sample(at=at, requests=0, failed=0, slow=0, slower_than_before=0, missing=missing)


def longer(samples: Sequence[ev.Sample]) -> float:
    """By how many seconds these samples make a watch of two hours longer."""
    time = WatchedTime(BEGAN, BEGAN + HOURS, PATIENCE)
    time.feed(samples)
    return (time.until - BEGAN - HOURS).total_seconds()


def every_half_second(first: float, last: float) -> Iterator[ev.Sample]:
    """Whole samples, as they should come."""
    return (sample(first + number / 2) for number in range(int((last - first) * 2) + 1))


def test_a_watch_without_a_gap_ends_when_it_said() -> None:
    """Nothing comes on top."""
    assert longer([*every_half_second(0.5, 7200)]) == 0


def test_two_blind_hours_are_not_two_good_hours() -> None:
    """The conductor died after ten seconds and another one came after two hours: they come on top, but for 2 s."""
    assert longer([*every_half_second(0.5, 10), sample(7210)]) == 7198


def test_a_first_sample_that_comes_late_makes_it_longer() -> None:
    """Nobody watched between the beginning and the first sample."""
    assert longer([sample(62)]) == 60


@pytest.mark.parametrize(("gone", "added"), [(3, 0), (4, 0.5), (20, 8.5)])
def test_missing_samples_make_it_longer(gone: int, added: float) -> None:
    """They vouch for nothing; a short gap is bridged by what the counters say after it."""
    samples = [*every_half_second(0.5, 10)]
    samples += [sample(10 + number / 2, missing=True) for number in range(1, gone + 1)]
    assert longer([*samples, sample(10.5 + gone / 2)]) == added


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=20), st.integers(0, 20))
def test_who_takes_over_comes_to_the_same_end(steps: list[tuple[float, bool]], died: int) -> None:
    """Fed in one go or in two, the end is the same, and never earlier than it was said."""
    seconds, samples = 0.0, []
    for step, missing in steps:
        seconds += step
        samples.append(sample(seconds, missing=missing))
    time = WatchedTime(BEGAN, BEGAN + HOURS, PATIENCE)
    time.feed(samples[:died])
    time.feed(samples[died:])
    assert (time.until - BEGAN - HOURS).total_seconds() == longer(samples) >= 0
