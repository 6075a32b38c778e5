"""How long a system was gone, by what an outside client saw, and which part of it was spent on what."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

GOOD_IN_A_ROW = 10
"""So many requests must be good, one after the other, before the system counts as back."""
PARTS = ("detect", "decide", "recover", "verify")


@dataclass(frozen=True, slots=True)
class Probe:
    """One request.

    Attributes:
        sent: when it was sent, in Unix seconds.
        good: whether it was answered rightly in its time.
    """

    sent: float
    good: bool


@dataclass(frozen=True)
class Outage:
    """How long the system was gone.

    Attributes:
        first_failed: when the first request that failed was sent; None where none did.
        back: when the first of those was sent that stayed good, to the end; None where it never came back.
        flaps: how often it was good for a while and failed again before that.
        resolution: how far apart two requests were at the most, in seconds: it may have been gone for so much longer.
    """

    first_failed: float | None
    back: float | None
    flaps: int
    resolution: float

    @property
    def seconds(self) -> float | None:
        """How long it was gone; 0 where it never was, None where it never came back."""
        if self.first_failed is None:
            return 0.0
        return None if self.back is None else self.back - self.first_failed


def outage(probes: Iterable[Probe], good_in_a_row: int = GOOD_IN_A_ROW) -> Outage:
    """What probes saw, in whatever order they come."""
    ordered = sorted(probes, key=lambda one: one.sent)
    resolution = max((later.sent - one.sent for one, later in pairwise(ordered)), default=0.0)
    failed = [place for place, one in enumerate(ordered) if not one.good]
    if not failed:
        return Outage(None, None, 0, resolution)
    stayed = ordered[failed[-1] + 1 :]
    back = stayed[0].sent if len(stayed) >= good_in_a_row else None
    flaps = sum(later - one > 1 for one, later in pairwise(failed))
    return Outage(ordered[failed[0]].sent, back, flaps, resolution)


def longest(seen: Sequence[Outage]) -> Outage:
    """The longest of what several clients saw, one that is not over before all others; as exact as the worst of them.

    Args:
        seen: one at least.
    """
    worst = max(seen, key=lambda one: math.inf if one.seconds is None else one.seconds)
    return replace(worst, flaps=sum(one.flaps for one in seen), resolution=max(one.resolution for one in seen))


def parts(seen: Outage, marks: Mapping[str, float]) -> dict[str, Decimal]:
    """How much of the outage each part took, in seconds; their sum is the whole, to the microsecond.

    Args:
        seen: the outage, which is over.
        marks: when each was over, in Unix seconds: `detect`, `decide`, `recover`; verifying ends with the outage. A
            mark before the outage began counts as its beginning, one behind its end as its end.
    """
    if seen.first_failed is None or seen.back is None:
        return {}
    ends = _in_order([marks.get(name, seen.back) for name in PARTS[:-1]], seen.first_failed, seen.back)
    return {
        name: _exact(end) - _exact(begin)
        for name, begin, end in zip(PARTS, [seen.first_failed, *ends], [*ends, seen.back], strict=True)
    }


def _in_order(marks: Sequence[float], first: float, last: float) -> list[float]:
    ordered, before = [], first
    for one in marks:
        before = min(max(one, before), last)
        ordered.append(before)
    return ordered


def _exact(seconds: float) -> Decimal:
    return Decimal(str(round(seconds, 6)))
