"""How long it was gone, by probes: from the first that failed to the first of those that stayed good."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.drills.outage import PARTS, Outage, Probe, longest, outage, parts


def seen(pattern: str, good_in_a_row: int = 3) -> Outage:
    """Of probes a second apart, `+` good and `-` not."""
    return outage([Probe(float(at), one == "+") for at, one in enumerate(pattern)], good_in_a_row)


@pytest.mark.parametrize(
    ("pattern", "seconds", "flaps"),
    [
        ("+++++", 0.0, 0),
        ("++--+++", 2.0, 0),
        ("+-+-+++", 3.0, 1),
        ("--++", None, 0),
        ("-++-++-", None, 2),
        ("-+++-+++", 5.0, 1),
        ("-++++--++++", 7.0, 1),
        ("", 0.0, 0),
    ],
)
def test_how_long(pattern: str, seconds: float | None, flaps: int) -> None:
    """What is good for a while only is not back, and what never came back has no length."""
    assert (seen(pattern).seconds, seen(pattern).flaps) == (seconds, flaps)


@given(st.lists(st.booleans(), max_size=60))
def test_it_begins_with_a_failure_and_ends_with_none(good: list[bool]) -> None:
    """Whatever the probes were: from the end of the outage on none failed."""
    probes = [Probe(float(at), one) for at, one in enumerate(good)]
    found = outage(reversed(probes), 4)
    assert (found.first_failed is None) == all(good)
    if found.back is not None:
        assert all(good[int(found.back) :])
        assert len(good[int(found.back) :]) >= 4
        assert not good[int(found.back) - 1]


@given(st.floats(0, 100), st.floats(0, 100), st.lists(st.floats(-50, 200), min_size=3, max_size=3))
def test_the_parts_are_the_whole(begin: float, length: float, marks: list[float]) -> None:
    """To the microsecond, wherever the marks are; none is negative."""
    gone = Outage(begin, begin + length, 0, 0.04)
    split = parts(gone, dict(zip(PARTS[:-1], marks, strict=True)))
    assert list(split) == list(PARTS)
    assert min(split.values()) >= 0
    assert abs(sum(split.values()) - Decimal(str(round(length, 6)))) <= Decimal("0.000002")


def test_what_was_not_gone_has_no_parts() -> None:
    """Nor has what never came back."""
    assert parts(seen("+++"), {}) == parts(seen("--"), {}) == {}


def test_the_longest_gap_is_how_exact_it_is() -> None:
    """And not the mean: of probes at 0, 1, 2 and 9 nobody knows what was between the last two."""
    assert outage([Probe(at, good=True) for at in (0.0, 1.0, 2.0, 9.0)]).resolution == 7.0


def test_the_longest_of_several() -> None:
    """One that is not over is longer than any; what one client saw badly makes all of it less exact."""
    over, short, open_still = seen("+---+++"), seen("+-+++"), seen("--+")
    assert longest([over, short]).seconds == 3.0
    assert longest([over, open_still, short]).seconds is None
    coarse = outage([Probe(0.0, good=True), Probe(9.0, good=True)])
    assert (longest([coarse, over]).seconds, longest([coarse, over]).resolution) == (3.0, 9.0)
