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


def frozen(value: str, period: str = "2026-Q4") -> Standing:
    """What stands where a baseline was frozen in milliseconds."""
    quantity = Quantity(value=Decimal(value), unit="ms")
    return Standing("c", [ev.BaselineFrozen(ref=REF, measurement="lag", period=period, value=quantity)], None)


def test_the_first_value_of_a_period_becomes_its_baseline(goal: Line) -> None:
    """It is given back to be written down, and the goal is not reached by it."""
    outcomes, new = against_baseline(goal, lag(100), frozen("90", "2026-Q3"), AT)

    assert new is not None
    assert (new.period, new.value) == ("2026-Q4", Quantity(value=Decimal("100.0"), unit="ms"))
    assert outcomes[-1].verdict is Verdict.FAIL
    assert "change 0" in outcomes[-1].summary


@pytest.mark.parametrize(("now", "verdict"), [(80.0, Verdict.PASS), (80.1, Verdict.FAIL), (120.0, Verdict.FAIL)])
def test_the_change_is_judged_against_the_baseline(goal: Line, now: float, verdict: Verdict) -> None:
    """A fifth less is a fifth less, to the digit."""
    outcomes, new = against_baseline(goal, lag(now), frozen("100"), AT)

    assert new is None
    assert outcomes[-1].verdict is verdict


def test_nothing_is_told_from_a_baseline_of_none(goal: Line) -> None:
    """Against zero there is no share, so it is unknown; and where nothing was measured nothing is added."""
    assert against_baseline(goal, lag(5), frozen("0"), AT)[0][-1].verdict is Verdict.UNKNOWN
    silent = (Outcome.unknown("silent"),)
    assert against_baseline(goal, silent, frozen("100"), AT) == (silent, None)


@pytest.mark.parametrize(
    ("month", "per", "wanted"),
    [(1, "quarter", "2026-Q1"), (3, "quarter", "2026-Q1"), (4, "quarter", "2026-Q2"), (12, "month", "2026-12")],
)
def test_periods_are_those_of_the_calendar(month: int, per: str, wanted: str) -> None:
    """Quarters begin in January, April, July and October."""
    baseline = Baseline.model_validate({"measurement": "lag", "per": per, "change": "<= 0 %"})

    assert period_of(baseline, datetime(2026, month, 1, tzinfo=UTC)) == wanted
