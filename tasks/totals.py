"""Requests counted: added up, subtracted, and judged by quantiles."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple


class Slower(NamedTuple):
    """How many requests took longer than a bound: `surely`, and `perhaps` where it lies inside a bucket."""

    surely: int
    perhaps: int


class Quantile(NamedTuple):
    """A quantile in seconds, as interpolated, and the edges of the bucket that it lies in (`high` may be infinite)."""

    seconds: float
    low: float
    high: float

    @property
    def unbounded(self) -> bool:
        """Whether only its lower edge is known."""
        return math.isinf(self.high)


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests of one instance, or of several, since it started or between two looks.

    Attributes:
        requests: how many were answered.
        errors: how many of them with a status of 5xx.
        buckets: upper bound in seconds → how many took at most that long; ascending, the last bound is infinite;
            empty where no histogram is exported.
        started: when the process started, in Unix seconds, where it says so.
    """

    requests: int = 0
    errors: int = 0
    buckets: tuple[tuple[float, int], ...] = ()
    started: float | None = None

    def __add__(self, other: "Totals") -> "Totals":
        """Both together; of buckets that differ, the bounds that both have. The start is that of the older."""
        starts = [started for started in (self.started, other.started) if started is not None]
        return Totals(
            self.requests + other.requests,
            self.errors + other.errors,
            _added(self, other),
            min(starts) if starts else None,
        )

    @property
    def observed(self) -> int:
        """How many durations the histogram holds."""
        return self.buckets[-1][1] if self.buckets else 0

    def quantile(self, share: float) -> Quantile | None:
        """The duration that `share` (0 to 1) of the requests did not exceed; None where there is nothing to go by.

        Interpolated inside the bucket as Prometheus does, from 0 in the lowest; in the last bucket, which is open, the
        highest finite bound is given, and `high` is infinite: the duration is at least that.
        Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
        """
        if not self.observed or len(self.buckets) < 2:  # noqa: PLR2004 - the open bucket alone knows no duration
            return None
        rank = share * self.observed
        index = next(i for i, (_, count) in enumerate(self.buckets) if count >= rank)
        high, below_or_in = self.buckets[index]
        low, below = self.buckets[index - 1] if index else (min(0.0, high), 0)
        if math.isinf(high):
            return Quantile(low, low, high)
        inside = below_or_in - below
        seconds = low + (high - low) * ((rank - below) / inside) if inside else low
        return Quantile(seconds, low, high)

    @property
    def bounds(self) -> tuple[float, ...]:
        """The finite bounds of its buckets in seconds, ascending: only at these is it known how many were slower."""
        return tuple(upper for upper, _ in self.buckets if not math.isinf(upper))

    def at(self, bounds: Collection[float]) -> "Totals":
        """The same, as counted by a histogram that has no other finite bounds than these."""
        kept = tuple((upper, count) for upper, count in self.buckets if upper in bounds or math.isinf(upper))
        return replace(self, buckets=kept)

    def slower_than(self, bound: float) -> Slower:
        """How many requests took longer than `bound` seconds.

        A histogram knows it exactly at the bounds of its buckets only: `surely` counts from the next bound above,
        `perhaps` from the next below; where `bound` is one of them, both are the same. Above the highest finite bound
        nothing is sure.
        """
        above = next((count for upper, count in self.buckets if upper >= bound), 0)
        below = next((count for upper, count in reversed(self.buckets) if upper <= bound), 0)
        return Slower(self.observed - above, self.observed - below)


def difference(before: Totals, after: Totals) -> Totals:
    """What was counted between two looks at one instance.

    A counter that fell, or a process that started anew, began at zero in between, and all it counts now is new. What
    it counted between the first look and its end is lost, as in Prometheus.
    Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#increase
    """
    if restarted(before, after):
        return after
    pairs = zip(after.buckets, before.buckets, strict=True) if before.buckets else ()
    buckets = tuple((upper, count - old) for (upper, count), (_, old) in pairs) or after.buckets
    return Totals(after.requests - before.requests, after.errors - before.errors, buckets, after.started)


def restarted(before: Totals, after: Totals) -> bool:
    """Whether these are counts of two processes, the second after the first."""
    if before.started is not None and after.started is not None and before.started != after.started:
        return True
    old, new = dict(before.buckets), dict(after.buckets)
    other_bounds = bool(old) and old.keys() != new.keys()
    fell = after.requests < before.requests or after.errors < before.errors
    return fell or other_bounds or any(new[upper] < count for upper, count in old.items())


def total(parts: Iterable[Totals]) -> Totals:
    """All of them together; of none, nothing."""
    whole: Totals | None = None
    for part in parts:
        whole = part if whole is None else whole + part
    return whole or Totals()


def _added(one: Totals, other: Totals) -> tuple[tuple[float, int], ...]:
    for part, rest in ((one, other), (other, one)):
        if not part.buckets:  # with requests: their durations are unknown; without any: there are none to add
            return () if part.requests else rest.buckets
    counts = dict(other.buckets)
    return tuple((upper, count + counts[upper]) for upper, count in one.buckets if upper in counts)
