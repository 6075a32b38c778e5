"""Goals that are a change: against the first value of a period, frozen when it was first seen."""

from datetime import datetime

from tminus import events as ev
from tminus.expectation import Measurement
from tminus.outcome import Observation, Outcome, Verdict, judge
from tminus.readiness.book import Baseline, Line
from tminus.readiness.standing import Standing

_MONTHS_A_QUARTER = 3


def period_of(baseline: Baseline, at: datetime) -> str:
    """`2026-Q4` or `2026-11`: the period that a moment lies in."""
    if baseline.per == "month":
        return f"{at:%Y-%m}"
    return f"{at.year}-Q{(at.month - 1) // _MONTHS_A_QUARTER + 1}"


def against_baseline(
    line: Line, outcomes: tuple[Outcome, ...], standing: Standing, at: datetime
) -> tuple[tuple[Outcome, ...], ev.BaselineFrozen | None]:
    """The outcomes of a line that is a goal, with the change among what was found and judged.

    What was not measured is unknown. Where the period has no baseline yet, what is seen now becomes it, and is returned
    to be written down; the change is none then, and the goal not reached. What fails, or is 0, becomes no baseline: the
    change is unknown then. A line without a baseline is returned as it is.
    """
    wanted = line.baseline
    if wanted is None:
        return outcomes, None
    value = _measured(wanted, outcomes)
    if value is None or value.quantity is None:
        said = f"{wanted.measurement} was not measured, so its change since the period began cannot be told"
        return (*outcomes, Outcome(verdict=Verdict.UNKNOWN, summary=said, at=at)), None
    period = period_of(wanted, at)
    frozen = standing.baseline(line.ref, line.digest, wanted.measurement, period)
    new = None
    if frozen is None:
        if why := _no_baseline(value, outcomes):
            said = f"no baseline yet for {period}: {wanted.measurement} {why}, and the first that can be one becomes it"
            return (*outcomes, Outcome(verdict=Verdict.UNKNOWN, summary=said, at=at)), None
        new = ev.BaselineFrozen(
            ref=line.ref, digest=line.digest, measurement=wanted.measurement, period=period, value=value.quantity
        )
        frozen = new
    return (*outcomes, _change(wanted, frozen, value, at)), new


def _measured(wanted: Baseline, outcomes: tuple[Outcome, ...]) -> Measurement | None:
    found = (one for outcome in outcomes for one in outcome.found if one.name == wanted.measurement)
    return next(found, None)


def _no_baseline(value: Measurement, outcomes: tuple[Outcome, ...]) -> str:
    """Why what was measured cannot be what later values are held against; "" where it can."""
    if any(outcome.verdict is not Verdict.PASS for outcome in outcomes):
        return "was seen where the line does not hold"
    return "was 0" if value.quantity is None or value.quantity.value == 0 else ""


def _change(wanted: Baseline, frozen: ev.BaselineFrozen, now: Measurement, at: datetime) -> Outcome:
    where = f"{wanted.measurement}, {frozen.value.shown()} at the beginning of {frozen.period}"
    if now.quantity is None or frozen.value.value == 0 or not frozen.value.same_kind(now.quantity.unit):
        return Outcome(
            verdict=Verdict.UNKNOWN, summary=f"no change can be told from a baseline of {frozen.value}", at=at
        )
    before = frozen.value.exactly(now.quantity.unit)
    change = float((now.quantity.exactly(now.quantity.unit) - before) / before * 100)
    seen = Observation(found=(Measurement.number("change", change, "%"),), where=where)
    return judge({"change": wanted.change}, seen).model_copy(update={"at": at})
