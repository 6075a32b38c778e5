"""Counts of events among requests, and what they say about the rate behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests were answered, and how many of them were events: failed, or slower than a bound.

    Raises ValueError unless 0 ≤ events ≤ requests.
    """

    requests: int
    events: int

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        if not 0 <= self.events <= self.requests:
            msg = f"{self.events} events in {self.requests} requests cannot be: expected 0 <= events <= requests"
            raise ValueError(msg)

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(self.requests + other.requests, self.events + other.events)


@lru_cache(maxsize=4096)
def upper_bound(tally: Tally, alpha: float) -> float:
    """Return the rate that the true one exceeds with a chance of at most alpha, whatever it is.

    Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26(4): the p at which P(X ≤ events) = alpha for X binomial, found from above to 1e-6 of
    itself. 1 where there were no requests.
    """
    if tally.events == tally.requests:
        return 1.0
    low, high = tally.events / tally.requests, 1.0
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        if at_most_chance(tally, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def at_most_chance(tally: Tally, rate: float) -> float:
    """Return P(X ≤ events) for X binomial(requests, rate), for a rate above events/requests and below 1.

    There the terms fall faster than geometrically below the largest, so the sum ends when they no longer count.
    """
    n, k = tally.requests, tally.events
    log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = total = 1.0
    for i in range(k, 0, -1):
        term *= i * (1 - rate) / ((n - i + 1) * rate)
        total += term
        if term < total * 1e-17:
            break
    return total * math.exp(log_choose + k * math.log(rate) + (n - k) * math.log1p(-rate))


def at_least_chance(tally: Tally, rate: float) -> float:
    """Return P(X ≥ events) for X binomial(requests, rate): how likely so many events are, if the rate is no higher.

    1 where there are no more than expected.
    """
    if tally.events <= tally.requests * rate:
        return 1.0
    return at_most_chance(Tally(tally.requests, tally.requests - tally.events), 1 - rate)
