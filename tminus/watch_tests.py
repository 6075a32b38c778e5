"""The watch's verdict, from its recorded samples alone: after a crash, replaying them gives it back."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from tminus import events as ev
from tminus.binomial import Tally
from tminus.sequential import AtMost, Baseline, Breach, Watch

_P95 = 0.05  # the share of requests that may take longer than a p95 limit
# What the new version is blamed for → what the old one's probes would show of it.
_SHOWN_BY = {"error_rate": "error_rate", "slow": "slow", "slower_than_before": "slow"}
_OLD_ALPHA = 0.01  # the chance of calling the old version bad when it is not


class Limits(BaseModel, frozen=True):
    """What a watch holds the new version to.

    Attributes:
        error_rate: the highest share of failed requests.
        slow_over: seconds that at most 5 % of requests may take longer than.
        alpha: the chance that a good release is ever accused, over all tests and the whole watch.
        min_requests: below this many there is no verdict.
        tolerate_errors, tolerate_slow: how much worse than the old version is accepted, as shares.
    """

    error_rate: float | None
    slow_over: float | None
    alpha: float
    min_requests: int
    tolerate_errors: float
    tolerate_slow: float


class OldVersion(BaseModel, frozen=True):
    """How the old version did before the switch.

    Attributes:
        slower_than: seconds: the upper edge of the bucket that holds its p95.
        slower: how many of its requests took longer than that.
        choices: among how many bounds `slower_than` was chosen.
    """

    requests: int = 0
    failed: int = 0
    slower_than: float = 0.0
    slower: int = 0
    choices: int = 1


@dataclass
class Verdict:
    """What the samples so far say."""

    breaches: tuple[Breach, ...]
    onset: ev.Sample | None
    old_is_bad: bool


class WatchTests:
    """All tests of a watch, fed with samples in order."""

    def __init__(self, limits: Limits, old: OldVersion) -> None:
        self._limits = limits
        absolute = {"error_rate": limits.error_rate, "slow": _P95 if limits.slow_over else None}
        known = {name: limit for name, limit in absolute.items() if limit is not None}
        baselines = {}
        if old.requests:
            baselines["error_rate"] = Baseline(Tally(old.requests, old.failed), limits.tolerate_errors)
            slower = Tally(old.requests, min(old.slower, old.requests))
            baselines["slower_than_before"] = Baseline(slower, limits.tolerate_slow, old.choices)
        self._watched = {*known, *baselines}
        self._new = Watch(known, baselines, alpha=limits.alpha, minimum=limits.min_requests)
        self._old = {name: AtMost(limit, _OLD_ALPHA) for name, limit in known.items()}
        self._first_bad: ev.Sample | None = None
        self.requests = 0
        self.failed = 0
        self.missing_in_a_row = 0

    def feed(self, samples: Iterable[ev.Sample]) -> Verdict:
        """Takes samples in; returns what all of them so far say."""
        for sample in samples:
            self._feed(sample)
        breaches = tuple(self._new.breaches)
        return Verdict(breaches, self._first_bad, self._old_is_bad(breaches))

    def _old_is_bad(self, breaches: tuple[Breach, ...]) -> bool:
        """Whether everything the new version is blamed for shows in the old one too: then the cause lies outside.

        An old version that is merely slow does not excuse a new one that fails.
        """
        shown_by = {_SHOWN_BY[breach.metric] for breach in breaches}
        return bool(shown_by) and all(name in self._old and self._old[name].breached for name in shown_by)

    def _feed(self, sample: ev.Sample) -> None:
        self._feed_old(sample)
        if sample.missing:
            self.missing_in_a_row += 1
            return
        self.missing_in_a_row = 0
        self.requests += sample.requests
        self.failed += sample.failed
        events = {
            "error_rate": sample.failed,
            "slow": sample.slow,
            "slower_than_before": sample.slower_than_before,
        }
        self._new.add({name: Tally(sample.requests, events[name]) for name in self._watched})
        if self._first_bad is None and self._looks_bad(sample):
            self._first_bad = sample

    def _looks_bad(self, sample: ev.Sample) -> bool:
        half = sample.requests / 2
        failed = self._limits.error_rate is not None and sample.failed > self._limits.error_rate * sample.requests
        return bool(sample.requests) and (failed or sample.slow > half or sample.slower_than_before > half)

    def _feed_old(self, sample: ev.Sample) -> None:
        if not sample.probes:
            return
        counted = {"error_rate": sample.probes_failed, "slow": sample.probes_slow}
        for name, test in self._old.items():
            test.add(Tally(sample.probes, counted[name]))

    def why(self, breaches: Iterable[Breach]) -> str:
        """In words: which number, against what; once for a metric that breaks both its limits."""
        first: dict[str, Breach] = {}
        for breach in breaches:
            first.setdefault(breach.metric, breach)
        return "; ".join(_said(breach) for breach in first.values())


_NAMES = {
    "error_rate": "failed requests",
    "slow": "requests slower than the p95 limit",
    "slower_than_before": "requests slower than the old version's p95",
}


def _said(breach: Breach) -> str:
    share = breach.seen.events / max(breach.seen.requests, 1)
    against = "the limit" if breach.against == "limit" else "the old version"
    return (
        f"{breach.seen.events} of {breach.seen.requests} {_NAMES[breach.metric]} ({share:.1%}), "
        f"more than {breach.limit:.2%} allowed by {against}"
    )
