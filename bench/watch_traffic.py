"""Traffic drawn at random for ``bench.watch``, and how much anyone could learn from it."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

BOUNDS_MS = (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 2000)  # a service's latency histogram
SIGMA = math.log(150 / 40) / statistics.NormalDist().inv_cdf(0.95)  # lognormal: a median of 40 ms has a p95 of 150 ms


@dataclass(frozen=True)
class Version:
    """How a version answers: the rate of failures, and the median of its lognormal latency in milliseconds."""

    error_rate: float
    median_ms: float = 40.0

    def slower_than(self, bound_ms: float) -> float:
        """Return the share of requests slower than a bound."""
        return 0.5 * math.erfc(math.log(bound_ms / self.median_ms) / (SIGMA * math.sqrt(2)))


@cache
def binomial(n: int, p: float) -> tuple[int, list[float]]:
    """Return the first count worth drawing of a binomial and the cumulative chances from it on (tails below 1e-15)."""
    if p <= 0 or n == 0:
        return 0, [1.0]
    if p >= 1:
        return n, [1.0]
    reach = 9 * math.sqrt(n * p * (1 - p)) + 30
    low, high = max(0, int(n * p - reach)), min(n, int(n * p + reach))
    whole, odds = math.lgamma(n + 1), math.log(p) - math.log1p(-p)
    logs = (
        whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * odds + n * math.log1p(-p)
        for k in range(low, high + 1)
    )
    return low, list(accumulate(map(math.exp, logs)))


def draw(rng: Random, n: int, p: float) -> int:
    """Draw a binomial count by inverting its distribution."""
    low, cumulative = binomial(n, p)
    return low + min(bisect_left(cumulative, rng.random()), len(cumulative) - 1)


def slower(rng: Random, n: int, version: Version, bounds: Sequence[int]) -> list[int]:
    """Draw how many of n requests exceed each of the rising bounds, by thinning."""
    counts, share = [], 1.0
    for bound in bounds:
        above = version.slower_than(bound)
        n = draw(rng, n, round(above / share, 6))
        counts.append(n)
        share = above
    return counts


def divergence(p: float, q: float) -> float:
    """Return the Kullback-Leibler divergence KL(p‖q) of two Bernoulli rates, in nats."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def requests_needed(old: float, new: float, power: float, alpha: float) -> float:
    """Return the requests below which no test has this power at this false alarm rate, even if told both rates.

    N · KL(new‖old) ≥ kl(power, alpha): Kaufmann, Cappé & Garivier 2016, "On the complexity of best-arm identification
    in multi-armed bandit models", JMLR 17(1), Lemma 1 (data processing).
    """
    return divergence(power, alpha) / divergence(new, old)


def best_power(n: int, old: float, new: float, alpha: float) -> float:
    """Return the power after n requests of the best test there is: Neyman & Pearson 1933, told both rates."""
    low, null = binomial(n, old)
    start, other = binomial(n, new)
    cut = low + bisect_left(null, 1 - alpha)  # rejects above; at the cut itself by lot

    def tail(first: int, chances: list[float], count: int) -> float:
        """P(X > count)."""
        return 1.0 if count < first else max(0.0, 1 - chances[min(count - first, len(chances) - 1)])

    lot = (alpha - tail(low, null, cut)) / (tail(low, null, cut - 1) - tail(low, null, cut))
    return tail(start, other, cut) + lot * (tail(start, other, cut - 1) - tail(start, other, cut))
