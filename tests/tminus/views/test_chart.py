"""A chart's coordinates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tminus.launch_story import Story
from tminus import events as ev
from tminus.report.chart import NARROW, WIDE, Frame, draw, path, place_flags, plain, round_steps
from tminus.report.watch_model import Moment, Point, Shown, VersionSpan, WatchReport
from tminus.report.watched import thinned, watched

Told = Callable[[str], Story]
START = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
FRAME = Frame(width=200, left=0, right=100, plot=100, apart=50)


def point(second: int, errors: float | None, *, missing: bool = False, old: float | None = None) -> Point:
    """An interval with so many errors in percent."""
    return Point(
        at=START + timedelta(seconds=second),
        requests=0 if errors is None else 100,
        failed=0,
        error_percent=errors,
        p95_ms=errors,
        old_percent=old,
        missing=missing,
    )


def watch(*points: Point) -> WatchReport:
    """A watch of ten seconds with a limit of 5 %."""
    return WatchReport(
        step="watch",
        title="watch",
        began=START,
        until=START + timedelta(seconds=10),
        mark=Shown(symbol="✓", word="good", tone="good"),
        why="",
        requests=0,
        failed=0,
        samples=len(points),
        missing=0,
        error_limit=5,
        p95_limit=None,
        error_before=None,
        p95_before=1,
        points=points,
        moments=(),
        versions=(VersionSpan(version="2", new=True, started=START, ended=START + timedelta(seconds=10)),),
    )


def test_values_become_coordinates() -> None:
    """0 % lies at the bottom, the highest step at the top, and time runs from left to right."""
    drawn = draw(watch(point(0, 0), point(5, 5), point(10, 9)), "error_percent", FRAME)
    assert [level.label for level in drawn.levels] == ["0 %", "2 %", "4 %", "6 %", "8 %", "10 %"]
    assert drawn.lines == (f"0.0,{drawn.bottom:.1f} 50.0,{drawn.bottom - 50:.1f} 100.0,{drawn.bottom - 90:.1f}",)
    assert drawn.limit is not None
    assert drawn.limit.y == drawn.bottom - 50
    assert drawn.bottom - drawn.top == 100


def test_only_what_is_above_the_limit_is_marked() -> None:
    """A point on the limit is not over it."""
    drawn = draw(watch(point(0, 0), point(5, 5), point(10, 9)), "error_percent", FRAME)
    assert [dot.over for dot in drawn.dots] == [False, False, True]


def test_missing_samples_cut_the_line_and_are_shaded() -> None:
    """Neither good nor bad is drawn where nothing was seen."""
    points = [point(0, 1), point(2, 1), point(4, None, missing=True), point(6, None, missing=True), point(8, 1)]
    drawn = draw(watch(*points, point(10, 1)), "error_percent", FRAME)
    assert len(drawn.lines) == 2
    assert [(band.left, band.right) for band in drawn.bands if band.kind == "missing"] == [(20, 60)]


def test_an_interval_without_requests_is_no_gap() -> None:
    """Nobody asked, so there is no share; the line goes on to the next."""
    drawn = draw(watch(point(0, 1), point(5, None), point(10, 1)), "error_percent", FRAME)
    assert len(drawn.lines) == 1
    assert not [band for band in drawn.bands if band.kind == "missing"]


def test_the_old_versions_probes_are_drawn_when_they_fail() -> None:
    """Evidence of an outside cause; a line at zero would only be noise."""
    quiet = draw(watch(point(0, 1, old=0), point(10, 1, old=0)), "error_percent", FRAME)
    loud = draw(watch(point(0, 1, old=0), point(10, 1, old=50)), "error_percent", FRAME)
    assert quiet.old_lines == ()
    assert loud.old_lines == (f"0.0,{loud.bottom:.1f} 100.0,{loud.bottom - 100 * 50 / 60:.1f}",)


@pytest.mark.parametrize("name", ["watching", "launched", "rolled-back", "no-metrics", "rollback-unproven"])
@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_everything_of_a_story_lies_within_the_drawing(told: Told, name: str, frame: Frame) -> None:
    """On a desk and on a phone."""
    story = told(name)
    found = watched(story.frozen, story.record)
    assert found is not None
    for measure in ("error_percent", "p95_ms"):
        drawn = draw(found, measure, frame)
        places = [tuple(map(float, pair.split(","))) for line in drawn.lines for pair in line.split()]
        assert all(frame.left <= x <= frame.right and drawn.top <= y <= drawn.bottom for x, y in places)
        assert all(frame.left <= flag.x <= frame.right for flag in drawn.flags)
        assert all(band.left <= band.right <= frame.right + 1e-6 for band in drawn.bands)


@given(st.floats(0, 1e7))
def test_steps_are_few_and_reach_the_highest(highest: float) -> None:
    """Three to six values from 0 on, evenly apart, the last one not below the highest value."""
    steps = round_steps(highest)
    assert 3 <= len(steps) <= 6
    assert steps[0] == 0
    assert steps[-1] >= highest * (1 - 1e-9)
    gaps = {round(right - left, 6) for left, right in pairwise(steps)}
    assert max(gaps) - min(gaps) <= max(gaps) * 1e-3


@given(st.lists(st.tuples(st.floats(0, 360), st.sampled_from(["new version serves", "rollback begins"])), max_size=8))
def test_labels_of_one_row_never_cover_each_other(found: list[tuple[float, str]]) -> None:
    """Whatever happens at whatever time."""
    flags = place_flags([(x, Moment(at=START, kind="deploy", label=label)) for x, label in found], 360)
    for one in flags:
        for two in flags:
            if one is not two and one.row == two.row and one.anchor == two.anchor == "start":
                assert abs(one.x - two.x) > len(min(one, two, key=lambda flag: flag.x).label) * 6


def test_points_are_written_to_a_tenth() -> None:
    """Short enough, and exact enough for a screen."""
    assert path([(0, 1), (2.345, 6.789)]) == "0.0,1.0 2.3,6.8"


def sample(number: int, failed: int, p95: int | None, *, missing: bool = False) -> ev.Sample:
    """An interval of the watch."""
    return ev.Sample(
        at=START + timedelta(seconds=number),
        requests=0 if missing else 10,
        failed=failed,
        slow=0,
        slower_than_before=0,
        p95_ms=p95,
        missing=missing,
    )


def test_thinning_adds_up_and_keeps_the_worst() -> None:
    """No failure and no peak is lost by drawing fewer points; a gap is one only where all of it is missing."""
    samples = [sample(0, 0, 40), sample(1, 5, 400), sample(2, 0, None, missing=True), sample(3, 1, 50)]
    first, second = thinned(samples, most=2)
    assert (first.error_percent, first.p95_ms) == (25, 400)
    assert (second.error_percent, second.p95_ms, second.missing) == (10, 50, False)


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), max_size=1200))
def test_thinning_keeps_every_request(found: list[tuple[int, bool]]) -> None:
    """However long the watch was, at most 240 points, and the same sums."""
    samples = [sample(number, 0 if gone else failed, None, missing=gone) for number, (failed, gone) in enumerate(found)]
    points = list(thinned(samples))
    assert len(points) <= 240
    assert sum(one.failed for one in points) == sum(one.failed for one in samples)
    assert sum(one.requests for one in points) == sum(one.requests for one in samples)


def test_a_wide_frame_is_drawn_as_any_other() -> None:
    """The geometry follows the frame."""
    drawn = draw(watch(point(0, 0), point(10, 9)), "error_percent", replace(FRAME, left=10, right=210))
    assert drawn.lines[0].startswith("10.0,")


@pytest.mark.parametrize(
    ("value", "significant", "said"),
    [
        (151.49, 2, "151"),
        (12.34, 2, "12"),
        (1.234, 2, "1.2"),
        (0.00003, 2, "0.00003"),
        (0.0, 2, "0"),
        (1_234_567.0, 6, "1234567"),
        (0.1, 6, "0.1"),
        (200.0, 6, "200"),
    ],
)
def test_numbers_have_no_exponent(value: float, significant: int, said: str) -> None:
    """150 ms is no 1.5e+02 ms."""
    assert plain(value, significant) == said
