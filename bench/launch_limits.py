"""What bench.launch measures, each figure with its limit and where the limit comes from.

- A decision has moved the launch on within 3 s, as its press is acknowledged within 3 s: what Slack waits before it
  shows whoever pressed a warning (docs.slack.dev/interactivity/handling-user-interaction). Whoever decides sees the
  launch move as soon as Slack would have called the button dead.
- From the first bad request to the decision: 10 samples, within which bench.watch finds 99 % of such releases, and the
  one in which the first bad request lies, at the book's `every`.
- From the decision to the way back: one sample, in which a burst of requests asks the old version, and a second to
  write down.
- From the first bad request to the last one: both of these, and what nginx gives an old worker to end its connections
  (`worker_shutdown_timeout` in nginx.conf.template).
- Failed requests: what customers send in that time, times the share that the fault fails.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

SLACK_WAITS_MS = 3000.0
SAMPLING_MS = 500.0  # the book's `every`
WITHIN_SAMPLES = 10  # bench.watch's WITHIN
WORKERS_END_MS = 5000.0
CUSTOMERS_PER_S = 60.0  # trading_estate.Trading.start_traffic
FAILING = 0.2  # of the requests to the release of the fault bad-release
DECIDE_MS = (WITHIN_SAMPLES + 1) * SAMPLING_MS
GO_BACK_MS = SAMPLING_MS + 1000.0
LAST_BAD_MS = DECIDE_MS + GO_BACK_MS + WORKERS_END_MS
FAILED = LAST_BAD_MS / 1000.0 * CUSTOMERS_PER_S * FAILING


@dataclass(frozen=True)
class Figure:
    """One measured number that must not be above its limit."""

    figure: str
    value: float
    unit: str
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is not."""
        return self.value <= self.limit

    def line(self) -> str:
        """As one line of JSON."""
        told = {**asdict(self), "value": round(self.value, 2), "goal": f"<= {self.limit:g}", "holds": self.holds}
        del told["limit"]
        return json.dumps(told)


@dataclass(frozen=True)
class WayBack:
    """A bad release, from its first bad request to its last.

    Attributes:
        onset, last_bad: when the first and the last bad request was sent, by the traffic's own record (Unix seconds).
        decided: when the sample that decided was taken, and `undone` when the way back began (Unix seconds).
        failed: how many requests failed.
    """

    onset: float
    decided: float
    undone: float
    last_bad: float
    failed: int

    def figures(self) -> Iterator[Figure]:
        """Each with its limit."""
        yield Figure("onset_to_decision_ms", (self.decided - self.onset) * 1000.0, "ms", DECIDE_MS)
        yield Figure("decision_to_rollback_ms", (self.undone - self.decided) * 1000.0, "ms", GO_BACK_MS)
        yield Figure("onset_to_last_bad_ms", (self.last_bad - self.onset) * 1000.0, "ms", LAST_BAD_MS)
        yield Figure("requests_failed", self.failed, "requests", FAILED)


def decisions(moved_on: Sequence[float], acknowledged: Sequence[float]) -> Iterator[Figure]:
    """Both in seconds, one of each a decision."""
    count = len(moved_on)
    yield Figure("decision_to_next_step_ms.p99", p99(moved_on) * 1000.0, f"ms, of {count} decisions", SLACK_WAITS_MS)
    yield Figure("press_acknowledged_ms.p99", p99(acknowledged) * 1000.0, f"ms, of {count} presses", SLACK_WAITS_MS)


def p99(values: Sequence[float]) -> float:
    """The 99th percentile, by nearest rank."""
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))]
