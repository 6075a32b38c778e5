"""What earlier sweeps saw of each line: when it last held, and how its number went."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel

from tminus import events as ev
from tminus.expectation import Expectation, Measurement
from tminus.ledger.store import Store
from tminus.outcome import Outcome, Verdict
from tminus.readiness.standing import Standing
from tminus.record_parts import read_event

SHOWN = 30
"""Sweeps of which the values are shown."""
_SEARCHED = 400  # sweeps searched at most: a year of nights and some more


class Seen(BaseModel, frozen=True):
    """A number at one sweep; none where it could not be observed. `held`: whether it was as expected."""

    at: datetime
    value: float | None
    held: bool = False


class History(BaseModel, frozen=True):
    """How one line's number went, the earliest first.

    Attributes:
        expected: what it must be, as the book says now: `< 200 ms`.
        limit: that limit in `unit`; of `= all` how many there are in all.
    """

    measurement: str
    unit: str
    expected: str
    limit: float | None
    values: tuple[Seen, ...]


def last_held(store: Store, standing: Standing, digests: Mapping[str, str]) -> dict[str, datetime]:
    """Ref → when the line was last observed to hold, whether that is fresh or not. Raises LedgerError.

    Args:
        store: the ledger.
        standing: where the sweeps are listed.
        digests: ref → what the book asks now: that something else once held counts for nothing.
    """
    found: dict[str, datetime] = {}
    for begun in standing.begun[: -_SEARCHED - 1 : -1]:
        wanted = digests.keys() - found.keys()
        if not wanted:
            break
        for line, at in lines_seen(store, begun.sweep, wanted):
            if (
                line.digest == digests[line.ref]
                and line.outcomes
                and all(outcome.verdict is Verdict.PASS for outcome in line.outcomes)
            ):
                found[line.ref] = min((one.at for one in line.outcomes if one.at is not None), default=at)
    return found


def histories(store: Store, standing: Standing) -> dict[str, History]:
    """Ref → how its number went over the last SHOWN sweeps that saw it; of lines with a number alone. LedgerError.

    A number that is no longer observed ends in gaps, so that nobody takes its last value for today's.
    """
    newest: dict[str, tuple[Measurement, Expectation]] = {}
    values: dict[str, list[Seen]] = {}
    for begun in _back_to_the_first_shown(standing):
        for line, at in lines_seen(store, begun.sweep):
            seen = values.setdefault(line.ref, [])
            if len(seen) == SHOWN:
                continue
            if line.ref not in newest and (number := _number(line.outcomes)) is not None:
                newest[line.ref] = number
            seen.append(_seen(newest[line.ref], line, at) if line.ref in newest else Seen(at=at, value=None))
    return {ref: _history(*newest[ref], values[ref][::-1]) for ref in newest}


def _back_to_the_first_shown(standing: Standing) -> Iterator[ev.SweepBegan]:
    """Sweeps, the latest first, until SHOWN of them went over everything: parts in between hide no other line."""
    whole = {ended.sweep for ended in standing.sweeps if not ended.sections}
    went = 0
    for begun in standing.begun[: -_SEARCHED - 1 : -1]:
        yield begun
        went += begun.sweep in whole
        if went == SHOWN:
            return


def lines_seen(store: Store, sweep: str, refs: Collection[str] | None = None) -> Iterator[tuple[ev.LineSeen, datetime]]:
    """What a sweep saw, of these lines or of all, each with when that was written down. Raises LedgerError."""
    for stored in store.read(sweep):
        # A sweep of a large checklist is much text, and most of it is of other lines.
        if refs is not None and not any(f'"{ref}"' in stored.body for ref in refs):
            continue
        event = read_event(stored)
        if isinstance(event, ev.LinesSeen):
            yield from ((line, event.at) for line in event.lines if refs is None or line.ref in refs)


def _number(outcomes: Sequence[Outcome]) -> tuple[Measurement, Expectation] | None:
    """The first number that is judged; a check's first expectation is what its line is about."""
    return next(
        (
            (by_name[name], expectation)
            for outcome in outcomes
            if (by_name := {one.name: one for one in outcome.found})
            for name, expectation in outcome.expected.items()
            if name in by_name and by_name[name].quantity is not None
        ),
        None,
    )


def _seen(newest: tuple[Measurement, Expectation], line: ev.LineSeen, at: datetime) -> Seen:
    wanted, _ = newest
    unit = wanted.quantity.unit if wanted.quantity is not None else ""
    for outcome in line.outcomes:
        for one in outcome.found:
            # A line may have been bound to another check then: what measures something else is no point of this curve.
            if one.name == wanted.name and one.quantity is not None and one.quantity.same_kind(unit):
                held = outcome.verdict is Verdict.PASS
                return Seen(at=outcome.at or at, value=float(one.quantity.exactly(unit)), held=held)
    return Seen(at=at, value=None)


def _history(measured: Measurement, expectation: Expectation, values: Sequence[Seen]) -> History:
    unit = measured.quantity.unit if measured.quantity is not None else ""
    return History(
        measurement=measured.name,
        unit=unit,
        expected=str(expectation),
        limit=_limit(measured, expectation, unit),
        values=tuple(values),
    )


def _limit(measured: Measurement, expectation: Expectation, unit: str) -> float | None:
    if expectation.limit_text == "all":
        return None if measured.of is None else float(measured.of)
    limit = expectation.limit
    return float(limit.exactly(unit)) if limit is not None and limit.same_kind(unit) else None


def by_ref(histories: Mapping[str, History], ref: str) -> History | None:
    """A line's history, where there are at least two values to draw."""
    found = histories.get(ref)
    return found if found is not None and sum(one.value is not None for one in found.values) > 1 else None
