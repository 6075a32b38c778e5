"""Time along a drawing."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tminus.report.axis import BREAK, axis

START = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
offsets = st.integers(0, 40_000).map(lambda tenths: timedelta(seconds=tenths / 10))
spans = st.lists(
    st.tuples(offsets, offsets).map(lambda pair: (START + min(pair), START + max(pair))), min_size=1, max_size=12
)


def at(seconds: float) -> datetime:
    """A moment so long after the start."""
    return START + timedelta(seconds=seconds)


def test_one_stretch_is_linear() -> None:
    """From edge to edge, and the middle in the middle."""
    across = axis([(at(0), at(10))], 100, 300)
    assert [across.x(at(seconds)) for seconds in (0, 5, 10)] == [100, 200, 300]


def test_idle_time_is_cut_and_said() -> None:
    """An hour of nothing takes a break's width, and the break knows how long it was."""
    across = axis([(at(0), at(10)), (at(3610), at(3620))], 0, 1000)
    assert across.breaks == [(500, timedelta(hours=1))]
    assert across.x(at(10)) == 500 - BREAK / 2
    assert across.x(at(3610)) == 500 + BREAK / 2
    assert across.x(at(1800)) == 500


def test_a_moment_outside_lies_at_the_edge() -> None:
    """Nothing is drawn beyond the axis."""
    across = axis([(at(0), at(10))], 0, 100)
    assert across.x(at(-5)) == 0
    assert across.x(at(99)) == 100


@given(spans)
def test_later_is_never_further_left(found: list[tuple[datetime, datetime]]) -> None:
    """Whatever happened: order is kept, and everything is within the drawing."""
    across = axis(found, 50, 950)
    moments = sorted(moment for span in found for moment in span)
    places = [across.x(moment) for moment in moments]
    assert places == sorted(places)
    assert all(50 - 1e-6 <= place <= 950 + 1e-6 for place in places)


@given(spans, st.sampled_from([60.0, 84.0]))
def test_ticks_are_apart_and_have_room(found: list[tuple[datetime, datetime]], apart: float) -> None:
    """Their names never cover each other, nor reach over the edge."""
    places = [tick.x for tick in axis(found, 50, 950).ticks(apart, 1000)]
    assert all(right - left >= apart for left, right in pairwise(places))
    assert all(place <= 950 for place in places)


def test_ticks_are_at_round_times() -> None:
    """After a stretch's start come full seconds, minutes or hours."""
    found = list(axis([(at(0.4), at(120.4))], 0, 1000).ticks(80, 1100))
    assert [f"{tick.at:%M:%S}" for tick in found[:4]] == ["00:00", "00:10", "00:20", "00:30"]
