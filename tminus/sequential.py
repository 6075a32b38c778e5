"""Always-valid tests for the watch after T-0: is the new version bad, judged afresh at every sample.

Peeking at a fixed-sample test after every sample finds fault with any release sooner or later. The tests here may be
read at every sample: the chance that a good release is *ever* accused, over a watch of any length, is at most alpha.

How: each test is the capital of a gambler who bets, request by request, that the rate is above the limit. Where it is
not, the bets are unfair to the gambler, so the capital is a non-negative supermartingale that starts at 1, and by
Ville's inequality (Ville 1939, *Étude critique de la notion de collectif*) the chance that it ever reaches 1/alpha is
at most alpha. Such a capital is an e-process: Ramdas, Grünwald, Vovk & Shafer 2023, "Game-theoretic statistics and
safe anytime-valid inference", Statistical Science 38(4).

What is assumed: given all that went before, the next request fails (is slow) with a probability of at most the limit.
Requests need not be alike, and the rate may wander below the limit. A burst of failures that share one cause is not
covered: within the burst the rate *is* above the limit, and the test says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Odds of the rates bet on, as multiples of the limit's odds: from a little worse to down altogether.
ODDS_RATIOS = (1.2, 1.5, 2.5, 5.0, 10.0, 30.0, 100.0, 1000.0)
# Capital stops growing here (e**690 is near the largest float); to give capital away keeps a test valid.
_LARGEST_LOG = 690.0
_LARGEST = math.exp(_LARGEST_LOG)


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


class AtMost:
    """Tests H0: the rate is at most ``limit``, with P(ever breached | H0) ≤ ``alpha``.

    One request that is an event (x = 1) or not (x = 0) multiplies the capital on an alternative rate q by
    (q/limit)^x · ((1-q)/(1-limit))^(1-x), Wald's likelihood ratio (Wald 1945, "Sequential tests of statistical
    hypotheses", Ann. Math. Statist. 16(2)). It equals 1 + λ(x - limit) with λ = (q-limit)/(limit(1-limit)) > 0, the
    bet of Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86(1): its
    mean is at most 1 for *every* rate up to the limit, so the composite H0 is covered. The true rate being unknown,
    capital is spread evenly over the alternatives of ``ODDS_RATIOS`` (method of mixtures: Robbins 1970, "Statistical
    methods related to the law of the iterated logarithm", Ann. Math. Statist. 41(5)).

    A release may turn bad late, so capital is also spread over the sample at which it does: half is bet from the
    first sample, 1/(2t(t-1)) from sample t on, the rest waits. These shares add up to 1, so alpha still holds over the
    whole watch; it is Shiryaev's recursion with proper weights, cf. Shin, Ramdas & Rinaldo 2024, "E-detectors",
    New England J. Statistics in Data Science 2(2). To find fault from sample t on costs ln(2t(t-1)) more evidence.

    A rate less than about 1.1 times the limit may stay undetected for ever: the nearest alternative is 1.2 times.

    The state is a function of the sequence of tallies alone: after a crash, replaying the recorded ones gives it back.

    Attributes: ``limit`` and ``minimum`` as given; ``log_threshold`` = ln(1/alpha), the natural log of the evidence
    from which it breaches; ``log_evidence``, that of the e-value after the last sample, 0 before the first; ``seen``,
    all samples added up; ``breached``, whether it rejected at this sample or an earlier one.
    """

    def __init__(self, limit: float, alpha: float, minimum: int = 0) -> None:
        """Start a test that has seen nothing.

        limit: a probability, 0 < limit ≤ 1; 1 can never be breached.
        alpha: the chance, 0 < alpha < 1, with which a good version may be accused over the whole watch.
        minimum: requests in all, below which there is no verdict.
        Raises ValueError where one of these does not hold.
        """
        if not 0 < limit <= 1:
            msg = f"limit {limit} is not a rate that can be tested: expected 0 < limit <= 1"
            raise ValueError(msg)
        _refuse_alpha(alpha)
        if minimum < 0:
            msg = f"minimum {minimum} is not a number of requests: expected 0 or more"
            raise ValueError(msg)
        self.limit = limit
        self.minimum = minimum
        self.log_threshold = -math.log(alpha)
        self.log_evidence = 0.0
        self.seen = Tally(0, 0)
        self.breached = False
        self._samples = 0
        self._bets = [_log_factors(limit, ratio) for ratio in ODDS_RATIOS] if limit < 1 else []
        self._capital = [0.0 for _ in self._bets]

    def add(self, tally: Tally) -> float:
        """Take one sample in and return the log e-value after it; a sample without requests changes nothing."""
        if tally.requests == 0 or not self._bets:
            self.seen += tally
            return self.log_evidence
        self.seen += tally
        self._samples += 1
        t, events, others = self._samples, tally.events, tally.requests - tally.events
        stake = (0.5 if t == 1 else 0.5 / (t * (t - 1))) / len(self._bets)
        self._capital = [
            min(_LARGEST, (held + stake) * math.exp(min(_LARGEST_LOG, events * gain + others * loss)))
            for held, (gain, loss) in zip(self._capital, self._bets, strict=True)
        ]
        waiting = 0.5 / t
        self.log_evidence = math.log(min(_LARGEST, math.fsum(self._capital) + waiting))
        if self.log_evidence >= self.log_threshold and self.seen.requests >= self.minimum:
            self.breached = True
        return self.log_evidence


class NoWorseThan(AtMost):
    """Tests H0: the rate is at most the old version's rate plus ``tolerance``, with P(ever breached | H0) ≤ ``alpha``.

    The baseline is a sample of the old version, taken before the switch and never added to. Half of alpha buys an
    upper confidence bound of the old rate (``upper_bound``); the other half tests ``AtMost`` that bound plus the
    tolerance. A false alarm needs the bound to lie below the old rate, or the test to fail: together at most alpha. A
    small baseline gives a high bound, so it accuses late; one that saw nothing accuses nobody.

    What this cannot cover: the baseline is not concurrent. Where traffic or a neighbour changes between baseline and
    watch, the new version is blamed for it, unless the tolerance leaves room or the old pool, sampled alongside, shows
    the same. (Two concurrent streams: Turner, Ly & Grünwald 2024, "Generic E-variables for exact sequential k-sample
    tests that allow for optional stopping", J. Statistical Planning and Inference 230.)
    """

    def __init__(
        self, baseline: Tally, alpha: float, tolerance: float = 0.0, *, choices: int = 1, minimum: int = 0
    ) -> None:
        """Start a test that has seen nothing of the new version.

        baseline: requests and events of the old version before the switch.
        alpha, minimum: as for ``AtMost``.
        tolerance: how much worse than the old rate is still accepted (a difference of probabilities).
        choices: among how many latency bounds the one counted was chosen by looking at this very baseline (all bounds
            of the histogram, for "the old version's own p95"); 1 where it was fixed beforehand. A choice among many
            makes the count look better than it is; the bound allows for it (Bonferroni).
        Raises ValueError where a number is out of range.
        """
        _refuse_alpha(alpha)
        if not 0 <= tolerance < 1:
            msg = f"tolerance {tolerance} is not a difference of rates: expected 0 <= tolerance < 1"
            raise ValueError(msg)
        if choices < 1:
            msg = f"{choices} choices of a latency bound: expected 1 or more"
            raise ValueError(msg)
        self.baseline, self.tolerance = baseline, tolerance
        super().__init__(min(1.0, upper_bound(baseline, alpha / 2 / choices) + tolerance), alpha / 2, minimum)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the old version did before the switch, and how much worse is accepted: see ``NoWorseThan``."""

    tally: Tally
    tolerance: float = 0.0
    choices: int = 1


@dataclass(frozen=True, slots=True)
class Breach:
    """One test of the watch that rejected: the metric, what it was held against, and the numbers at that sample."""

    metric: str
    against: Literal["limit", "baseline"]
    limit: float
    seen: Tally
    log_evidence: float
    log_threshold: float


class Watch:
    """All tests of one watch together: a good release is accused by any of them with a chance of at most alpha.

    Alpha is split evenly over the tests (Bonferroni), so they may depend on each other in any way.
    """

    def __init__(
        self, limits: Mapping[str, float], baselines: Mapping[str, Baseline], *, alpha: float = 0.01, minimum: int = 0
    ) -> None:
        """Start a watch of named metrics.

        limits: metric → the highest rate allowed by the runbook ("error_rate < 0.1 %" is 0.001; "p95 < 200 ms" is
            0.05 of a metric that counts requests slower than 200 ms).
        baselines: metric → the old version before the switch. A metric may be in both.
        alpha, minimum: as for ``AtMost``; alpha is for the whole watch, minimum is per metric.
        Raises ValueError where a number is out of range, or there is nothing to watch.
        """
        if not limits and not baselines:
            msg = "nothing to watch: no limit and no baseline was given"
            raise ValueError(msg)
        _refuse_alpha(alpha)
        share = alpha / (len(limits) + len(baselines))
        self.tests: dict[tuple[str, Literal["limit", "baseline"]], AtMost] = {}
        for metric, limit in limits.items():
            self.tests[metric, "limit"] = AtMost(limit, share, minimum)
        for metric, old in baselines.items():
            self.tests[metric, "baseline"] = NoWorseThan(
                old.tally, share, old.tolerance, choices=old.choices, minimum=minimum
            )

    def add(self, sample: Mapping[str, Tally]) -> Sequence[Breach]:
        """Take one sample in and return every breach so far; a metric the sample lacks is neither good nor bad.

        Raises ValueError for a metric that is not watched.
        """
        known = {metric for metric, _ in self.tests}
        if strange := sorted(sample.keys() - known):
            msg = f"{', '.join(strange)} is not watched here: expected among {', '.join(sorted(known))}"
            raise ValueError(msg)
        for (metric, _), test in self.tests.items():
            if metric in sample:
                test.add(sample[metric])
        return self.breaches

    @property
    def breaches(self) -> Sequence[Breach]:
        """The tests that have rejected so far, limits first."""
        return [
            Breach(metric, against, test.limit, test.seen, test.log_evidence, test.log_threshold)
            for (metric, against), test in self.tests.items()
            if test.breached
        ]


def upper_bound(tally: Tally, alpha: float) -> float:
    """Return the rate that the true one exceeds with a chance of at most alpha, whatever it is.

    Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26(4): the p at which P(X ≤ events) = alpha for X binomial. 1 where there were no requests.
    """
    if tally.events == tally.requests:
        return 1.0
    low, high = tally.events / tally.requests, 1.0
    while (middle := (low + high) / 2) not in (low, high):
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


def _refuse_alpha(alpha: float) -> None:
    """Refuse a chance of a false alarm that is none."""
    if not 0 < alpha < 1:
        msg = f"alpha {alpha} is not a chance of a false alarm: expected 0 < alpha < 1"
        raise ValueError(msg)


def _log_factors(limit: float, odds_ratio: float) -> tuple[float, float]:
    """Return what an event, and a request without one, add to the log capital bet on that odds ratio."""
    rate = odds_ratio * limit / (1 - limit + odds_ratio * limit)
    return math.log(rate / limit), math.log((1 - rate) / (1 - limit))
