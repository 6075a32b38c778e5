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
from itertools import accumulate
from math import exp
from typing import TYPE_CHECKING, Literal

from tminus.binomial import Tally, upper_bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Odds of the rates bet on, as multiples of the limit's odds: from a little worse to down altogether.
ODDS_RATIOS = (1.25, 2.0, 4.0, 10.0, 40.0, 400.0)
# Steps in which an old rate known from a baseline only is taken apart.
RUNGS = 3
# No bet grows further, nor faster in one sample: e**600 is still a float, and capital given away keeps a test valid.
_LARGEST_LOG = 300.0
_LARGEST = exp(_LARGEST_LOG)


class _Capital:
    """A gambler's capital, 1 at first; where the rate obeys the limit, it ever reaches c with a chance of at most 1/c.

    One request that is an event (x = 1) or not (x = 0) multiplies what is bet on an alternative rate q by
    (q/limit)^x · ((1-q)/(1-limit))^(1-x), Wald's likelihood ratio (Wald 1945, "Sequential tests of statistical
    hypotheses", Ann. Math. Statist. 16(2)). It equals 1 + λ(x - limit) with λ = (q-limit)/(limit(1-limit)) > 0, the
    bet of Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86(1): its
    mean is at most 1 for *every* rate up to the limit, so the composite hypothesis is covered. The true rate being
    unknown, capital is spread evenly over the alternatives of ``ODDS_RATIOS`` (method of mixtures: Robbins 1970,
    "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41(5)).

    A release may turn bad late, so capital is also spread over the sample at which it does: half is bet from the
    first sample, 1/(2t(t-1)) from sample t on, the rest waits. These shares add up to 1, so nothing is paid in false
    alarms; it is Shiryaev's recursion with a proper prior, cf. Shin, Ramdas & Rinaldo 2024, "E-detectors", New England
    J. Statistics in Data Science 2(2). To find fault from sample t on costs ln(2t(t-1)) more evidence.
    """

    def __init__(self, limit: float) -> None:
        """Start with a capital of 1. limit: a probability, 0 < limit ≤ 1; against 1 nothing can be bet."""
        if not 0 < limit <= 1:
            msg = f"limit {limit} is not a rate that can be tested: expected 0 < limit <= 1"
            raise ValueError(msg)
        self._samples = 0
        self._bets = [_log_factors(limit, ratio) for ratio in ODDS_RATIOS] if limit < 1 else []
        self._held = [0.0 for _ in self._bets]
        self._log = 0.0

    def bet(self, tally: Tally) -> float:
        """Bet on one sample and return the log capital after it; one without requests changes nothing."""
        if tally.requests == 0 or not self._bets:
            return self._log
        self._samples += 1
        t, events, others = self._samples, tally.events, tally.requests - tally.events
        stake = (0.5 if t == 1 else 0.5 / (t * (t - 1))) / len(self._bets)
        self._held = [
            (held + stake) * exp(growth if (growth := events * gain + others * loss) < _LARGEST_LOG else _LARGEST_LOG)
            for held, (gain, loss) in zip(self._held, self._bets, strict=True)
        ]
        total = math.fsum(self._held)
        if total > _LARGEST:
            self._held = [min(_LARGEST, held) for held in self._held]
            total = math.fsum(self._held)
        waiting = 0.5 / t
        self._log = math.log(total + waiting)
        return self._log


class AtMost:
    """Tests H0: the rate is at most ``limit``, with P(ever breached | H0) ≤ ``alpha``, by ``_Capital``.

    A rate less than about 1.12 times the limit may stay undetected for ever: the nearest bet is on 1.25 times.

    The state is a function of the sequence of tallies alone: after a crash, replaying the recorded ones gives it back.

    Attributes: ``limit`` and ``minimum`` as given; ``log_threshold`` = ln(1/alpha), the natural log of the evidence
    from which it breaches; ``log_evidence``, that of the e-value after the last sample; ``seen``, all samples added
    up; ``breached``, whether it rejected at this sample or an earlier one.
    """

    def __init__(self, limit: float, alpha: float, minimum: int = 0) -> None:
        """Start a test that has seen nothing.

        limit: a probability, 0 < limit ≤ 1; 1 can never be breached.
        alpha: the chance, 0 < alpha < 1, with which a good version may be accused over the whole watch.
        minimum: requests in all, below which there is no verdict.
        Raises ValueError where one of these does not hold.
        """
        _refuse_alpha(alpha)
        if minimum < 0:
            msg = f"minimum {minimum} is not a number of requests: expected 0 or more"
            raise ValueError(msg)
        self.limit, self.minimum = limit, minimum
        self.log_threshold, self.log_evidence = -math.log(alpha), 0.0
        self.seen = Tally(0, 0)
        self.breached = False
        self._capital = _Capital(limit)

    def add(self, tally: Tally) -> float:
        """Take one sample in and return the log e-value after it; a sample without requests changes nothing."""
        self.log_evidence = self._evidence(tally)
        self.seen += tally
        if self.log_evidence >= self.log_threshold and self.seen.requests >= self.minimum:
            self.breached = True
        return self.log_evidence

    def _evidence(self, tally: Tally) -> float:
        """Return the log e-value after one more sample."""
        return self._capital.bet(tally)


class NoWorseThan(AtMost):
    """Tests H0: the rate is at most the old version's rate plus ``tolerance``, with P(ever breached | H0) ≤ ``alpha``.

    The baseline is a sample of the old version, taken before the switch and never added to. It leaves the old rate
    uncertain, so the new version must be found worse than *every* old rate, each with the weight the baseline gives
    it. Let U_k be the upper confidence bound of the old rate (``upper_bound``) at level a_k, from a_0 = 1 (U_0 = 0)
    down to a_K = alpha/(K+1). That the baseline lies below a rate p in [U_k, U_k+1) is worth an e-value of
    b_k = Σ_j≤k 1/((K+1) a_j) against p: the p-value P(X ≤ events) turned into an e-value by the calibrator
    Σ_j 1{P ≤ a_j}/((K+1) a_j) (Vovk & Wang 2021, "E-values: calibration, combination and applications", Annals of
    Statistics 49(3)). The new version's requests are worth ``_Capital(U_k+1 + tolerance)``, which holds for all such p.
    The samples being independent, the product of both is an e-process for the true p; the smallest over k is no larger.
    With K = 1 this is "half of alpha for the bound, half for the test"; K = 3 needs about a third fewer
    requests (measured for 0.5 % → 2.5 %, baseline 3000).

    A small baseline accuses late; one that saw nothing accuses nobody.

    What this cannot cover: the baseline is not concurrent. Where traffic or a neighbour changes between baseline and
    watch, the new version is blamed for it, unless the tolerance leaves room or the old pool, sampled alongside, shows
    the same. (Two concurrent streams: Turner, Ly & Grünwald 2024, "Generic E-variables for exact sequential k-sample
    tests that allow for optional stopping", J. Statistical Planning and Inference 230.)

    Attributes: as for ``AtMost``; ``limit`` is the highest rate tested against, U_K + tolerance, and ``log_evidence``
    starts below 0, at ln(1/(K+1)).
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
            makes the count look better than it is; the bounds allow for it (Bonferroni).
        Raises ValueError where a number is out of range.
        """
        if not 0 <= tolerance < 1:
            msg = f"tolerance {tolerance} is not a difference of rates: expected 0 <= tolerance < 1"
            raise ValueError(msg)
        if choices < 1:
            msg = f"{choices} choices of a latency bound: expected 1 or more"
            raise ValueError(msg)
        super().__init__(1.0, alpha, minimum)
        self.baseline, self.tolerance, self.choices = baseline, tolerance, choices
        weight = 1 / (RUNGS + 1)
        levels = [(alpha * weight) ** (k / RUNGS) for k in range(RUNGS + 1)]
        bounds = [min(1.0, upper_bound(baseline, level / choices) + tolerance) for level in levels[1:]]
        self.limit = bounds[-1]
        # From the likeliest old rates up: what the baseline is worth against them, and the bets on the new version.
        worths = [math.log(worth) for worth in accumulate(weight / level for level in levels[:-1])]
        self._rungs = [(worth, _Capital(bound)) for worth, bound in zip(worths, bounds, strict=True)]
        self.log_evidence = worths[0]

    def _evidence(self, tally: Tally) -> float:
        """Return the log e-value after one more sample of the new version."""
        return min(worth + capital.bet(tally) for worth, capital in self._rungs)


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


def _refuse_alpha(alpha: float) -> None:
    """Refuse a chance of a false alarm that is none."""
    if not 0 < alpha < 1:
        msg = f"alpha {alpha} is not a chance of a false alarm: expected 0 < alpha < 1"
        raise ValueError(msg)


def _log_factors(limit: float, odds_ratio: float) -> tuple[float, float]:
    """Return what an event, and a request without one, add to the log capital bet on that odds ratio."""
    rate = odds_ratio * limit / (1 - limit + odds_ratio * limit)
    return math.log(rate / limit), math.log((1 - rate) / (1 - limit))
