"""``--sabotage sequential``: tests for a sample fixed in advance, read after every sample all the same."""

from __future__ import annotations

import math

from tminus.binomial import Tally
from tminus.sequential import AtMost, NoWorseThan
from tminus.watch_tests import WatchTests


class PeekedAtMost(AtMost):
    """The sabotaged test: a one-sided z-test for a sample fixed in advance, read after every sample."""

    def add(self, tally: Tally) -> float:
        """Take one sample in and return -ln(p-value) of all so far."""
        self.seen += tally
        n, limit = self.seen.requests, self.limit
        if n:
            self.judge((self.seen.events - n * limit) / math.sqrt(n * limit * (1 - limit)))
        return self.log_evidence

    def judge(self, z: float) -> None:
        """Breach where z is unlikely enough."""
        self.log_evidence = -math.log(max(0.5 * math.erfc(z / math.sqrt(2)), 1e-300))
        self.breached |= self.seen.requests >= self.minimum and self.log_evidence >= self.log_threshold


class PeekedNoWorseThan(PeekedAtMost):
    """The sabotaged comparison: a pooled two-proportion z-test, read after every sample."""

    def __init__(self, test: NoWorseThan, alpha: float) -> None:
        """Compare with the same baseline and tolerance at the same alpha."""
        super().__init__(test.limit, alpha, test.minimum)
        self.old, self.tolerance = test.baseline, test.tolerance

    def add(self, tally: Tally) -> float:
        """Take one sample in and return -ln(p-value) of all so far."""
        self.seen += tally
        both = self.old + self.seen
        pooled = both.events / both.requests
        if self.seen.requests and 0 < pooled < 1:
            gap = self.seen.events / self.seen.requests - self.old.events / self.old.requests - self.tolerance
            spread = pooled * (1 - pooled) * (1 / self.seen.requests + 1 / self.old.requests)
            self.judge(gap / math.sqrt(spread))
        return self.log_evidence


def sabotage(tests: WatchTests, alpha: float) -> None:
    """Put a fixed-sample test of the same limit and share of alpha in the place of each."""
    share = alpha / len(tests.watch.tests)
    for key, test in tests.watch.tests.items():
        naive = PeekedNoWorseThan(test, share) if isinstance(test, NoWorseThan) else None
        tests.watch.tests[key] = naive or PeekedAtMost(test.limit, share, test.minimum)
