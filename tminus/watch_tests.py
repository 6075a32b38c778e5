"""The watch's verdict, from its recorded samples alone: after a crash, replaying them gives it back."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from tminus import events as ev
from tminus.binomial import Tally, at_least_chance
from tminus.sequential import AtMost, Baseline, Breach, Watch

_P95 = 0.05  # the share of requests that may take longer than a p95 limit
_OLD_ALPHA = 0.05  # the chance of calling the old version bad when it is just within the limit
_NOTHING = Tally(0, 0)
_AS_BAD = 3  # an old version that fails less than a third as often does not excuse the new one


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
    """How the old version did before the watch.

    Attributes:
        slower_than: seconds: the upper edge of the bucket that holds its p95; 0 where that is not known.
        slower: how many of its requests took longer than that.
        choices: among how many bounds `slower_than` was chosen.
        probe_slowest: seconds that the slowest of the first probes took, seen from here; 0 where none was answered.
    """

    requests: int = 0
    failed: int = 0
    slower_than: float = 0.0
    slower: int = 0
    choices: int = 1
    probe_slowest: float = 0.0


@dataclass
class Verdict:
    """What the samples so far say.

    Attributes:
        onset: the first sample of what led to the breach.
        old_is_bad: everything that the new version is blamed for shows in the old one too.
    """

    breaches: tuple[Breach, ...]
    onset: ev.Sample | None
    old_is_bad: bool


def _events(metric: str, sample: ev.Sample) -> tuple[int, int]:
    """How many requests of the new version, and how many probes of the old one, were what a metric counts."""
    match metric:
        case "error_rate":
            return sample.failed, sample.probes_failed
        case "slow":
            return sample.slow, sample.probes_slow
        case _:
            return sample.slower_than_before, sample.probes_slower_than_before


class _Run:
    """What both versions showed since a test's evidence stood lowest: if something went wrong, it did so then.

    The change point of Page 1954, "Continuous inspection schemes", Biometrika 41(1/2). What lies before, be it a
    hiccup or hours of quiet, says nothing about the two versions now.
    """

    def __init__(self, evidence: float) -> None:
        self._lowest = evidence
        self._forget()

    def _forget(self) -> None:
        self.onset: ev.Sample | None = None
        self.new = self.old = _NOTHING

    def feed(self, metric: str, sample: ev.Sample, test: AtMost) -> None:
        """Takes a sample in that the test has taken in already."""
        if not test.breached and test.log_evidence <= self._lowest:
            self._lowest = test.log_evidence
            self._forget()
            return
        new, old = _events(metric, sample)
        self.onset = self.onset or sample
        self.new += Tally(sample.requests, new)
        self.old += Tally(sample.probes, old)

    def old_breaks(self, limit: float) -> bool:
        """Whether the old version breaks this limit too, and does not do far better than the new one."""
        as_bad = self.old.events * self.new.requests * _AS_BAD >= self.new.events * self.old.requests
        return as_bad and at_least_chance(self.old, limit) <= _OLD_ALPHA


class WatchTests:
    """All tests of a watch, fed with samples in order.

    Attributes:
        watch: the tests themselves.
        requests, failed: of the new version, in all samples.
        missing_in_a_row: how many samples up to the last could not be taken whole.
    """

    def __init__(self, limits: Limits, old: OldVersion) -> None:
        absolute = {"error_rate": limits.error_rate, "slow": _P95 if limits.slow_over else None}
        known = {name: limit for name, limit in absolute.items() if limit is not None}
        baselines = {}
        if old.requests:
            baselines["error_rate"] = Baseline(Tally(old.requests, old.failed), limits.tolerate_errors)
        if old.requests and old.slower_than:
            slower = Tally(old.requests, min(old.slower, old.requests))
            baselines["slower_than_before"] = Baseline(slower, limits.tolerate_slow, old.choices)
        self.watch = Watch(known, baselines, alpha=limits.alpha, minimum=limits.min_requests)
        self._watched = {*known, *baselines}
        self._runs = {key: _Run(test.log_evidence) for key, test in self.watch.tests.items()}
        self._old, self._probes = old, 0
        self.requests = 0
        self.failed = 0
        self.missing_in_a_row = 0

    def feed(self, samples: Iterable[ev.Sample]) -> Verdict:
        """Takes samples in; returns what all of them so far say."""
        for sample in samples:
            self._feed(sample)
        breaches = tuple(self.watch.breaches)
        onsets = [run.onset for run in map(self._run, breaches) if run.onset]
        return Verdict(breaches, min(onsets, key=lambda one: one.at, default=None), self._old_is_bad(breaches))

    def _feed(self, sample: ev.Sample) -> None:
        self.missing_in_a_row = self.missing_in_a_row + 1 if sample.missing else 0
        self.requests += sample.requests
        self.failed += sample.failed
        self._probes += sample.probes
        self.watch.add({name: Tally(sample.requests, _events(name, sample)[0]) for name in self._watched})
        for (metric, against), test in self.watch.tests.items():
            self._runs[metric, against].feed(metric, sample, test)

    def _run(self, breach: Breach) -> _Run:
        return self._runs[breach.metric, breach.against]

    def _old_is_bad(self, breaches: tuple[Breach, ...]) -> bool:
        """Whether everything the new version is blamed for shows in the old one too: then the cause lies outside.

        The old version is asked the very questions that the new one failed, with its probes since then. Who is blamed
        for two limits of one metric is excused by either; an old version that is merely slow excuses no failures. In
        doubt the release is to blame: a rollback that was not needed is cheap.
        """
        blamed = {breach.metric for breach in breaches}
        return bool(blamed) and blamed == {
            breach.metric for breach in breaches if self._run(breach).old_breaks(breach.limit)
        }

    @property
    def caveats(self) -> str:
        """In words: what could not be compared, to be said after a verdict; empty where all could."""
        said = []
        if not self._old.requests:
            said.append("not compared with the old version, which shows no requests")
        elif not self._old.slower_than:
            said.append("latency not compared with the old version's, whose p95 is not known")
        if not self._probes:
            said.append("the old version could not be asked, so an outside cause would not be told from the release")
        return "".join(f"; {one}" for one in said)

    def why(self, breaches: Iterable[Breach]) -> str:
        """In words: which number, against what; once for a metric that breaks both its limits."""
        first: dict[str, Breach] = {}
        for breach in breaches:
            first.setdefault(breach.metric, breach)
        return "; ".join(_said(breach) for breach in first.values())


_NAMES = {
    "error_rate": "failed",
    "slow": "were slower than the p95 limit",
    "slower_than_before": "were slower than the old version's p95",
}


def _said(breach: Breach) -> str:
    share = breach.seen.events / max(breach.seen.requests, 1)
    against = "the limit" if breach.against == "limit" else "the old version"
    return (
        f"{breach.seen.events} of {breach.seen.requests} requests {_NAMES[breach.metric]} ({share:.1%}), "
        f"more than {breach.limit:.2%} allowed by {against}"
    )
