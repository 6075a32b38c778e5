"""Error rate and latency, from what the instances themselves count."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.check import Check
from tasks.estate import Estate
from tasks.instances import Pool, discover
from tasks.samples import Names, Scraped, Totals, difference, restarted, scrape, total
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact, Service
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_CLOCK_ERROR = 1.0  # seconds; Linux knows the time of its boot, and so of a process's start, to the second
_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


class Scrape(Check, frozen=True):
    """Reads `/metrics` of every discovered instance, and judges what was counted between two looks.

    An instance that does not answer, or fewer than `minimum` requests, makes the outcome unknown: no requests are no
    good news. The counters of an instance that restarted in between count from zero. `restarted` says how many did:
    between the two looks, or since nginx's include file was last changed, which is since the switch; it is left out
    where an instance does not say when it started. Quantiles are interpolated inside
    histogram buckets, as Prometheus does (`Totals.quantile`); one that lies above the last finite bound can show a
    breach and cannot show a pass.

    Attributes:
        service: whose instances.
        pool: the instances that serve, or those of the idle pool.
        since: `now` judges what happens from now on, for `over`; `start` what happened since each process started.
        over: how long lies between the two looks, in real time.
        minimum: requests below which there is no verdict.
        requests: the counter of requests; one series a status.
        duration: the histogram of durations, in seconds.
        status: the counter's label that holds the HTTP status.
        labels: only series with these labels count.
        within: how long an answer is waited for.
    """

    kind: Literal["metrics.scrape"] = "metrics.scrape"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "error_rate": "%",
        "p50": "ms",
        "p95": "ms",
        "p99": "ms",
        "rate": "requests/s",
        "requests": "",
        "instances": "",
        "restarted": "",
    }

    service: str
    pool: Pool = "serving"
    since: Literal["now", "start"] = "now"
    over: Duration = timedelta(seconds=2)
    minimum: Annotated[int, Field(ge=1)] = 1
    requests: str = "http_requests_total"
    duration: str = "http_request_duration_seconds"
    status: str = "status"
    labels: dict[str, str] = Field(default_factory=dict)
    within: Duration = timedelta(seconds=3)

    async def look(self, estate: Estate) -> Observation:
        """Scrapes once or twice; twice, with `over` in between."""
        service = estate.service(self.service)
        addresses = (await discover(service.nginx)).of(self.pool)
        first, began = await self._scrape(estate, service, addresses), monotonic()
        if self.since == "start":
            anew = _started_since_switch(first, service) if self.pool == "serving" else None
            return self._seen(first, _rate_since_start(first), anew, service.front)
        await asyncio.sleep(self.over.total_seconds())
        second, took = await self._scrape(estate, service, addresses), monotonic() - began
        counted = {address: difference(first[address], second[address]) for address in addresses}
        anew = [address for address in addresses if restarted(first[address], second[address])]
        return self._seen(counted, total(counted.values()).requests / took, anew, service.front)

    async def _scrape(self, estate: Estate, service: Service, addresses: Sequence[str]) -> Scraped:
        names = Names(self.requests, self.duration, self.status, self.labels)
        found = await scrape(estate.http, addresses, service.metrics, self.within.total_seconds(), names)
        if found.missing:
            said = "; ".join(f"{address}: {why}" for address, why in found.missing.items())
            raise CouldNotObserve(f"no metrics from {len(found.missing)} of {len(addresses)} instances: {said}")
        return found

    def _seen(
        self, counted: Mapping[str, Totals], rate: float | None, anew: Sequence[str] | None, where: str
    ) -> Observation:
        whole = total(counted.values())
        if whole.requests < self.minimum:
            span = "since they started" if self.since == "start" else f"within {show_duration(self.over)}"
            raise CouldNotObserve(
                f"{len(counted)} instances counted {whole.requests} requests {span}, and a verdict wants at least "
                f"{self.minimum}: send traffic, or look for longer"
            )
        found = [
            Measurement.number("error_rate", whole.errors / whole.requests * 100, "%"),
            Measurement.number("requests", whole.requests),
            Measurement.number("instances", len(counted)),
        ]
        if anew is not None:
            found.append(Measurement.number("restarted", len(anew), of=len(counted)))
        if rate is not None:
            found.append(Measurement.number("rate", round(rate, 3), "requests/s"))
        return Observation(
            found=(*found, *self._quantiles(whole)),
            where=where,
            details=tuple(_line(address, part, address in (anew or ())) for address, part in counted.items()),
            because=f"restarted: {', '.join(anew)}" if anew else "",
        )

    def _quantiles(self, whole: Totals) -> list[Measurement]:
        """In ms. Raises CouldNotObserve where one is only known to be high, and high enough is not known."""
        measured = []
        for name, share in _SHARES.items():
            if (quantile := whole.quantile(share)) is None:
                continue
            found = Measurement.number(name, quantile.seconds * 1000, "ms")
            expected = self.expect.get(name)
            if quantile.unbounded and expected is not None and expected.holds(found):
                raise CouldNotObserve(f"{name} is above the last finite bucket of {self.duration} ({found.quantity})")
            measured.append(found)
        return measured


def _rate_since_start(found: Scraped) -> float | None:
    """Requests a second over each instance's lifetime; None where one does not say when it started."""
    at = now().timestamp()
    rates = [part.requests / (at - part.started) for part in found.values() if part.started and at > part.started]
    return sum(rates) if len(rates) == len(found) else None


def _started_since_switch(found: Scraped, service: Service) -> list[str] | None:
    """Whose process is younger than what sends it traffic, so that what it counted before is lost."""
    include = service.nginx.include
    try:
        switched = include.stat().st_mtime
    except OSError as e:
        raise CouldNotObserve(f"{include}: {e.strerror}, so nobody knows since when these instances serve") from e
    if any(part.started is None for part in found.values()):
        return None
    return [
        address
        for address, part in found.items()
        if part.started is not None and part.started > switched + _CLOCK_ERROR
    ]


def _line(address: str, part: Totals, anew: bool) -> str:
    shown = [f"{part.requests} requests", f"{part.errors} of them 5xx"]
    if (quantile := part.quantile(_SHARES["p95"])) is not None:
        upper = "no bound" if quantile.unbounded else f"{quantile.high * 1000:g} ms"
        shown.append(f"p95 between {quantile.low * 1000:g} ms and {upper}")
    if anew:
        shown.append("restarted meanwhile")
    return f"{address}: {', '.join(shown)}"
