"""The watch over a new version: what to count, how often, and which limits it must not break."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from tasks.samples import Names
from tminus.clock import Duration
from tminus.expectation import Expectation
from tminus.runbook import Spec
from tminus.watch_tests import Limits

_MEASURES = {"error_rate": "%", "p95": "ms"}


class ReleaseWatch(Spec):
    """Watches the serving version from the switch on, and says when it is bad.

    What is not measured is never taken for zero: a counter without the status label, no histogram where p95 is
    expected, or one without a bucket that ends at the limit, make a sample missing, and say why. Time in which nobody
    watched does not count: the watch lasts that much longer.

    Attributes:
        service: whose.
        lasts: how long, on the countdown's clock (`for:` in a book).
        every: the sampling interval, in real time.
        min_requests: below this many there is no verdict.
        alpha: the chance that a good release is ever accused, over the whole watch.
        tolerate_errors: by how much more than the old version's share of failed requests is accepted.
        tolerate_slow: by how much more requests may be slower than the old version's own p95.
        probes: requests sent to the old version's `control` path each sample, to tell an outside cause.
        missing_after: how many samples in a row may be missing before there is no data.
        requests: the counter of requests; one series a status.
        duration: the histogram of durations, in seconds; a p95 limit must be the bound of one of its buckets.
        status: the counter's label that holds the HTTP status.
        labels: only series with these labels count.
        expect: error_rate and p95, the absolute limits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    verb: ClassVar[str] = "watch"
    measures: ClassVar[dict[str, str]] = _MEASURES

    kind: Literal["release.watch"] = "release.watch"
    service: str
    lasts: Duration = Field(alias="for")
    every: Duration = timedelta(milliseconds=500)
    min_requests: int = Field(default=100, ge=1)
    alpha: float = Field(default=0.01, gt=0, lt=1)
    tolerate_errors: float = Field(default=0.005, ge=0, lt=1)
    tolerate_slow: float = Field(default=0.15, ge=0, lt=1)
    probes: int = Field(default=6, ge=1)
    missing_after: int = Field(default=4, ge=1)
    requests: str = "http_requests_total"
    duration: str = "http_request_duration_seconds"
    status: str = "status"
    labels: dict[str, str] = Field(default_factory=dict)
    expect: dict[str, Expectation] = Field(min_length=1)

    @field_validator("expect")
    @classmethod
    def _watched_here(cls, expect: dict[str, Expectation]) -> dict[str, Expectation]:
        for name, expectation in expect.items():
            unit = _MEASURES.get(name)
            if unit is None or expectation.limit is None or not expectation.limit.same_kind(unit):
                raise ValueError(
                    f"{name}: {expectation} cannot be watched; error_rate: '< 0.1 %' and p95: '< 200 ms' can"
                )
            if expectation.sign not in {"<", "<="}:
                raise ValueError(f"{name}: a watch wants an upper limit, such as '< {expectation.limit_text}'")
        return expect

    @property
    def names(self) -> Names:
        """What the metrics are called."""
        return Names(self.requests, self.duration, self.status, self.labels)

    def limits(self) -> Limits:
        """The limits as shares of requests: p95 < 200 ms says that at most 5 % take longer than 200 ms."""
        errors, p95 = self.expect.get("error_rate"), self.expect.get("p95")
        return Limits(
            error_rate=float(errors.limit.within("")) if errors and errors.limit else None,
            slow_over=float(p95.limit.within("s")) if p95 and p95.limit else None,
            alpha=self.alpha,
            min_requests=self.min_requests,
            tolerate_errors=self.tolerate_errors,
            tolerate_slow=self.tolerate_slow,
        )
