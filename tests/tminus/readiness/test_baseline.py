"""Goals that are a change: against what was first seen in the period."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tminus.readiness.room import AT, CHECK, checklist
from tminus import events as ev
from tminus.expectation import Measurement
from tminus.outcome import Outcome, Verdict
from tminus.quantity import Quantity
from tminus.readiness.baseline import against_baseline, period_of
from tminus.readiness.book import Baseline, Line
from tminus.readiness.standing import Standing

REF = "shop/testing/unit/1"


@pytest.fixture
def goal(tmp_path: Path) -> Line:
    """A fifth less lag than at the quarter's start."""
    wanted = 'baseline: {measurement: lag, per: quarter, change: "<= -20 %"}'
    return next(checklist(tmp_path, f"title: A, {CHECK}, {wanted}").lines())


def lag(milliseconds: float) -> tuple[Outcome, ...]:
    """A passing outcome that measured so much."""
    return (Outcome(verdict=Verdict.PASS, summary="", found=(Measurement.number("lag", milliseconds, "ms"),), at=AT),)


def frozen(line: Line, value: str, period: str = "2026-Q4", unit: str = "ms") -> Standing:
    """What stands where a line's baseline was frozen."""
    quantity = Quantity(value=Decimal(value), unit=unit)
    event = ev.BaselineFrozen(ref=REF, digest=line.digest, measurement="lag", period=period, value=quantity)
    return Standing("c", [event], None)


def test_the_first_value_of_a_period_becomes_its_baseline(goal: Line) -> None:
    """It is given back to be written down, and the goal is not reached by it."""
    outcomes, new = against_baseline(goal, lag(100), frozen(goal, "90", "2026-Q3"), AT)

    assert new is not None
    assert (new.period, new.value) == ("2026-Q4", Quantity(value=Decimal("100.0"), unit="ms"))
    assert outcomes[-1].verdict is Verdict.FAIL
    assert "change 0" in outcomes[-1].summary


@pytest.mark.parametrize(("now", "verdict"), [(80.0, Verdict.PASS), (80.1, Verdict.FAIL), (120.0, Verdict.FAIL)])
def test_the_change_is_judged_against_the_baseline(goal: Line, now: float, verdict: Verdict) -> None:
    """A fifth less is a fifth less, to the digit."""
    outcomes, new = against_baseline(goal, lag(now), frozen(goal, "100"), AT)

    assert new is None
    assert outcomes[-1].verdict is verdict


def test_nothing_is_told_from_a_baseline_of_none(goal: Line) -> None:
    """Of a first 0 there is no share, and against another kind of number nothing: both are unknown."""
    assert against_baseline(goal, lag(0), frozen(goal, "0"), AT)[0][-1].verdict is Verdict.UNKNOWN
    assert against_baseline(goal, lag(5), frozen(goal, "3", unit="B"), AT)[0][-1].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("value", [100.0, 0.0])
def test_a_look_that_failed_or_saw_none_becomes_no_baseline(goal: Line, value: float) -> None:
    """Else a goal of a whole quarter would be held against what one bad night saw; another look freezes it."""
    bad = Verdict.FAIL if value else Verdict.PASS
    silent = (Outcome.unknown("silent"),) if value else ()
    for seen in (tuple(one.model_copy(update={"verdict": bad}) for one in lag(value)), (*lag(value), *silent)):
        outcomes, new = against_baseline(goal, seen, Standing("c", [], None), AT)
        assert new is None
        assert outcomes[-1].verdict is Verdict.UNKNOWN
        assert "no baseline yet" in outcomes[-1].summary

    assert against_baseline(goal, lag(100), frozen(goal, "0"), AT)[1] is not None


def test_a_goal_that_was_not_measured_is_not_reached(goal: Line) -> None:
    """A check that passes and does not say the number leaves the goal unknown, and freezes nothing."""
    passing = (Outcome(verdict=Verdict.PASS, summary="", at=AT),)

    outcomes, new = against_baseline(goal, passing, frozen(goal, "100"), AT)

    assert (outcomes[-1].verdict, new) == (Verdict.UNKNOWN, None)


def test_a_baseline_is_of_what_the_line_then_measured(goal: Line, tmp_path: Path) -> None:
    """Bound to another check, a line begins anew: nobody reaches a goal by measuring something else."""
    wanted = 'baseline: {measurement: lag, per: quarter, change: "<= -20 %"}'
    other = next(
        checklist(
            tmp_path, f'title: A, check: made.counted, with: {{of: others}}, expect: {{lag: "< 1 s"}}, {wanted}'
        ).lines()
    )

    _, new = against_baseline(other, lag(1), frozen(goal, "100"), AT)

    assert new is not None


@pytest.mark.parametrize(
    ("month", "per", "wanted"),
    [(1, "quarter", "2026-Q1"), (3, "quarter", "2026-Q1"), (4, "quarter", "2026-Q2"), (12, "month", "2026-12")],
)
def test_periods_are_those_of_the_calendar(month: int, per: str, wanted: str) -> None:
    """Quarters begin in January, April, July and October."""
    baseline = Baseline.model_validate({"measurement": "lag", "per": per, "change": "<= 0 %"})

    assert period_of(baseline, datetime(2026, month, 1, tzinfo=UTC)) == wanted
