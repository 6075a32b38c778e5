"""k6's summary, as `--summary-export` writes it or as a script's handleSummary does.

See https://grafana.com/docs/k6/latest/results-output/end-of-test/.
"""

from pydantic import BaseModel, ConfigDict, Field

from tasks.artifact_files import ArtifactFile
from tasks.artifact_values import measured
from tasks.load_result import Amount, LoadResult
from tminus.errors import CouldNotObserve

_WHAT = "a k6 summary"


class _Values(BaseModel):
    """A metric's numbers. `--summary-export` calls a rate `value`, handleSummary `rate`."""

    model_config = ConfigDict(populate_by_name=True)

    med: Amount | None = None
    p50: Amount | None = Field(alias="p(50)", default=None)
    p95: Amount | None = Field(alias="p(95)", default=None)
    p99: Amount | None = Field(alias="p(99)", default=None)
    count: Amount | None = None
    rate: Amount | None = None
    value: Amount | None = None
    max: Amount | None = None
    passes: Amount | None = None
    fails: Amount | None = None


class _Metric(_Values):
    values: _Values | None = None

    @property
    def numbers(self) -> _Values:
        """They stand in `values` where handleSummary wrote them."""
        return self.values or self


class _Metrics(BaseModel):
    duration: _Metric | None = Field(alias="http_req_duration", default=None)
    requests: _Metric | None = Field(alias="http_reqs", default=None)
    failed: _Metric | None = Field(alias="http_req_failed", default=None)
    users: _Metric | None = Field(alias="vus", default=None)
    checks: _Metric | None = None


class _Stage(BaseModel):
    duration: str
    target: Amount


class _Scenario(BaseModel):
    start: Amount = Field(alias="startVUs", default=0)
    stages: list[_Stage] = []

    def ramp(self) -> float | None:
        """Seconds until the most users are wanted; None where nothing ramps up."""
        most = max((stage.target for stage in self.stages), default=0)
        passed = 0.0
        for stage in self.stages:
            length = measured("seconds", stage.duration, "a stage's duration").quantity
            passed += float(length.value) if length else 0
            if stage.target == most and most > self.start:
                return passed
        return None


class _Options(_Scenario):
    scenarios: dict[str, _Scenario] | None = None


class _State(BaseModel):
    milliseconds: Amount = Field(alias="testRunDurationMs")


class _Summary(BaseModel):
    metrics: _Metrics
    options: _Options = _Options()
    state: _State | None = None


def read(file: ArtifactFile) -> LoadResult:
    """What a summary says.

    p99 is in it only where the test asked for it (`summaryTrendStats`), and the ramp only where its script put its
    own options there (`options: exec.test.options` in handleSummary), since k6 leaves them out. Raises CouldNotObserve
    where it is no summary, or no request was made.
    """
    summary = file.parsed(_Summary, _WHAT)
    requests, failed, took = summary.metrics.requests, summary.metrics.failed, summary.metrics.duration
    if requests is None or failed is None or took is None:
        raise CouldNotObserve(
            f"{file.name} has no http_reqs, http_req_failed and http_req_duration; were there requests?"
        )
    count, rate = requests.numbers.count, requests.numbers.rate
    if not count:
        raise CouldNotObserve(f"{file.name} says that no request was made")
    users = summary.metrics.users  # vus_max only says how many k6 was ready for
    times = took.numbers
    return LoadResult.of(
        file.name,
        requests=count,
        errors=_failed_share(failed.numbers, file.name) * 100,
        rate=rate,
        p50=times.med if times.med is not None else times.p50,
        p95=times.p95,
        p99=times.p99,
        users=users.numbers.max if users else None,
        ramp=_ramp(summary.options),
        checks_failed=_failed_checks(summary.metrics.checks, file.name),
        duration=summary.state.milliseconds / 1000 if summary.state else count / rate if rate else None,
    )


def _failed_share(failed: _Values, name: str) -> float:
    """By its counts, of which `passes` are the failed ones, since the metric asks whether a request failed."""
    if failed.passes is not None and failed.fails is not None and failed.passes + failed.fails:
        return failed.passes / (failed.passes + failed.fails)
    share = failed.rate if failed.rate is not None else failed.value
    if share is None or share > 1:
        raise CouldNotObserve(f"{name} does not say which share of the requests failed")
    return share


def _failed_checks(checks: _Metric | None, name: str) -> float:
    """None failed where the script has none."""
    if checks is None:
        return 0
    if checks.numbers.fails is None:
        raise CouldNotObserve(f"{name} does not say how many of its checks failed")
    return checks.numbers.fails


def _ramp(options: _Options) -> float | None:
    ramps = [each.ramp() for each in (options, *(options.scenarios or {}).values())]
    return max((ramp for ramp in ramps if ramp is not None), default=None)
