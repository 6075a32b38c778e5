"""Does Prometheus scrape what it should, does it have the metrics, and how long does it keep them?"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from tasks.check import Check
from tasks.estate import Estate
from tasks.prometheus_api import PrometheusApi, Target
from tasks.prometheus_duration import read_duration
from tminus.clock import now
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines of details
_TEXT = 120  # characters of an error there

Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Targets(Check, frozen=True):
    """How many targets of the named jobs are up, and how long ago the oldest of them was scraped.

    `jobs` counts the jobs that have a target which is up. A target that was never scraped counts from the year 1.

    Attributes:
        jobs: by the label `job` of their targets.
    """

    kind: Literal["prometheus.targets"] = "prometheus.targets"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"up": "", "jobs": "", "scraped": "s"}

    jobs: tuple[str, ...] = Field(min_length=1)

    async def look(self, estate: Estate) -> Observation:
        """Reads the active targets."""
        prometheus = PrometheusApi(estate.api("prometheus"))
        targets = [target for target in await prometheus.targets() if target.job in self.jobs]
        up = Counter(target.job for target in targets if target.health == "up")
        at = now()
        found = [
            Measurement.number("up", up.total(), of=len(targets)),
            Measurement.number("jobs", len(up), of=len(set(self.jobs))),
        ]
        if targets:
            oldest = max((at - target.scraped).total_seconds() for target in targets)
            found.append(Measurement.number("scraped", round(max(oldest, 0.0), 3), "s"))
        missing = [f"job {job} has no target" for job in self.jobs if job not in {target.job for target in targets}]
        faults = [*missing, *(_fault(target) for target in targets if target.health != "up")]
        return Observation(
            found=tuple(found),
            where=prometheus.where,
            details=tuple(faults[:_SHOWN]),
            because=faults[0] if faults else "",
        )


def _fault(target: Target) -> str:
    said = f"job {target.job}: {target.labels.get('instance', 'a target')[:_TEXT]} is {target.health[:_TEXT]}"
    return f"{said} ({target.error[:_TEXT]})" if target.error else said


class Metrics(Check, frozen=True):
    """How many of the metrics have a series now, which is a sample within 5 minutes that was not marked as gone.

    A histogram or summary is present under its own name where its buckets or its sum are.

    Attributes:
        metrics: their names.
        labels: labels that the series must have besides.
    """

    kind: Literal["prometheus.metrics"] = "prometheus.metrics"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"present": ""}

    metrics: tuple[str, ...] = Field(min_length=1)
    labels: dict[Label, str] = Field(default_factory=dict)

    async def look(self, estate: Estate) -> Observation:
        """One instant query for each."""
        prometheus = PrometheusApi(estate.api("prometheus"))
        absent = [name for name in self.metrics if not await prometheus.numbers(self._query(name))]
        return Observation(
            found=(Measurement.number("present", len(self.metrics) - len(absent), of=len(self.metrics)),),
            where=prometheus.where,
            details=tuple(f"no series of {name}" for name in absent[:_SHOWN]),
            because=f"no series of {', '.join(absent[:_SHOWN])}" if absent else "",
        )

    def _query(self, name: str) -> str:
        matchers = [f"__name__=~{_quoted(f'{re.escape(name)}(_bucket|_sum)?')}"]
        matchers += [f"{label}={_quoted(value)}" for label, value in self.labels.items()]
        return f"count({{{','.join(matchers)}}})"


def _quoted(text: str) -> str:
    """A PromQL string: https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Retention(Check, frozen=True):
    """How long Prometheus keeps what it has, by its own word.

    Where it is limited by size alone, how long that lasts cannot be told, and the outcome is unknown. Where it is
    limited by both, `retention` is the time, and the details name the size, which may be reached earlier.
    """

    kind: Literal["prometheus.retention"] = "prometheus.retention"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"retention": "d"}

    async def look(self, estate: Estate) -> Observation:
        """Reads what is in force, which the command line or the configuration may have set."""
        prometheus = PrometheusApi(estate.api("prometheus"))
        said = await prometheus.retention()
        times, others = [], []
        for part in said[:_TEXT].split(" or "):
            try:
                times.append(read_duration(part))
            except ValueError:
                others.append(f"also limited to {part}, which may be reached earlier" if part else "")
        found = [Measurement.number("retention", min(times) / timedelta(days=1), "d")] if times else []
        return Observation(
            found=tuple(found), where=prometheus.where, details=(f"keeps {said[:_TEXT]}", *filter(None, others))
        )
