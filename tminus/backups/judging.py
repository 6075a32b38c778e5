"""How what was seen of a backup comes out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tminus.backups.aspects import UNITS, expected
from tminus.backups.book import AnyStore
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation, Outcome, Verdict, judge

OF_THE_STORE = frozenset({"age", "missing", "overdue", "shrunk"})
"""What says nothing of one older backup."""
# By S3's own word, and by what is read; after the oldest backup, and after the one that is restored: the larger counts.
_COUNTED_TWICE = frozenset({"files_damaged", "wal_missing"})
_MOST = 40  # lines of details
_LONG = 500  # characters of one of them


@dataclass
class Gathered:
    """What was seen so far.

    Attributes:
        details: a line for each part worth naming.
        because: the part that is wrong.
        reason: why it could not be looked at to its end; "" where it could.
    """

    found: dict[str, Measurement] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    because: str = ""
    reason: str = ""

    def add(self, found: Sequence[Measurement], details: Sequence[str] = (), because: str = "") -> None:
        """Takes up more of it. What was measured already stays; of what is counted twice the larger count does."""
        for one in found:
            before = self.found.get(one.name)
            if before is None or (one.name in _COUNTED_TWICE and _count(one) > _count(before)):
                self.found[one.name] = one
        self.details += details
        self.because = self.because or because


def judged(
    kind: str, store: AnyStore, seen: Gathered, where: str, *, newest: bool, but: Collection[str] = ()
) -> Outcome:
    """Fails where anything seen is not as it should be; else `unknown` where anything could not be looked at.

    Of an older backup only what is its own is judged, not how many there are and how old the newest is; nor what `but`
    names.
    """
    out = {*but, *(() if newest else OF_THE_STORE)}
    wanted = {name: one for name, one in expected(kind, store).items() if name not in out}
    return _shortened(judge(_comparable(wanted, seen), _observation(seen, where)), seen.reason)


def _comparable(wanted: dict[str, Expectation], seen: Gathered) -> dict[str, Expectation]:
    """A verifier that measures in another unit than the aspects say is a fault of ours, and no judgement."""
    for name, one in seen.found.items():
        unit = one.quantity.unit if one.quantity is not None else "word"
        if name in UNITS and unit != UNITS[name]:
            seen.reason = seen.reason or f"{name} was measured in {unit or 'nothing'}, which is a fault of tminus"
            wanted.pop(name, None)
    return wanted


def _observation(seen: Gathered, where: str) -> Observation:
    details = [one if len(one) <= _LONG else f"{one[: _LONG - 1]}…" for one in seen.details]
    if len(details) > _MOST:
        details = [*details[:_MOST], f"and {len(details) - _MOST} more"]
    return Observation(
        found=tuple(seen.found.values()), where=where, details=tuple(details), because=seen.because[:_LONG]
    )


def _shortened(outcome: Outcome, reason: str) -> Outcome:
    if not reason:
        return outcome
    if outcome.verdict is Verdict.FAIL:
        return outcome.model_copy(update={"details": (*outcome.details, f"it was not looked at to its end: {reason}")})
    return outcome.model_copy(update={"verdict": Verdict.UNKNOWN, "summary": reason})


def in_seconds(outcome: Outcome, name: str) -> float | None:
    """A time that was measured; None where it was not."""
    for one in outcome.found:
        if one.name == name and one.quantity is not None and one.quantity.same_kind("s"):
            return round(float(one.quantity.within("s")), 3)
    return None


def _count(one: Measurement) -> int:
    return int(one.quantity.value) if one.quantity is not None else 0
